//! A call that comes back from its user (MCP 2026-07-28, "Multi Round-Trip Requests").
//!
//! The request state that Toolgate gives out carries the id of the approval, and whatever state and
//! input of the server's own the call had brought: the server must see exactly what it would have
//! seen without us. All of it comes back from the client, so nothing is trusted: the call is judged
//! again, as a whole, with what the client could have sent in the first place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    approval::is_id,
    json::{Doc, Kind, Splice, splice},
    refusal::INPUT,
    rpc::{Era, Message, Method},
};

/// What a call says of the round that it comes back from.
#[derive(Debug)]
pub(super) struct Round {
    /// The approval, as the client says.
    pub(super) id: String,
    /// The user does not want to see its page.
    pub(super) declined: bool,
}

/// A request state that is made up in our name. It is refused: what it stands for cannot be
/// restored, so the server would not get what the client means.
#[derive(Debug)]
pub(super) struct Foreign;

impl Round {
    /// What a message brings back that is ours, and the message without it; `None` where nothing is.
    pub(super) fn undo(
        message: &Message<'_>,
        doc: &Doc,
    ) -> Result<Option<(Self, Vec<u8>)>, Foreign> {
        let Some((params, state)) = message
            .params
            .filter(|_| message.era == Era::Modern && is_use(message.operation))
            .and_then(|params| Some((params, params.get(STATE)?.str()?)))
        else {
            return Ok(None);
        };
        let Some(ours) = state.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let (id, theirs) = parse(ours).ok_or(Foreign)?;
        let action = params
            .pointer(&[RESPONSES, INPUT, "action"])
            .and_then(|action| action.str());
        let mut edits: Vec<Splice> = Vec::new();
        for name in [STATE, RESPONSES] {
            match theirs.root().get(name) {
                Some(value) => edits.push(params.set(name, value.raw())),
                None => edits.extend(params.remove(name)),
            }
        }
        let round = Self {
            id: id.to_owned(),
            declined: matches!(action.as_deref(), Some("decline" | "cancel")),
        };
        Ok(Some((round, splice(doc.bytes(), edits))))
    }
}

/// The request state with which a call is sent to the page of an approval.
pub(super) fn state(id: &str, theirs: &str) -> String {
    format!("{PREFIX}{VERSION}.{id}{theirs}")
}

/// The part of it that brings back what a call has of the server's own.
pub(super) fn theirs(message: &Message<'_>) -> String {
    let members: Vec<_> = [STATE, RESPONSES]
        .into_iter()
        .filter_map(|name| Some(format!("\"{name}\":{}", message.params?.get(name)?.raw())))
        .collect();
    if members.is_empty() {
        return String::new();
    }
    let text = format!("{{{}}}", members.join(","));
    format!(".{}", URL_SAFE_NO_PAD.encode(text))
}

/// Whether a method is a use that can be approved, and have rounds: the same three.
pub(super) const fn is_use(method: Method) -> bool {
    matches!(
        method,
        Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead
    )
}

/// The id, and the server's own state and input.
fn parse(ours: &str) -> Option<(&str, Doc)> {
    let rest = ours.strip_prefix(VERSION)?.strip_prefix('.')?;
    let (id, theirs) = match rest.split_once('.') {
        Some((id, theirs)) => (id, URL_SAFE_NO_PAD.decode(theirs).ok()?),
        None => (rest, b"{}".to_vec()),
    };
    let doc = Doc::parse(theirs).ok().filter(|_| is_id(id))?;
    let chained = doc.root().get(STATE).and_then(|state| state.str());
    let right = |name: &str, kind| {
        doc.root()
            .get(name)
            .is_none_or(|value| value.kind() == kind)
    };
    let sound = doc.root().kind() == Kind::Object
        && !chained.is_some_and(|state| state.starts_with(PREFIX))
        && right(STATE, Kind::String)
        && right(RESPONSES, Kind::Object);
    sound.then_some((id, doc))
}

const STATE: &str = "requestState";
const RESPONSES: &str = "inputResponses";
const PREFIX: &str = "toolgate.";
const VERSION: &str = "1";
