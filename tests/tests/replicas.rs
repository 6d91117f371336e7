//! Sessions at an address behind which there are many servers: at home on every replica of the
//! gateway, and found again where a server has lost its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::counter::Counter;
use tests::envoy::{Envoy, Gateway, Setup, within};
use tests::message::legacy;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_at_home_on_every_replica() {
    let mut fleet = Fleet::start().await;
    let to = fleet.balancer.addr();
    let unopened = (0..SESSIONS).map(|_| Session::unopened(to)).collect();
    let sessions = each(unopened, |mut session| async move {
        session.open().await;
        session.call(3).await;
        session
    })
    .await;
    let lost: Vec<_> = sessions.iter().flat_map(|one| &one.lost).collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    let both = used(&fleet.replicas[0]);
    let both = both.intersection(&used(&fleet.replicas[1])).count();
    assert!(both > SESSIONS * 9 / 10, "{both} used both replicas");
    for counter in &fleet.counters {
        assert_eq!(counter.sessions().await.len(), SESSIONS);
    }

    // One replica ends at once, as a machine does that loses its power.
    let before = requests(&fleet.replicas[1]).await;
    let work = tokio::spawn(each(sessions, |mut session| async move {
        session.call(3).await;
        session
    }));
    within(PATIENCE, "the replica is in use", async || {
        (requests(&fleet.replicas[1]).await > before + 300).then_some(())
    })
    .await;
    drop(fleet.replicas.pop());
    let ended = Instant::now();
    let sessions = work.await.expect("no caller panics");
    let lost: Vec<_> = sessions.iter().flat_map(|one| &one.lost).collect();
    eprintln!("{} calls were in flight when a replica ended", lost.len());
    let late: Vec<_> = lost.iter().filter(|(began, _)| *began > ended).collect();
    assert!(late.is_empty() && lost.len() <= CALLERS, "{lost:?}");
    let lost = lost.len();

    let sessions = each(sessions, |mut session| async move {
        session.call(1).await;
        session.close().await;
        session
    })
    .await;
    let in_all: usize = sessions.iter().map(|one| one.lost.len()).sum();
    assert_eq!(in_all, lost);
    for counter in &fleet.counters {
        within(PATIENCE, "no session is left", async || {
            counter.sessions().await.is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_survives_a_server_that_forgot_it() {
    let mut fleet = Fleet::start().await;
    let to = fleet.balancer.addr();
    let mut session = Session::unopened(to);
    session.open().await;
    session.call(4).await;
    let [left, right] = fleet.counters;
    fleet.counters = [left.restart().await, right];
    // Each replica finds out for itself, and begins anew.
    session.next[0] = 1..=2;
    session.call(1).await;
    session.next[0] = 1..=2;
    session.call(1).await;
    assert!(session.lost.is_empty(), "{:?}", session.lost);
    session.close().await;
}

/// Two Envoys with one secret, a balancer that takes turns among them, and two servers behind each.
struct Fleet {
    balancer: Envoy,
    replicas: Vec<Envoy>,
    counters: [Counter; 2],
}

impl Fleet {
    async fn start() -> Self {
        let counters = [Counter::start(), Counter::start()];
        let mut registry = json!({ "version": "1", "servers": {}, "tools": [] });
        registry["virtual"] = json!({ "path": "/mcp", "name": "counters", "version": "1" });
        for (server, tool) in SERVERS.into_iter().zip(TOOLS) {
            let place = json!({ "cluster": server, "path": "/mcp", "protocol": "2025-11-25" });
            registry["servers"][server] = place;
            let mut entry = Counter::tool();
            entry["mcpTool"] = entry["name"].take();
            entry["name"] = json!(tool);
            entry["mcpServer"] = json!(server);
            registry["tools"]
                .as_array_mut()
                .expect("a list")
                .push(entry);
        }
        let policy = json!({
            "version": "1",
            "identity": { "user": { "header": "x-user", "trusted": true } },
            "rules": [{ "id": "all", "tools": ["*"], "decision": "allow" }],
        });
        let servers = [0, 1].map(|at| (SERVERS[at], counters[at].addr()));
        let setup = Setup::one(Gateway::toolgate(
            bundle::bundle(&registry, &policy),
            &servers,
        ));
        let replicas = vec![Envoy::start(&setup).await, Envoy::start(&setup).await];
        let addresses: Vec<_> = replicas.iter().map(Envoy::addr).collect();
        Self {
            balancer: Envoy::start(&Setup::one(turns(&addresses))).await,
            replicas,
            counters,
        }
    }
}

/// A gateway that gives each request to the next replica. What reached none goes to another; what
/// reached one is never sent again.
fn turns(replicas: &[SocketAddr]) -> Gateway {
    let endpoint = |addr: &SocketAddr| {
        let address = json!({ "address": addr.ip().to_string(), "port_value": addr.port() });
        json!({ "endpoint": { "address": { "socket_address": address } } })
    };
    let endpoints: Vec<Value> = replicas.iter().map(endpoint).collect();
    const PROTOCOL: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let cluster = json!({
        "name": "replicas",
        "connect_timeout": "5s",
        "circuit_breakers": { "thresholds": [{ "max_retries": 1000 }] },
        "load_assignment": {
            "cluster_name": "replicas", "endpoints": [{ "lb_endpoints": endpoints }],
        },
        // On a connection of its own, a request cannot be written to a replica that is gone.
        "typed_extension_protocol_options": { PROTOCOL: {
            "@type": format!("type.googleapis.com/{PROTOCOL}"),
            "common_http_protocol_options": { "max_requests_per_connection": 1 },
            "explicit_http_config": { "http_protocol_options": {} },
        } },
    });
    let another = json!({
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate" },
    });
    let retries = json!({
        "retry_on": "connect-failure", "num_retries": 1,
        "retry_host_predicate": [another], "host_selection_retry_max_attempts": 5,
    });
    Gateway {
        others: vec![cluster],
        route: json!({
            "route": { "cluster": "replicas", "timeout": "0s", "retry_policy": retries },
        }),
        ..Gateway::plain(replicas[0])
    }
}

/// How many requests came to a replica.
async fn requests(replica: &Envoy) -> u64 {
    replica.stats().await["http.gateway-0.downstream_rq_total"]
}

/// The sessions that were used on a replica.
fn used(replica: &Envoy) -> BTreeSet<String> {
    let lines = replica.access_log(0).into_iter();
    lines
        .filter_map(|line| Some(line["toolgate"]["sessionId"].as_str()?.to_owned()))
        .collect()
}

/// A client of the initialize era, and what it knows of its session.
#[derive(Debug)]
struct Session {
    to: SocketAddr,
    id: String,
    /// What each server may count next: a call that was lost may have been counted.
    next: [RangeInclusive<u64>; 2],
    /// Calls without a result: when they began, and what came.
    lost: Vec<(Instant, String)>,
}

impl Session {
    fn unopened(to: SocketAddr) -> Self {
        Self {
            to,
            id: String::new(),
            next: [1..=1, 1..=1],
            lost: Vec::new(),
        }
    }

    async fn open(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "rig", "version": "1" },
        });
        let opening = self.post(&legacy("initialize", &params));
        let answer = client::send(self.to, &opening).await.expect("an answer");
        let id = answer.header("mcp-session-id");
        self.id = id.unwrap_or_else(|| panic!("{answer:?}")).to_owned();
        let opened = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let opened = self.post(&opened);
        let answer = client::send(self.to, &opened).await.expect("an answer");
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Calls each server's tool so many times.
    async fn call(&mut self, times: usize) {
        for _ in 0..times {
            for (server, tool) in TOOLS.into_iter().enumerate() {
                let began = Instant::now();
                let answer = client::send(self.to, &self.request(tool)).await;
                let answer = answer.map_err(|fault| fault.to_string());
                let (first, last) = self.next[server].clone().into_inner();
                self.next[server] = match answer.and_then(counted) {
                    Ok(count) => {
                        assert!(
                            (first..=last).contains(&count),
                            "{tool}: {count}, not {first}"
                        );
                        count + 1..=count + 1
                    }
                    Err(what) => {
                        self.lost.push((began, what));
                        first..=last + 1
                    }
                };
            }
        }
    }

    async fn close(&self) {
        let answer = client::send(self.to, &self.end()).await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{answer:?}");
    }

    fn request(&self, tool: &str) -> Request {
        let params = json!({ "name": tool, "arguments": {} });
        self.post(&legacy("tools/call", &params))
    }

    fn end(&self) -> Request {
        self.with_id(Request::new("DELETE", "/mcp"))
    }

    fn post(&self, message: &Value) -> Request {
        self.with_id(Request::post("/mcp", message.to_string()))
    }

    fn with_id(&self, request: Request) -> Request {
        let request = request.header("x-user", "alice");
        if self.id.is_empty() {
            return request;
        }
        let request = request.header("mcp-session-id", &self.id);
        request.header("mcp-protocol-version", "2025-11-25")
    }
}

/// What a counter said, or what came in its place.
fn counted(answer: Response) -> Result<u64, String> {
    if answer.status != 200 {
        return Err(format!("{answer:?}"));
    }
    let message = answer.json();
    let text = message["result"]["content"][0]["text"].as_str();
    let count = text.and_then(|text| text.parse().ok());
    count.ok_or_else(|| message.to_string())
}

/// Takes every session through `work`, many at a time.
async fn each<W>(sessions: Vec<Session>, work: fn(Session) -> W) -> Vec<Session>
where
    W: Future<Output = Session> + Send + 'static,
{
    let waiting = Arc::new(Mutex::new(sessions.into_iter()));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let waiting = Arc::clone(&waiting);
        callers.spawn(async move {
            let next = || waiting.lock().expect("no holder panics").next();
            let mut done = Vec::new();
            while let Some(session) = next() {
                done.push(work(session).await);
            }
            done
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

const SERVERS: [&str; 2] = ["left", "right"];
/// The only tool of each, under the name that it has here.
const TOOLS: [&str; 2] = ["count_left", "count_right"];
const SESSIONS: usize = 1_000;
/// How many use their sessions at the same time.
const CALLERS: usize = 32;
/// A busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
