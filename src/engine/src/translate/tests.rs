//! Every message here is held against the official schema of the era that it goes to, and each
//! request against the reader of requests as well.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    contract::Schema,
    http::{Headers, Response},
    json::{Doc, splice},
    refusal::UpstreamFault,
    rpc,
    session::Backend,
};

const MODERN: Peer<'_> = Peer {
    era: Era::Modern,
    version: "2026-07-28",
    session: None,
    client: r#"{"name":"c","version":"1"}"#,
    log: None,
    id: None,
};

const LEGACY: Peer<'_> = Peer {
    era: Era::Legacy,
    version: "2025-11-25",
    session: Some("s1"),
    client: "",
    log: None,
    id: Some(r#""g1""#),
};

/// A request as a server gets it: the body, and the headers of MCP.
fn sent(body: &str, before: &[(&str, &str)], to: &Peer<'_>) -> (String, BTreeMap<String, String>) {
    let schema = json!({ "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "n": { "type": "integer", "x-mcp-header": "N" },
    } });
    let schema = Schema::new(schema);
    let declared = schema.param_headers();
    let doc = parse(body);
    let changes = request(doc.root(), &headers(before), declared, to);
    let mut after: BTreeMap<_, _> = before
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for edit in changes.headers {
        match edit {
            HeaderEdit::Set(name, value) => after.insert(name.into_owned(), value),
            HeaderEdit::Remove(name) => after.remove(&name),
        };
    }
    let body = text(splice(doc.bytes(), changes.splices));
    let pairs: Vec<_> = after.iter().map(|(n, v)| (&**n, &**v)).collect();
    let doc = parse(&body);
    let message = rpc::read(&doc, &headers(&pairs)).unwrap();
    assert_eq!(message.era, to.era, "{body}");
    message.check_method().unwrap();
    if to.era == Era::Modern {
        rpc::check_params(&headers(&pairs), message.arguments(), declared).unwrap();
    }
    (body, after)
}

#[track_caller]
fn asks(body: &str, to: &Peer<'_>, expect: &str, expect_headers: &[(&str, &str)]) {
    let (body, headers) = match to.era {
        Era::Legacy => sent(body, &mirrored(body), to),
        Era::Modern => sent(body, &[("mcp-session-id", "s"), ("mcp-param-x", "y")], to),
    };
    assert_eq!(body, expect);
    let expect_headers: BTreeMap<_, _> = expect_headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(headers, expect_headers, "{body}");
    let method = parse(&body)
        .root()
        .get("method")
        .unwrap()
        .str()
        .unwrap()
        .into_owned();
    assert_eq!(violation(to.era, request_type(&method), &body), None);
}

/// The headers with which a modern client sends a request.
fn mirrored(body: &str) -> Vec<(&'static str, &'static str)> {
    let mut headers = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-param-region", "eu"),
        ("mcp-param-other", "x"),
    ];
    if body.contains("tools/call") {
        headers.extend([("mcp-method", "tools/call"), ("mcp-name", "t")]);
    }
    headers
}

#[test]
fn modern_requests_at_a_legacy_server() {
    let legacy = [
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-session-id", "s1"),
    ];
    for (body, expect) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu"},"_meta":{ENVELOPE}}}"#,
            r#"{"jsonrpc":"2.0","id":"g1","method":"tools/call","params":{"name":"t","arguments":{"region":"eu"}}}"#,
        ),
        (
            r#"{"method":"tools/call","params":{"_meta":{"progressToken":7,ENVELOPE,"traceparent":"00-a","com.acme/x":{"y":[]}},"name":"t"},"id":1,"jsonrpc":"2.0"}"#,
            r#"{"method":"tools/call","params":{"_meta":{"progressToken":7,"traceparent":"00-a","com.acme/x":{"y":[]}},"name":"t"},"id":"g1","jsonrpc":"2.0"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{ENVELOPE,"io.modelcontextprotocol/logLevel":"info"}}}"#,
            r#"{"jsonrpc":"2.0","id":"g1","method":"tools/list","params":{}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","requestState":"x","inputResponses":{"a":{"action":"accept"}},"_meta":{ENVELOPE}}}"#,
            r#"{"jsonrpc":"2.0","id":"g1","method":"prompts/get","params":{"name":"p"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"_meta":{},"uri":"file:///a"}}"#,
            r#"{"jsonrpc":"2.0","id":"g1","method":"resources/read","params":{"_meta":{},"uri":"file:///a"}}"#,
        ),
    ] {
        asks(
            &body.replace("ENVELOPE", ENVELOPE),
            &LEGACY,
            expect,
            &legacy,
        );
    }
    // A server without sessions, and one client alone.
    let alone = Peer {
        session: None,
        id: None,
        version: "2025-03-26",
        ..LEGACY
    };
    asks(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        &alone,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        &[("mcp-protocol-version", "2025-03-26")],
    );
}

