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

/// Any value under any keyword.
fn garbage() -> impl Strategy<Value = Value> {
    let keyword = select(vec![
        "$id",
        "$schema",
        "$ref",
        "$anchor",
        "$dynamicRef",
        "$dynamicAnchor",
        "$defs",
        "type",
        "enum",
        "const",
        "multipleOf",
        "maximum",
        "minLength",
        "pattern",
        "format",
        "required",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "items",
        "prefixItems",
        "contains",
        "minContains",
        "uniqueItems",
        "dependencies",
        "dependentRequired",
        "allOf",
        "not",
        "if",
        "unevaluatedItems",
        "unevaluatedProperties",
        "x-mcp-header",
        "a",
        "b",
    ]);
    let text = select(vec![
        "#",
        "#a",
        "#/a",
        "#/a/0",
        "#/%",
        "a#",
        "//",
        "..",
        "?",
        "urn:a",
        "a",
        "^(a",
        "object",
        "date",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
    ]);
    let leaf = prop_oneof![scalars(), text.prop_map(Value::from)];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let members = vec((keyword.clone(), inner.clone()), 0..6).prop_map(|members| {
            let members = members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Value::Object(members.collect())
        });
        prop_oneof![4 => members, 1 => vec(inner, 0..4).prop_map(Value::from)]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_2020_12((schema, values) in (schemas(false), vec(values(), 8))) {
        compare(&schema, &values);
    }

    #[test]
    fn of_garbage(schema in garbage(), values in vec(prop_oneof![values(), garbage()], 4)) {
        let broken = Schema::new(schema);
        let problems = broken.check();
        for value in values {
            let doc = Doc::parse(value.to_string().into_bytes()).unwrap();
            let found = broken.violations(Some(doc.root()), 5);
            let harmless = |problem: &Problem| {
                problem.path.ends_with("x-mcp-header") || problem.message.starts_with("refers to itself")
            };
            let holds = found.is_err() || problems.iter().all(harmless);
            prop_assert!(holds, "what does not compile let something through");
        }
    }

    #[test]
    fn of_draft_7((schema, values) in (schemas(true), vec(values(), 8))) {
        compare(&schema, &values);
    }
}

#[test]
fn formats() {
    let texts = [
        "",
        "a",
        "2024-02-29",
        "2023-02-29",
        "2026-13-01",
        "２026-01-01",
        "10:00:00Z",
        "10:00:00",
        "23:59:60Z",
        "22:59:60-01:00",
        "12:00:60Z",
        "10:00:00.Z",
        "10:00:00.5+02:00",
        "24:00:00Z",
        "2026-02-28T10:00:00Z",
        "2026-02-28t10:00:00z",
        "2026-02-28 10:00:00Z",
        "P1Y2M3DT4H5M6S",
        "P1W",
        "P1Y3D",
        "PT",
        "P",
        "P1D1Y",
        "PT1H3S",
        "P2WT1S",
        "joe@example.com",
        "joe@localhost",
        "joe..b@example.com",
        "\"joe b\"@example.com",
        "joe@[127.0.0.1]",
        "joe@[IPv6:::1]",
        "a@b@c",
        "@b",
        "joe@-a.b",
        "example.com",
        "example.com.",
        "-a.com",
        "a_b.com",
        "xn--nxasmq6b",
        "a--b",
        "ab--c",
        "1.2.3.4",
        "01.2.3.4",
        "256.1.1.1",
        "1.2.3",
        "::1",
        "1::2::3",
        "fe80::1%eth0",
        "http://a/b?c#d",
        "http://a b",
        "//a/b",
        "a:b",
        "1a:b",
        ":a",
        "http://[::1]:80/",
        "http://[x]",
        "http://a:b/",
        "http://u:p@h/",
        "http://ä/",
        "http://a/%zz",
        "http://a/%2f",
        "#a#b",
        "a{b}",
        "urn:a:b",
        "/a/b",
        "/a~0",
        "/a~",
        "a/b",
        "0#",
        "01",
        "1/a",
        "0",
        "-1/a",
        "{a}",
        "{a",
        "{+a,b*}",
        "{a:3}",
        "{a:0}",
        "{a b}",
        "a}b",
        "%",
        "2eb8aa08-aa98-11ea-b4aa-73b441d16380",
        "2EB8AA08-AA98-11EA-B4AA-73B441D16380",
        "2eb8aa08aa9811eab4aa73b441d16380",
        "^a$",
        "(",
        "[a-\\d]",
        "(?=a)",
        "\\1",
        "\\a",
        "a{2,1}",
        "\\p{L}",
    ];
    let mut wrong = Vec::new();
    for name in [
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "iri",
        "iri-reference",
        "json-pointer",
        "regex",
        "relative-json-pointer",
        "time",
        "uri",
        "uri-reference",
        "uri-template",
        "uuid",
        "idn-email",
        "idn-hostname",
        "unheard-of",
    ] {
        let schema = json!({ "format": name });
        let theirs = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        for text in texts {
            let ours = format::named(name).is_none_or(|format| format(text));
            if ours != theirs.is_valid(&text.into()) {
                wrong.push(format!("{name}: {text}: {ours}"));
            }
        }
    }
    // Annex B of ECMA-262 takes more: braces that count nothing, classes beside a hyphen, and
    // references to groups that are not there.
    let expected = [
        "a{b}", "{a}", "{a", "{+a,b*}", "{a:3}", "{a:0}", "{a b}", "a}b", "[a-\\d]", "\\1",
    ];
    assert_eq!(wrong, expected.map(|text| format!("regex: {text}: true")));
}

