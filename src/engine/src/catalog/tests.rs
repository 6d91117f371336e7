use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{BAD_CURSOR, List, View};
use crate::{
    call::Principal,
    config::Config,
    cx::Timestamp,
    policy::Policy,
    record::Listed,
    rpc::{Era, MODERN_VERSIONS},
};

/// Tools `t0` to `t8`, those of even number for everybody and the others for writers, and what more
/// a registry has; in pages of 2.
fn policy(more: Value) -> Policy {
    let tools: Vec<_> = (0..9)
        .map(|n| {
            let server = if n < 5 { "a" } else { "b" };
            let class = if n % 2 == 0 { "open" } else { "closed" };
            json!({
                "name": format!("t{n}"), "mcpServer": server, "dataClassification": class,
                "inputSchema": { "type": "object" },
            })
        })
        .collect();
    let mut registry = json!({
        "virtual": { "name": "acme", "version": "7", "pageSize": 2, "instructions": "Be brief." },
        "servers": {
            "a": { "instructions": "Of a." },
            "b": { "protocol": "2025-11-25" },
            "c": { "instructions": "Of c." },
        },
        "tools": tools,
    });
    for (key, value) in more.as_object().unwrap() {
        registry[key] = value.clone();
    }
    let policy = json!({
        "identity": { "roles": { "header": "x-roles", "trusted": true } },
        "rules": [
            { "tools": { "dataClassification": "open" }, "decision": "allow" },
            {
                "tools": ["*"], "resources": ["*"], "prompts": ["*"], "decision": "allow",
                "require": { "roles": ["writer"] },
            },
        ],
    });
    Policy::compile(Config::join(vec![registry], vec![policy])).unwrap()
}

fn writer() -> Principal {
    Principal {
        roles: BTreeSet::from(["writer".to_owned()]),
        ..Principal::default()
    }
}

