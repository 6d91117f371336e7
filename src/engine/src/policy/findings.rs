//! How the rules see one call, and what follows from it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Cause, Decision, Permit, Redactions, Verdict,
    rule::{Match, Rule},
};
use crate::{
    approval::{Approver, Need},
    condition,
    config::Effect,
    limit::Limit,
    registry::Entry,
};

/// How the rules see one call.
#[derive(Clone, Default)]
pub(super) struct Findings<'p> {
    /// Rules that match, in order.
    pub(super) matched: Vec<&'p Rule>,
    /// Rules that match where what is not known yet allows it.
    pub(super) possible: Vec<&'p Rule>,
    /// The first rule whose condition failed.
    pub(super) fault: Option<(&'p Rule, condition::Fault)>,
    /// The first rule that would not deny, if only the token had its scopes.
    pub(super) unscoped: Option<&'p Rule>,
}

impl<'p> Findings<'p> {
    /// Adds how one rule sees the call.
    pub(super) fn add(&mut self, rule: &'p Rule, matches: &Result<Match, condition::Fault>) {
        match matches {
            Ok(Match::Yes) => self.matched.push(rule),
            Ok(Match::Possible) => self.possible.push(rule),
            Ok(Match::Unscoped) if rule.effect != Effect::Deny => {
                self.unscoped.get_or_insert(rule);
            }
            Ok(Match::Unscoped | Match::No) => {}
            Err(fault) => {
                self.fault.get_or_insert_with(|| (rule, fault.clone()));
            }
        }
    }

    /// Counts what is not known against the call.
    pub(super) fn assume_the_worst(&mut self) -> &Self {
        let possible = self.possible.drain(..);
        self.matched
            .extend(possible.filter(|rule| rule.effect != Effect::Allow));
        self
    }

    /// What holds for what comes of a call, long after it: all that a rule demands that may have let
    /// it through. The limits were held against the call.
    pub(super) fn aftermath(&mut self, entry: &Entry) -> Permit {
        self.matched.append(&mut self.possible);
        Permit::new(self.decision(None, entry), Vec::new())
    }

    /// The strictest of what was found.
    pub(super) fn verdict(&self, entry: &Entry) -> Verdict {
        let deciding = self.first(|rule| rule.effect == Effect::Deny);
        if let Some(rule) = deciding {
            return Verdict::deny(self.decision(Some(rule), entry), Cause::Rule);
        }
        if let Some((rule, fault)) = &self.fault {
            let cause = Cause::ConditionFailed {
                rule: rule.id.clone(),
                fault: fault.clone(),
            };
            return Verdict::deny(self.decision(Some(rule), entry), cause);
        }
        // Somebody with a role is a stricter approver than the user, and both than nobody.
        let deciding = self
            .first(|rule| rule.effect == Effect::ApprovalRequired && !rule.confirmed_by_user)
            .or_else(|| self.first(|rule| rule.effect == Effect::ApprovalRequired))
            .or_else(|| self.first(|_| true));
        let Some(rule) = deciding else {
            let cause = match self.unscoped {
                Some(rule) => Cause::MissingScope(scopes(entry, Some(rule))),
                None => Cause::NoRule,
            };
            return Verdict::deny(self.decision(None, entry), cause);
        };
        let permit = Permit::new(self.decision(Some(rule), entry), self.limits(entry));
        if rule.effect == Effect::Allow && !entry.approval_required {
            return Verdict::Allow(permit);
        }
        let Some(needs) = self.needs(entry) else {
            // No configuration that compiles leads here; where nobody can approve, nothing happens.
            return Verdict::deny(permit.decision().clone(), Cause::NoRule);
        };
        Verdict::Ask {
            permit,
            needs,
            wait: self
                .asking()
                .map(|rule| rule.wait)
                .max()
                .unwrap_or_default(),
            expires: self.asking().filter_map(|rule| rule.expires).min(),
        }
    }

    /// Rules that match and ask for an approval.
    fn asking(&self) -> impl Iterator<Item = &Rule> {
        let asks = |rule: &&Rule| rule.effect == Effect::ApprovalRequired;
        self.matched.iter().copied().filter(asks)
    }

    /// What all of them need together; `None`: somebody has to approve, and nobody says who.
    fn needs(&self, entry: &Entry) -> Option<Vec<Need>> {
        let of_entry = entry.approver_role.as_ref();
        let mut needs = BTreeMap::new();
        let mut add = |approver, approvals: u32| {
            let most: &mut u32 = needs.entry(approver).or_default();
            *most = approvals.max(*most);
        };
        for rule in self.asking() {
            let approver = match rule.confirmed_by_user {
                true => Approver::User,
                false => Approver::Role(rule.approver_role.as_ref().or(of_entry)?.clone()),
            };
            add(approver, rule.approvals);
        }
        if entry.approval_required && self.asking().all(|rule| rule.confirmed_by_user) {
            // The entry itself asks: those whom the rules that let it through name, or its own role.
            let rules = self.matched.iter();
            let mut roles: Vec<_> = rules
                .filter_map(|rule| rule.approver_role.as_ref())
                .collect();
            if roles.is_empty() {
                roles.push(of_entry?);
            }
            for role in roles {
                add(Approver::Role(role.clone()), 1);
            }
        }
        let need = |(approver, approvals)| Need {
            approver,
            approvals,
        };
        Some(needs.into_iter().map(need).collect())
    }

    /// All limits together, each once.
    fn limits(&self, entry: &Entry) -> Vec<Arc<Limit>> {
        let mut limits = entry.limits.clone();
        for limit in self.matched.iter().flat_map(|rule| &rule.limits) {
            if !limits.iter().any(|known| known.name == limit.name) {
                limits.push(Arc::clone(limit));
            }
        }
        limits
    }

    fn first(&self, wanted: impl Fn(&Rule) -> bool) -> Option<&Rule> {
        self.matched
            .iter()
            .copied()
            .filter(|rule| wanted(rule))
            .min_by_key(|rule| rule.place)
    }

    /// What all of them take out, and the entry itself.
    fn redactions(&self, entry: &Entry) -> Arc<Redactions> {
        let mut all = Redactions::of(entry);
        for rule in &self.matched {
            all.join(&rule.redactions);
        }
        Arc::new(all)
    }

    fn decision(&self, deciding: Option<&Rule>, entry: &Entry) -> Decision {
        Decision {
            rule: deciding.map(|rule| rule.id.clone()),
            reason: deciding.and_then(|rule| rule.reason.clone()),
            matched: self.matched.iter().map(|rule| rule.id.clone()).collect(),
            redactions: self.redactions(entry),
        }
    }
}

/// All scopes that a use of `entry` under `rule` needs, each once.
pub(super) fn scopes(entry: &Entry, rule: Option<&Rule>) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    let of_rule = rule
        .into_iter()
        .flat_map(|rule| &rule.scopes)
        .map(String::as_str);
    for scope in entry.scopes().chain(of_rule) {
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}
