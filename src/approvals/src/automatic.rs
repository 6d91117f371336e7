//! Decisions that nobody has to make: rules of the configuration, over what is asked.

use anyhow::anyhow;
use engine::{
    approval::{Ask, Kind},
    call::{Partial, Principal},
    condition::{Condition, Facts, Fuel, Tool, Truth},
    cx::Timestamp,
    json::Doc,
    problem::Problem,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    auth::AUTOMATIC,
    store::{Automatic, Verdict},
};

/// A rule that decides as soon as something is asked. Where several do, a refusal wins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name: `automatic:` and this is told as who decided.
    pub id: String,
    /// When it decides: a condition as in a policy, over `args`, `user`, `agent`, `tenant`, `tool`,
    /// `env` and `now`. One that has no value decides nothing.
    pub when: String,
    /// What it decides.
    pub decision: Decision,
    /// Why; a refusal needs it, and the agent is told.
    pub reason: Option<String>,
    /// Only where this role has to approve; absent: whichever role has to.
    #[serde(rename = "for")]
    pub role: Option<String>,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// One approval of a role, and never a user's confirmation. Rules together count as one person
    /// for each role, so that `approvals: 2` still needs somebody.
    Approve,
    /// It may not happen, whatever it needs.
    Deny,
}

/// Rules, compiled.
pub(crate) struct Rules(Vec<(Rule, Condition)>);

impl Rules {
    /// Compiles rules, or tells all that is wrong with them.
    pub(crate) fn compile(rules: &[Rule]) -> anyhow::Result<Self> {
        let mut compiled = Vec::new();
        let mut problems = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let path = |field| format!("automatic[{at}].{field}");
            let before = rules.iter().take(at);
            if !rule.id.bytes().all(plain) || rule.id.is_empty() {
                let told = "an id is made of letters, digits, `-`, `_` and `.`";
                problems.push(Problem::new(path("id"), told));
            } else if before.into_iter().any(|other| other.id == rule.id) {
                let told = format!("`{}` is the id of another rule", rule.id);
                problems.push(Problem::new(path("id"), told));
            }
            let reason = rule.reason.as_deref().unwrap_or_default();
            if rule.decision == Decision::Deny && reason.trim().is_empty() {
                let told = "a refusal needs a reason: the agent is told";
                problems.push(Problem::new(path("reason"), told));
            }
            match condition(&rule.when) {
                Ok(condition) => compiled.push((rule.clone(), condition)),
                Err(problem) => problems.push(Problem {
                    path: path("when"),
                    ..problem
                }),
            }
        }
        if problems.is_empty() {
            return Ok(Self(compiled));
        }
        let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Err(anyhow!("{}", problems.join("\n")))
    }

    /// What they decide about something that is asked.
    pub(crate) fn judge(&self, ask: &Ask, now: Timestamp) -> Vec<Automatic> {
        let Ok(doc) = Doc::parse(ask.arguments.text().as_bytes().to_vec()) else {
            return Vec::new();
        };
        let args = doc.root();
        let principal = Principal {
            user: ask.user.clone(),
            agent: ask.agent.clone(),
            tenant: ask.tenant.clone(),
            ..Principal::default()
        };
        let facts = Facts {
            args: Partial::Known((!args.is_null()).then_some(args)),
            meta: Partial::Known(None),
            principal: &principal,
            tool: Tool {
                name: &ask.tool,
                server: ask.server.as_deref().unwrap_or_default(),
                kind: match ask.kind {
                    Kind::Tool => "tool",
                    Kind::Resource => "resource",
                    Kind::Prompt => "prompt",
                },
                risk_tier: ask.risk_tier.as_deref().unwrap_or_default(),
                access: ask.access.as_deref().unwrap_or_default(),
                data_classification: ask.data_classification.as_deref(),
            },
            env: ask.environment.as_deref(),
            session: None,
            now,
        };
        let mut fuel = Fuel::default();
        let mut decided = Vec::new();
        for (rule, condition) in &self.0 {
            match condition.eval(&facts, &mut fuel) {
                Ok(Truth::True) => decided.push(rule.decided()),
                Ok(Truth::False | Truth::Unknown) => {}
                Err(fault) => {
                    tracing::warn!(rule = rule.id, "an automatic rule decides nothing: {fault}");
                }
            }
        }
        // Refusals first: what is refused is not approved any more.
        decided.sort_by_key(|automatic| automatic.verdict == Verdict::Approve);
        decided
    }
}

impl Rule {
    fn decided(&self) -> Automatic {
        Automatic {
            verdict: match self.decision {
                Decision::Approve => Verdict::Approve,
                Decision::Deny => Verdict::Deny,
            },
            rule: format!("{AUTOMATIC}{}", self.id),
            role: self.role.clone(),
            reason: self.reason.clone(),
        }
    }
}

fn condition(source: &str) -> Result<Condition, Problem> {
    let condition = Condition::compile(source)?;
    match UNKNOWN.iter().find(|name| condition.reads(name)) {
        Some(name) => Err(Problem::new("", format!("an ask does not tell `{name}`"))),
        None => Ok(condition),
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

/// What policies know of a call, and this service is not told.
const UNKNOWN: [&str; 5] = ["app", "meta", "roles", "scopes", "session"];

#[cfg(test)]
mod tests;
