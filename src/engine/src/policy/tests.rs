mod cost;
mod explain;
mod redactions;
mod shadow;
mod sight;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Cause, Policy, Verdict};
use crate::{
    call::{Call, Partial, Principal},
    config::{Config, Provenance},
    cx::Timestamp,
    json::Doc,
    registry::Entry,
};

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

fn compile(registry: &str, policies: &[&str]) -> Result<Policy, Vec<String>> {
    let policies = policies.iter().map(|text| yaml(text)).collect();
    Policy::compile(Config::join(vec![yaml(registry)], policies))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A caller from short words: `user=u agent=a app=x tenant=t role=r scope=s`.
fn who(text: &str) -> Principal {
    let mut who = Principal::default();
    for word in text.split_whitespace() {
        let (fact, value) = word.split_once('=').expect("fact=value");
        let value = value.to_owned();
        match fact {
            "user" => who.user = Some(value),
            "agent" => who.agent = Some(value),
            "app" => who.app = Some(value),
            "tenant" => who.tenant = Some(value),
            "role" => drop(who.roles.insert(value)),
            "scope" => drop(who.scopes.insert(value)),
            other => panic!("no fact `{other}`"),
        }
    }
    who
}

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn say(policy: &Policy, entry: &Entry, who: &Principal, args: &Value) -> String {
    let doc = Doc::parse(args.to_string().into_bytes()).expect("JSON");
    let known = Partial::Known(Some(doc.root()));
    let call = Call {
        principal: who,
        entry,
        args: known,
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    };
    let verdict = policy.decide(&call);
    let rule = verdict
        .decision()
        .rule
        .clone()
        .unwrap_or_else(|| "-".to_owned());
    let unknown = Call {
        args: Partial::Unknown,
        meta: Partial::Unknown,
        ..call
    };
    let seen = if policy.visible(&unknown) {
        ""
    } else {
        " unseen"
    };
    match verdict {
        Verdict::Allow(_) => format!("allow {rule}{seen}"),
        Verdict::Ask { needs, .. } => {
            let needs: Vec<_> = needs.iter().map(ToString::to_string).collect();
            format!("ask {} {rule}{seen}", needs.join(" and "))
        }
        Verdict::Deny { decision, cause } => {
            let cause = match cause {
                Cause::Hidden(by) => format!("hidden {}", by.as_str()),
                Cause::MissingScope(scopes) => format!("scope {}", scopes.join(" ")),
                Cause::NoRule => "none".to_owned(),
                Cause::Rule => decision.reason.unwrap_or_else(|| "denied".to_owned()),
                Cause::ConditionFailed { fault, .. } => format!("fault {fault}"),
            };
            format!("deny {rule} {cause}{seen}")
        }
    }
}

const REGISTRY: &str = r#"
servers: { s: {}, p: {} }
tools:
- { name: read, mcpServer: s, riskTier: low, access: read, inputSchema: { type: object, properties: { n: { type: number }, l: { type: array } } } }
- { name: write, mcpServer: s, inputSchema: { type: object, properties: { n: { type: number } } } }
- { name: pay, mcpServer: p, mcpTool: p.pay, authScope: "pay:a pay:b", dataClassification: secret, inputSchema: { type: object, properties: { n: { type: number } } } }
- { name: careful, mcpServer: p, approvalRequired: true, approverRole: boss, inputSchema: { type: object } }
- { name: local, mcpServer: s, tenants: [t1], environments: [prod], inputSchema: { type: object } }
- { name: gone, mcpServer: s, deprecated: { sunset: 2027-01-01 }, inputSchema: { type: object } }
- { name: going, mcpServer: s, deprecated: { sunset: 2028-01-01 }, inputSchema: { type: object } }
resources:
- { uri: "file:///docs/*", mcpServer: s }
prompts:
- { name: ask, mcpServer: s, arguments: [{ name: topic, required: true }] }
"#;

/// What one call comes to: `allow RULE`, `ask ROLE RULE`, `ask the user RULE`, `deny RULE CAUSE`, with
/// ` unseen` where the tool is not in the caller's list.
#[track_caller]
fn check(rules: &str, caller: &str, tool: &str, args: Value, expect: &str) {
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    let entry = policy.registry().tool(tool).expect("a tool");
    assert_eq!(say(&policy, entry, &who(caller), &args), expect);
}

#[test]
fn the_strictest_rule_wins_wherever_it_stands() {
    let rules = r#"
rules:
- { id: a, tools: "*", decision: allow }
- { id: b, tools: [write, pay], decision: approval_required, approver_role: boss }
- { id: c, tools: { dataClassification: secret }, decision: deny, reason: never }
- { id: d, tools: [write], decision: approval_required, approver_role: other }
- { id: e, tools: [read], decision: allow }
"#;
    check(rules, "", "read", json!({}), "allow a");
    check(rules, "", "write", json!({}), "ask boss and other b");
    check(
        rules,
        "scope=pay:a scope=pay:b",
        "pay",
        json!({}),
        "deny c never unseen",
    );
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    let entry = policy.registry().tool("write").expect("a tool");
    let call = Call {
        principal: &Principal::default(),
        entry,
        args: Partial::Known(None),
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    };
    assert_eq!(policy.decide(&call).decision().matched, ["a", "b", "d"]);
}

#[test]
fn what_no_rule_matches_is_denied() {
    check("rules: []", "", "read", json!({}), "deny - none unseen");
    check(
        "rules: [{ tool: write, decision: allow }]",
        "",
        "read",
        json!({}),
        "deny - none unseen",
    );
    check(
        "rules: [{ resources: '*', decision: allow }]",
        "",
        "read",
        json!({}),
        "deny - none unseen",
    );
}

#[test]
fn rules_are_about_names_patterns_attributes_servers() {
    for (about, tool, expect) in [
        ("tool: read", "read", true),
        ("tools: read", "write", false),
        ("tools: ['r*', w]", "read", true),
        ("tools: '?????'", "write", true),
        ("tools: '?????'", "read", false),
        ("tools: { riskTier: low }", "read", true),
        (
            "tools: { riskTier: [low, medium], access: write }",
            "read",
            false,
        ),
        ("tools: { name: ['wr*'] }", "write", true),
        ("tools: { name: 'wr*', riskTier: low }", "write", false),
        ("tools: { server: s }", "write", true),
        ("tools: { server: [p] }", "write", false),
        ("tools: {}", "write", true),
        ("server: s", "write", true),
        ("server: p", "write", false),
        ("tools: '*', server: [p]", "write", false),
        ("tools: '*', server: [p, s]", "write", true),
        ("prompts: '*'", "write", false),
    ] {
        let registered = about.replace(", w]", "]");
        let rules = format!("rules: [{{ {registered}, decision: allow }}]");
        let expect = if expect {
            "allow rule-1"
        } else {
            "deny - none unseen"
        };
        check(&rules, "", tool, json!({}), expect);
    }
}

#[test]
fn resources_and_prompts_have_rules_of_their_own() {
    let rules = "rules: [{ id: r, resources: ['file:///docs/*'], decision: allow }, { id: p, prompts: ask, when: args.topic == 'x', decision: allow }]";
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    let registry = policy.registry();
    let nobody = Principal::default();
    let resource = registry
        .resource("s", "file:///docs/a")
        .expect("a resource");
    assert_eq!(
        say(
            &policy,
            resource,
            &nobody,
            &json!({"uri": "file:///docs/a"})
        ),
        "allow r"
    );
    let prompt = registry.prompt("ask").expect("a prompt");
    assert_eq!(
        say(&policy, prompt, &nobody, &json!({"topic": "x"})),
        "allow p"
    );
    assert_eq!(
        say(&policy, prompt, &nobody, &json!({"topic": "y"})),
        "deny - none"
    );
}

#[test]
fn callers_have_to_be_whom_the_rule_requires() {
    for (require, caller, expect) in [
        ("user: true", "user=a", true),
        ("user: true", "agent=a", false),
        ("user: false", "", true),
        ("user: a", "user=a", true),
        ("user: a", "user=b", false),
        ("user: [a, b]", "user=b", true),
        ("agent: x", "agent=x", true),
        ("agent: x", "user=x", false),
        ("app: [x]", "app=x", true),
        ("tenant: x", "tenant=x", true),
        ("roles: [a, b]", "role=b role=c", true),
        ("roles: [a, b]", "role=c", false),
        ("roles: a", "", false),
        ("user: true, roles: a", "role=a", false),
        ("user: true, roles: a", "user=u role=a", true),
    ] {
        let rules = format!("rules: [{{ tool: read, require: {{ {require} }}, decision: allow }}]");
        let expect = if expect {
            "allow rule-1"
        } else {
            "deny - none unseen"
        };
        check(&rules, caller, "read", json!({}), expect);
    }
    let rules = "rules: [{ tool: read, allowed_roles: [a], tenants: t, decision: allow }]";
    check(rules, "role=a tenant=t", "read", json!({}), "allow rule-1");
    check(
        rules,
        "role=a tenant=u",
        "read",
        json!({}),
        "deny - none unseen",
    );
    check(
        rules,
        "role=b tenant=t",
        "read",
        json!({}),
        "deny - none unseen",
    );
    let rules = "environment: dev\nrules: [{ tool: read, environments: [prod], decision: allow }, { tool: read, environments: [dev], decision: allow }]";
    check(rules, "", "read", json!({}), "allow rule-2");
}

#[test]
fn scopes_come_before_rules() {
    let rules = "rules: [{ tool: pay, decision: deny }, { tool: read, require: { scopes: [r, q] }, decision: allow }]";
    check(
        rules,
        "scope=pay:a",
        "pay",
        json!({}),
        "deny - scope pay:a pay:b unseen",
    );
    check(
        rules,
        "scope=pay:a scope=pay:b",
        "pay",
        json!({}),
        "deny rule-1 denied unseen",
    );
    check(
        rules,
        "scope=r",
        "read",
        json!({}),
        "deny - scope q r unseen",
    );
    check(rules, "scope=r scope=q", "read", json!({}), "allow rule-2");
}

#[test]
fn a_client_sees_what_it_may_ask_scopes_for() {
    let identity = "identity: { issuers: [{ issuer: i, audiences: [a], jwks: { file: f } }], scopes: { jwt: scope } }";
    let rules = "rules: [{ tool: pay, decision: allow }, { tool: read, require: { scopes: q }, decision: allow }]";
    check(
        &format!("{identity}\n{rules}"),
        "",
        "pay",
        json!({}),
        "deny - scope pay:a pay:b",
    );
    check(
        &format!("{identity}\n{rules}"),
        "",
        "read",
        json!({}),
        "deny - scope q",
    );
    let in_band = identity.replace("scopes:", "scope_denials: in_band, scopes:");
    check(
        &format!("{in_band}\n{rules}"),
        "",
        "read",
        json!({}),
        "deny - scope q",
    );
    check(
        &format!("{identity}\nrules: []"),
        "",
        "pay",
        json!({}),
        "deny - scope pay:a pay:b unseen",
    );
}

#[test]
fn entries_are_hidden_by_tenant_environment_and_sunset() {
    let rules = "rules: [{ tools: '*', decision: allow, approver_role: boss }]";
    let prod = format!("environment: prod\n{rules}");
    check(&prod, "tenant=t1", "local", json!({}), "allow rule-1");
    check(
        &prod,
        "tenant=t2",
        "local",
        json!({}),
        "deny - hidden tenant unseen",
    );
    check(&prod, "", "local", json!({}), "deny - hidden tenant unseen");
    check(
        rules,
        "tenant=t1",
        "local",
        json!({}),
        "deny - hidden environment unseen",
    );
    check(
        &format!("environment: dev\n{rules}"),
        "tenant=t1",
        "local",
        json!({}),
        "deny - hidden environment unseen",
    );
    check(rules, "", "gone", json!({}), "deny - hidden sunset unseen");
    check(rules, "", "going", json!({}), "allow rule-1");
}

#[test]
fn conditions_see_arguments_and_an_error_denies() {
    let rules = r#"
rules:
- { id: small, tool: write, when: args.n <= 100, decision: allow }
- { id: large, tool: write, when: args.n > 100, decision: approval_required, approver_role: boss }
- { id: huge, tool: write, when: "has(args.n) && args.n > 1000", decision: deny }
"#;
    check(rules, "", "write", json!({"n": 100}), "allow small");
    check(rules, "", "write", json!({"n": 100.5}), "ask boss large");
    check(rules, "", "write", json!({"n": 1001}), "deny huge denied");
    check(
        rules,
        "",
        "write",
        json!({}),
        "deny small fault there is no `args.n`",
    );
    // A rule that denies for good needs no condition to be evaluated.
    let denied = format!("{rules}- {{ id: never, tool: write, decision: deny }}");
    check(&denied, "", "write", json!({}), "deny never denied unseen");
    // Of a rule that does not match otherwise the condition does not count.
    let other = "rules: [{ id: a, tool: write, decision: allow }, { id: b, tool: write, require: { user: true }, when: args.n > 1, decision: deny }]";
    check(other, "", "write", json!({}), "allow a");
    check(
        other,
        "user=u",
        "write",
        json!({}),
        "deny b fault there is no `args.n`",
    );
}

#[test]
fn short_forms() {
    let rules = r#"
rules:
- { tool: write, when: { n_gt: 100 }, action: approval_required, approver_role: boss }
- { tool: write, action: allow }
denied_tools: [read, "p*"]
"#;
    check(rules, "", "write", json!({"n": 101}), "ask boss rule-1");
    check(rules, "", "write", json!({"n": 100}), "allow rule-2");
    check(
        rules,
        "",
        "read",
        json!({}),
        "deny denied_tools denied unseen",
    );
    check(
        rules,
        "scope=pay:a scope=pay:b",
        "pay",
        json!({}),
        "deny denied_tools denied unseen",
    );
}

#[test]
fn who_approves() {
    for (rules, tool, expect) in [
        (
            "[{ tool: careful, decision: allow }]",
            "careful",
            "ask boss rule-1",
        ),
        (
            "[{ tool: careful, decision: allow, approver_role: cfo }]",
            "careful",
            "ask cfo rule-1",
        ),
        (
            "[{ tool: careful, decision: approval_required }]",
            "careful",
            "ask boss rule-1",
        ),
        (
            "[{ tool: careful, requires_user_confirmation: true }]",
            "careful",
            "ask boss and the user rule-1",
        ),
        (
            "[{ tool: read, requires_user_confirmation: true }]",
            "read",
            "ask the user rule-1",
        ),
        (
            "[{ tool: read, requires_user_confirmation: true, decision: allow }]",
            "read",
            "ask the user rule-1",
        ),
        (
            "[{ tool: read, requires_user_confirmation: true, decision: deny }]",
            "read",
            "deny rule-1 denied unseen",
        ),
        (
            "[{ tool: read, requires_user_confirmation: true }, { tool: read, decision: approval_required, approver_role: boss }]",
            "read",
            "ask boss and the user rule-2",
        ),
        (
            "[{ tool: read, requires_user_confirmation: true }, { tool: read, decision: allow }]",
            "read",
            "ask the user rule-1",
        ),
    ] {
        check(&format!("rules: {rules}"), "", tool, json!({}), expect);
    }
}

#[test]
fn arguments_that_are_not_known_count_against_the_call() {
    let rules = r#"
rules:
- { id: allow, tool: write, decision: allow }
- { id: deny, tool: write, when: args.n > 1, decision: deny }
"#;
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    let call = Call {
        principal: &Principal::default(),
        entry: policy.registry().tool("write").expect("a tool"),
        args: Partial::Unknown,
        meta: Partial::Unknown,
        session: None,
        now: NOW,
    };
    assert!(policy.visible(&call));
    assert_eq!(
        policy.decide(&call).decision().rule.as_deref(),
        Some("deny")
    );
}

/// Every problem of a policy for the registry above.
#[track_caller]
fn check_problems(policy: &str, expect: &[&str]) {
    assert_eq!(
        compile(REGISTRY, &[policy]).err().unwrap_or_default(),
        expect
    );
}

#[test]
fn every_problem_is_told() {
    check_problems(
        r#"
rules:
- { tool: raed, decision: allow }
- { tools: [p.pay], server: S, decision: allow }
- { decision: allow }
- { tool: read }
- { id: rule-1, tool: read, tools: [write], decision: allow, action: allow }
- { tools: [], require: { roles: [] }, decision: allow }
- { tool: read, allowed_roles: a, require: { roles: b }, decision: allow }
- { tool: read, environments: prod, decision: deny }
- { tool: read, decision: approval_required, approver_role: boss, requires_user_confirmation: true }
- { tools: { server: x, name: [nobody] }, when: { n_in: 5 }, decision: allow }
- { tool: read, when: "args.n >", decision: allow }
"#,
        &[
            "policy[0]:rules[0].tool: no tool `raed` is registered (did you mean `read`?)",
            "policy[0]:rules[1].server: no server `S` is declared (did you mean `s`?)",
            "policy[0]:rules[1].tools: no tool `p.pay` is registered (server `p` calls it that; here it is `pay`)",
            "policy[0]:rules[2]: the rule does not say what it is about (name `tools`, `resources`, `prompts` or a `server`; `tools: \"*\"` is every tool)",
            "policy[0]:rules[3]: missing field `decision` (`allow`, `approval_required` or `deny`)",
            "policy[0]:rules[4].id: another rule has the id `rule-1`",
            "policy[0]:rules[4].action: it is another name of `decision`: write one of them",
            "policy[0]:rules[4].tool: it is short for `tools`: write one of them",
            "policy[0]:rules[5].require.roles: an empty list matches nothing",
            "policy[0]:rules[5].tools: an empty list matches nothing",
            "policy[0]:rules[6].allowed_roles: it is short for `require.roles`: write one of them",
            "policy[0]:rules[7].environments: the policy does not say its `environment`, so this never matches",
            "policy[0]:rules[8].approver_role: either somebody with `approver_role` approves, or the user confirms",
            "policy[0]:rules[9].when.n_in: `_in` takes a list (for an argument that is called `n_in` write `n_in_eq`)",
            "policy[0]:rules[9].tools.server: no server `x` is declared",
            "policy[0]:rules[9].tools.name: no tool `nobody` is registered",
            "policy[0]:rules[10].when: 1:9: it ends where a value should stand",
        ],
    );
}

#[test]
fn every_problem_with_limits_of_all_envoys_is_told() {
    check_problems(
        r#"
rules:
- { tool: read, decision: allow, limits: [{ scope: global, requests_per_day: 5 }] }
"#,
        &[
            "policy[0]:rules[0].limits[0].scope: nobody counts for all Envoys: the policy has no `rate_limit_service` (add `rate_limit_service: { url: .. }`, or let each Envoy count for itself)",
        ],
    );
    check_problems(
        r#"
rate_limit_service: { cluster: "", url: limits, domain: "", timeout: 2h }
rules:
- { tool: read, decision: allow }
"#,
        &[
            "policy[0]:rate_limit_service.cluster: a cluster has a name",
            "policy[0]:rate_limit_service.domain: a domain has a name",
            "policy[0]:rate_limit_service.url: expected a URL without a path that begins with `http://` or `https://`",
            "policy[0]:rate_limit_service.timeout: `2h` is no time up to a minute: `500ms`, `20s`, `1m`",
        ],
    );
    check_problems(
        r#"
rate_limit_service: {}
rules:
- tool: read
  decision: allow
  limits:
  - { id: l0, scope: global, requests_per_day: 1 }
  - { id: l1, scope: global, requests_per_day: 2 }
  - { id: l2, scope: global, requests_per_day: 3 }
  - { id: l3, scope: global, requests_per_day: 4 }
  - { id: l4, scope: global, requests_per_day: 5 }
  - { id: l5, scope: global, requests_per_day: 6 }
  - { id: l6, scope: global, requests_per_day: 7 }
  - { id: l7, scope: global, requests_per_day: 8 }
  - { id: l8, scope: global, requests_per_day: 9 }
"#,
        &[
            "registry[0]:tools[0]: 9 limits of `scope: global` may apply to one call, and a rate-limit service is asked about 8 at once (give limits that are the same one `id`, or let Envoys count for themselves)",
        ],
    );
}

#[test]
fn every_problem_with_approvals_is_told() {
    check_problems(
        r#"
approvals: { cluster: "", timeout: 61s, url: "http://127.0.0.1:8181/v1" }
identity: { scopes: { header: x-scopes, trusted: true } }
rules:
- { tool: read, decision: allow, wait: 20s, approvals: 2, expires: 1h }
- { tool: read, decision: approval_required, approver_role: boss, wait: 61s, approvals: 11, expires: 0s }
- { tool: read, requires_user_confirmation: true, wait: soon, approvals: 2, expires: 500ms }
"#,
        &[
            "policy[0]:rules[0].approvals: the rule asks for no approval (decide `approval_required`, or leave it out)",
            "policy[0]:rules[0].wait: the rule asks for no approval (decide `approval_required`, or leave it out)",
            "policy[0]:rules[0].expires: the rule asks for no approval (decide `approval_required`, or leave it out)",
            "policy[0]:rules[1].approvals: `11` is not from 1 to 10",
            "policy[0]:rules[1].wait: `61s` is no time up to a minute: `500ms`, `20s`, `1m`",
            "policy[0]:rules[1].expires: `0s` is no time from one second on: `30s`, `15m`, `4h`",
            "policy[0]:rules[2].approvals: there is one user to confirm it",
            "policy[0]:rules[2].wait: `soon` is no time up to a minute: `500ms`, `20s`, `1m`",
            "policy[0]:rules[2].expires: `500ms` is no time from one second on: `30s`, `15m`, `4h`",
            "policy[0]:approvals.cluster: a cluster has a name",
            "policy[0]:approvals.url: expected a URL without a path that begins with `http://` or `https://`",
            "policy[0]:approvals.timeout: `61s` is no time up to a minute: `500ms`, `20s`, `1m`",
            "policy[0]:rules[2].requires_user_confirmation: nothing supplies `user`, so this never holds (name its source: `identity.user`)",
        ],
    );
}

#[test]
fn callers_are_named_by_what_rules_and_entries_ask_for() {
    let rules = r#"
rules:
- { tool: read, require: { agent: bot, app: [a, b] }, tenants: [t2], decision: allow }
- { tool: write, require: { user: [ann], tenant: t3, agent: true }, decision: deny }
- { tool: pay, when: "agent == 'other-bot'", decision: deny, mode: shadow }
"#;
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    for (fact, value, named) in [
        ("agent", "bot", true),
        ("agent", "other-bot", false),
        ("app", "b", true),
        ("app", "bot", false),
        ("user", "ann", true),
        ("user", "t3", false),
        ("tenant", "t1", true),
        ("tenant", "t2", true),
        ("tenant", "t3", true),
        ("tenant", "t4", false),
    ] {
        assert_eq!(policy.names(fact, value), named, "{fact} {value}");
    }
}

#[test]
fn what_rules_ask_for_adds_up() {
    let rules = r#"
rules:
- { tool: read, decision: allow }
- { tool: read, requires_user_confirmation: true, wait: 5s }
- { tool: read, decision: approval_required, approver_role: boss, expires: 1h, wait: 20s }
- { tool: read, decision: approval_required, approver_role: cfo, expires: 2h }
- { tool: read, decision: approval_required, approver_role: boss, approvals: 2 }
"#;
    let asked = "ask 2 people with the role boss and cfo and the user rule-3";
    check(rules, "", "read", json!({ "n": 1 }), asked);
    let policy = compile(REGISTRY, &[rules]).expect("a policy");
    let verdict = policy.decide(&Call {
        principal: &Principal::default(),
        entry: policy.registry().tool("read").expect("a tool"),
        args: Partial::Known(None),
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    });
    let Verdict::Ask { wait, expires, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (wait.as_secs(), expires.map(|it| it.as_secs())),
        (20, Some(3_600))
    );
}

#[test]
fn conditions_are_checked_against_every_contract() {
    check_problems(
        "rules: [{ tool: read, when: args.m > 1, decision: deny }]",
        &["policy[0]:rules[0].when: 1:1: `args` has no field `m` (tool `read`) (it has `l`, `n`)"],
    );
    check_problems(
        "rules: [{ tool: read, when: { m_gt: 1 }, decision: deny }]",
        &["policy[0]:rules[0].when: 1:1: `args` has no field `m` (tool `read`) (it has `l`, `n`)"],
    );
}

#[test]
fn somebody_must_be_able_to_approve() {
    check_problems(
        "rules: [{ tool: read, decision: approval_required }]",
        &[
            "policy[0]:rules[0]: nobody can approve what this rule asks for (name an `approver_role`)",
        ],
    );
    let registry = "servers: { s: {} }\ntools: [{ name: t, mcpServer: s, approvalRequired: true, inputSchema: { type: object } }]";
    assert_eq!(
        compile(registry, &["rules: [{ id: a, tools: '*', decision: allow }]"]).err(),
        Some(vec![
            "registry[0]:tools[0].approvalRequired: rule `a` lets `t` through, and nobody can approve it (name an `approverRole` here, or an `approver_role` in the rule)".to_owned()
        ])
    );
}

#[test]
fn identity_supplies_what_rules_ask_for() {
    check_problems(
        r#"
identity:
  issuers: [{ issuer: i, audiences: [], jwks: { file: f } }, { issuer: i, audiences: [a], jwks: { file: f } }]
  resource: gw
  user: { jwt: sub }
rules:
- { tool: read, require: { user: true, agent: a, roles: r }, decision: allow }
"#,
        &[
            "policy[0]:identity.issuers[0].audiences: without audiences, tokens meant for anybody would be accepted",
            "policy[0]:identity.issuers[1].issuer: `i` is listed twice",
            "policy[0]:identity.resource: expected an `http://` or `https://` URI without a fragment",
            "policy[0]:rules[0].require.agent: nothing supplies `agent`, so this never holds (name its source: `identity.agent`)",
            "policy[0]:rules[0].require.roles: nothing supplies `roles`, so this never holds (name its source: `identity.roles`)",
            "registry[0]:tools[2].authScope: nothing supplies `scopes`, so this never holds (name its source: `identity.scopes`)",
        ],
    );
    check_problems(
        "identity: { user: { jwt: sub }, scopes: { header: x-scopes, trusted: true } }",
        &["policy[0]:identity.user: no issuer is named, so there is never a verified token"],
    );
}

#[test]
fn dry_runs_are_for_whom_the_policy_says() {
    for (dry_run, caller, expect) in [
        ("", "user=u role=a", false),
        ("dry_run: {}", "", true),
        (
            "dry_run: { user: true, roles: [a, b] }",
            "user=u role=b",
            true,
        ),
        ("dry_run: { user: true, roles: [a, b] }", "role=b", false),
        ("dry_run: { scopes: [x, z] }", "scope=x", false),
        ("dry_run: { scopes: [x, z] }", "scope=x scope=z", true),
    ] {
        let policy = compile(REGISTRY, &[dry_run]).expect("a policy");
        assert_eq!(policy.permits_dry_run(&who(caller)), expect, "{dry_run}");
    }
    check_problems(
        "{ identity: { scopes: { header: x-scopes, trusted: true } }, dry_run: { user: true, roles: [] } }",
        &[
            "policy[0]:dry_run.roles: an empty list matches nothing",
            "policy[0]:dry_run.user: nothing supplies `user`, so this never holds (name its source: `identity.user`)",
            "policy[0]:dry_run.roles: nothing supplies `roles`, so this never holds (name its source: `identity.roles`)",
        ],
    );
}

#[test]
fn schemas_are_checked() {
    let registry = r#"
servers: { s: {} }
tools:
- { name: a, mcpServer: s, inputSchema: { type: object, properties: { x: { type: 5 } } } }
- { name: b, mcpServer: s, inputSchema: { type: string } }
- { name: c, mcpServer: s, inputSchema: { type: object }, outputSchema: true }
"#;
    let problems = compile(registry, &[]).err().unwrap_or_default();
    let places: BTreeSet<&str> = problems
        .iter()
        .filter_map(|p| p.split(": ").next())
        .collect();
    assert_eq!(
        places.into_iter().collect::<Vec<_>>(),
        [
            "registry[0]:tools[0].inputSchema/properties/x/type",
            "registry[0]:tools[1].inputSchema",
            "registry[0]:tools[2].outputSchema",
        ]
    );
}

#[test]
fn versions_and_digest() {
    let policy = compile("version: r", &["version: a", "version: 2026-04-30.1"]).expect("a policy");
    assert_eq!(policy.registry_version(), "r");
    assert_eq!(policy.version(), "a+2026-04-30.1");
    let bare = compile("[]", &[]).expect("a policy");
    assert_eq!(Some(bare.version()), bare.digest().get(..12));
    assert_ne!(bare.digest(), policy.digest());
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let mut config = Config::join(vec![yaml(REGISTRY)], vec![]);
    let digest = config.digest();
    config.bundle = Some(Provenance {
        digest,
        commit: Some("0123abcd".to_owned()),
        dirty: true,
        files: Vec::new(),
    });
    let text = config.to_json();
    let compile = |text: &str| {
        let policy = Config::from_json(text.as_bytes()).and_then(Policy::compile);
        policy
            .map(drop)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(compile(&text), Ok(()));
    assert_eq!(
        compile(&text.replace("p.pay", "p.other")),
        Err(vec!["bundle.digest: the bundle was changed after it was made (make it again, or leave out `bundle`)".to_owned()])
    );
}

#[test]
fn what_cannot_be_read_does_not_hide_what_is_wrong_elsewhere() {
    let registry =
        "tools: [{ name: t, mcpServer: s, inputSchema: { type: object }, riskTeir: low }]
servers: { s: {} }";
    let policy = "rules:
- { tools: [t], decision: alow, when: 'args.x ==' }
- { tools: [u], decision: allow }
- { tools: [t], decision: allow, when: 'args.x ==' }";
    let problems = compile(registry, &[policy]).err().unwrap_or_default();
    let paths: Vec<_> = problems
        .iter()
        .map(|line| line.split_once(": ").map_or("", |(path, _)| path))
        .collect();
    let expected = [
        "registry[0]:tools[0]",
        "policy[0]:rules[0].decision",
        "policy[0]:rules[1].tools",
        "policy[0]:rules[2].when",
    ];
    assert_eq!(paths, expected, "{problems:#?}");
}
