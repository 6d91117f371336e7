//! The terms in which a record tells what happened.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Metric, clip};
use crate::{
    approval::Answer,
    breaker::Phase,
    config::{Effect, FailureMode},
    inject::{Action, Rule},
};

/// Metadata of arguments: what can be told without telling a value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arguments {
    /// Names of the top-level members, at most 64.
    pub keys: Vec<String>,
    /// Size of the JSON text.
    pub bytes: usize,
    /// SHA-256 of the canonical form (RFC 8785).
    pub digest: String,
    /// All of them, where a rule wants that, without what is taken out of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    /// They are too large to be here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub values_omitted: bool,
}

/// A result that broke its contract.
#[derive(Clone, Debug, Serialize)]
pub struct Contract {
    /// `invalid`: it breaks the schema; `missing`: it has nothing structured; `changed`: it breaks it
    /// since values were taken out of it.
    pub reason: &'static str,
    /// SHA-256 of the result as it came.
    pub digest: String,
}

/// What was left out of a result to keep its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Bytes of text.
    #[serde(skip_serializing_if = "is_none")]
    pub bytes: u64,
    /// Images, audio and resources that were replaced.
    #[serde(skip_serializing_if = "is_none")]
    pub media: u64,
}

/// Whether there was none.
fn is_none<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

/// What became of an approval.
#[derive(Debug, Serialize)]
pub struct Approval {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `approved`, `denied`, `pending`, or `unreachable`.
    pub state: &'static str,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// When, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Why, in the approver's words; at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Approval {
    /// As the approval service answered.
    #[must_use]
    pub fn new(answer: Option<&Answer>) -> Self {
        let (state, id, decision) = match answer {
            None => ("unreachable", None, None),
            Some(Answer::Pending { id, .. }) => ("pending", Some(id), None),
            Some(Answer::Approved(decision)) => ("approved", Some(&decision.id), Some(decision)),
            Some(Answer::Denied(decision)) => ("denied", Some(&decision.id), Some(decision)),
        };
        Self {
            id: id.cloned(),
            state,
            approver: decision.map(|it| clip(&it.approver)),
            at: decision.map(|it| it.at.clone()),
            reason: decision.and_then(|it| it.reason.as_deref()).map(clip),
        }
    }
}

/// A limit that a call counts for.
#[derive(Debug, Serialize)]
pub struct Touched {
    /// Its name.
    pub name: String,
    /// What is left of it, in what it counts; absent where only the rate-limit service knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// What the rate-limit service said of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// `admitted`, `limited`, or `none`: nothing tells that it counted the call.
    pub answer: &'static str,
    /// What becomes of calls that it does not count.
    pub failure_mode: FailureMode,
}

/// A breaker that let pass something else than before, or nothing.
#[derive(Debug, Serialize)]
pub struct Turned {
    /// Its name.
    pub name: String,
    /// `closed`, `open` or `half_open`: before; absent where the call only met it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Phase>,
    /// From then on.
    pub state: Phase,
}

/// A verdict that was only tried.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadow {
    /// `allow`, `deny` or `approval_required`.
    pub decision: Decision,
    /// The rule that would have decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, as a code.
    pub reason: &'static str,
    /// Who would have had to approve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// `version` of what is tried.
    pub policy_version: String,
}

/// How many entries of a list the caller may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Passed on.
    pub shown: u64,
    /// Left out.
    pub hidden: u64,
}

/// Texts that wanted to steer the model that reads them.
#[derive(Clone, Debug, Serialize)]
pub struct Injection {
    /// By which rule.
    pub rule: Rule,
    /// What was done about them.
    pub action: Action,
    /// How many.
    pub count: u64,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may pass.
    Allow,
    /// It may not.
    #[default]
    Deny,
    /// It may pass once somebody approves.
    ApprovalRequired,
}

impl Decision {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::ApprovalRequired => "approval_required",
        }
    }
}

impl From<Effect> for Decision {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::ApprovalRequired => Self::ApprovalRequired,
            Effect::Deny => Self::Deny,
        }
    }
}

/// How the exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream did what was asked, as far as is known.
    Ok,
    /// The tool says that it failed: `isError`.
    ToolError,
    /// Toolgate answered in the upstream's place.
    Denied,
    /// Toolgate said what it would have decided.
    DryRun,
    /// The upstream answered with a JSON-RPC error, an HTTP 4xx, or what is no answer.
    ProtocolError,
    /// The upstream did it, and its result may not be passed on.
    Withheld,
    /// No answer from the upstream, one that broke off, or an HTTP 5xx.
    TransportError,
    /// The client went away.
    ClientAbort,
    /// Envoy, or a filter before this one, answered.
    #[default]
    Rejected,
}

impl Outcome {
    /// As it is written, where the upstream had a part in it.
    #[must_use]
    pub(super) const fn upstream(self) -> Option<&'static str> {
        match self {
            Self::Ok => Some("ok"),
            Self::ToolError => Some("tool_error"),
            Self::ProtocolError => Some("protocol_error"),
            Self::Withheld => Some("withheld"),
            Self::TransportError => Some("transport_error"),
            Self::ClientAbort => Some("client_abort"),
            Self::Denied | Self::DryRun | Self::Rejected => None,
        }
    }
}

/// What Envoy knows once a request is over; absent where it does not say.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// HTTP status sent to the client.
    pub status: Option<u16>,
    /// `%RESPONSE_CODE_DETAILS%`.
    pub details: Option<String>,
    /// Whole duration, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// The cluster that the request went to.
    pub upstream_cluster: Option<String>,
    /// Request body bytes.
    pub bytes_in: Option<u64>,
    /// Response body bytes.
    pub bytes_out: Option<u64>,
    /// Time spent in the filter's callbacks, in nanoseconds.
    pub filter_ns: u64,
    /// How far it came towards a server, where none gave a whole answer.
    pub attempts: Option<Attempts>,
}

/// How far a request came towards a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How often a server was chosen.
    pub count: u64,
    /// The last time, it was over with the connection: it was there, or it failed.
    pub connected: bool,
}

/// What is left of an exchange: its record and its metrics.
#[derive(Debug)]
pub struct Closing {
    /// One JSON object.
    pub record: Vec<u8>,
    /// What to count.
    pub metrics: Vec<Metric>,
    /// Filter state, by name, for filters that act when the stream is gone.
    pub state: Vec<(String, String)>,
}
