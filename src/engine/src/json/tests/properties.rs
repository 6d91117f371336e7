use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseResult};
use serde_json::Value;

use super::*;

/// JSON texts with odd white space and escapes; keys are few, so that some repeat.
fn texts() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][-+]?[0-9]{1,2})?",
        r#""([a-z é€😀]|\\[nrtbf"/\\]|\\u00[0-9a-fA-F]{2}|\\u2[0-9a-f]{3}|\\ud83d\\ude0[0-9]){0,12}""#,
    ];
    let key = prop_oneof![
        "\"[a-f]{0,2}\"",
        r#""\\u006[1-6]""#,
        r#""(\\/|/|é|\\u00e9|\\uD83D\\uDE00|😀)""#,
    ];
    let space = "[ \n\t\r]{0,2}";
    scalar.prop_recursive(5, 60, 20, move |inner| {
        let item =
            (space, inner, space).prop_map(|(before, value, after)| before + &value + &after);
        let member = (space, key.clone(), space, item.clone())
            .prop_map(|(before, key, after, value)| before + &key + &after + ":" + &value);
        prop_oneof![
            (vec(item, 1..6), space).prop_map(|(items, _)| format!("[{}]", items.join(","))),
            vec(member, 1..24).prop_map(|members| format!("{{{}}}", members.join(","))),
            space.prop_map(|space| format!("[{space}]")),
            space.prop_map(|space| format!("{{{space}}}")),
        ]
    })
}

/// Texts that parse.
fn valid() -> impl Strategy<Value = String> {
    texts().prop_filter("refused", |text| {
        Doc::parse(text.clone().into_bytes()).is_ok()
    })
}

/// Objects, with distinct keys, as text.
fn objects() -> impl Strategy<Value = String> {
    let member = ("[a-z]{1,6}", valid(), "[ \n]{0,2}", "[ \n]{0,2}");
    vec(member, 0..8).prop_map(|mut members| {
        members.sort();
        members.dedup_by(|one, two| one.0 == two.0);
        let members: Vec<_> = members
            .into_iter()
            .rev()
            .map(|(key, value, before, after)| {
                format!("{before}\"{key}\"{after}:{before}{value}{after}")
            })
            .collect();
        format!("{{{} }}", members.join(","))
    })
}

/// Equal but for the last bit of doubles, which `serde_json` does not always round as it should.
fn alike(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) if one.is_f64() && two.is_f64() => {
            let (one, two) = (one.as_f64().unwrap(), two.as_f64().unwrap());
            (one - two).abs() <= one.abs() * f64::EPSILON
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| alike(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .zip(two)
                    .all(|((key, one), (other, two))| key == other && alike(one, two))
        }
        _ => one == two,
    }
}

