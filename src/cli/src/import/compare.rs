//! What a server offers beside what the registry knows of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    json::{Doc, quote},
    registry::{Kind, Registry},
};
use serde_json::Value;

use super::{
    drift::{Part, parts},
    offer::{Item, list},
};
use crate::source::{Edit, Entry as Place};

/// What has become of one entry.
pub(super) struct Entry {
    /// `tool`, `resource` or `prompt`; `server` for what a server says of itself.
    pub(super) kind: &'static str,
    /// The name that agents see; for a resource its URI or URI pattern.
    pub(super) name: String,
    pub(super) change: Change,
    /// The server announces characters that do not show.
    pub(super) hides: bool,
}

pub(super) enum Change {
    /// Announced as it was when it was reviewed.
    AsReviewed,
    /// Not in the registry yet.
    New,
    /// Not in the registry, and it cannot be, for this reason.
    Refused(String),
    /// Announced otherwise than when it was reviewed.
    Changed(Vec<Part>),
    /// In the registry without a pin.
    Unpinned,
    /// The server has it no more.
    Vanished,
}

/// An entry of the registry.
struct Known {
    /// Its place in its list.
    index: usize,
    name: String,
    pin: Option<String>,
    /// As it is written.
    written: Value,
}

/// The entries of a server, by kind and by the name that it knows.
fn known(registry: &Registry, server: &str, file: &Value) -> BTreeMap<(Kind, String), Known> {
    let mut counts = BTreeMap::new();
    let mut known = BTreeMap::new();
    for entry in registry.entries() {
        let count = counts.entry(entry.kind).or_insert(0_usize);
        let index = *count;
        *count = count.saturating_add(1);
        if entry.server == server {
            let written = file.get(list(entry.kind)).and_then(|list| list.get(index));
            let known_entry = Known {
                index,
                name: entry.name.clone(),
                pin: entry.pin.clone(),
                written: written.cloned().unwrap_or_default(),
            };
            known.insert((entry.kind, entry.backend_name.clone()), known_entry);
        }
    }
    known
}

/// Holds what is offered against what is known, and edits the registry accordingly: adds what is new,
/// and takes over what has changed if that is accepted.
pub(super) fn compare(
    registry: &Registry,
    file: &Value,
    server: &str,
    items: &[Item],
    accept: bool,
    edit: &mut Edit<'_>,
) -> Vec<Entry> {
    let mut known = known(registry, server, file);
    let names = registry
        .entries()
        .map(|entry| (entry.kind, entry.name.clone()));
    let mut names: BTreeSet<_> = names.collect();
    let mut offered = BTreeSet::new();
    let mut new: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
    let mut entries = Vec::new();
    for item in items {
        let mut name = item.name.clone();
        let change = if !offered.insert((item.kind, &item.name)) {
            Change::Refused("it is announced twice".to_owned())
        } else if let Some(known) = known.remove(&(item.kind, item.name.clone())) {
            let change = change(&known, item);
            if accept {
                take_over(&known, item, &change, edit);
            }
            name = known.name;
            change
        } else if item.kind == Kind::Resource && registry.resource(server, &item.name).is_some() {
            // A pattern stands for it.
            Change::AsReviewed
        } else {
            name = free(item, server, &names);
            match refusal(item, server, &name, &names) {
                Some(reason) => Change::Refused(reason),
                None => {
                    names.insert((item.kind, name.clone()));
                    new.entry(item.kind)
                        .or_default()
                        .push(item.entry(server, &name));
                    Change::New
                }
            }
        };
        entries.push(Entry {
            kind: item.kind.as_str(),
            name,
            change,
            hides: item.hides(),
        });
    }
    for (kind, new) in new {
        edit.append(list(kind), &new);
    }
    // A pattern that somebody wrote may stand for resources that no list names.
    known.retain(|(kind, _), known| *kind != Kind::Resource || known.pin.is_some());
    entries.extend(known.into_iter().map(|((kind, _), known)| Entry {
        kind: kind.as_str(),
        name: known.name,
        change: Change::Vanished,
        hides: false,
    }));
    entries
}

/// The name for a new entry. Names of tools and prompts are for one each, whichever server has it: who
/// comes second gets a longer one.
fn free(item: &Item, server: &str, names: &BTreeSet<(Kind, String)>) -> String {
    if item.kind != Kind::Resource && names.contains(&(item.kind, item.name.clone())) {
        return format!("{server}.{}", item.name);
    }
    item.name.clone()
}

/// Why a new entry cannot be.
fn refusal(
    item: &Item,
    server: &str,
    name: &str,
    names: &BTreeSet<(Kind, String)>,
) -> Option<String> {
    if item.kind != Kind::Resource && names.contains(&(item.kind, name.to_owned())) {
        return Some(format!("`{name}` is registered already"));
    }
    item.refusal(server, name)
}

fn change(known: &Known, item: &Item) -> Change {
    match &known.pin {
        None => Change::Unpinned,
        Some(pin) if *pin == item.pin() => Change::AsReviewed,
        Some(pin) => Change::Changed(parts(item.kind, pin, &known.written, item.announced.root())),
    }
}

/// Makes an entry say what is announced now, but for what was edited by hand.
fn take_over(known: &Known, item: &Item, change: &Change, edit: &mut Edit<'_>) {
    let parts: &[Part] = match change {
        Change::Changed(parts) => parts,
        Change::Unpinned => &[],
        Change::AsReviewed | Change::New | Change::Refused(_) | Change::Vanished => return,
    };
    let (list, place) = (list(item.kind), Place::Item(known.index));
    let own = |text: &str| Doc::parse(text.into()).ok();
    for part in parts.iter().filter(|part| !part.by_hand) {
        let value = item
            .announced
            .root()
            .get(part.key)
            .and_then(|value| own(value.raw()));
        edit.set(list, place, part.key, value);
    }
    edit.set(list, place, "pin", own(&quote(&item.pin())));
}
