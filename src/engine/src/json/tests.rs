use super::*;

mod properties;
mod suite;

/// Parses `bytes` and compares with the root's source text or the fault.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, expect: Result<&str, (FaultKind, usize)>) {
    let bytes = bytes.as_ref();
    match Doc::parse(bytes.to_vec()) {
        Ok(doc) => {
            assert_eq!(Ok(doc.root().raw()), expect);
            assert_eq!(doc.bytes(), bytes);
            assert_eq!(doc.into_bytes(), bytes);
        }
        Err((fault, back)) => {
            assert_eq!(Err((fault.kind, fault.offset)), expect, "{fault}");
            assert_eq!(back, bytes);
        }
    }
}

#[track_caller]
fn read(text: &str) -> Doc {
    Doc::parse(text.as_bytes().to_vec()).unwrap_or_else(|(fault, _)| panic!("{fault}: `{text}`"))
}

#[test]
fn the_grammar_is_that_of_rfc_8259() {
    use FaultKind::{Syntax, TrailingData};
    for (text, offset) in [
        ("", 0),
        (" \n", 2),
        ("{", 1),
        ("[", 1),
        ("]", 0),
        ("}", 0),
        ("[}", 1),
        ("{]", 1),
        ("[1}", 2),
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1,,2]", 3),
        ("[1 2]", 3),
        ("[1:2]", 2),
        ("{\"a\":1,}", 7),
        ("{,}", 1),
        ("{\"a\"}", 4),
        ("{\"a\" 1}", 5),
        ("{\"a\":}", 5),
        ("{\"a\"::1}", 5),
        ("{\"a\":1 \"b\":2}", 7),
        ("{\"a\":1:2}", 6),
        ("{a:1}", 1),
        ("{1:1}", 1),
        ("{null:1}", 1),
        ("{[]:1}", 1),
        ("-", 1),
        ("-a", 1),
        ("--1", 1),
        ("+1", 0),
        (".5", 0),
        ("1.", 2),
        ("1.e1", 2),
        ("1e", 2),
        ("1e+", 3),
        ("[1e1.5]", 4),
        ("[01]", 2),
        ("[-01]", 3),
        ("[0x1]", 2),
        ("[1_000]", 2),
        ("NaN", 0),
        ("Infinity", 0),
        ("-Infinity", 1),
        ("tru", 0),
        ("True", 0),
        ("[nulll]", 5),
        ("'a'", 0),
        ("\"a", 2),
        ("\"a\\", 2),
        ("\"a\\\"", 4),
        ("\"\\x\"", 1),
        ("\"\\U0041\"", 1),
        ("\"\\u12\"", 1),
        ("\"\\u12g4\"", 1),
        ("\"\\u+123\"", 1),
        ("\"\n\"", 1),
        ("\"12345678\t\"", 9),
        ("\"123\u{1f}5678\"", 4),
        ("\"\u{1f}\"", 1),
        ("\"\0\"", 1),
        ("// c\n1", 0),
        ("[1/**/]", 2),
        ("\u{a0}1", 0),
        ("\u{c}1", 0),
        ("\0", 0),
    ] {
        check(text, Err((Syntax, offset)));
    }
    for (text, offset) in [
        ("1 2", 2),
        ("01", 1),
        ("{}\0", 2),
        ("{}{}", 2),
        ("[]]", 2),
        ("[],", 2),
        ("\"a\"b", 3),
        ("nullx", 4),
        ("1\u{a0}", 1),
        ("{} \u{feff}", 3),
    ] {
        check(text, Err((TrailingData, offset)));
    }
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "0.0",
        "-0e-0",
        "1E+2",
        "1.50e09",
        "\"\"",
        "\"\u{7f}\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFf\"",
        "\"\u{ffff}\u{fdd0}\u{feff}\"",
        "[]",
        "{}",
        "[ ]",
        "{\r\n\t }",
        "[[],{},[{}]]",
        "{\"\":1}",
        "{\"a\":1,\"A\":2}",
        "[1,1]",
    ] {
        check(text, Ok(text));
        check(format!(" \t\r\n{text} \t\r\n"), Ok(text));
    }
}

