//! That what is only tried is tried, and changes nothing.

use proptest::{prelude::*, sample::subsequence};

use super::*;

/// What is decided of a call of `write`, and what would be, where that differs.
fn judge(policies: Vec<Value>, caller: &str, args: &Value) -> (String, Option<String>) {
    let config = Config::join(vec![yaml(REGISTRY)], policies);
    let policy = Policy::compile(config).expect("a policy");
    let entry = policy.registry().tool("write").expect("a tool");
    let doc = Doc::parse(args.to_string().into_bytes()).expect("JSON");
    let who = who(caller);
    let call = Call {
        principal: &who,
        entry,
        args: Partial::Known(Some(doc.root())),
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    };
    let (_, shadow) = policy.judge(&call);
    let differs = shadow.map(|shadow| {
        let rule = shadow.rule.as_deref().unwrap_or("-");
        format!("{} {rule} {}", shadow.effect.as_str(), shadow.reason)
    });
    (say(&policy, entry, &who, args), differs)
}

/// `LIVE`, or `LIVE; SHADOW` where the two differ.
#[track_caller]
fn check(policies: &[&str], caller: &str, expect: &str) {
    let policies = policies.iter().map(|text| yaml(text)).collect();
    let (live, shadow) = judge(policies, caller, &json!({"n": 5}));
    let shadow = shadow.map_or_else(String::new, |shadow| format!("; {shadow}"));
    assert_eq!(live + &shadow, expect);
}

#[test]
fn a_rule_or_a_file_is_tried() {
    let live = "rules: [{ id: a, tool: write, decision: allow }]";
    check(&[live], "", "allow a");
    let rule = "rules: [{ id: a, tool: write, decision: allow }, { id: d, mode: shadow, tool: write, when: args.n == 5, decision: deny }]";
    check(&[rule], "", "allow a; deny d rule");
    check(&[&rule.replace("== 5", "== 6")], "", "allow a");
    check(
        &[&rule.replace("args.n ==", "meta.n ==")],
        "",
        "allow a; deny d condition_failed",
    );
    // A file stands in the place of the live rules; its ids are its own.
    let file =
        "mode: shadow\nrules: [{ id: a, tool: write, require: { roles: [r] }, decision: allow }]";
    check(&[live, file], "role=r", "allow a");
    check(&[live, file], "", "allow a; deny - no_rule");
    check(&[file, live], "", "allow a; deny - no_rule");
    check(&[rule, file], "role=r", "allow a; deny d rule");
    let mode = "mode: shadow\ndenied_tools: [write]";
    check(&[live, mode], "", "allow a; deny denied_tools rule");
    // Another approver is another verdict, another rule is not.
    let asks = "rules: [{ id: a, tool: write, decision: approval_required, approver_role: cfo }]";
    check(
        &[
            asks,
            &format!("mode: shadow\n{}", asks.replace("cfo", "ceo")),
        ],
        "",
        "ask cfo a; approval_required a rule",
    );
    check(
        &[
            asks,
            &format!("mode: shadow\n{}", asks.replace("id: a", "id: b")),
        ],
        "",
        "ask cfo a",
    );
}

#[test]
fn what_a_shadow_file_may_not_say() {
    let live = "environment: prod\nidentity: { user: { header: x-user, trusted: true }, scopes: { header: x-scopes, trusted: true } }\nrules: []";
    let same = live.replace("rules: []", "mode: shadow");
    let problems = |policies: &[&str]| compile(REGISTRY, policies).err().unwrap_or_default();
    assert_eq!(problems(&[live, &same]), Vec::<String>::new());
    let other = "mode: shadow\nenvironment: dev\nidentity: { user: { header: x-other, trusted: true } }\nbounds: { max_request_bytes: 5 }";
    assert_eq!(
        problems(&[live, other]),
        [
            "policy[1]:environment: the `environment` of a shadow policy is that of the live one (leave it out, or write the same)",
            "policy[1]:bounds: the `bounds` of a shadow policy is that of the live one (leave it out, or write the same)",
            "policy[1]:identity: the `identity` of a shadow policy is that of the live one (leave it out, or write the same)",
        ]
    );
    assert_eq!(
        problems(&["mode: shadow"]),
        [
            "policy[0]:mode: only shadow policies are here, so every call would be denied (add the policy that decides, or leave `mode` out)"
        ]
    );
    assert_eq!(
        problems(&[
            live,
            "mode: shadow\nrules: [{ tool: nobody, decision: allow }]"
        ]),
        ["policy[1]:rules[0].tool: no tool `nobody` is registered"]
    );
}

