//! What a server announced of an entry, as one digest: a tool that is described anew, or takes other
//! arguments, is not the tool that somebody reviewed.

use crate::{
    digest::sha256,
    json::{Node, quote},
};

/// The members of an announced tool, resource or prompt that are pinned: what a model is told, and
/// the contracts.
pub const PINNED: [&str; 6] = [
    "annotations",
    "arguments",
    "description",
    "inputSchema",
    "outputSchema",
    "title",
];

/// The pin of an announced tool, resource or prompt: `sha256:` and the digest of the canonical form
/// (RFC 8785) of its [`PINNED`] members, in lower-case hexadecimal.
#[must_use]
pub fn pin(announced: Node<'_>) -> String {
    let mut canonical = b"{".to_vec();
    for key in PINNED {
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
