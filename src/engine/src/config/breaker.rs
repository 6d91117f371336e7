//! Breakers, as they are written in the registry.

use serde::{Deserialize, Serialize};

pub use crate::breaker::Failure;

/// When calls are kept away from something that fails, and for how long.
///
/// Once there were `failures` of them `within` the time, every call is refused at once while it is
/// `open`. Then some calls pass as probes: as many successes close it, and one failure opens it
/// again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// How many failures open it. 5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// In which time they are counted: `10s`, `1m`, `1h`. A minute by default. Windows begin with
    /// the clock's, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Which part of all calls in that time has to fail as well: `0.5` is half of them. Without it,
    /// the number alone counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// For how long it refuses every call: `500ms`, `30s`, `2m`. 30 seconds by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// How many calls at once may then find out whether it is well, and how many have to succeed. 1
    /// by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
    /// An answer that takes longer counts as a failure: `5s`. Without it, answers may take long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<String>,
    /// Which failures count. Without it, all of a tool, a resource or a prompt; of a server all but
    /// `tool_error`: what one tool cannot do says nothing about its neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}
