//! A record as it comes back from an access log.
//!
//! What a record does not say is not known, and stays so: nothing is filled in.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Decision, MAX_ITEMS, MAX_TEXT};
use crate::{call::Principal, cx::Timestamp, registry::Kind};

/// What a record says of one message, as far as decisions are concerned. Borrows from its text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Past<'a> {
    /// When it came, RFC 3339.
    #[serde(borrow)]
    pub timestamp: Option<Text<'a>>,
    /// Envoy's `x-request-id`.
    #[serde(borrow)]
    pub request_id: Option<Text<'a>>,
    /// `Mcp-Session-Id`.
    #[serde(borrow)]
    pub session_id: Option<Text<'a>>,
    /// The JSON-RPC method.
    #[serde(borrow)]
    pub method: Option<Text<'a>>,
    /// The person.
    #[serde(borrow)]
    pub user_id: Option<Text<'a>>,
    /// The agent.
    #[serde(borrow)]
    pub agent_id: Option<Text<'a>>,
    /// The application.
    #[serde(borrow)]
    pub app_id: Option<Text<'a>>,
    /// The tenant.
    #[serde(borrow)]
    pub tenant: Option<Text<'a>>,
    /// Roles; `None`: not known.
    #[serde(borrow)]
    pub roles: Option<Vec<Text<'a>>>,
    /// Scopes; `None`: not known.
    #[serde(borrow)]
    pub scopes: Option<Vec<Text<'a>>>,
    /// The server.
    #[serde(borrow)]
    pub server: Option<Text<'a>>,
    /// The tool.
    #[serde(borrow)]
    pub tool_name: Option<Text<'a>>,
    /// The resource's URI.
    #[serde(borrow)]
    pub resource_uri: Option<Text<'a>>,
    /// The prompt's name.
    #[serde(borrow)]
    pub prompt_name: Option<Text<'a>>,
    /// What is known of the arguments; `None`: there were none.
    #[serde(borrow)]
    pub arguments: Option<PastArguments<'a>>,
    /// What was decided; `None`: it is no record.
    pub decision: Option<Decision>,
    /// The rule that decided.
    #[serde(borrow)]
    pub rule: Option<Text<'a>>,
    /// Why, as a code.
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
    /// Who had to approve; read with [`Past::approvers`].
    #[serde(borrow)]
    approvers: Vec<Text<'a>>,
    /// The same, in records of before there could be several.
    #[serde(borrow)]
    approver_role: Option<Text<'a>>,
    /// SHA-256 of the configuration that decided.
    #[serde(borrow)]
    pub policy_digest: Option<Text<'a>>,
    /// Whether it was only asked what would be decided.
    pub dry_run: bool,
}

/// What a record says of arguments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PastArguments<'a> {
    /// Names of the top-level members, at most 64.
    #[serde(borrow)]
    pub keys: Vec<Text<'a>>,
}

/// A text, borrowed where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// What was decided before any rule was asked, or by none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// A handshake, a list, a notification: nothing registered is used.
    Protocol,
    /// It could not be read, or nobody was authenticated, or its arguments broke the contract.
    BeforeRules,
    /// The rules let it through, and a limit, a breaker or what it holds did not.
    Limited,
    /// It was only asked what would be decided.
    DryRun,
}

impl<'a> Past<'a> {
    /// What was used, by kind and name; `None` where nothing was.
    #[must_use]
    pub fn used(&self) -> Option<(Kind, &str)> {
        match self.method.as_deref()? {
            "tools/call" => Some((Kind::Tool, self.tool_name.as_deref()?)),
            "prompts/get" => Some((Kind::Prompt, self.prompt_name.as_deref()?)),
            "resources/read" => Some((Kind::Resource, self.resource_uri.as_deref()?)),
            _ => None,
        }
    }

    /// What the rules decided.
    ///
    /// # Errors
    /// They were not asked.
    pub fn decided(&self) -> Result<Decision, Other> {
        if self.dry_run {
            return Err(Other::DryRun);
        }
        if self.used().is_none() {
            return Err(Other::Protocol);
        }
        match self.reason.as_deref().unwrap_or_default() {
            "rule" | "approved" | "approver_unreachable" => self.decision.ok_or(Other::BeforeRules),
            reason if reason.starts_with("approval_") => Ok(Decision::ApprovalRequired),
            // The answer was refused, not the call.
            reason if reason.starts_with("upstream_") || reason.starts_with("result_") => {
                match self.decision {
                    Some(Decision::ApprovalRequired) => Ok(Decision::ApprovalRequired),
                    Some(Decision::Allow | Decision::Deny) | None => Ok(Decision::Allow),
                }
            }
            "no_rule"
            | "insufficient_scope"
            | "condition_failed"
            | "condition_out_of_fuel"
            | "unregistered" => Ok(Decision::Deny),
            "limit_reached"
            | "loop_detected"
            | "limiter_busy"
            | "limiter_unreachable"
            | "breaker_open"
            | "redaction_blocked" => Err(Other::Limited),
            reason if reason.starts_with("hidden_") => Ok(Decision::Deny),
            _ => Err(Other::BeforeRules),
        }
    }

    /// Each approval that was needed, by who gives it: a role, or `user`.
    pub fn approvers(&self) -> impl Iterator<Item = &str> {
        let of_old = self.approver_role.as_deref().map(|role| match role {
            "the user" => "user",
            role => role,
        });
        self.approvers.iter().map(|name| &**name).chain(of_old)
    }

    /// When it came.
    #[must_use]
    pub fn moment(&self) -> Option<Timestamp> {
        Timestamp::parse(self.timestamp.as_deref()?)
    }

    /// Who called, and which facts about the caller the record does not tell.
    #[must_use]
    pub fn caller(&self) -> (Principal, Vec<&'static str>) {
        let one = |fact: &Option<Text<'a>>| fact.as_deref().map(str::to_owned);
        let mut missing = Vec::new();
        let mut several = |name: &'static str, list: &Option<Vec<Text<'a>>>| {
            let list = list.as_deref();
            // A list of that length, and a text of that length, was cut.
            let whole = |list: &&[Text<'a>]| {
                list.len() < MAX_ITEMS && list.iter().all(|text| text.is_whole())
            };
            let known = list.filter(whole);
            if known.is_none() {
                missing.push(name);
            }
            let known = known.unwrap_or_default();
            known.iter().map(|text| text.to_string()).collect()
        };
        let principal = Principal {
            roles: several("roles", &self.roles),
            scopes: several("scopes", &self.scopes),
            user: one(&self.user_id),
            agent: one(&self.agent_id),
            app: one(&self.app_id),
            tenant: one(&self.tenant),
            chain: Vec::new(),
        };
        (principal, missing)
    }
}

impl Text<'_> {
    /// Whether nothing was cut off.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.len() < MAX_TEXT || self.chars().count() < MAX_TEXT
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
