//! What is found when a policy is loaded.

use serde_json::{Value as Json, json};

use super::{Condition, from_short_form};

fn schema() -> Json {
    json!({
        "type": "object",
        "properties": {
            "amount": {"type": "number"},
            "count": {"type": "integer"},
            "currency": {"type": "string", "enum": ["EUR", "USD"]},
            "note": {"type": ["string", "null"]},
            "urgent": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "customer": {
                "type": "object",
                "properties": {"country": {"const": "DE"}, "x-id": {"type": "integer"}},
                "additionalProperties": false
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object"},
            "any": {},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "payment": {"oneOf": [
                {"type": "object", "properties": {"card": {"type": "string"}}},
                {"type": "object", "properties": {"iban": {"type": "string"}}}
            ]},
            "tree": {"$ref": "#/$defs/tree"},
            "broken": {"$ref": "#/$defs/nowhere"}
        },
        "allOf": [{"properties": {"reason": {"type": "string"}}}],
        "$defs": {
            "line": {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"type": "number"}}},
            "tree": {"type": "object", "properties": {"up": {"$ref": "#/$defs/tree"}, "name": {"type": "string"}}}
        }
    })
}

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let condition = Condition::parse(source).unwrap();
    let found: Vec<String> = condition
        .check(&schema())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, expected, "{source}");
}

#[track_caller]
fn compile(source: &str, expected: &str) {
    let found = Condition::compile(source).map_or_else(|p| p.to_string(), |_| String::new());
    assert_eq!(found, expected, "{source}");
}

#[test]
fn conditions_that_fit_pass() {
    for source in [
        "args.amount > 100 && args.currency in ['EUR', 'USD']",
        "args.count + 1 < args.amount * 2.5",
        "args.note == null || args.note.startsWith('x')",
        "args.urgent ? args.amount > 1 : args.tags.exists(t, t.contains('a'))",
        "args.lines.all(l, l.price < 10 && l.sku.matches('^[A-Z]+$'))",
        "args.lines[0].price > 1.5",
        "args.customer.country == 'DE' && args.customer['x-id'] > 3",
        "args.labels.team == 'a' && 'team' in args.labels",
        "args.free.anything > 3 && args.free.more == 'x'",
        "args.any > 3 && args.any.x == 'a' && args.any",
        "args.either == 'a' || args.either == 1",
        "args.payment.card == 'x' || args.payment.iban == 'y'",
        "args.tree.up.up.up.name == 'root'",
        "args.broken.x == 1",
        "args.reason.size() > 3",
        "has(args.note) && args['nope'] == 1",
        "user == 'alice' && 'admin' in roles && now.getHours() < 18",
        "meta.confidence > 0.8 && meta['a/b'] == 'c'",
        "tool.riskTier == 'high' && tool.dataClassification != null",
        "now - timestamp('2026-01-01T00:00:00Z') > duration('24h')",
        "args.tags.map(t, t.size()).exists(n, n > 3)",
        "args.tags.filter(t, t != '')[0] == 'a'",
        "math.greatest(args.amount, args.count) > 5",
        "string(args.count) + args.currency == '1EUR'",
        "type(args.amount) == int",
        "args.currency == args.note",
        "args.currency.split(',')[0] == 'x'",
        "dyn(args.amount) == 'x'",
    ] {
        check(source, &[]);
    }
}

