//! Text from strangers, with what hides in it made visible.

use std::{borrow::Cow, fmt::Write as _};

/// `text` with everything that shows as nothing, or changes how the rest shows, written as `\u{..}`:
/// an escape sequence must not reach the terminal, nor hidden words a reviewer.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a string does not fail.
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// The first character of `text` that is read and not seen.
pub(crate) fn hidden(text: &str) -> Option<char> {
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

/// Whether a character shows as nothing or changes how others show: controls but for line feed and
/// tab, Unicode's format characters and default ignorables, separators of lines and paragraphs,
/// private use.
pub(crate) const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
