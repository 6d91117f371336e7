use serde_json::{Value as Json, json};

use super::shifts;

/// Each shift as `-` (refuses more), `+` (takes more) or `±`, its place and what it says.
#[track_caller]
fn check(old: &Json, new: &Json, expected: &[&str]) {
    let found: Vec<String> = shifts(old, new)
        .iter()
        .map(|shift| {
            let sign = match (shift.refuses, shift.takes) {
                (true, true) => "±",
                (true, false) => "-",
                (false, _) => "+",
            };
            format!("{sign} {}: {}", shift.pointer, shift.message)
        })
        .collect();
    assert_eq!(found, expected, "{old} -> {new}");
    // The other way round, all is the other way round.
    let opposite: Vec<_> = shifts(new, old)
        .iter()
        .map(|s| (s.takes, s.refuses))
        .collect();
    let ways: Vec<_> = shifts(old, new)
        .iter()
        .map(|s| (s.refuses, s.takes))
        .collect();
    let sorted = |mut ways: Vec<(bool, bool)>| {
        ways.sort_unstable();
        ways
    };
    assert_eq!(sorted(opposite), sorted(ways), "{new} -> {old}");
}

fn property(schema: Json) -> Json {
    json!({"type": "object", "properties": {"a": schema}, "additionalProperties": false})
}

#[test]
fn the_same_is_no_shift() {
    check(
        &json!({"description": "old"}),
        &json!({"description": "new", "title": "t"}),
        &[],
    );
    check(&json!(true), &json!({}), &[]);
    check(
        &json!({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "number"}}}),
        &json!({"properties": {"a": {"type": "number"}}}),
        &[],
    );
}

#[test]
fn members_of_objects() {
    let closed = property(json!({"type": "string"}));
    let both = json!({"type": "object", "additionalProperties": false,
                      "properties": {"a": {"type": "string"}, "b": {}}});
    check(&closed, &both, &["+ /properties: `b` is new"]);
    check(
        &json!({"required": ["a"]}),
        &json!({"required": ["a", "b"]}),
        &["- /required: `b` is required"],
    );
    check(
        &json!({"additionalProperties": false}),
        &json!({}),
        &["+ /additionalProperties: members that are not described are taken"],
    );
    check(
        &json!({}),
        &json!({"properties": {"a": {"type": "string"}}}),
        &["- /properties: `a` is described now"],
    );
    check(
        &json!({"additionalProperties": {"type": "string"}}),
        &json!({"additionalProperties": {"type": "string", "maxLength": 3}}),
        &["- /additionalProperties/maxLength: none -> 3"],
    );
}

#[test]
fn values_and_bounds() {
    let cases = [
        (
            json!({"maximum": 5}),
            json!({"maximum": 9}),
            "+ /properties/a/maximum: 5 -> 9",
        ),
        (
            json!({"minLength": 1}),
            json!({}),
            "+ /properties/a/minLength: 1 -> none",
        ),
        (
            json!({"type": "number"}),
            json!({"type": "integer"}),
            "- /properties/a/type: number -> integer",
        ),
        (
            json!({"type": "string"}),
            json!({"type": "integer"}),
            "± /properties/a/type: string -> integer",
        ),
        (
            json!({"enum": ["x", "y"]}),
            json!({"enum": ["x"]}),
            "- /properties/a/enum: -\"y\"",
        ),
        (
            json!({"enum": ["x"]}),
            json!({}),
            "+ /properties/a/enum: \"x\" -> anything",
        ),
        (
            json!({"pattern": "^a"}),
            json!({"pattern": "^b"}),
            "± /properties/a/pattern: ^a -> ^b",
        ),
        (
            json!({}),
            json!({"format": "email"}),
            "- /properties/a/format: none -> email",
        ),
        (
            json!({"items": {"maximum": 2}}),
            json!({}),
            "+ /properties/a/items/maximum: 2 -> none",
        ),
        (json!({}), json!(false), "- /properties/a: {} -> false"),
    ];
    for (old, new, expected) in cases {
        check(&property(old), &property(new), &[expected]);
    }
}

#[test]
fn alternatives() {
    let (a, b) = (json!({"type": "string"}), json!({"type": "null"}));
    let any = |branches: &[&Json]| json!({"anyOf": branches});
    let all = |branches: &[&Json]| json!({"allOf": branches});
    let said = |way: &str, word: &str| format!("{way} /{word}");
    let begins = |old: &Json, new: &Json, expected: String| {
        let found = shifts(old, new);
        let one = found
            .first()
            .map(|shift| match (shift.refuses, shift.takes) {
                (true, true) => said("±", shift.pointer.trim_start_matches('/')),
                (true, false) => said("-", shift.pointer.trim_start_matches('/')),
                (false, _) => said("+", shift.pointer.trim_start_matches('/')),
            });
        assert_eq!((found.len(), one), (1, Some(expected)));
    };
    begins(&any(&[&a]), &any(&[&a, &b]), said("+", "anyOf"));
    begins(&any(&[&a, &b]), &any(&[&b]), said("-", "anyOf"));
    begins(&all(&[&a]), &all(&[&a, &b]), said("-", "allOf"));
    begins(&any(&[&a]), &any(&[&b]), said("±", "anyOf/0/type"));
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    let tree = |most: u32| {
        json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
            "left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"},
            "value": {"type": "integer", "maximum": most}}}}})
    };
    check(&tree(1), &tree(2), &["+ /properties/value/maximum: 1 -> 2"]);
}
