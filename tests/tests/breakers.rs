//! Breakers in a real Envoy of two workers: what opens them, what goes on beside them, how they
//! recover, and what of it operators see.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use axum::Router;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tests::bundle::bundle;
use tests::client::{self, Connection};
use tests::envoy::{Envoy, Gateway, Setup, eventually};
use tests::message::{call, legacy_call};
use tests::recorder::{Answer, Recorder, Step};
use tests::serve::{self, Served};
use tokio::task::JoinSet;

/// A server made with the official SDK, whose refunds fail while it is told to be ill: in the way
/// that MCP asks for, with `isError` in a 200.
#[derive(Clone, Default)]
struct Moody {
    ill: Arc<AtomicBool>,
    refunds: Arc<AtomicUsize>,
}

impl ServerHandler for Moody {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("moody", "1.0.0"))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let fails = call.name == "refund" && self.ill.load(SeqCst);
        if call.name == "refund" {
            self.refunds.fetch_add(1, SeqCst);
        }
        let result = json!({
            "resultType": "complete",
            "content": [{ "type": "text", "text": if fails { "the bank is closed" } else { "done" } }],
            "isError": fails,
        });
        Ok(CallToolResponse::Complete(
            serde_json::from_value(result).expect("a result"),
        ))
    }
}

/// A bundle of two tools of one server, with these breakers.
fn configuration(refund: &Value, server: &Value) -> String {
    let mut registry = json!({
        "version": "r1",
        "servers": { "bank": { "endpoint": "/mcp", "breaker": server } },
        "tools": [
            { "name": "refund", "mcpServer": "bank", "inputSchema": { "type": "object" }, "breaker": refund },
            { "name": "look", "mcpServer": "bank", "inputSchema": { "type": "object" }, "breaker": {} },
        ],
    });
    if refund.is_null() {
        registry["tools"][0]
            .as_object_mut()
            .expect("a tool")
            .remove("breaker");
    }
    let rules = json!([{ "id": "all", "tools": ["*"], "decision": "allow" }]);
    bundle(&registry, &json!({ "version": "p1", "rules": rules }))
}

struct Rig {
    envoy: Envoy,
    setup: Setup,
    /// How many records were looked at.
    seen: usize,
}

impl Rig {
    async fn start(bundle: String, server: SocketAddr) -> Self {
        let gateway = Gateway::toolgate(bundle, &[("bank", server)]);
        let setup = Setup {
            gateways: vec![gateway.with_filter(|filter| filter.live = true)],
            concurrency: 2,
        };
        let envoy = Envoy::start(&setup).await;
        Self {
            envoy,
            setup,
            seen: 0,
        }
    }

    /// Calls a tool on a connection of its own, and gives the answer and its record.
    async fn call(&mut self, tool: &str) -> (Value, Value) {
        let answer = client::send(self.envoy.addr(), &call(tool, &json!({}))).await;
        let answer = answer.expect("an answer");
        self.seen += 1;
        let lines = self.envoy.wait_access_log(0, self.seen).await;
        let answer = match answer.status {
            200 => answer.json(),
            status => json!(status),
        };
        (answer, lines[self.seen - 1]["toolgate"].clone())
    }

    /// Calls until the breaker lets one pass, which is a probe; gives its answer and its record.
    async fn probe(&mut self, tool: &str) -> (Value, Value) {
        loop {
            let (answer, record) = self.call(tool).await;
            if record["reason"] != "breaker_open" {
                return (answer, record);
            }
            let wait = &answer["result"]["_meta"]["toolgate/denial"]["retryAfterMs"];
            assert!(wait.as_u64().is_some_and(|wait| wait > 0), "{answer}");
        }
    }

    /// Calls on so many new connections, until both workers had some.
    async fn refused_by_all(&mut self, tool: &str, breaker: &str) {
        let before = self.of_workers().await;
        loop {
            let (answer, record) = self.call(tool).await;
            let denial = &answer["result"]["_meta"]["toolgate/denial"];
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert_eq!(denial["reason"], "breaker_open", "{answer}");
            assert_eq!(denial["breaker"], breaker, "{answer}");
            assert_eq!(record["decision"], "deny", "{record}");
            assert_eq!(
                record["breakers"],
                json!([{ "name": breaker, "state": "open" }])
            );
            let now = self.of_workers().await;
            if now.iter().zip(&before).all(|(now, before)| now > before) {
                return;
            }
        }
    }

