use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{Facts, Fuel, Truth},
    *,
};
use crate::{
    call::{Partial, Principal},
    cx::Timestamp,
    json::Doc,
};

/// The contract of the tables.
fn contract() -> Json {
    json!({
        "type": "object",
        "required": ["amount", "currency", "lines", "code"],
        "additionalProperties": false,
        "properties": {
            "amount": { "type": "number", "minimum": 0, "exclusiveMaximum": 1000 },
            "count": { "type": "integer", "minimum": 1, "maximum": 10 },
            "level": { "enum": [1, 2, 5] },
            "currency": { "enum": ["EUR", "USD"] },
            "code": { "type": "string", "minLength": 3, "maxLength": 5, "pattern": "^[A-Z]+$" },
            "urgent": { "const": true },
            "lines": { "type": "array", "maxItems": 5, "items": { "$ref": "#/$defs/line" } },
            "either": { "anyOf": [{ "type": "integer", "maximum": 3 }, { "type": "null" }] },
            "tree": { "$ref": "#" },
            "open": {}
        },
        "$defs": { "line": { "enum": ["a", "b"] } }
    })
}

/// What is known of the calls of the tables.
fn given<'a>(input: &'a Json, tenants: &'a BTreeSet<String>) -> Given<'a> {
    Given {
        input,
        tool: TOOL,
        env: Some("prod"),
        user: Supply::Known,
        agent: Supply::Optional,
        app: Supply::Absent,
        tenant: Supply::OneOf(tenants),
        roles: true,
        scopes: false,
    }
}

const TOOL: Tool<'static> = Tool {
    name: "pay",
    server: "payments",
    kind: "tool",
    risk_tier: "high",
    access: "write",
    data_classification: None,
};

fn tenants() -> BTreeSet<String> {
    BTreeSet::from(["t1".to_owned(), "t2".to_owned()])
}

#[track_caller]
fn check(expect: Possible, sources: &[&str]) {
    let (input, tenants) = (contract(), tenants());
    let given = given(&input, &tenants);
    for source in sources {
        let condition = Condition::parse(source).expect(source);
        assert_eq!(condition.possible(&given), expect, "{source}");
    }
}

#[test]
fn what_contradicts_the_contract_never_holds() {
    check(
        Possible::Never,
        &[
            "args.amount >= 1000",
            "args.amount < 0",
            "1000 <= args.amount",
            "args.count > 10",
            "args.count == 0",
            "args.count > 3 && args.count < 4",
            "args.level == 3",
            "args.level > 2 && args.level < 5",
            "args.currency == 'GBP'",
            "args.currency in ['GBP', 'CHF']",
            "args.currency != 'EUR' && args.currency != 'USD'",
            "!(args.currency in ['EUR', 'USD'])",
            "args.currency.startsWith('X')",
            "args.code == 'toolong'",
            "args.code == 'abc'",
            "size(args.code) > 5",
            "args.urgent == false",
            "has(args.urgent) && !args.urgent",
            "size(args.lines) > 5",
            "'c' in args.lines",
            "args.lines.exists(line, line == 'c')",
            "args.either > 3",
            "args.tree.tree.amount < 0",
            "args.nothing == 1",
            "has(args.nothing)",
            "!has(args.amount)",
            "!('amount' in args)",
            "args.amount == 'text'",
            "size(args) < 0",
        ],
    );
}

#[test]
fn what_contradicts_itself_never_holds() {
    check(
        Possible::Never,
        &[
            "args.amount > 100 && args.amount < 50",
            "args.amount == 5 && args.amount != 5",
            "args.amount != 5 && args.amount == 5",
            "(args.amount < 5 || args.amount > 10) && args.amount == 7",
            "args.open == 1 && args['open'] == 2",
            "args.open > 1 ? args.open < 0 : false",
            "!(args.amount > 5 || args.amount <= 5)",
            "now.getHours() >= 24",
            "now.getHours() > 18 && now.getHours() < 6",
            "now.getHours('+02:00') == 25",
            "now < timestamp('2020-01-01T00:00:00Z') && now > timestamp('2021-01-01T00:00:00Z')",
            "meta.a == 'x' && meta.a == 'y'",
            "false",
        ],
    );
}

#[test]
fn what_contradicts_the_call_never_holds() {
    check(
        Possible::Never,
        &[
            "tool.riskTier == 'low'",
            "tool.dataClassification == 'secret'",
            "env != 'prod'",
            "user == null",
            "app == 'a'",
            "tenant == 't3'",
            "tenant == null",
            "'x' in scopes",
            "scopes.exists(s, s == 'x')",
            "size(scopes) > 0",
            "roles.all(r, r == 'a') && app != null",
        ],
    );
}

#[test]
fn what_the_contract_says_already_always_holds() {
    check(
        Possible::Always,
        &[
            "true",
            "args.amount >= 0",
            "args.amount < 1000 || args.currency == 'x'",
            "args.currency in ['EUR', 'USD', 'GBP']",
            "args.code.size() <= 5",
            "!has(args.count) || args.count <= 10",
            "has(args.amount)",
            "user != null",
            "tenant in ['t1', 't2', 't3']",
            "tool.access == 'write'",
            "!('x' in scopes)",
            "now.getHours() < 24",
            "args.amount > 5 || args.amount <= 5",
        ],
    );
}