#[test]
fn legacy_requests_at_a_modern_server() {
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = |name| ("mcp-method", name);
    for (body, expect, headers) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu","n":4.20e1,"x":1}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu","n":4.20e1,"x":1},"_meta":{ENVELOPE}}}"#,
            vec![
                method("tools/call"),
                ("mcp-name", "t"),
                ("mcp-param-region", "eu"),
                ("mcp-param-n", "4.20e1"),
            ],
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ü","arguments":{"region":" a","n":null},"task":{"ttl":1},"_meta":{"progressToken":7,"com.acme/x":1,"io.modelcontextprotocol/related-task":{"taskId":"t"}}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ü","arguments":{"region":" a","n":null},"_meta":{"progressToken":7,"com.acme/x":1,ENVELOPE}}}"#,
            vec![
                method("tools/call"),
                ("mcp-name", "=?base64?w7w=?="),
                ("mcp-param-region", "=?base64?IGE=?="),
            ],
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a","_meta":{ENVELOPE}}}"#,
            vec![method("resources/read"), ("mcp-name", "file:///a")],
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"task":{},"name":"p","_meta":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","_meta":{ENVELOPE}}}"#,
            vec![method("prompts/get"), ("mcp-name", "p")],
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""},"_meta":{ENVELOPE}}}"#,
            vec![method("completion/complete")],
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/list","params":{"_meta":{ENVELOPE}}}"#,
            vec![method("resources/list")],
        ),
    ] {
        let mut headers = headers;
        headers.push(version);
        asks(
            body,
            &MODERN,
            &expect.replace("ENVELOPE", ENVELOPE),
            &headers,
        );
    }
    // Log messages are wanted, and the client has no name; ids are as good as any here.
    let logging = Peer {
        client: "",
        log: Some("info"),
        id: Some("9"),
        ..MODERN
    };
    asks(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
        &logging,
        r#"{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"info"}}}"#,
        &[version, method("tools/list")],
    );
}

#[test]
fn what_only_one_era_has() {
    let said = |method: &str, server| {
        let named = Method::named(method);
        check(named, method, server).map_err(|refusal| refusal.reason())
    };
    for method in [
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
    ] {
        assert_eq!(said(method, Era::Legacy), Ok(()), "{method}");
        assert_eq!(said(method, Era::Modern), Ok(()), "{method}");
    }
    for method in [
        "resources/subscribe",
        "tasks/get",
        "subscriptions/listen",
        "x",
    ] {
        assert_eq!(said(method, Era::Modern), Err("other_era"), "{method}");
    }
}

/// What the client gets of a server's message.
fn got(message: &str, from: &Origin<'_>) -> String {
    let doc = parse(message);
    match super::message(doc.root(), from) {
        Ok(Translated::Splices(splices)) => text(splice(doc.bytes(), splices)),
        Ok(Translated::Drop(why)) => format!("drop {why}"),
        Err(refusal) => refusal.reason().to_owned(),
    }
}

