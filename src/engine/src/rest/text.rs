//! Texts with slots, as they are written.

use crate::json::Pointer;

/// A text with slots.
#[derive(Debug)]
pub(super) struct Text(pub(super) Vec<Piece>);

#[derive(Debug)]
pub(super) enum Piece {
    Plain(String),
    /// Where in the arguments its value is.
    Slot(Pointer),
}

impl Text {
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = written;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at_checked(at).unwrap_or((rest, ""));
            plain.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some(after) = brace.strip_prefix('{') {
                let closed = after
                    .split_once('}')
                    .filter(|(name, _)| !name.contains('{'));
                let (name, after) = closed.ok_or("`{` is not closed: write `{{` for a brace")?;
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Slot(slot(name)?));
                rest = after;
            } else {
                return Err("`}` closes nothing: write `}}` for a brace".to_owned());
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    /// Its slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Pointer> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(slot),
            Piece::Plain(_) => None,
        })
    }

    /// What is written beside them.
    pub(super) fn plain(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Plain(text) => Some(text.as_str()),
            Piece::Slot(_) => None,
        })
    }

    /// Its slot, where it is nothing else.
    pub(super) fn only_slot(&self) -> Option<&Pointer> {
        match self.0.as_slice() {
            [Piece::Slot(slot)] => Some(slot),
            _ => None,
        }
    }
}

/// An argument by its name, or by its place.
fn slot(name: &str) -> Result<Pointer, String> {
    let pointer = match name.starts_with('/') {
        true => Pointer::parse(name),
        false => Some(Pointer::new(std::iter::once(name.to_owned()))),
    };
    let one = pointer.filter(|it| !name.is_empty() && !it.parts().iter().any(|part| part == "*"));
    one.ok_or_else(|| {
        format!("`{{{name}}}` is neither the name of an argument nor a JSON Pointer to one value")
    })
}
