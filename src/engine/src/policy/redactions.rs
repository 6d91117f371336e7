//! What is taken out of what rules let through.

use super::{Policy, Rule, rule::Demand};
use crate::{
    call::Principal,
    contract::Schema,
    redact::{By, Redaction},
    registry::Entry,
};

/// What is taken out of one call and its result, by all rules that match and by what is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redactions {
    /// Of what comes back.
    pub results: Redaction,
    /// Of arguments, as approvers and the audit record see them.
    pub arguments: Redaction,
    /// Of arguments, also as the server gets them.
    pub upstream: Redaction,
    /// Whether the audit record holds values of arguments.
    pub values: bool,
}

impl Policy {
    /// All that may have to be taken out of whatever `server` sends this caller.
    #[must_use]
    pub fn redactions_at(&self, server: &str, who: &Principal) -> Redactions {
        let mut all = Redactions::default();
        let entries = self
            .registry
            .entries()
            .filter(|entry| entry.server == server);
        entries.for_each(|entry| all.join(&Redactions::of(entry)));
        let about = |rule: &&Rule| {
            let servers = rule.servers.as_ref();
            rule.live && servers.is_none_or(|servers| servers.contains(server))
        };
        let rules = self.rules.iter().filter(about);
        let rules = rules.filter(|rule| {
            rule.demands(who, self.environment())
                .iter()
                .all(Demand::holds)
        });
        rules.for_each(|rule| all.join(&rule.redactions));
        all
    }
}

impl Redactions {
    /// What an entry itself takes out of its results.
    pub(super) fn of(entry: &Entry) -> Self {
        let mut own = Self::default();
        let output = entry.output.as_ref().map_or(&[][..], Schema::sensitive);
        for (place, by) in output {
            own.results.place(place.clone(), *by);
        }
        own
    }

    /// What is taken out of what.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Redaction)> {
        let parts = [
            ("results", &self.results),
            ("arguments", &self.arguments),
            ("upstream", &self.upstream),
        ];
        parts.into_iter()
    }

    /// Whether nothing is taken out, and no value recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes out what `other` does, too.
    pub(super) fn join(&mut self, other: &Self) {
        self.results.join(&other.results);
        self.arguments.join(&other.arguments);
        self.upstream.join(&other.upstream);
        self.values |= other.values;
    }

    /// What the audit record does not hold of the arguments of `entry`: whatever is taken out
    /// anywhere, and what is sensitive. It blocks nothing.
    #[must_use]
    pub fn audit(&self, entry: &Entry) -> Redaction {
        let mut audit = self.results.kinds();
        audit.join(&self.arguments);
        for place in entry.sensitive() {
            audit.place(place.clone(), By::Mask);
        }
        audit.with(By::Block, By::Mask)
    }
}
