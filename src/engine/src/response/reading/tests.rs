use proptest::prelude::*;

use super::*;

const OK: Option<Outcome> = Some(Outcome::Ok);
const TOOL: Option<Outcome> = Some(Outcome::ToolError);
const PROTOCOL: Option<Outcome> = Some(Outcome::ProtocolError);
const TRANSPORT: Option<Outcome> = Some(Outcome::TransportError);

/// Reads `body` cut at every byte, and byte by byte, as the answer to the request `id`.
#[track_caller]
fn check(form: Form, id: &str, body: impl AsRef<[u8]>, expected: Option<Outcome>) -> Reading {
    let body = body.as_ref();
    let shown = String::from_utf8_lossy(body);
    let mut whole = Reading::new(id, form);
    assert_eq!(whole.push(body, true), expected, "{shown:?}");
    let told = |reading: &Reading| (reading.size(), reading.code());
    for cut in 0..=body.len() {
        let (head, tail) = body.split_at(cut);
        let mut reading = Reading::new(id, form);
        let early = reading.push(head, false);
        let late = reading.push(tail, true);
        assert_eq!(late, expected, "{shown:?} cut at {cut}");
        assert!(early.is_none() || early == late, "{shown:?} cut at {cut}");
        assert_eq!(told(&reading), told(&whole), "{shown:?} cut at {cut}");
    }
    let mut reading = Reading::new(id, form);
    for byte in body {
        let _ = reading.push(&[*byte], false);
    }
    assert_eq!(reading.push(&[], true), expected, "{shown:?} byte by byte");
    assert_eq!(told(&reading), told(&whole), "{shown:?} byte by byte");
    whole
}

