use serde_json::json;

use super::*;
use crate::json::Doc;

mod differential;
mod suite;
mod surplus;

/// Checks pointers and messages of `schema`'s violations, `pointer: message` each.
#[track_caller]
fn check(schema: Value, arguments: &str, expected: &[&str]) {
    let schema = Schema::new(schema);
    assert_eq!(schema.check(), [], "{schema:?}");
    assert_eq!(told(&schema, arguments), expected, "{schema:?}");
}

#[track_caller]
fn told(schema: &Schema, arguments: &str) -> Vec<String> {
    let doc = Doc::parse(arguments.as_bytes().to_vec()).unwrap();
    let found = schema
        .violations(Some(doc.root()), 10)
        .err()
        .unwrap_or_default();
    let told = |v: &Violation| format!("{}: {}", v.pointer, v.message);
    found.iter().map(told).collect()
}

/// Checks what is wrong with a schema, `path: message` each.
#[track_caller]
fn check_schema(schema: Value, expected: &[&str]) {
    let schema = Schema::new(schema);
    let found: Vec<_> = schema.check().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{schema:?}");
}

fn refund() -> Value {
    json!({
        "type": "object",
        "required": ["amount", "reason"],
        "additionalProperties": false,
        "properties": {
            "amount": { "type": "number", "minimum": 0.01, "maximum": 5000, "multipleOf": 0.01 },
            "reason": { "type": "string", "minLength": 10, "pattern": "^[a-z ]+$" },
            "currency": { "enum": ["EUR", "USD"] },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } }
        },
        "$defs": { "line": { "type": "object", "required": ["sku"] } }
    })
}

#[test]
fn every_violation_is_listed() {
    let good = r#"{"amount":129.95,"reason":"damaged goods","currency":"EUR"}"#;
    check(refund(), good, &[]);
    check(
        refund(),
        r#"{"amount":129.955,"reason":"damaged goods"}"#,
        &["/amount: must be a multiple of 0.01"],
    );
    check(
        refund(),
        r#"{"amount":0,"reason":"SHORT","note":1,"tip":2,"currency":"GBP"}"#,
        &[
            ": unexpected member `note`",
            ": unexpected member `tip`",
            "/amount: must be at least 0.01",
            "/currency: must be one of: EUR, USD",
            "/reason: must have at least 10 characters",
            "/reason: must match the pattern `^[a-z ]+$`",
        ],
    );
    check(
        refund(),
        "{}",
        &[": missing member `amount`", ": missing member `reason`"],
    );
    check(
        refund(),
        r#"{"amount":"1","reason":"damaged goods","lines":[{"sku":1},{},3]}"#,
        &[
            "/amount: must be of type number",
            "/lines/1: missing member `sku`",
            "/lines/2: must be of type object",
        ],
    );
    check(refund(), "[]", &[": must be of type object"]);
}

