//! What the filter and the approval service say to each other: `POST /v1/asks`.
//!
//! One verb, and repeating it is safe: the first ask opens an approval, the same ask while that is
//! pending finds it again, and one ask after it was granted uses it up.

use serde::{Deserialize, Serialize};

/// May this call be made? An approval is bound to the fingerprint and to nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// SHA-256, in hex, over the canonical form (RFC 8785) of tool, contract version, arguments,
    /// user, agent, tenant and environment. Never of the JSON-RPC id.
    pub fingerprint: String,
    /// The tool as agents know it.
    pub tool: String,
    /// The arguments: exactly what will be executed.
    pub arguments: serde_json::Value,
    /// The person on whose behalf the call is made; may not approve it, unless asked to confirm.
    pub user: Option<String>,
    /// The agent that calls.
    pub agent: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The rule that asks for the approval.
    pub rule: Option<String>,
    /// The policy that holds the rule.
    pub policy_version: String,
    /// Who may decide.
    pub approver: Approver,
}

/// Who may decide about an ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Anybody who holds this role.
    Role(String),
    /// The user of the call: a confirmation.
    User,
}

/// What the approval service says; anything else counts as no answer, and no answer is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Answer {
    /// Granted, and used up by this very answer.
    Approved {
        /** The approval. */
        id: String,
        /** Who granted it. */
        approver: String,
    },
    /// Refused.
    Denied {
        /** The approval. */
        id: String,
        /** Why, in the approver's words. */
        reason: String,
    },
    /// Nobody has decided yet.
    Pending {
        /** The approval. */
        id: String,
        /** The page where it is decided. */
        url: String,
    },
}