#[test]
fn translated_patterns() {
    let texts = [
        "", "a", "b", "-", "a-1", "\n", "\t", " ", "\u{a0}", "\u{feff}", "é", "٣", "_", "[", "]",
        "&", "~", "{", "}", "a{", "😀", "/", "<", "\u{8}", "\u{1}", "aa", "A", "0",
    ];
    let mut wrong = Vec::new();
    for pattern in [
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"[\d]",
        r"[^\d]",
        r"[\D\d]",
        r"[\w-]",
        r"[a-z&&[^b]]",
        r"[a~~b]",
        r"[a--b]",
        r"[[a]]",
        r"[\]]",
        r"[-a]",
        r"[a-]",
        r"[&-~]",
        r"^\/$",
        r"\-",
        r"\cA",
        r"\x61",
        r"\u0061",
        r"^\S*$",
        r"a|b",
        r"(?:a)",
        r"(?<n>a)",
        r"^.$",
        r"a{2}",
        r"a{1,}",
        r"^[^/]+$",
        r"\ud83d\ude00",
        r"^a?$",
        r"\p{L}",
        r"\P{L}",
        r"[\p{Lu}]",
        r"\bA",
        r"\.",
        r"[.]",
        r"\$",
        r"[$]",
        r"\(",
        r"(",
        r"[",
        r"a**",
        r"\",
        r"x{2,1}",
        r"[z-a]",
        r"\a",
        r"[a-\w]",
    ] {
        let schema = json!({ "pattern": pattern });
        let options =
            jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex());
        let ours = pattern::Pattern::new(pattern);
        match (&ours, options.build(&schema)) {
            (Some(ours), Ok(theirs)) => {
                for text in texts {
                    if ours.is_match(text) != theirs.is_valid(&text.into()) {
                        wrong.push(format!("{pattern}: {text:?}: {}", ours.is_match(text)));
                    }
                }
            }
            (None, Err(_)) => {}
            (ours, _) => wrong.push(format!("{pattern}: {}", ours.is_some())),
        }
    }
    // Surrogates of one character, and a class beside a hyphen.
    assert_eq!(wrong, [r"\ud83d\ude00: true", r"[a-\w]: true"]);
}
