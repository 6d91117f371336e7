//! What a client of one MCP era and a server of the other say to each other (MCP 2026-07-28,
//! "Versioning"): requests on their way out, answers on their way back, and the handshake that the
//! gateway makes where a client makes none.
//!
//! Only the wrapping differs between the eras: whose protocol it is, how long a result keeps, what
//! an error is called. Arguments, contents and what vendors add pass byte for byte. What one era has
//! and the other lacks is refused in words, or left out where nobody waits for it.

mod handshake;
mod message;
mod request;

use crate::{
    http::HeaderEdit,
    json::{Node, Splice},
    refusal::Refusal,
    rpc::{Era, Method},
};

pub use handshake::{cancelled, greeting, initialize, initialized, set_level};
pub use message::{message, plain, status};
pub use request::request;

/// The server that a request goes to.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// What it speaks; the client speaks the other one.
    pub era: Era,
    /// The protocol version.
    pub version: &'a str,
    /// The legacy session with it.
    pub session: Option<&'a str>,
    /// How the client names itself, as JSON; empty where it does not.
    pub client: &'a str,
    /// The least severe log messages that the client wants.
    pub log: Option<&'a str>,
    /// The id in place of the client's, as JSON: in a session that clients share theirs may collide.
    pub id: Option<&'a str>,
}

/// What changes in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In its body.
    pub splices: Vec<Splice>,
    /// In its head.
    pub headers: Vec<HeaderEdit>,
}

/// What an answer comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// What the server speaks; the client speaks the other one.
    pub era: Era,
    /// What was asked; `None`: nothing, the stream carries whatever the server has to say.
    pub operation: Option<Method>,
    /// The least severe log messages that the client wants.
    pub log: Option<&'a str>,
    /// The id under which it was asked, and the client's own, as JSON.
    pub id: Option<(&'a str, &'a str)>,
}

/// What becomes of a message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translated {
    /// It passes with these changes.
    Splices(Vec<Splice>),
    /// The client's era has nothing like it: why, as a code.
    Drop(&'static str),
}

/// Whether a method has the same meaning at a server of the other era.
///
/// # Errors
/// It has none there. Tasks are in both eras, and have nothing in common but the name.
pub fn check(operation: Method, method: &str, server: Era) -> Result<(), Refusal> {
    match operation {
        Method::ToolsList
        | Method::ToolsCall
        | Method::ResourcesList
        | Method::TemplatesList
        | Method::ResourcesRead
        | Method::PromptsList
        | Method::PromptsGet
        | Method::Complete => Ok(()),
        Method::Initialize
        | Method::Ping
        | Method::Discover
        | Method::ResourcesSubscribe
        | Method::ResourcesUnsubscribe
        | Method::SetLevel
        | Method::Listen
        | Method::TasksGet
        | Method::TasksResult
        | Method::TasksList
        | Method::TasksCancel
        | Method::TasksUpdate
        | Method::Initialized
        | Method::Cancelled
        | Method::Progress
        | Method::RootsChanged
        | Method::TaskStatus
        | Method::Other => Err(Refusal::OtherEra {
            method: method.to_owned(),
            server,
        }),
    }
}

/// The places of the members of `_meta` that are the protocol's own: they say how one message is to
/// be read, in one era. Where that is all of them, the whole goes.
fn own(meta: Node<'_>) -> Vec<usize> {
    let keys = meta.members().enumerate();
    keys.filter(|(_, member)| member.key().starts_with(OWN))
        .map(|(place, _)| place)
        .collect()
}

/// Takes these members out of an object, and what is the protocol's own out of its `_meta`.
fn strip(object: Node<'_>, names: &[&str]) -> Vec<Splice> {
    let meta = object.get(META).map(|meta| (meta, own(meta)));
    let emptied = |(meta, own): &(Node<'_>, Vec<usize>)| !own.is_empty() && own.len() == meta.len();
    let whole = meta.as_ref().is_some_and(emptied);
    let members = object.members().enumerate();
    let gone: Vec<_> = members
        .filter(|(_, member)| {
            let key = member.key();
            names.contains(&&*key) || whole && key == META
        })
        .map(|(place, _)| place)
        .collect();
    let mut splices = object.remove_members(&gone);
    if let Some((meta, own)) = meta.filter(|_| !whole) {
        splices.extend(meta.remove_members(&own));
    }
    splices
}

const META: &str = "_meta";
/// What MCP keeps for itself in `_meta`.
const OWN: &str = "io.modelcontextprotocol/";

#[cfg(test)]
mod tests;