#[test]
fn what_depends_on_the_call_is_left_to_it() {
    check(
        Possible::Sometimes,
        &[
            "args.amount > 100",
            // An argument may be absent, and then there is no value.
            "args.count <= 10",
            "args.level == 5",
            "args.currency == 'EUR'",
            "args.code == 'ABC'",
            "'a' in args.lines",
            "args.lines.all(line, line == 'c')",
            "args.lines.exists(line, line == 'a')",
            "args.either == null",
            "args.tree.amount > 1",
            "args.open == 1",
            "meta.confidence > 0.5",
            "agent == 'a' || agent == null",
            "tenant == 't1'",
            "'x' in roles",
            "now.getHours() >= 6 && now.getHours() < 18",
            "args.amount * 2 > 1",
            "args.amount + 1 < 0",
            "9007199254740993 == args.open",
            "string(args.amount) == 'x'",
            "args.amount > 9223372036854775807 || true == (args.amount > 3)",
        ],
    );
}

#[test]
fn no_condition_takes_long() {
    let mut source = "args.open == 1".to_owned();
    for i in 0..25 {
        source = format!("(({source} || args.open == {i}) && args.amount > {i})");
    }
    check(Possible::Sometimes, &[&source]);
}

/// Comparisons that conditions are made of.
fn atom() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("args.amount"),
        Just("args.count"),
        Just("args.level"),
        Just("args.open"),
        Just("args.either"),
        Just("args.lines.size()"),
        Just("args.code.size()"),
        Just("now.getHours()"),
        Just("args.amount + 1"),
        Just("-args.amount"),
    ];
    let sign = prop_oneof![
        Just("<"),
        Just("<="),
        Just(">"),
        Just(">="),
        Just("=="),
        Just("!=")
    ];
    let constant = prop_oneof![
        (-2_i64..12).prop_map(|n| n.to_string()),
        Just("999.5".to_owned()),
        Just("1000".to_owned()),
        Just("args.amount".to_owned()),
        Just("args.open".to_owned()),
        Just("null".to_owned()),
    ];
    let order = (number, sign, constant).prop_map(|(a, sign, b)| format!("{a} {sign} {b}"));
    let other = [
        "args.currency == 'EUR'",
        "args.currency in ['USD', 'GBP']",
        "args.currency.startsWith('E')",
        "args.code.matches('^[A-Z]{4}$')",
        "args.code == 'ABC'",
        "args.open == 'a'",
        "has(args.count)",
        "has(args.open)",
        "'level' in args",
        "'a' in args.lines",
        "args.lines.all(line, line == 'a')",
        "args.lines.exists(line, line != 'a')",
        "args.urgent",
        "user == 'alice'",
        "agent == null",
        "app == null",
        "tenant == 't1'",
        "'staff' in roles",
        "'x' in scopes",
        "tool.riskTier == 'high'",
        "env == 'prod'",
        "true",
        "false",
    ];
    let other = prop::sample::select(other.to_vec()).prop_map(str::to_owned);
    prop_oneof![order, other]
}

fn source() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Arguments that fulfil the contract.
fn args() -> impl Strategy<Value = Json> {
    let amount = prop_oneof![
        (0_u32..1_000).prop_map(Json::from),
        Just(json!(999.5)),
        Just(json!(5.0))
    ];
    let open = prop::sample::select(vec![
        json!(null),
        json!(1),
        json!(-1.5),
        json!("a"),
        json!(true),
        json!([1]),
        json!({ "a": 1 }),
    ]);
    let required = (
        amount,
        prop::sample::select(vec!["EUR", "USD"]),
        "[A-Z]{3,5}",
        prop::collection::vec(prop::sample::select(vec!["a", "b"]), 0..=5),
    );
    let optional = (
        prop::option::of(1_u32..=10),
        prop::option::of(prop::sample::select(vec![1, 2, 5])),
        prop::option::of(Just(true)),
        prop::option::of(prop::sample::select(vec![json!(null), json!(3), json!(-4)])),
        prop::option::of(open),
    );
    (required, optional).prop_map(|((amount, currency, code, lines), optional)| {
        let (count, level, urgent, either, open) = optional;
        let mut args =
            json!({ "amount": amount, "currency": currency, "code": code, "lines": lines });
        let optional = [
            ("count", count.map(Json::from)),
            ("level", level.map(Json::from)),
            ("urgent", urgent.map(Json::from)),
            ("either", either),
            ("open", open),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                args[name] = value;
            }
        }
        args
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_called_impossible_does_not_happen(
        source in source(),
        args in prop::collection::vec(args(), 4),
        agent in prop::option::of(Just("bot".to_owned())),
        tenant in prop::sample::select(vec!["t1", "t2"]),
        staff: bool,
        hour in 0_i64..24,
    ) {
        let (input, tenants) = (contract(), tenants());
        let condition = Condition::parse(&source).expect("a condition");
        let possible = condition.possible(&given(&input, &tenants));
        let principal = Principal {
            user: Some("alice".to_owned()),
            agent,
            tenant: Some(tenant.to_owned()),
            roles: staff.then(|| "staff".to_owned()).into_iter().collect(),
            ..Principal::default()
        };
        for args in args {
            let doc = Doc::parse(args.to_string().into_bytes()).expect("JSON");
            let facts = Facts {
                args: Partial::Known(Some(doc.root())),
                meta: Partial::Known(None),
                principal: &principal,
                tool: TOOL,
                env: Some("prod"),
                session: None,
                now: Timestamp(1_777_507_200_000_000_000 + hour * 3_600_000_000_000),
            };
            let found = condition.eval(&facts, &mut Fuel::default());
            let agrees = match possible {
                Possible::Never => found != Ok(Truth::True),
                Possible::Always => found == Ok(Truth::True),
                Possible::Sometimes => true,
            };
            prop_assert!(agrees, "{source} with {args}: {possible:?}, and {found:?}");
        }
    }
}