#[test]
fn a_bundle_holds_what_is_tried() {
    let (live, file) = (
        "rules: [{ tool: read, decision: allow }]",
        "version: 2\nmode: shadow\nrules: [{ tool: read, decision: deny }]",
    );
    let join = |policies: &[&str]| {
        Config::join(
            vec![yaml(REGISTRY)],
            policies.iter().map(|text| yaml(text)).collect(),
        )
    };
    let alone = join(&[live]);
    assert!(alone.shadow.is_none() && !alone.to_json().contains("shadow"));
    let both = join(&[live, file]);
    assert_ne!(alone.digest(), both.digest());
    let again = Config::from_json(both.to_json().as_bytes()).expect("a bundle");
    assert_eq!(again.digest(), both.digest());
    let policy = Policy::compile(again).expect("a policy");
    assert_eq!(policy.shadow_version(), "2");
    let bad = both
        .to_json()
        .replace(r#""decision":"deny""#, r#""decision":"dny""#);
    let problems = Config::from_json(bad.as_bytes())
        .map(Policy::compile)
        .expect("JSON")
        .err();
    assert_eq!(
        problems.expect("problems")[0].path,
        "shadow.rules[0].decision"
    );
}

const POOL: [&str; 9] = [
    "{ id: r1, tool: write, decision: allow }",
    "{ id: r2, tool: write, when: args.n > 5, decision: allow }",
    "{ id: r3, tool: write, when: args.n > 5, decision: approval_required, approver_role: cfo }",
    "{ id: r4, tool: write, requires_user_confirmation: true }",
    "{ id: r5, tools: '*', require: { roles: [a] }, decision: deny }",
    "{ id: r6, tool: write, when: meta.x == 1, decision: deny }",
    "{ id: r7, tools: '*', when: meta.missing, decision: allow }",
    "{ id: r8, tool: write, require: { scopes: [s] }, decision: allow }",
    // All the fuel there is.
    "{ id: r9, tool: write, when: \"[0, 1, 2, 3, 4, 5, 6, 7, 8].all(a, [0, 1, 2, 3, 4, 5, 6, 7, 8].all(b, [0, 1, 2, 3, 4, 5, 6, 7, 8].all(c, [0, 1, 2, 3, 4, 5, 6, 7, 8].all(d, [0, 1, 2, 3, 4, 5, 6, 7, 8].all(e, a + b + c + d + e > -1)))))\", decision: deny }",
];

fn file_of(rules: Vec<Value>) -> Value {
    json!({ "rules": rules })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn nothing_that_is_tried_changes_what_is_decided(
        live in subsequence(POOL.to_vec(), 0..5),
        tried in subsequence(POOL.to_vec(), 0..4),
        file in proptest::option::of(subsequence(POOL.to_vec(), 0..5)),
        caller in proptest::sample::select(vec!["", "role=a", "scope=s"]),
        n in 4..7,
    ) {
        let args = json!({ "n": n });
        let rules = |rules: &[&str]| rules.iter().map(|rule| yaml(rule)).collect::<Vec<_>>();
        let mut shadow_rules = rules(&tried);
        for rule in &mut shadow_rules {
            let id = format!("tried-{}", rule["id"].as_str().unwrap_or_default());
            rule["id"] = json!(id);
            rule["mode"] = json!("shadow");
        }
        let mut policies = vec![file_of([rules(&live), shadow_rules.clone()].concat())];
        policies.extend(file.as_ref().map(|file| json!({ "mode": "shadow", "rules": rules(file) })));
        let (decided, differs) = judge(policies, caller, &args);
        let (alone, _) = judge(vec![json!({ "rules": rules(&live) })], caller, &args);
        prop_assert_eq!(&decided, &alone);

        for rule in &mut shadow_rules {
            rule["mode"] = json!("enforce");
        }
        let instead = rules(file.as_ref().unwrap_or(&live));
        let (tried, _) = judge(vec![file_of([instead, shadow_rules].concat())], caller, &args);
        let effect = |told: &str| match told.split(' ').next() {
            Some("ask" | "ask-user") => "approval_required".to_owned(),
            other => other.unwrap_or_default().to_owned(),
        };
        match differs {
            Some(shadow) => prop_assert_eq!(effect(&shadow), effect(&tried)),
            None => prop_assert_eq!(effect(&alone), effect(&tried)),
        }
    }
}
