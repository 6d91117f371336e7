use serde_json::{Value, json};

use crate::{
    json::{Doc, Pointer, splice},
    registry::Normalize,
};

/// Checks what becomes of a value.
#[track_caller]
fn check(rules: &Value, value: &str, expect: &str) {
    let doc = Doc::parse(value.as_bytes().to_vec()).expect("JSON");
    let edits = super::edits(doc.root(), &normalize(rules));
    let left = splice(doc.bytes(), edits);
    assert_eq!(String::from_utf8_lossy(&left), expect, "{rules}");
    Doc::parse(left).expect("JSON");
}

fn normalize(rules: &Value) -> Normalize {
    let place = |text: &str| Pointer::parse(text).expect("a pointer");
    let places = |name: &str| {
        let places = rules[name].as_array().into_iter().flatten();
        places.filter_map(Value::as_str).map(place).collect()
    };
    let rename = rules["rename"].as_object().into_iter().flatten();
    Normalize {
        rename: rename
            .map(|(from, to)| (place(from), to.as_str().expect("a name").to_owned()))
            .collect(),
        pick: places("pick"),
        drop: places("drop"),
    }
}

#[test]
fn members_get_their_names() {
    let rename = |rename: Value| json!({ "rename": rename });
    let one = rename(json!({ "/cust_nm": "name" }));
    check(
        &one,
        r#"{ "cust_nm" : 1.0, "b": {"cust_nm": 2} }"#,
        r#"{ "name" : 1.0, "b": {"cust_nm": 2} }"#,
    );
    check(&one, r#"{"cust\u005fnm":1}"#, r#"{"name":1}"#);
    check(&one, r#"[{"cust_nm":1}]"#, r#"[{"cust_nm":1}]"#);
    // What is there already stays.
    check(&one, r#"{"cust_nm":1,"name":2}"#, r#"{"name":2}"#);
    check(&one, r#"{"name":2,"cust_nm":1}"#, r#"{"name":2}"#);
    let each = rename(json!({ "/list/*/a": "b", "/list": "items", "/list/1/c": "d" }));
    check(
        &each,
        r#"{"list":[{"a":1,"c":2},{"a":3,"c":4}],"a":5}"#,
        r#"{"items":[{"b":1,"c":2},{"b":3,"d":4}],"a":5}"#,
    );
    let swap = rename(json!({ "/a": "b", "/b": "a" }));
    check(&swap, r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
    let twice = rename(json!({ "/*/a": "c", "/x/b": "c" }));
    check(&twice, r#"{"x":{"a":1,"b":2}}"#, r#"{"x":{"c":1}}"#);
    let quoted = rename(json!({ "/a": "\"\n" }));
    check(&quoted, r#"{"a":1}"#, r#"{"\"\n":1}"#);
}

#[test]
fn what_is_picked_is_left() {
    let pick = |pick: Value| json!({ "pick": pick });
    let some = pick(json!(["/id", "/customer/name", "/lines/*/sku"]));
    check(
        &some,
        r#"{"id":1,"x":2,"customer":{"tax":3,"name":4},"lines":[{"sku":5,"n":6},7,{"n":8}]}"#,
        r#"{"id":1,"customer":{"name":4},"lines":[{"sku":5},{}]}"#,
    );
    // What only leads to something is nothing by itself.
    check(&some, r#"{"customer":"Ada","lines":[]}"#, r#"{"lines":[]}"#);
    check(&some, r#"{"x":1}"#, "{}");
    check(
        &pick(json!(["/list/0"])),
        r#"{"list":[1,2,3]}"#,
        r#"{"list":[1]}"#,
    );
    check(
        &pick(json!(["/*"])),
        r#"{"a":1,"b":{"c":2}}"#,
        r#"{"a":1,"b":{"c":2}}"#,
    );
    check(
        &pick(json!(["/a", "/a/b"])),
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"a":{"b":1,"c":2}}"#,
    );
    check(&some, "7", "7");
}

#[test]
fn what_is_dropped_goes() {
    let drop = |drop: Value| json!({ "drop": drop });
    check(
        &drop(json!(["/internal", "/*/secret", "/a~1b/0"])),
        r#"{"internal":{"x":1},"y":{"secret":2,"z":3},"a/b":[4,5]}"#,
        r#"{"y":{"z":3},"a/b":[5]}"#,
    );
    check(&drop(json!(["/*"])), r#"{"a":1,"b":2}"#, "{}");
    check(&drop(json!(["/a", "/a/b"])), r#"{"a":{"b":1}}"#, "{}");
}

#[test]
fn in_this_order() {
    check(
        &json!({ "rename": { "/old": "new" }, "pick": ["/new", "/other"], "drop": ["/new/secret", "/other/*/x"] }),
        r#"{"old":{"secret":1,"open":2},"other":[{"x":3,"y":4}],"rest":5}"#,
        r#"{"new":{"open":2},"other":[{"y":4}]}"#,
    );
    // Names before the renaming are those that the server uses.
    check(
        &json!({ "rename": { "/old": "new", "/old/a": "b" }, "drop": ["/old"] }),
        r#"{"old":{"a":1}}"#,
        r#"{"new":{"b":1}}"#,
    );
}
