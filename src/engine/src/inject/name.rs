//! Names of tools in text.

use super::{Found, Rule};

/// Whether a name is that of a tool of another server. A name that is also a word of the language is
/// one in quotes.
pub(super) fn is_foreign(name: &str, quoted: bool, foreign: &impl Fn(&str) -> bool) -> bool {
    (quoted || is_telling(name)) && foreign(name)
}

/// Every telling name of another server's tool in a text.
pub(super) fn mentions(text: &str, foreign: &impl Fn(&str) -> bool) -> impl Iterator<Item = Found> {
    let words = text.split(|c| !is_part(c));
    words.filter_map(move |word| {
        let name = word.trim_matches(['.', '-', '/']);
        // Both are parts of one text: so far is the one from the other's beginning.
        let start = name.as_ptr() as usize - text.as_ptr() as usize;
        is_foreign(name, false, foreign).then(|| Found {
            rule: Rule::ToolMention,
            at: start..start + name.len(),
        })
    })
}

/// Whether a character can be part of a name.
pub(super) const fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

/// Whether a name is not also a word of the language.
fn is_telling(name: &str) -> bool {
    name.len() > 4 && name.chars().skip(1).any(|c| !c.is_lowercase())
}
