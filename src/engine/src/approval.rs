//! What the filter and the approval service say to each other: `POST /v1/asks`.
//!
//! One verb, and repeating it is safe: the first ask opens an approval, the same ask while that is
//! pending finds it again, and one ask after it was granted uses it up. Which asks are the same is
//! told by [`Ask::fingerprint`], so there is no token to carry and nothing to forge.

mod answer;
mod fingerprint;
mod mask;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use answer::{MAX_ANSWER, is_id};
pub use fingerprint::{Fingerprint, Inexact, Payload};

/// May this call be made? An approval is bound to the fingerprint and to nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// What is used: a tool, unless it says otherwise.
    #[serde(default)]
    pub kind: Kind,
    /// Its name, as agents know it.
    pub tool: String,
    /// The version of its contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<String>,
    /// The arguments: exactly what will be executed.
    pub arguments: Payload,
    /// What the user has told the server on its request (MCP 2026-07-28, "Multi Round-Trip
    /// Requests"), where the call brings it: it is executed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<Payload>,
    /// JSON Pointers (RFC 6901) into `arguments`: values that are masked before most people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// The person on whose behalf the call is made; may not approve it, unless asked to confirm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent that calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The environment, as the policy names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Who has to approve; all of them, in any order, and nobody counts twice.
    pub needs: Vec<Need>,
    /// For how many seconds the ask may wait, and its approval may be used; absent: as long as the
    /// service is configured to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// The rule that asks for the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The policy that holds the rule.
    pub policy_version: String,
    /// The server that will execute the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What it does, as agents are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it does to data: `read` or `write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// What kind of data it touches, in the registry's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<String>,
    /// How much harm a wrong use can do: `low`, `medium` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_tier: Option<String>,
    /// Why the agent wants it, in its own words (`params._meta`): nobody has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_reason: Option<String>,
    /// The HTTP request, as Envoy numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace (W3C) it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// What is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Called with `tools/call`.
    #[default]
    Tool,
    /// Read with `resources/read`.
    Resource,
    /// Fetched with `prompts/get`.
    Prompt,
}

/// Approvals that an ask needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Who may give them.
    pub approver: Approver,
    /// How many different people have to; at least 1.
    #[serde(default = "one")]
    pub approvals: u32,
}

/// Who may decide about an ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Anybody who holds this role.
    Role(String),
    /// The user of the call: a confirmation.
    User,
}

/// What the approval service says; anything else counts as no answer, and no answer is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Answer {
    /// Granted, and used up by this very answer.
    Approved(Decision),
    /// Refused, or granted and revoked before it was used.
    Denied(Decision),
    /// Nobody has decided yet.
    Pending {
        /** The approval. */
        id: String,
        /** The page where it is decided. */
        url: String,
    },
}

/// Who decided, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision {
    /// The approval.
    pub id: String,
    /// Who decided; where several had to, the last of them.
    pub approver: String,
    /// When (RFC 3339).
    pub at: String,
    /// Why, in the approver's words; a refusal has a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Approver {
    /// The role that decides, if a role does.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Role(role) => Some(role),
            Self::User => None,
        }
    }
}

impl Need {
    /// Each approval by who gives it: a role, or `user`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let name = self.approver.role().unwrap_or("user");
        (0..self.approvals).map(move |_| name)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.approver, self.approvals) {
            (Approver::User, _) => f.write_str("the user"),
            (Approver::Role(role), 1) => f.write_str(role),
            (Approver::Role(role), n) => write!(f, "{n} people with the role {role}"),
        }
    }
}

const fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests;