/// Accepts what `serde_json` accepts, but for the stricter rules, and reads the same in it.
fn agrees(bytes: &[u8]) -> TestCaseResult {
    let theirs = serde_json::from_slice::<Value>(bytes);
    match (Doc::parse(bytes.to_vec()), theirs) {
        (Ok(doc), Ok(value)) => prop_assert!(alike(&doc.root().to_value(), &value)),
        (Ok(_), Err(error)) => prop_assert!(false, "serde_json refuses: {error}"),
        (Err((fault, _)), Ok(_)) => {
            prop_assert!(
                matches!(fault.kind, FaultKind::DuplicateKey | FaultKind::Depth),
                "{fault}"
            );
        }
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

#[track_caller]
fn value_of(bytes: &[u8]) -> Value {
    match Doc::parse(bytes.to_vec()) {
        Ok(doc) => doc.root().to_value(),
        Err((fault, bytes)) => panic!("{fault}: `{}`", String::from_utf8_lossy(&bytes)),
    }
}

proptest! {
    #[test]
    fn texts_read_as_serde_json_reads_them(text in texts()) {
        agrees(text.as_bytes())?;
    }

    #[test]
    fn damaged_texts_are_judged_as_serde_json_judges_them(
        text in texts(),
        at in any::<Index>(),
        byte in prop_oneof![any::<u8>(), proptest::sample::select(b"\"\\{}[],:0eE+-.u \0".to_vec())],
        how in 0..3,
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        agrees(&bytes)?;
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:\\\\u0-9dD8eE.+\\- ]{0,64}") {
        agrees(&bytes)?;
        agrees(text.as_bytes())?;
    }

    #[test]
    fn every_cut_of_a_container_is_refused(text in objects()) {
        for cut in 0..text.len() {
            prop_assert!(Doc::parse(text.as_bytes()[..cut].to_vec()).is_err());
        }
    }

    #[test]
    fn nodes_cover_the_text(text in valid()) {
        fn walk(node: Node<'_>) -> TestCaseResult {
            let again = read(node.raw());
            prop_assert_eq!(again.root().to_value(), node.to_value());
            prop_assert_eq!(node.len(), node.members().count() + node.items().count());
            for member in node.members() {
                prop_assert_eq!(node.get(&member.key()), Some(member.value()));
                walk(member.value())?;
            }
            node.items().try_for_each(walk)
        }
        walk(read(&text).root())?;
    }

    #[test]
    fn the_canonical_form_is_one_for_all_texts_of_a_value(text in valid()) {
        let doc = read(&text);
        let canonical = doc.root().canonical();
        let again = Doc::parse(canonical.clone()).expect("canonical JSON");
        prop_assert_eq!(&again.root().canonical(), &canonical);
        // Members in another order, other escapes, other white space.
        let other = serde_json::to_vec_pretty(&doc.root().to_value()).unwrap();
        let other = Doc::parse(other).expect("pretty JSON");
        prop_assert_eq!(&other.root().canonical(), &canonical);
    }

    #[test]
    fn quoted_text_reads_back(text in any::<String>()) {
        let doc = read(&quote(&text));
        prop_assert_eq!(doc.root().str().unwrap(), text);
    }

    #[test]
    fn edits_do_what_they_would_do_to_the_value(
        text in objects(),
        drop in vec(any::<Index>(), 0..6),
        set in vec((any::<Index>(), "[0-9]{1,3}"), 0..3),
        add in vec("[A-Z]{1,3}", 0..3),
    ) {
        let doc = read(&text);
        let root = doc.root();
        let mut expect = root.to_value();
        let members = expect.as_object_mut().unwrap();
        let keys: Vec<_> = members.keys().cloned().collect();
        let mut edits = Vec::new();
        if !keys.is_empty() {
            let dropped: Vec<_> = drop.iter().map(|index| index.get(&keys)).collect();
            for key in &dropped {
                edits.extend(root.remove(key));
                members.remove(*key);
            }
            let mut done = dropped;
            for (index, number) in &set {
                let key = index.get(&keys);
                // Of two edits of one member the first holds.
                if !done.contains(&key) {
                    done.push(key);
                    let json = format!("{{\"n\":\"{number}\"}}");
                    edits.push(root.set(key, &json));
                    members.insert(key.clone(), value_of(json.as_bytes()));
                }
            }
        }
        for key in add {
            if members.insert(key.clone(), Value::Null).is_none() {
                edits.push(root.set(&key, "null"));
            }
        }
        prop_assert_eq!(value_of(&splice(doc.bytes(), edits)), expect);
    }

    #[test]
    fn removed_items_are_gone(items in vec(valid(), 0..8), drop in vec(0..9_usize, 0..6), space in "[ \n]{0,2}") {
        let text = format!("[{space}{}{space}]", items.join(&format!("{space},{space}")));
        let doc = read(&text);
        let kept: Vec<_> = doc
            .root()
            .items()
            .enumerate()
            .filter(|(index, _)| !drop.contains(index))
            .map(|(_, item)| item.to_value())
            .collect();
        let edits = doc.root().remove_items(&drop);
        prop_assert_eq!(value_of(&splice(doc.bytes(), edits)), Value::Array(kept));
    }
}