#[test]
fn conditions_that_never_fit_are_reported() {
    check(
        "args.amuont > 1",
        &["1:1: `args` has no field `amuont` (did you mean `args.amount`?)"],
    );
    check(
        "has(args.amuont)",
        &["1:5: `args` has no field `amuont` (did you mean `args.amount`?)"],
    );
    check(
        "args.xyzzy == 1",
        &[
            "1:1: `args` has no field `xyzzy` (it has `amount`, `any`, `broken`, `count`, `currency`, `customer`, `either`, `free`, ..)",
        ],
    );
    check(
        "args.customer.contry == 'DE'",
        &["1:1: `args.customer` has no field `contry` (did you mean `args.customer.country`?)"],
    );
    check(
        "args.lines.all(l, l.prize < 10)",
        &["1:19: `l` has no field `prize` (did you mean `l.price`?)"],
    );
    check(
        "args.payment.cash == 'x'",
        &["1:1: `args.payment` has no field `cash` (did you mean `args.payment.card`?)"],
    );
    check(
        "args.tree.up.nmae == 'x'",
        &["1:1: `args.tree.up` has no field `nmae` (did you mean `args.tree.up.name`?)"],
    );
    check(
        "args.currency > 100",
        &["1:1: `args.currency` is a string, `100` is an int: `>` does not take that"],
    );
    check(
        "args.currency == 100",
        &["1:1: `args.currency` is a string, `100` is an int: they are never equal"],
    );
    check(
        "args.amount == '100'",
        &["1:1: `args.amount` is a number, `'100'` is a string: they are never equal"],
    );
    check(
        "args.currency == null",
        &[
            "1:1: `args.currency` is a string, `null` is null: they are never equal (to ask whether it is there, write `has(args.currency)`)",
        ],
    );
    check(
        "args.currency == 'EURO'",
        &["1:18: `EURO` is none of the values that the schema allows (did you mean `EUR`?)"],
    );
    check(
        "args.currency in ['EUR', 'GBP']",
        &["1:18: `GBP` is none of the values that the schema allows (it allows `EUR`, `USD`)"],
    );
    check(
        "args.amount in ['a']",
        &["1:1: `args.amount` is a number: it is never in `['a']`"],
    );
    check(
        "1 in args.tags",
        &["1:1: `1` is an int: it is never in `args.tags`"],
    );
    check(
        "args.amount in args.count",
        &["1:1: `args.amount` is a number, `args.count` is an int: `in` does not take that"],
    );
    check(
        "args.amount.startsWith('1')",
        &["1:1: `args.amount` is a number, `'1'` is a string: `startsWith` does not take that"],
    );
    check(
        "args.amount.x == 1",
        &["1:1: `args.amount` is a number: it has no field `x`"],
    );
    check("args.amount", &["1:1: it is a number, not true or false"]);
    check(
        "args.amount && true",
        &["1:1: `args.amount` is a number: `&&` does not take that"],
    );
    check(
        "!args.amount",
        &["1:2: `args.amount` is a number: `!` does not take that"],
    );
    check(
        "-args.currency == 'a'",
        &["1:2: `args.currency` is a string: `-` does not take that"],
    );
    check(
        "args.tags.all(t, t)",
        &["1:18: `t` is a string: `all` does not take that"],
    );
    check(
        "args.count.all(t, true)",
        &["1:1: `args.count` is an int: `all` does not take that"],
    );
    check(
        "args.tags['a'] == 'x'",
        &["1:1: `args.tags` is a list, `'a'` is a string: `[]` does not take that"],
    );
    check(
        "args.count.matches('a')",
        &["1:1: `args.count` is an int: `matches` does not take that"],
    );
    check(
        "math.greatest(args.currency, 1) > 1",
        &["1:15: `args.currency` is a string, `1` is an int: `math.greatest` does not take that"],
    );
    check(
        "args.amount + args.currency == 1",
        &["1:1: `args.amount` is a number, `args.currency` is a string: `+` does not take that"],
    );
    check(
        "args.nope1 == 1 || args.currency > 2\n || args.nope2 == 3",
        &[
            "1:1: `args` has no field `nope1` (did you mean `args.note`?)",
            "1:20: `args.currency` is a string, `2` is an int: `>` does not take that",
            "2:5: `args` has no field `nope2` (did you mean `args.note`?)",
        ],
    );
}