#[test]
fn text_is_utf_8_without_mark() {
    use FaultKind::Utf8;
    for (bytes, offset) in [
        (&b"\xef\xbb\xbf{}"[..], 0),
        (b"\xef\xbb\xbf", 0),
        (b"\xef\xbb", 0),
        (b"\xfe\xff\0[\0]", 0),
        (b"\xff\xfe[\0]\0", 0),
        (b"\"\xff\"", 1),
        (b"\"\xe9\"", 1),
        (b"\"\x80\"", 1),
        // Overlong: `/` in two bytes, NUL in two and in six, and a surrogate.
        (b"\"\xc0\xaf\"", 1),
        (b"\"\xc0\x80\"", 1),
        (b"\"\xfc\x80\x80\x80\x80\x80\"", 1),
        (b"\"\xed\xa0\x80\"", 1),
        (b"\"\xf4\x90\x80\x80\"", 1),
        (b"\"\xe2\x82\"", 1),
        (b"{\"a\":1}\xff", 7),
    ] {
        check(bytes, Err((Utf8, offset)));
    }
    check(b"[\0]\0", Err((FaultKind::Syntax, 1)));
    check("\"é€😀\"", Ok("\"é€😀\""));
}

#[test]
fn surrogates_come_in_pairs() {
    for (text, offset) in [
        (r#""\uD800""#, 1),
        (r#""a\uDBFF\n""#, 2),
        (r#""\uD800\u0041""#, 1),
        (r#""\uD800\uD800\uDC00""#, 1),
        (r#""\uD800\\uDC00""#, 1),
        (r#""\uD800uDC00""#, 1),
        (r#""\uDC00""#, 1),
        (r#""\uDC00\uD800""#, 1),
        (r#"{"\uDFAA":0}"#, 2),
    ] {
        check(text, Err((FaultKind::LoneSurrogate, offset)));
    }
    assert_eq!(read(r#""\uD83d\uDe00""#).root().str().unwrap(), "😀");
    assert_eq!(
        read(r#""\uDBFF\uDFFF""#).root().str().unwrap(),
        "\u{10ffff}"
    );
}

#[test]
fn keys_are_unique_after_unescaping() {
    for (text, offset) in [
        (r#"{"a":1,"a":2}"#, 7),
        (r#"{"a":1,"b":2,"a":1}"#, 13),
        (r#"{"":1,"":2}"#, 6),
        (r#"[{"x":[{"name":1,"n\u0061me":2}]}]"#, 17),
        (r#"{"n\u0061me":1,"\u006eame":2}"#, 15),
        (r#"{"/":1,"\/":2}"#, 7),
        ("{\"😀\":1,\"\\ud83d\\ude00\":2}", 10),
        (r#"{"a":{"a":1},"b":{"a":1},"a":2}"#, 25),
    ] {
        check(text, Err((FaultKind::DuplicateKey, offset)));
    }
    // Same key in other objects, other case, other normal form, a NUL behind it.
    for text in [
        r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#,
        r#"{"a":1,"A":2,"\u0430":3,"a\u0000":4}"#,
        "{\"\u{e9}\":1,\"e\u{301}\":2}",
    ] {
        check(text, Ok(text));
    }
}

#[test]
fn keys_of_large_objects_are_unique_too() {
    let object = |keys: &[String]| {
        let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    for size in [15, 16, 17, 18, 100, 50_000] {
        let mut keys: Vec<_> = (0..size).map(|n| format!("key{n}")).collect();
        let text = object(&keys);
        check(&text, Ok(&text));
        assert_eq!(read(&text).root().len(), size);
        for (first, again) in [(0, size - 1), (size / 2, size - 1), (0, 1), (7, 8)] {
            let kept = std::mem::replace(&mut keys[again], format!("\\u006bey{first}"));
            let text = object(&keys);
            let at = text.find("\"\\u").unwrap();
            check(&text, Err((FaultKind::DuplicateKey, at)));
            keys[again] = kept;
        }
    }
}

#[test]
fn numbers_are_finite_and_keep_their_digits() {
    let long = "1".repeat(309);
    let nines = format!("-{}.{}", "9".repeat(308), "9".repeat(90));
    for (text, fits) in [
        ("1e308", true),
        ("1.7976931348623157e308", true),
        ("-1.7976931348623159e308", false),
        ("1e309", false),
        ("-1e400", false),
        ("1e999999999999999999999", false),
        ("0e999999999999999999999", true),
        ("1e-999999999999999999999", true),
        (&long, true),
        (&nines, true),
        (&"9".repeat(309), false),
        (&"1".repeat(310), false),
        (&format!("{long}e-400"), true),
        (&format!("0.{}", "1".repeat(398)), true),
        (&format!("0.{}", "1".repeat(399)), false),
        (&format!("0e{}", "0".repeat(398)), true),
        (&format!("0e{}", "0".repeat(399)), false),
    ] {
        check(
            text,
            if fits {
                Ok(text)
            } else {
                Err((FaultKind::Number, 0))
            },
        );
        check(
            format!("[0,{text}]"),
            match fits {
                true => Ok(format!("[0,{text}]")),
                false => Err((FaultKind::Number, 3)),
            }
            .as_ref()
            .map(String::as_str)
            .map_err(|fault| *fault),
        );
    }
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nest = |depth| [open.repeat(depth), "0".into(), close.repeat(depth)].concat();
        let deepest = nest(Doc::MAX_DEPTH);
        check(&deepest, Ok(&deepest));
        let wide = format!("[{},{}]", nest(99), nest(99));
        check(&wide, Ok(&wide));
        let deeper = nest(Doc::MAX_DEPTH + 1);
        check(
            &deeper,
            Err((FaultKind::Depth, open.len() * Doc::MAX_DEPTH)),
        );
        check(
            open.repeat(1 << 20),
            Err((FaultKind::Depth, open.len() * Doc::MAX_DEPTH)),
        );
        assert_eq!(read(&deepest).root().to_value().to_string(), deepest);
        canonical(&deepest, &deepest);
    }
}

#[test]
fn the_tape_is_bounded() {
    let items = |count: usize| format!("[0{}]", ",0".repeat(count - 1));
    let fits = items(Doc::MAX_NODES - 1);
    check(&fits, Ok(&fits));
    assert_eq!(read(&fits).root().len(), Doc::MAX_NODES - 1);
    let at = 1 + 2 * (Doc::MAX_NODES - 1);
    check(items(Doc::MAX_NODES), Err((FaultKind::TooManyNodes, at)));
}

#[test]
fn every_cut_is_refused() {
    let text = r#" {"a":[1,-2.5e+3,"x\n\u00e9\ud83d\ude00é😀",true,null],"b":{"c":{}}} "#;
    read(text);
    for cut in 0..text.len() - 1 {
        let bytes = &text.as_bytes()[..cut];
        assert!(Doc::parse(bytes.to_vec()).is_err(), "cut at {cut}");
    }
}

#[test]
fn faults_say_what_and_where() {
    let (fault, _) = Doc::parse(br#"{"a":1,"a":2}"#.to_vec()).unwrap_err();
    assert_eq!(fault.to_string(), "duplicate object key at byte 7");
}

#[test]
fn values_are_read_on_demand() {
    let doc = read(
        r#" {"n\u0061me":"re\u0066und","id":9007199254740993,"d":{"e":[1,{"f":2}]},"t":true} "#,
    );
    let root = doc.root();
    assert_eq!(
        (root.kind(), root.len(), root.span()),
        (Kind::Object, 4, 1..doc.bytes().len() - 1)
    );
    let keys: Vec<_> = root.members().map(Member::key).collect();
    assert_eq!(keys, ["name", "id", "d", "t"]);
    assert_eq!(root.member("name").unwrap().key_span(), 2..13);
    assert_eq!(root.member("name").unwrap().span(), 2..27);
    assert_eq!(root.get("name").unwrap().str().unwrap(), "refund");
    assert_eq!(root.get("name").unwrap().raw(), r#""re\u0066und""#);
    assert_eq!(root.get("n\\u0061me"), None);
    assert_eq!(root.get("id").unwrap().number(), Some("9007199254740993"));
    assert_eq!(root.get("id").unwrap().i64(), Some(9_007_199_254_740_993));
    assert_eq!(root.get("t").unwrap().bool(), Some(true));
    assert_eq!(root.get("t").unwrap().str(), None);
    assert_eq!(root.pointer(&[]), Some(root));
    let list = root.pointer(&["d", "e"]).unwrap();
    assert_eq!(
        list.items().map(Node::raw).collect::<Vec<_>>(),
        ["1", r#"{"f":2}"#]
    );
    assert_eq!(
        (list.len(), list.members().count(), list.get("0")),
        (2, 0, None)
    );
    assert_eq!(root.pointer(&["d", "e", "f"]), None);
    assert_eq!(root.items().count(), 0);
    // Equal text elsewhere is another value.
    assert_ne!(root, read(r#"{"d":1}"#).root());
    let twins = read("[1,1]");
    let twins: Vec<_> = twins.root().items().collect();
    assert_ne!(twins[0], twins[1]);
}

#[test]
fn strings_are_borrowed_unless_escaped() {
    use std::borrow::Cow;
    assert!(matches!(
        read(r#""é""#).root().str(),
        Some(Cow::Borrowed("é"))
    ));
    let doc = read(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00z""#);
    assert_eq!(doc.root().str().unwrap(), "\"\\/\u{8}\u{c}\n\r\tAé€😀z");
}

#[test]
fn integers_are_tokens_that_fit() {
    for (text, expect) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("1.0", None),
        ("1e2", None),
        ("\"1\"", None),
    ] {
        assert_eq!(read(text).root().i64(), expect, "{text}");
    }
    assert_eq!(read("1e2").root().f64(), Some(100.0));
    assert_eq!(read("\"1\"").root().f64(), None);
}

/// Compares with `serde_json`'s reading of the same text.
#[track_caller]
fn same_value(text: &str) {
    let expect: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(read(text).root().to_value(), expect);
}

#[test]
fn values_are_those_of_serde_json() {
    for text in [
        "-0",
        "0",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "[1.0,1e2,-2.5e-3]",
        r#" {"a" : [ 1 , "x\n\u00e9\ud83d\ude00\/" , true , null , { } , [ ] ] , "\u0062":{} } "#,
    ] {
        same_value(text);
    }
}

/// Makes `edits` on the root of `text`; everything but them must stay.
#[track_caller]
fn edited(text: &str, edits: impl Fn(Node<'_>) -> Vec<Splice>, expect: &str) {
    let doc = read(text);
    let mut edits = edits(doc.root());
    let out = splice(doc.bytes(), edits.clone());
    assert_eq!(String::from_utf8_lossy(&out), expect);
    edits.sort_by_key(|edit| !edit.at.is_empty());
    assert_eq!(
        out.len(),
        splice(doc.bytes(), edits).len(),
        "the order of edits matters"
    );
    read(expect);
}

#[test]
fn members_are_set_and_removed_in_place() {
    type Edits = fn(Node<'_>) -> Vec<Splice>;
    let text = r#"{ "a" : 1 , "b":[ 1, 2 ] }"#;
    let cases: &[(&str, Edits, &str)] = &[
        (text, |_| vec![], text),
        (
            text,
            |root| vec![root.set("a", "9")],
            r#"{ "a" : 9 , "b":[ 1, 2 ] }"#,
        ),
        (
            text,
            |root| vec![root.set("c", "9")],
            r#"{ "a" : 1 , "b":[ 1, 2 ],"c":9 }"#,
        ),
        (
            text,
            |root| vec![root.set("q\"", "{}")],
            r#"{ "a" : 1 , "b":[ 1, 2 ],"q\"":{} }"#,
        ),
        ("{}", |root| vec![root.set("c", "9")], r#"{"c":9}"#),
        ("{ }", |root| vec![root.set("c", "9")], r#"{"c":9 }"#),
        (
            "{}",
            |root| vec![root.set("a", "1"), root.set("b", "2")],
            r#"{"a":1,"b":2}"#,
        ),
        (
            text,
            |root| vec![root.set("c", "3"), root.set("d", "4")],
            r#"{ "a" : 1 , "b":[ 1, 2 ],"c":3,"d":4 }"#,
        ),
        (
            r#"{"\u0061":1}"#,
            |root| vec![root.set("a", "2")],
            r#"{"\u0061":2}"#,
        ),
        ("[1]", |root| vec![root.set("a", "2")], "[1]"),
        (
            text,
            |root| Vec::from_iter(root.remove("a")),
            r#"{ "b":[ 1, 2 ] }"#,
        ),
        (
            text,
            |root| Vec::from_iter(root.remove("b")),
            r#"{ "a" : 1 }"#,
        ),
        (text, |root| Vec::from_iter(root.remove("x")), text),
        ("[1]", |root| Vec::from_iter(root.remove("0")), "[1]"),
        ("{\"a\":1}", |root| Vec::from_iter(root.remove("a")), "{}"),
        (
            "{\n  \"a\": 1,\n  \"b\": 2\n}",
            |root| Vec::from_iter(root.remove("a")),
            "{\n  \"b\": 2\n}",
        ),
        (
            "{\n  \"a\": 1,\n  \"b\": 2\n}",
            |root| Vec::from_iter(root.remove("b")),
            "{\n  \"a\": 1\n}",
        ),
    ];
    for (text, edits, expect) in cases {
        edited(text, edits, expect);
    }
}

#[test]
fn edits_compose() {
    type Edits = fn(Node<'_>) -> Vec<Option<Splice>>;
    let text = r#"{"a":1,"b":{"x":","},"c":[3]}"#;
    let cases: &[(Edits, &str)] = &[
        (
            |root| vec![root.remove("a"), root.remove("b")],
            r#"{"c":[3]}"#,
        ),
        (
            |root| vec![root.remove("b"), root.remove("c")],
            r#"{"a":1}"#,
        ),
        (
            |root| vec![root.remove("a"), root.remove("c")],
            r#"{"b":{"x":","}}"#,
        ),
        (
            |root| vec![root.remove("a"), root.remove("b"), root.remove("c")],
            "{}",
        ),
        (
            |root| vec![root.remove("a"), root.remove("a")],
            r#"{"b":{"x":","},"c":[3]}"#,
        ),
        (
            |root| vec![root.remove("c"), Some(root.set("d", "4"))],
            r#"{"a":1,"b":{"x":","},"d":4}"#,
        ),
        (
            |root| {
                vec![
                    root.remove("a"),
                    root.remove("b"),
                    root.remove("c"),
                    Some(root.set("d", "4")),
                ]
            },
            r#"{"d":4}"#,
        ),
        (
            |root| vec![Some(root.set("c", "9")), Some(root.set("d", "4"))],
            r#"{"a":1,"b":{"x":","},"c":9,"d":4}"#,
        ),
        // The outer edit holds.
        (
            |root| vec![root.get("b").unwrap().remove("x"), root.remove("b")],
            r#"{"a":1,"c":[3]}"#,
        ),
        (
            |root| {
                vec![
                    Some(root.get("b").unwrap().set("y", "0")),
                    Some(root.set("b", "2")),
                ]
            },
            r#"{"a":1,"b":2,"c":[3]}"#,
        ),
        (
            |root| vec![root.remove("c"), Some(root.set("c", "9"))],
            r#"{"a":1,"b":{"x":","}}"#,
        ),
        (
            |root| {
                vec![
                    root.get("b").unwrap().remove("x"),
                    Some(root.get("b").unwrap().set("y", "0")),
                    root.remove("c"),
                ]
            },
            r#"{"a":1,"b":{"y":0}}"#,
        ),
    ];
    for (edits, expect) in cases {
        edited(
            text,
            |root| edits(root).into_iter().flatten().collect(),
            expect,
        );
    }
}

#[test]
fn items_are_removed_with_their_commas() {
    for (drop, expect) in [
        (&[][..], "[ 1, 2 ,3 ]"),
        (&[0], "[ 2 ,3 ]"),
        (&[1], "[ 1, 3 ]"),
        (&[2], "[ 1, 2 ]"),
        (&[0, 1], "[ 3 ]"),
        (&[1, 0], "[ 3 ]"),
        (&[1, 2], "[ 1 ]"),
        (&[0, 2], "[ 2 ]"),
        (&[0, 1, 2], "[  ]"),
        (&[2, 2, 7], "[ 1, 2 ]"),
    ] {
        edited("[ 1, 2 ,3 ]", |root| root.remove_items(drop), expect);
    }
    edited("{\"a\":1}", |root| root.remove_items(&[0]), "{\"a\":1}");
}

#[test]
fn hostile_edits_do_not_panic() {
    let edit = |start, end| Splice {
        at: start..end,
        with: b"7".to_vec(),
    };
    for (edits, expect) in [
        (vec![edit(90, 99)], "[1,2]"),
        (vec![edit(4, 2)], "[1,27]"),
        (vec![edit(1, 2), edit(1, 1)], "[77,2]"),
        (
            vec![edit(1, usize::MAX), edit(2, 3), edit(usize::MAX, 0)],
            "[7",
        ),
    ] {
        assert_eq!(splice(b"[1,2]", edits), expect.as_bytes());
    }
    assert_eq!(
        splice(b"[1,2]", vec![edit(1, 4), edit(3, 4), edit(1, 2)]),
        b"[7]"
    );
    assert_eq!(splice(b"[1,2]", vec![edit(3, 4), edit(3, 4)]), b"[1,7]");
}

#[test]
fn quotes_escape_what_they_must() {
    let text: String = (0..0x30)
        .map(char::from)
        .chain("\\é\u{7f}😀".chars())
        .collect();
    let literal = quote(&text);
    assert_eq!(literal, serde_json::to_string(&text).unwrap());
    assert_eq!(read(&literal).root().str().unwrap(), text);
    assert_eq!(quote(""), "\"\"");
}

#[track_caller]
fn canonical(text: &str, expect: &str) {
    let out = String::from_utf8(read(text).root().canonical()).unwrap();
    assert_eq!(out, expect);
}

#[test]
fn the_canonical_form_is_that_of_rfc_8785() {
    // The RFC's own example (section 3.2.2) and its sorting example (3.2.3).
    canonical(
        r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
    );
    canonical(
        r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
    );
    // Its number samples (appendix B), and integers beyond 2^53.
    for (token, expect) in [
        ("-0", "0"),
        ("-0.0", "0"),
        ("1.0", "1"),
        ("5e-324", "5e-324"),
        ("-5e-324", "-5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740992", "-9007199254740992"),
        ("9007199254740993", "9007199254740992"),
        ("295147905179352830000", "295147905179352830000"),
        ("9.999999999999997e22", "9.999999999999997e+22"),
        ("1e23", "1e+23"),
        ("1.0000000000000001e23", "1.0000000000000001e+23"),
        ("999999999999999700000", "999999999999999700000"),
        ("999999999999999900000", "999999999999999900000"),
        ("1e21", "1e+21"),
        ("9.999999999999997e-7", "9.999999999999997e-7"),
        ("0.000001", "0.000001"),
        ("333333333.33333325", "333333333.33333325"),
        ("-0.0000033333333333333333", "-0.0000033333333333333333"),
        ("1424953923781206.2", "1424953923781206.2"),
        ("1e-400", "0"),
    ] {
        canonical(token, expect);
    }
    canonical(
        " { \"b\" : [ ] , \"a\" : { \"d\" : 1 , \"c\" : \"\\/\" } } ",
        r#"{"a":{"c":"/","d":1},"b":[]}"#,
    );
}

#[test]
fn exact_numbers_keep_their_value_in_the_canonical_form() {
    for (text, expect) in [
        ("0", true),
        ("-0", true),
        ("0e99", true),
        ("0.10", true),
        ("0.100000000000000000000", true),
        ("0.00000000000000000001", true),
        ("1.00000000000000000000e2", true),
        ("100e-2", true),
        ("123456789012345", true),
        ("0.1234567890123456", true),
        ("0.12345678901234567890", false),
        ("9007199254740991", true),
        ("9007199254740992", true),
        ("9007199254740993", false),
        ("-9007199254740993", false),
        ("18446744073709551616", false),
        ("100000000000000000000", true),
        ("1e300", true),
        ("1E+300", true),
        ("1.7976931348623158e308", false),
        ("5e-324", true),
        ("4e-324", false),
        ("1.23456789012345e-320", false),
        ("1e-400", false),
        ("1e-99999999999999999999", false),
        ("\"9007199254740993\"", true),
        ("[1,{\"a\":9007199254740993}]", false),
        ("[1,{\"9007199254740993\":1}]", true),
    ] {
        assert_eq!(read(text).root().exact(), expect, "{text}");
    }
}
