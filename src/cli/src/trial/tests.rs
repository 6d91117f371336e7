use std::{collections::BTreeMap, sync::Arc};

use engine::{
    Config, Policy,
    config::{self, OneOrMany},
    cx::Timestamp,
};
use serde_json::{Value, json};

use super::*;

/// Callers known by a token, by a certificate and by headers at once.
fn policy() -> Arc<Policy> {
    let registry = json!({
        "servers": { "crm": {}, "payments": {} },
        "tools": [
            { "name": "refund", "mcpServer": "payments", "mcpTool": "pay.back", "authScope": "pay",
              "inputSchema": { "type": "object", "additionalProperties": false,
                               "properties": { "amount": { "type": "number" } } } },
            { "name": "look", "mcpServer": "crm", "inputSchema": { "type": "object" } },
            { "name": "late", "mcpServer": "crm", "inputSchema": { "type": "object" },
              "deprecated": { "sunset": "2030-01-01" } },
        ],
        "resources": [
            { "uri": "doc://a/*", "mcpServer": "crm" },
            { "uri": "doc://both", "mcpServer": "crm" },
            { "uri": "doc://both", "mcpServer": "payments" },
        ],
        "prompts": [{ "name": "greet", "mcpServer": "crm" }],
    });
    let policy = json!({
        "identity": {
            "issuers": [{ "issuer": "https://idp", "audiences": ["gw"], "jwks": { "url": "https://idp/keys" } }],
            "token": "optional",
            "user": { "jwt": "sub" },
            "roles": { "jwt": "https://corp.example/groups" },
            "scopes": { "header": "x-scopes", "trusted": true },
            "tenant": { "header": "x-tenant", "trusted": true },
            "agent": { "mtls": "spiffe" },
        },
        "rules": [
            { "id": "small", "tool": "refund", "require": { "roles": ["support"], "tenant": "t" },
              "when": "args.amount <= 100", "decision": "allow" },
            { "id": "sure", "tool": "look", "when": "meta.confidence > 0.8 && session == 's-1'", "decision": "allow" },
            { "id": "crm", "server": "crm", "tools": ["late"], "resources": ["*"], "prompts": ["*"],
              "require": { "user": true, "agent": "spiffe://corp/a" }, "decision": "allow" },
        ],
    });
    let policy = Policy::compile(Config::join(vec![registry], vec![policy]));
    Arc::new(policy.unwrap_or_else(|problems| panic!("{problems:?}")))
}

/// The request of a trial as it is written, or what is wrong with it.
fn request(policy: &Policy, trial: &Value) -> Result<Request, Vec<String>> {
    let tell = |problems: Vec<engine::Problem>| -> Vec<_> {
        problems.iter().map(ToString::to_string).collect()
    };
    let (trial, problems) = config::read::<Trial>(trial, "t", &[]);
    let trial = trial.filter(|_| problems.is_empty());
    let trial = trial.ok_or_else(|| tell(problems))?;
    let facts = |user: &str| Caller {
        user: Some(user.to_owned()),
        agent: Some("spiffe://corp/a".to_owned()),
        roles: Some(OneOrMany::One("support".to_owned())),
        scopes: Some(OneOrMany::Many(vec!["pay".to_owned(), "more".to_owned()])),
        tenant: Some("t".to_owned()),
        ..Caller::default()
    };
    let setting = Setting {
        callers: &BTreeMap::from([("alice".to_owned(), facts("alice"))]),
        now: Timestamp::parse("2026-11-02T10:00:00Z").unwrap(),
    };
    let at = "t".to_owned();
    Trial { at, ..trial }
        .request(policy, &setting)
        .map_err(tell)
}

/// What becomes of a trial: `DECISION RULE REASON`, and what a list shows.
#[track_caller]
fn check(trial: Value, expected: &str) {
    let policy = policy();
    let request = request(&policy, &trial).unwrap_or_else(|problems| panic!("{problems:?}"));
    let outcome = request.run(&policy);
    let text = |member: &str| outcome.text(member).unwrap_or("-").to_owned();
    let names: Vec<_> = outcome.visible.iter().map(String::as_str).collect();
    let came = format!(
        "{} {} {} {}",
        text("decision"),
        text("rule"),
        text("reason"),
        names.join(" ")
    );
    assert_eq!(came.trim_end(), expected, "{}", outcome.record);
    let judged = outcome.text("rule").is_some();
    let mut uses = 0;
    request.calls(&policy, |_| uses += 1);
    assert!(uses > 0 || !judged, "a rule decides on nothing");
}

#[test]
fn calls_are_judged_as_the_filter_judges_them() {
    let refund = |amount: i32| json!({ "caller": "alice", "call": "refund", "arguments": { "amount": amount } });
    check(refund(50), "allow small rule");
    check(refund(500), "deny - no_rule");
    check(
        json!({ "caller": "alice", "call": "refund", "arguments": { "sum": 1 } }),
        "deny - invalid_arguments",
    );
    check(
        json!({ "caller": { "user": "bob", "tenant": "t", "roles": "support" }, "call": "refund", "arguments": { "amount": 1 } }),
        "deny - insufficient_scope",
    );
    check(json!({ "call": "refund" }), "deny - hidden_scope");
    check(
        json!({ "call": "nothing", "server": "crm" }),
        "deny - unregistered",
    );
    check(
        json!({ "call": "refund", "server": "crm" }),
        "deny - unregistered",
    );
    check(
        json!({ "call": "look", "meta": { "confidence": 0.9 }, "session": "s-1" }),
        "allow sure rule",
    );
    check(
        json!({ "call": "look", "meta": { "confidence": 0.9 } }),
        "deny - hidden_no_rule",
    );
}