#[test]
fn keywords_of_2020_12() {
    let of = |schema: Value| json!({ "properties": { "a": schema } });
    for (schema, good, bad, message) in [
        (json!({ "const": 3 }), "3.0", "4", "must be 3"),
        (
            json!({ "type": ["string", "null"] }),
            "null",
            "1",
            "must be of type null or string",
        ),
        (
            json!({ "format": "uuid" }),
            r#""2eb8aa08-aa98-11ea-b4aa-73b441d16380""#,
            r#""2eb8""#,
            "must have the format `uuid`",
        ),
        (
            json!({ "format": "date" }),
            r#""2026-02-28""#,
            r#""2026-02-30""#,
            "must have the format `date`",
        ),
        (
            json!({ "format": "unheard-of" , "maximum": 1 }),
            r#""x""#,
            "2",
            "must be at most 1",
        ),
        (
            json!({ "prefixItems": [true], "unevaluatedItems": false }),
            "[1]",
            "[1,2]",
            "has more items than allowed",
        ),
        (
            json!({ "contains": { "const": 1 } }),
            "[0,1]",
            "[0]",
            "must contain an item of the required form",
        ),
        (
            json!({ "uniqueItems": true }),
            "[1,2]",
            "[1,1.0]",
            "must not have equal items",
        ),
        (
            json!({ "dependentRequired": { "x": ["y"] } }),
            r#"{"y":1}"#,
            r#"{"x":1}"#,
            "missing member `y`",
        ),
        (
            json!({ "allOf": [{ "properties": { "x": true } }], "unevaluatedProperties": false }),
            r#"{"x":1}"#,
            r#"{"y":1}"#,
            "unexpected member `y`",
        ),
        (
            json!({ "propertyNames": { "maxLength": 1 } }),
            r#"{"y":1}"#,
            r#"{"yy":1}"#,
            "member name `yy`: must have at most 1 character",
        ),
        (
            json!({ "not": { "type": "null" } }),
            "1",
            "null",
            "has a form that is ruled out",
        ),
        (
            json!({ "$ref": "#/properties/b", "$defs": {} }),
            "1",
            "1",
            "",
        ),
        (
            json!({ "type": "integer", "maximum": 9_007_199_254_740_993_u64 }),
            "9007199254740993",
            "9007199254740994",
            "must be at most 9007199254740993",
        ),
        (
            json!({ "type": "integer" }),
            "123456789012345678901234567890",
            "1.5",
            "must be of type integer",
        ),
        (
            json!({ "pattern": "^\\d$" }),
            r#""1""#,
            r#""٣""#,
            "must match the pattern `^\\d$`",
        ),
    ] {
        if message.is_empty() {
            check_schema(
                of(schema),
                &["/properties/a/$ref: `#/properties/b` leads nowhere"],
            );
            continue;
        }
        check(of(schema.clone()), &format!(r#"{{"a":{good}}}"#), &[]);
        check(
            of(schema),
            &format!(r#"{{"a":{bad}}}"#),
            &[&format!("/a: {message}")],
        );
    }
}

#[test]
fn alternatives_tell_the_closest() {
    let payment = json!({ "properties": { "by": { "oneOf": [
        { "type": "string" },
        { "properties": { "kind": { "const": "card" }, "number": { "minLength": 4 } }, "type": "object" },
        { "properties": { "kind": { "const": "bank" }, "iban": { "minLength": 8 } }, "type": "object" },
    ] } } });
    check(
        payment.clone(),
        r#"{"by":{"kind":"card","number":"1234"}}"#,
        &[],
    );
    check(
        payment,
        r#"{"by":{"kind":"bank","iban":"1"}}"#,
        &[
            "/by: matches none of the 3 allowed forms",
            "/by/iban: must have at least 8 characters",
        ],
    );
    check(
        json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        "1",
        &[": must be of type string or null"],
    );
    check(
        json!({ "oneOf": [{ "maximum": 3 }, { "minimum": 1 }] }),
        "2",
        &[": matches more than one form where exactly one is allowed"],
    );
}

#[test]
fn references_within_the_schema() {
    for (schema, good, bad) in [
        (
            json!({ "$id": "https://example.com/a", "$ref": "#/$defs/n", "$defs": { "n": { "type": "number" } } }),
            "1",
            "{}",
        ),
        (
            json!({ "$id": "https://example.com/a/a.json", "$ref": "b.json", "$defs": { "b": { "$id": "b.json", "type": "number" } } }),
            "1",
            "{}",
        ),
        (
            json!({ "$id": "a.json", "$ref": "b.json", "$defs": { "b": { "$id": "b.json", "type": "number" } } }),
            "1",
            "{}",
        ),
        (
            json!({ "$ref": "#n", "$defs": { "n": { "$anchor": "n", "type": "number" } } }),
            "1",
            "{}",
        ),
        (
            json!({ "type": "object", "additionalProperties": { "$ref": "#" } }),
            r#"{"a":{"b":{}}}"#,
            r#"{"a":{"b":1}}"#,
        ),
        (
            json!({ "$dynamicAnchor": "n", "type": "object", "additionalProperties": { "$dynamicRef": "#n" } }),
            r#"{"a":{}}"#,
            r#"{"a":1}"#,
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/n", "definitions": { "n": { "items": [{ "type": "number" }] } } }),
            "[1]",
            "[{}]",
        ),
        (
            json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{ "type": "number" }] }),
            "[1]",
            "[{}]",
        ),
        (json!(true), "1", ""),
        (json!(false), "", "1"),
        (json!({}), "1", ""),
    ] {
        let schema = Schema::new(schema);
        assert_eq!(schema.check(), [], "{schema:?}");
        assert!(
            good.is_empty() || told(&schema, good).is_empty(),
            "{schema:?}"
        );
        assert!(
            bad.is_empty() || !told(&schema, bad).is_empty(),
            "{schema:?}"
        );
    }
}

