mod asked;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    config::Config,
    cx::{Cx, Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Callout, Edits, HeaderEdit, Headers, Peer, Reply, Response},
    policy::Policy,
    record::End,
};

mod live;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// What servers say to calls: status, session id, body.
type Servers = fn(&Callout) -> Option<(u16, Option<&'static str>, String)>;

/// What becomes of a request.
enum Fate {
    Reply(Reply),
    Forward(Edits),
}

/// A gateway in front of three servers, and what was said to them in place of clients.
struct Gateway {
    policy: Arc<Policy>,
    memory: Memory,
    servers: Servers,
    said: Vec<String>,
    /// How many requests there were.
    requests: usize,
}

impl Gateway {
    fn new(servers: Servers) -> Self {
        Self {
            policy: Arc::new(policy(&["both.t", "old.t", "new.t"])),
            memory: Memory::default(),
            servers,
            said: Vec::new(),
            requests: 0,
        }
    }

    /// Sends a request of one user; gives what becomes of it, and what goes on with it.
    fn send(
        &mut self,
        method: &str,
        user: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (Fate, Exchange) {
        self.requests += 1;
        let request = format!("r{}", self.requests);
        let mut all = vec![
            (":method", method),
            (":path", "/mcp"),
            (":authority", "gw.example"),
            ("accept", "application/json, text/event-stream"),
            ("x-user", user),
            ("x-request-id", &request),
        ];
        all.extend(headers);
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        let cx = self.memory.at(NOW);
        let mut exchange = Exchange::new(Arc::clone(&self.policy));
        let head = Event::RequestHead {
            headers: Headers::new(
                all.iter()
                    .map(|(name, value)| ((*name).into(), (*value).into())),
            ),
            peer: Peer::default(),
            end: body.is_empty(),
        };
        let mut step = exchange.on(head, &cx);
        if let Step::Hold = step {
            let bytes = body.as_bytes();
            step = exchange.on(Event::RequestBody { bytes, end: true }, &cx);
        }
        let step = serve(&mut exchange, step, self.servers, &mut self.said, &cx);
        let fate = match step {
            Step::Reply(reply) => Fate::Reply(reply),
            Step::Forward(edits) => Fate::Forward(edits),
            Step::Hold | Step::Call(_) | Step::Cut => panic!("held for ever: {body}"),
        };
        (fate, exchange)
    }

    /// Opens a session.
    fn open(&mut self, user: &str) -> String {
        let body = message(
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "sampling": {} },
                "clientInfo": { "name": "c", "version": "1" },
            }),
        );
        let (Fate::Reply(reply), _) = self.send("POST", user, &[], &body) else {
            panic!("a handshake is answered here");
        };
        let result: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(
            result["result"]["protocolVersion"], "2025-11-25",
            "{result}"
        );
        let session = reply
            .headers
            .into_iter()
            .find(|(name, _)| *name == "mcp-session-id");
        session.expect("a session").1
    }

    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }
}

/// A policy that allows these tools.
fn policy(tools: &[&str]) -> Policy {
    let tool = |server: &str| {
        json!({ "name": format!("{server}.t"), "mcpTool": "t", "mcpServer": server,
                    "inputSchema": { "type": "object" } })
    };
    let bundle = json!({
        "registry": {
            "virtual": {},
            "servers": {
                "both": { "url": "http://both.example/mcp" },
                "old": { "protocol": "2025-11-25", "path": "/old" },
                "new": { "protocol": "2026-07-28" },
                "hidden": {},
            },
            "tools": [tool("both"), tool("old"), tool("new"), tool("hidden")],
        },
        "policy": {
            "identity": { "user": { "header": "x-user", "trusted": true } },
            "rules": [{ "tools": tools, "decision": "allow" }],
        },
    });
    Policy::compile(Config::from_value(bundle)).expect("a policy")
}

