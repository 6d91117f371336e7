use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Edits, HeaderEdit, Headers, Peer},
    policy::Policy,
    record::{End, Outcome},
};

/// One tool of a server that speaks plain HTTP.
fn policy() -> Arc<Policy> {
    let text = json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "properties": { "id": text, "note": text, "mail": text },
        "required": ["id"],
        "additionalProperties": false,
    });
    let bundle = json!({
        "registry": {
            "virtual": {},
            "servers": { "orders": { "protocol": "http", "url": "http://127.0.0.1:9201/api/" } },
            "tools": [{
                "name": "pay", "mcpServer": "orders", "inputSchema": schema,
                "outputSchema": { "type": "object", "properties": { "paid": {} },
                                  "required": ["paid"], "additionalProperties": false },
                "http": { "method": "PUT", "path": "/v1/orders/{id}", "query": { "note": "{note}" },
                          "headers": { "x-mail": "{mail}" }, "body": { "order": "{id}" } },
                "timeout": "2s",
            }],
        },
        "policy": { "rules": [{
            "tools": ["pay"], "decision": "allow",
            "redact": [{ "find": "email", "in": ["arguments", "upstream"] }],
        }] },
    });
    Arc::new(Policy::compile(Config::from_value(bundle)).expect("a policy"))
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers::new(
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    )
}

/// What becomes of a call with these arguments.
fn call(arguments: Value) -> (Step, Exchange, Memory) {
    let memory = Memory::default();
    let mut exchange = Exchange::new(policy());
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "pay", "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    } });
    let head = headers(&[
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", "gw.example"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "pay"),
        ("authorization", "Bearer t"),
        ("cookie", "a=b"),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-host", "evil.example"),
        ("traceparent", "00-1-2-01"),
    ]);
    let cx = memory.at(Timestamp(1));
    let peer = Peer::default();
    let _ = exchange.on(
        Event::RequestHead {
            headers: head,
            peer,
            end: false,
        },
        &cx,
    );
    let bytes = body.to_string().into_bytes();
    let step = exchange.on(
        Event::RequestBody {
            bytes: &bytes,
            end: true,
        },
        &cx,
    );
    (step, exchange, memory)
}

/// What is left of headers, and what is set.
fn after(pairs: &[(&str, &str)], edits: &Edits) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Set(name, value) => all.insert(name.to_string(), value.clone()),
            HeaderEdit::Remove(name) => all.remove(name),
        };
    }
    all
}

#[test]
fn a_call_becomes_a_request() {
    let (step, _, _) = call(json!({ "id": "O 1", "note": "write to a@example.com" }));
    let Step::Forward(edits) = step else {
        panic!("not forwarded: {step:?}");
    };
    let sent = after(
        &[
            ("cookie", "a=b"),
            ("mcp-name", "pay"),
            ("x-http-method-override", "DELETE"),
            ("x-forwarded-host", "e"),
            ("authorization", "b"),
            ("traceparent", "00-1-2-01"),
        ],
        &edits,
    );
    let sent: Vec<_> = sent
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        sent,
        [
            ":method: PUT",
            ":path: /api/v1/orders/O%201?note=write%20to%20%5Bemail%5D",
            "accept: application/json, text/*;q=0.9, */*;q=0.1",
            "content-length: 15",
            "content-type: application/json",
            "traceparent: 00-1-2-01",
            "x-envoy-upstream-rq-timeout-ms: 2000",
            "x-toolgate-cluster: orders",
        ]
    );
    assert_eq!(
        edits.body.as_deref(),
        Some(br#"{"order":"O 1"}"#.as_slice())
    );
}