#[test]
fn numbers_keep_every_digit() {
    for (schema, good, bad) in [
        (json!({ "multipleOf": 0.01 }), "129.95", "129.955"),
        (json!({ "multipleOf": 0.1 }), "0.3", "0.35"),
        (json!({ "multipleOf": 3 }), "3e300", "1e300"),
        (
            json!({ "multipleOf": 3 }),
            "111111111111111111111111111111",
            "111111111111111111111111111112",
        ),
        (json!({ "multipleOf": 1e-8 }), "12391239123", "1e-9"),
        (
            json!({ "multipleOf": 18_446_744_073_709_551_615_u64 }),
            "18446744073709551615e1",
            "1e20",
        ),
        (json!({ "multipleOf": 2.5 }), "-7.50", "-7.4"),
        (json!({ "multipleOf": 7 }), "0e9", "1e-99999999999999999999"),
        (
            json!({ "maximum": 0.1 }),
            "0.1000",
            "0.10000000000000000000001",
        ),
        (json!({ "minimum": 0 }), "-0.0", "-1e-400"),
        (
            json!({ "exclusiveMaximum": 100 }),
            "99.99999999999999999999",
            "1e2",
        ),
        (json!({ "type": "integer" }), "1.50e1", "1.55e1"),
        (json!({ "const": 1.5 }), "0.15e1", "1.50000000000000000001"),
        (
            json!({ "enum": [[9_007_199_254_740_993_u64]] }),
            "[9007199254740993.0]",
            "[9007199254740992]",
        ),
        (
            json!({ "uniqueItems": true }),
            "[9007199254740993,9007199254740992]",
            "[10,1e1]",
        ),
        (
            json!({ "uniqueItems": true }),
            r#"[{"a":1,"b":2},{"a":2,"b":1},"1",1,[1],true]"#,
            r#"[{"a":1,"b":2},{"b":2.0,"a":1}]"#,
        ),
    ] {
        let schema = Schema::new(schema);
        assert_eq!(told(&schema, good), [""; 0], "{schema:?}: {good}");
        assert_eq!(told(&schema, bad).len(), 1, "{schema:?}: {bad}");
    }
}

/// The examples of RFC 3986, section 5.4, and what schemas write.
#[test]
fn references_are_resolved() {
    let base = "http://a/b/c/d;p?q";
    for (base, reference, expected) in [
        (base, "g:h", "g:h"),
        (base, "g", "http://a/b/c/g"),
        (base, "./g/", "http://a/b/c/g/"),
        (base, "/g", "http://a/g"),
        (base, "//g", "http://g"),
        (base, "?y", "http://a/b/c/d;p?y"),
        (base, "", "http://a/b/c/d;p?q"),
        (base, "..", "http://a/b/"),
        (base, "../../../g", "http://a/g"),
        (base, "/./g", "http://a/g"),
        (base, "./../g", "http://a/b/g"),
        (base, "g;x=1/../y", "http://a/b/c/y"),
        ("urn:a:b", "", "urn:a:b"),
        ("http://a", "g", "http://a/g"),
    ] {
        assert_eq!(uri::resolve(base, reference), expected, "{reference}");
    }
}

