use super::*;
use crate::json::Doc;

#[test]
fn base64_is_counted_apart() {
    for (result, bytes, base64) in [
        (r#"{"content":[{"type":"text","text":"hello"}]}"#, 44, 0),
        (r#"{"content":[{"type":"image","data":"AAAA"}]}"#, 44, 4),
        (
            r#"{"contents":[{"uri":"a","blob":"AAAA"},{"text":"b"}]}"#,
            53,
            4,
        ),
        (
            r#"{"content":[{"type":"resource","resource":{"blob":"AA=="}}]}"#,
            60,
            4,
        ),
        (
            r#"{"messages":[{"role":"user","content":{"data":"AAAAAAAA"}}]}"#,
            60,
            8,
        ),
        (r#"{"structuredContent":{"data":"AAAA"}}"#, 37, 0),
        (r#"{"content":"data","contents":[1,{"data":2}]}"#, 44, 0),
    ] {
        let doc = Doc::parse(result.into()).unwrap();
        assert_eq!(Size::of(doc.root()), Size { bytes, base64 }, "{result}");
    }
}

#[test]
fn a_token_is_four_bytes() {
    for (bytes, base64, tokens) in [(0, 0, 0), (1, 0, 1), (8, 0, 2), (9, 0, 3), (100, 90, 3)] {
        assert_eq!(Size { bytes, base64 }.tokens(), tokens, "{bytes} {base64}");
    }
}
