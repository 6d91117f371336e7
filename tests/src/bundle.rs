//! Registries and policies as the bundle that the filter takes.

use serde_json::{Value, json};

use crate::{conformance, demo};

/// A bundle of one registry and one policy.
pub fn bundle(registry: &Value, policy: &Value) -> String {
    json!({ "registry": registry, "policy": policy }).to_string()
}

/// Everything that the conformance fixtures offer, allowed to everyone.
pub fn fixtures() -> String {
    let with_server = |mut entry: Value| {
        entry["mcpServer"] = json!("fixtures");
        entry
    };
    let tools: Vec<Value> = conformance::tools().into_iter().map(with_server).collect();
    let prompts: Vec<Value> = conformance::prompts()
        .into_iter()
        .map(with_server)
        .collect();
    let registry = json!({
        "version": "1",
        "servers": { "fixtures": { "cluster": "fixtures", "path": "/mcp" } },
        "tools": tools,
        "prompts": prompts,
        "resources": [
            { "name": "fixtures", "uri": "test://*", "mcpServer": "fixtures" },
        ],
    });
    let all = json!(["*"]);
    let policy = json!({
        "version": "1",
        "rules": [
            { "id": "everything", "tools": all, "resources": all, "prompts": all, "decision": "allow" },
        ],
    });
    bundle(&registry, &policy)
}

/// The demo's tools under the names that the demo's servers give them.
pub fn demo(policy: &Value) -> String {
    let mut tools = Vec::new();
    for (server, demo) in [
        ("crm", demo::Demo::crm()),
        ("payments", demo::Demo::payments()),
    ] {
        for mut tool in demo.tools() {
            tool["mcpServer"] = json!(server);
            tools.push(tool);
        }
    }
    let server = |name: &str| json!({ "cluster": name, "path": "/mcp" });
    let registry = json!({
        "version": "1",
        "servers": { "crm": server("crm"), "payments": server("payments") },
        "tools": tools,
    });
    bundle(&registry, policy)
}
