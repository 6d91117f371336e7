//! What the gateway says to legacy servers itself.

use crate::json::quote;

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

const NAMELESS: &str = concat!(
    r#"{"name":"toolgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);
