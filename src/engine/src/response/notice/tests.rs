use serde_json::{Value, json};

use super::{super::shape::tests::registry, edits};
use crate::json::{Doc, splice};

#[track_caller]
fn check(deprecated: Value, result: &str, expect: &str) {
    let registry = registry(&json!({ "deprecated": deprecated }));
    let doc = Doc::parse(result.as_bytes().to_vec()).expect("JSON");
    let noticed = splice(
        doc.bytes(),
        edits(doc.root(), registry.tool("t").expect("the tool")),
    );
    assert_eq!(String::from_utf8_lossy(&noticed), expect);
}

#[test]
fn results_carry_it() {
    check(
        json!({ "since": "2026-09-01", "sunset": "2027-01-01", "replacement": "u" }),
        r#"{"content":[{"type":"text","text":"a"}],"structuredContent":{},"_meta":{"x":1}}"#,
        r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"Notice: `t` is deprecated since 2026-09-01, and is gone from 2027-01-01 on. Use `u` in its place."}],"structuredContent":{},"_meta":{"x":1,"toolgate/deprecation":{"replacement":"u","since":"2026-09-01","sunset":"2027-01-01"}}}"#,
    );
    check(
        json!({ "replacement": "u" }),
        r#"{"content":[],"isError":true}"#,
        r#"{"content":[{"type":"text","text":"Notice: `t` is deprecated. Use `u` in its place."}],"isError":true,"_meta":{"toolgate/deprecation":{"replacement":"u"}}}"#,
    );
    check(
        json!({}),
        "{}",
        r#"{"content":[{"type":"text","text":"Notice: `t` is deprecated."}],"_meta":{"toolgate/deprecation":{}}}"#,
    );
    // What a server says itself in this place does not count.
    check(
        json!({ "sunset": "2027-01-01" }),
        r#"{"_meta":{"toolgate/deprecation":{"replacement":"evil"}},"content":[]}"#,
        r#"{"_meta":{"toolgate/deprecation":{"sunset":"2027-01-01"}},"content":[{"type":"text","text":"Notice: `t` is deprecated, and is gone from 2027-01-01 on."}]}"#,
    );
    check(Value::Null, r#"{"content":[]}"#, r#"{"content":[]}"#);
}