#[test]
fn an_argument_that_fits_no_slot_is_refused() {
    for (arguments, says) in [
        (json!({ "id": "../x" }), "- /id: may not hold `/` or `\\\\`"),
        (
            json!({ "id": "x", "mail": "a\r\nb: c" }),
            "- /mail: may hold visible ASCII",
        ),
    ] {
        let (step, exchange, memory) = call(arguments);
        let Step::Reply(reply) = step else {
            panic!("not refused: {step:?}");
        };
        let body = String::from_utf8(reply.body).expect("text");
        assert!(
            body.contains(says) && body.contains("invalid_arguments"),
            "{body}"
        );
        let closing = exchange.close(End::default(), &memory.at(Timestamp(2)));
        let record: Value = serde_json::from_slice(&closing.record).expect("JSON");
        assert_eq!(record["reason"], "invalid_arguments", "{record}");
    }
}

/// What the agent gets of an answer, and what is recorded of it.
#[track_caller]
fn answered(head: &[(&str, &str)], body: &str, expect: Value, outcome: Outcome) {
    let (_, mut exchange, memory) = call(json!({ "id": "x" }));
    let cx = memory.at(Timestamp(2));
    let details = Some("via_upstream".to_owned());
    let end = body.is_empty();
    let step = exchange.on(
        Event::ResponseHead {
            headers: headers(head),
            details,
            end,
        },
        &cx,
    );
    let step = match step {
        Step::Hold => {
            let bytes = body.as_bytes();
            exchange.on(Event::ResponseBody { bytes, end: true }, &cx)
        }
        other => other,
    };
    let (headers, bytes) = match step {
        Step::Forward(edits) => (
            after(head, &edits),
            edits.body.expect("a message is made of it"),
        ),
        Step::Reply(reply) => {
            let status = [(":status".to_owned(), reply.status.to_string())];
            let headers = reply
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            (status.into_iter().chain(headers).collect(), reply.body)
        }
        other => panic!("not answered: {other:?}"),
    };
    let names: Vec<_> = headers
        .keys()
        .filter(|name| *name != "content-length")
        .collect();
    assert_eq!(names, [":status", "content-type"]);
    assert_eq!(
        (&*headers[":status"], &*headers["content-type"]),
        ("200", "application/json")
    );
    let message: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(message["id"], 7, "{message}");
    let found = message
        .get("result")
        .or_else(|| message.get("error"))
        .expect("an answer");
    for (name, value) in expect.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{message}");
    }
    let closing = exchange.close(End::default(), &cx);
    let record: Value = serde_json::from_slice(&closing.record).expect("JSON");
    assert_eq!(record["result"], json!(outcome), "{record}");
}

#[test]
fn an_answer_becomes_a_result() {
    let json = ("content-type", "application/json");
    let cookie = ("set-cookie", "a=b");
    // What the schema is closed to is left out, as of every result.
    answered(
        &[(":status", "201"), json, cookie],
        r#"{"paid": 1, "internal": 2}"#,
        json!({ "structuredContent": { "paid": 1 } }),
        Outcome::Ok,
    );
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    answered(
        &[(":status", "404"), json, ("etag", "x")],
        r#"{"title":"no order"}"#,
        json!({
            "content": text("The server answered with HTTP status 404: {\"title\":\"no order\"}"),
            "isError": true,
        }),
        Outcome::ToolError,
    );
    answered(
        &[(":status", "503"), ("retry-after", "3")],
        "",
        json!({
            "content": text("The server answered with HTTP status 503."),
            "_meta": { "toolgate/upstream": { "status": 503, "retryAfterMs": 3_000 } },
        }),
        Outcome::TransportError,
    );
    let refused = "the server refused the gateway's credential";
    answered(
        &[(":status", "401"), json, ("www-authenticate", "Bearer")],
        "{}",
        json!({ "message": refused }),
        Outcome::ProtocolError,
    );
    let unreadable = json!({ "message": "the server's answer could not be read" });
    let stream = ("content-type", "text/event-stream");
    answered(
        &[(":status", "200"), stream],
        "x",
        unreadable.clone(),
        Outcome::ProtocolError,
    );
    answered(
        &[(":status", "200"), json],
        "{",
        unreadable,
        Outcome::ProtocolError,
    );
}
