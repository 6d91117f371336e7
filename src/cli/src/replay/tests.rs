use engine::{config::Config, policy::Policy};
use serde_json::{Value, json};

use super::{judge::Judge, log::Lines, tally::Tally};

fn policy() -> Policy {
    let (registry, policy) = (
        json!({
            "servers": { "s": {} },
            "tools": [
                { "name": "read", "mcpServer": "s", "inputSchema": { "type": "object" } },
                { "name": "pay", "mcpServer": "s", "inputSchema": {
                    "type": "object", "properties": { "n": { "type": "number" } },
                } },
                { "name": "late", "mcpServer": "s", "inputSchema": { "type": "object" } },
            ],
        }),
        json!({
            "rules": [
                { "id": "reads", "tools": ["read"], "require": { "roles": ["a"] }, "decision": "allow" },
                { "id": "small", "tools": ["pay"], "when": "args.n <= 5.0", "decision": "allow" },
                { "id": "asks", "tools": ["pay"], "require": { "user": ["eve"] }, "decision": "approval_required", "approver_role": "x" },
                { "id": "bad", "tools": ["pay"], "require": { "user": ["mallory"] }, "decision": "deny" },
                { "id": "by-day", "tools": ["late"], "when": "now.getHours() < 12", "decision": "allow" },
                { "id": "tried", "mode": "shadow", "tools": ["read"], "decision": "deny" },
            ],
        }),
    );
    Policy::compile(Config::join(vec![registry], vec![policy])).expect("a policy")
}

/// A call of `tool` that was allowed, with other members.
fn call(tool: &str, members: Value) -> Value {
    let mut record = json!({
        "timestamp": "2026-11-20T10:00:00.000Z", "requestId": "r-1", "method": "tools/call",
        "server": "s", "toolName": tool, "roles": ["a"], "scopes": [], "arguments": { "keys": ["n"] },
        "decision": "allow", "rule": "old", "reason": "rule",
    });
    let members = members.as_object().expect("an object").clone();
    record.as_object_mut().expect("an object").extend(members);
    record
}

fn replay(log: &str) -> Value {
    let policy = policy();
    let mut judge = Judge::new(&policy);
    let mut tally = Tally::default();
    tally.begin("access.log".as_ref());
    let bytes = log.as_bytes().to_vec();
    let mut lines = Lines::new(Box::new(std::io::Cursor::new(bytes)));
    while let Some(line) = lines.next().expect("a cursor does not fail") {
        tally.line(line, &mut judge);
    }
    serde_json::from_str(&tally.json()).expect("JSON")
}

/// `same`, `changed to DECISION RULE REASON`, `undecidable between .. by ..`, or what it counts as.
#[track_caller]
fn check(record: &Value, expect: &str) {
    let wrapped = json!({ "time": "x", "toolgate": record }).to_string();
    // A record under its key, and alone.
    for line in [wrapped, record.to_string()] {
        let told = replay(&line);
        let join = |list: &Value| {
            let list = list.as_array().cloned().unwrap_or_default();
            let texts: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        };
        let (change, doubt) = (
            &told["changes"]["groups"][0],
            &told["undecided"]["groups"][0],
        );
        let text = if told["same"] == 1 {
            "same".to_owned()
        } else if told["changed"] == 1 {
            let now = &change["would_be"];
            let rule = now["rule"].as_str().unwrap_or("-");
            format!("changed to {} {rule} {}", now["decision"], now["reason"]).replace('"', "")
        } else if told["undecidable"] == 1 {
            let between = doubt["between"].as_array().cloned().unwrap_or_default();
            let between = Value::Array(between.iter().map(|one| one["decision"].clone()).collect());
            let (rules, untold) = (join(&doubt["rules"]), join(&doubt["untold"]));
            format!("undecidable between {} by {rules}{untold}", join(&between))
        } else {
            told["notDecided"].to_string()
        };
        assert_eq!(text, expect, "{line}");
    }
}

