//! Tools of servers that speak plain HTTP: whatever the arguments and headers of an agent, the
//! request that arrives has what the template has, and nothing else.

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::{call, modern};
use tests::recorder::{Answer, Recorder, Seen};
use url::{Url, form_urlencoded};

/// Tools with an argument in every kind of place.
fn orders() -> String {
    let text = json!({ "type": "string" });
    let schema = json!({
        "type": "object", "properties": { "id": text, "note": text }, "required": ["id"],
        "additionalProperties": false,
    });
    let tool = |name: &str, http: Value| json!({ "name": name, "mcpServer": "orders", "inputSchema": schema, "http": http });
    let registry = json!({
        "virtual": {},
        "servers": { "orders": { "protocol": "http", "url": "http://orders.example/api" } },
        "tools": [
            tool("get", json!({
                "method": "GET", "path": "/v1/orders/{id}/lines/n{id}.json",
                "query": { "q": "{id}", "r": "a{id}b" }, "headers": { "x-note": "v {note}" },
            })),
            tool("put", json!({ "method": "PUT", "path": "/v1", "body": { "is": "{id}" } })),
            tool("form", json!({ "method": "POST", "path": "/v1", "form": { "f": "{id}" } })),
            tool("gone", json!({ "method": "DELETE", "path": "/v1/{id}" })),
        ],
    });
    let rule = json!({ "id": "all", "tools": ["*"], "decision": "allow" });
    bundle::bundle(&registry, &json!({ "version": "1", "rules": [rule] }))
}

/// A server whose answer is by its path.
fn answer(seen: &Seen) -> Answer {
    match seen.method.as_str() {
        "DELETE" if seen.path.ends_with("/none") => Answer {
            steps: Vec::new(),
            ..Answer::body("text/plain", "").status(204)
        },
        "DELETE" => Answer::body("application/problem+json", r#"{"title":"not yours"}"#)
            .status(429)
            .header("retry-after", "7")
            .header("set-cookie", "s=1"),
        _ => Answer::json(&json!({ "ok": true })).header("set-cookie", "s=1"),
    }
}

async fn stage() -> (Envoy, Recorder) {
    let server = Recorder::scripted(answer).await;
    let gateway = Gateway::toolgate(orders(), &[("orders", server.addr())]);
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    (envoy, server)
}

/// The result of a call, and the request that came of it.
async fn made(envoy: &Envoy, server: &Recorder, request: &Request) -> (Value, Option<Seen>) {
    server.clear();
    let response = client::send(envoy.addr(), request)
        .await
        .expect("an answer");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("set-cookie"), None, "{response:?}");
    (response.json()["result"].clone(), server.seen().pop())
}

/// Headers that the gateway and Envoy give every request.
const OWN: [&str; 7] = [
    "accept",
    "content-length",
    "host",
    "x-envoy-external-address",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// What a template has of headers, by name.
fn written(seen: &Seen) -> Vec<(&str, &str)> {
    let headers = seen.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), std::str::from_utf8(value)));
    let headers = headers.map(|(name, value)| (name, value.expect("text")));
    headers.filter(|(name, _)| !OWN.contains(name)).collect()
}

