use serde_json::{Value, json};

use super::List;
use crate::{config::Config, policy::Policy};

/// What a list shows, as it is sent, from the item after `after`.
#[track_caller]
fn check(list: List, after: Option<&str>, expect: &[&str]) {
    let registry = json!({
        "servers": { "a": {}, "b": {} },
        "tools": [
            { "name": "zip", "mcpServer": "a", "inputSchema": { "type": "object" } },
            {
                "name": "add", "mcpServer": "b", "mcpTool": "b.add", "title": "Add", "description": "Adds \"n\".",
                "inputSchema": { "type": "object", "properties": { "n": { "type": "string", "x-mcp-header": "N" } } },
                "outputSchema": { "type": "object" }, "execution": { "taskSupport": "optional" },
                "annotations": { "readOnlyHint": true }, "icons": [], "_meta": { "k": 1.50 },
            },
        ],
        "resources": [
            { "uri": "x:/b", "mcpServer": "a", "title": "B", "size": 7, "mimeType": "text/plain" },
            { "uri": "x:/a", "mcpServer": "b", "name": "second", "description": "Of b." },
            { "uri": "x:/b", "mcpServer": "b", "name": "hidden by that of a" },
            { "uri": "x:/c/*", "mcpServer": "a" },
            { "uri": "x:/d/*", "uriTemplate": "x:/d/{n}", "mcpServer": "a", "annotations": { "priority": 1 } },
        ],
        "prompts": [
            { "name": "ask", "mcpServer": "a", "arguments": [{ "name": "topic", "required": true }], "icons": [] },
        ],
    });
    let policy = Policy::compile(Config::join(vec![registry], vec![])).unwrap();
    let items = policy.registry().listed(list, after);
    let items = items.map(|entry| {
        let item = entry.item();
        assert!(serde_json::from_str::<Value>(item).is_ok(), "{item}");
        item
    });
    assert_eq!(items.collect::<Vec<_>>(), expect);
}

#[test]
fn lists() {
    let zip = r#"{"name":"zip","inputSchema":{"type":"object"}}"#;
    let add = r#"{"name":"add","description":"Adds \"n\".","inputSchema":{"properties":{"n":{"type":"string","x-mcp-header":"N"}},"type":"object"},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"icons":[],"execution":{"taskSupport":"optional"},"_meta":{"k":1.5},"title":"Add"}"#;
    check(List::Tools, None, &[add, zip]);
    check(List::Tools, Some("add"), &[zip]);
    check(List::Tools, Some("b"), &[zip]);
    check(List::Tools, Some("zip"), &[]);
    let second = r#"{"uri":"x:/a","description":"Of b.","name":"second"}"#;
    let titled = r#"{"uri":"x:/b","name":"B","title":"B","mimeType":"text/plain","size":7}"#;
    check(List::Resources, None, &[second, titled]);
    check(List::Resources, Some("x:/a"), &[titled]);
    check(
        List::Templates,
        None,
        &[r#"{"uriTemplate":"x:/d/{n}","name":"x:/d/{n}","annotations":{"priority":1}}"#],
    );
    check(
        List::Prompts,
        None,
        &[r#"{"name":"ask","arguments":[{"name":"topic","required":true}],"icons":[]}"#],
    );
}