#[test]
fn messages_hold_no_value() {
    let found = told(
        &Schema::new(refund()),
        r#"{"amount":4242,"reason":"SECRET","lines":"SECRET","currency":"SECRET"}"#,
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|v| !v.contains("SECRET")), "{found:?}");
}

#[test]
fn results_are_judged_without_a_word_of_theirs() {
    let schema = Schema::new(json!({
        "properties": { "known": { "type": "integer" } },
        "patternProperties": { "@": { "type": "integer" } },
        "additionalProperties": { "type": "object", "additionalProperties": false },
        "propertyNames": { "maxLength": 7 },
    }));
    let doc = r#"{"known":"S","a@SECRET":"S","SECRET":{"SECRET":1},"SEC":1}"#;
    let doc = Doc::parse(doc.into()).unwrap();
    let found = schema.breaches(doc.root(), 10).unwrap_err();
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "a member name: must have at most 7 characters",
            "/*: unexpected member",
            "/*: must be of type integer",
            "/*: must be of type object",
            "/known: must be of type integer",
        ]
    );
}

#[test]
fn at_most_max() {
    let schema = Schema::new(json!({ "items": false }));
    let doc = Doc::parse(b"[1,2,3,4,5]".to_vec()).unwrap();
    for (max, expected) in [(0, 1), (1, 1), (3, 3), (9, 5)] {
        let found = schema.violations(Some(doc.root()), max).unwrap_err();
        assert_eq!(found.len(), expected, "{found:?}");
    }
}

#[test]
fn absent_arguments_are_an_empty_object() {
    assert_eq!(
        Schema::new(refund())
            .violations(None, 10)
            .unwrap_err()
            .len(),
        2
    );
    let any = Schema::new(json!({ "type": "object" }));
    assert_eq!(any.violations(None, 10), Ok(()));
}

#[test]
fn a_broken_schema_is_a_problem() {
    check_schema(refund(), &[]);
    let row = |n: usize| {
        (0..n)
            .map(|i| {
                (
                    format!("a{i}"),
                    json!({ "$ref": format!("#/$defs/a{}", i + 1) }),
                )
            })
            .chain([(format!("a{n}"), json!({}))])
            .collect::<Value>()
    };
    for (schema, expected) in [
        (
            json!({ "type": "strin" }),
            "/type: must be one of: array, boolean, integer, null, number, object, string",
        ),
        (
            json!({ "properties": { "a": { "minLength": -1 } } }),
            "/properties/a/minLength: must be at least 0",
        ),
        (json!([]), "must be of type boolean or object"),
        (
            json!({ "$schema": "https://example.com/mine" }),
            "/$schema: is not a known dialect of JSON Schema (leave `$schema` out for 2020-12)",
        ),
        (
            json!({ "$ref": "https://example.com/schema.json" }),
            "/$ref: `https://example.com/schema.json` is outside of the schema, and nothing is fetched",
        ),
        (
            json!({ "$ref": "file:///etc/passwd" }),
            "/$ref: `file:///etc/passwd` is outside of the schema, and nothing is fetched",
        ),
        (
            json!({ "$ref": "other.json" }),
            "/$ref: `other.json` is outside of the schema, and nothing is fetched",
        ),
        (
            json!({ "$ref": "#/$defs/none" }),
            "/$ref: `#/$defs/none` leads nowhere",
        ),
        (
            json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "anyOf": [{ "$ref": "#" }, true] } } }),
            "/allOf/0: refers to itself, or to more than 24 schemas in a row, without a member or an item between",
        ),
        (
            json!({ "$ref": "#/$defs/a0", "$defs": row(30) }),
            "/$defs/a24: refers to itself, or to more than 24 schemas in a row, without a member or an item between",
        ),
        (
            json!({ "properties": { "a": { "pattern": "(?=x)" } } }),
            "/properties/a/pattern: is not a regular expression, or not one that matches in linear time",
        ),
        (
            json!({ "properties": { "a": { "pattern": "(" } } }),
            "/properties/a/pattern: is not a regular expression, or not one that matches in linear time",
        ),
        (
            json!({ "properties": { "a": { "pattern": "(x{999}){999}" } } }),
            "/properties/a/pattern: is not a regular expression, or not one that matches in linear time",
        ),
    ] {
        check_schema(schema, &[expected]);
    }
}

