//! What a refusal says: to models and people, to machines, to audit.

use serde_json::{Map, Value, json};

use crate::{config::Effect, policy::Policy};

use super::{DryRun, Refusal, ResultFault, Sensitive, UpstreamFault};

impl Refusal {
    /// What audit says beyond the reason code; never a value of the arguments.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Unreadable(fault) => Some(fault.message()),
            Self::MissingScope(scopes) => Some(scopes.join(" ")),
            Self::Contract(violations) | Self::Result(ResultFault::Broken(violations)) => {
                let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
                Some(all.join("; "))
            }
            Self::Rule(decision) => decision.reason.clone(),
            Self::Condition { fault, .. } | Self::Cost(fault) => Some(fault.clone()),
            Self::Broken(broken) => Some(broken.breaker.name.clone()),
            Self::NoDryRun(why) => Some((*why).to_owned()),
            Self::DryRun(run) => run.refusal.as_ref()?.message(),
            Self::Sensitive(Sensitive::Blocked(kind)) => Some(kind.clone()),
            Self::NotFound
            | Self::Session(_)
            | Self::Origin
            | Self::Unauthenticated(_)
            | Self::Unknown { .. }
            | Self::UnknownTask(_)
            | Self::Sensitive(Sensitive::Unfit)
            | Self::NoRule
            | Self::State
            | Self::Unapproved(_)
            | Self::OtherEra { .. }
            | Self::Upstream(_)
            | Self::Result(_) => None,
            Self::Limited(call) => Some(call.limit.to_string()),
        }
    }

    /// The machine-readable side of a denial.
    pub(super) fn facts(&self, policy: &Policy) -> Value {
        let mut facts = Map::new();
        let mut add = |name: &str, fact: Value| facts.insert(name.to_owned(), fact);
        add("reason", json!(self.reason()));
        if let Some(rule) = self.rule() {
            add("rule", json!(rule));
        }
        add("policyVersion", json!(policy.version()));
        let cause = match self {
            Self::DryRun(run) => {
                add("decision", json!(run.effect().as_str()));
                add("matched", json!(run.decision.matched));
                add("registryVersion", json!(policy.registry_version()));
                if let Some(tried) = &run.shadow {
                    add(
                        "shadow",
                        json!({
                            "decision": tried.effect.as_str(),
                            "rule": tried.rule,
                            "reason": tried.reason,
                            "policyVersion": policy.shadow_version(),
                        }),
                    );
                }
                run.refusal.as_ref()
            }
            other => Some(other),
        };
        match cause {
            Some(Self::Contract(violations) | Self::Result(ResultFault::Broken(violations))) => {
                let list: Vec<_> = violations
                    .iter()
                    .map(|v| json!({ "pointer": v.pointer, "keyword": v.keyword, "message": v.message }))
                    .collect();
                add("violations", json!(list));
            }
            Some(Self::MissingScope(scopes)) => {
                add("scopes", json!(scopes));
            }
            Some(Self::Limited(call)) => call.facts(&mut facts),
            Some(Self::Broken(broken)) => broken.facts(&mut facts),
            Some(Self::Unapproved(call)) => call.facts(&mut facts),
            Some(
                Self::NotFound
                | Self::Session(_)
                | Self::Origin
                | Self::Unreadable(_)
                | Self::Unauthenticated(_)
                | Self::Unknown { .. }
                | Self::UnknownTask(_)
                | Self::NoRule
                | Self::State
                | Self::Rule(_)
                | Self::Condition { .. }
                | Self::Cost(_)
                | Self::Sensitive(_)
                | Self::NoDryRun(_)
                | Self::DryRun(_)
                | Self::OtherEra { .. }
                | Self::Upstream(_)
                | Self::Result(_),
            )
            | None => {}
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
            Self::Cost(fault) => {
                format!("Denied: what this call costs could not be told ({fault}).")
            }
            Self::Sensitive(why) => why.text(),
            Self::Limited(call) => call.text(),
            Self::Broken(broken) => broken.text(),
            Self::Unapproved(call) => call.text(),
            Self::NoDryRun(why) => format!("Not executed: {why}."),
            Self::DryRun(run) => run.text(),
            Self::Upstream(UpstreamFault::Encoded) => {
                "the server compressed an answer that must be checked".to_owned()
            }
            Self::Upstream(UpstreamFault::Unreadable) => {
                "the server's answer could not be read".to_owned()
            }
            Self::Upstream(UpstreamFault::TooLarge) => {
                "the server's answer is too large".to_owned()
            }
            Self::Upstream(UpstreamFault::Silent) => "the server gave no answer".to_owned(),
            Self::Upstream(UpstreamFault::Unreachable) => {
                "the server could not be reached".to_owned()
            }
            Self::Upstream(UpstreamFault::Page(status)) => {
                format!("the server answered with HTTP status {status}")
            }
            Self::Upstream(UpstreamFault::Undeclared(what)) => {
                format!("the server answered with {what}, which the client has not asked for")
            }
            Self::Upstream(UpstreamFault::Request) => {
                "the server asked the client for what it may not".to_owned()
            }
            Self::Upstream(UpstreamFault::Wants(what, era)) => format!(
                "Not done: the server wants {what} first, and can ask only clients that speak \
                 {era} for it."
            ),
            Self::OtherEra { method, server } => {
                format!("`{method}` cannot be passed on: its server speaks {server} alone")
            }
            Self::Upstream(UpstreamFault::Unauthorized) => {
                "the server refused the gateway's credential".to_owned()
            }
            Self::Result(fault) => fault.text(),
            Self::UnknownTask(_) => "Task not found".to_owned(),
            Self::State => "`requestState` is none that was given out here".to_owned(),
            Self::NotFound
            | Self::Session(_)
            | Self::Origin
            | Self::Unreadable(_)
            | Self::Unauthenticated(_)
            | Self::Unknown { .. } => String::new(),
        }
    }
}

impl DryRun {
    /// What would have been decided.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match &self.refusal {
            None => Effect::Allow,
            Some(Refusal::Unapproved(call)) if call.is_approvable() => Effect::ApprovalRequired,
            Some(_) => Effect::Deny,
        }
    }

    /// The rule that would have decided, where one does.
    pub(super) fn rule(&self) -> Option<&str> {
        match &self.refusal {
            Some(refusal) => refusal.rule(),
            None => self.decision.rule.as_deref(),
        }
    }

    fn text(&self) -> String {
        let would = match &self.refusal {
            None => "this call would be allowed".to_owned(),
            Some(Refusal::Unapproved(call)) if call.is_approvable() => {
                format!("this call would need approval by {}", call.whom())
            }
            Some(_) => "this call would be refused".to_owned(),
        };
        let by = match self.rule() {
            Some(rule) => format!(" (rule `{rule}`)"),
            None => String::new(),
        };
        let why = match &self.refusal {
            None => String::new(),
            Some(Refusal::Unapproved(call)) if call.is_approvable() => String::new(),
            Some(refusal) => format!("\n{}", refusal.text()),
        };
        format!("Dry run: {would}{by}. Nothing was executed.{why}")
    }
}
