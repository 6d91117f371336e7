//! What a call costs, by its arguments.

use serde_json::json;

use super::*;

/// What it comes to, or why to nothing.
#[track_caller]
fn check(source: &str, args: &str, expected: &str) {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let principal = Principal::default();
    let facts = facts(Partial::Known(Some(doc.root())), &principal);
    let found = match Formula::compile(source) {
        Ok(formula) => match formula.eval(&facts, &mut Fuel::default()) {
            Ok(units) => units.to_string(),
            Err(fault) => fault.to_string(),
        },
        Err(problem) => problem.to_string(),
    };
    assert_eq!(found, expected, "{source} with {args}");
}

#[test]
fn a_formula_comes_to_whole_units() {
    let args = r#"{"n": 3, "d": 2.5, "w": 4.0, "l": [1, 2, 3], "s": "Zürich", "big": 18446744073709551615,
        "o": {"pages": 2}, "deep": true}"#;
    check("5", args, "5");
    check("0", args, "0");
    check("1 + size(args.l)", args, "4");
    check(
        "args.n * 10u == 30u ? 1 : 2",
        args,
        "there is no `*` for int and uint",
    );
    check("uint(args.n) * 10u", args, "30");
    check("args.s.size() / 4", args, "1");
    check("args.s.size() / 4.0", args, "2");
    check("args.d", args, "3");
    check("args.w", args, "4");
    check("0.0", args, "0");
    check("0.000001", args, "1");
    check("args.deep ? 10 * args.o.pages : 1", args, "20");
    check("has(args.limit) ? args.limit : 100", args, "100");
    check("math.greatest(args.l)", args, "3");
    check("18446744073709551615u", args, "18446744073709551615");
    check("9007199254740992.0", args, "9007199254740992");
}

#[test]
fn what_is_no_number_of_units_is_a_fault() {
    let args = r#"{"n": -1, "d": -0.25, "s": "12", "b": true, "z": 0, "huge": 1e300}"#;
    for (source, expected) in [
        ("args.n", "a number or time is out of range"),
        ("args.d", "a number or time is out of range"),
        ("args.huge", "a number or time is out of range"),
        ("9007199254740993.5", "a number or time is out of range"),
        ("0.0 / double(args.z)", "a number or time is out of range"),
        ("1.0 / double(args.z)", "a number or time is out of range"),
        (
            "9223372036854775807 + args.n * -1",
            "a number or time is out of range",
        ),
        ("1 / args.z", "a division by zero"),
        ("args.nope", "there is no `args.nope`"),
        ("args.s", "there is no number of units that is string"),
        ("args.b", "there is no number of units that is bool"),
        ("[1].map(x, args.s)", "1:1: it is a list, not a number"),
    ] {
        check(source, args, expected);
    }
    let long = format!("{{\"l\": [{}]}}", vec!["1"; 20_000].join(","));
    check(
        "args.l.map(x, args.l.map(y, y)).size()",
        &long,
        "it takes too long",
    );
}

#[test]
fn a_formula_is_over_arguments_alone() {
    for (source, expected) in [
        ("1 +", "1:4: it ends where a value should stand"),
        ("args.n > 1", "1:1: it is a bool, not a number"),
        ("true", "1:1: it is a bool, not a number"),
        ("'five'", "1:1: it is a string, not a number"),
        ("args", "there is no number of units that is map"),
        ("args.n > 1 ? 1 : 'two'", "1"),
        (
            "user == 'alice' ? 1 : 2",
            "it reads `user`: a formula is over `args` alone",
        ),
        (
            "now.getHours()",
            "it reads `now`: a formula is over `args` alone",
        ),
        (
            "args.l.exists(x, x == env) ? 1 : 2",
            "it reads `env`: a formula is over `args` alone",
        ),
        (
            "meta.cost",
            "it reads `meta`: a formula is over `args` alone",
        ),
        (
            "tool.name.size()",
            "it reads `tool`: a formula is over `args` alone",
        ),
    ] {
        check(source, r#"{"n": 2}"#, expected);
    }
}

#[test]
fn arguments_are_held_to_the_schema() {
    let schema = json!({
        "type": "object",
        "properties": { "query": { "type": "string" }, "pages": { "type": "integer" } }
    });
    for (source, expected) in [
        ("1 + args.pages", ""),
        ("has(args.query) ? args.query.size() / 100.0 : 1.0", ""),
        (
            "args.page",
            "1:1: `args` has no field `page` (did you mean `args.pages`?)",
        ),
        ("args.query", "1:1: it is a string, not a number"),
        (
            "args.query * 2",
            "1:1: `args.query` is a string, `2` is an int: `*` does not take that",
        ),
    ] {
        let problems = Formula::compile(source).unwrap().check(&schema);
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.join("; "), expected, "{source}");
    }
}