#[test]
fn time_is_what_is_written() {
    let late = |now: &str| json!({ "caller": "alice", "call": "late", "now": now });
    check(
        json!({ "caller": "alice", "call": "late" }),
        "allow crm rule",
    );
    check(late("2029-12-31T23:59:59Z"), "allow crm rule");
    check(late("2030-01-01"), "deny - hidden_sunset");
}

#[test]
fn resources_and_prompts_are_used_and_everything_is_listed() {
    check(
        json!({ "caller": "alice", "read": "doc://a/1" }),
        "allow crm rule",
    );
    check(
        json!({ "caller": "alice", "read": "doc://both", "server": "payments" }),
        "deny - hidden_no_rule",
    );
    check(
        json!({ "caller": "alice", "prompt": "greet" }),
        "allow crm rule",
    );
    let list =
        |what: &str, server: &str| json!({ "caller": "alice", "list": what, "server": server });
    check(list("tools", "payments"), "allow - protocol refund");
    check(list("tools", "crm"), "allow - protocol late");
    check(
        list("resources", "crm"),
        "allow - protocol doc://a/* doc://both",
    );
    check(list("prompts", "crm"), "allow - protocol greet");
    check(
        json!({ "list": "prompts", "server": "crm" }),
        "allow - protocol",
    );
}

#[test]
fn requests_are_sent_as_they_are_written() {
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"late","arguments":{}}}"#;
    let http = |http: Value| json!({ "caller": "alice", "server": "crm", "http": http });
    check(http(json!({ "body": call })), "allow crm rule");
    check(
        http(json!({ "body": serde_json::from_str::<Value>(call).unwrap() })),
        "allow crm rule",
    );
    check(
        http(json!({ "body": call.replace("\"id\":1", "\"id\":1,\"id\":2") })),
        "deny - duplicate_key",
    );
    check(http(json!({ "hex": "7b ff 7d" })), "deny - not_utf8");
    check(
        http(json!({ "body": call, "headers": { "content-type": null } })),
        "deny - content_type",
    );
    check(
        http(json!({ "body": call, "headers": { "x-tenant": ["a", "b"] } })),
        "deny - header_repeated",
    );
    check(
        json!({ "http": { "path": "/crm/mcp", "headers": { "authorization": "Bearer forged" }, "body": call } }),
        "deny - invalid_token",
    );
    check(
        json!({ "http": { "path": "/nowhere", "method": "GET" } }),
        "deny - not_found",
    );
}

/// What is wrong with a trial.
#[track_caller]
fn refused(trial: Value, expected: &[&str]) {
    let problems = request(&policy(), &trial).err().unwrap_or_default();
    assert_eq!(problems, expected);
}

#[test]
fn what_makes_no_sense_is_told_with_what_was_meant() {
    refused(
        json!({ "call": "refnd", "caller": "alise", "now": "soon" }),
        &[
            "t.now: `soon` is neither a date nor a time (write it as in `2026-11-02T10:00:00Z`)",
            "t.call: nothing named `refnd` is registered: at which `server`? (did you mean `refund`?)",
            "t.caller: no caller `alise` under `callers` (did you mean `alice`?)",
        ],
    );
    refused(
        json!({ "call": "look", "server": "crn", "caller": { "app": "x" } }),
        &[
            "t.server: no server `crn` is registered (did you mean `crm`?)",
            "t.caller.app: nothing supplies `app` (say in the policy's `identity` where it comes from)",
        ],
    );
    refused(
        json!({ "call": "look", "caller": { "scopes": ["a b"] } }),
        &[
            "t.caller.scopes: `scopes` cannot be [\"a b\"]: it does not come through the source that `identity` names",
        ],
    );
    refused(
        json!({ "list": "tools" }),
        &["t.list: which `server`? (one of `crm`, `payments`)"],
    );
    refused(
        json!({ "read": "doc://both" }),
        &[
            "t.read: `doc://both` is registered for several servers: which `server`? (one of `crm`, `payments`)",
        ],
    );
    let kinds = "expected exactly one of `call`, `read`, `prompt`, `list`, `http`";
    refused(json!({}), &[&format!("t: {kinds}")]);
    refused(
        json!({ "call": "look", "list": "tools" }),
        &[&format!("t: {kinds}")],
    );
    refused(
        json!({ "list": "tools", "server": "crm", "arguments": {}, "expect": {} }),
        &[
            "t.arguments: `arguments` goes with `call` or `prompt`",
            "t.expect: nothing is expected (say at least `decision`)",
        ],
    );
    refused(
        json!({ "call": "look", "arguments": [], "calls": 1, "list": "tool" }),
        &[
            "t: unknown field `calls` (did you mean `call`?)",
            "t.arguments: expected an object, found a list",
            "t.list: `tool` is not one of `tools`, `resources`, `prompts` (did you mean `tools`?)",
        ],
    );
    refused(
        json!({ "server": "crm", "http": { "hex": "0g", "headers": { "x": "\u{20ac}" } } }),
        &[
            "t.http.hex: expected pairs of hexadecimal digits",
            "t.http.headers.x: `x` holds a character that is no byte",
        ],
    );
}
