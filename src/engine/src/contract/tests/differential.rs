//! The `jsonschema` crate as the oracle: what both make of the same schema and value.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Map;

use super::*;

/// A keyword and its value.
type Entry = (&'static str, Value);

/// Values that schemas and documents share, so that they meet often.
fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![json!(null), json!(true), json!(false)]),
        select(vec![
            json!(0),
            json!(1),
            json!(1.0),
            json!(-3),
            json!(2.5),
            json!(0.01),
            json!(129.95),
            json!(1e3),
            json!(1_000),
            json!(9_007_199_254_740_993_u64),
        ]),
        select(vec![
            "",
            "a",
            "ab",
            "ä€😀",
            "a-1",
            "2026-02-28",
            "a@b.c",
            "/a~0",
            "P1D",
            "🙂🙂🙂"
        ])
        .prop_map(Value::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    scalars().prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((names(), inner), 0..5).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn names() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "ab", "c/d", "~"])
}

/// Keywords that hold no schema; some are misused.
fn assertions() -> impl Strategy<Value = Entry> {
    let count = prop_oneof![9 => (0..4_u64).prop_map(Value::from), 1 => select(vec![json!(-1), json!(1.5), json!("1"), json!(2.0)])];
    let number = prop_oneof![9 => select(vec![json!(0), json!(1), json!(2.5), json!(0.01), json!(-3)]), 1 => Just(json!("1"))];
    prop_oneof![
        of(
            "type",
            prop_oneof![
                types().prop_map(Value::from),
                vec(types(), 1..3)
                    .prop_filter("equal", |list| list.first() != list.get(1))
                    .prop_map(Value::from),
                Just(json!("strin")),
            ]
        ),
        (
            select(vec![
                "minLength",
                "maxLength",
                "minItems",
                "maxItems",
                "minProperties",
                "maxProperties"
            ]),
            count
        ),
        (
            select(vec![
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf"
            ]),
            number
        ),
        of("const", values()),
        of("enum", vec(values(), 1..4).prop_map(Value::from)),
        of(
            "required",
            vec(names(), 0..3)
                .prop_filter("equal", |list| {
                    let mut list = list.clone();
                    list.sort_unstable();
                    list.windows(2).all(|pair| pair[0] != pair[1])
                })
                .prop_map(Value::from)
        ),
        of(
            "uniqueItems",
            select(vec![json!(true), json!(true), json!(false), json!(1)])
        ),
        of("pattern", patterns().prop_map(Value::from)),
        of(
            "format",
            select(vec![
                "date",
                "email",
                "json-pointer",
                "hostname",
                "ipv4",
                "uri-reference",
                "regex"
            ])
            .prop_map(Value::from)
        ),
    ]
}

fn of(name: &'static str, values: impl Strategy<Value = Value>) -> impl Strategy<Value = Entry> {
    values.prop_map(move |value| (name, value))
}

fn types() -> impl Strategy<Value = &'static str> {
    select(vec![
        "array", "boolean", "integer", "null", "number", "object", "string",
    ])
}

fn patterns() -> impl Strategy<Value = &'static str> {
    select(vec![
        "^a",
        "b$",
        r"^\w+$",
        r"\d",
        r"[^a-b]",
        r"^[\w.-]*$",
        r"^.{2,}$",
        r"\S",
    ])
}

fn definitions(old: bool) -> &'static str {
    if old { "definitions" } else { "$defs" }
}

