//! Text from strangers, with what hides in it made visible.

use std::{borrow::Cow, fmt::Write as _};

pub(crate) use engine::visible::is_hidden;

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

#[cfg(test)]
mod tests;
