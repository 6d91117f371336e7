use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    detect::{self, Pattern},
    json::{Doc, quote, splice},
};

/// Everything is looked for, and masked where nothing else is said.
fn redaction(kinds: &[(&str, By)], places: &[(&str, By)]) -> Redaction {
    let mut redaction = Redaction::default();
    let order = Pattern::new("order", "ORD-[0-9]{4}").unwrap();
    let own = Form::Pattern(Arc::new(order));
    for form in detect::Kind::ALL.map(Form::Kind).into_iter().chain([own]) {
        let named = kinds.iter().find(|(kind, _)| *kind == form.name());
        redaction.find(&form, named.map_or(By::Mask, |(_, by)| *by));
    }
    for (place, by) in places {
        redaction.place(Pointer::parse(place).unwrap(), *by);
    }
    redaction
}

fn doc(text: &str) -> Doc {
    Doc::parse(text.as_bytes().to_vec()).unwrap()
}

/// What becomes of a text, and what was found in it.
fn run(redaction: &Redaction, text: &str) -> (String, Counts) {
    let doc = doc(text);
    let Redacted { edits, counts } = redaction.apply(doc.root(), &Seal::known()).unwrap();
    let out = splice(doc.bytes(), edits);
    let out = Doc::parse(out).unwrap().into_bytes();
    (String::from_utf8(out).unwrap(), counts)
}

/// What blocks a text.
fn blocked(redaction: &Redaction, text: &str) -> Option<String> {
    let blocked = redaction.apply(doc(text).root(), &Seal::known()).err();
    blocked.map(|Blocked(kind)| kind)
}

/// Checks what becomes of a text, and how many values of which kinds were found.
#[track_caller]
fn check(redaction: &Redaction, text: &str, expected: &str, counts: &[(&str, u64)]) {
    let (out, found) = run(redaction, text);
    assert_eq!(out, expected);
    let counts = counts
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count));
    assert_eq!(found, counts.collect());
}

