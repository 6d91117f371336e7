//! What the gateway says to legacy servers itself, and what they say to its greeting.

use crate::{
    http::Response,
    json::{Doc, Node, quote},
    refusal::UpstreamFault,
    rpc::LEGACY_VERSIONS,
    session::Backend,
    sse::{self, Fate},
};

/// The request that opens a session. `id`, `capabilities` and `client` are JSON; a client that does
/// not name itself is named for what stands in its place.
#[must_use]
pub fn initialize(id: &str, version: &str, capabilities: &str, client: &str) -> String {
    let version = quote(version);
    let client = match client.is_empty() {
        true => NAMELESS,
        false => client,
    };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":{version},"capabilities":{capabilities},"clientInfo":{client}}}}}"#
    )
}

/// The notification that ends the handshake.
#[must_use]
pub const fn initialized() -> &'static str {
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
}

/// The request for log messages of this level, and those more severe. `id` is JSON.
#[must_use]
pub fn set_level(id: &str, level: &str) -> String {
    let level = quote(level);
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"logging/setLevel","params":{{"level":{level}}}}}"#
    )
}

/// The notification that nobody waits for the answer to a request any more. `id` is JSON.
#[must_use]
pub fn cancelled(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
    )
}

/// The session that a server opens in answer to [`initialize`].
///
/// # Errors
/// It opens none, or one in a protocol version that is not served.
pub fn greeting(response: &Response<'_>) -> Result<Backend, UpstreamFault> {
    let text = |name| response.headers.one(name).ok().flatten();
    let status = text(":status").and_then(|status| status.parse().ok());
    match status.unwrap_or_default() {
        200..300 => {}
        401 | 403 => return Err(UpstreamFault::Unauthorized),
        other => return Err(UpstreamFault::Page(other)),
    }
    let id = response.headers.one(SESSION);
    let id = id.map_err(|_| UpstreamFault::Unreadable)?;
    // What else it says goes back to it as a header (MCP 2025-11-25, "Session Management").
    let visible = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    if id.is_some() && !id.as_ref().is_some_and(visible) {
        return Err(UpstreamFault::Unreadable);
    }
    let mut version = None;
    let mut read = |message: Vec<u8>| {
        let doc = Doc::parse(message).ok();
        let found = doc.as_ref().and_then(|doc| {
            let version = doc.root().pointer(&["result", "protocolVersion"]);
            version.and_then(Node::str).map(String::from)
        });
        version = version.take().or(found);
    };
    let media = text("content-type").unwrap_or_default();
    let stream = "text/event-stream";
    if media
        .get(..stream.len())
        .is_some_and(|it| it.eq_ignore_ascii_case(stream))
    {
        let mut decoder = sse::Decoder::new(response.body.len());
        decoder.push(response.body, true, None, |data| {
            read(data);
            Fate::Drop
        });
    } else {
        read(response.body.to_vec());
    }
    let version = version.ok_or(UpstreamFault::Unreadable)?;
    if !LEGACY_VERSIONS.contains(&&*version) {
        return Err(UpstreamFault::Undeclared("a protocol version"));
    }
    let id = id.map(str::to_owned);
    Ok(Backend { id, version })
}

const SESSION: &str = "mcp-session-id";
const NAMELESS: &str = concat!(
    r#"{"name":"toolgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);
