//! What a watched evaluation tells.

use super::*;

/// `part = value`, joined by ` | `.
#[track_caller]
fn check(source: &str, args: &str, expect: &str) {
    let doc = Doc::parse(args.as_bytes().to_vec()).unwrap();
    let principal = Principal {
        roles: ["a", "b"].map(str::to_owned).into(),
        user: Some("u".to_owned()),
        ..Principal::default()
    };
    let facts = facts(Partial::Known(Some(doc.root())), &principal);
    let condition = Condition::parse(source).unwrap();
    let (outcome, steps) = condition.watch(&facts, &mut Fuel::default());
    assert_eq!(outcome, condition.eval(&facts, &mut Fuel::default()));
    let steps: Vec<_> = steps
        .iter()
        .map(|(part, value)| format!("{part} = {value}"))
        .collect();
    assert_eq!(steps.join(" | "), expect, "{source}");
}

#[test]
fn parts_and_their_values() {
    check("args.n <= 100", r#"{"n": 5}"#, "args.n = 5");
    check(
        "args.a.b == 'x' && !(user in roles)",
        r#"{"a": {"b": "x"}}"#,
        r#"args.a.b == 'x' = true | args.a.b = "x" | !(user in roles) = true | user in roles = false | user = "u" | roles = ["a", "b"]"#,
    );
    check("has(args.n) && args.n > 1", "{}", "has(args.n) = false");
    check(
        "args.n > 1 || user == 'u'",
        "{}",
        r#"args.n = fails: there is no `args.n` | user == 'u' = true | user = "u""#,
    );
    check(
        "args.l.all(x, x > 1)",
        r#"{"l": [2, 3]}"#,
        "args.l = [2, 3]",
    );
    check(
        "now.getHours() >= 6",
        "{}",
        "now.getHours() = 14 | now = 2026-04-30T14:18:03+00:00",
    );
    check(
        "args.s == ''",
        &format!(r#"{{"s": "{}"}}"#, "é".repeat(99)),
        &format!("args.s = \"{}…", "é".repeat(79)),
    );
}
