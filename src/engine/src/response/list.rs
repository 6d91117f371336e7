//! Lists as one caller may see them: what it may not use is left out, and what stays is described in
//! the registry's words.

use crate::{
    call::{Call, Partial},
    cx::Timestamp,
    json::{Node, Splice, quote},
    policy::Policy,
    record::Listed,
    registry::Entry,
};

use super::Terms;

/// What changes in `result` where it lists something.
pub(super) fn filter(
    result: Node<'_>,
    terms: &Terms,
    policy: &Policy,
    now: Timestamp,
    listed: &mut Listed,
) -> Vec<Splice> {
    let mut edits = Vec::new();
    let lists = [List::Tools, List::Resources, List::Templates, List::Prompts];
    let listing: Vec<_> = lists
        .into_iter()
        .filter_map(|list| Some((list, result.get(list.member())?)))
        .collect();
    for (list, items) in &listing {
        let eyes = Eyes { terms, policy, now };
        eyes.filter(*list, *items, &mut edits, listed);
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

/// A kind of list.
#[derive(Clone, Copy, Debug)]
enum List {
    Tools,
    Resources,
    Templates,
    Prompts,
}

impl List {
    const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member by which an item is known to its server.
    const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }
}

struct Eyes<'a> {
    terms: &'a Terms,
    policy: &'a Policy,
    now: Timestamp,
}

impl Eyes<'_> {
    fn filter(&self, list: List, items: Node<'_>, edits: &mut Vec<Splice>, listed: &mut Listed) {
        let mut hidden = Vec::new();
        for (at, item) in items.items().enumerate() {
            match self.entry(list, item) {
                Some(entry) => {
                    listed.shown += 1;
                    describe(list, item, entry, edits);
                }
                None => {
                    listed.hidden += 1;
                    hidden.push(at);
                }
            }
        }
        edits.extend(items.remove_items(&hidden));
    }

    /// The registered entry behind a listed item, if this caller may use it.
    fn entry(&self, list: List, item: Node<'_>) -> Option<&Entry> {
        let name = item.get(list.key())?.str()?;
        let registry = self.policy.registry();
        let server = &self.terms.server;
        let entry = match list {
            List::Tools => registry.tool_by_backend(server, &name)?,
            List::Prompts => registry.prompt_by_backend(server, &name)?,
            List::Resources | List::Templates => registry.resource(server, &name)?,
        };
        let call = Call {
            principal: &self.terms.principal,
            entry,
            args: Partial::Unknown,
            meta: Partial::Unknown,
            session: self.terms.session.as_deref(),
            now: self.now,
        };
        self.policy.visible(&call).then_some(entry)
    }
}

/// Puts the registry's words in place of the server's. Where the registry has none, a description
/// goes: nobody has read what the server would say. That of a resource stays, since one pattern
/// stands for many.
fn describe(list: List, item: Node<'_>, entry: &Entry, edits: &mut Vec<Splice>) {
    let mut put = |key: &str, text: Option<String>| match text {
        Some(text) => {
            if item.get(key).is_none_or(|old| old.raw() != text) {
                edits.push(item.set(key, &text));
            }
        }
        None => edits.extend(item.remove(key)),
    };
    let description = entry.description.as_deref().map(quote);
    match list {
        List::Tools => {
            put("name", Some(quote(&entry.name)));
            put("description", description);
            put("inputSchema", Some(entry.input.source().to_string()));
            put(
                "outputSchema",
                entry
                    .output
                    .as_ref()
                    .map(|schema| schema.source().to_string()),
            );
            for (name, value) in &entry.members {
                put(name, Some(value.to_string()));
            }
        }
        List::Prompts => {
            put("name", Some(quote(&entry.name)));
            put("description", description);
        }
        List::Resources | List::Templates if description.is_some() => {
            put("description", description);
        }
        List::Resources | List::Templates => {}
    }
    if let Some(title) = &entry.title {
        put("title", Some(quote(title)));
    }
}

const MAX_TTL_MS: f64 = 60_000.0;
