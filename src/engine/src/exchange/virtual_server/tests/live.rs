use super::*;

/// A merged stream of a client, and what it has brought so far.
struct Opened {
    gateway: Gateway,
    exchange: Exchange,
    feeds: Vec<Callout>,
}

impl Opened {
    /// Of a client of the legacy era, in its session.
    fn session() -> Self {
        let mut gateway = Gateway::new(well);
        let session = gateway.open("ann");
        let headers = [("mcp-session-id", session.as_str()), ("authorization", "t")];
        let (fate, exchange) = gateway.send("GET", "ann", &headers, "");
        Self::new(gateway, fate, exchange)
    }

    /// Of one of the modern era, who wants to hear of these.
    fn subscription(notifications: &Value) -> Self {
        let mut gateway = Gateway::new(well);
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({ "_meta": meta, "notifications": notifications });
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "subscriptions/listen"),
        ];
        let body = message("subscriptions/listen", params);
        let (fate, exchange) = gateway.send("POST", "ann", &headers, &body);
        Self::new(gateway, fate, exchange)
    }

    fn new(gateway: Gateway, fate: Fate, exchange: Exchange) -> Self {
        let Fate::Forward(edits) = fate else {
            panic!("a stream is opened");
        };
        assert_eq!(edit(&edits, "x-toolgate-cluster"), Some("toolgate-source"));
        assert_eq!(edit(&edits, "authorization"), None);
        assert_eq!(edits.body.as_deref(), Some([].as_slice()));
        Self {
            gateway,
            exchange,
            feeds: edits.feeds.expect("feeds"),
        }
    }

    /// What comes of the next bytes of the stream, and whether they are the last.
    fn push(&mut self, bytes: &str, end: bool) -> (String, bool) {
        let event = Event::ResponseBody {
            bytes: bytes.as_bytes(),
            end,
        };
        let cx = self.gateway.memory.at(NOW);
        let Step::Forward(edits) = self.exchange.on(event, &cx) else {
            panic!("a stream flows");
        };
        let body = String::from_utf8(edits.body.expect("a body")).expect("text");
        (body, edits.last)
    }
}

/// An event as a feed brings it.
fn event(server: &str, message: &Value) -> String {
    format!("data: {server}\ndata: {message}\n\n")
}

fn notification(method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": { "level": "info", "data": "x" } })
}

#[test]
fn a_session_hears_every_server_it_has_one_with() {
    let stream = Opened::session();
    let feeds = stream.feeds.iter().map(|feed| {
        let header = |name| {
            let found = feed.headers.iter().find(|(it, _)| *it == name);
            found.map_or("-", |(_, value)| value.as_str())
        };
        assert_eq!(feed.cluster, "toolgate-loop");
        format!(
            "{} {}{} {} {}",
            header(":method"),
            header("x-toolgate-cluster"),
            header(":path"),
            header("x-toolgate-server"),
            header("mcp-session-id"),
        )
    });
    let feeds: Vec<_> = feeds.collect();
    assert_eq!(feeds, ["GET both/mcp both b1", "GET old/old old o1"]);
}

#[test]
fn what_a_server_says_is_governed_as_its_own() {
    let said = notification("notifications/message");
    let mut stream = Opened::session();
    for (bytes, expected, last) in [
        (":\n\n".to_owned(), ":\n\n".to_owned(), false),
        (event("old", &said), format!("data: {said}\n\n"), false),
        // A server of which nothing is heard here.
        (event("hidden", &said), String::new(), false),
        (event("nobody", &said), String::new(), false),
        // The answer to what another one may have been asked.
        (
            event("old", &json!({ "jsonrpc": "2.0", "id": 7, "result": {} })),
            String::new(),
            false,
        ),
        // What there is, is not its to say.
        (
            event("old", &notification("notifications/tools/list_changed")),
            String::new(),
            false,
        ),
        ("data: old\n\n".to_owned(), String::new(), true),
    ] {
        assert_eq!(stream.push(&bytes, false), (expected, last), "{bytes}");
    }
    assert_eq!(stream.push("", true), (String::new(), false));
}

#[test]
fn what_servers_ask_has_ids_of_the_gateway() {
    let mut stream = Opened::session();
    let asked = json!({ "jsonrpc": "2.0", "id": 0, "method": "sampling/createMessage" });
    let [both, old] = ["both", "old"].map(|server| {
        let (body, _) = stream.push(&event(server, &asked), false);
        data(&body)[0]["id"].as_str().expect("text").to_owned()
    });
    assert_ne!(both, old);
}

#[test]
fn a_subscription_is_acknowledged_first_and_answered_last() {
    let wanted = json!({ "toolsListChanged": true, "resourceSubscriptions": ["x:unknown"] });
    let mut stream = Opened::subscription(&wanted);
    assert!(stream.feeds.is_empty());
    let (first, last) = stream.push(":\n\n", false);
    let acknowledged = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {
            "_meta": { "io.modelcontextprotocol/subscriptionId": 7 },
            "notifications": { "toolsListChanged": true },
        },
    });
    assert_eq!(data(&first), [acknowledged]);
    assert!(!last);
    let result = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "result": {
            "resultType": "complete",
            "_meta": { "io.modelcontextprotocol/subscriptionId": 7 },
        },
    });
    assert_eq!(data(&stream.push("", true).0), [result]);
}

#[test]
fn a_new_configuration_is_told_to_those_whose_view_it_changes() {
    let changed = |subscription: Option<u8>| {
        let mut message = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
        if let Some(id) = subscription {
            let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
            message["params"] = json!({ "_meta": meta });
        }
        vec![message]
    };
    let subscription = |list: &str| Opened::subscription(&json!({ list: true }));
    for (mut stream, tools, expected) in [
        (Opened::session(), vec!["both.t"], changed(None)),
        (Opened::session(), vec!["both.t", "old.t", "new.t"], vec![]),
        (
            subscription("toolsListChanged"),
            vec!["both.t"],
            changed(Some(7)),
        ),
        (subscription("promptsListChanged"), vec!["both.t"], vec![]),
    ] {
        stream.push(":\n\n", false);
        let policy = policy(&tools);
        stream
            .exchange
            .renew(&policy, &stream.gateway.memory.at(NOW));
        let (body, last) = stream.push(":\n\n", false);
        assert_eq!(data(&body), expected, "{tools:?}");
        assert!(last);
    }
}

#[test]
fn where_nothing_is_merged_a_client_lives_without() {
    let mut stream = Opened::session();
    let head = Event::ResponseHead {
        headers: Headers::new([(b":status".to_vec(), b"503".to_vec())]),
        details: Some("cluster_not_found".to_owned()),
        end: false,
    };
    let cx = stream.gateway.memory.at(NOW);
    let Step::Reply(reply) = stream.exchange.on(head, &cx) else {
        panic!("it is refused");
    };
    assert_eq!(reply.status, 405);
}

/// The messages of a stream.
fn data(stream: &str) -> Vec<Value> {
    let lines = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let read = |line| serde_json::from_str(line).expect("JSON");
    lines.map(read).collect()
}
