//! The name by which a server knows what agents know by another.

use crate::{
    http::HeaderEdit,
    json::{Splice, quote},
    registry::{Entry, Kind},
    rpc::{self, Era, Message},
};

use super::{
    Passage,
    judge::{Wanted, completes},
};

/// Puts the backend's name in place of the agent's.
pub(super) fn rename(
    passage: &mut Passage,
    message: &Message<'_>,
    wanted: &Wanted<'_>,
    entry: &Entry,
) {
    if wanted.kind == Kind::Resource || entry.backend_name == wanted.name {
        return;
    }
    let holder = message.params.and_then(|params| match completes(message) {
        true => params.get("ref"),
        false => Some(params),
    });
    let Some(name) = holder.and_then(|holder| holder.get("name")) else {
        return;
    };
    passage.splices.push(Splice {
        at: name.span(),
        with: quote(&entry.backend_name).into_bytes(),
    });
    if message.era == Era::Modern && !completes(message) {
        let name = rpc::encode_header(&entry.backend_name);
        let header = HeaderEdit::Set("mcp-name".into(), name);
        passage.edits.headers.push(header);
    }
}
