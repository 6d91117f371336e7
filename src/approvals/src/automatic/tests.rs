use serde_json::{Value, json};

use super::*;

fn rules(text: &str) -> anyhow::Result<Rules> {
    let rules: Vec<Rule> = serde_saphyr::from_str(text)?;
    Rules::compile(&rules)
}

/// What one rule with this condition decides about a refund of 250 by alice.
#[track_caller]
fn check(when: &str, edit: fn(&mut Value), expected: &[&str]) {
    let rule = json!([{ "id": "r", "when": when, "decision": "approve", "for": "finance" }]);
    let rules = rules(&rule.to_string()).unwrap();
    let mut ask = json!({
        "tool": "refund",
        "arguments": r#"{"amount":250}"#,
        "user": "alice",
        "agent": "bot",
        "tenant": "a",
        "environment": "prod",
        "needs": [{ "approver": { "role": "finance" } }],
        "policyVersion": "p",
        "server": "crm",
        "access": "write",
        "riskTier": "high",
    });
    edit(&mut ask);
    let decided = rules.judge(&serde_json::from_value(ask).unwrap(), Timestamp(0));
    let decided: Vec<_> = decided.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(decided, expected, "{when}");
}

#[test]
fn a_rule_reads_what_is_asked() {
    for when in [
        "args.amount == 250",
        "user == 'alice' && agent == 'bot' && tenant == 'a' && env == 'prod'",
        "tool.name == 'refund' && tool.server == 'crm' && tool.kind == 'tool'",
        "tool.riskTier == 'high' && tool.access == 'write' && tool.dataClassification == null",
        "now == timestamp('1970-01-01T00:00:00Z')",
    ] {
        check(when, |_| (), &["automatic:r"]);
    }
    check("args.amount > 250", |_| (), &[]);
    // What has no value decides nothing.
    check("args.sum > 250 || args.amount / 0 == 1", |_| (), &[]);
    check(
        "!has(args.amount)",
        |ask| ask["arguments"] = json!("null"),
        &["automatic:r"],
    );
    check(
        "args.card == '4111'",
        |ask| {
            ask["arguments"] = json!(r#"{"card":"4111"}"#);
            ask["sensitive"] = json!(["/card"]);
        },
        &["automatic:r"],
    );
}

#[test]
fn a_refusal_comes_first() {
    let rules = rules(
        "[{ id: a, when: 'true', decision: approve }, \
          { id: b, when: 'true', decision: deny, reason: frozen }]",
    );
    let ask = json!({ "tool": "t", "arguments": "{}", "needs": [], "policyVersion": "p" });
    let ask = serde_json::from_value(ask).unwrap();
    let decided = rules.unwrap().judge(&ask, Timestamp(0));
    let decided: Vec<_> = decided
        .iter()
        .map(|one| (one.verdict, one.rule.as_str()))
        .collect();
    assert_eq!(
        decided,
        [
            (Verdict::Deny, "automatic:b"),
            (Verdict::Approve, "automatic:a")
        ]
    );
}

#[test]
fn all_that_is_wrong_with_rules_is_told_at_once() {
    let told = rules(
        "[{ id: '', when: 'args.amount >', decision: approve }, \
          { id: x, when: 'roles.size() == 1', decision: deny }, \
          { id: x, when: 'usr == \"a\"', decision: approve }, \
          { id: 'a b', when: 'env', decision: deny, reason: ' ' }]",
    );
    let told = told.err().unwrap().to_string();
    let lines: Vec<_> = told.lines().collect();
    for (line, begin) in lines.iter().zip([
        "automatic[0].id: an id is made of",
        "automatic[0].when: 1:14: ",
        "automatic[1].reason: a refusal needs a reason",
        "automatic[1].when: an ask does not tell `roles`",
        "automatic[2].id: `x` is the id of another rule",
        "automatic[2].when: 1:1: ",
        "automatic[3].id: ",
        "automatic[3].reason: ",
        "automatic[3].when: ",
    ]) {
        assert!(line.starts_with(begin), "{line} is not {begin}..");
    }
    assert_eq!(lines.len(), 9, "{told}");
    for text in [
        "[{ id: a, when: x, decision: revoke }]",
        "[{ id: a, decision: deny }]",
    ] {
        assert!(rules(text).is_err(), "{text}");
    }
}
