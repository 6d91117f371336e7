//! What is registered as MCP lists show it, in the registry's words.

use std::{collections::BTreeMap, ops::Bound};

use super::{Entry, Kind, Registry, pattern::Glob};
use crate::json::quote;

/// A list of MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// `tools/list`.
    Tools,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `prompts/list`.
    Prompts,
}

/// A member of a listed item, and its JSON; `None`: it has no such member.
pub(crate) type Word = (&'static str, Option<String>);

impl List {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// The member of the result that holds it.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member by which an item is known to its server.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    /// What it lists.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Tools => Kind::Tool,
            Self::Resources | Self::Templates => Kind::Resource,
            Self::Prompts => Kind::Prompt,
        }
    }
}

impl Registry {
    /// What `list` shows, in its order: by [`Entry::listed_as`], from the one after `after`.
    ///
    /// Patterns are in no list, but for those that have a template.
    pub fn listed(&self, list: List, after: Option<&str>) -> impl Iterator<Item = &Entry> {
        let slots = match list {
            List::Tools => &self.tools.stable,
            List::Prompts => &self.prompts.stable,
            List::Resources => &self.uris,
            List::Templates => &self.templates,
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let slots = slots.range::<str, _>((start, Bound::Unbounded));
        slots.filter_map(|(_, slot)| self.entries.get(*slot))
    }

    /// Files a resource under what lists know it by.
    pub(super) fn show(&mut self, resource: &Entry) {
        let shown = match &resource.template {
            Some(template) => Some((&mut self.templates, template)),
            None if Glob::is_glob(&resource.name) => None,
            None => Some((&mut self.uris, &resource.name)),
        };
        if let Some((slots, name)) = shown {
            let slots: &mut BTreeMap<_, _> = slots;
            slots.entry(name.clone()).or_insert(resource.slot);
        }
    }
}

impl Entry {
    /// What lists know it by: its name, URI or template.
    #[must_use]
    pub fn listed_as(&self) -> &str {
        self.template.as_deref().unwrap_or(&self.name)
    }

    /// The registry's words for it. What is not named is its server's to say.
    ///
    /// Where the registry has no description of a tool or prompt there is none: nobody has read what
    /// the server would say. That of a resource stays, since one pattern stands for many.
    pub(crate) fn words(&self) -> Vec<Word> {
        let description = ("description", self.description.as_deref().map(quote));
        let mut words = match self.kind {
            Kind::Tool | Kind::Prompt => vec![("name", Some(quote(&self.name))), description],
            Kind::Resource => self.words_for_many(),
        };
        if self.kind == Kind::Tool {
            let output = self.output.as_ref();
            words.push(("inputSchema", Some(self.input.source().to_string())));
            words.push(("outputSchema", output.map(|it| it.source().to_string())));
        }
        let members = self.members.iter();
        words.extend(members.map(|(key, value)| (*key, Some(value.to_string()))));
        if self.kind != Kind::Resource {
            words.extend(self.titled());
        }
        words
    }

    /// The registry's words for each of those that a pattern stands for.
    pub(crate) fn words_for_many(&self) -> Vec<Word> {
        let description = self.description.as_deref().map(quote);
        let described = description.map(|text| ("description", Some(text)));
        described.into_iter().chain(self.titled()).collect()
    }

    fn titled(&self) -> Option<Word> {
        let title = self.title.as_deref()?;
        Some(("title", Some(quote(title))))
    }

    /// What a list shows of it where no server is asked: one object, the same in both eras.
    pub(crate) fn item(&self) -> &str {
        self.item.get_or_init(|| {
            let known = match (self.kind, &self.template) {
                (Kind::Tool | Kind::Prompt, _) => None,
                (Kind::Resource, Some(template)) => Some(("uriTemplate", quote(template))),
                (Kind::Resource, None) => Some(("uri", quote(&self.name))),
            };
            let words = self.words();
            // MCP has no resource without a name.
            let named = words.iter().any(|(key, _)| *key == "name");
            let name = (!named).then(|| {
                let name = self.title.as_deref().unwrap_or_else(|| self.listed_as());
                ("name", quote(name))
            });
            let words = words
                .into_iter()
                .filter_map(|(key, text)| Some((key, text?)));
            let members = known.into_iter().chain(name).chain(words);
            let members: Vec<_> = members
                .map(|(key, text)| format!("\"{key}\":{text}"))
                .collect();
            format!("{{{}}}", members.join(","))
        })
    }
}

#[cfg(test)]
mod tests;