#[test]
fn an_answer_says_what_came_of_the_request() {
    for (body, expected) in [
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, OK),
        (r#"{"result":{"content":[]},"jsonrpc":"2.0","id":7}"#, OK),
        (r#" { "id" : 7 , "result" : { "isError" : false } } "#, OK),
        (r#"{"id":7,"result":{"isError":true}}"#, TOOL),
        (
            r#"{"result":{"isError" : true ,"content":[{"a":[1,{}]}]},"id":7}"#,
            TOOL,
        ),
        (
            r#"{"id":7,"result":{"content":[{"text":"\"isError\":true,"}]}}"#,
            OK,
        ),
        (
            r#"{"id":7,"result":{"structuredContent":{"isError":true}}}"#,
            OK,
        ),
        (r#"{"id":7,"result":{"isError":[true]}}"#, OK),
        (r#"{"id":7,"result":{"resultType":"input_required"}}"#, OK),
        (
            r#"{"id":7,"error":{"code":-32603,"message":"no"}}"#,
            PROTOCOL,
        ),
        (r#"{"id":7,"result":{},"error":{}}"#, PROTOCOL),
        // A server that writes a byte order mark has clients that bear it.
        ("\u{feff}{\"id\":7,\"result\":{}}", OK),
        ("{\"id\":7,\r\n\"result\":{}}\r\n", OK),
    ] {
        check(Form::Json, "7", body, expected);
    }
}

#[test]
fn what_is_no_answer_to_the_request_is_none() {
    for body in [
        "",
        "null",
        "no",
        "\"id\"",
        "}",
        "]{",
        r#"{"id":7}"#,
        r#"{"id":8,"result":{}}"#,
        r#"{"id":"7","result":{}}"#,
        r#"{"id":7.0,"result":{}}"#,
        r#"{"id":null,"error":{"code":-32600}}"#,
        r#"{"a":{"id":7},"result":{}}"#,
        r#"{"id":7,"a":{"result":{}}}"#,
        r#"{"id":7,"method":"ping","result":{}}"#,
        r#"[{"id":7,"result":{}}]"#,
        r#"{"id":7,"result":{}"#,
        r#"{"id":7,"result":{"content":[{"text":"broken o"#,
        r#"{"id":7,"result":{}}{"id":7,"result":{}}"#,
        r#"{"id":7,"result":{}} and more"#,
    ] {
        check(Form::Json, "7", body, PROTOCOL);
    }
}

#[test]
fn an_id_is_the_same_however_it_is_written() {
    for (id, written, expected) in [
        ("7", "7", OK),
        ("-7", "-7", OK),
        ("9007199254740993", "9007199254740993", OK),
        ("9007199254740993", "9007199254740992", PROTOCOL),
        ("\"a/\u{e9}\"", "\"a/\u{e9}\"", OK),
        ("\"a/\u{e9}\"", r#""\u0061\/\u00e9""#, OK),
        (r#""\u0061\/\u00e9""#, "\"a/\u{e9}\"", OK),
        ("\"a/\u{e9}\"", r#""a/\u00e8""#, PROTOCOL),
        ("\"a\"", r#""a" "a""#, PROTOCOL),
        ("\"7\"", "7", PROTOCOL),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{written},"result":{{}}}}"#);
        check(Form::Json, id, body, expected);
    }
    let long = format!("\"{}\"", "x".repeat(1_000));
    check(
        Form::Json,
        &long,
        format!(r#"{{"result":{{}},"id":{long}}}"#),
        OK,
    );
    let other = long.replace("x\"", "y\"");
    check(
        Form::Json,
        &long,
        format!(r#"{{"result":{{}},"id":{other}}}"#),
        PROTOCOL,
    );
}

#[test]
fn the_answer_may_be_any_event_of_a_stream() {
    let answer = r#"data: {"jsonrpc":"2.0","id":7,"result":{"isError":true}}"#;
    for (stream, expected) in [
        (format!("{answer}\n\n"), TOOL),
        (format!("event: message\r\nid: 1\r\n{answer}\r\n\r\n"), TOOL),
        (format!("\u{feff}{answer}\r\r"), TOOL),
        (
            format!(": hello\nid: 1\nretry: 5\ndata:\n\n{answer}\n\n"),
            TOOL,
        ),
        // Lenient readers take it without the blank line.
        (answer.to_owned(), TOOL),
        (answer.replace("data: ", "data:"), TOOL),
        (answer.replace(",", ",\ndata: "), TOOL),
        (answer.replace(",", ",\r\nid: 4\r\ndata:"), TOOL),
        (
            "data: {\"method\":\"notifications/progress\",\"params\":{}}\n\n".to_owned() + answer,
            TOOL,
        ),
        (
            "data: {\"id\":7,\"method\":\"sampling/createMessage\"}\n\n".to_owned() + answer,
            TOOL,
        ),
        (
            "data: {\"id\":\"7\",\"result\":{}}\n\n".to_owned() + answer,
            TOOL,
        ),
        ("data: {\"id\":7,\n\n".to_owned() + answer, TOOL),
        ("data: {\"id\":7,\"result\":{}}\n\n".to_owned() + answer, OK),
        (
            format!("{answer}\n\ndata: {{\"id\":7,\"result\":{{}}}}\n\n"),
            TOOL,
        ),
        // It ends without an answer.
        (String::new(), TRANSPORT),
        (
            "data: {\"method\":\"notifications/message\"}\n\n".to_owned(),
            TRANSPORT,
        ),
        (answer.replace("data", "date"), TRANSPORT),
        (answer.replace("data", "data "), TRANSPORT),
        (answer.replace("data", "\u{feff}\u{feff}data"), TRANSPORT),
        (answer.replace("data: ", "data: data: "), TRANSPORT),
        (answer.replace("}}", "}"), TRANSPORT),
        // The client may come back for it.
        ("id: 1\ndata:\n\n".to_owned(), None),
        ("data: {}\nid\n\n".to_owned(), None),
    ] {
        check(Form::Stream, "7", stream, expected);
    }
}

#[test]
fn what_the_bytes_are_changes_nothing() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let message = format!(r#"{{"id":7,"result":{{"a":{deep},"isError":true}}}}"#);
    assert_eq!(
        Reading::new("7", Form::Json).push(message.as_bytes(), true),
        TOOL
    );
    check(
        Form::Json,
        "7",
        b"{\"id\":7,\"result\":{\"a\":\"\xff\xc3\"}}",
        OK,
    );
    check(Form::Json, "7", b"\x1f\x8b\x08", PROTOCOL);
    check(
        Form::Stream,
        "7",
        b"data: {\"id\":7,\"result\":{\"a\":\"\xff\0\"}}\n\n",
        OK,
    );
}

#[test]
fn an_answer_is_as_large_as_its_outcome() {
    for (outcome, base64) in [
        (r#""result":{}"#, 0),
        (
            r#""result":{"content":[{"type":"text","text":"a\"b"}],"isError":false}"#,
            0,
        ),
        (r#""error":{"code":1,"message":"data","data":"1234"}"#, 0),
        (
            r#""result":{"content":[{"type":"image","data":"1234","mimeType":"a/b"}]}"#,
            4,
        ),
        (
            r#""result":{"content":[{"resource":{"blob":"12\/4"}},{"data":"12"}]}"#,
            7,
        ),
        (r#""result":{"contents":[{"uri":"data","blob":"1234"}]}"#, 4),
        (
            r#""result":{"messages":[{"role":"user","content":{"data":"1234"}}]}"#,
            4,
        ),
        (
            r#""result":{"structuredContent":{"data":"1234","content":{"blob":"1"}}}"#,
            0,
        ),
        (r#""result":{"data":"1234","content":["data","blob"]}"#, 0),
    ] {
        let bytes = outcome.len() as u64 - if outcome.starts_with("\"r") { 9 } else { 8 };
        let size = Size { bytes, base64 };
        for message in [
            format!(r#"{{"jsonrpc":"2.0","id":7,{outcome}}}"#),
            format!(r#"{{{outcome} , "id":7}}"#).replacen(':', " : ", 1),
        ] {
            let mut reading = Reading::new("7", Form::Json);
            let _ = reading.push(message.as_bytes(), true);
            assert_eq!(reading.size(), size, "{message}");
            let mut reading = Reading::new("7", Form::Stream);
            let event = format!("data: {{}}\n\ndata: {message}\n\ndata: {{\"result\":[]}}\n\n");
            let _ = reading.push(event.as_bytes(), true);
            assert_eq!(reading.size(), size, "{message}");
        }
    }
    let sizes =
        [(0, 0), (1, 0), (4, 0), (5, 0), (9, 4)].map(|(bytes, base64)| Size { bytes, base64 });
    assert_eq!(sizes.map(Size::tokens), [0, 1, 1, 2, 2]);
}

#[test]
fn what_has_passed_of_a_result_is_known() {
    let mut reading = Reading::new("7", Form::Json);
    assert_eq!(
        reading.push(br#"{"id":7,"result":{"content":[{"text":"123"#, false),
        None
    );
    assert_eq!(reading.size().bytes, 24);
}

#[test]
fn the_code_of_an_error_is_known_whoever_it_answers() {
    for (body, code) in [
        (
            r#"{"id":7,"error":{"code":-32602,"message":"no"}}"#,
            Some(-32_602),
        ),
        (
            r#"{"error":{"message":"no","code": -32700 },"id":null}"#,
            Some(-32_700),
        ),
        (r#"{"id":7,"error":{"code":"-32602"}}"#, None),
        (r#"{"id":7,"error":{"code":1e3}}"#, None),
        (r#"{"id":7,"error":{"data":{"code":1}}}"#, None),
        (r#"{"id":7,"result":{"code":1}}"#, None),
    ] {
        let mut reading = Reading::new("7", Form::Json);
        let _ = reading.push(body.as_bytes(), true);
        assert_eq!(reading.code(), code, "{body}");
    }
}

proptest! {
    /// Nothing that is JSON is read otherwise than a parser reads it, in whatever pieces it comes.
    #[test]
    fn it_reads_as_a_parser_does(
        message in message(),
        cuts in prop::collection::vec(0usize..400, 0..4),
        pretty: bool,
    ) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&message),
            false => serde_json::to_string(&message),
        }
        .expect("JSON");
        let mut reading = Reading::new("7", Form::Json);
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            prop_assert_eq!(reading.push(head, false), None);
            rest = tail;
        }
        let outcome = reading.push(rest, true);
        let answers = message["id"] == 7 && message.get("method").is_none();
        let expected = match (message.get("error"), message.get("result")) {
            (Some(_), _) if answers => PROTOCOL,
            (None, Some(result)) if answers && result["isError"] == true => TOOL,
            (None, Some(_)) if answers => OK,
            _ => PROTOCOL,
        };
        prop_assert_eq!(outcome, expected, "{}", text);
        prop_assert_eq!(reading.code(), message["error"]["code"].as_i64(), "{}", text);
    }

    /// Whatever comes, nothing panics, and pieces change nothing.
    #[test]
    fn pieces_change_nothing(
        bytes in prop::collection::vec(prop::sample::select(SOUP), 0..200),
        piece in 1usize..20,
        stream: bool,
    ) {
        let bytes = bytes.concat();
        let form = if stream { Form::Stream } else { Form::Json };
        let mut whole = Reading::new("7", form);
        let expected = whole.push(&bytes, true);
        let mut reading = Reading::new("7", form);
        for piece in bytes.chunks(piece) {
            let _ = reading.push(piece, false);
        }
        prop_assert_eq!(reading.push(&[], true), expected);
        prop_assert_eq!((reading.size(), reading.code()), (whole.size(), whole.code()));
    }
}

/// Pieces of messages and of streams, in no order.
const SOUP: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\n",
    b"\r",
    b" ",
    b"data:",
    b"id",
    b"\"id\"",
    b"\"result\"",
    b"\"error\"",
    b"\"isError\"",
    b"\"code\"",
    b"\"content\"",
    b"\"data\"",
    b"true",
    b"7",
    b"\xff",
    b"\xef\xbb\xbf",
    b"data: {\"id\":7,\"result\":{}}\n\n",
    b"{\"id\":7,\"result\":{",
];

fn message() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Map, Value, json};
    let name = prop::sample::select(vec![
        "id", "result", "error", "isError", "code", "content", "data", "method", "a\"b\\",
    ]);
    let leaf = prop_oneof![
        Just(json!(7)),
        Just(json!(true)),
        Just(json!(-32_602)),
        Just(json!("\"},{\"isError\":true")),
        Just(json!(null)),
    ];
    let value = leaf.prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name.clone(), inner, 0..5).prop_map(object),
        ]
    });
    fn object(members: std::collections::BTreeMap<&str, Value>) -> Value {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect::<Map<_, _>>())
    }
    let member = |name: &'static str, value: BoxedStrategy<Value>| {
        prop::option::weighted(0.5, value.prop_map(move |value| (name, value)))
    };
    let (result, error) = (value.clone().boxed(), value.boxed());
    let members = [
        member("id", Just(json!(7)).boxed()),
        member("result", result),
        member("error", error),
    ];
    members.prop_map(|members| object(members.into_iter().flatten().collect()))
}
