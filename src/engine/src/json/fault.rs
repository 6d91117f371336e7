//! Why a text is not strict JSON.

use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Bytes from the start of the text.
    pub offset: usize,
}

/// The ways in which a text can fail to be strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not the grammar of RFC 8259; also a text that ends early.
    Syntax,
    /// Something other than white space after the value.
    TrailingData,
    /// A key twice in one object, after unescaping.
    DuplicateKey,
    /// A letter of a key is written as an escape; only [`Doc::check_keys`](super::Doc::check_keys)
    /// minds.
    OddKey,
    /// Not UTF-8, or a byte order mark in front.
    Utf8,
    /// An escape that is half of a surrogate pair.
    LoneSurrogate,
    /// A number beyond the range of a double, or longer than
    /// [`MAX_NUMBER`](super::Doc::MAX_NUMBER).
    Number,
    /// Deeper than [`MAX_DEPTH`](super::Doc::MAX_DEPTH).
    Depth,
    /// More than [`MAX_NODES`](super::Doc::MAX_NODES) values and keys, or more than 4 GiB.
    TooManyNodes,
}

impl FaultKind {
    /// One token for logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TrailingData => "trailing_data",
            Self::DuplicateKey => "duplicate_key",
            Self::OddKey => "escaped_key",
            Self::Utf8 => "not_utf8",
            Self::LoneSurrogate => "lone_surrogate",
            Self::Number => "number_out_of_range",
            Self::Depth => "too_deep",
            Self::TooManyNodes => "too_many_values",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not JSON",
            Self::TrailingData => "data after the JSON value",
            Self::DuplicateKey => "duplicate object key",
            Self::OddKey => "an object key with letters written as escapes",
            Self::Utf8 => "not UTF-8 without a byte order mark",
            Self::LoneSurrogate => "unpaired surrogate in a string",
            Self::Number => "number out of range",
            Self::Depth => "nested too deep",
            Self::TooManyNodes => "too many values",
        })
    }
}

impl std::error::Error for Fault {}
