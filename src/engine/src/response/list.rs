//! Lists as one caller may see them: what it may not use is left out, and so is what nobody reviewed;
//! what stays is described in the registry's words.

mod memory;
mod words;

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    config::Drift,
    cx::Cx,
    json::{Node, Splice},
    policy::Policy,
    registry::{Entry, List, hides, pattern::Glob, template},
};

use super::{Terms, Told};

pub use memory::drifted;

/// What changes in `result` where it lists something.
pub(super) fn filter(
    result: Node<'_>,
    terms: &Terms,
    policy: &Policy,
    cx: &Cx<'_>,
    told: &mut Told,
) -> Vec<Splice> {
    let mut edits = Vec::new();
    let listing: Vec<_> = List::ALL
        .into_iter()
        .filter_map(|list| Some((list, result.get(list.member())?)))
        .collect();
    let whole = terms.whole && result.get("nextCursor").is_none();
    for (list, items) in &listing {
        let mut eyes = Eyes {
            terms,
            policy,
            cx,
            list: *list,
            told,
        };
        eyes.filter(*items, whole, &mut edits);
    }
    if !listing.is_empty() && result.get("cacheScope").is_some() {
        // What one caller sees must not be served to another, nor outlive the policy for long.
        edits.push(result.set("cacheScope", r#""private""#));
        let ttl = result.get("ttlMs").and_then(Node::f64).unwrap_or_default();
        if ttl > MAX_TTL_MS {
            edits.push(result.set("ttlMs", "60000"));
        }
    }
    edits
}

/// One list, through the eyes of one caller.
struct Eyes<'a> {
    terms: &'a Terms,
    policy: &'a Policy,
    cx: &'a Cx<'a>,
    list: List,
    told: &'a mut Told,
}

impl<'a> Eyes<'a> {
    fn filter(&mut self, items: Node<'_>, whole: bool, edits: &mut Vec<Splice>) {
        let mut hidden = Vec::new();
        let mut names = BTreeSet::new();
        for (at, item) in items.items().enumerate() {
            match self.item(item, &mut names) {
                Some(changes) => {
                    self.told.listed.shown += 1;
                    edits.extend(changes);
                }
                None => {
                    self.told.listed.hidden += 1;
                    hidden.push(at);
                }
            }
        }
        edits.extend(items.remove_items(&hidden));
        if whole {
            self.vanished(&names);
        }
    }

    /// What changes in an item; `None`: it is left out.
    fn item<'n>(
        &mut self,
        item: Node<'n>,
        names: &mut BTreeSet<Cow<'n, str>>,
    ) -> Option<Vec<Splice>> {
        let name = item.get(self.list.key())?.str()?;
        let again = !names.insert(name.clone());
        let entry = match self.entry(&name) {
            Some(entry) if !again => self.version(entry)?,
            found => {
                // Which of two is meant by a name is for the server to say, and nobody can hear it.
                let stranger = || self.policy.registry().stranger(self.list.kind(), &name);
                let what = found.map_or_else(|| stranger().as_str(), |_| "duplicate");
                self.tell(&name, what, Some(Drift::Hide));
                return None;
            }
        };
        let mode = self.policy.drift();
        let mut drift = Vec::new();
        let own = self.is_announced_as(&name, entry);
        if own {
            drift = entry.drift(item);
            if mode == Drift::Hide {
                memory::keep(entry, !drift.is_empty(), self.cx.store);
            }
        }
        let words = words::of(entry, own, mode, &drift);
        let obscure = hides(item);
        let left_out = !self.terms.sees(entry, self.policy, self.cx)
            || (mode == Drift::Hide && !drift.is_empty())
            || (obscure && words::leave_hidden(&words, item));
        let fate = |action| if left_out { Drift::Hide } else { action };
        for what in drift {
            // Calls are held to the registry's contract: no other is ever shown.
            let shown = if words::is_contract(what) {
                Drift::Replace
            } else {
                mode
            };
            self.tell(&name, what, Some(fate(shown)));
        }
        if obscure {
            self.tell(&name, "hidden_characters", Some(fate(Drift::Replace)));
        }
        (!left_out).then(|| words::edits(&words, item))
    }

    /// Tells what this caller might use and the server has no more.
    fn vanished(&mut self, names: &BTreeSet<Cow<'_, str>>) {
        let names: BTreeSet<_> = names.iter().map(|name| self.registered(name)).collect();
        let registry = self.policy.registry();
        for entry in registry.of(&self.terms.server, self.list.kind()) {
            // That a server lists all that a pattern of somebody's own stands for is not said.
            let expected = match self.list {
                List::Tools | List::Prompts => true,
                List::Resources => entry.pin.is_some() && !Glob::is_glob(&entry.name),
                List::Templates => entry.pin.is_some() && Glob::is_glob(&entry.name),
            };
            let gone = expected && !names.contains(entry.backend_name.as_str());
            if gone && self.terms.sees(entry, self.policy, self.cx) {
                self.tell(&entry.backend_name, "vanished", None);
            }
        }
    }

    /// The registered entry behind a listed item.
    fn entry(&self, name: &str) -> Option<&'a Entry> {
        let registry = self.policy.registry();
        let server = &self.terms.server;
        match self.list {
            List::Tools => registry.tool_by_backend(server, name),
            List::Prompts => registry.prompt_by_backend(server, name),
            List::Resources | List::Templates => registry.resource(server, name),
        }
    }

    /// The version of an entry that this caller has, if it goes by the same name here.
    fn version(&self, entry: &'a Entry) -> Option<&'a Entry> {
        let (who, session) = (self.terms.principal.who(), self.terms.session.as_deref());
        let server = Some(self.terms.server.as_str());
        let registry = self.policy.registry();
        let version = registry.chosen(entry, who, session, server);
        let here = (&version.server, &version.backend_name);
        (here == (&entry.server, &entry.backend_name)).then_some(version)
    }

    /// Whether the entry is of this very item, and not of a pattern that stands for more.
    fn is_announced_as(&self, name: &str, entry: &Entry) -> bool {
        self.registered(name) == entry.backend_name
    }

    /// The form of a listed name in which the registry has it.
    fn registered<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match self.list {
            List::Templates => template(name).into(),
            List::Tools | List::Resources | List::Prompts => name.into(),
        }
    }

    fn tell(&mut self, name: &str, what: &'static str, action: Option<Drift>) {
        let kind = self.list.kind().as_str();
        self.told.drifts.add(kind, name, what, action);
    }
}

const MAX_TTL_MS: f64 = 60_000.0;

#[cfg(test)]
mod tests;
