use serde_json::{Value, json};

use super::*;
use crate::config::Config;

/// A policy with these members for two tools, one of them of some tenants and environments.
fn policy(members: &[(&str, Value)]) -> Policy {
    let input = json!({
        "type": "object",
        "required": ["n"],
        "properties": { "n": { "type": "integer", "maximum": 9 } },
    });
    let registry = json!({
        "servers": { "s": {} },
        "tools": [
            { "name": "any", "mcpServer": "s", "inputSchema": input },
            { "name": "some", "mcpServer": "s", "inputSchema": input, "tenants": ["t1", "t2"],
              "environments": ["prod"] },
        ],
    });
    let mut policy = json!({ "environment": "prod" });
    for (name, value) in members {
        policy[*name] = value.clone();
    }
    Policy::compile(Config::join(vec![registry], vec![policy])).expect("a policy")
}

/// Rules written as members of an object; whatever they leave out is the same for all.
fn rules(rules: &[&str]) -> Policy {
    let rules = rules.iter().map(|rule| {
        let rule: Value = serde_saphyr::from_str(&format!("{{ {rule} }}")).expect("YAML");
        let mut whole = json!({ "tools": "*", "decision": "allow", "approver_role": "boss" });
        for (name, value) in rule.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        whole
    });
    policy(&[("rules", rules.collect())])
}

#[track_caller]
fn check_covers(one: &str, other: &str, expect: [bool; 2]) {
    let policy = rules(&[one, other]);
    let [one, other] = policy.rules() else {
        panic!("two rules")
    };
    assert_eq!([one.covers(other), other.covers(one)], expect);
}

#[test]
fn a_wider_and_stricter_rule_covers_another() {
    check_covers("", "", [true, true]);
    check_covers("", "decision: deny", [false, true]);
    check_covers("decision: approval_required", "", [true, false]);
    check_covers("", "require: { user: true }", [true, false]);
    check_covers(
        "require: { user: true }",
        "require: { user: [a] }",
        [true, false],
    );
    check_covers(
        "require: { user: [a, b] }",
        "require: { user: [a] }",
        [true, false],
    );
    check_covers(
        "require: { roles: [a, b] }",
        "require: { roles: [a] }",
        [true, false],
    );
    check_covers(
        "require: { roles: [a] }",
        "require: { roles: [b] }",
        [false, false],
    );
    check_covers(
        "require: { scopes: [a] }",
        "require: { scopes: [a, b] }",
        [true, false],
    );
    check_covers("tenants: [t1]", "tenants: [t1, t3]", [false, true]);
    check_covers("environments: [prod]", "", [false, true]);
    check_covers("when: args.n > 1", "when: args.n > 1", [true, true]);
    check_covers("when: args.n > 1", "", [false, true]);
    check_covers("when: args.n > 1", "when: args.n > 2", [false, false]);
    check_covers("decision: deny, when: args.n > 1", "", [false, false]);
}

#[test]
fn a_rule_covers_only_where_it_counts() {
    check_covers("mode: shadow", "", [false, true]);
    check_covers("decision: deny, mode: shadow", "", [false, false]);
}

#[test]
fn approvals_add_up() {
    let (role, user) = (
        "decision: approval_required",
        "requires_user_confirmation: true, approver_role: null",
    );
    check_covers(role, user, [false, false]);
    check_covers(user, user, [true, true]);
    let quick = "decision: approval_required, approvals: 2, wait: 5s, expires: 1m";
    check_covers(role, quick, [false, true]);
    check_covers(
        "decision: approval_required, wait: 6s",
        quick,
        [false, false],
    );
    check_covers(
        role,
        "decision: approval_required, approver_role: cfo",
        [false, false],
    );
}

#[test]
fn tenants_and_environments_can_leave_nothing() {
    for (rule, any, some) in [
        ("", None, None),
        ("tenants: [t1]", None, None),
        ("tenants: [t3]", None, Some("tenants")),
        ("require: { tenant: t3 }", None, Some("require.tenant")),
        ("require: { tenant: true }", None, None),
        (
            "require: { tenant: t1 }, tenants: [t2]",
            Some("require.tenant"),
            Some("require.tenant"),
        ),
        ("environments: [staging]", None, Some("environments")),
    ] {
        let policy = rules(&[rule]);
        let found = policy
            .registry()
            .entries()
            .map(|entry| policy.rules()[0].contradicts(entry));
        assert_eq!(found.collect::<Vec<_>>(), [any, some], "{rule}");
    }
}

#[test]
fn a_condition_is_seen_together_with_what_the_rule_requires() {
    let identity = json!({
        "user": { "header": "x-user", "trusted": true },
        "tenant": { "header": "x-tenant", "trusted": true },
    });
    for (rule, any, some) in [
        ("", Possible::Always, Possible::Always),
        ("when: args.n > 9", Possible::Never, Possible::Never),
        (
            "when: user == null",
            Possible::Sometimes,
            Possible::Sometimes,
        ),
        (
            "require: { user: true }, when: user == null",
            Possible::Never,
            Possible::Never,
        ),
        ("when: tenant == 't3'", Possible::Sometimes, Possible::Never),
        ("when: \"'a' in roles\"", Possible::Never, Possible::Never),
        (
            "when: tool.name == 'any'",
            Possible::Always,
            Possible::Never,
        ),
        ("when: env == 'prod'", Possible::Always, Possible::Always),
    ] {
        let rule: Value =
            serde_saphyr::from_str(&format!("{{ tools: '*', decision: allow, {rule} }}"))
                .expect("YAML");
        let policy = policy(&[("identity", identity.clone()), ("rules", json!([rule]))]);
        let entries = policy.registry().entries();
        let found = entries.map(|entry| policy.possible(&policy.rules()[0], entry));
        assert_eq!(found.collect::<Vec<_>>(), [any, some], "{rule}");
    }
}
