//! What rules take out of results and arguments, before and after.

use std::collections::{BTreeMap, BTreeSet};

use engine::{policy::Rule, redact::By};

use super::change::{Change, Direction};
use crate::inputs::Loaded;

/// How what rules take out changed.
pub(super) fn redacted(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let (old, new) = (by_rule(old), by_rule(new));
    let ids: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let of = |id: &str| changes(old.get(id).copied(), new.get(id).copied());
    ids.into_iter().flat_map(of).collect()
}

fn by_rule(side: &Loaded) -> BTreeMap<&str, &Rule> {
    let live = side.policy.rules().iter().filter(|rule| rule.live);
    live.map(|rule| (rule.id.as_str(), rule)).collect()
}

/// How one rule changed, which is new or gone where it is only on one side.
fn changes(old: Option<&Rule>, new: Option<&Rule>) -> Vec<Change> {
    let Some(rule) = new.or(old) else {
        return Vec::new();
    };
    let both = old.is_some() && new.is_some();
    let at = new.map(|rule| rule.at.clone());
    let change = |direction, message| {
        // What a rule takes out comes and goes with what it lets through.
        let direction = if both { direction } else { Direction::Changed };
        Change::new(direction, format!("rule {}", rule.id), message, at.clone())
    };
    let (was, is) = (items(old), items(new));
    let all: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let differing = all
        .into_iter()
        .filter(|item| was.get(*item) != is.get(*item));
    let mut changes: Vec<_> = differing
        .map(|item| {
            let (was, is) = (was.get(item).copied(), is.get(item).copied());
            let direction = match is < was {
                true => Direction::Wider,
                false => Direction::Narrower,
            };
            let [was, is] = [was, is].map(|by| by.map_or("none", By::as_str));
            change(direction, format!("redact: {item}: {was} -> {is}"))
        })
        .collect();
    let level = |rule: Option<&Rule>| match rule.is_some_and(|rule| rule.redactions.values) {
        true => "full",
        false => "metadata",
    };
    if level(old) != level(new) {
        let message = format!("audit: {} -> {}", level(old), level(new));
        changes.push(change(Direction::Changed, message));
    }
    changes
}

/// By what is taken out of what, how.
fn items(rule: Option<&Rule>) -> BTreeMap<String, By> {
    let parts = rule.into_iter().flat_map(|rule| rule.redactions.parts());
    let items = parts.flat_map(|(part, redaction)| {
        let items = redaction.items();
        items.map(move |(item, by)| (format!("{item} in {part}"), by))
    });
    items.collect()
}
