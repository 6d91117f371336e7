//! Sessions of the legacy protocol at an address behind which there are many servers.
//!
//! A session is its id: all that any process has to know of it, closed for the caller who opened it.
//! Nothing is kept, and every replica of the gateway can go on with it.

use std::collections::BTreeMap;

use prost::Message as _;

use crate::{
    call::Principal,
    cx::{Cx, Timestamp},
    digest,
    json::{Kind, Node, quote},
    rpc::LEGACY_VERSIONS,
};

/// What is known of a session.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Session {
    /// When it was opened, in seconds since 1970.
    #[prost(int64, tag = "1")]
    opened: i64,
    /// The version of the protocol that was agreed on with the client.
    #[prost(string, tag = "2")]
    pub version: String,
    /// What the client declares that it can do: JSON.
    #[prost(string, tag = "3")]
    pub capabilities: String,
    /// What the client says that it is: JSON.
    #[prost(string, tag = "4")]
    pub client: String,
    /// The client can send its user to a page.
    #[prost(bool, tag = "5")]
    pub marked: bool,
    /// Where it was opened behind this gateway, by the servers' names.
    #[prost(btree_map = "string, message", tag = "6")]
    pub backends: BTreeMap<String, Backend>,
}

/// A session at one server.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Backend {
    /// The id that the server gave it; `None`: it keeps none.
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    /// The version of the protocol that was agreed on with the server.
    #[prost(string, tag = "2")]
    pub version: String,
}

impl Session {
    /// A session that is opened by an `initialize` with these `params`, in an agreed version. What
    /// a client says of itself at length is cut short: it goes with every request.
    #[must_use]
    pub fn new(params: Option<Node<'_>>, version: &str, marked: bool, now: Timestamp) -> Self {
        let object = |key| {
            let node = params.and_then(|params| params.get(key));
            node.filter(|node| node.kind() == Kind::Object)
        };
        let capabilities = object("capabilities").map(Node::raw);
        let client = object("clientInfo");
        Self {
            opened: seconds(now),
            version: version.to_owned(),
            capabilities: capabilities
                .filter(|raw| raw.len() <= MAX_CAPABILITIES)
                .unwrap_or("{}")
                .to_owned(),
            client: client
                .map(Node::raw)
                .filter(|raw| raw.len() <= MAX_CLIENT)
                .map_or_else(|| named(client), str::to_owned),
            marked,
            backends: BTreeMap::new(),
        }
    }

    /// A session that this gateway opens for clients that have none.
    #[must_use]
    pub fn nobody(now: Timestamp) -> Self {
        let version = LEGACY_VERSIONS.first().copied().unwrap_or_default();
        Self {
            client: r#"{"name":"toolgate","version":"1"}"#.to_owned(),
            ..Self::new(None, version, false, now)
        }
    }

    /// Its id, for this caller: visible ASCII of at most 6 kB. Servers for which there is no room
    /// are left out, those with the longest ids first. `unique` is something that no other session
    /// has.
    #[must_use]
    pub fn seal(&self, principal: &Principal, unique: &str, cx: &Cx<'_>) -> String {
        let mut session = self.clone();
        while session.encoded_len() > ROOM {
            let backends = session.backends.iter();
            let longest = backends.max_by_key(|(_, backend)| backend.encoded_len());
            let Some(longest) = longest.map(|(server, _)| server.clone()) else {
                break;
            };
            session.backends.remove(&longest);
        }
        let contents = session.encode_to_vec();
        cx.seal.close(PURPOSE, &principal.who(), &contents, unique)
    }

    /// The session of this id. `None`: altered, of somebody else, too old, or not of this gateway.
    #[must_use]
    pub fn open(id: &str, principal: &Principal, cx: &Cx<'_>) -> Option<Self> {
        if id.len() > MAX_ID {
            return None;
        }
        let contents = cx.seal.open(PURPOSE, &principal.who(), id)?;
        let session = Self::decode(contents.as_slice()).ok()?;
        let age = seconds(cx.now).checked_sub(session.opened)?;
        (-MAX_SKEW..=MAX_AGE).contains(&age).then_some(session)
    }
}

/// A short name for the session of this id, that may be seen: 32 hexadecimal digits.
#[must_use]
pub fn name(id: &str) -> String {
    let mut name = digest::sha256(id.as_bytes());
    name.truncate(32);
    name
}

/// The least that a client has to say of itself (MCP 2025-11-25, `Implementation`).
fn named(client: Option<Node<'_>>) -> String {
    let text = |key| {
        let text = client.and_then(|client| client.get(key)?.str());
        quote(
            &text
                .unwrap_or_default()
                .chars()
                .take(40)
                .collect::<String>(),
        )
    };
    format!(
        r#"{{"name":{},"version":{}}}"#,
        text("name"),
        text("version")
    )
}

const fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000_000)
}

/// What ids are closed for. It changes whenever their contents do: then another version of this
/// gateway does not know them, and clients open new sessions.
const PURPOSE: &str = "session 1";
/// Some servers refuse heads of more than 16 kB (Node.js), and there is more in them.
const MAX_ID: usize = 6_000;
/// What of that is left for the contents, in base64 beside a nonce and a mark.
const ROOM: usize = MAX_ID / 4 * 3 - 40;
const MAX_CAPABILITIES: usize = 2_000;
const MAX_CLIENT: usize = 512;
/// Seconds for which a session lives.
const MAX_AGE: i64 = 24 * 60 * 60;
/// Seconds that clocks may differ by.
const MAX_SKEW: i64 = 60;

#[cfg(test)]
mod tests;
