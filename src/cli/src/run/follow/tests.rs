use serde_json::json;

use super::*;

#[track_caller]
fn check(record: Value, expected: &str) {
    assert_eq!(
        summary(&json!({ "time": "x", "toolgate": record }), false),
        expected
    );
}

#[test]
fn a_decision_is_one_line() {
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07.123Z", "userId": "alice", "agentId": "support",
            "method": "tools/call", "toolName": "refund_customer", "decision": "deny",
            "rule": "never", "reason": "rule", "message": "Ask finance.", "durationMs": 3.12,
        }),
        "05:41:07  alice  tools/call refund_customer  deny  never  rule: Ask finance.  3.1 ms",
    );
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07Z", "agentId": "support", "httpMethod": "GET",
            "decision": "allow", "reason": "allowed",
        }),
        "05:41:07  support  GET  allow  allowed",
    );
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07Z", "method": "tools/call", "toolName": "refund",
            "decision": "allow", "dryRun": true, "rule": "small", "reason": "rule",
            "shadow": { "decision": "deny", "reason": "no_rule" },
        }),
        "05:41:07  -  tools/call refund  allow (dry run)  small  rule  shadow: deny -",
    );
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07Z", "method": "tools/call", "toolName": "refund",
            "decision": "approval_required", "rule": "large", "reason": "approved",
            "approver": "fiona", "approvers": ["finance"],
        }),
        "05:41:07  -  tools/call refund  approval_required  large  approved by fiona",
    );
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07Z", "method": "tools/call", "toolName": "refund",
            "decision": "deny", "reason": "limit_reached", "limit": "refunded",
            "retryAfterMs": 61_200,
        }),
        "05:41:07  -  tools/call refund  deny  limit_reached by refunded, for 62 s",
    );
    // What a client sends cannot move the cursor or forge a second line.
    check(
        json!({
            "timestamp": "2026-11-21T05:41:07Z", "method": "tools/call",
            "toolName": "x\n\u{1b}[2Jy", "decision": "deny",
        }),
        "05:41:07  -  tools/call x\u{fffd}\u{fffd}[2Jy  deny",
    );
}

#[test]
fn half_a_line_waits_for_its_end() {
    let path = std::env::temp_dir().join(format!("toolgate-follow-{}.log", std::process::id()));
    std::fs::write(&path, "{\"old\":1}\n").unwrap();
    let mut follower = Follower::new(&path).unwrap();
    let mut log = OpenOptions::new().append(true).open(&path).unwrap();
    log.write_all(b"{\"toolgate\":{\"decision\"").unwrap();
    follower.print_new().unwrap();
    assert_eq!(follower.rest, b"{\"toolgate\":{\"decision\"");
    log.write_all(b":\"allow\"}}\n{").unwrap();
    follower.print_new().unwrap();
    assert_eq!(follower.rest, b"{");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_breaker_that_turns_is_a_line() {
    let record = json!({
        "timestamp": "2026-11-21T05:41:07Z",
        "breakers": [
            { "name": "tool:refund", "was": "open", "state": "half_open" },
            { "name": "tool:refund", "was": "half_open", "state": "closed" },
            // The call only met it.
            { "name": "server:s", "state": "open" },
        ],
    });
    let lines: Vec<_> = breakers(&json!({ "toolgate": record })).collect();
    assert_eq!(
        lines,
        [
            "05:41:07  breaker tool:refund: open -> half_open",
            "05:41:07  breaker tool:refund: half_open -> closed",
        ]
    );
}
