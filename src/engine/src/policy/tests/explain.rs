//! That what is told about a decision is what decides.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    config::Effect,
    policy::{Considered, Foresight, Outcome, Part},
};

/// A call of `tool` under the rules below, handed to `test`.
fn with_call<T>(
    caller: &str,
    tool: &str,
    args: Option<&Value>,
    test: impl FnOnce(&Policy, &Call<'_>) -> T,
) -> T {
    let policy = compile(REGISTRY, &[RULES]).expect("a policy");
    let text = args.map_or_else(|| "{}".to_owned(), Value::to_string);
    let doc = Doc::parse(text.into_bytes()).expect("JSON");
    let call = Call {
        principal: &who(caller),
        entry: policy.registry().tool(tool).expect("a tool"),
        args: args.map_or(Partial::Unknown, |_| Partial::Known(Some(doc.root()))),
        meta: Partial::Known(None),
        session: None,
        now: NOW,
    };
    test(&policy, &call)
}

const RULES: &str = r#"
environment: prod
rules:
- { id: open, tools: [read, write], require: { roles: [staff, admin] }, decision: allow }
- { id: small, tool: write, when: args.n <= 10, decision: allow }
- { id: large, tool: write, tenants: [t1], when: "args.n > 10 && user != null", decision: approval_required, approver_role: boss }
- { id: user, tool: read, require: { user: true }, environments: [prod, dev], requires_user_confirmation: true }
- { id: scoped, tool: read, require: { scopes: [r, q] }, decision: allow }
- { id: never, tools: [write, pay], require: { agent: bad }, when: args.n == 13, decision: deny, reason: bad luck }
"#;

/// One line for each rule about the tool: `ID OUTCOME [FIELD: WANTED / FOUND]..`, with the parts
/// that do not hold; one for what the entry lacks.
#[track_caller]
fn check(caller: &str, tool: &str, args: Option<Value>, expect: &[&str]) {
    let told = |part: &Part| format!(" [{}: {} / {}]", part.field, part.wanted, part.found);
    let lines = with_call(caller, tool, args.as_ref(), |policy, call| {
        let rules = policy.explain(call).into_iter();
        let mut lines: Vec<_> = rules
            .filter(|one| one.outcome != Outcome::Elsewhere)
            .map(|one| {
                let lacks: String = one.lacks().map(told).collect();
                format!("{} {:?}{lacks}", one.rule.id, one.outcome)
            })
            .collect();
        let entry: String = policy.obstacles(call).entry.iter().map(told).collect();
        lines.extend((!entry.is_empty()).then_some(entry));
        lines
    });
    assert_eq!(lines, expect);
}

#[test]
fn every_rule_says_why() {
    check(
        "user=u role=staff",
        "write",
        Some(json!({"n": 11})),
        &[
            "open Applies",
            "small DoesNot [when: args.n <= 10 / false]",
            "large DoesNot [tenants: t1 / none]",
            "never DoesNot [require.agent: bad / none] [when: args.n == 13 / false]",
        ],
    );
    check(
        "agent=bad role=x",
        "write",
        Some(json!({})),
        &[
            "open DoesNot [require.roles: one of admin, staff / x]",
            "small Failed(NoSuchKey(\"args.n\")) [when: args.n <= 10 / fails: there is no `args.n`]",
            "large DoesNot [tenants: t1 / none] [when: args.n > 10 && user != null / false]",
            "never Failed(NoSuchKey(\"args.n\")) [when: args.n == 13 / fails: there is no `args.n`]",
        ],
    );
    check(
        "scope=q",
        "read",
        None,
        &[
            "open DoesNot [require.roles: one of admin, staff / none]",
            "user DoesNot [require.user: known / none]",
            "scoped DoesNot [require.scopes: q, r / q]",
        ],
    );
    check(
        "agent=bad",
        "pay",
        None,
        &[
            "never Undecided [when: args.n == 13 / not known]",
            " [authScope: pay:a, pay:b / none]",
        ],
    );
    check(
        "",
        "gone",
        None,
        &[" [deprecated.sunset: before 2027-01-01T00:00:00.000Z / 2027-01-15T08:00:00.000Z]"],
    );
    check("tenant=t2", "local", None, &[" [tenants: t1 / t2]"]);
}

#[test]
fn conditions_are_told_in_steps() {
    let args = json!({"n": 11});
    let steps = with_call("tenant=t1", "write", Some(&args), |policy, call| {
        let part = policy.explain(call)[2].parts.pop();
        part.expect("a condition").steps
    });
    let steps: Vec<_> = steps
        .iter()
        .map(|(part, value)| format!("{part}: {value}"))
        .collect();
    assert_eq!(
        steps,
        [
            "args.n > 10: true",
            "args.n: 11",
            "user != null: false",
            "user: null"
        ]
    );
}

/// `FIELD.. | against ID.. | ways ID..`
#[track_caller]
fn check_obstacles(caller: &str, tool: &str, args: Value, expect: &str) {
    let told = with_call(caller, tool, Some(&args), |policy, call| {
        let obstacles = policy.obstacles(call);
        let fields: Vec<_> = obstacles.entry.iter().map(|part| part.field).collect();
        let ids = |list: &[Considered<'_>]| {
            let ids: Vec<_> = list.iter().map(|one| one.rule.id.as_str()).collect();
            ids.join(" ")
        };
        let (against, ways) = (ids(&obstacles.against), ids(&obstacles.ways));
        format!("{} | {against} | {ways}", fields.join(" "))
    });
    assert_eq!(told, expect);
}

#[test]
fn what_would_have_to_change() {
    check_obstacles("role=staff", "read", json!({}), " |  | ");
    check_obstacles("", "read", json!({}), " |  | open user scoped");
    check_obstacles(
        "tenant=t1",
        "write",
        json!({"n": 11}),
        " |  | open small large",
    );
    check_obstacles(
        "agent=bad",
        "write",
        json!({"n": 13}),
        " | never | open small large",
    );
    check_obstacles("agent=bad", "pay", json!({"n": 13}), "authScope | never | ");
}

#[track_caller]
fn check_foresight(caller: &str, tool: &str, expect: &str) {
    let foresight = with_call(caller, tool, None, |policy, call| policy.foresee(call));
    let told = match foresight {
        Foresight::Certain(one) => format!("{} {}", one.effect.as_str(), one.reason),
        Foresight::Undecided { between, because } => {
            let effects: Vec<_> = between.iter().map(|one| one.effect.as_str()).collect();
            format!("{} by {}", effects.join("|"), because.join(" "))
        }
    };
    assert_eq!(told, expect);
}

#[test]
fn decisions_before_the_arguments_are_known() {
    check_foresight("role=staff", "read", "allow rule");
    check_foresight("", "read", "deny insufficient_scope");
    check_foresight("", "write", "deny|allow by small");
    // The condition might fail.
    check_foresight("role=staff", "write", "allow|deny by small");
    check_foresight(
        "user=u tenant=t1",
        "write",
        "deny|allow|approval_required by small large",
    );
    check_foresight("", "pay", "deny insufficient_scope");
    check_foresight("tenant=t2", "local", "deny hidden_tenant");
}

fn any_caller() -> impl Strategy<Value = String> {
    let facts = "user=u agent=bad tenant=t1 role=staff scope=r scope=q scope=pay:a scope=pay:b";
    let facts: Vec<_> = facts.split(' ').collect();
    proptest::collection::vec(select(facts), 0..6).prop_map(|facts| facts.join(" "))
}

fn any_tool() -> impl Strategy<Value = &'static str> {
    select(vec!["read", "write", "pay", "careful", "local", "gone"])
}

