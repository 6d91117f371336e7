#![expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    reason = "what is not tested here is right, or the test ends"
)]

use serde_json::{Value, json};

use super::message;
use crate::{
    config::Http,
    http::Headers,
    refusal::{Asker, Refusal},
    rest::Template,
    rpc::Era,
};

/// What becomes of a response with this head and body.
fn answer(result: Value, head: &str, body: &[u8]) -> Result<Value, &'static str> {
    let http = json!({"method": "GET", "path": "/", "result": result});
    let http = serde_json::from_value::<Http>(http).expect("a template");
    let template = Template::compile(&http, &json!({})).expect("a template");
    let (status, media) = head.split_once(' ').unwrap_or((head, ""));
    let (media, after) = media.split_once(" after ").unwrap_or((media, ""));
    let pairs = [
        (":status", status),
        ("content-type", media),
        ("retry-after", after),
    ];
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let headers = Headers::new(given.map(|(name, value)| (name.into(), value.into())));
    let asker = Asker {
        era: Some(Era::Modern),
        id: Some("\"a\"".to_owned()),
        ..Asker::default()
    };
    let bytes = message(&headers, body, &template, &asker).map_err(|it: Refusal| it.reason())?;
    let message: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(
        (&message["jsonrpc"], &message["id"]),
        (&json!("2.0"), &json!("a"))
    );
    assert_eq!(message["result"]["resultType"], "complete");
    let mut result = message["result"].clone();
    result
        .as_object_mut()
        .expect("an object")
        .remove("resultType");
    Ok(result)
}

#[track_caller]
fn check(head: &str, body: &str, expect: Value) {
    assert_eq!(answer(json!({}), head, body.as_bytes()), Ok(expect));
}

#[track_caller]
fn picked(result: Value, body: &str, expect: Value) {
    assert_eq!(
        answer(result, "200 application/json", body.as_bytes()),
        Ok(expect)
    );
}

#[track_caller]
fn refused(head: &str, body: &[u8], reason: &str) {
    assert_eq!(answer(json!({}), head, body), Err(reason));
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn structured(raw: &str) -> Value {
    let structured: Value = serde_json::from_str(raw).expect("JSON");
    json!({"content": [{"type": "text", "text": raw}], "structuredContent": structured})
}

fn failed(status: u16, said: &str) -> Value {
    let mut result = text(said);
    result["isError"] = json!(true);
    result["_meta"] = json!({"toolgate/upstream": {"status": status}});
    result
}

#[test]
fn results() {
    let raw = r#"{"id": 1.0,  "a":"é"}"#;
    for media in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/hal+json",
    ] {
        check(&format!("200 {media}"), raw, structured(raw));
    }
    check("201 application/json", "\u{feff}{}", structured("{}"));
    check("200 application/json", "[1, 2]", text("[1, 2]"));
    check("200 application/json", " \"x\"\n", text("\"x\""));
    check("200 text/plain; charset=utf-8", "a\r\nb", text("a\r\nb"));
    check("200 application/xml", "<a/>", text("<a/>"));
    let done = text("Done: the server answered with HTTP status 204 and nothing else.");
    check("204", "", done);
    for kind in ["image", "audio"] {
        let media = format!("{kind}/x");
        let block = json!({"type": kind, "data": "AAEC", "mimeType": media});
        check(
            &format!("200 {media}; a=b"),
            "\0\u{1}\u{2}",
            json!({"content": [block]}),
        );
    }
    let none = failed(
        200,
        "The server answered with what no result of a tool can hold.",
    );
    for media in ["application/pdf", "text/event-stream", "", "json"] {
        check(&format!("200 {media}"), "x", none.clone());
    }
    refused("200 application/json", b"{", "upstream_unreadable");
    refused(
        "200 application/json",
        br#"{"a": 1, "a": 2}"#,
        "upstream_unreadable",
    );
    refused("200 text/plain", b"\xff", "upstream_unreadable");
}

#[test]
fn what_is_picked_of_them() {
    let body = r#"{"data": {"items": [1], "n": 1}}"#;
    picked(
        json!({"pointer": "/data"}),
        body,
        structured(r#"{"items": [1], "n": 1}"#),
    );
    picked(json!({"pointer": "/data/items"}), body, text("[1]"));
    picked(
        json!({"pointer": "/data/items", "key": "order\"s"}),
        body,
        structured(r#"{"order\"s":[1]}"#),
    );
    picked(json!({"key": "all"}), "[]", structured(r#"{"all":[]}"#));
    let nothing = failed(200, "The server's answer has nothing at `/no`.");
    picked(json!({"pointer": "/no"}), body, nothing);
}

#[test]
fn failures() {
    let said = |status, words: &str| {
        failed(
            status,
            &format!("The server answered with HTTP status {status}: {words}"),
        )
    };
    let alone = |status| {
        failed(
            status,
            &format!("The server answered with HTTP status {status}."),
        )
    };
    check(
        "404 application/problem+json",
        r#"{"title":"x"}"#,
        said(404, r#"{"title":"x"}"#),
    );
    check("500 text/plain", " oh \n", said(500, "oh"));
    check("503", "", alone(503));
    check("502 text/html", "<html>", alone(502));
    check("500 application/pdf", "x", alone(500));
    let long = "é".repeat(1_500);
    check(
        "400 text/plain",
        &long,
        said(400, &format!("{} [..]", "é".repeat(1_000))),
    );
    check("302 text/html", "x", {
        let points = "it points elsewhere, which is not followed.";
        said(302, points)
    });
    let mut limited = said(429, "slow");
    limited["_meta"]["toolgate/upstream"]["retryAfterMs"] = json!(2_000);
    check("429 text/plain after 2", "slow", limited);
    check("429 text/plain after soon", "slow", said(429, "slow"));
    refused("401 application/json", b"{}", "upstream_unauthorized");
    refused("403", b"", "upstream_unauthorized");
}