/// Lets servers answer until there is nothing more to ask them.
fn serve(
    exchange: &mut Exchange,
    mut step: Step,
    servers: Servers,
    said: &mut Vec<String>,
    cx: &Cx<'_>,
) -> Step {
    while let Step::Call(callouts) = step {
        step = Step::Hold;
        for (at, callout) in callouts.iter().enumerate() {
            let header = |name| {
                let found = callout.headers.iter().find(|(it, _)| *it == name);
                found.map_or("-", |(_, value)| value.as_str())
            };
            let body: Value = serde_json::from_slice(&callout.body).unwrap_or_default();
            said.push(format!(
                "{} {}{} {} {}",
                header(":method"),
                callout.cluster,
                header(":path"),
                body["method"].as_str().unwrap_or("-"),
                header("mcp-session-id"),
            ));
            let answer = servers(callout);
            let response = answer.as_ref().map(|(status, session, body)| {
                let mut headers = vec![
                    (b":status".to_vec(), status.to_string().into_bytes()),
                    (b"content-type".to_vec(), b"application/json".to_vec()),
                ];
                headers.extend(session.map(|id| (b"mcp-session-id".to_vec(), id.into())));
                Response {
                    headers: Headers::new(headers),
                    body: body.as_bytes(),
                }
            });
            step = exchange.on(Event::Called { at, response }, cx);
        }
    }
    step
}

/// Servers that keep a session each.
fn well(callout: &Callout) -> Option<(u16, Option<&'static str>, String)> {
    let body: Value = serde_json::from_slice(&callout.body).unwrap_or_default();
    Some(match body["method"].as_str() {
        Some("initialize") => {
            let result = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
                                 "serverInfo": { "name": "s", "version": "1" } });
            let answer = json!({ "jsonrpc": "2.0", "id": body["id"], "result": result });
            let session = if callout.cluster == "old" { "o1" } else { "b1" };
            (200, Some(session), answer.to_string())
        }
        Some("tools/call") => {
            let result = json!({ "content": [{ "type": "text", "text": "again" }] });
            (
                200,
                None,
                json!({ "jsonrpc": "2.0", "id": body["id"], "result": result }).to_string(),
            )
        }
        _ => (202, None, String::new()),
    })
}

/// Servers that are away.
fn away(_: &Callout) -> Option<(u16, Option<&'static str>, String)> {
    None
}

fn message(method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string()
}

fn call(tool: &str) -> String {
    message(
        "tools/call",
        json!({ "name": tool, "arguments": { "a": 1 } }),
    )
}

fn edit<'a>(edits: &'a Edits, name: &str) -> Option<&'a str> {
    edits.headers.iter().rev().find_map(|edit| match edit {
        HeaderEdit::Set(it, value) if it == name => Some(Some(value.as_str())),
        HeaderEdit::Remove(it) if it == name => Some(None),
        HeaderEdit::Set(..) | HeaderEdit::Remove(_) => None,
    })?
}

#[test]
fn a_handshake_opens_the_sessions_that_the_caller_can_use() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    // Not the one that has no sessions, nor the one of which this caller may use nothing.
    assert_eq!(
        gateway.said(),
        ["POST both/mcp initialize -", "POST old/old initialize -"]
    );
    let (fate, _) = gateway.send(
        "POST",
        "ann",
        &[("mcp-session-id", &session)],
        &call("old.t"),
    );
    let Fate::Forward(edits) = fate else {
        panic!("it goes on");
    };
    assert_eq!(edit(&edits, "x-toolgate-cluster"), Some("old"));
    assert_eq!(edit(&edits, ":path"), Some("/old"));
    assert_eq!(edit(&edits, "mcp-session-id"), Some("o1"));
    assert_eq!(edit(&edits, "mcp-protocol-version"), Some("2025-06-18"));
    let body: Value = serde_json::from_slice(&edits.body.expect("a body")).expect("JSON");
    assert_eq!(body["params"]["name"], "t");
    assert!(gateway.said().is_empty());
}

#[test]
fn notifications_go_to_every_session() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    gateway.said();
    for (body, status) in [
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
            202,
        ),
        (
            message("logging/setLevel", json!({ "level": "debug" })),
            200,
        ),
    ] {
        let method = serde_json::from_str::<Value>(&body).expect("JSON")["method"].clone();
        let method = method.as_str().expect("a method");
        let (fate, _) = gateway.send("POST", "ann", &[("mcp-session-id", &session)], &body);
        let Fate::Reply(reply) = fate else {
            panic!("it is answered here");
        };
        assert_eq!(reply.status, status);
        let expected = [
            format!("POST both/mcp {method} b1"),
            format!("POST old/old {method} o1"),
        ];
        assert_eq!(gateway.said(), expected);
    }
    let (fate, _) = gateway.send("DELETE", "ann", &[("mcp-session-id", &session)], "");
    assert!(matches!(fate, Fate::Reply(Reply { status: 204, .. })));
    assert_eq!(
        gateway.said(),
        ["DELETE both/mcp - b1", "DELETE old/old - o1"]
    );
    let (fate, _) = gateway.send(
        "POST",
        "ann",
        &[("mcp-session-id", &session)],
        &call("old.t"),
    );
    assert!(matches!(fate, Fate::Reply(Reply { status: 404, .. })));
}

