//! The compiled policy: decides what may happen, and names the rule that decided.
//!
//! What this module does not do: check arguments against a tool's contract, ask approvers, or say
//! no to a client.

mod check;
mod compile;
mod findings;
mod index;
mod lower;
mod rule;

use std::{collections::BTreeSet, sync::OnceLock};

use crate::{
    call::Call,
    condition::{self, Fuel},
    config::{Bounds, Effect, Identity},
    registry::{Entry, Registry},
};
use findings::{Findings, scopes};
use index::Index;
use rule::Match;

pub use rule::{Attributes, Requirement, Rule};

/// A configuration that compiled: what exists and what may happen.
#[derive(Debug)]
pub struct Policy {
    digest: String,
    version: String,
    registry_version: String,
    environment: Option<String>,
    identity: Identity,
    bounds: Bounds,
    registry: Registry,
    rules: Vec<Rule>,
    index: Index,
    /// By entry, the rules that may apply to it: found on first use, so that loading many of both
    /// costs nothing, and a call costs the same beside many of either.
    applicable: Vec<OnceLock<Box<[usize]>>>,
    /// By entry, where it is written.
    places: Vec<String>,
}

/// What was decided for one call.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may happen.
    Allow(Permit),
    /// It may happen once somebody has approved it.
    Ask {
        /// With which it may happen then.
        permit: Permit,
        /// Who may approve it.
        approver: Approver,
    },
    /// It may not happen.
    Deny {
        /// What is known of the rule that decided.
        decision: Decision,
        /// Why.
        cause: Cause,
    },
}

/// Proof that a rule let a call through. Only this module makes one.
#[derive(Debug)]
pub struct Permit {
    decision: Decision,
}

/// The rule that decided, and those that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The id of the rule that decided; `None` where no rule did.
    pub rule: Option<String>,
    /// The reason that its author gave.
    pub reason: Option<String>,
    /// The ids of all rules that matched, in order.
    pub matched: Vec<String>,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approver {
    /// Whoever has this role.
    Role(String),
    /// The user on whose behalf the agent acts.
    User,
}

/// Why a call is denied.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// For this caller, here and now, the entry does not exist.
    Hidden(HiddenBy),
    /// The token lacks scopes; these are all that the call needs.
    MissingScope(Vec<String>),
    /// No rule allows it.
    NoRule,
    /// A rule denies it.
    Rule,
    /// The condition of a rule that matched otherwise could not be evaluated.
    ConditionFailed {
        /// The id of the rule.
        rule: String,
        /// What went wrong.
        fault: condition::Fault,
    },
}

/// What hides an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenBy {
    /// It is not for the caller's tenant.
    Tenant,
    /// It is not for this environment.
    Environment,
    /// Its sunset has passed.
    Sunset,
}

impl Policy {
    /// Hex SHA-256 of the canonical configuration.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The version as written, joined by `+` where there are several files; without one, the
    /// beginning of the digest.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The registry's version, as [`Policy::version`].
    #[must_use]
    pub fn registry_version(&self) -> &str {
        &self.registry_version
    }

    /// Where this gateway runs.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Where facts about callers come from.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What exists.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Sizes that are not exceeded.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Decides one call: first whether the entry exists for the caller, then scopes, then rules.
    ///
    /// Arguments that are not known count against the call: a rule that might deny it or ask for
    /// an approval does, one that might allow it does not.
    pub fn decide(&self, call: &Call<'_>) -> Verdict {
        let entry = call.entry;
        if let Some(by) = self.hidden(call) {
            return Verdict::deny(Decision::default(), Cause::Hidden(by));
        }
        if entry
            .scopes()
            .any(|scope| !call.principal.scopes.contains(scope))
        {
            return Verdict::deny(
                Decision::default(),
                Cause::MissingScope(scopes(entry, None)),
            );
        }
        let mut findings = self.judge(call);
        findings.matched.extend(
            findings
                .possible
                .iter()
                .filter(|r| r.effect != Effect::Allow),
        );
        findings.verdict(entry)
    }