#[test]
fn values_are_masked_where_they_stand() {
    let all = redaction(&[], &[]);
    for (text, expected, counts) in [
        (
            r#" {"a": 1, "b": "plain\u0020text"} "#,
            r#" {"a": 1, "b": "plain\u0020text"} "#,
            &[][..],
        ),
        (
            r#"{"to": "bob@example.com, \"ann@example.org\"", "n":1.50}"#,
            r#"{"to": "[email], \"[email]\"", "n":1.50}"#,
            &[("email", 2)],
        ),
        // Escapes are undone.
        (
            r#"["\u0034111 1111 1111\u00201111"]"#,
            r#"["[payment_card]"]"#,
            &[("payment_card", 1)],
        ),
        // Numbers, however they are written.
        (
            r#"[4111111111111111,4.111111111111111e15,41111111111111110e-1,4111111111111112]"#,
            r#"["[payment_card]","[payment_card]","[payment_card]",4111111111111112]"#,
            &[("payment_card", 3)],
        ),
        // The name of the member tells what a number is, that of a list what is in it.
        (
            r#"{"ssn":219099998,"SSNs":["219-09-9997","219099996"],"id":219099998}"#,
            r#"{"ssn":"[ssn]","SSNs":["[ssn]","[ssn]"],"id":219099998}"#,
            &[("ssn", 3)],
        ),
        // A name that is a value goes with its member.
        (
            r#"{"bob@example.com":{"a":1},"b":2, "4111111111111111":3}"#,
            r#"{"b":2}"#,
            &[("email", 1), ("payment_card", 1)],
        ),
        (r#""bob@example.com""#, r#""[email]""#, &[("email", 1)]),
        (
            r#"{"note":"ORD-1234, ORD-12"}"#,
            r#"{"note":"[order], ORD-12"}"#,
            &[("order", 1)],
        ),
    ] {
        check(&all, text, expected, counts);
    }
}

#[test]
fn texts_that_are_json_stay_it() {
    let all = redaction(&[], &[("/customer/name", By::Mask)]);
    for (text, expected, counts) in [
        (
            r#"{"text":"{\"card\": \"\\u0034111111111111111\",\"n\":1.0}"}"#,
            r#"{"text":"{\"card\": \"[payment_card]\",\"n\":1.0}"}"#,
            &[("payment_card", 1)][..],
        ),
        // A number in a text stays one value.
        (
            r#"{"text":" [4111111111111111]"}"#,
            r#"{"text":" [\"[payment_card]\"]"}"#,
            &[("payment_card", 1)],
        ),
        // Of a text the places are the same as of the whole.
        (
            r#"{"customer":{"name":"Bob"},"text":"{\"customer\":{\"name\":\"Bob\"}}"}"#,
            r#"{"customer":{"name":"[redacted]"},"text":"{\"customer\":{\"name\":\"[redacted]\"}}"}"#,
            &[("field", 2)],
        ),
        // What only looks like JSON is a text.
        (
            r#"{"text":"{bob@example.com}"}"#,
            r#"{"text":"{[email]}"}"#,
            &[("email", 1)],
        ),
    ] {
        check(&all, text, expected, counts);
    }
}

#[test]
fn places_are_taken_whole() {
    let by = [
        ("/a/b", By::Mask),
        ("/list/*/x", By::Drop),
        ("/list/0/x", By::Mask),
        ("/items/1", By::Drop),
        ("/all/*", By::Drop),
    ];
    let redaction = redaction(&[], &by);
    for (text, expected, counts) in [
        (
            r#"{"a": {"b": {"c": [1]}}}"#,
            r#"{"a": {"b": "[redacted]"}}"#,
            &[("field", 1)][..],
        ),
        // No value is no secret.
        (r#"{"a":{"b":null}}"#, r#"{"a":{"b":null}}"#, &[]),
        (r#"{"a":{}}"#, r#"{"a":{}}"#, &[]),
        // The stricter way holds.
        (
            r#"{"list":[{"x":1,"y":2},{"y":3,"x":4},{"x":5}]}"#,
            r#"{"list":[{"y":2},{"y":3},{}]}"#,
            &[("field", 3)],
        ),
        (
            r#"{"items":[1, 2, 3]}"#,
            r#"{"items":[1,  3]}"#,
            &[("field", 1)],
        ),
        (
            r#"{"all":[1, 2, 3], "z":0}"#,
            r#"{"all":[  ], "z":0}"#,
            &[("field", 3)],
        ),
        // What is within goes with it, and is told.
        (
            r#"{"a":{"b":"bob@example.com"}}"#,
            r#"{"a":{"b":"[redacted]"}}"#,
            &[("email", 1), ("field", 1)],
        ),
    ] {
        check(&redaction, text, expected, counts);
    }
}

#[test]
fn values_are_cut_out() {
    let drop = redaction(
        &["email", "payment_card", "order"].map(|kind| (kind, By::Drop)),
        &[],
    );
    for (text, expected, counts) in [
        (
            r#"{"a":"to bob@example.com!"}"#,
            r#"{"a":"to !"}"#,
            &[("email", 1)][..],
        ),
        (
            r#"{"text":"bob@example.com"}"#,
            r#"{"text":""}"#,
            &[("email", 1)],
        ),
        // A number goes with its member, or is null where it is all there is.
        (
            r#"{"a":4111111111111111,"b":[1,4111111111111111]}"#,
            r#"{"b":[1]}"#,
            &[("payment_card", 2)],
        ),
        ("4111111111111111", "null", &[("payment_card", 1)]),
        // What stands around it would be one.
        (
            r#"["4111 1111 ORD-12341111 1111"]"#,
            r#"["4111 1111 [order]1111 1111"]"#,
            &[("order", 1)],
        ),
    ] {
        check(&drop, text, expected, counts);
    }
}

/// The marker of one text.
fn marker(redaction: &Redaction, value: &str) -> String {
    run(redaction, &quote(value)).0
}

#[test]
fn the_same_value_has_the_same_mark() {
    let hash = redaction(
        &[("payment_card", By::Hash), ("email", By::Hash)],
        &[("/a", By::Hash)],
    );
    let card = marker(&hash, "4111 1111 1111 1111");
    assert!(
        card.starts_with("\"[payment_card:") && card.len() == 29,
        "{card}"
    );
    assert_eq!(marker(&hash, "4111-1111-1111-1111"), card);
    assert_ne!(marker(&hash, "5555555555554444"), card);
    assert_eq!(
        marker(&hash, "Bob@Example.com"),
        marker(&hash, "bob@example.com")
    );
    let (one, _) = run(&hash, r#"{"a":{"x":1,"y":2}}"#);
    let (two, _) = run(&hash, r#"{"a":{"y":2, "x":1.0}}"#);
    assert_eq!(one, two);
    // Only who has the secret can find out whose mark it is.
    let other = hash
        .apply(doc("4111111111111111").root(), &Seal::new(&[1; 32]))
        .unwrap();
    assert_ne!(
        String::from_utf8(other.edits[0].with.clone()).unwrap(),
        card
    );
}

#[test]
fn what_blocks_lets_nothing_pass() {
    let block = redaction(
        &[("iban", By::Block)],
        &[("/secret", By::Block), ("/a", By::Mask)],
    );
    let iban = "DE89 3704 0044 0532 0130 00";
    for (text, kind) in [
        (format!(r#"{{"x":"pay {iban}"}}"#), "iban"),
        (format!(r#"{{"{iban}":1}}"#), "iban"),
        (format!(r#"{{"a":"{iban}"}}"#), "iban"),
        (r#"{"secret":0}"#.to_owned(), FIELD),
    ] {
        assert_eq!(blocked(&block, &text).as_deref(), Some(kind), "{text}");
    }
    check(&block, r#"{"secret":null}"#, r#"{"secret":null}"#, &[]);
}

#[test]
fn values_that_touch_or_overlap_leave_nothing() {
    let all = redaction(&[], &[]);
    let strict = redaction(&[("email", By::Block)], &[]);
    for (text, expected) in [
        // Neither holds the other.
        ("ORD-4111 1111 1111 1111", "[payment_card]"),
        ("bob@example.comORD-1234", "[email][order]"),
        // The second begins where the first ends, and is seen once that is gone.
        ("219-09-9998-219-09-9998", "219-09-9998-219-09-9998"),
        ("bob@example.com-219-09-9998", "[email]-[ssn]"),
        ("ORD-1234-219-09-9998", "[order]-[ssn]"),
        ("ORD-1234ORD-5678", "[order][order]"),
    ] {
        assert_eq!(marker(&all, text), quote(expected));
    }
    let kind = blocked(&strict, r#""ORD-1234@example.com""#);
    assert_eq!(kind.as_deref(), Some("email"));
    // One that is made of many layers goes as a whole.
    let layers = "ORD-1234-".repeat(3) + &"219-09-9998-".repeat(9);
    assert!(
        !marker(&all, &layers).contains("1234"),
        "{}",
        marker(&all, &layers)
    );
}

#[test]
fn results_keep_what_clients_bring_back() {
    let all = redaction(&[], &[("/name", By::Mask)]);
    let doc = doc(
        r#"{"requestState":"bob@example.com","name":"Bob","structuredContent":{"name":"Bob",
        "requestState":"bob@example.com"},"content":[{"type":"text","text":"{\"name\":\"Bob\"}"}]}"#,
    );
    let found = all.apply_to_result(doc.root(), &Seal::known()).unwrap();
    let out = String::from_utf8(splice(doc.bytes(), found.edits)).unwrap();
    assert_eq!(
        out,
        r#"{"requestState":"bob@example.com","name":"Bob","structuredContent":{"name":"[redacted]",
        "requestState":"[email]"},"content":[{"type":"text","text":"{\"name\":\"[redacted]\"}"}]}"#,
    );
}

#[test]
fn what_many_want_is_done_the_strictest_way() {
    let mut one = redaction(&[("email", By::Hash)], &[("/a", By::Mask)]);
    let two = redaction(
        &[("email", By::Mask), ("iban", By::Block)],
        &[("/a", By::Drop)],
    );
    one.join(&two);
    let by: BTreeMap<_, _> = one.items().collect();
    for (item, expected) in [
        ("email", By::Hash),
        ("iban", By::Block),
        ("ssn", By::Mask),
        ("/a", By::Drop),
    ] {
        assert_eq!(by[item], expected, "{item}");
    }
    assert!(Redaction::default().is_empty() && !one.is_empty());
}

const VALUES: [&str; 8] = [
    "4111 1111 1111 1111",
    "bob@example.com",
    "192.0.2.44",
    "219-09-9998",
    "DE89370400440532013000",
    "ORD-1234",
    "+1 212-555-0123",
    "https://u:hunter22@example.com/",
];

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        r#"(\PC|["\\ \n]){0,12}"#,
        (r"(to|,| ){0,3}", 0..VALUES.len(), r"(to|,| ){0,3}")
            .prop_map(|(before, value, after)| format!("{before} {} {after}", VALUES[value])),
    ]
    .prop_map(|text| quote(&text));
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::btree_map("[a-z]{1,4}", inner.clone(), 0..4).prop_map(|members| {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{}: {value}", quote(name)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
            // A document in a text.
            inner.prop_map(|text| quote(&text)),
        ]
    })
}

proptest! {
    /// What comes out is JSON, is searched and found clean, and is the same where nothing was found.
    #[test]
    fn nothing_that_was_found_is_left(text in value(), by in 0..3_usize) {
        let by = [By::Mask, By::Hash, By::Drop][by];
        let kinds: Vec<_> = detect::Kind::ALL.iter().map(|kind| (kind.as_str(), by)).collect();
        let (out, counts) = run(&redaction(&kinds, &[("/a/b", by)]), &text);
        for value in VALUES {
            prop_assert!(!out.contains(value.trim_start_matches("https://u")), "{out}");
        }
        prop_assert!(!counts.is_empty() || out == text);
    }

    #[test]
    fn any_document_can_be_searched(text in r#"(\PC|[-+@:./ 0-9eyJx\\"]|4111 1111 |bob@example\.com|219-09-9998){0,60}"#) {
        let text = quote(&text);
        for by in [By::Mask, By::Drop] {
            let kinds: Vec<_> = detect::Kind::ALL.iter().map(|kind| (kind.as_str(), by)).collect();
            run(&redaction(&kinds, &[]), &format!(r#"{{"ssn":{text}}}"#));
        }
    }
}
