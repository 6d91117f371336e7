//! Session ids of the legacy protocol.
//!
//! A client says only once, in `initialize`, whether it can send its user to a page, and nothing is
//! kept between two requests. So its session id tells: a mark is added to the id that the server
//! gives it, and taken off before the server sees it again. Whoever forges the mark is told of
//! pending approvals in another form, and nothing else.

use crate::{
    http::{HeaderEdit, Headers},
    json::Kind,
    rpc::{Era, Message, Method},
};

/// The server's own session id, and whether the client's carried the mark.
pub(super) fn split(id: &str) -> (&str, bool) {
    match id.strip_suffix(MARK) {
        Some(own) => (own, true),
        None => (id, false),
    }
}

/// Whether the client says in this message that it can send its user to a page, in a version of the
/// protocol that has errors for that.
pub(super) fn declares_pages(message: &Message<'_>) -> bool {
    let declared = || {
        let url = message
            .params?
            .pointer(&["capabilities", "elicitation", "url"])?;
        Some(url.kind() == Kind::Object)
    };
    message.operation == Method::Initialize && has_pages(message) && declared() == Some(true)
}

/// Whether the version of the protocol that the message states knows pages.
pub(super) fn has_pages(message: &Message<'_>) -> bool {
    message.era == Era::Legacy && message.version.as_deref() == Some(PAGES)
}

/// Takes the mark off a request.
pub(super) fn unmark(headers: &Headers) -> Option<HeaderEdit> {
    match split(headers.one(HEADER).ok()??) {
        (own, true) => Some(HeaderEdit::Set(HEADER.into(), own.to_owned())),
        (_, false) => None,
    }
}

/// Puts the mark on the session id of an answer.
pub(super) fn mark(headers: &Headers) -> Option<HeaderEdit> {
    let id = headers.one(HEADER).ok()??;
    Some(HeaderEdit::Set(HEADER.into(), format!("{id}{MARK}")))
}

const HEADER: &str = "mcp-session-id";
const MARK: &str = ".toolgate-url";
/// The first version with elicitation by URL, and the last with sessions.
const PAGES: &str = "2025-11-25";