fn any_args() -> impl Strategy<Value = Value> {
    let numbers = [json!(5), json!(11), json!(13), json!("x")].map(|n| json!({ "n": n }));
    select([&numbers[..], &[json!({})]].concat())
}

proptest! {
    #[test]
    fn told_as_decided(caller in any_caller(), tool in any_tool(), args in any_args()) {
        for args in [None, Some(&args)] {
            with_call(&caller, tool, args, |policy, call| {
                let verdict = policy.decide(call);
                let decided = verdict.summary();
                let obstacles = policy.obstacles(call);
                let mut told = policy.explain(call);
                told.retain(|one| one.outcome != Outcome::Elsewhere);
                for one in &told {
                    assert_eq!(one.outcome == Outcome::Applies, one.lacks().next().is_none());
                }
                if obstacles.entry.is_empty() {
                    let mut applying: Vec<_> = told
                        .iter()
                        .filter(|one| match one.outcome {
                            Outcome::Applies => true,
                            Outcome::Undecided => one.rule.effect != Effect::Allow,
                            Outcome::DoesNot | Outcome::Failed(_) | Outcome::Elsewhere => false,
                        })
                        .map(|one| &one.rule.id)
                        .collect();
                    let mut matched: Vec<_> = verdict.decision().matched.iter().collect();
                    applying.sort();
                    matched.sort();
                    assert_eq!(applying, matched);
                }
                let clear = obstacles.granted
                    && obstacles.entry.is_empty()
                    && obstacles.against.is_empty();
                assert!(clear == (decided.effect != Effect::Deny) || args.is_none());
            });
        }
    }

    #[test]
    fn foreseen_as_decided(caller in any_caller(), tool in any_tool(), args in any_args()) {
        let foresight = with_call(&caller, tool, None, |policy, call| policy.foresee(call));
        let decided = with_call(&caller, tool, Some(&args), |policy, call| policy.decide(call).summary());
        let between = match foresight {
            Foresight::Certain(one) => vec![one],
            Foresight::Undecided { between, .. } => between,
        };
        assert!(between.iter().any(|one| one.decides_like(&decided)), "{decided:?}, {between:?}");
    }
}
