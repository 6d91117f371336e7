//! Strict JSON: one document, read in one pass into a tape of spans over its bytes.
//!
//! What two parsers could read differently is refused (RFC 8259 with the rules of RFC 7493,
//! I-JSON): duplicate keys after unescaping, byte order marks, lone surrogates, numbers beyond
//! binary64. The bytes stay as they are, so that an edit is a splice and everything else is
//! forwarded as it was judged.
//!
//! What this module does not do: keep values. A node reads its text when asked.

use std::fmt;

mod canonical;
mod node;
mod parse;
mod splice;

pub use node::{Kind, Member, Node};
pub use splice::{Splice, quote, splice};

/// A strictly parsed JSON text: its bytes, and where every value lies in them.
#[derive(Clone)]
pub struct Doc {
    text: String,
    tape: Vec<Entry>,
}

/// One value. Members of an object are two entries each: the key, then the value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    /// The entry after this value and all it holds.
    next: u32,
    /// Members or items.
    len: u32,
    kind: Kind,
    /// A string with escapes.
    escaped: bool,
}

/// Why a text is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that is broken.
    pub kind: FaultKind,
    /// Offset of the byte at which that shows.
    pub offset: usize,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// RFC 8259 grammar.
    Syntax,
    /// Something follows the value.
    TrailingData,
    /// Two members of an object have the same key after unescaping.
    DuplicateKey,
    /// Not UTF-8, or a byte order mark.
    Utf8,
    /// An escaped surrogate without its other half.
    LoneSurrogate,
    /// A number that binary64 cannot hold, or of more than 400 characters.
    Number,
    /// Nested too deeply.
    Depth,
    /// Longer than 4 GiB.
    Length,
}

impl Doc {
    /// How deeply arrays and objects may nest: what every official server still reads.
    pub const MAX_DEPTH: usize = 100;

    /// Parses `bytes`; linear in their length, but for the sorting of very large objects' keys.
    ///
    /// # Errors
    /// The first [`Fault`], with the bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, (Fault, Vec<u8>)> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            (
                Fault {
                    kind: FaultKind::Utf8,
                    offset,
                },
                error.into_bytes(),
            )
        })?;
        match parse::tape(&text) {
            Ok(tape) => Ok(Self { text, tape }),
            Err(fault) => Err((fault, text.into_bytes())),
        }
    }

    /// The document's value.
    #[must_use]
    pub const fn root(&self) -> Node<'_> {
        Node::new(self, 0)
    }

    /// The text as it came.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The text as it came.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    fn entry(&self, at: usize) -> Entry {
        self.tape.get(at).copied().unwrap_or(NOTHING)
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FaultKind::Syntax => "not valid JSON",
            FaultKind::TrailingData => "something follows the JSON value",
            FaultKind::DuplicateKey => "an object has the same key twice",
            FaultKind::Utf8 => "not UTF-8 without a byte order mark",
            FaultKind::LoneSurrogate => "an escaped surrogate stands alone",
            FaultKind::Number => "a number is out of range",
            FaultKind::Depth => "nested too deeply",
            FaultKind::Length => "too long",
        };
        write!(f, "{what} (at byte {})", self.offset)
    }
}

/// What stands for an entry that is not there; no public path leads to it.
const NOTHING: Entry = Entry {
    start: 0,
    end: 0,
    next: u32::MAX,
    len: 0,
    kind: Kind::Null,
    escaped: false,
};

#[cfg(test)]
mod tests;
