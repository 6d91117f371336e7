//! JSON-RPC messages and the requests that carry them.

use serde_json::{Value, json};

use crate::client::Request;

/// A request of the modern era with the id 1.
pub fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "rig", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// A request of the initialize era with the id 1.
pub fn legacy(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// A modern `tools/call` at `/mcp`.
pub fn call(tool: &str, arguments: &Value) -> Request {
    Request::modern(
        "/mcp",
        &modern(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        ),
    )
}

/// A legacy `tools/call` at `/mcp`.
pub fn legacy_call(tool: &str, arguments: &Value) -> Request {
    let message = legacy(
        "tools/call",
        &json!({ "name": tool, "arguments": arguments }),
    );
    Request::post("/mcp", message.to_string()).header("mcp-protocol-version", "2025-11-25")
}
