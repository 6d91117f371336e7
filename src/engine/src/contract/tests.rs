use serde_json::json;

use super::*;
use crate::json::Doc;

fn refund() -> Schema {
    Schema::new(json!({
        "type": "object",
        "required": ["amount", "reason"],
        "additionalProperties": false,
        "properties": {
            "amount": { "type": "number", "minimum": 0.01, "maximum": 5000, "multipleOf": 0.01 },
            "reason": { "type": "string", "minLength": 10, "pattern": "^[a-z ]+$" },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } }
        },
        "$defs": { "line": { "type": "object", "required": ["sku"] } }
    }))
}

#[track_caller]
fn check(arguments: &str, expected: &[(&str, &str)]) {
    let doc = Doc::parse(arguments.as_bytes().to_vec()).unwrap();
    let found = refund()
        .violations(Some(doc.root()), 10)
        .err()
        .unwrap_or_default();
    let mut found: Vec<_> = found
        .iter()
        .map(|v| (v.pointer.as_str(), v.keyword.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_violation_is_listed() {
    check(r#"{"amount":129.95,"reason":"damaged goods"}"#, &[]);
    check(
        r#"{"amount":129.955,"reason":"damaged goods"}"#,
        &[("/amount", "multipleOf")],
    );
    check(
        r#"{"amount":"5","reason":"SHORT","note":1}"#,
        &[
            ("", "additionalProperties"),
            ("/amount", "type"),
            ("/reason", "minLength"),
            ("/reason", "pattern"),
        ],
    );
    check("{}", &[("", "required"), ("", "required")]);
    check(
        r#"{"amount":1,"reason":"damaged goods","lines":[{"sku":1},{}]}"#,
        &[("/lines/1", "required")],
    );
}

#[test]
fn messages_hold_no_value() {
    let doc = Doc::parse(br#"{"amount":1,"reason":"SECRET-4242"}"#.to_vec()).unwrap();
    let found = refund().violations(Some(doc.root()), 10).unwrap_err();
    assert!(
        found.iter().all(|v| !v.message.contains("SECRET")),
        "{found:?}"
    );
}

#[test]
fn absent_arguments_are_an_empty_object() {
    assert_eq!(refund().violations(None, 10).unwrap_err().len(), 2);
    assert_eq!(
        Schema::new(json!({ "type": "object" })).violations(None, 10),
        Ok(())
    );
}

#[test]
fn a_broken_schema_is_a_problem_and_lets_nothing_through() {
    for broken in [
        json!({ "type": "strin" }),
        json!({ "$ref": "https://example.com/schema.json" }),
        json!({ "properties": { "a": { "pattern": "(?=x)" } } }),
        json!({ "properties": { "a": { "pattern": "(" } } }),
    ] {
        let schema = Schema::new(broken);
        assert_eq!(schema.check().len(), 1, "{schema:?}");
        assert_eq!(schema.violations(None, 10).unwrap_err().len(), 1);
    }
    assert!(refund().check().is_empty());
}

#[test]
fn mirrored_arguments() {
    let schema = Schema::new(json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "deep": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
        "bad": { "type": "number", "x-mcp-header": "Bad" },
        "worse": { "type": "string", "x-mcp-header": "a b" },
    } }));
    let headers: Vec<_> = schema
        .param_headers()
        .iter()
        .map(|h| (h.header.as_str(), h.path.join(".")))
        .collect();
    assert_eq!(
        headers,
        [
            ("mcp-param-n", "deep.n".to_owned()),
            ("mcp-param-region", "region".to_owned())
        ]
    );
    assert_eq!(schema.check().len(), 2);
}
