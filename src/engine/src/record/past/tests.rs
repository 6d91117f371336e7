use std::borrow::Cow;

use super::*;

/// `KIND NAME DECISION` or why no rule decided; then the caller, and what is not known of it.
#[track_caller]
fn check(record: &str, expect: &str) {
    let past: Past<'_> = serde_json::from_str(record).expect("a record");
    let used = past
        .used()
        .map(|(kind, name)| format!("{} {name}", kind.as_str()));
    let decided = match past.decided() {
        Ok(decision) => decision.as_str().to_owned(),
        Err(other) => format!("{other:?}"),
    };
    let (who, missing) = past.caller();
    let who = [
        who.user,
        Some(who.roles.into_iter().collect::<Vec<_>>().join(",")),
    ];
    let who: Vec<_> = who.into_iter().flatten().collect();
    let used = used.unwrap_or_else(|| "-".to_owned());
    let told = format!(
        "{used} {decided} by {} without {}",
        who.join(" "),
        missing.join(" ")
    );
    assert_eq!(told.trim_end(), expect);
}

#[test]
fn what_a_record_says() {
    check(
        r#"{"method": "tools/call", "toolName": "t", "decision": "allow", "reason": "rule", "userId": "u", "roles": ["a", "b"], "scopes": [], "news": {"of": 1}}"#,
        "tool t allow by u a,b without",
    );
    // An older record does not tell roles.
    check(
        r#"{"method": "tools/call", "toolName": "t", "decision": "deny", "reason": "hidden_no_rule"}"#,
        "tool t deny by  without roles scopes",
    );
    check(
        r#"{"method": "prompts/get", "promptName": "p", "decision": "approval_required", "reason": "approver_unreachable", "roles": [], "scopes": []}"#,
        "prompt p approval_required by  without",
    );
    check(
        r#"{"method": "resources/read", "resourceUri": "a:b", "decision": "deny", "reason": "upstream_too_large", "roles": [], "scopes": []}"#,
        "resource a:b allow by  without",
    );
    check(
        r#"{"method": "tools/call", "toolName": "t", "decision": "allow", "reason": "result_sensitive", "roles": [], "scopes": []}"#,
        "tool t allow by  without",
    );
    for reason in [
        "limit_reached",
        "loop_detected",
        "breaker_open",
        "redaction_blocked",
    ] {
        check(
            &format!(
                r#"{{"method": "tools/call", "toolName": "t", "decision": "deny", "reason": "{reason}", "roles": [], "scopes": []}}"#
            ),
            "tool t Limited by  without",
        );
    }
    for reason in [
        "approved",
        "approval_pending",
        "approval_required",
        "upstream_unauthorized",
    ] {
        check(
            &format!(
                r#"{{"method": "tools/call", "toolName": "t", "decision": "approval_required", "reason": "{reason}", "roles": [], "scopes": []}}"#
            ),
            "tool t approval_required by  without",
        );
    }
    for (reason, why) in [
        ("invalid_arguments", "BeforeRules"),
        ("no_token", "BeforeRules"),
    ] {
        check(
            &format!(
                r#"{{"method": "tools/call", "toolName": "t", "decision": "deny", "reason": "{reason}", "roles": [], "scopes": []}}"#
            ),
            &format!("tool t {why} by  without"),
        );
    }
    check(
        r#"{"method": "tools/call", "toolName": "t", "decision": "allow", "reason": "rule", "dryRun": true, "roles": [], "scopes": []}"#,
        "tool t DryRun by  without",
    );
    check(
        r#"{"httpMethod": "GET", "decision": "allow", "reason": "protocol", "roles": [], "scopes": []}"#,
        "- Protocol by  without",
    );
}

#[test]
fn approvers_are_read_as_they_were_written_ever() {
    for (record, expect) in [
        (
            r#"{"approvers": ["boss", "boss", "user"]}"#,
            "boss boss user",
        ),
        (r#"{"approverRole": "boss"}"#, "boss"),
        (r#"{"approverRole": "the user"}"#, "user"),
        ("{}", ""),
    ] {
        let past: Past<'_> = serde_json::from_str(record).expect("a record");
        assert_eq!(past.approvers().collect::<Vec<_>>().join(" "), expect);
    }
}

#[test]
fn what_was_cut_is_not_known() {
    let many = serde_json::to_string(&vec!["r"; 64]).expect("JSON");
    let long = serde_json::to_string(&["é".repeat(256)]).expect("JSON");
    for (roles, known) in [
        (r#"["a"]"#, true),
        (&many, false),
        (&long, false),
        ("null", false),
    ] {
        let record = format!(r#"{{"roles": {roles}, "scopes": []}}"#);
        let past: Past<'_> = serde_json::from_str(&record).expect("a record");
        assert_eq!(past.caller().1.is_empty(), known, "{roles}");
    }
}

#[test]
fn texts_are_borrowed() {
    let past: Past<'_> =
        serde_json::from_str(r#"{"userId": "u", "roles": ["a"], "rule": "\u0061"}"#)
            .expect("a record");
    let borrowed = |text: &Text<'_>| matches!(text.0, Cow::Borrowed(_));
    assert!(past.user_id.as_ref().is_some_and(borrowed));
    assert!(past.roles.iter().flatten().all(borrowed));
    assert_eq!(past.rule.as_deref(), Some("a"));
}
