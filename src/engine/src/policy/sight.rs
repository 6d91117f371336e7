//! What one caller sees at one moment, settled once for all entries that are alike to the rules.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::Policy;
use crate::{
    call::{Call, Partial, Principal},
    cx::Timestamp,
    registry::{Entry, Kind},
};

/// The eyes of one caller. [`Policy::visible`] says what they see, and says it once for a thousand
/// tools that the same rules are about.
#[derive(Debug)]
pub struct Sight<'a> {
    policy: &'a Policy,
    principal: &'a Principal,
    session: Option<&'a str>,
    now: Timestamp,
    settled: RefCell<BTreeMap<Likeness<'a>, bool>>,
}

/// All of an entry that its visibility depends on, unless a condition reads more of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness<'a> {
    rules: &'a [usize],
    scope: Option<&'a str>,
    tenants: Option<&'a BTreeSet<String>>,
    environments: Option<&'a BTreeSet<String>>,
    sunset: Option<Timestamp>,
}

impl Policy {
    /// What this caller sees now, in this legacy session.
    #[must_use]
    pub fn sight<'a>(
        &'a self,
        principal: &'a Principal,
        session: Option<&'a str>,
        now: Timestamp,
    ) -> Sight<'a> {
        Sight {
            policy: self,
            principal,
            session,
            now,
            settled: RefCell::default(),
        }
    }

    /// `None`: a condition tells it from all others.
    fn likeness<'a>(&'a self, entry: &'a Entry) -> Option<Likeness<'a>> {
        let apart = self.about(entry).any(|rule| rule.reads_tool);
        (!apart).then(|| Likeness {
            rules: self.places_about(entry),
            scope: entry.auth_scope.as_deref(),
            tenants: entry.tenants.as_ref(),
            environments: entry.environments.as_ref(),
            sunset: entry.sunset,
        })
    }
}

impl<'a> Sight<'a> {
    /// The policy that is looked through.
    #[must_use]
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// The version of an entry that the caller has.
    #[must_use]
    pub fn version(&self, entry: &'a Entry) -> &'a Entry {
        let registry = self.policy.registry();
        registry.chosen(entry, self.principal.who(), self.session, None)
    }

    /// Whether some use of an entry could be allowed or asked for.
    #[must_use]
    pub fn sees(&self, entry: &'a Entry) -> bool {
        let visible = || {
            self.policy.visible(&Call {
                principal: self.principal,
                entry,
                args: Partial::Unknown,
                meta: Partial::Unknown,
                session: self.session,
                now: self.now,
            })
        };
        let Some(likeness) = self.policy.likeness(entry) else {
            return visible();
        };
        let mut settled = self.settled.borrow_mut();
        *settled.entry(likeness).or_insert_with(visible)
    }

    /// How many looks it took.
    #[cfg(test)]
    pub(crate) fn settled(&self) -> usize {
        self.settled.borrow().len()
    }

    /// Whether anything of a server is seen.
    #[must_use]
    pub fn reaches(&self, server: &str) -> bool {
        let registry = self.policy.registry();
        let kinds = [Kind::Tool, Kind::Resource, Kind::Prompt].into_iter();
        let mut entries = kinds.flat_map(|kind| registry.of(server, kind));
        entries.any(|entry| self.sees(entry))
    }
}
