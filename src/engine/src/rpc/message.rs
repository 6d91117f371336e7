//! One JSON-RPC message in one JSON document.

use std::borrow::Cow;

use crate::{
    http::Headers,
    json::{Doc, Kind, Node},
    rpc::{
        era::{self, CAPABILITIES, CLIENT, Era, LOG_LEVEL},
        fault::{Fault, Shape},
        header,
        method::{Method, Target},
    },
};

/// A message whose shape, era and headers have been checked.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The era it speaks.
    pub era: Era,
    /// The protocol version it states; in `initialize`, the one it asks for.
    pub version: Option<String>,
    /// What it is.
    pub kind: MessageKind,
    /// The `id` as written, byte for byte.
    pub id: Option<&'a str>,
    /// The method as text; absent in responses.
    pub method: Option<Cow<'a, str>>,
    /// The method; [`Method::Other`] in responses.
    pub operation: Method,
    /// What it is about.
    pub target: Target<'a>,
    /// `params`, an object.
    pub params: Option<Node<'a>>,
    /// The whole message.
    pub root: Node<'a>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Wants an answer.
    Request,
    /// Wants none.
    Notification,
    /// Answers a request of the server (legacy only).
    Response,
}

/// The one message of a request's body, checked against itself and against the headers.
///
/// # Errors
/// The first fault in the order of the official servers, with the message's `id` as written where
/// it has a valid one.
pub fn read<'a>(doc: &'a Doc, headers: &Headers) -> Result<Message<'a>, (Fault, Option<String>)> {
    let root = doc.root();
    let id = root.get("id").filter(|id| is_id(*id)).map(Node::raw);
    let checked = doc.check_keys().map_err(Fault::Json);
    let message = checked.and_then(|()| check(root, id, headers));
    message.map_err(|fault| (fault, id.map(str::to_owned)))
}

impl<'a> Message<'a> {
    /// Refuses methods that the message's era does not have.
    ///
    /// # Errors
    /// [`Fault::UnknownMethod`].
    pub fn check_method(&self) -> Result<(), Fault> {
        if self.kind == MessageKind::Response || self.operation.is_in(self.era) {
            return Ok(());
        }
        let method = self.method.as_deref().unwrap_or_default().to_owned();
        Err(Fault::UnknownMethod {
            method,
            era: self.era,
            kind: self.kind,
        })
    }

    /// `params._meta`.
    #[must_use]
    pub fn meta(&self) -> Option<Node<'a>> {
        self.params?.get("_meta")
    }

    /// `params.arguments`.
    #[must_use]
    pub fn arguments(&self) -> Option<Node<'a>> {
        self.params?.get("arguments")
    }

    /// A text of `_meta`.
    #[must_use]
    pub fn meta_text(&self, key: &str) -> Option<String> {
        Some(self.meta()?.get(key)?.str()?.into_owned())
    }

    /// What the client declares at this path of its capabilities, e.g. `["elicitation", "url"]`;
    /// `None` in the legacy era, where only the handshake said it.
    #[must_use]
    pub fn client_capability(&self, path: &[&str]) -> Option<Node<'a>> {
        match self.era {
            Era::Modern => self.meta()?.get(CAPABILITIES)?.pointer(path),
            Era::Legacy => None,
        }
    }
}

fn check<'a>(root: Node<'a>, id: Option<&'a str>, headers: &Headers) -> Result<Message<'a>, Fault> {
    let kind = check_shape(root)?;
    let method = root.get("method").and_then(Node::str);
    let params = root.get("params");
    let meta = check_names(params)?;
    let operation = method.as_deref().map_or(Method::Other, Method::named);
    if kind != MessageKind::Response && operation.kind().is_some_and(|right| right != kind) {
        return Err(Fault::Envelope(Shape::Direction));
    }

    let stated = header::one(headers, header::VERSION)?;
    let (era, version) = era::classify(kind, operation, meta, stated)?;
    header::check_routing(headers, era, kind, method.as_deref(), operation, params)?;
    era::check_version(era, version.as_deref())?;

    let version = match operation {
        Method::Initialize => params
            .and_then(|p| p.get("protocolVersion")?.str())
            .map(Cow::into_owned),
        _ => version,
    };
    let target = match kind {
        MessageKind::Response => Target::Plumbing,
        // Whether the era has the method is said before what its parameters should be.
        _ if !operation.is_in(era) => Target::Unknown,
        MessageKind::Request | MessageKind::Notification => operation.target(params)?,
    };
    Ok(Message {
        era,
        version,
        kind,
        id,
        method,
        operation,
        target,
        params,
        root,
    })
}

