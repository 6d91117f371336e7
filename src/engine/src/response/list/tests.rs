use serde_json::{Value, json};

use crate::{
    config::Config,
    cx::{Memory, Timestamp},
    json::Doc,
    policy::Policy,
    refusal::Asker,
    registry::{Kind, pin},
    response::{Terms, Told, drifted},
    rpc::Method,
    sse::Fate,
};

fn reviewed() -> Value {
    json!({ "name": "pay", "description": "Pays.", "inputSchema": { "type": "object" } })
}

/// A policy over one tool that was reviewed.
fn policy(drift: &str) -> Policy {
    let mut tool = reviewed();
    let announced = Doc::parse(tool.to_string().into()).unwrap();
    tool["pin"] = json!(pin(Kind::Tool, announced.root()));
    tool["mcpServer"] = json!("s");
    let registry = json!({ "servers": { "s": {} }, "tools": [tool] });
    let rules = json!([{ "tools": ["*"], "decision": "allow" }]);
    let policy = json!({ "drift": drift, "rules": rules });
    Policy::compile(Config::join(vec![registry], vec![policy])).unwrap()
}

/// What the client sees of a list, and what is told of it.
fn list(policy: &Policy, memory: &Memory, tools: Value) -> (Value, Value) {
    let terms = Terms {
        server: "s".to_owned(),
        asker: Asker {
            id: Some("1".to_owned()),
            ..Asker::default()
        },
        operation: Some(Method::ToolsList),
        ..Terms::default()
    };
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }).to_string();
    let mut told = Told::default();
    let cx = memory.at(Timestamp(0));
    let seen = match terms.govern(message.clone().into_bytes(), &mut told, policy, &cx) {
        Fate::Keep => message.into_bytes(),
        Fate::Data(data) => data,
        Fate::Drop => panic!("a list is lost"),
    };
    let seen: Value = serde_json::from_slice(&seen).unwrap();
    let told = serde_json::to_value(&told.drifts).unwrap();
    (seen["result"]["tools"].clone(), told)
}

/// What becomes of a tool that is announced so, in each mode: what is shown, and what is done.
#[track_caller]
fn check(change: Value, what: &str, shown: [(Option<Value>, &str); 3]) {
    let mut announced = reviewed();
    for (key, value) in change.as_object().unwrap() {
        announced[key] = value.clone();
    }
    for (mode, (shown, action)) in ["hide", "replace", "allow"].into_iter().zip(shown) {
        let (policy, memory) = (policy(mode), Memory::default());
        let shown: Vec<_> = shown.into_iter().collect();
        let told = json!([{ "kind": "tool", "name": "pay", "what": what, "action": action }]);
        let seen = list(&policy, &memory, json!([announced]));
        assert_eq!(seen, (json!(shown), told), "{mode}");
        let entry = policy.registry().tool("pay").unwrap();
        let cx = memory.at(Timestamp(0));
        assert_eq!(drifted(entry, cx.store), mode == "hide");
        list(&policy, &memory, json!([reviewed()]));
        assert!(!drifted(entry, cx.store));
    }
}

#[test]
fn what_has_changed_is_dealt_with_as_the_policy_says() {
    let with = |key: &str, value: Value| {
        let mut tool = reviewed();
        tool[key] = value;
        Some(tool)
    };
    check(
        json!({ "description": "Pays me." }),
        "description",
        [
            (None, "hide"),
            (Some(reviewed()), "replace"),
            (with("description", json!("Pays me.")), "allow"),
        ],
    );
    check(
        json!({ "title": "Free" }),
        "title",
        [
            (None, "hide"),
            (Some(reviewed()), "replace"),
            (with("title", json!("Free")), "allow"),
        ],
    );
    // Calls are held to the registry's schemas: others are never shown.
    for (key, schema) in [("inputSchema", json!({})), ("outputSchema", json!({}))] {
        check(
            json!({ key: schema }),
            key,
            [
                (None, "hide"),
                (Some(reviewed()), "replace"),
                (Some(reviewed()), "replace"),
            ],
        );
    }
}

#[test]
fn a_record_holds_the_first_of_many() {
    let names = (0..100).map(|n| json!({ "name": format!("new_{n}") }));
    let tools = names.collect::<Vec<_>>().into();
    let (seen, told) = list(&policy("replace"), &Memory::default(), tools);
    assert_eq!(seen, json!([]));
    assert_eq!(told.as_array().map(Vec::len), Some(64));
}