#[test]
fn what_a_record_comes_to() {
    check(&call("read", json!({})), "same");
    check(
        &call("read", json!({ "roles": ["b"] })),
        "changed to deny - no_rule",
    );
    check(
        &call(
            "read",
            json!({ "roles": ["b"], "decision": "deny", "reason": "no_rule" }),
        ),
        "same",
    );
    check(
        &call("read", json!({ "server": "t" })),
        "changed to deny - unregistered",
    );
    check(&call("gone", json!({})), "changed to deny - unregistered");
    check(
        &call("pay", json!({})),
        "undecidable between deny allow by small",
    );
    check(
        &call("pay", json!({ "userId": "mallory" })),
        "changed to deny bad rule",
    );
    check(
        &call("pay", json!({ "userId": "eve" })),
        "undecidable between approval_required deny by small",
    );
    // Without arguments the condition fails for certain.
    let mut none = call("pay", json!({}));
    none.as_object_mut().expect("an object").remove("arguments");
    check(&none, "changed to deny small condition_failed");
    check(&call("late", json!({})), "same");
    check(
        &call("late", json!({ "timestamp": "2026-11-20T13:00:00.000Z" })),
        "changed to deny - no_rule",
    );
    check(
        &call("late", json!({ "timestamp": "noon" })),
        "undecidable between  by timestamp",
    );
    // What a record does not tell is not known.
    let mut old = call("read", json!({}));
    old.as_object_mut().expect("an object").remove("roles");
    check(&old, "undecidable between  by roles");
    old["toolName"] = json!("gone");
    check(&old, "changed to deny - unregistered");
    check(
        &call("pay", json!({ "policyDigest": policy().digest() })),
        "same",
    );
    check(
        &call(
            "read",
            json!({ "decision": "deny", "reason": "invalid_arguments" }),
        ),
        r#"{"beforeRules":1,"dryRuns":0,"limited":0,"protocol":0}"#,
    );
    check(
        &call(
            "read",
            json!({ "decision": "deny", "reason": "loop_detected" }),
        ),
        r#"{"beforeRules":0,"dryRuns":0,"limited":1,"protocol":0}"#,
    );
    check(
        &call("read", json!({ "dryRun": true })),
        r#"{"beforeRules":0,"dryRuns":1,"limited":0,"protocol":0}"#,
    );
    check(
        &call("read", json!({ "method": "tools/list" })),
        r#"{"beforeRules":0,"dryRuns":0,"limited":0,"protocol":1}"#,
    );
}

#[test]
fn approvers_count() {
    let asked = json!({ "decision": "approval_required", "reason": "approver_unreachable", "approverRole": "x", "userId": "eve", "arguments": null });
    check(
        &call("pay", asked),
        "changed to deny small condition_failed",
    );
}

#[test]
fn lines_that_hold_no_record_are_counted() {
    let log = [
        "[2026-11-20 10:00:00.000][1][info] starting",
        r#"{"time":"x","toolgate":-}"#,
        r#"{"time":"x"}"#,
        r#"{"toolgate":{"decision":5}}"#,
        r#"{"toolgate":{"decision":"allow""#,
        &format!(r#"{{"long":"{}"}}"#, "x".repeat(1_100_000)),
        &call("read", json!({})).to_string(),
        "",
    ]
    .join("\n");
    let told = replay(&log);
    assert_eq!(
        (&told["lines"], &told["otherLines"], &told["same"]),
        (&json!(7), &json!(3), &json!(1))
    );
    let problems: Vec<_> = told["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}:{}: {}", one["file"], one["line"], one["message"]).replace('"', ""))
        .collect();
    assert_eq!(
        problems,
        [
            "access.log:4: expected value (column 25)",
            "access.log:5: EOF while parsing an object (column 31)",
            "access.log:6: the line is longer than 1048576 bytes",
        ]
    );
}

#[test]
fn memory_is_bounded() {
    let mut log = String::new();
    for n in 0..1_500 {
        let record = call(
            &format!("gone-{}", n % 300),
            json!({ "userId": format!("u{n}") }),
        );
        log.push_str(&format!("{record}\n"));
    }
    for n in 0..1_500 {
        let record = call("gone-0", json!({ "userId": format!("v{n}") }));
        log.push_str(&format!("{record}\n"));
    }
    let told = replay(&log);
    let changes = &told["changes"];
    assert_eq!(changes["groups"].as_array().map(Vec::len), Some(200));
    assert_eq!(changes["others"], 500);
    let first = &changes["groups"][0];
    assert_eq!(
        (&first["target"], &first["calls"]),
        (&json!("gone-0"), &json!(1_505))
    );
    assert_eq!(first["callers"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(first["otherCallers"], 505);
}
