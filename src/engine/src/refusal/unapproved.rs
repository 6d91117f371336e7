//! A call that needs an approval and does not have it: why, and what is said of it.
//!
//! A pending approval is told as the client can take it (MCP 2026-07-28, "Multi Round-Trip
//! Requests"; 2025-11-25, "URL Elicitation Required Error"); to others in words, which always work.

use serde_json::{Map, Value, json};

use super::Asker;
use crate::{
    approval::{Decision, Inexact, Need},
    rpc::{self, Era},
};

/// A call that needs an approval and does not have it.
#[derive(Debug)]
pub struct Unapproved {
    /// What is used, by the name that agents know.
    pub name: String,
    /// The rule that asks for the approval, if a rule does.
    pub rule: Option<String>,
    /// Who has to approve.
    pub needs: Vec<Need>,
    /// Why nobody has.
    pub why: Why,
}

/// Why a call is not approved.
#[derive(Debug)]
pub enum Why {
    /// There is no service to ask, or no answer of it in time, or none that can be read.
    Unreachable,
    /// Only single uses can be approved, and the method is none.
    NoUse,
    /// The user has to confirm it, and nobody knows who that is.
    NoUser,
    /// Nobody is asked: it is only tried.
    Unasked,
    /// No approval can be bound to these arguments.
    Inexact(Inexact),
    /// Nobody has decided yet.
    Pending {
        /// The approval.
        id: String,
        /// The page where it is decided.
        url: String,
        /// The request state with which the client comes back from there.
        state: String,
    },
    /// Nobody has decided yet, and the user of the client does not want to look at it.
    Declined {
        /// The approval, as the client says.
        id: String,
    },
    /// Somebody refused it.
    Denied(Decision),
}

impl Unapproved {
    /// The reason code.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.why {
            Why::Unreachable => "approver_unreachable",
            Why::Unasked => "approval_required",
            Why::NoUse => "approval_of_no_use",
            Why::NoUser => "approval_without_user",
            Why::Inexact(_) => "approval_of_inexact_arguments",
            Why::Pending { .. } => "approval_pending",
            Why::Declined { .. } => "approval_declined",
            Why::Denied(_) => "approval_denied",
        }
    }

    /// Whether somebody could approve it.
    #[must_use]
    pub const fn is_approvable(&self) -> bool {
        match self.why {
            Why::Unreachable
            | Why::Unasked
            | Why::Pending { .. }
            | Why::Declined { .. }
            | Why::Denied(_) => true,
            Why::NoUse | Why::NoUser | Why::Inexact(_) => false,
        }
    }

    /// Each approval by who has to give it.
    #[must_use]
    pub fn approvers(&self) -> Vec<&str> {
        self.needs.iter().flat_map(Need::names).collect()
    }

    /// Who has to approve, in words.
    #[must_use]
    pub fn whom(&self) -> String {
        let all: Vec<_> = self.needs.iter().map(ToString::to_string).collect();
        all.join(" and ")
    }

    /// Adds the machine-readable side.
    pub(super) fn facts(&self, facts: &mut Map<String, Value>) {
        let mut add = |name: &str, fact: Value| facts.insert(name.to_owned(), fact);
        add("approvers", json!(self.approvers()));
        match &self.why {
            Why::Pending { id, url, .. } => {
                add("approvalId", json!(id));
                add("approvalUrl", json!(url));
                add("retryAfterMs", json!(RETRY_AFTER_MS));
            }
            Why::Declined { id } => {
                add("approvalId", json!(id));
            }
            Why::Denied(decision) => {
                add("approvalId", json!(decision.id));
            }
            Why::Unreachable | Why::Unasked | Why::NoUse | Why::NoUser | Why::Inexact(_) => {}
        }
    }

    /// What a model or a person reads.
    pub(super) fn text(&self) -> String {
        let whom = self.whom();
        match &self.why {
            Why::Unreachable => format!(
                "Not executed: this call needs approval by {whom}, and no approver can be \
                 reached. Tell the user; do not repeat it at once."
            ),
            Why::Unasked => format!("Not executed: this call needs approval by {whom}."),
            Why::NoUse => {
                format!("Not executed: this needs approval by {whom}, each time it is used.")
            }
            Why::NoUser => "Not executed: the user has to confirm this call, and the gateway does \
                 not know who the user is. Do not repeat it without the user's own token."
                .to_owned(),
            Why::Inexact(inexact) => format!(
                "Not executed: this call needs approval by {whom}, who must see exactly what is \
                 executed, and {inexact}. Write it with fewer digits."
            ),
            Why::Pending { id, url, .. } => format!(
                "Not executed yet: this call needs approval by {whom}. Approval {id} is pending: \
                 {url}\nTell the user. Once it is approved, call the same tool again with the same \
                 arguments."
            ),
            Why::Declined { id } => format!(
                "Not executed: this call needs approval by {whom}, and the user does not want to \
                 open the page of approval {id}, which stays pending. Ask the user before you call \
                 again."
            ),
            Why::Denied(decision) => {
                let reason = decision.reason.as_deref().unwrap_or("no reason was given");
                format!(
                    "Not executed: its approval was refused: {reason}\nDo not repeat this call."
                )
            }
        }
    }

    /// The answer to a client that can send its user to a page; `None` where words have to do.
    pub(super) fn invite(&self, asker: &Asker, facts: &Value) -> Option<String> {
        let Why::Pending { id, url, state } = &self.why else {
            return None;
        };
        let era = asker.era.filter(|_| asker.pages)?;
        let message = format!("`{}` needs approval by {}.", self.name, self.whom());
        let (member, outcome) = match era {
            Era::Modern => {
                let page = json!({ "mode": "url", "message": message, "url": url });
                let input = json!({ "method": "elicitation/create", "params": page });
                (
                    "result",
                    json!({
                        "resultType": "input_required",
                        "inputRequests": { INPUT: input },
                        "requestState": state,
                        "_meta": { "toolgate/denial": facts },
                    }),
                )
            }
            Era::Legacy => {
                let page =
                    json!({ "mode": "url", "message": message, "url": url, "elicitationId": id });
                let data = json!({ "elicitations": [page], "toolgate/denial": facts });
                let code = rpc::URL_REQUIRED;
                (
                    "error",
                    json!({ "code": code, "message": message, "data": data }),
                )
            }
        };
        let request = asker.id.as_deref().unwrap_or("null");
        Some(format!(
            r#"{{"jsonrpc":"2.0","id":{request},"{member}":{outcome}}}"#
        ))
    }
}

/// The name of the input that is required of the user.
pub const INPUT: &str = "toolgate";

/// MCP 2025-11-25, "URL Elicitation Required Error".
/// People take their time.
const RETRY_AFTER_MS: u64 = 10_000;
