use serde_json::json;

use super::*;

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

#[track_caller]
fn check(expect: Possible, sources: &[&str]) {
    let input = contract();
    let tenants = BTreeSet::from(["t1".to_owned(), "t2".to_owned()]);
    let given = Given {
        input: &input,
        tool: Tool {
            name: "pay",
            server: "payments",
            kind: "tool",
            risk_tier: "high",
            access: "write",
            data_classification: None,
        },
        env: Some("prod"),
        user: Supply::Known,
        agent: Supply::Optional,
        app: Supply::Absent,
        tenant: Supply::OneOf(&tenants),
        roles: true,
        scopes: false,
    };
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
