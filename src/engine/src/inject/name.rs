//! Names of tools, and whose they are.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Rule};

/// The servers that have a tool of a name.
#[derive(Debug)]
pub(super) struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    pub(super) fn new<'a>(tools: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, server) in tools {
            let servers = names.entry(name.to_owned()).or_default();
            servers.insert(server.to_owned());
        }
        Self(names)
    }

    /// Whether a name is that of a tool, and only other servers have it. A name that is also a word
    /// of the language is one in quotes.
    pub(super) fn is_foreign(&self, name: &str, quoted: bool, server: &str) -> bool {
        (quoted || is_telling(name))
            && (self.0.get(name)).is_some_and(|servers| !servers.contains(server))
    }

    /// Every telling name of another server's tool in a text.
    pub(super) fn mentions(&self, text: &str, server: &str) -> impl Iterator<Item = Found> {
        let words = text.split(|c| !Self::is_part(c));
        words.filter_map(move |word| {
            let name = word.trim_matches(['.', '-', '/']);
            // Both are parts of one text: so far is the one from the other's beginning.
            let start = name.as_ptr() as usize - text.as_ptr() as usize;
            self.is_foreign(name, false, server).then(|| Found {
                rule: Rule::ToolMention,
                at: start..start + name.len(),
            })
        })
    }

    /// Whether a character can be part of a name.
    pub(super) const fn is_part(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
    }
}

/// Whether a name is not also a word of the language.
fn is_telling(name: &str) -> bool {
    name.len() > 4 && name.chars().skip(1).any(|c| !c.is_lowercase())
}
