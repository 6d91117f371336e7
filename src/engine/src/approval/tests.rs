use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::json::Doc;

fn ask() -> Ask {
    serde_json::from_value(json!({
        "tool": "refund_customer",
        "contractVersion": "2.1.0",
        "arguments": r#"{"amount":250,"customerId":"C-1001"}"#,
        "user": "alice",
        "agent": "support-bot",
        "tenant": "tenant_a",
        "environment": "prod",
        "needs": [{ "approver": { "role": "finance_approver" } }],
        "policyVersion": "p1",
    }))
    .unwrap()
}

fn doc(text: &str) -> Doc {
    Doc::parse(text.as_bytes().to_vec()).unwrap()
}

fn payload(text: &str) -> Payload {
    Payload::of(Some(doc(text).root())).unwrap()
}

/// Computed apart: SHA-256 of the text that Python's `json.dumps(.., sort_keys=True)` gives.
#[test]
fn fingerprints_are_pinned() {
    let check = |edit: fn(&mut Ask), expected: &str| {
        let mut ask = ask();
        edit(&mut ask);
        assert_eq!(ask.fingerprint().to_string(), expected);
    };
    check(|_| (), VECTORS[0]);
    check(
        |ask| {
            ask.kind = Kind::Prompt;
            (ask.user, ask.agent, ask.tenant) = (None, None, None);
            (ask.environment, ask.contract_version) = (None, None);
            ask.arguments = Payload::of(None).unwrap();
        },
        VECTORS[1],
    );
    check(
        |ask| {
            ask.tool = "näme \"x\"\n".to_owned();
            ask.arguments = payload(r#"{ "é": [1.0, 1e21, 0.1, -0], "😀": "\u20ac\u0007" }"#);
        },
        VECTORS[2],
    );
}

#[test]
fn every_bound_fact_changes_the_fingerprint_and_no_other_does() {
    let bound: [fn(&mut Ask); 15] = [
        |ask| ask.input_responses = Some(payload("{}")),
        |ask| ask.input_responses = Some(Payload::of(None).unwrap()),
        |ask| ask.kind = Kind::Resource,
        |ask| ask.tool.push('x'),
        |ask| ask.contract_version = None,
        |ask| ask.arguments = payload(r#"{"amount":250.01,"customerId":"C-1001"}"#),
        |ask| ask.arguments = Payload::of(None).unwrap(),
        |ask| ask.arguments = payload("{}"),
        |ask| ask.user = Some("bob".to_owned()),
        |ask| ask.user = None,
        |ask| ask.user = Some(String::new()),
        |ask| ask.agent = None,
        |ask| ask.tenant = Some("tenant_b".to_owned()),
        |ask| ask.environment = None,
        |ask| (ask.user, ask.agent) = (ask.agent.take(), ask.user.take()),
    ];
    let mut seen = vec![ask().fingerprint()];
    for edit in bound {
        let mut ask = ask();
        edit(&mut ask);
        seen.push(ask.fingerprint());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), bound.len() + 1);

    let free: [fn(&mut Ask); 6] = [
        |ask| ask.needs[0].approver = Approver::User,
        |ask| ask.needs[0].approvals = 2,
        |ask| ask.rule = Some("r".to_owned()),
        |ask| ask.policy_version = "p2".to_owned(),
        |ask| ask.request_id = Some("1".to_owned()),
        |ask| ask.meta_reason = Some("because".to_owned()),
    ];
    for edit in free {
        let mut edited = ask();
        edit(&mut edited);
        assert_eq!(edited.fingerprint(), ask().fingerprint());
    }
}

#[test]
fn payloads_are_canonical_and_exact() {
    for (text, expected) in [
        ("9007199254740992", Ok("9007199254740992")),
        ("9007199254740993", Err(Inexact::Number)),
        ("1000000000000000000000", Ok("1e+21")),
        ("0.1000000000000000055", Err(Inexact::Number)),
        ("[1E0,\t1.00,-0.0]", Ok("[1,1,0]")),
    ] {
        let payload = Payload::of(Some(doc(text).root()));
        assert_eq!(
            payload.as_ref().map(Payload::text),
            expected.as_ref().copied(),
            "{text}"
        );
    }
    for (text, expected) in [
        (r#"{"a":1,"b":2}"#, None),
        (r#"{"b":2,"a":1}"#, Some(Inexact::Form)),
        (r#"{"a":1.0}"#, Some(Inexact::Form)),
        (r#" {}"#, Some(Inexact::Form)),
        (r#"{"a":1,"a":1}"#, Some(Inexact::Form)),
        ("9007199254740993", Some(Inexact::Number)),
        ("no", Some(Inexact::Form)),
    ] {
        assert_eq!(Payload::try_from(text.to_owned()).err(), expected, "{text}");
    }
}

#[test]
fn answers_and_asks_are_written_as_agreed() {
    let decision = || Decision {
        id: "1".to_owned(),
        approver: "bob".to_owned(),
        at: "2026-11-21T12:00:00.000Z".to_owned(),
        reason: None,
    };
    for (answer, text) in [
        (
            Answer::Approved(decision()),
            r#"{"state":"approved","id":"1","approver":"bob","at":"2026-11-21T12:00:00.000Z"}"#,
        ),
        (
            Answer::Denied(Decision {
                reason: Some("too much".to_owned()),
                ..decision()
            }),
            r#"{"state":"denied","id":"1","approver":"bob","at":"2026-11-21T12:00:00.000Z","reason":"too much"}"#,
        ),
        (
            Answer::Pending {
                id: "1".to_owned(),
                url: "http://a/asks/1".to_owned(),
            },
            r#"{"state":"pending","id":"1","url":"http://a/asks/1"}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        assert_eq!(serde_json::from_str::<Answer>(text).unwrap(), answer);
    }
    let text = serde_json::to_string(&ask()).unwrap();
    assert_eq!(serde_json::from_str::<Ask>(&text).unwrap(), ask());
}

/// A value, and a seed for how it is written.
fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_992_i64..=9_007_199_254_740_992).prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 64.0)),
        "[a-c é€😀\"\\\\\n\u{7}]{0,6}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-d é😀\u{ffff}]{0,3}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Writes a value in one of many ways that mean the same.
fn scribble(value: &Value, seed: &mut u64, out: &mut String) {
    let mut dice = |sides: u64| {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % sides
    };
    out.push_str(["", " ", "\n\t"][dice(3) as usize]);
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number(number) => match (number.as_i64(), dice(3)) {
            (Some(n), 1) => out.push_str(&format!("{n}.0")),
            (Some(n), 2) => out.push_str(&format!("{n}0E-1")),
            (None, 1) => out.push_str(&format!("{number}000")),
            (None, 2) => out.push_str(&format!("{number}e+0")),
            (_, _) => out.push_str(&number.to_string()),
        },
        Value::String(text) => scribble_text(text, dice(2) == 0, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                scribble(item, seed, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if !members.is_empty() {
                let turn = dice(members.len() as u64) as usize;
                members.rotate_left(turn);
            }
            out.push('{');
            for (index, (key, item)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { " ," } else { "" });
                scribble_text(key, index % 2 == 0, out);
                out.push(':');
                scribble(item, seed, out);
            }
            out.push('}');
        }
    }
}

fn scribble_text(text: &str, escaped: bool, out: &mut String) {
    if !escaped {
        return out.push_str(&serde_json::to_string(text).unwrap());
    }
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04X}"));
    }
    out.push('"');
}

#[test]
fn what_is_sensitive_is_masked() {
    let check = |sensitive: &[&str], expected: Option<&str>| {
        let ask = Ask {
            arguments: payload(
                r#"{"card":{"number":"4111","~/":1},"lines":[{"x":null},2],"n":1e30}"#,
            ),
            sensitive: sensitive
                .iter()
                .map(|&pointer| pointer.to_owned())
                .collect(),
            ..ask()
        };
        let masked = ask.masked();
        assert_eq!(
            masked.as_ref().map(|ask| ask.arguments.text()),
            expected,
            "{sensitive:?}"
        );
        assert!(
            masked
                .is_none_or(|masked| masked.sensitive == ask.sensitive && masked.tool == ask.tool)
        );
    };
    let plain = r#"{"card":{"number":"4111","~/":1},"lines":[{"x":null},2],"n":1e+30}"#;
    check(&[], Some(plain));
    check(
        &["/card/number"],
        Some(&plain.replace(r#""4111""#, r#""***""#)),
    );
    check(
        &["/card/~0~1"],
        Some(&plain.replace(r#":1}"#, r#":"***"}"#)),
    );
    check(
        &["/lines/1", "/lines/0/x"],
        Some(&plain.replace(r#"[{"x":null},2]"#, r#"[{"x":"***"},"***"]"#)),
    );
    check(
        &["/lines/0/x", "/lines/0", "/lines", "/lines"],
        Some(&plain.replace(r#"[{"x":null},2]"#, r#""***""#)),
    );
    check(&[""], Some(r#""***""#));
    for nowhere in ["/cards", "card", "/lines/2", "/lines/x", "/n/0", "/card/"] {
        check(&[nowhere], None);
    }
}

/// The same value by serde's own measure, with `1.0` and `1` one number.
fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one.as_f64() == two.as_f64(),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .all(|(key, one)| two.get(key).is_some_and(|two| same(one, two)))
        }
        (one, two) => one == two,
    }
}

proptest! {
    #[test]
    fn one_payload_has_one_fingerprint(value in values(), seed in any::<u64>()) {
        let write = |mut seed| {
            let mut text = String::new();
            scribble(&value, &mut seed, &mut text);
            let mut ask = ask();
            ask.arguments = payload(&text);
            ask
        };
        let (one, two) = (write(seed), write(!seed));
        prop_assert_eq!(one.fingerprint(), two.fingerprint());
        let back: Value = serde_json::from_str(one.arguments.text()).unwrap();
        prop_assert!(same(&back, &value), "{} became {}", value, back);
    }

    #[test]
    fn two_payloads_have_two_fingerprints(one in values(), two in values()) {
        let bind = |value: &Value| {
            let mut ask = ask();
            ask.arguments = payload(&value.to_string());
            ask.fingerprint()
        };
        prop_assert_eq!(bind(&one) == bind(&two), same(&one, &two), "{} and {}", one, two);
    }
}

const VECTORS: [&str; 3] = [
    "5c7fc9fdb61cc4860c275c17a8f122fa6b1589c7cf46ee7d2d07138fed8ae98a",
    "f033ba188567210efc38ca28ef62ca3031f5f7ff45656cf6b11cbe65288f6486",
    "ac643592ed10a5631793d04f9ebf33289ff5c5809c255b18d6f96644452e1171",
];
