//! What a server announced of an entry, as one digest: a tool that is described anew, or takes other
//! arguments, is not the tool that somebody reviewed.

use super::Kind;
use crate::{
    digest::sha256,
    json::{Node, quote},
};

impl Kind {
    /// The members that a pin is about, as far as they are announced: what a model is told, and the
    /// contracts.
    #[must_use]
    pub const fn pinned(self) -> &'static [&'static str] {
        match self {
            Self::Tool => &[
                "annotations",
                "description",
                "inputSchema",
                "outputSchema",
                "title",
            ],
            Self::Resource => &["description", "title"],
            Self::Prompt => &["arguments", "description", "title"],
        }
    }
}

/// The pin of an announced tool, resource or prompt: `sha256:` and, in lower-case hexadecimal, the
/// digest of the canonical form (RFC 8785) of its [pinned](Kind::pinned) members.
#[must_use]
pub fn pin(kind: Kind, announced: Node<'_>) -> String {
    let mut canonical = b"{".to_vec();
    for key in kind.pinned() {
        let Some(value) = announced.get(key) else {
            continue;
        };
        if canonical.len() > 1 {
            canonical.push(b',');
        }
        canonical.extend(quote(key).into_bytes());
        canonical.push(b':');
        canonical.extend(value.canonical());
    }
    canonical.push(b'}');
    format!("{PREFIX}{}", sha256(&canonical))
}

/// Whether this could be a pin.
pub(crate) fn is_pin(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|digest| {
        digest.len() == 64
            && digest
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

const PREFIX: &str = "sha256:";
