//! The name by which a server knows what agents know by another.

use crate::{
    http::{Edits, HeaderEdit},
    json::{Doc, Splice, quote, splice},
    registry::{Entry, Kind},
    rpc::{self, Era, Message},
};

use super::judge::{Wanted, completes};

/// Puts the backend's name in place of the agent's; nothing else of the request changes.
pub(super) fn rename(
    message: &Message<'_>,
    doc: &Doc,
    wanted: &Wanted<'_>,
    entry: &Entry,
) -> Edits {
    if wanted.kind == Kind::Resource || entry.backend_name == wanted.name {
        return Edits::default();
    }
    let holder = message.params.and_then(|params| match completes(message) {
        true => params.get("ref"),
        false => Some(params),
    });
    let Some(name) = holder.and_then(|holder| holder.get("name")) else {
        return Edits::default();
    };
    let edit = Splice {
        at: name.span(),
        with: quote(&entry.backend_name).into_bytes(),
    };
    let headers = match (message.era, completes(message)) {
        (Era::Modern, false) => {
            vec![HeaderEdit::Set(
                "mcp-name",
                rpc::encode_header(&entry.backend_name),
            )]
        }
        _ => Vec::new(),
    };
    Edits {
        headers,
        body: Some(splice(doc.bytes(), vec![edit])),
        ..Edits::default()
    }
}
