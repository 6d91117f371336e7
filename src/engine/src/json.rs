//! Strict JSON as a tape of spans: one pass, the bytes kept as they came.
//!
//! RFC 8259 with the interoperable subset of RFC 7493 (I-JSON) enforced: what two parsers could
//! read differently is refused. Noncharacters (U+FFFF and its like) and NUL pass, since all parsers
//! agree on them.
//!
//! - [`Doc`] owns the bytes and the tape; [`Node`] is one value in it, [`Member`] one object member.
//! - Values are read on demand from the bytes, so numbers keep every digit.
//! - Edits name spans ([`Splice`]) and leave everything else byte for byte.
//!
//! The module is compiled for size, where nothing is inlined by itself: what runs for each byte or
//! each value says so.

mod canonical;
mod decimal;
mod fault;
mod node;
mod parse;
mod pointer;
mod splice;
mod tape;
mod text;

pub use decimal::Decimal;
pub use fault::{Fault, FaultKind};
pub use node::{Kind, Member, Node};
pub use pointer::Pointer;
pub use splice::{Splice, splice};
pub use text::quote;

pub(crate) use text::fit;

use tape::Tape;

/// A strictly parsed JSON text: its bytes and a tape of spans over them.
#[derive(Clone)]
pub struct Doc {
    text: String,
    tape: Tape,
    odd_key: Option<usize>,
}

impl Doc {
    /// Arrays and objects may nest this deep; the outermost one counts.
    pub const MAX_DEPTH: usize = 100;
    /// Values and object keys in one text, so that the tape stays below 17 MB.
    pub const MAX_NODES: usize = 1 << 20;
    /// Bytes in one number.
    pub const MAX_NUMBER: usize = 400;

    /// Parses one JSON text in time linear in its size (objects above a few members: n log n in
    /// their keys). A refusal gives the bytes back.
    ///
    /// # Errors
    /// The first [`Fault`], with the bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, (Fault, Vec<u8>)> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let fault = Fault {
                    kind: FaultKind::Utf8,
                    offset: error.utf8_error().valid_up_to(),
                };
                return Err((fault, error.into_bytes()));
            }
        };
        match parse::parse(&text) {
            Ok((tape, odd_key)) => Ok(Self {
                text,
                tape,
                odd_key,
            }),
            Err(fault) => Err((fault, text.into_bytes())),
        }
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node::root(self)
    }

    /// Refuses object keys in which a letter, a digit, `_` or `-` is written as an escape. They are
    /// JSON; but V8's `JSON.parse` may take one for another key that an earlier text had
    /// (nodejs/node#63785), so that what is judged would not be what a server reads.
    ///
    /// # Errors
    /// [`FaultKind::OddKey`]: the first of them.
    pub fn check_keys(&self) -> Result<(), Fault> {
        let kind = FaultKind::OddKey;
        match self.odd_key {
            Some(offset) => Err(Fault { kind, offset }),
            None => Ok(()),
        }
    }

    /// The text as it came, white space around the root included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Gives the text back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

impl std::fmt::Debug for Doc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
