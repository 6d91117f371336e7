//! The HTTP that the engine sees and says: bytes in, edits and replies out.

use std::{borrow::Cow, time::Duration};

/// Request or response headers in wire order, pseudo-headers included; names are lower case.
///
/// Values are bytes: a client may send anything, and Envoy hands it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

/// Why a header that must be read once, as text, could not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The header appears more than once.
    Repeated,
    /// The value is not UTF-8.
    NotText,
}

/// What the connection says about the caller, verified by Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Envoy's dynamic metadata of the request: `envoy.config.core.v3.Metadata`, serialized.
    pub metadata: Option<Vec<u8>>,
    /// The first URI SAN of a verified client certificate (a SPIFFE id in a mesh).
    pub uri_san: Option<String>,
    /// The address of the caller, with its port.
    pub address: Option<String>,
}

/// One change to the headers that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Replace all values of this header by one.
    Set(Cow<'static, str>, String),
    /// Remove every value of this header.
    Remove(String),
}

/// What to change in what is passed on; the default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Applied in order, only while the head is still held.
    pub headers: Vec<HeaderEdit>,
    /// Replaces the bytes held since the last `Forward`, and those of the event itself.
    pub body: Option<Vec<u8>>,
    /// Filter state, by name, for the filters after this one.
    pub state: Vec<(String, String)>,
    /// What is passed on goes to this filter itself, which merges what these calls bring for as long
    /// as the stream lives.
    pub feeds: Option<Vec<Callout>>,
    /// No more is merged: the stream ends.
    pub last: bool,
}

/// An answer to the client in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
    /// Why, in one token, for Envoy's `%RESPONSE_CODE_DETAILS%`: `toolgate_unknown_tool`.
    pub details: String,
}

/// A request to somebody beside the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// The Envoy cluster that reaches them.
    pub cluster: String,
    /// Headers, pseudo-headers included.
    pub headers: Vec<(&'static str, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
    /// How long they may take.
    pub timeout: Duration,
}

/// What came back from a [`Callout`].
#[derive(Clone, Debug)]
pub struct Response<'a> {
    /// Headers, pseudo-headers included.
    pub headers: Headers,
    /// Body bytes; of a large one, the beginning is enough.
    pub body: &'a [u8],
}

impl Headers {
    /// Takes pairs as the host gives them. A name that is not UTF-8 can be nobody's header here:
    /// it is kept with replacement characters, so that it is forwarded and never matched.
    pub fn new(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (String::from_utf8_lossy(&name).to_ascii_lowercase(), value))
                .collect(),
        )
    }

    /// Every value of `name` (lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, v)| v.as_slice())
    }

    /// The one value of `name` as text, without surrounding white space; `None` where it is absent.
    ///
    /// # Errors
    /// [`HeaderFault`] when the header is repeated or is not UTF-8.
    pub fn one(&self, name: &str) -> Result<Option<&str>, HeaderFault> {
        let mut values = self
            .0
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| value);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeaderFault::Repeated);
        }
        match std::str::from_utf8(value) {
            Ok(text) => Ok(Some(text.trim_matches([' ', '\t']))),
            Err(_) => Err(HeaderFault::NotText),
        }
    }

    /// Whether `name` (lower case) is present.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_slice()))
    }
}
