//! Where limits are counted that all Envoys share.

use serde::{Deserialize, Serialize};

use super::is_default;

/// The rate-limit service that counts limits of `scope: global`, for all Envoys that ask it. Envoy
/// asks it, by its own `ratelimit` filter after Toolgate's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitService {
    /// The Envoy cluster that reaches it, by HTTP/2; without it, `toolgate-ratelimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Where it is, for `toolgate run` and `toolgate render`: `http://127.0.0.1:8081`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The domain under which it keeps these limits; without it, `toolgate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How long it may take to answer; without it, `250ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What becomes of calls that it does not count, because it cannot be reached: `deny`, by
    /// default, or `allow`, and the audit record says so.
    #[serde(skip_serializing_if = "is_default")]
    pub failure_mode: FailureMode,
    #[serde(skip)]
    pub(crate) at: String,
}

/// What becomes of calls that cannot be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FailureMode {
    /// They are refused.
    #[default]
    Deny,
    /// They pass.
    Allow,
}

impl FailureMode {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}
