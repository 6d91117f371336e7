use super::*;

#[track_caller]
fn refused(text: impl AsRef<[u8]>, kind: FaultKind) {
    let (fault, bytes) = Doc::parse(text.as_ref().to_vec()).expect_err("must be refused");
    assert_eq!(fault.kind, kind, "{fault}");
    assert_eq!(bytes, text.as_ref());
}

#[track_caller]
fn read(text: &str) -> Doc {
    let doc = Doc::parse(text.as_bytes().to_vec()).unwrap_or_else(|(fault, _)| panic!("{fault}"));
    assert_eq!(
        doc.root().to_value(),
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
    doc
}

#[test]
fn what_parsers_read_differently_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[,1]",
        "{,}",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "NaN",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "tru",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "// c\n1",
        "\"\\u12\"",
        "\0",
    ] {
        refused(text, FaultKind::Syntax);
    }
    refused("1 2", FaultKind::TrailingData);
    refused("01", FaultKind::TrailingData);
    refused("{}\0", FaultKind::TrailingData);
    refused(r#"{"a":1,"a":2}"#, FaultKind::DuplicateKey);
    refused(
        r#"{"x":[{"name":1,"n\u0061me":2}]}"#,
        FaultKind::DuplicateKey,
    );
    refused(b"\xEF\xBB\xBF{}", FaultKind::Utf8);
    refused(b"\"\xFF\"", FaultKind::Utf8);
    refused(r#""\uD800""#, FaultKind::LoneSurrogate);
    refused(r#""\uD800\u0041""#, FaultKind::LoneSurrogate);
    refused(r#""\uDC00""#, FaultKind::LoneSurrogate);
    refused("1e400", FaultKind::Number);
    refused("1".repeat(401), FaultKind::Number);
    refused("[".repeat(101) + &"]".repeat(101), FaultKind::Depth);
    let many: Vec<_> = (0..100).map(|n| format!("\"k{}\":0", n % 99)).collect();
    refused(format!("{{{}}}", many.join(",")), FaultKind::DuplicateKey);
}

#[test]
fn values_are_read_as_serde_json_reads_them() {
    read(
        " {\"a\" : [ 1 , -2.5e3 , \"x\\n\\u00e9\\ud83d\\ude00\\/\" , true , null , { } , [ ] ] } ",
    );
    read("-0");
    read("18446744073709551615");
    read("123456789012345678901234567890");
    read(&("[".repeat(100) + &"]".repeat(100)));
    let doc = read(r#"{"n\u0061me":"refund","id":9007199254740993,"d":{"e":[1,{"f":2}]}}"#);
    let root = doc.root();
    assert_eq!(root.get("name").unwrap().str().unwrap(), "refund");
    assert_eq!(root.get("id").unwrap().raw(), "9007199254740993");
    assert_eq!(root.len(), 3);
    assert_eq!(
        root.pointer(&["d", "e"])
            .unwrap()
            .items()
            .nth(1)
            .unwrap()
            .raw(),
        r#"{"f":2}"#
    );
    assert!(root.get("x").is_none());
}

#[track_caller]
fn edited(text: &str, edits: impl Fn(Node<'_>) -> Vec<Splice>, expected: &str) {
    let doc = read(text);
    let out = splice(doc.bytes(), edits(doc.root()));
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn edits_leave_everything_else_alone() {
    let text = r#"{ "a" : 1 , "b":[ 1, 2 ,3 ] }"#;
    edited(
        text,
        |root| vec![root.set("a", "9")],
        r#"{ "a" : 9 , "b":[ 1, 2 ,3 ] }"#,
    );
    edited(
        text,
        |root| vec![root.set("c", "9")],
        r#"{ "a" : 1 , "b":[ 1, 2 ,3 ],"c":9 }"#,
    );
    edited("{}", |root| vec![root.set("c", "9")], r#"{"c":9}"#);
    edited(
        text,
        |root| root.remove("a").into_iter().collect(),
        r#"{ "b":[ 1, 2 ,3 ] }"#,
    );
    edited(
        text,
        |root| root.remove("b").into_iter().collect(),
        r#"{ "a" : 1 }"#,
    );
    edited(text, |root| root.remove("x").into_iter().collect(), text);
    for (drop, left) in [
        (&[0][..], "[ 2 ,3 ]"),
        (&[1], "[ 1, 3 ]"),
        (&[2], "[ 1, 2 ]"),
        (&[0, 1], "[ 3 ]"),
        (&[1, 2], "[ 1 ]"),
        (&[0, 2], "[ 2 ]"),
        (&[0, 1, 2], "[  ]"),
        (&[], "[ 1, 2 ,3 ]"),
    ] {
        edited("[ 1, 2 ,3 ]", |root| root.remove_items(drop), left);
    }
}

#[test]
fn the_canonical_form_is_that_of_rfc_8785() {
    let canonical = |text: &str| String::from_utf8(read(text).root().canonical()).unwrap();
    let sample = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(canonical(sample), expected);
    assert_eq!(
        canonical("{\"\u{fb33}\":1,\"\u{1f600}\":2,\"a\":3}"),
        "{\"a\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"
    );
    assert_eq!(canonical("[-0, 1.0, 100]"), "[0,1,100]");
    assert!(read("[9007199254740992, 0.1, 1e300]").root().exact());
    assert!(!read("9007199254740993").root().exact());
}
