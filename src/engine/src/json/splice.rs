//! Edits by span: what is not named stays byte for byte.

use std::{cmp::Reverse, ops::Range};

use super::{Kind, Member, Node, quote};

/// Puts `with` in the place of the bytes at `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes to replace, counted in the original text; an empty range inserts.
    pub at: Range<usize>,
    /// What stands there afterwards.
    pub with: Vec<u8>,
}

/// Applies edits made for one text, in any order.
///
/// Of edits that overlap, the outer or first one holds; removals that overlap are joined. Edits
/// begin and end between JSON tokens. Where edits meet, commas that separate nothing any more are
/// dropped, so that edits made independently of each other compose.
#[must_use]
pub fn splice(bytes: &[u8], mut edits: Vec<Splice>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.at.start, !edit.at.is_empty(), Reverse(edit.at.end)));
    let mut out =
        Vec::with_capacity(bytes.len() + edits.iter().map(|edit| edit.with.len()).sum::<usize>());
    let mut kept = 0;
    let mut removing = false;
    for Splice { at, with } in edits {
        let end = at.end.min(bytes.len());
        if at.start < kept {
            if removing && with.is_empty() {
                kept = kept.max(end);
            }
            continue;
        }
        if let Some(between) = bytes.get(kept..at.start) {
            append(&mut out, between);
            append(&mut out, &with);
            kept = end.max(at.start);
            removing = with.is_empty();
        }
    }
    append(&mut out, bytes.get(kept..).unwrap_or_default());
    out
}

/// Appends a piece, and drops the comma at the seam if it has nothing before or nothing behind it.
fn append(out: &mut Vec<u8>, piece: &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    let mut piece = piece;
    if let (Some(last), Some(first)) = (
        out.iter().rposition(|byte| !blank(byte)),
        piece.iter().position(|byte| !blank(byte)),
    ) {
        match (out.get(last), piece.get(first)) {
            (Some(b'{' | b'[' | b','), Some(b',')) => {
                piece = piece.get(first + 1..).unwrap_or_default()
            }
            (Some(b','), Some(b'}' | b']')) => out.truncate(last),
            _ => {}
        }
    }
    out.extend_from_slice(piece);
}

impl Node<'_> {
    /// Sets an object's member: replaces its value, or inserts it as the last one. `json` is the
    /// new value's text. Inserting one key twice is the caller's mistake; for anything but an
    /// object nothing changes.
    #[must_use]
    pub fn set(self, key: &str, json: &str) -> Splice {
        if let Some(member) = self.member(key) {
            return Splice {
                at: member.value().span(),
                with: json.into(),
            };
        }
        let end = match (self.kind(), self.members().last()) {
            (Kind::Object, Some(last)) => last.span().end,
            (Kind::Object, None) => self.span().start + 1,
            _ => {
                return Splice {
                    at: self.span().end..self.span().end,
                    with: Vec::new(),
                };
            }
        };
        // In an empty object the seam drops the comma.
        Splice {
            at: end..end,
            with: format!(",{}:{json}", quote(key)).into_bytes(),
        }
    }

    /// Adds an item to an array as its last one; for anything but an array nothing changes.
    #[must_use]
    pub fn push(self, json: &str) -> Splice {
        let (at, with) = match (self.kind(), self.items().last()) {
            (Kind::Array, Some(last)) => (last.span().end, format!(",{json}")),
            (Kind::Array, None) => (self.span().start + 1, json.to_owned()),
            (_, _) => (self.span().end, String::new()),
        };
        Splice {
            at: at..at,
            with: with.into_bytes(),
        }
    }

    /// Removes an object's member with its comma; `None` if there is no such member.
    #[must_use]
    pub fn remove(self, key: &str) -> Option<Splice> {
        let index = self.members().position(|member| member.key() == key)?;
        removals(self.members().map(Member::span), &[index]).pop()
    }

    /// Removes the object's members at these indices with their commas; indices beyond the end are
    /// ignored.
    #[must_use]
    pub fn remove_members(self, drop: &[usize]) -> Vec<Splice> {
        removals(self.members().map(Member::span), drop)
    }

    /// Removes the array's items at these indices with their commas; indices beyond the end are
    /// ignored.
    #[must_use]
    pub fn remove_items(self, drop: &[usize]) -> Vec<Splice> {
        removals(self.items().map(Node::span), drop)
    }
}

/// Removals of some of the siblings at `spans`: up to the next one, or for the last from the one
/// before.
fn removals(spans: impl Iterator<Item = Range<usize>>, drop: &[usize]) -> Vec<Splice> {
    let spans: Vec<_> = spans.collect();
    let removal = |index: usize| {
        let span = spans.get(index)?;
        let at = match (
            spans.get(index + 1),
            index.checked_sub(1).and_then(|before| spans.get(before)),
        ) {
            (Some(next), _) => span.start..next.start,
            (None, Some(before)) => before.end..span.end,
            (None, None) => span.clone(),
        };
        Some(Splice {
            at,
            with: Vec::new(),
        })
    };
    drop.iter().filter_map(|index| removal(*index)).collect()
}