/// What a message is, by its JSON-RPC envelope.
///
/// # Errors
/// [`Fault::Batch`] or [`Fault::Envelope`].
pub fn check_shape(root: Node<'_>) -> Result<MessageKind, Fault> {
    match root.kind() {
        Kind::Object => {}
        Kind::Array => return Err(Fault::Batch),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => {
            return Err(Fault::Envelope(Shape::NotObject));
        }
    }
    check_near_misses(root, ENVELOPE)?;
    if root.get("jsonrpc").and_then(Node::str).as_deref() != Some("2.0") {
        return Err(Fault::Envelope(Shape::Version));
    }
    let id = root.get("id");
    if id.is_some_and(|id| !is_id(id)) {
        return Err(Fault::Envelope(Shape::Id));
    }
    let (result, error) = (root.get("result"), root.get("error"));
    if let Some(method) = root.get("method") {
        if result.is_some() || error.is_some() {
            return Err(Fault::Envelope(Shape::Mixed));
        }
        if method.kind() != Kind::String {
            return Err(Fault::Envelope(Shape::Method));
        }
        if root
            .get("params")
            .is_some_and(|params| params.kind() != Kind::Object)
        {
            return Err(Fault::Envelope(Shape::Params));
        }
        return Ok(if id.is_some() {
            MessageKind::Request
        } else {
            MessageKind::Notification
        });
    }
    let ((Some(outcome), None) | (None, Some(outcome))) = (result, error) else {
        return Err(Fault::Envelope(Shape::Neither));
    };
    if root.get("params").is_some() {
        return Err(Fault::Envelope(Shape::Mixed));
    }
    if outcome.kind() != Kind::Object {
        return Err(Fault::Envelope(Shape::Outcome));
    }
    if id.is_none() {
        return Err(Fault::Envelope(Shape::ResponseWithoutId));
    }
    Ok(MessageKind::Response)
}

/// The names in `params` that carry meaning, down to those of `_meta` and `ref`; gives `_meta`.
fn check_names(params: Option<Node<'_>>) -> Result<Option<Node<'_>>, Fault> {
    let Some(params) = params else {
        return Ok(None);
    };
    check_near_misses(params, PARAMS)?;
    if let Some(reference) = params.get("ref") {
        check_near_misses(reference, REFERENCE)?;
    }
    if let Some(wanted) = params.get("notifications") {
        check_near_misses(wanted, WANTED)?;
    }
    let Some(meta) = params.get("_meta") else {
        return Ok(None);
    };
    if meta.kind() != Kind::Object {
        return Err(Fault::Meta("`_meta` must be an object"));
    }
    check_near_misses(meta, META)?;
    Ok(Some(meta))
}

/// Refuses members whose names some reader could take for a reserved one: by folding case, folding
/// to ASCII, or stopping at a NUL.
fn check_near_misses(object: Node<'_>, reserved: &[&'static str]) -> Result<(), Fault> {
    for member in object.members() {
        let key = member.key();
        if let Some(name) = resembled(&key, reserved) {
            return Err(Fault::Envelope(Shape::NearMiss(name)));
        }
    }
    Ok(())
}

/// The reserved name that this one resembles without being it. There may be very many members, so
/// the common case is settled by length.
fn resembled(key: &str, reserved: &[&'static str]) -> Option<&'static str> {
    let alike = if key.bytes().all(|b| matches!(b, 1..=0x7f)) {
        reserved.iter().find(|name| name.eq_ignore_ascii_case(key))
    } else {
        let first = folded(key).next();
        reserved
            .iter()
            .filter(|name| name.chars().next() == first)
            .find(|name| folded(key).eq(folded(name)))
    };
    alike.copied().filter(|name| *name != key)
}

/// Through upper case and back: that takes the long s and the Kelvin sign along.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .take_while(|c| *c != '\0')
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// A string, or an integer in plain digits that fits 64 bits. Official servers read other numbers
/// differently: as null, rounded, or as no id at all.
fn is_id(id: Node<'_>) -> bool {
    match id.kind() {
        Kind::String => true,
        Kind::Number => id.i64().is_some() && id.raw() != "-0",
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => false,
    }
}

const ENVELOPE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];
const PARAMS: &[&str] = &[
    "_meta",
    "name",
    "arguments",
    "uri",
    "ref",
    "taskId",
    "task",
    "cursor",
    "inputResponses",
    "requestState",
    "notifications",
    "protocolVersion",
];
const REFERENCE: &[&str] = &["type", "name", "uri"];
const WANTED: &[&str] = &["resourceSubscriptions", "taskIds"];
const META: &[&str] = &[era::VERSION, CAPABILITIES, CLIENT, LOG_LEVEL];
