use engine::{contract::Schema, json::Doc};

use super::*;

/// What is guessed for a schema, and whether the schema takes it.
#[track_caller]
fn check(schema: Value, expected: Value, taken: bool) {
    let guess = value(&schema);
    assert_eq!(guess, expected);
    let doc = Doc::parse(guess.to_string().into()).unwrap();
    let violations = Schema::new(schema).violations(Some(doc.root()), 1);
    assert_eq!(violations.is_ok(), taken);
}

#[test]
fn guesses() {
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required});
    check(json!({"type": "object"}), json!({}), true);
    check(
        object(
            json!({
                "a": {"type": "string", "minLength": 3}, "b": {"enum": ["x", "y"]},
                "c": {"type": "array", "minItems": 2, "items": {"type": "boolean"}},
                "d": {"type": ["integer", "null"], "minimum": 5}, "e": {"type": "string"},
                "f": object(json!({"g": {"const": 7}}), json!(["g"])), "h": {"default": [1]},
            }),
            json!(["a", "b", "c", "d", "f", "h"]),
        ),
        json!({"a": "xxx", "b": "x", "c": [false, false], "d": 5, "f": {"g": 7}, "h": [1]}),
        true,
    );
    check(
        object(
            json!({"a": {"type": "string", "pattern": "^[0-9]$"}}),
            json!(["a"]),
        ),
        json!({"a": "x"}),
        false,
    );
    check(
        json!({"type": "string", "minLength": 1_000_000_000_u64}),
        json!("x".repeat(100)),
        false,
    );
}
