//! Where approvals are asked for.

use serde::{Deserialize, Serialize};

/// The service that is asked for approvals. Without it nobody can be asked: calls that need an
/// approval are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Approvals {
    /// The Envoy cluster that reaches it; without it, `toolgate-approvals`. The secret that the
    /// service expects is added there, so that it is in no bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How long it may take to answer, beyond the `wait` of a rule; without it, `2s`. Then the call
    /// is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Where it is, for `toolgate run` and `toolgate render`: `http://127.0.0.1:8181`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip)]
    pub(crate) at: String,
}