#[test]
fn schemas_that_say_little_are_believed() {
    let check = |schema: Json, source: &str| Condition::parse(source).unwrap().check(&schema).len();
    assert_eq!(check(json!({}), "args.x == 1"), 0);
    assert_eq!(check(json!(true), "args.x == 1"), 0);
    assert_eq!(check(json!({"type": "object"}), "args.x == 1"), 1);
    assert_eq!(
        check(
            json!({"type": "object", "additionalProperties": true}),
            "args.x == 1"
        ),
        0
    );
    assert_eq!(
        check(
            json!({"type": "object", "patternProperties": {"^x": {}}}),
            "args.x == 1"
        ),
        0
    );
    assert_eq!(check(json!({"$ref": "#"}), "args.x == 1"), 0);
    assert_eq!(
        check(
            json!({"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}),
            "args.a == 1"
        ),
        0
    );
    assert_eq!(
        check(
            json!({"type": "object", "properties": 3, "required": "x"}),
            "args.x == 1"
        ),
        1
    );
}

#[test]
fn mistakes_are_found_without_a_schema() {
    compile(
        "user > 3",
        "1:1: `user` is a string or null, `3` is an int: `>` does not take that",
    );
    compile(
        "'abc' > 1000",
        "1:1: `'abc'` is a string, `1000` is an int: `>` does not take that",
    );
    compile(
        "tool.risktier == 'high'",
        "1:1: `tool` has no field `risktier` (did you mean `tool.riskTier`?)",
    );
    compile("1 + 2", "1:1: it is an int, not true or false");
    compile(
        "now > '2026-01-01'",
        "1:1: `now` is a timestamp, `'2026-01-01'` is a string: `>` does not take that",
    );
    compile("args.x > 1 && args.y", "");
    compile("args", "");
    compile("", "1:1: it ends where an expression should stand");
    compile("args.a = 1", "1:8: unexpected `=` (equality is `==`)");
    compile(
        "args.a == 1 and args.b == 2",
        "1:13: `and` stands where an operator should (and is `&&`)",
    );
    compile("not args.a", "1:1: `not` is not a variable (not is `!`)");
    compile(
        "args.a == None",
        "1:11: `None` is not a variable (write `null`)",
    );
    compile(
        "amount > 1",
        "1:1: `amount` is not a variable (there are args, meta, user, agent, app, tenant, roles, scopes, tool, env, session, now; arguments are `args.amount`, text stands in quotes)",
    );
    compile(
        "args.a.length() > 1",
        "1:8: `length` is not a function (it is called `size`)",
    );
    compile(
        "args.a.startWith('x')",
        "1:8: `startWith` is not a function (did you mean `startsWith`?)",
    );
    compile(
        "contains(args.a, 'x')",
        "1:1: `contains` is a method (write `string.contains(string)`)",
    );
    compile(
        "args.a.int() == 1",
        "1:8: `int` is not a method (write `int(timestamp)`)",
    );
    compile(
        "args.a.contains()",
        "1:1: `contains` takes other arguments (write `string.contains(string)`)",
    );
    compile(
        "args.a.matches(args.b)",
        "1:16: the pattern of `matches` must be a literal (patterns are compiled once, when the policy is loaded)",
    );
    compile(
        "args.a.matches('(')",
        "1:16: the pattern is not a regular expression: unclosed group",
    );
    compile(
        "args.a.matches('(?=x)')",
        "1:16: the pattern is not a regular expression: look-around, including look-ahead and look-behind, is not supported",
    );
    compile(
        "args.a.matches('(\\\\w{1000}){1000}')",
        "1:16: the pattern is too large: repeat less, or plain `[a-z]` instead of `\\w`",
    );
    compile(
        "now.getHours('Europe/Berlin') > 8",
        "1:14: `Europe/Berlin` is not a time zone known here (write `UTC` or a fixed offset such as `+02:00`)",
    );
    compile(
        "now > timestamp('tomorrow')",
        "1:17: `tomorrow` is not a timestamp (write it as RFC 3339: `2026-01-31T00:00:00Z`)",
    );
    compile(
        "now - now < duration('1d')",
        "1:22: `1d` is not a duration (write it as `1h30m`, `90s` or `250ms`)",
    );
    compile(
        "has(args['a'])",
        "1:1: `has` takes one field (write `has(args.name)`; for other keys `\"key\" in args`)",
    );
    compile(
        "args.?a == 1",
        "1:6: `?` stands where a field's name should (optional fields are not supported: ask with `has(a.b)`)",
    );
    compile(
        "all(args.l, x, x > 1)",
        "1:1: `all` is called on a list or map (write `list.all(x, condition)`)",
    );
    compile(
        "args.l.all(i, v, v > 1)",
        "1:15: `all` takes one variable and one expression (macros with two variables are not supported)",
    );
    compile(
        "b'x' == args.a",
        "1:1: bytes are not supported (JSON has no bytes: compare strings)",
    );
    compile(
        "args.a == \u{201c}x\u{201d}",
        "1:11: unexpected `\u{201c}` (strings stand in straight quotes: `\"` or `'`)",
    );
    compile(
        "Foo{a: 1} == args.a",
        "1:1: `Foo` is not a variable (there are args, meta, user, agent, app, tenant, roles, scopes, tool, env, session, now; arguments are `args.Foo`, text stands in quotes)",
    );
    compile("args.a ==\n  'x", "2:3: a string is not closed");
}

#[track_caller]
fn short(form: &Json, expected: &str) {
    let text = match from_short_form(form.as_object().unwrap()) {
        Ok(source) => {
            Condition::compile(&source).unwrap();
            source
        }
        Err(problems) => problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    };
    assert_eq!(text, expected);
}

#[test]
fn short_forms_are_conditions() {
    short(&json!({"amount_gt": 100}), "args.amount > 100");
    short(
        &json!({"amount_gte": 1.5, "amount_lt": 1e300}),
        "args.amount >= 1.5 && args.amount < 1e300",
    );
    short(
        &json!({"amount_ge": 1.0, "amount_le": -5, "amount_lte": 18_446_744_073_709_551_615_u64}),
        "args.amount >= 1.0 && args.amount <= -5 && args.amount <= 18446744073709551615u",
    );
    short(
        &json!({"currency_in": ["EUR", "USD"]}),
        "args.currency in [\"EUR\", \"USD\"]",
    );
    short(
        &json!({"currency_not_in": ["EUR"]}),
        "!(args.currency in [\"EUR\"])",
    );
    short(
        &json!({"status": "open", "urgent": true, "note": null}),
        "args.note == null && args.status == \"open\" && args.urgent == true",
    );
    short(
        &json!({"status_ne": "open", "count_eq": 3}),
        "args.count == 3 && args.status != \"open\"",
    );
    short(
        &json!({"customer.country": "DE", "x-id_gt": 3}),
        "args.customer.country == \"DE\" && args[\"x-id\"] > 3",
    );
    short(
        &json!({"name_starts_with": "a\"b\\c\n"}),
        "args.name.startsWith(\"a\\\"b\\\\c\\n\")",
    );
    short(
        &json!({"name_matches": "^a\\d+$"}),
        "args.name.matches(\"^a\\\\d+$\")",
    );
    short(&json!({"in": [1]}), "`in` takes a text, a number, true, false or null (to ask for one of several write `in_in`)".replace("`in` takes", "in: `in` takes").as_str());
    short(
        &json!({"checked_in": true}),
        "checked_in: `_in` takes a list (for an argument that is called `checked_in` write `checked_in_eq`)",
    );
    short(
        &json!({"amount_gt": true, "tags": ["a"]}),
        "amount_gt: `_gt` takes a number or a text (for an argument that is called `amount_gt` write `amount_gt_eq`); tags: `tags` takes a text, a number, true, false or null (to ask for one of several write `tags_in`)",
    );
    short(
        &json!({"a..b": 1}),
        "a..b: `a..b` is not the name of an argument (nested arguments are written with dots: `customer.country_in`)",
    );
    short(
        &json!({}),
        "the condition is empty (name what it asks for, or leave `when` out)",
    );
}

#[test]
fn the_examples_of_the_reference_compile() {
    let page = include_str!("../../../../../policies/conditions.md");
    let blocks = page
        .split("```cel\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let lines: Vec<&str> = blocks.flat_map(str::lines).map(str::trim).collect();
    let examples = lines
        .iter()
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    let mut count = 0;
    for example in examples {
        count += 1;
        compile(example, "");
    }
    assert!(count >= 15, "only {count} examples");
}

#[test]
fn usual_patterns_are_small_enough() {
    compile("args.a.matches('^\\\\w{1,20}$')", "");
    compile("args.a.matches('^[A-Za-z0-9_]{1,255}$')", "");
    compile(
        "args.a.matches('(?i)^[a-z0-9._%+-]+@[a-z0-9.-]+\\\\.[a-z]{2,}$')",
        "",
    );
}