    /// The permit of what is about nothing registered: handshake, ping, notifications, lists.
    /// Whoever is authenticated may send it.
    #[must_use]
    pub fn plumbing(&self) -> Permit {
        Permit {
            decision: Decision::default(),
        }
    }

    /// Whether some call like this one could be allowed, or be asked for: the same evaluation, for
    /// lists, with the arguments unknown.
    ///
    /// Scopes that the caller lacks do not hide an entry: a client must see what it may ask scopes
    /// for, and be told so when it tries.
    #[must_use]
    pub fn visible(&self, call: &Call<'_>) -> bool {
        let obtainable = self.identity.scopes.is_some();
        let scoped = call
            .entry
            .scopes()
            .all(|scope| call.principal.scopes.contains(scope));
        if self.hidden(call).is_some() || !(scoped || obtainable) {
            return false;
        }
        let findings = self.judge(call);
        let denied = findings.fault.is_some()
            || findings
                .matched
                .iter()
                .any(|rule| rule.effect == Effect::Deny);
        let granted = findings.matched.iter().chain(&findings.possible);
        !denied
            && (granted.clone().any(|rule| rule.effect != Effect::Deny)
                || (obtainable && findings.unscoped.is_some()))
    }

    fn hidden(&self, call: &Call<'_>) -> Option<HiddenBy> {
        let entry = call.entry;
        if !among(entry.tenants.as_ref(), call.principal.tenant.as_deref()) {
            return Some(HiddenBy::Tenant);
        }
        if !among(entry.environments.as_ref(), self.environment()) {
            return Some(HiddenBy::Environment);
        }
        entry
            .sunset
            .is_some_and(|sunset| sunset <= call.now)
            .then_some(HiddenBy::Sunset)
    }

    fn judge(&self, call: &Call<'_>) -> Findings<'_> {
        let mut fuel = Fuel::default();
        let mut findings = Findings::default();
        for rule in self.about(call.entry) {
            match rule.matches(call, self.environment(), &mut fuel) {
                Ok(Match::Yes) => findings.matched.push(rule),
                Ok(Match::Possible) => findings.possible.push(rule),
                Ok(Match::Unscoped) if rule.effect != Effect::Deny => {
                    findings.unscoped.get_or_insert(rule);
                }
                Ok(Match::Unscoped | Match::No) => {}
                Err(fault) => {
                    findings.fault.get_or_insert((rule, fault));
                }
            }
        }
        findings
    }

    /// All rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Where an entry is written: `registry[0]:tools[3]`.
    #[must_use]
    pub fn place_of(&self, entry: &Entry) -> &str {
        self.places.get(entry.slot).map_or("", String::as_str)
    }

    /// The rules that are about `entry`, in order.
    pub fn about(&self, entry: &Entry) -> impl Iterator<Item = &Rule> {
        let places: &[usize] = match self.applicable.get(entry.slot) {
            Some(known) => known.get_or_init(|| self.index.find(entry, &self.rules)),
            None => &[],
        };
        places.iter().filter_map(|place| self.rules.get(*place))
    }
}

impl Permit {
    /// The rule that let the call through.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl Verdict {
    fn deny(decision: Decision, cause: Cause) -> Self {
        Self::Deny { decision, cause }
    }

    /// The rule that decided.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Allow(permit) | Self::Ask { permit, .. } => &permit.decision,
            Self::Deny { decision, .. } => decision,
        }
    }
}

impl HiddenBy {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Environment => "environment",
            Self::Sunset => "sunset",
        }
    }
}

/// Whether `value` is known and one of `allowed`; without a list, everything is.
fn among(allowed: Option<&BTreeSet<String>>, value: Option<&str>) -> bool {
    allowed.is_none_or(|allowed| value.is_some_and(|value| allowed.contains(value)))
}

#[cfg(test)]
mod tests;
