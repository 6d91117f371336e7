//! What servers say by themselves, at one address for many: official servers and clients, through
//! the Envoy that `toolgate run` configures.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::client::{Connection, Request};
use tests::script::{LIVE, Session};
use tests::tools;
use tests::wire::Body;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_servers_say_is_one_stream() {
    let desk = Desk::new("say").await;
    let mut client = LIVE.open(&desk.url(), None, false).await;
    for server in ["one", "two"] {
        let result = client.call(&format!("{server}.ask"), &json!({})).await;
        assert_eq!(text(&result), "asked", "{result}");
    }
    let heard = heard(&mut client, 2).await;
    for server in ["one", "two"] {
        assert!(
            heard.contains(&json!({ "asked": format!("from {server}") })),
            "{heard:?}"
        );
        // Both servers count from 0, and each has the answer to its own.
        let own = format!("[\"to from {server}\"]");
        let ask = json!({ "name": format!("{server}.told") });
        until(&mut client, &ask, |it| text(it) == own).await;
    }

    let subscribed = client
        .say(&json!({ "subscribe": "live://one/state" }))
        .await;
    assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    for server in ["one", "two"] {
        client.call(&format!("{server}.touch"), &json!({})).await;
    }
    // Neither of what is not registered, nor that lists have changed, which are not the servers'.
    let heard = self::heard(&mut client, 1).await;
    let updated = "notifications/resources/updated";
    assert_eq!(
        heard,
        [json!({ "method": updated, "uri": "live://one/state" })]
    );
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_bundle_is_told_to_those_whose_view_it_changes() {
    let desk = Desk::new("tell").await;
    let mut legacy = LIVE.open(&desk.url(), None, false).await;
    let mut listener = Listener::open(&desk, &json!({ "toolsListChanged": true })).await;
    let first = listener.next().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        first["params"]["notifications"],
        json!({ "toolsListChanged": true })
    );
    let mut prompts = Listener::open(&desk, &json!({ "promptsListChanged": true })).await;
    prompts.next().await;

    desk.write("policy.yaml", &POLICY.replacen("\"*\"", "\"one.*\"", 1));
    let changed = "notifications/tools/list_changed";
    assert_eq!(listener.next().await["method"], changed);
    let end = json!({
        "resultType": "complete",
        "_meta": { "io.modelcontextprotocol/subscriptionId": 7 },
    });
    assert_eq!(listener.next().await["result"], end);
    assert_eq!(prompts.next().await["result"], end);
    let heard = heard(&mut legacy, 1).await;
    assert_eq!(heard, [json!({ "method": changed })]);

    // The session goes on, and so does its stream, under the new bundle.
    let listed = legacy.say(&json!({ "list": true })).await;
    let tools = listed["result"]["tools"].as_array().expect("tools").len();
    assert_eq!(tools, 3, "{listed}");
    tokio::time::sleep(RECONNECTION).await;
    legacy.call("one.ask", &json!({})).await;
    assert_eq!(
        self::heard(&mut legacy, 1).await,
        [json!({ "asked": "from one" })]
    );
    legacy.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_streams_that_are_closed() {
    let desk = Desk::new("close").await;
    let mut session = LIVE.open(&desk.url(), None, false).await;
    let id = session.listed["session"]
        .as_str()
        .expect("a session")
        .to_owned();
    session.call("one.told", &json!({})).await;
    for _ in 0..10 {
        let mut open = Vec::new();
        for _ in 0..100 {
            let mut connection = Connection::open(desk.listen).await.expect("Envoy listens");
            let request = Request::new("GET", "/mcp")
                .header("accept", "text/event-stream")
                .header("mcp-session-id", &id);
            connection
                .write(&request.bytes("gateway"))
                .await
                .expect("open");
            let head = connection.head().await.expect("a head");
            assert_eq!(head.status, 200);
            open.push(connection);
        }
    }
    // That of the client's own is left, with a part for each server.
    for (cluster, left) in [("toolgate-source", 1), ("toolgate-loop", 2)] {
        let stat = format!("cluster.{cluster}.upstream_rq_active");
        desk.wait_stat(&stat, left).await;
    }
    session.close().await;
    for cluster in ["toolgate-source", "toolgate-loop"] {
        desk.wait_stat(&format!("cluster.{cluster}.upstream_rq_active"), 0)
            .await;
    }
}

/// Two servers, and a gateway before them.
struct Desk {
    folder: PathBuf,
    listen: SocketAddr,
    admin: SocketAddr,
    children: Vec<Child>,
}

impl Desk {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut desk = Self {
            folder,
            listen: free(),
            admin: free(),
            children: Vec::new(),
        };
        let servers = ["one", "two"].map(|name| (name, free().port()));
        let mut registry = "version: r\nvirtual: { name: acme }\nservers:\n".to_owned();
        for (name, port) in servers {
            registry.push_str(&format!(
                "  {name}: {{ url: \"http://127.0.0.1:{port}/mcp\", protocol: 2025-11-25 }}\n"
            ));
        }
        registry.push_str("tools:\n");
        for (server, _) in servers {
            for tool in ["ask", "told", "touch"] {
                registry.push_str(&format!(
                    "- {{ name: {server}.{tool}, mcpTool: {tool}, mcpServer: {server}, \
                     inputSchema: {{ type: object }} }}\n"
                ));
            }
        }
        registry.push_str("resources:\n- { uri: \"live://one/state\", mcpServer: one }\n");
        desk.write("registry.yaml", &registry);
        desk.write("policy.yaml", POLICY);
        for (name, port) in servers {
            let mut server = Command::new(tools::node());
            server.arg(tools::client("live-server.mjs"));
            server.args([&port.to_string(), name]);
            desk.start(&mut server, name, "ready").await;
        }
        let mut run = Command::new(tools::toolgate());
        run.current_dir(&desk.folder);
        run.args(["run", "-r", "registry.yaml", "-p", "policy.yaml"]);
        run.args(["--listen", &desk.listen.to_string()]);
        run.args(["--admin", &desk.admin.to_string()]);
        run.arg("--wasm").arg(tools::filter());
        run.arg("--envoy")
            .arg(tools::envoy().canonicalize().expect("Envoy"));
        desk.start(&mut run, "run", "each decision follows").await;
        desk
    }

    fn url(&self) -> String {
        format!("http://{}/mcp", self.listen)
    }

    fn write(&self, file: &str, text: &str) {
        let new = self.folder.join("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.folder.join(file)).expect("renamed");
    }

    /// Starts a program, and waits for what it says when it is ready.
    async fn start(&mut self, command: &mut Command, name: &str, words: &str) {
        let path = self.folder.join(name);
        let out = File::create(&path).expect("a file");
        let err = out.try_clone().expect("a file");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        self.children.push(child.expect("started"));
        let said = || fs::read_to_string(&path).unwrap_or_default();
        let until = Instant::now() + PATIENCE;
        while !said().contains(words) {
            assert!(Instant::now() < until, "no `{words}` in {}", said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn wait_stat(&self, name: &str, value: u64) {
        let until = Instant::now() + PATIENCE;
        let expected = format!("{name}: {value}");
        loop {
            let request = Request::new("GET", &format!("/stats?filter=^{name}$"));
            let answer = tests::client::send(self.admin, &request).await;
            let said = answer.expect("Envoy answers").text();
            if said.trim() == expected {
                return;
            }
            assert!(Instant::now() < until, "{said} is not {expected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The gateway before its servers, and in a way that takes its Envoy along.
        while let Some(mut child) = self.children.pop() {
            let kill = format!("kill -TERM {}", child.id());
            let _ = Command::new("bash").args(["-c", &kill]).status();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A client of the modern era that listens.
struct Listener {
    connection: Connection,
    body: Body,
    held: String,
}

impl Listener {
    async fn open(desk: &Desk, notifications: &Value) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let request = Request::modern(
            "/mcp",
            &json!({
                "jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen",
                "params": { "_meta": meta, "notifications": notifications },
            }),
        );
        let mut connection = Connection::open(desk.listen).await.expect("Envoy listens");
        connection
            .write(&request.bytes("gateway"))
            .await
            .expect("open");
        let head = connection.head().await.expect("a head");
        assert_eq!(head.status, 200);
        Self {
            body: connection.body(&head).expect("a body"),
            connection,
            held: String::new(),
        }
    }

    /// The next message.
    async fn next(&mut self) -> Value {
        loop {
            if let Some((event, rest)) = self.held.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                let message = data.map(|data| serde_json::from_str(data).expect("JSON"));
                self.held = rest.to_owned();
                match message {
                    Some(message) => return message,
                    None => continue,
                }
            }
            let piece = self.connection.piece(&mut self.body);
            let piece = tokio::time::timeout(PATIENCE, piece)
                .await
                .expect("a piece");
            let piece = piece.expect("a piece").expect("the stream goes on");
            self.held.push_str(&String::from_utf8(piece).expect("text"));
        }
    }
}

/// What a client has heard, once that is so much.
async fn heard(client: &mut Session, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let until = Instant::now() + PATIENCE;
    while all.len() < count {
        assert!(Instant::now() < until, "only {all:?}");
        let told = client.say(&json!({ "heard": true })).await;
        all.extend(told["heard"].as_array().cloned().unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    all
}

/// Says something again, until it is answered as expected.
async fn until(client: &mut Session, line: &Value, expected: impl Fn(&Value) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let told = client.say(line).await;
        if expected(&told) {
            return;
        }
        assert!(Instant::now() < until, "{told}");
    }
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

const POLICY: &str = "version: one\nrules:\n- { id: all, tools: [\"*\"], decision: allow }\n\
                      - { id: read, resources: [\"*\"], decision: allow }\n";
const PATIENCE: Duration = Duration::from_secs(60);
/// After which the client opens its stream again.
const RECONNECTION: Duration = Duration::from_secs(3);
