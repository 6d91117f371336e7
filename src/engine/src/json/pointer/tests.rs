use super::*;
use crate::json::Doc;

#[track_caller]
fn check(pointer: &str, arguments: &str, expect: &[&str]) {
    let doc = Doc::parse(arguments.as_bytes().to_vec()).expect("JSON");
    let pointer = Pointer::parse(pointer).expect("a pointer");
    assert_eq!(pointer.resolve(doc.root()), expect);
    let found = pointer.find(doc.root()).into_iter();
    let places = expect
        .iter()
        .map(|place| Pointer::parse(place).expect("a pointer"));
    let each = places.flat_map(|place| place.find(doc.root()));
    assert!(expect.contains(&"/list") || found.eq(each), "{pointer}");
}

#[test]
fn pointers_are_led_to_what_is_there() {
    let people = r#"{"people":[{"taxId":1},{"name":2},{"taxId":3}],"a/b":{"~":4},"card":null}"#;
    check(
        "/people/*/taxId",
        people,
        &["/people/0/taxId", "/people/2/taxId"],
    );
    check("/people/1", people, &["/people/1"]);
    check("/people/01", people, &[]);
    check("/a~1b/~0", people, &["/a~1b/~0"]);
    check("/card", people, &["/card"]);
    check("/card/number", people, &[]);
    check("/*/~0", people, &["/a~1b/~0"]);
    check("/", r#"{"":1}"#, &["/"]);
}

#[test]
fn what_is_too_much_is_named_as_a_whole() {
    let many = format!(r#"{{"list":[{}0]}}"#, "{\"a\":1},".repeat(MAX_PLACES));
    check("/list/*/a", &many, &["/list"]);
}

#[test]
fn what_is_no_pointer_is_none() {
    for text in ["", "card", "#/card", "/a~2", "/a~"] {
        assert_eq!(Pointer::parse(text), None, "{text}");
    }
}
