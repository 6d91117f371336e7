//! Which rules changed, and of which of them nothing was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{config::Config, limit::Limit, policy::Policy};
use serde_json::Value as Json;

use super::{
    change::{Change, Direction},
    effect::Pair,
    facts::written,
    limits::limits,
};
use crate::inputs::Loaded;

/// The rules of both policies, as they are written.
pub(super) struct Rules<'p> {
    old: BTreeMap<&'p str, Json>,
    new: BTreeMap<&'p str, Json>,
    /// Where the new ones are written.
    places: BTreeMap<&'p str, &'p str>,
    /// Whether the policies are the same beside their rules.
    pub(super) same_beside: bool,
}

impl<'p> Rules<'p> {
    pub(super) fn new(old: &'p Loaded, new: &'p Loaded) -> Self {
        let places = new
            .policy
            .rules()
            .iter()
            .take(new.config.policy.rules.len());
        Self {
            old: by_id(old),
            new: by_id(new),
            places: places
                .map(|rule| (rule.id.as_str(), rule.at.as_str()))
                .collect(),
            same_beside: beside(&old.config) == beside(&new.config),
        }
    }

    /// Whether the same rules are about an entry on both sides.
    pub(super) fn same_about(&self, pair: &Pair<'p>) -> bool {
        let about = |policy: &'p Policy, entry: Option<_>, rules: &BTreeMap<&str, Json>| {
            let about = entry.into_iter().flat_map(|entry| policy.about(entry));
            about
                .map(|rule| rules.get(rule.id.as_str()).cloned())
                .collect::<Vec<_>>()
        };
        about(pair.old.policy, pair.old.entry, &self.old)
            == about(pair.new.policy, pair.new.entry, &self.new)
    }

    /// Rules that changed and did nothing that was seen.
    pub(super) fn without_effect(&self, seen: &BTreeSet<String>) -> Vec<Change> {
        let ids: BTreeSet<_> = self.old.keys().chain(self.new.keys()).collect();
        let changed = ids
            .into_iter()
            .filter(|id| self.old.get(*id) != self.new.get(*id));
        changed
            .filter(|id| !seen.contains(**id))
            .map(|id| {
                let verb = match (self.old.contains_key(id), self.new.contains_key(id)) {
                    (true, true) => "changed",
                    (true, false) => "removed",
                    (false, _) => "added",
                };
                let message = format!("{verb}; no call shows an effect");
                let at = self.places.get(id).map(|at| (*at).to_owned());
                Change::new(Direction::Changed, format!("rule {id}"), message, at)
            })
            .collect()
    }
}

/// How the limits of rules changed.
pub(super) fn limited(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let (old, new) = (limits_by_rule(old), limits_by_rule(new));
    let ids: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let of = |id: &str| {
        let (was, is) = (old.get(id).copied(), new.get(id).copied());
        let mut changes = limits(
            &format!("rule {id}"),
            was.unwrap_or_default(),
            is.unwrap_or_default(),
        );
        if was.is_none() || is.is_none() {
            // What a rule lets through comes and goes with it.
            for change in &mut changes {
                change.direction = Direction::Changed;
            }
        }
        changes
    };
    ids.into_iter().flat_map(of).collect()
}

fn limits_by_rule(side: &Loaded) -> BTreeMap<&str, &[Arc<Limit>]> {
    let live = side.policy.rules().iter().filter(|rule| rule.live);
    live.map(|rule| (rule.id.as_str(), rule.limits.as_slice()))
        .collect()
}

/// A policy without its rules and its version.
pub(super) fn beside(config: &Config) -> Json {
    let mut policy = written(&config.policy);
    if let Some(members) = policy.as_object_mut() {
        members.retain(|name, _| !["rules", "denied_tools", "version"].contains(&name.as_str()));
    }
    policy
}

/// The rules of the policy that decides; those of one that is tried beside it come after them.
fn by_id(side: &Loaded) -> BTreeMap<&str, Json> {
    let rules = side.policy.rules().iter().zip(&side.config.policy.rules);
    rules
        .map(|(rule, source)| {
            let mut source = written(source);
            // An id says nothing about calls, and one that is not written is a place. Limits, and
            // what is taken out, are told by themselves.
            if let Some(members) = source.as_object_mut() {
                members.retain(|name, _| {
                    !["id", "limits", "redact", "audit"].contains(&name.as_str())
                });
            }
            (rule.id.as_str(), source)
        })
        .collect()
}
