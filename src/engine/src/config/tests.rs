use serde_json::{Value, json};

use super::Config;
use crate::problem::closest;

#[track_caller]
fn check(registry: Value, policy: Value, expect: &[&str]) {
    let problems = Config::join(vec![registry], vec![policy]).faults;
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, expect);
}

#[test]
fn every_problem_of_a_registry_is_told_at_once() {
    check(json!({}), json!({}), &[]);
    check(Value::Null, Value::Null, &[]);
    check(
        json!("x"),
        json!([]),
        &[
            "registry[0]: a registry is an object or a list of tools",
            "policy[0]: a policy is an object",
        ],
    );
    check(
        json!({
            "verison": "1",
            "version": [],
            "servers": {"s": {"protocol": "2025-11-26", "paht": "/"}, "t": null, "u": []},
            "tools": [
                {"name": 5, "mcpServer": "s", "inputSchema": {}, "risktier": "low"},
                {},
                ["t", "s"],
                {"name": "t", "mcpServer": "s", "inputSchema": {}, "riskTier": "hihg", "tenants": ["a", 1], "timeout": 20},
            ],
            "prompts": "all",
        }),
        json!({}),
        &[
            "registry[0]:tools[0]: unknown field `risktier` (did you mean `riskTier`?)",
            "registry[0]:tools[0].name: expected a text, found `5`",
            "registry[0]:tools[1]: missing field `name`",
            "registry[0]:tools[1]: missing field `mcpServer`",
            "registry[0]:tools[1]: missing field `inputSchema`",
            "registry[0]:tools[2]: expected an object, found a list",
            "registry[0]:tools[3].riskTier: `hihg` is not one of `low`, `medium`, `high` (did you mean `high`?)",
            "registry[0]:tools[3].tenants[1]: expected a text, found `1`",
            "registry[0]:tools[3].timeout: expected a text, found `20`",
            "registry[0]:servers.s: unknown field `paht` (did you mean `path`?)",
            "registry[0]:servers.s.protocol: `2025-11-26` is not one of `auto`, `2025-11-25`, `2026-07-28`, `http` (did you mean `2025-11-25`?)",
            "registry[0]:servers.u: expected an object, found a list",
            "registry[0]: unknown field `verison` (did you mean `version`?)",
            "registry[0]:prompts: expected a list, found `all`",
            "registry[0]:version: expected a text",
        ],
    );
}

#[test]
fn every_problem_of_a_policy_is_told_at_once() {
    check(
        json!([]),
        json!({
            "version": 1.5,
            "obligations": [],
            "bounds": {"max_request_bytes": "4MB"},
            "identity": {
                "user": {"jwt": "sub", "header": "x-user"},
                "agent": {"header": "x-agent"},
                "app": {"header": "x-app", "trusted": true},
                "tenant": {"mtls": "cn"},
                "issuers": [{"issuer": "i", "audiences": ["a"], "jwks": {"url": "u", "file": "f"}}],
            },
            "rules": [
                {"tool": "t", "decision": "alow", "weight": 1},
                {"tools": {"riskTier": "low", "acces": "read"}, "decision": "allow"},
                {"tools": 5, "require": ["support"], "action": "deny"},
                {"tools": [1], "audit": {"level": "all"}, "redact": ["iban", {"find": "a", "by": "hide", "on": 1}, 3], "require": {"user": 1, "role": "a"}},
                {"tools": "t", "when": ["x"]},
            ],
        }),
        &[
            "policy[0]:rules[0]: unknown field `weight`",
            "policy[0]:rules[0].decision: `alow` is not one of `allow`, `approval_required`, `deny` (did you mean `allow`?)",
            "policy[0]:rules[1].tools: unknown field `acces` (did you mean `access`?)",
            "policy[0]:rules[2].require: expected an object, found a list",
            "policy[0]:rules[2].tools: expected a name, a list of names, or attributes, found `5`",
            "policy[0]:rules[3].audit.level: `all` is not one of `metadata`, `full`",
            "policy[0]:rules[3].redact[1].by: `hide` is not one of `mask`, `hash`, `drop`, `block`",
            "policy[0]:rules[3].redact[1]: unknown field `on`",
            "policy[0]:rules[3].redact[2]: expected a kind, or an object with `find` or `at`, found `3`",
            "policy[0]:rules[3].require: unknown field `role` (did you mean `roles`?)",
            "policy[0]:rules[3].require.user: expected true, a text, or a list of texts, found `1`",
            "policy[0]:rules[3].tools[0]: expected a text, found `1`",
            "policy[0]:rules[4].when: expected a condition, found a list",
            "policy[0]: unknown field `obligations`",
            "policy[0]:bounds.max_request_bytes: expected a whole number, found `4MB`",
            "policy[0]:identity.agent: a header is believed only with `trusted: true`, and alone",
            "policy[0]:identity.issuers[0].jwks: expected one of `url`, `file`, `inline`, found an object",
            "policy[0]:identity.tenant.mtls: `cn` is not one of `spiffe`",
            "policy[0]:identity.user: a header is believed only with `trusted: true`, and alone",
        ],
    );
}