#[test]
fn what_does_not_compile_lets_nothing_through() {
    for broken in [
        json!({ "type": "strin" }),
        json!([]),
        json!({ "$schema": "https://example.com/mine" }),
        json!({ "$ref": "https://example.com/schema.json" }),
        json!({ "properties": { "a": { "pattern": "(?=x)" } } }),
    ] {
        let schema = Schema::new(broken);
        assert_eq!(
            schema.violations(None, 10).unwrap_err().len(),
            1,
            "{schema:?}"
        );
    }
}

#[test]
fn what_cannot_be_judged_in_time_is_refused() {
    let json_value = json!({ "$ref": "#/$defs/any", "$defs": { "any": { "anyOf": [
        { "type": ["string", "number"] },
        { "type": "array", "items": { "$ref": "#/$defs/any" } },
        { "type": "object", "additionalProperties": { "$ref": "#/$defs/any" } },
    ] } } });
    let tree = json!({ "$ref": "#/$defs/t", "$defs": { "t": { "oneOf": [
        { "properties": { "op": { "const": 1 }, "l": { "$ref": "#/$defs/t" } }, "required": ["op"] },
        { "properties": { "op": { "const": 2 }, "l": { "$ref": "#/$defs/t" } }, "required": ["op"] },
    ] } } });
    let text = json!({ "properties": { "s": { "pattern": "a.{100}c" } } });
    let deep =
        |n: usize, inner: &str| format!("{}{inner}{}", r#"{"op":2,"l":"#.repeat(n), "}".repeat(n));
    let unjudged = [": too large or too deeply nested to be judged against the contract"];
    let unlisted = [": breaks the contract, and is too large for what is wrong to be listed"];

    check(
        json_value.clone(),
        &format!("[{}1]", "[1,{}],".repeat(9_000)),
        &[],
    );
    check(
        json_value,
        &format!("[{}null]", "[1,{}],".repeat(9_000)),
        &["/9000: must be of type number or string or array or object"],
    );
    check(tree.clone(), &deep(90, r#"{"op":1}"#), &[]);
    check(tree, &deep(90, r#"{"op":3}"#), &unlisted);
    check(
        text.clone(),
        &format!(r#"{{"s":"a{}c"}}"#, "b".repeat(100)),
        &[],
    );
    check(
        text,
        &format!(r#"{{"s":"{}"}}"#, "ab".repeat(2_000)),
        &unjudged,
    );
    check(
        json!({ "items": { "type": "number" } }),
        &format!("[{}1]", "1,".repeat(9_000)),
        &[],
    );
}

#[test]
fn costly_patterns() {
    for (pattern, expected) in [
        ("^[a-z]{1,64}$", 0),
        ("^.{1,5000}$", 0),
        ("^cus_[A-Za-z0-9]+$", 0),
        ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 0),
        ("[a-z]+@[a-z]+", 0),
        ("^[a-z]{1,64}@[a-z]{1,255}$", 255),
        ("a[b]{500}c", 500),
        ("^(ab){10,20}$", 40),
    ] {
        assert_eq!(pattern::weight(pattern), expected, "{pattern}");
    }
}

/// Checks where a schema says that values are nobody else's business.
#[track_caller]
fn check_sensitive(schema: Value, expected: &[&str]) {
    let schema = Schema::new(schema);
    let places = schema.sensitive().iter();
    let places: Vec<_> = places
        .map(|(place, by)| format!("{place} {}", by.as_str()))
        .collect();
    assert_eq!(places, expected);
    assert_eq!(schema.check(), []);
}

#[test]
fn sensitive_places() {
    check_sensitive(
        json!({ "type": "object", "properties": {
            "a/b": { "x-toolgate-sensitive": true },
            "people": { "items": { "$ref": "#/$defs/person" } },
            "pair": { "prefixItems": [{}, { "x-toolgate-sensitive": "drop" }] },
            "map": { "additionalProperties": { "x-toolgate-sensitive": "block" } },
            "either": { "oneOf": [{ "type": "null" }, { "$ref": "#/$defs/person" }] },
            "x-toolgate-sensitive": { "default": { "x-toolgate-sensitive": 1 } },
        }, "$defs": {
            "person": { "allOf": [{ "properties": { "id": { "x-toolgate-sensitive": "hash" } } }] },
        } }),
        &[
            "/a~1b mask",
            "/either/id hash",
            "/map/* block",
            "/pair/1 drop",
            "/people/*/id hash",
        ],
    );
    check_sensitive(json!({ "properties": { "a": true } }), &[]);
    let nowhere = "it stands where no place can be told (annotate properties and items, or let a rule \
                   `find` the kind of value)";
    for (schema, expected) in [
        (
            json!({ "properties": { "a": { "x-toolgate-sensitive": false } } }),
            "/properties/a/x-toolgate-sensitive: expected `true`, `mask`, `hash`, `drop` or `block`",
        ),
        (
            json!({ "x-toolgate-sensitive": true }),
            "/x-toolgate-sensitive: the value as a whole has no place: annotate what is in it",
        ),
        (
            json!({ "patternProperties": { "^a": { "x-toolgate-sensitive": true } } }),
            &format!("/patternProperties/^a/x-toolgate-sensitive: {nowhere}"),
        ),
        (
            json!({ "properties": { "b": true }, "additionalProperties": { "x-toolgate-sensitive": true } }),
            &format!("/additionalProperties/x-toolgate-sensitive: {nowhere}"),
        ),
        (
            json!({ "properties": { "next": { "$ref": "#" }, "id": { "x-toolgate-sensitive": true } } }),
            "/properties/id/x-toolgate-sensitive: the schema refers to itself: there is no end of places (let a rule `find` the kind of value)",
        ),
    ] {
        check_schema(schema, &[expected]);
    }
}

#[test]
fn mirrored_arguments() {
    let schema = Schema::new(json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "deep": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
        "on": { "type": "boolean", "x-mcp-header": "On" },
    } }));
    let headers: Vec<_> = schema
        .param_headers()
        .iter()
        .map(|h| (h.header.as_str(), h.path.join("."), h.kind))
        .collect();
    assert_eq!(
        headers,
        [
            ("mcp-param-n", "deep.n".to_owned(), ParamKind::Integer),
            ("mcp-param-on", "on".to_owned(), ParamKind::Boolean),
            ("mcp-param-region", "region".to_owned(), ParamKind::String),
        ]
    );
    check_schema(schema.source().clone(), &[]);
    for (property, expected) in [
        (
            json!({ "type": "number", "x-mcp-header": "N" }),
            "/properties/a/x-mcp-header: only a string, an integer or a boolean can be mirrored",
        ),
        (
            json!({ "type": "string", "x-mcp-header": "a b" }),
            "/properties/a/x-mcp-header: `a b` is not a header name",
        ),
        (
            json!({ "type": "string", "x-mcp-header": 1 }),
            "/properties/a/x-mcp-header: `1` is not a header name",
        ),
        (
            json!({ "items": { "type": "string", "x-mcp-header": "A" } }),
            "/properties/a/items/x-mcp-header: only what lies in `properties` alone can be mirrored",
        ),
        (
            json!({ "anyOf": [{ "type": "string", "x-mcp-header": "A" }] }),
            "/properties/a/anyOf/0/x-mcp-header: only what lies in `properties` alone can be mirrored",
        ),
    ] {
        check_schema(json!({ "properties": { "a": property } }), &[expected]);
    }
    check_schema(
        json!({ "properties": {
            "a": { "type": "string", "x-mcp-header": "Same" },
            "b": { "type": "string", "x-mcp-header": "sAME" },
            "x-mcp-header": { "type": "string" },
            "c": { "default": { "x-mcp-header": 1 } },
        } }),
        &["/properties/b/x-mcp-header: `sAME` is used twice"],
    );
}
