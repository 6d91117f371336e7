use engine::{json::Doc, registry::pin};
use serde_json::json;

use super::*;

const REVIEWED: &str =
    r#"{"name":"t","description":"d","title":"t","inputSchema":{"type":"object"}}"#;

fn doc(text: &str) -> Doc {
    Doc::parse(text.into()).unwrap()
}

/// The parts that changed, given what the registry and the server have made of what was reviewed;
/// with a question mark where that cannot be told.
#[track_caller]
fn check(written: Value, announced: Value, expected: &[&str]) {
    let pinned = pin(Kind::Tool, doc(REVIEWED).root());
    let mut sides = [written, announced].map(|change| {
        let mut side: Value = serde_json::from_str(REVIEWED).unwrap();
        for (key, value) in change.as_object().unwrap() {
            if value.is_null() {
                side.as_object_mut().unwrap().remove(key);
            } else {
                side[key] = value.clone();
            }
        }
        side
    });
    sides[0]["pin"] = pinned.clone().into();
    let found: Vec<_> = parts(
        Kind::Tool,
        &pinned,
        &sides[0],
        doc(&sides[1].to_string()).root(),
    )
    .iter()
    .map(|part| format!("{}{}", part.key, if part.by_hand { "?" } else { "" }))
    .collect();
    assert_eq!(found, expected);
}

#[test]
fn one_digest_tells_the_parts_apart() {
    let strict = json!({"type": "object", "additionalProperties": false});
    check(json!({}), json!({}), &[]);
    check(json!({}), json!({"description": "e"}), &["description"]);
    check(
        json!({}),
        json!({"title": null, "annotations": {}}),
        &["annotations", "title"],
    );
    // Edited here, the same there: no drift.
    check(
        json!({"inputSchema": strict, "title": "better"}),
        json!({}),
        &[],
    );
    check(
        json!({"inputSchema": strict}),
        json!({"description": "e"}),
        &["description"],
    );
    check(
        json!({"description": null}),
        json!({"inputSchema": strict}),
        &["inputSchema"],
    );
    // Both.
    check(json!({"title": "x"}), json!({"title": "y"}), &["title?"]);
    check(
        json!({"title": "x"}),
        json!({"title": "y", "description": "e"}),
        &["description?", "title?"],
    );
    // Edited here as the server did.
    check(json!({"title": "x"}), json!({"title": "x"}), &[]);
}
