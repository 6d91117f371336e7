//! A call of the past, as far as its audit record tells it.

use engine::{
    call::{Call, Partial},
    policy::{Foresight, Policy},
    record::Past,
    registry::{Entry, Kind},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::usage::Use;
use crate::trial::present;

/// A call of the past under another policy.
pub(super) struct Recorded {
    record: Value,
    /// What is decided now; `None`: nothing that is registered is used.
    pub(super) foresight: Option<Foresight>,
    /// What the decision depends on and the record does not hold: taken as absent where rules are
    /// told.
    pub(super) unknown: Vec<&'static str>,
}

impl Recorded {
    /// Judges it as far as that goes, and shows what it uses.
    pub(super) fn of<'p>(record: &Value, policy: &'p Policy, uses: &mut Vec<Use<'p>>) -> Self {
        let past = Past::deserialize(record).unwrap_or_default();
        let mut recorded = Self {
            record: record.clone(),
            foresight: None,
            unknown: Vec::new(),
        };
        let Some(entry) = entry(&past, policy) else {
            return recorded;
        };
        let (principal, missing) = past.caller();
        let arguments = past.arguments.is_some();
        let call = Call {
            principal: &principal,
            entry,
            args: if arguments {
                Partial::Unknown
            } else {
                Partial::Known(None)
            },
            meta: Partial::Unknown,
            session: past.session_id.as_deref(),
            now: past.moment().unwrap_or_else(present),
        };
        let reads = policy.reads(entry);
        let unknown = [
            ("arguments", reads.args && arguments),
            ("_meta", reads.meta),
            ("roles", reads.roles && missing.contains(&"roles")),
            ("scopes", reads.scopes && missing.contains(&"scopes")),
            ("timestamp", reads.now && past.moment().is_none()),
        ];
        let unknown = unknown.into_iter().filter(|(_, unknown)| *unknown);
        recorded.unknown = unknown.map(|(name, _)| name).collect();
        recorded.foresight = Some(policy.foresee(&call));
        uses.push(Use::of(policy, &call));
        recorded
    }

    /// Whether the record lacks facts about the caller that the decision depends on.
    pub(super) fn is_open(&self) -> bool {
        let facts = ["roles", "scopes", "timestamp"];
        self.unknown.iter().any(|name| facts.contains(name))
    }

    /// What was decided then: the decision, its rule or limit, and its reason.
    pub(super) fn then(&self) -> Value {
        let members = [
            "decision",
            "rule",
            "reason",
            "limit",
            "policyVersion",
            "timestamp",
        ];
        let member = |name: &str| (name.to_owned(), json!(self.record.get(name)));
        members.into_iter().map(member).collect()
    }
}

/// What it used, as it is registered now.
fn entry<'p>(past: &Past<'_>, policy: &'p Policy) -> Option<&'p Entry> {
    let registry = policy.registry();
    let server = past.server.as_deref().unwrap_or_default();
    let (kind, name) = past.used()?;
    let entry = match kind {
        Kind::Tool => registry.tool(name),
        Kind::Prompt => registry.prompt(name),
        Kind::Resource => registry.resource(server, name),
    };
    entry.filter(|entry| entry.server == server)
}
