//! What servers speak, and what they may say.

use serde::{Deserialize, Serialize};

/// What a server may ask of a client while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ServerRequest {
    /// To ask its model.
    #[serde(rename = "sampling/createMessage")]
    Sampling,
    /// To ask its user.
    #[serde(rename = "elicitation/create")]
    Elicitation,
    /// Where its files are.
    #[serde(rename = "roots/list")]
    Roots,
}

/// The protocol versions that a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Protocol {
    /// Whatever the client speaks.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// With sessions: 2025-11-25 and before.
    #[serde(rename = "2025-11-25")]
    V2025_11_25,
    /// Without sessions: 2026-07-28.
    #[serde(rename = "2026-07-28")]
    V2026_07_28,
    /// None: it speaks plain HTTP, and its tools say what their calls become.
    #[serde(rename = "http")]
    Http,
}

impl ServerRequest {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Sampling, Self::Elicitation, Self::Roots];

    /// The request with this method.
    #[must_use]
    pub fn named(method: &str) -> Option<Self> {
        match method {
            "sampling/createMessage" => Some(Self::Sampling),
            "elicitation/create" => Some(Self::Elicitation),
            "roots/list" => Some(Self::Roots),
            _ => None,
        }
    }
}