    /// How many connections each worker took.
    async fn of_workers(&self) -> Vec<u64> {
        let stats = self.envoy.stats().await;
        let port = self.envoy.addr().port().to_string();
        let workers = stats.iter().filter(|(name, _)| {
            name.contains(".worker_")
                && name.ends_with(".downstream_cx_total")
                && (name.contains(&port) || name.starts_with("listener.127.0.0.1_0"))
        });
        let workers: Vec<u64> = workers.map(|(_, count)| *count).collect();
        assert_eq!(workers.len(), 2, "{stats:?}");
        workers
    }

    /// What Prometheus sees of a breaker.
    #[track_caller]
    fn check_metrics(&self, text: &str, expected: &[(&str, u64)]) {
        for (series, value) in expected {
            let line = format!("{series} {value}");
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }
}

fn turned(name: &str, was: &str, state: &str) -> Value {
    json!({ "name": name, "was": was, "state": state })
}

async fn one_tool_that_fails(router: impl FnOnce(Moody) -> Router) {
    let moody = Moody::default();
    let server = Served::start(router(moody.clone()), 0).expect("a server");
    let breaker = json!({ "failures": 3, "within": "24h", "open": "1s" });
    let bundle = configuration(&breaker, &json!({ "failures": 3, "within": "24h" }));
    let mut rig = Rig::start(bundle, server.addr()).await;

    // Well: nothing is counted.
    let (answer, record) = rig.call("refund").await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    assert_eq!(record["breakers"], Value::Null);

    // Ill: what the server says reaches the client, until it is enough.
    moody.ill.store(true, SeqCst);
    for failures in 1..=3 {
        let (answer, record) = rig.call("refund").await;
        assert_eq!(answer["result"]["content"][0]["text"], "the bank is closed");
        assert_eq!(record["result"], "tool_error", "{record}");
        let expected = match failures {
            3 => json!([turned("tool:refund", "closed", "open")]),
            _ => Value::Null,
        };
        assert_eq!(record["breakers"], expected, "{record}");
    }
    let executed = moody.refunds.load(SeqCst);
    rig.refused_by_all("refund", "tool:refund").await;
    let stats = rig.envoy.prometheus().await;
    let open = r#"toolgate_breaker_open{toolgate_breaker="tool:refund"}"#;
    rig.check_metrics(&stats, &[(open, 1)]);

    // Its neighbour goes on.
    let (answer, record) = rig.call("look").await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    assert_eq!(record["breakers"], Value::Null);
    // One probe, which fails.
    assert_eq!(moody.refunds.load(SeqCst), executed);
    let (_, record) = rig.probe("refund").await;
    let expected = json!([
        turned("tool:refund", "open", "half_open"),
        turned("tool:refund", "half_open", "open"),
    ]);
    assert_eq!(record["breakers"], expected, "{record}");
    assert_eq!(moody.refunds.load(SeqCst), executed + 1);

    // It recovers.
    moody.ill.store(false, SeqCst);
    let (answer, record) = rig.probe("refund").await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let expected = json!([
        turned("tool:refund", "open", "half_open"),
        turned("tool:refund", "half_open", "closed"),
    ]);
    assert_eq!(record["breakers"], expected, "{record}");
    let (answer, record) = rig.call("refund").await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    assert_eq!(record["breakers"], Value::Null);

    let stats = rig.envoy.prometheus().await;
    let to = |state: &str| {
        format!(
            r#"toolgate_breaker_transitions_total{{toolgate_breaker="tool:refund",toolgate_to="{state}"}}"#
        )
    };
    rig.check_metrics(
        &stats,
        &[
            (&to("open"), 2),
            (&to("half_open"), 2),
            (&to("closed"), 1),
            (open, 0),
        ],
    );
    assert!(!stats.contains("server:bank"), "{stats}");
    assert!(!stats.contains("tool:look"), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tool_that_fails_opens_its_own_breaker_over_event_streams() {
    one_tool_that_fails(serve::mcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tool_that_fails_opens_its_own_breaker_over_json() {
    one_tool_that_fails(serve::mcp_json).await;
}

/// And what is open stays so when another configuration comes; its numbers count from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_opens_the_breaker_of_all_its_tools() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = place.local_addr().expect("bound");
    drop(place);
    let breaker = |open| json!({ "failures": 3, "within": "24h", "open": open });
    let mut rig = Rig::start(configuration(&Value::Null, &breaker("1h")), addr).await;
    for tool in ["refund", "look", "refund"] {
        let (answer, record) = rig.call(tool).await;
        assert_eq!(answer, json!(503));
        assert_eq!(record["result"], "transport_error");
    }
    for tool in ["look", "refund"] {
        rig.refused_by_all(tool, "server:bank").await;
    }

    let moody = Moody::default();
    let _server = Served::start(serve::mcp(moody), addr.port()).expect("a server");
    let sooner = configuration(&Value::Null, &breaker("1ms"));
    rig.envoy.update(&rig.setup, 0, &sooner);
    let (answer, record) = rig.probe("refund").await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let expected = json!([
        turned("server:bank", "open", "half_open"),
        turned("server:bank", "half_open", "closed"),
    ]);
    assert_eq!(record["breakers"], expected, "{record}");
}

/// Whoever comes while a probe is under way is refused; and a client that goes away takes no
/// probe with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_probe_at_a_time_whoever_asks() {
    let ill = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&ill);
    let server = Recorder::scripted(move |seen| {
        let answer = Answer::success(seen);
        if state.load(SeqCst) {
            return answer.status(500);
        }
        Answer {
            steps: [vec![Step::Gate], answer.steps.clone()].concat(),
            ..answer
        }
    })
    .await;
    let breaker = json!({ "failures": 1, "within": "24h", "open": "4s" });
    let rarely = json!({ "on": [], "slow": "1h" });
    let mut rig = Rig::start(configuration(&breaker, &rarely), server.addr()).await;
    let (answer, _) = rig.call("refund").await;
    assert_eq!(answer, json!(500));
    ill.store(false, SeqCst);
    server.clear();

    let to = rig.envoy.addr();
    // The first probe: it hangs, and its client goes away.
    drop(probing(to, &server, 1).await);
    // Another takes its place, long before it would have been given up.
    let gone = Instant::now();
    let mut probe = probing(to, &server, 2).await;
    assert!(
        gone.elapsed() < Duration::from_secs(3),
        "{:?}",
        gone.elapsed()
    );

    // While it is under way: nobody else.
    let mut others = JoinSet::new();
    for _ in 0..32 {
        others.spawn(async move { client::send(to, &legacy_call("refund", &json!({}))).await });
    }
    for other in others.join_all().await {
        let other = other.expect("an answer").json();
        assert_eq!(
            other["result"]["_meta"]["toolgate/denial"]["reason"], "breaker_open",
            "{other}"
        );
    }
    assert_eq!(server.seen().len(), 2);
    server.open_gate();
    server.open_gate();
    let answer = probe.response().await.expect("the probe's answer");
    assert_eq!(answer.json()["result"]["isError"], false);
    eventually("it is closed", async || {
        let metrics = rig.envoy.prometheus().await;
        metrics
            .contains(r#"toolgate_breaker_open{toolgate_breaker="tool:refund"} 0"#)
            .then_some(())
    })
    .await;
}

/// Calls until the server sees a call, its `count`th, and leaves that unanswered.
async fn probing(to: SocketAddr, server: &Recorder, count: usize) -> Connection {
    let request = legacy_call("refund", &json!({})).bytes(&to.to_string());
    eventually("a probe reaches the server", async || {
        let mut connection = Connection::open(to).await.ok()?;
        connection.write(&request).await.ok()?;
        tokio::select! {
            refused = connection.response() => { refused.expect("an answer"); None }
            _ = server.wait(count) => Some(connection),
        }
    })
    .await
}
