//! What people see of a text, beside what a program reads: characters that do not show, and names that
//! look the same.

use std::{collections::BTreeMap, sync::OnceLock};

mod lookalikes;

/// Whether a character shows as nothing or changes how others show: controls but for line feed and
/// tab, Unicode's format characters and default ignorables, separators of lines and paragraphs,
/// private use.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// The first character of `text` that is read and not seen.
#[must_use]
pub fn hidden(text: &str) -> Option<char> {
    let mut before = ' ';
    text.chars().find(|character| {
        let joins = std::mem::replace(&mut before, *character) >= '\u{2190}';
        match character {
            '\r' => false,
            // It joins emoji.
            '\u{200d}' if joins => false,
            other => is_hidden(*other),
        }
    })
}

/// What is the same for names that look the same: what looks like ASCII is that (UTS #39), whatever
/// its letter case and without what separates words.
#[must_use]
pub fn looks(name: &str) -> String {
    static SHAPES: OnceLock<BTreeMap<char, &'static str>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let groups = lookalikes::LOOKALIKES.iter();
        groups
            .flat_map(|(shape, all)| all.chars().map(|one| (one, *shape)))
            .collect()
    });
    let mut shape = String::with_capacity(name.len());
    for character in name.chars().filter(|character| !is_hidden(*character)) {
        match shapes.get(&character) {
            Some(alike) => shape.push_str(alike),
            None => shape.push(character),
        }
    }
    let parts = shape
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | '/' | ' '));
    parts.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