fn view<'a>(policy: &'a Policy, who: &'a Principal, era: Era) -> View<'a> {
    View {
        sight: policy.sight(who, None, Timestamp(0)),
        server: policy.registry().virtual_server().unwrap(),
        era,
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The pages that a caller walks: names, joined; and what is told of each.
#[track_caller]
fn check(who: &Principal, expect: [&[(&str, u64)]; 2]) {
    let policy = policy(json!({}));
    for (era, expect) in [Era::Legacy, Era::Modern].into_iter().zip(expect) {
        let view = view(&policy, who, era);
        let (mut cursor, mut pages) = (None::<String>, Vec::new());
        loop {
            let page = view.list(List::Tools, cursor.as_deref()).unwrap();
            let result = read(&page.result);
            let names = result["tools"].as_array().unwrap().iter();
            let names: Vec<_> = names.map(|tool| tool["name"].as_str().unwrap()).collect();
            assert_eq!(page.listed.shown, names.len() as u64);
            pages.push((names.join(" "), page.listed.hidden));
            cursor = result["nextCursor"].as_str().map(str::to_owned);
            let modern = json!({
                "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "acme", "version": "7" } },
                "cacheScope": "private", "resultType": "complete", "ttlMs": 60_000,
            });
            let mut rest = result;
            let rest = rest.as_object_mut().unwrap();
            rest.retain(|key, _| key != "tools" && key != "nextCursor");
            let expected = if era == Era::Modern {
                modern
            } else {
                json!({})
            };
            assert_eq!(Value::Object(rest.clone()), expected);
            if cursor.is_none() {
                break;
            }
        }
        let pages = pages
            .iter()
            .map(|(names, hidden)| (names.as_str(), *hidden));
        assert_eq!(pages.collect::<Vec<_>>(), expect);
    }
}

#[test]
fn pages() {
    // Whatever is hidden, every page but the last is full.
    let open: &[_] = &[("t0 t2", 1), ("t4 t6", 2), ("t8", 1)];
    check(&Principal::default(), [open, open]);
    let all: &[_] = &[
        ("t0 t1", 0),
        ("t2 t3", 0),
        ("t4 t5", 0),
        ("t6 t7", 0),
        ("t8", 0),
    ];
    check(&writer(), [all, all]);
}

#[test]
fn cursors() {
    let (policy, other) = (policy(json!({})), policy(json!({ "version": "2" })));
    let nobody = Principal::default();
    let view = view(&policy, &nobody, Era::Legacy);
    let next = |view: &View<'_>| {
        let page = view.list(List::Tools, None).unwrap();
        read(&page.result)["nextCursor"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let cursor = next(&view);
    let elsewhere = next(&self::view(&other, &nobody, Era::Legacy));
    assert!(view.list(List::Tools, Some(&cursor)).is_ok());
    // It is good under another configuration as well.
    assert_eq!(cursor, elsewhere);
    assert_eq!(view.list(List::Prompts, Some(&cursor)), Err(BAD_CURSOR));
    let cut = cursor.get(..6).unwrap();
    for cursor in ["", "1", "?", "\u{e9}", cut] {
        assert_eq!(
            view.list(List::Tools, Some(cursor)),
            Err(BAD_CURSOR),
            "{cursor}"
        );
    }
}

#[test]
fn nothing_to_list_is_an_empty_page() {
    let policy = policy(json!({}));
    let writer = writer();
    for list in [List::Resources, List::Templates, List::Prompts] {
        let page = view(&policy, &writer, Era::Legacy)
            .list(list, None)
            .unwrap();
        assert_eq!(page.result, format!("{{\"{}\":[]}}", list.member()));
        assert_eq!(page.listed, Listed::default());
    }
}

#[test]
fn a_page_is_no_larger_than_clients_take() {
    let tools: Vec<_> = (0..3)
        .map(|n| {
            json!({
                "name": format!("t{n}"), "mcpServer": "a", "dataClassification": "open",
                "description": "d".repeat(600_000), "inputSchema": { "type": "object" },
            })
        })
        .collect();
    let policy = policy(json!({ "tools": tools }));
    let nobody = Principal::default();
    let page = view(&policy, &nobody, Era::Legacy)
        .list(List::Tools, None)
        .unwrap();
    assert_eq!(page.listed.shown, 1);
    assert!(read(&page.result)["nextCursor"].is_string());
}

/// How it introduces itself: in the legacy era, and in the modern one.
#[track_caller]
fn greet(who: &Principal, more: Value, expect: [Value; 2], instructions: &str) {
    let policy = policy(more);
    let [legacy, modern] = expect;
    let info = json!({ "name": "acme", "version": "7" });
    assert_eq!(
        read(&view(&policy, who, Era::Legacy).initialize("2025-06-18")),
        json!({
            "protocolVersion": "2025-06-18", "capabilities": legacy, "serverInfo": info,
            "instructions": instructions,
        })
    );
    assert_eq!(
        read(&view(&policy, who, Era::Modern).discover()),
        json!({
            "supportedVersions": MODERN_VERSIONS, "capabilities": modern, "instructions": instructions,
            "_meta": { "io.modelcontextprotocol/serverInfo": info },
            "cacheScope": "private", "resultType": "complete", "ttlMs": 60_000,
        })
    );
}

#[test]
fn greetings() {
    let changes = json!({ "listChanged": true });
    let tools = json!({ "tools": changes, "logging": {} });
    let more = json!({
        "tools": [
            { "name": "t", "mcpServer": "a", "inputSchema": { "type": "object" }, "execution": { "taskSupport": "optional" } },
            { "name": "o", "mcpServer": "b", "dataClassification": "open", "inputSchema": { "type": "object" } },
        ],
        "resources": [{ "uri": "x:/a", "mcpServer": "b" }],
        "prompts": [{ "name": "p", "mcpServer": "c", "arguments": [{ "name": "x" }] }],
    });
    let nobody = Principal::default();
    greet(
        &nobody,
        json!({}),
        [tools.clone(), tools.clone()],
        "Be brief.\n\nOf a.",
    );
    greet(&nobody, more.clone(), [tools.clone(), tools], "Be brief.");
    let all = |subscribe: bool, tasks: &str, how: Value| {
        json!({
            "tools": changes, "prompts": changes, "completions": {}, "logging": {},
            "resources": { "subscribe": subscribe, "listChanged": true }, tasks: how,
        })
    };
    let tasks = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
    let extension = json!({ "io.modelcontextprotocol/tasks": {} });
    let all = [
        all(true, "tasks", tasks),
        all(false, "extensions", extension),
    ];
    greet(&writer(), more, all, "Be brief.\n\nOf a.\n\nOf c.");
}