#[test]
fn files_are_joined() {
    let registries = vec![
        json!({"version": "r1", "servers": {"a": {}}}),
        json!([{"name": "t", "mcpServer": "b", "inputSchema": {"type": "object"}}]),
        json!({"version": "r2", "servers": {"a": {}}}),
    ];
    let policies = vec![
        json!({"version": "p1", "environment": "prod", "denied_tools": ["t"]}),
        json!({"version": 2, "environment": "prod", "denied_tools": ["u"], "rules": [{"tool": "t", "decision": "allow"}]}),
    ];
    let problems = Config::join(registries.clone(), policies.clone()).faults;
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "registry[2]:servers.a: server `a` is declared twice",
            "policy[1]:environment: another policy file has `environment` already",
        ]
    );
    let config = Config::join(registries[..2].to_vec(), vec![policies[0].clone()]);
    assert_eq!(config.registry.version.as_deref(), Some("r1"));
    assert_eq!(
        config.to_json(),
        r#"{"registry":{"version":"r1","servers":{"a":{},"b":{}},"tools":[{"name":"t","mcpServer":"b","inputSchema":{"type":"object"}}]},"policy":{"version":"p1","environment":"prod","rules":[{"id":"denied_tools","tools":["t"],"decision":"deny"}]}}"#
    );
}

#[test]
fn a_bundle_reads_as_it_was_written() {
    let registry = json!({
        "version": "1",
        "servers": {"s": {"cluster": "c", "protocol": "2026-07-28"}},
        "tools": [{"name": "t", "mcpServer": "s", "access": "read", "inputSchema": {"type": "object"}}],
    });
    let policy = json!({
        "identity": {"user": {"header": "X-User", "trusted": true}, "agent": {"mtls": "spiffe"}, "app": {"jwt": "azp"}},
        "rules": [{"tool": "t", "require": {"user": true, "roles": "a"}, "when": {"x_gt": 1}, "action": "allow"}],
    });
    let config = Config::join(vec![registry], vec![policy]);
    let text = config.to_json();
    let read = Config::from_json(text.as_bytes()).unwrap();
    assert_eq!(read.to_json(), text);
    assert_eq!(read.digest(), config.digest());
}

#[test]
fn a_bundle_is_read_strictly() {
    let said = |text: &str| -> Vec<String> {
        let problems = match Config::from_json(text.as_bytes()) {
            Ok(config) => config.faults,
            Err(problems) => problems,
        };
        problems.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        said(r#"{"registry":{},"policy":{},"policy":{}}"#),
        ["not acceptable as JSON: duplicate object key at byte 27"]
    );
    assert_eq!(
        said("[]"),
        ["a bundle is an object with `registry` and `policy`"]
    );
    assert_eq!(
        said(r#"{"registry":{},"polcy":{}}"#),
        [
            "missing field `policy`",
            "unknown field `polcy` (did you mean `policy`?)"
        ]
    );
    assert_eq!(
        said(r#"{"registry":{"x":1},"policy":{"rules":[{"y":1}]}}"#),
        [
            "registry: unknown field `x`",
            "policy.rules[0]: unknown field `y`"
        ]
    );
}

#[test]
fn object_keys_are_written_in_order() {
    // Digests rest on it: a feature of serde_json that some crate turns on would change them.
    let value: Value = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"a":2,"b":1}"#);
}

#[test]
fn the_word_that_was_meant() {
    let words = ["allow", "deny", "approval_required"];
    for (word, expect) in [
        ("alow", Some("allow")),
        ("Deny", Some("deny")),
        ("aproval_requierd", Some("approval_required")),
        ("block", None),
        ("", None),
    ] {
        assert_eq!(closest(word, words), expect, "`{word}`");
    }
}
