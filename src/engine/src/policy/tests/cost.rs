//! What entries cost.

use serde_json::json;

use super::*;

const PRICED: &str = r#"
servers: { s: {} }
tools:
- { name: plain, mcpServer: s, inputSchema: { type: object } }
- { name: free, mcpServer: s, cost: 0, inputSchema: { type: object } }
- { name: dear, mcpServer: s, cost: 250, inputSchema: { type: object } }
- name: crawl
  mcpServer: s
  cost: "args.deep ? 10.5 * args.pages : 1 + args.pages"
  inputSchema: { type: object, properties: { pages: { type: integer }, deep: { type: boolean } } }
resources:
- { uri: "file:///*", mcpServer: s, cost: "args.uri.endsWith('.pdf') ? 5 : 2" }
prompts:
- { name: ask, mcpServer: s, arguments: [{ name: topic }], cost: "1 + args.topic.size() / 4" }
"#;

/// What a use of an entry costs, or why nobody knows.
#[track_caller]
fn check_cost(name: &str, args: Value, expect: &str) {
    let policy = compile(PRICED, &["rules: []"]).expect("a policy");
    let mut entries = policy.registry().entries();
    let entry = entries.find(|entry| entry.name == name).expect("an entry");
    let doc = Doc::parse(args.to_string().into_bytes()).expect("JSON");
    let cost = policy.cost(&Call {
        principal: &Principal::default(),
        entry,
        args: Partial::Known(Some(doc.root())),
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    });
    let found = cost.map_or_else(|fault| fault.to_string(), |units| units.to_string());
    assert_eq!(found, expect, "{name} with {args}");
}

#[test]
fn a_use_costs_what_its_entry_says() {
    check_cost("plain", json!({}), "1");
    check_cost("free", json!({}), "0");
    check_cost("dear", json!({}), "250");
    check_cost("crawl", json!({ "pages": 3, "deep": false }), "4");
    check_cost("crawl", json!({ "pages": 3, "deep": true }), "32");
    check_cost("file:///*", json!({ "uri": "file:///a.pdf" }), "5");
    check_cost("file:///*", json!({ "uri": "file:///a.txt" }), "2");
    check_cost("ask", json!({ "topic": "weather" }), "2");
}

#[test]
fn what_is_no_cost_is_told() {
    check_cost("crawl", json!({ "pages": 3 }), "there is no `args.deep`");
    let negative = "a number or time is out of range";
    check_cost("crawl", json!({ "pages": -2, "deep": false }), negative);
    check_cost("ask", json!({}), "there is no `args.topic`");
}

#[test]
fn what_cannot_be_a_cost_is_refused() {
    let found = compile(
        r#"
servers: { s: {} }
tools:
- { name: a, mcpServer: s, cost: 2.5, inputSchema: { type: object } }
- { name: b, mcpServer: s, cost: -1, inputSchema: { type: object } }
- { name: c, mcpServer: s, cost: [1], inputSchema: { type: object } }
- { name: d, mcpServer: s, cost: "args.pages >", inputSchema: { type: object } }
- { name: e, mcpServer: s, cost: "user == 'alice' ? 0 : 1", inputSchema: { type: object } }
- { name: f, mcpServer: s, cost: "args.page", inputSchema: { type: object, properties: { pages: { type: integer } } } }
- { name: g, mcpServer: s, cost: "args.text", inputSchema: { type: object, properties: { text: { type: string } } } }
prompts:
- { name: h, mcpServer: s, arguments: [{ name: topic }], cost: "args.topics.size()" }
"#,
        &["rules: []"],
    );
    let wanted =
        "expected a whole number that is not negative, or an expression over `args`, found";
    assert_eq!(
        found.expect_err("problems"),
        [
            &*format!("registry[0]:tools[0].cost: {wanted} `2.5`"),
            &*format!("registry[0]:tools[1].cost: {wanted} `-1`"),
            &*format!("registry[0]:tools[2].cost: {wanted} a list"),
            "registry[0]:tools[3].cost: 1:13: it ends where a value should stand",
            "registry[0]:tools[4].cost: it reads `user`: a formula is over `args` alone",
            "registry[0]:tools[5].cost: 1:1: `args` has no field `page` (did you mean `args.pages`?)",
            "registry[0]:tools[6].cost: 1:1: it is a string, not a number",
            "registry[0]:prompts[0].cost: 1:1: `args` has no field `topics` (did you mean `args.topic`?)",
        ]
    );
}