#[test]
fn sessions_are_of_those_who_opened_them() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    let altered = session.replacen(|c: char| c.is_ascii_lowercase(), "A", 1);
    let none: &[(&str, &str)] = &[];
    let cases = [
        ("ann", none, 400),
        ("ann", &[("mcp-session-id", altered.as_str())], 404),
        ("bob", &[("mcp-session-id", session.as_str())], 404),
    ];
    gateway.said();
    for (user, headers, expected) in cases {
        for (method, body) in [("POST", call("old.t")), ("DELETE", String::new())] {
            let (fate, _) = gateway.send(method, user, headers, &body);
            let Fate::Reply(reply) = fate else {
                panic!("{user} {method} goes on");
            };
            assert_eq!(reply.status, expected, "{user} {method}");
        }
    }
    assert!(gateway.said().is_empty());
}

#[test]
fn a_server_that_was_away_is_greeted_when_it_is_needed() {
    let mut gateway = Gateway::new(away);
    let session = gateway.open("ann");
    gateway.said();
    let headers = [("mcp-session-id", session.as_str())];
    let (fate, _) = gateway.send("POST", "ann", &headers, &call("old.t"));
    let Fate::Reply(reply) = fate else {
        panic!("nobody is there");
    };
    assert_eq!(reply.details, "toolgate_upstream_unreachable");
    gateway.said();
    gateway.servers = well;
    for said in [
        vec![
            "POST old/old initialize -",
            "POST old/old notifications/initialized o1",
        ],
        // This time it is known.
        vec![],
    ] {
        let (fate, _) = gateway.send("POST", "ann", &headers, &call("old.t"));
        let Fate::Forward(edits) = fate else {
            panic!("it goes on");
        };
        assert_eq!(edit(&edits, "mcp-session-id"), Some("o1"));
        assert_eq!(gateway.said(), said);
    }
}

#[test]
fn a_session_that_a_server_lost_is_opened_again() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    gateway.said();
    let headers = [("mcp-session-id", session.as_str())];
    let (fate, mut exchange) = gateway.send("POST", "ann", &headers, &call("old.t"));
    assert!(matches!(fate, Fate::Forward(_)));
    let cx = gateway.memory.at(NOW);
    let lost = Event::ResponseHead {
        headers: Headers::new([(b":status".to_vec(), b"404".to_vec())]),
        details: Some("via_upstream".to_owned()),
        end: true,
    };
    let step = exchange.on(lost, &cx);
    let step = serve(&mut exchange, step, well, &mut gateway.said, &cx);
    let Step::Reply(reply) = step else {
        panic!("it is answered");
    };
    let said = std::mem::take(&mut gateway.said);
    assert_eq!(
        said,
        [
            "POST old/old initialize -",
            "POST old/old notifications/initialized o1",
            "POST old/old tools/call o1",
        ]
    );
    let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!((reply.status, &body["id"]), (200, &json!(7)));
    assert_eq!(body["result"]["content"][0]["text"], "again");
    let record: Value = serde_json::from_slice(
        &exchange
            .close(
                End {
                    status: Some(200),
                    ..End::default()
                },
                &cx,
            )
            .record,
    )
    .expect("a record");
    assert_eq!(
        (record["decision"].as_str(), record["result"].as_str()),
        (Some("allow"), Some("ok"))
    );
}

#[test]
fn a_modern_client_needs_no_session_and_gets_one_with_who_does() {
    let mut gateway = Gateway::new(well);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "old.t"),
    ];
    let body = message(
        "tools/call",
        json!({ "name": "old.t", "arguments": {}, "_meta": meta }),
    );
    for said in [2, 0] {
        let (fate, _) = gateway.send("POST", "ann", &headers, &body);
        let Fate::Forward(edits) = fate else {
            panic!("it goes on");
        };
        assert_eq!(gateway.said().len(), said);
        assert_eq!(edit(&edits, "mcp-session-id"), Some("o1"));
        assert_eq!(edit(&edits, "mcp-method"), None);
        let sent: Value = serde_json::from_slice(&edits.body.expect("a body")).expect("JSON");
        assert_eq!(sent["params"].get("_meta"), None);
    }
}
