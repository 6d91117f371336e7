//! What a refusal says: to models and people, to machines, to audit.

use serde_json::{Map, Value, json};

use crate::policy::Policy;

use super::{Refusal, UpstreamFault};

impl Refusal {
    /// What audit says beyond the reason code; never a value of the arguments.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Unreadable(fault) => Some(fault.message()),
            Self::MissingScope(scopes) => Some(scopes.join(" ")),
            Self::Contract(violations) => {
                let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
                Some(all.join("; "))
            }
            Self::Rule(decision) => decision.reason.clone(),
            Self::Condition { fault, .. } => Some(fault.clone()),
            Self::NotFound
            | Self::Origin
            | Self::Unauthenticated { .. }
            | Self::Unknown { .. }
            | Self::NoRule
            | Self::ApproverUnreachable { .. }
            | Self::Upstream(_) => None,
        }
    }

    /// The machine-readable side of a denial.
    pub(super) fn facts(&self, policy: &Policy) -> Value {
        let mut facts = Map::new();
        facts.insert("reason".to_owned(), json!(self.reason()));
        if let Some(rule) = self.rule() {
            facts.insert("rule".to_owned(), json!(rule));
        }
        facts.insert("policyVersion".to_owned(), json!(policy.version()));
        match self {
            Self::Contract(violations) => {
                let list: Vec<_> = violations
                    .iter()
                    .map(|v| json!({ "pointer": v.pointer, "keyword": v.keyword, "message": v.message }))
                    .collect();
                facts.insert("violations".to_owned(), json!(list));
            }
            Self::MissingScope(scopes) => {
                facts.insert("scopes".to_owned(), json!(scopes));
            }
            Self::ApproverUnreachable { approver, .. } => {
                facts.insert("approverRole".to_owned(), json!(approver));
            }
            Self::NotFound
            | Self::Origin
            | Self::Unreadable(_)
            | Self::Unauthenticated { .. }
            | Self::Unknown { .. }
            | Self::NoRule
            | Self::Rule(_)
            | Self::Condition { .. }
            | Self::Upstream(_) => {}
        }
        Value::Object(facts)
    }

    /// What a model or a person reads.
    pub(super) fn text(&self) -> String {
        match self {
            Self::MissingScope(scopes) => {
                format!(
                    "Denied: the token lacks scope {}. Ask the user to grant it.",
                    scopes.join(" ")
                )
            }
            Self::Contract(violations) => {
                let mut text = "The arguments do not match the tool's input schema:".to_owned();
                for violation in violations {
                    text.push_str(&format!("\n- {violation}"));
                }
                text.push_str("\nCorrect them and call again.");
                text
            }
            Self::NoRule => {
                "Denied: no policy rule allows this call. Do not repeat it unchanged.".to_owned()
            }
            Self::Rule(decision) => match &decision.reason {
                Some(reason) => format!("Denied by policy: {reason}"),
                None => "Denied by policy. Do not repeat this call.".to_owned(),
            },
            Self::Condition { fault, .. } => {
                format!(
                    "Denied: a policy condition could not be evaluated for this call ({fault})."
                )
            }
            Self::ApproverUnreachable { approver, .. } => format!(
                "Not executed: this call needs approval by {approver}, and no approver can be \
                 reached. Tell the user; do not repeat it at once."
            ),
            Self::Upstream(UpstreamFault::Encoded) => {
                "the server compressed an answer that must be checked".to_owned()
            }
            Self::Upstream(UpstreamFault::Unreadable) => {
                "the server's answer could not be read".to_owned()
            }
            Self::Upstream(UpstreamFault::TooLarge) => {
                "the server's answer is too large".to_owned()
            }
            Self::Upstream(UpstreamFault::Unauthorized) => {
                "the server refused the gateway's credential".to_owned()
            }
            Self::NotFound
            | Self::Origin
            | Self::Unreadable(_)
            | Self::Unauthenticated { .. }
            | Self::Unknown { .. } => String::new(),
        }
    }
}
