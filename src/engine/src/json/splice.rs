//! Edits by span: what no edit names stays byte for byte.

use std::ops::Range;

use super::{Kind, Node};

/// Puts `with` in place of the bytes at `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Which bytes of the document.
    pub at: Range<usize>,
    /// What stands there instead.
    pub with: Vec<u8>,
}

/// `bytes` with all `edits` made. Of two that overlap, the one that starts first is made.
#[must_use]
pub fn splice(bytes: &[u8], mut edits: Vec<Splice>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.at.start, std::cmp::Reverse(edit.at.end)));
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for edit in &edits {
        if edit.at.start < done {
            continue;
        }
        let Some(kept) = bytes.get(done..edit.at.start) else {
            break;
        };
        out.extend_from_slice(kept);
        out.extend_from_slice(&edit.with);
        done = edit.at.end;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out
}

impl Node<'_> {
    /// Gives the member `key` the value `json`, in its place or as the last member.
    #[must_use]
    pub fn set(self, key: &str, json: &str) -> Splice {
        if let Some(old) = self.get(key) {
            return Splice {
                at: old.span(),
                with: json.as_bytes().to_vec(),
            };
        }
        let end = self.span().end.saturating_sub(1);
        let comma = if self.is_empty() { "" } else { "," };
        Splice {
            at: end..end,
            with: format!("{comma}{}:{json}", quote(key)).into_bytes(),
        }
    }

    /// Takes the member `key` out, with its comma.
    #[must_use]
    pub fn remove(self, key: &str) -> Option<Splice> {
        let at = self.members().position(|member| member.key() == key)?;
        let spans: Vec<_> = self
            .members()
            .map(|m| m.key_span().start..m.value().span().end)
            .collect();
        self.cut(&spans, at..at + 1)
    }

    /// Takes the items at these ascending positions out, with their commas.
    #[must_use]
    pub fn remove_items(self, drop: &[usize]) -> Vec<Splice> {
        if self.kind() != Kind::Array || drop.is_empty() {
            return Vec::new();
        }
        let spans: Vec<_> = self.items().map(Self::span).collect();
        let mut cuts = Vec::new();
        let mut drop = drop.iter().copied().peekable();
        while let Some(first) = drop.next() {
            let mut last = first;
            while let Some(next) = drop.next_if_eq(&(last + 1)) {
                last = next;
            }
            cuts.extend(self.cut(&spans, first..last + 1));
        }
        cuts
    }

    /// Takes out a run of members or items, and the commas that are then too many.
    fn cut(self, spans: &[Range<usize>], run: Range<usize>) -> Option<Splice> {
        let first = spans.get(run.start)?;
        let last = spans.get(run.end.checked_sub(1)?)?;
        let at = match (
            spans.get(run.end),
            run.start.checked_sub(1).and_then(|at| spans.get(at)),
        ) {
            (Some(next), _) => first.start..next.start,
            (None, Some(previous)) => previous.end..last.end,
            (None, None) => first.start..last.end,
        };
        Some(Splice {
            at,
            with: Vec::new(),
        })
    }
}

/// `text` as a JSON string literal, quotes included.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{0}'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