#[track_caller]
fn answers(era: Era, method: &str, message: &str, expect: &str) {
    let operation = Some(Method::named(method));
    let from = Origin {
        era,
        operation,
        log: (era == Era::Legacy).then_some("warning"),
        id: Some((r#""g1""#, "1")),
    };
    let got = got(message, &from);
    assert_eq!(got, expect, "{method}");
    if !got.starts_with('{') {
        return;
    }
    let to = match era {
        Era::Legacy => Era::Modern,
        Era::Modern => Era::Legacy,
    };
    let doc = parse(&got);
    let (definition, part) = match (doc.root().get("result"), doc.root().get("method")) {
        (Some(result), _) => (result_type(method), result.raw()),
        (None, Some(_)) => ("ServerNotification", &*got),
        (None, None) => ("JSONRPCErrorResponse", &*got),
    };
    assert_eq!(violation(to, definition, part), None);
}

/// An answer to a request, in a server's words.
#[track_caller]
fn results(era: Era, method: &str, result: &str, expect: &str) {
    let expect = match expect.starts_with('{') {
        true => format!(r#"{{"jsonrpc":"2.0","id":1,"result":{expect}}}"#),
        false => expect.to_owned(),
    };
    let answer = format!(r#"{{"jsonrpc":"2.0","id":"g1","result":{result}}}"#);
    answers(era, method, &answer, &expect);
}

/// An error in answer to a request.
#[track_caller]
fn errors(era: Era, method: &str, error: &str, expect: &str) {
    let answer = format!(r#"{{"jsonrpc":"2.0","id":"g1","error":{error}}}"#);
    let expect = format!(r#"{{"jsonrpc":"2.0","id":1,{expect}}}"#);
    answers(era, method, &answer, &expect);
}

#[test]
fn results_of_a_legacy_server() {
    let check =
        |method: &str, result: &str, expect: &str| results(Era::Legacy, method, result, expect);
    check(
        "tools/call",
        r#"{"content":[{"type":"text","text":"ü","_meta":{"io.modelcontextprotocol/x":1}}],"structuredContent":{"a":1.0}}"#,
        r#"{"content":[{"type":"text","text":"ü","_meta":{"io.modelcontextprotocol/x":1}}],"structuredContent":{"a":1.0},"resultType":"complete"}"#,
    );
    check(
        "tools/call",
        r#"{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"},"a/b":1},"isError":true}"#,
        r#"{"content":[],"_meta":{"a/b":1},"isError":true,"resultType":"complete"}"#,
    );
    check(
        "resources/read",
        r#"{"contents":[{"uri":"file:///a","text":""}],"ttlMs":"soon"}"#,
        r#"{"contents":[{"uri":"file:///a","text":""}],"ttlMs":0,"resultType":"complete","cacheScope":"private"}"#,
    );
    check(
        "prompts/get",
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"_meta":{"io.modelcontextprotocol/x":1}}"#,
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"resultType":"complete"}"#,
    );
    check(
        "resources/list",
        r#"{"resources":[],"nextCursor":""}"#,
        r#"{"resources":[],"nextCursor":"","resultType":"complete","ttlMs":0,"cacheScope":"private"}"#,
    );
    let values = |count| format!("[{}]", vec![r#""v""#; count].join(","));
    check(
        "completion/complete",
        &format!(
            r#"{{"completion":{{"values":{},"total":102}}}}"#,
            values(102)
        ),
        &format!(
            r#"{{"completion":{{"values":{},"total":102,"hasMore":true}},"resultType":"complete"}}"#,
            values(100)
        ),
    );
    let task = r#"{"task":{"taskId":"t","status":"working"}}"#;
    check("tools/call", task, "upstream_undeclared");
    let rounds = r#"{"resultType":"input_required","inputRequests":{}}"#;
    check("tools/call", rounds, "upstream_undeclared");
}

#[test]
fn results_of_a_modern_server() {
    let check =
        |method: &str, result: &str, expect: &str| results(Era::Modern, method, result, expect);
    check(
        "tools/call",
        r#"{"resultType":"complete","content":[{"type":"text","text":"x"}],"structuredContent":{},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}"#,
        r#"{"content":[{"type":"text","text":"x"}],"structuredContent":{}}"#,
    );
    check(
        "resources/read",
        r#"{"contents":[{"uri":"file:///a","blob":""}],"cacheScope":"public","resultType":"complete","_meta":{"a/b":1},"ttlMs":5}"#,
        r#"{"contents":[{"uri":"file:///a","blob":""}],"_meta":{"a/b":1}}"#,
    );
    check(
        "completion/complete",
        r#"{"resultType":"complete","completion":{"values":[]}}"#,
        r#"{"completion":{"values":[]}}"#,
    );
    // Older drafts left it out.
    check("prompts/get", r#"{"messages":[]}"#, r#"{"messages":[]}"#);
    let refused = [
        (
            r#"{"resultType":"task","taskId":"t"}"#,
            "upstream_undeclared",
        ),
        (r#"{"resultType":"x"}"#, "upstream_undeclared"),
        (r#"{"resultType":1}"#, "upstream_undeclared"),
        (
            r#"{"resultType":"input_required","requestState":"x"}"#,
            "upstream_wants",
        ),
    ];
    for (result, expect) in refused {
        check("tools/call", result, expect);
    }
}

#[test]
fn structured_values_that_legacy_clients_cannot_read() {
    let check = |result: &str, expect: &str| {
        let doc = parse(result);
        let plain = text(splice(doc.bytes(), plain(doc.root())));
        assert_eq!(plain, expect);
        assert_eq!(violation(Era::Legacy, "CallToolResult", &plain), None);
    };
    for kept in [
        r#"{"content":[],"structuredContent":{"a":[]}}"#,
        r#"{"content":[]}"#,
    ] {
        check(kept, kept);
    }
    check(
        r#"{"structuredContent":[1,2],"content":[{"type":"text","text":"one, two"}]}"#,
        r#"{"content":[{"type":"text","text":"one, two"}]}"#,
    );
    check(
        r#"{"content":[{"type":"image","data":"","mimeType":"image/png"}],"structuredContent":"a\"b"}"#,
        r#"{"content":[{"type":"image","data":"","mimeType":"image/png"},{"type":"text","text":"\"a\\\"b\""}]}"#,
    );
    check(
        r#"{"structuredContent":1.0}"#,
        r#"{"content":[{"type":"text","text":"1.0"}]}"#,
    );
}

#[test]
fn errors_of_a_legacy_server() {
    let check =
        |method: &str, error: &str, expect: &str| errors(Era::Legacy, method, error, expect);
    check(
        "resources/read",
        r#"{"code":-32002,"message":"gone","data":{"uri":"x"}}"#,
        r#""error":{"code":-32602,"message":"gone","data":{"uri":"x"}}"#,
    );
    check(
        "tools/call",
        r#"{"code":-32020,"message":"m"}"#,
        r#""error":{"code":-32603,"message":"m"}"#,
    );
    for kept in [-32_601, -32_603, -32_000, -31_000, 7] {
        let error = format!(r#"{{"code":{kept},"message":"m"}}"#);
        check("tools/call", &error, &format!(r#""error":{error}"#));
    }
    let page = r#"{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://a.example/","message":"Sign in"}]}}"#;
    let words = r"Not done: the server wants the user to visit a page first.\nSign in: https://a.example/\nTell the user. Once that is done, ask for the same again.";
    check(
        "tools/call",
        page,
        &format!(
            r#""result":{{"resultType":"complete","content":[{{"type":"text","text":"{words}"}}],"isError":true}}"#
        ),
    );
    check(
        "prompts/get",
        page,
        &format!(r#""error":{{"code":-32603,"message":"{words}"}}"#),
    );
}

#[test]
fn errors_of_a_modern_server() {
    let check =
        |method: &str, error: &str, expect: &str| errors(Era::Modern, method, error, expect);
    let missing = r#"{"code":-32602,"message":"Resource not found"}"#;
    check(
        "resources/read",
        missing,
        r#""error":{"code":-32002,"message":"Resource not found"}"#,
    );
    check("tools/call", missing, &format!(r#""error":{missing}"#));
    check(
        "tools/call",
        r#"{"code":-32021,"message":"no elicitation","data":{"requiredCapabilities":{}}}"#,
        r#""error":{"code":-32603,"message":"the server did not accept the gateway's request: no elicitation","data":{"requiredCapabilities":{}}}"#,
    );
    check(
        "tools/call",
        r#"{"code":-32042,"message":"m"}"#,
        r#""error":{"code":-32603,"message":"m"}"#,
    );
}

#[test]
fn what_servers_say_aside() {
    let legacy =
        |method: &str, message: &str, expect: &str| answers(Era::Legacy, method, message, expect);
    let modern = |message: &str, expect: &str| answers(Era::Modern, "tools/call", message, expect);
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}"#;
    legacy("tools/call", progress, progress);
    modern(progress, progress);
    let log = |level: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","data":1}}}}"#
        )
    };
    legacy("tools/call", &log("error"), &log("error"));
    legacy("tools/call", &log("warning"), &log("warning"));
    legacy("tools/call", &log("info"), "drop other_era");
    legacy("tools/call", &log("loud"), "drop other_era");
    modern(&log("debug"), &log("debug"));
    let unasked = Origin {
        era: Era::Legacy,
        operation: Some(Method::ToolsCall),
        log: None,
        id: None,
    };
    assert_eq!(got(&log("emergency"), &unasked), "drop other_era");

    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    legacy("tools/call", changed, "drop other_era");
    legacy("subscriptions/listen", changed, changed);
    modern(
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}"#,
    );
    for strange in [
        "notifications/cancelled",
        "notifications/elicitation/complete",
        "notifications/tasks/status",
        "notifications/subscriptions/acknowledged",
    ] {
        let message = format!(r#"{{"jsonrpc":"2.0","method":"{strange}","params":{{}}}}"#);
        legacy("tools/call", &message, "drop other_era");
        modern(&message, "drop other_era");
    }

    let asks =
        |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
    legacy("tools/call", &asks("ping"), "drop other_era");
    for method in [
        "elicitation/create",
        "sampling/createMessage",
        "roots/list",
        "x",
    ] {
        legacy("tools/call", &asks(method), "upstream_wants");
        modern(&asks(method), "upstream_request");
    }
}

/// Ids are put back only where they were changed; what is no message is left to others.
#[test]
fn what_is_not_touched() {
    for (message, expect) in [
        (
            r#"{"id":"g2","result":{}}"#,
            r#"{"id":"g2","result":{"resultType":"complete"}}"#,
        ),
        (r#"{"id":1}"#, r#"{"id":1}"#),
        (r#"{"error":1}"#, r#"{"error":1}"#),
        (r#"{"result":[]}"#, r#"{"result":[]}"#),
        ("[]", "[]"),
        ("null", "null"),
    ] {
        let from = Origin {
            era: Era::Legacy,
            operation: Some(Method::ToolsCall),
            log: None,
            id: Some((r#""g1""#, "1")),
        };
        assert_eq!(got(message, &from), expect);
    }
}

#[test]
fn what_the_gateway_says_itself() {
    let named = r#"{"name":"c","version":"1"}"#;
    for (definition, body) in [
        (
            "InitializeRequest",
            initialize("1", "2025-11-25", "{}", named),
        ),
        (
            "InitializeRequest",
            initialize("\"a\"", "2025-06-18", "{\"roots\":{}}", ""),
        ),
        ("InitializedNotification", initialized().to_owned()),
        ("SetLevelRequest", set_level("1", "info")),
        ("CancelledNotification", cancelled("\"a\"")),
    ] {
        assert_eq!(violation(Era::Legacy, definition, &body), None);
    }
}

#[test]
fn what_servers_say_to_a_greeting() {
    let check =
        |head: &[(&str, &str)], body: &str, expect: Result<(Option<&str>, &str), UpstreamFault>| {
            let response = Response {
                headers: headers(head),
                body: body.as_bytes(),
            };
            let expect = expect.map(|(id, version)| Backend {
                id: id.map(str::to_owned),
                version: version.to_owned(),
            });
            assert_eq!(greeting(&response), expect, "{head:?} {body}");
        };
    let json = [(":status", "200"), ("content-type", "application/json")];
    let named = |id| [json[0], json[1], ("mcp-session-id", id)];
    let stream = [
        (":status", "200"),
        ("content-type", "Text/Event-Stream; charset=utf-8"),
    ];
    let body = |version: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"protocolVersion":"{version}"}}}}"#)
    };
    let new = body("2025-11-25");
    check(&json, &new, Ok((None, "2025-11-25")));
    check(&named("a-1"), &new, Ok((Some("a-1"), "2025-11-25")));
    check(
        &named("a"),
        &body("2024-11-05"),
        Ok((Some("a"), "2024-11-05")),
    );
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    let events =
        format!("id: 1\nretry: 5\ndata:\n\ndata: {log}\n\nevent: message\ndata: {new}\n\n");
    check(&stream, &events, Ok((None, "2025-11-25")));

    check(&named(""), &new, Err(UpstreamFault::Unreadable));
    check(&named("a b"), &new, Err(UpstreamFault::Unreadable));
    check(
        &json,
        &body("2026-07-28"),
        Err(UpstreamFault::Undeclared("a protocol version")),
    );
    check(
        &json,
        r#"{"error":{"code":-32022}}"#,
        Err(UpstreamFault::Unreadable),
    );
    check(&json, "<html>", Err(UpstreamFault::Unreadable));
    check(&json, "", Err(UpstreamFault::Unreadable));
    check(&[(":status", "401")], "", Err(UpstreamFault::Unauthorized));
    check(&[(":status", "405")], "", Err(UpstreamFault::Page(405)));
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.0e2".to_owned()),
        Just(r#""\u00fc/\/""#.to_owned()),
        ".{0,6}".prop_map(|text| crate::json::quote(&text)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let members = proptest::collection::vec((".{0,3}", inner.clone()), 0..3);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(|it| format!("[ {} ]", it.join(" ,"))),
            members.prop_map(|members| {
                let members = members.into_iter().enumerate();
                let members = members.map(|(i, (name, value))| {
                    format!("{} : {value}", crate::json::quote(&format!("{name}{i}")))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    /// There and back, what was said is what was said.
    #[test]
    fn contents_pass_byte_for_byte(inner in value(), own in any::<bool>()) {
        let meta = format!(r#"{{"v/x":{inner}}}"#);
        let arguments = format!(r#"{{"x":{inner}}}"#);
        let sound = match own {
            true => format!(r#""_meta":{meta},"#),
            false => String::new(),
        };
        let asked = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{sound}"arguments":{arguments}}}}}"#);
        let (there, headers) = sent(&asked, &[], &MODERN);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let back = Peer { id: None, ..LEGACY };
        prop_assert_eq!(sent(&there, &headers, &back).0, asked);

        let said = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{inner}],{sound}"structuredContent":{inner}}}}}"#);
        let from = |era| Origin { era, operation: Some(Method::ToolsCall), log: None, id: None };
        let there = got(&said, &from(Era::Legacy));
        prop_assert_eq!(got(&there, &from(Era::Modern)), said);
    }
}

fn violation(era: Era, definition: &str, message: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mcp-schema");
    let version = era.versions()[0];
    let Ok(schema) = fs::File::open(root.join(version).join("schema.json")) else {
        println!("skipped: no schema of {version}");
        return None;
    };
    let mut schema: Value = serde_json::from_reader(schema).unwrap();
    assert!(schema["$defs"].get(definition).is_some(), "{definition}");
    schema["$ref"] = json!(format!("#/$defs/{definition}"));
    let message = serde_json::from_str(message).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let error = validator.validate(&message).err()?;
    Some(format!("no {definition}: {error}: {message}"))
}

fn request_type(method: &str) -> &'static str {
    match method {
        "tools/call" => "CallToolRequest",
        "tools/list" => "ListToolsRequest",
        "resources/list" => "ListResourcesRequest",
        "resources/read" => "ReadResourceRequest",
        "prompts/get" => "GetPromptRequest",
        _ => "CompleteRequest",
    }
}

fn result_type(method: &str) -> &'static str {
    match method {
        "tools/call" => "CallToolResult",
        "resources/list" => "ListResourcesResult",
        "resources/read" => "ReadResourceResult",
        "prompts/get" => "GetPromptResult",
        _ => "CompleteResult",
    }
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let pairs = pairs.iter();
    Headers::new(pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())))
}

fn parse(text: &str) -> Doc {
    Doc::parse(text.as_bytes().to_vec()).unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

const ENVELOPE: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}"#;
