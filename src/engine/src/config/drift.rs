//! What becomes of what a server announces otherwise than it was reviewed.

use serde::{Deserialize, Serialize};

/// What agents see of an entry whose server announces it otherwise than it was reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// Nothing: it is in no list, and cannot be used until the server announces it as it was
    /// reviewed, or somebody reviews it again.
    Hide,
    /// The registry's words, as if nothing had changed.
    #[default]
    Replace,
    /// The server's words, of which audit tells that they are new.
    Allow,
}

impl Drift {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hide => "hide",
            Self::Replace => "replace",
            Self::Allow => "allow",
        }
    }
}
