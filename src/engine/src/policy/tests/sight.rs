use serde_json::json;

use super::{NOW, compile, who};
use crate::{
    call::{Call, Partial},
    config::Config,
    policy::Policy,
};

/// Who sees what, as often as entries are asked for: what is settled once is what each look says.
#[track_caller]
fn check(policy: &Policy, caller: &str, expect: &[&str]) {
    let who = who(caller);
    let sight = policy.sight(&who, None, NOW);
    let entries = || policy.registry().entries();
    let seen = entries().filter(|entry| sight.sees(entry));
    let seen: Vec<_> = seen.map(|entry| entry.name.as_str()).collect();
    assert_eq!(seen, expect, "{caller}");
    for entry in entries() {
        let call = Call {
            principal: &who,
            entry,
            args: Partial::Unknown,
            meta: Partial::Unknown,
            session: None,
            now: NOW,
        };
        assert_eq!(policy.visible(&call), sight.sees(entry), "{}", entry.name);
    }
}

#[test]
fn what_a_caller_sees() {
    let rules = r#"
identity:
  tenant: { header: x-tenant, trusted: true }
  roles: { header: x-roles, trusted: true }
  scopes: { header: x-scopes, trusted: true }
environment: prod
rules:
- { tools: ["*"], resources: ["*"], decision: allow, require: { roles: [r] } }
- { prompts: ["*"], when: "tool.name == 'ask' && tenant == 't1'", decision: allow }
"#;
    let policy = compile(super::REGISTRY, &[rules]).expect("a policy");
    check(&policy, "", &[]);
    check(&policy, "tenant=t1", &["ask"]);
    check(
        &policy,
        "role=r",
        &["read", "write", "pay", "careful", "going", "file:///docs/*"],
    );
    let all = [
        "read",
        "write",
        "pay",
        "careful",
        "local",
        "going",
        "file:///docs/*",
        "ask",
    ];
    check(&policy, "role=r tenant=t1", &all);
    let who = who("tenant=t1");
    let sight = policy.sight(&who, None, NOW);
    assert_eq!(
        ["s", "p", "?"].map(|id| sight.reaches(id)),
        [true, false, false]
    );
}

#[test]
fn a_thousand_tools_are_looked_at_once() {
    let tools: Vec<_> = (0..1_000)
        .map(|n| json!({ "name": format!("t{n}"), "mcpServer": "s", "inputSchema": { "type": "object" } }))
        .collect();
    let registry = json!({ "servers": { "s": {} }, "tools": tools });
    let policy = json!({ "rules": [{ "tools": ["*"], "decision": "allow" }] });
    let policy = Policy::compile(Config::join(vec![registry], vec![policy])).unwrap();
    let who = who("");
    let sight = policy.sight(&who, None, NOW);
    assert!(policy.registry().entries().all(|entry| sight.sees(entry)));
    assert_eq!(sight.settled(), 1);
}