#[tokio::test]
async fn nothing_escapes_its_slot() {
    let (envoy, server) = stage().await;
    let mut sent = 0;
    for value in VALUES {
        for note in [None, Some(value)] {
            let arguments = json!({ "id": value, "note": note });
            let mut arguments = arguments.as_object().expect("an object").clone();
            arguments.retain(|_, value| !value.is_null());
            let request = call("get", &json!(arguments))
                .bearer("t")
                .header("cookie", "a=b")
                .header("x-http-method-override", "DELETE")
                .header("x-original-url", "/admin")
                .header("x-forwarded-host", "evil.example");
            let (result, seen) = made(&envoy, &server, &request).await;
            let Some(seen) = seen else {
                let denial = &result["_meta"]["toolgate/denial"];
                assert_eq!(denial["reason"], "invalid_arguments", "{value:?}: {result}");
                continue;
            };
            sent += 1;
            assert_eq!(result["structuredContent"]["ok"], true, "{result}");
            assert_eq!(
                (seen.method.as_str(), seen.body.len()),
                ("GET", 0),
                "{seen:?}"
            );
            let noted = note.map(|note| format!("v {note}"));
            let noted: Vec<_> = noted.iter().map(|note| ("x-note", note.as_str())).collect();
            assert_eq!(written(&seen), noted, "{seen:?}");
            let url = Url::parse(&format!("http://orders.example{}", seen.path)).expect("a URL");
            assert_eq!(
                (url.host_str(), url.fragment()),
                (Some("orders.example"), None)
            );
            let parts: Vec<_> = url.path_segments().expect("a path").map(decoded).collect();
            let line = format!("n{value}.json");
            assert_eq!(
                parts,
                ["api", "v1", "orders", value, "lines", &line],
                "{seen:?}"
            );
            let query = form_urlencoded::parse(url.query().expect("a query").as_bytes());
            let query: Vec<(String, String)> = query.into_owned().collect();
            let mixed = format!("a{value}b");
            let expect = [("q", value), ("r", &mixed)];
            assert_eq!(
                query,
                expect.map(|(name, value)| (name.into(), value.to_owned()))
            );
        }
        let media = |media| vec![("content-type", media)];
        let (_, seen) = made(&envoy, &server, &call("put", &json!({ "id": value }))).await;
        let seen = seen.expect("a body holds any text");
        assert_eq!(
            (seen.json(), written(&seen)),
            (json!({ "is": value }), media("application/json"))
        );
        let (_, seen) = made(&envoy, &server, &call("form", &json!({ "id": value }))).await;
        let seen = seen.expect("so does a form");
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(&seen.body).into_owned().collect();
        assert_eq!(fields, [("f".to_owned(), value.to_owned())]);
        assert_eq!(written(&seen), media("application/x-www-form-urlencoded"));
    }
    assert!(sent > VALUES.len() / 2, "{sent} were sent");
}

#[tokio::test]
async fn answers_become_results() {
    let (envoy, server) = stage().await;
    let (result, seen) = made(&envoy, &server, &call("gone", &json!({ "id": "none" }))).await;
    assert_eq!(seen.expect("a request").path, "/api/v1/none");
    let done = "Done: the server answered with HTTP status 204 and nothing else.";
    assert_eq!(result["content"][0]["text"], done, "{result}");
    let (result, _) = made(&envoy, &server, &call("gone", &json!({ "id": "x" }))).await;
    assert_eq!(result["isError"], true, "{result}");
    let facts = &result["_meta"]["toolgate/upstream"];
    assert_eq!(
        *facts,
        json!({ "status": 429, "retryAfterMs": 7_000 }),
        "{result}"
    );
    let records = envoy.wait_access_log(0, 2).await;
    let ends: Vec<_> = records.iter().map(|it| &it["toolgate"]["result"]).collect();
    assert_eq!(ends, ["ok", "tool_error"], "{records:?}");
}

#[tokio::test]
async fn the_server_has_no_address_of_its_own() {
    let (envoy, server) = stage().await;
    let message = modern(
        "tools/call",
        json!({ "name": "get", "arguments": { "id": "x" } }),
    );
    let request = Request::modern("/orders/mcp", &message);
    let response = client::send(envoy.addr(), &request)
        .await
        .expect("an answer");
    assert_eq!(
        (response.status, server.seen().len()),
        (404, 0),
        "{response:?}"
    );
}

fn decoded(part: &str) -> String {
    form_urlencoded::parse(part.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

const VALUES: [&str; 30] = [
    "x",
    "",
    ".",
    "..",
    "../admin",
    "..%2fadmin",
    "%2e%2e",
    "%252e%252e%252f",
    "..\\admin",
    "//evil.example",
    "http://evil.example/",
    "@evil.example:443",
    "x?admin=1",
    "x#fragment",
    "x&admin=1",
    "x;admin=1",
    "x,y",
    "x+y z",
    " x ",
    "x%00",
    "x\0",
    "x%0d%0aX-Admin: 1",
    "x\r\nX-Admin: 1",
    "x HTTP/1.1\r\nHost: evil\r\n\r\n",
    "\u{2028}",
    "\u{ff0e}\u{ff0e}\u{ff0f}",
    "\u{10d}\u{10a}é",
    "\u{85}",
    "{id}${jndi:ldap:x}",
    "\"'; drop table orders --",
];
