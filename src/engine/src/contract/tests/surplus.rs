use serde_json::{Value, json};

use super::super::Schema;
use crate::json::{Doc, splice};

/// Checks what is left of a value when what the schema closes itself to is removed.
#[track_caller]
fn check(schema: &Value, value: &str, expect: &str) {
    let schema = Schema::new(schema.clone());
    assert_eq!(schema.check(), [], "{schema:?}");
    let left = left(&schema, value);
    assert_eq!(left, expect, "{schema:?}");
    Doc::parse(left.into_bytes()).expect("JSON");
}

fn left(schema: &Schema, value: &str) -> String {
    let doc = Doc::parse(value.as_bytes().to_vec()).expect("JSON");
    let removals = schema.surplus(doc.root());
    String::from_utf8(splice(doc.bytes(), removals)).expect("text")
}

#[test]
fn members_that_are_not_known_go() {
    let closed = json!({
        "properties": { "a": {}, "b": { "type": "integer" } },
        "patternProperties": { "^x-": {} },
        "additionalProperties": false,
    });
    check(
        &closed,
        r#"{"a":1,"b":2,"x-c":3}"#,
        r#"{"a":1,"b":2,"x-c":3}"#,
    );
    check(
        &closed,
        r#"{ "z": 1, "a" : 1.0 , "y": {"a": 2} }"#,
        r#"{ "a" : 1.0 }"#,
    );
    check(&closed, r#"{"y":1,"z":2}"#, "{}");
    check(&closed, r#"{"\u007a":1,"\u0061":1}"#, r#"{"\u0061":1}"#);
    check(&closed, "[1]", "[1]");
    // What is wrong otherwise is left to be told.
    check(&closed, r#"{"b":"2","z":1}"#, r#"{"b":"2","z":1}"#);
    let open = json!({ "properties": { "a": {} } });
    check(&open, r#"{"a":1,"z":2}"#, r#"{"a":1,"z":2}"#);
    let typed = json!({ "properties": { "a": {} }, "additionalProperties": { "type": "string" } });
    check(&typed, r#"{"a":1,"z":2}"#, r#"{"a":1,"z":2}"#);
}

#[test]
fn at_any_depth() {
    let item = json!({ "$ref": "#/$defs/item" });
    let nested = json!({
        "properties": { "list": { "items": item }, "one": item },
        "$defs": { "item": {
            "properties": { "id": {}, "sub": { "$ref": "#/$defs/item" } },
            "required": ["id"],
            "additionalProperties": false,
        } },
    });
    check(
        &nested,
        r#"{"list":[{"id":1,"x":2},{"x":3,"id":4}],"one":{"id":5,"sub":{"y":6,"id":7,"z":8}},"w":9}"#,
        r#"{"list":[{"id":1},{"id":4}],"one":{"id":5,"sub":{"id":7}},"w":9}"#,
    );
}

#[test]
fn where_schemas_meet() {
    let base = json!({ "properties": { "a": {} } });
    let closed =
        json!({ "allOf": [base], "properties": { "b": {} }, "unevaluatedProperties": false });
    check(&closed, r#"{"a":1,"c":2,"b":3}"#, r#"{"a":1,"b":3}"#);
    let both = json!({ "allOf": [
        { "properties": { "a": {}, "b": {} }, "additionalProperties": false },
        { "properties": { "b": {}, "c": {} }, "additionalProperties": false },
    ] });
    check(&both, r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"b":2}"#);
    check(&both, r#"{"b":2,"a":1,"d":4,"c":3}"#, r#"{"b":2}"#);
}

#[test]
fn of_several_forms_the_one_that_loses_least() {
    let forms = |keyword: &str| {
        json!({ keyword: [
            { "properties": { "kind": { "const": "a" }, "x": {} }, "required": ["kind"], "additionalProperties": false },
            { "properties": { "kind": { "const": "b" }, "y": {} }, "required": ["kind"], "additionalProperties": false },
            { "properties": { "x": {}, "y": {}, "z": {} }, "additionalProperties": false },
        ] })
    };
    for keyword in ["anyOf", "oneOf"] {
        let forms = forms(keyword);
        check(
            &forms,
            r#"{"kind":"b","y":1,"n":2}"#,
            r#"{"kind":"b","y":1}"#,
        );
        check(
            &forms,
            r#"{"kind":"a","x":1,"y":2}"#,
            r#"{"kind":"a","x":1}"#,
        );
        check(&forms, r#"{"x":1,"y":2,"n":3}"#, r#"{"x":1,"y":2}"#);
        check(&forms, r#"{"kind":"b","y":1}"#, r#"{"kind":"b","y":1}"#);
    }
    // What a form looked at stays known where the form itself had to lose something.
    let around = json!({
        "oneOf": [{ "properties": {
            "kind": { "const": "a" },
            "data": { "properties": { "n": {} }, "additionalProperties": false },
        }, "required": ["kind"] }],
        "unevaluatedProperties": false,
    });
    check(
        &around,
        r#"{"kind":"a","data":{"n":1,"m":2},"more":3}"#,
        r#"{"kind":"a","data":{"n":1}}"#,
    );
    let conditional = json!({
        "if": { "properties": { "kind": { "const": "a" } } },
        "then": { "properties": { "kind": {}, "a": {} }, "additionalProperties": false },
        "else": { "properties": { "kind": {}, "b": {} }, "additionalProperties": false },
    });
    check(
        &conditional,
        r#"{"kind":"a","a":1,"b":2}"#,
        r#"{"kind":"a","a":1}"#,
    );
    check(
        &conditional,
        r#"{"kind":"b","a":1,"b":2}"#,
        r#"{"kind":"b","b":2}"#,
    );
}

#[test]
fn many_take_linear_time() {
    let schema = Schema::new(
        json!({ "items": { "properties": { "a": {} }, "additionalProperties": false } }),
    );
    let item = r#"{"b":1,"a":2}"#;
    let list = |item: &str| format!("[{}{item}]", format!("{item},").repeat(50_000));
    assert_eq!(left(&schema, &list(item)), list(r#"{"a":2}"#));
    let wide: String = (0..100_000).map(|n| format!(r#""m{n}":1,"#)).collect();
    assert_eq!(
        left(&schema, &format!(r#"[{{{wide}"a":2}}]"#)),
        r#"[{"a":2}]"#
    );
}
