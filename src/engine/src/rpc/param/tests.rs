use proptest::prelude::*;

use super::*;
use crate::{contract::ParamKind, json::Doc};

/// Arguments whose `region` is mirrored by `mcp-param-region`, and `at.zone` by `mcp-param-zone`.
#[track_caller]
fn check(headers: &[(&str, &str)], arguments: &str, expect: Option<Mismatch>) {
    let headers = Headers::new(
        headers
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())),
    );
    let declared = [
        ParamHeader {
            header: "mcp-param-region".to_owned(),
            path: vec!["region".to_owned()],
            kind: ParamKind::String,
        },
        ParamHeader {
            header: "mcp-param-zone".to_owned(),
            path: vec!["at".to_owned(), "zone".to_owned()],
            kind: ParamKind::Integer,
        },
    ];
    let doc = Doc::parse(arguments.as_bytes().to_vec()).unwrap();
    let have = check_params(&headers, Some(doc.root()), &declared);
    match (have, expect) {
        (Ok(()), None) => {}
        (Err(Fault::HeaderMismatch { problem, .. }), Some(expect)) => assert_eq!(problem, expect),
        (have, expect) => panic!("{headers:?} {arguments}: {have:?}, not {expect:?}"),
    }
}

#[track_caller]
fn region(header: &str, argument: &str, expect: Option<Mismatch>) {
    check(
        &[("Mcp-Param-Region", header)],
        &format!("{{\"region\":{argument}}}"),
        expect,
    );
}

#[test]
fn presence() {
    check(&[], "{}", None);
    check(&[], r#"{"region":null}"#, None);
    check(&[], r#"{"at":{"zone":null}}"#, None);
    check(&[], r#"{"at":3}"#, None);
    check(&[], r#"{"region":"x"}"#, Some(Mismatch::Missing));
    check(&[], r#"{"region":""}"#, Some(Mismatch::Missing));
    check(&[], r#"{"region":false}"#, Some(Mismatch::Missing));
    check(&[], r#"{"at":{"zone":0}}"#, Some(Mismatch::Missing));
    check(
        &[("mcp-param-region", "x")],
        "{}",
        Some(Mismatch::Unfounded),
    );
    check(&[("mcp-param-region", "")], "{}", Some(Mismatch::Unfounded));
    check(
        &[("mcp-param-region", "null")],
        r#"{"region":null}"#,
        Some(Mismatch::Unfounded),
    );
    check(
        &[("mcp-param-zone", "1")],
        r#"{"zone":1}"#,
        Some(Mismatch::Unfounded),
    );
    check(&[("mcp-param-zone", "1")], r#"{"at":{"zone":1}}"#, None);
    // Not declared: not compared.
    check(&[("mcp-param-other", "x")], r#"{"other":"y"}"#, None);
}

#[test]
fn strings() {
    region("us-west1", r#""us-west1""#, None);
    region("  us-west1\t", r#""us-west1""#, None);
    region("us-west1", r#""\u0075s-west1""#, None);
    region("", r#""""#, None);
    region("true", r#""true""#, None);
    region("42", r#""42""#, None);
    region("US-WEST1", r#""us-west1""#, Some(Mismatch::Differs));
    region("us-west2", r#""us-west1""#, Some(Mismatch::Differs));
    region("42.0", r#""42""#, Some(Mismatch::Differs));
    region("us-west1", r#"" us-west1""#, Some(Mismatch::Differs));
    region("=?base64?IHVzLXdlc3Qx?=", r#"" us-west1""#, None);
    region("=?base64?dXMtd2VzdDE=?=", r#""us-west1""#, None);
    region("=?base64?SGVsbG8?=", r#""Hello""#, Some(Mismatch::Encoding));
    region(
        "=?base64?SGVs!!!bG8=?=",
        r#""Hello""#,
        Some(Mismatch::Encoding),
    );
    region("=?base64?SGVsbG8=", r#""=?base64?SGVsbG8=""#, None);
    region("SGVsbG8=", r#""SGVsbG8=""#, None);
    region("日本語", r#""日本語""#, Some(Mismatch::Characters));
    region("=?base64?5pel5pys6Kqe?=", r#""日本語""#, None);
}

#[test]
fn booleans() {
    region("true", "true", None);
    region("false", "false", None);
    region("=?base64?dHJ1ZQ==?=", "true", None);
    region("True", "true", Some(Mismatch::Differs));
    region("1", "true", Some(Mismatch::Differs));
    region("false", "true", Some(Mismatch::Differs));
    region("", "false", Some(Mismatch::Differs));
}

#[test]
fn numbers() {
    for (header, argument) in [
        ("42", "42"),
        ("42.0", "42"),
        ("42", "42.0"),
        ("4.2e1", "42"),
        ("420E-1", "42"),
        ("0.42e+2", "42"),
        ("0", "-0"),
        ("0.000", "0"),
        ("-7", "-7"),
        ("1000000", "1e6"),
        ("9007199254740993", "9007199254740993"),
        ("9007199254740993.0", "9007199254740993"),
        ("100000000000000000000000001", "100000000000000000000000001"),
    ] {
        region(header, argument, None);
    }
    for (header, argument) in [
        ("43", "42"),
        ("-42", "42"),
        ("42.5", "42"),
        ("4.2", "42"),
        ("420", "42"),
        ("042", "42"),
        ("+42", "42"),
        ("42.", "42"),
        (".42e2", "42"),
        ("0x2a", "42"),
        ("42a", "42"),
        ("", "0"),
        ("-", "0"),
        ("4 2", "42"),
        ("1e", "1"),
        ("1e99999999999", "1"),
        ("NaN", "0"),
        // Both are the same in binary64.
        ("9007199254740992", "9007199254740993"),
        ("9007199254740992.0", "9007199254740993"),
    ] {
        region(header, argument, Some(Mismatch::Differs));
    }
}

#[test]
fn structures_cannot_be_mirrored() {
    region("[]", "[]", Some(Mismatch::Differs));
    region("{}", "{}", Some(Mismatch::Differs));
}

proptest! {
    #[test]
    fn never_panics(header in "[-+0-9.eE]{0,24}", other: String, number: f64) {
        for text in [header.as_str(), other.as_str()] {
            let _ = Decimal::parse(text);
        }
        if number.is_finite() {
            let text = number.to_string();
            prop_assert!(Decimal::parse(&text).is_some());
            let scientific = format!("{number:e}");
            prop_assert!(Decimal::parse(&text) == Decimal::parse(&scientific));
        }
    }
}