/// Keywords that hold schemas, in either dialect.
fn applicators(schema: BoxedStrategy<Value>, old: bool) -> impl Strategy<Value = Entry> {
    let list = || vec(schema.clone(), 1..3).prop_map(Value::from);
    let named = |names: BoxedStrategy<&'static str>| {
        vec((names, schema.clone()), 0..3).prop_map(|parts| {
            Value::Object(
                parts
                    .into_iter()
                    .map(|(name, part)| (name.to_owned(), part))
                    .collect(),
            )
        })
    };
    let one = if old {
        vec![
            "not",
            "if",
            "then",
            "else",
            "contains",
            "propertyNames",
            "additionalProperties",
            "items",
            "additionalItems",
        ]
    } else {
        vec![
            "not",
            "if",
            "then",
            "else",
            "contains",
            "propertyNames",
            "additionalProperties",
            "items",
            "unevaluatedItems",
            "unevaluatedProperties",
            "unevaluatedProperties",
        ]
    };
    let lists = if old {
        vec!["allOf", "anyOf", "oneOf", "items"]
    } else {
        vec!["allOf", "anyOf", "oneOf", "prefixItems"]
    };
    let by_name = if old {
        vec!["properties", "dependencies"]
    } else {
        vec!["properties", "dependentSchemas"]
    };
    let dependencies = if old {
        "dependencies"
    } else {
        "dependentRequired"
    };
    let contained = if old {
        vec!["x"]
    } else {
        vec!["minContains", "maxContains"]
    };
    prop_oneof![
        4 => (select(one), schema.clone()),
        3 => (select(lists), list()),
        3 => (select(by_name), named(names().boxed())),
        1 => of("patternProperties", named(patterns().boxed())),
        1 => (Just(dependencies), (names(), names()).prop_map(|(one, other)| json!({ one: [other] }))),
        1 => of("$ref", select(vec!["x", "y"]).prop_map(move |name| format!("#/{}/{name}", definitions(old)).into())),
        1 => (select(contained), (0..3_u64).prop_map(Value::from)),
    ]
}

fn schemas(old: bool) -> impl Strategy<Value = Value> {
    let object = |entries: Vec<Entry>| {
        let entries = entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Value::Object(entries.collect::<Map<_, _>>())
    };
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::from),
        8 => vec(assertions(), 0..3).prop_map(object),
    ];
    let schema = leaf.prop_recursive(3, 24, 3, move |inner| {
        let applicators = applicators(inner.boxed(), old);
        let any = prop_oneof![1 => assertions(), 2 => applicators];
        vec(any, 1..5).prop_map(object)
    });
    (schema.clone(), schema.clone(), schema).prop_map(move |(root, x, y)| {
        let mut root = root;
        if let Some(keywords) = root.as_object_mut() {
            keywords.insert(definitions(old).to_owned(), json!({ "x": x, "y": y }));
            if old {
                keywords.insert(
                    "$schema".to_owned(),
                    "http://json-schema.org/draft-07/schema#".into(),
                );
            }
        }
        root
    })
}

/// Holds both against each other: what is a schema, and what is valid under it.
fn compare(schema: &Value, values: &[Value]) {
    let ours = Schema::new(schema.clone());
    let problems = ours.check();
    if problems
        .iter()
        .any(|problem| problem.message.starts_with("refers to itself"))
    {
        return;
    }
    let patterns = jsonschema::PatternOptions::regex();
    let theirs = jsonschema::options()
        .should_validate_formats(true)
        .with_pattern_options(patterns)
        .build(schema);
    let Ok(theirs) = theirs else {
        assert!(
            !problems.is_empty(),
            "{schema}: only the oracle refuses it: {theirs:?}"
        );
        return;
    };
    assert_eq!(problems, [], "{schema}: only we refuse it");
    for value in values {
        let doc = Doc::parse(value.to_string().into_bytes()).unwrap();
        let found = ours
            .violations(Some(doc.root()), 100)
            .err()
            .unwrap_or_default();
        assert_eq!(
            found.is_empty(),
            theirs.is_valid(value),
            "{schema}: {value}: {found:?}"
        );
        for violation in &found {
            assert!(
                value.pointer(&violation.pointer).is_some(),
                "{schema}: {value}: {violation:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn of_2020_12((schema, values) in (schemas(false), vec(values(), 8))) {
        compare(&schema, &values);
    }

    #[test]
    fn of_draft_7((schema, values) in (schemas(true), vec(values(), 8))) {
        compare(&schema, &values);
    }
}
