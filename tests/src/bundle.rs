//! Registries and policies as the bundle that the filter takes.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::conformance::Part;

/// A bundle of one registry and one policy.
pub fn bundle(registry: &Value, policy: &Value) -> String {
    json!({ "registry": registry, "policy": policy }).to_string()
}

/// Everything that the conformance fixtures offer, allowed to everyone.
pub fn fixtures() -> String {
    let mut registry = offered(&[Part::Whole]);
    registry["resources"] = json!([{ "uri": "test://*", "mcpServer": "fixtures" }]);
    bundle(&registry, &open())
}

/// A registry of the fixtures of three servers, which are at these addresses, behind one, and a
/// policy that allows them to everyone.
pub fn spread(servers: &[(&str, SocketAddr)]) -> (Value, Value) {
    let mut registry = offered(&Part::SPREAD);
    registry["virtual"] = json!({ "path": "/mcp", "name": "spread", "version": "1.0.0" });
    for (name, addr) in servers {
        registry["servers"][name]["url"] = json!(format!("http://{addr}/mcp"));
    }
    (registry, open())
}

fn offered(parts: &[Part]) -> Value {
    let mut servers = json!({});
    let (mut tools, mut prompts, mut resources) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let name = part.name();
        servers[name] = json!({ "cluster": name, "path": "/mcp", "protocol": part.protocol() });
        let entries = |mut entries: Vec<Value>| {
            for entry in &mut entries {
                entry["mcpServer"] = json!(name);
            }
            entries
        };
        tools.extend(entries(part.tools()));
        prompts.extend(entries(part.prompts()));
        resources.extend(entries(part.resources()));
        for mut template in entries(part.templates()) {
            template["uri"] = json!(PATTERN);
            resources.push(template);
        }
    }
    json!({
        "version": "1", "servers": servers,
        "tools": tools, "prompts": prompts, "resources": resources,
    })
}

/// A policy under which everybody may do everything.
fn open() -> Value {
    let all = json!(["*"]);
    json!({
        "version": "1",
        "identity": { "user": { "header": "x-user", "trusted": true } },
        "rules": [
            { "id": "everything", "tools": all, "resources": all, "prompts": all, "decision": "allow" },
        ],
    })
}

/// A registry of servers and their tools, under the names that the servers give them.
pub fn registry(servers: &[(&str, Vec<Value>)]) -> Value {
    let mut declared = json!({});
    let mut tools = Vec::new();
    for (server, offered) in servers {
        declared[*server] = json!({ "cluster": server, "path": "/mcp" });
        for mut tool in offered.clone() {
            tool["mcpServer"] = json!(server);
            tools.push(tool);
        }
    }
    json!({ "version": "1", "servers": declared, "tools": tools })
}

/// What the fixtures' only template makes.
const PATTERN: &str = "test://template/*/data";
