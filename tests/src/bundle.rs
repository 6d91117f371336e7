//! Registries and policies as the bundle that the filter takes.

use serde_json::{Value, json};

use crate::conformance;

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
            { "uri": "test://*", "mcpServer": "fixtures" },
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
