//! Compares what a call costs: plain Envoy, a filter that does nothing, Envoy's own MCP filter with
//! RBAC, and Toolgate without limits, with one and with five.
//!
//! One Envoy with one worker runs all six; rounds are interleaved, so that a busy machine is busy
//! for each alike. What counts are the ratios to plain Envoy. `bench [ROUNDS [SECONDS]]`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tests::client::{self, Response};
use tests::envoy::{Envoy, Filter, Gateway, Setup};
use tests::load::{self, Measured};
use tests::message::call;
use tests::serve::Served;
use tests::{bundle, tools};

const CONTESTANTS: [&str; 6] = [
    "plain",
    "no-op wasm",
    "mcp + rbac",
    "toolgate",
    "+ 1 limit",
    "+ 5 limits",
];

// One thread for clients and server, one for Envoy.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().ok());
    let rounds = arguments.next().flatten().unwrap_or(5);
    let time = Duration::from_secs(arguments.next().flatten().unwrap_or(1));

    let server = Served::start(server(), 0).expect("loopback has ports");
    let setup = setup(server.addr());
    println!("module {} bytes\n\nready after", size());
    for (gateway, name) in setup.gateways.iter().zip(CONTESTANTS) {
        let alone = Envoy::start(&Setup::one(gateway.clone())).await;
        let (ready, memory) = (alone.started_in().as_secs_f64(), resident(alone.pid()));
        println!("{name:12} {ready:6.2} s, {memory:4} MB resident");
    }
    let envoy = Envoy::start(&setup).await;

    for (label, note) in [("0.5 kB", 200), ("20 kB", 20_000)] {
        let request = call(
            "refund",
            &json!({ "amount": 12.5, "note": "x".repeat(note) }),
        );
        // Who governs refuses what it can tell apart: a tool by its name, a call by its worth.
        let other = call("other", &json!({}));
        let worth = call("refund", &json!({ "amount": 1e6 }));
        for (index, refused) in [
            (2, &other),
            (3, &other),
            (3, &worth),
            (4, &worth),
            (5, &worth),
        ] {
            let answer = client::send(envoy.gateway(index), refused)
                .await
                .expect("an answer");
            assert!(
                !succeeded(&answer),
                "{} lets pass: {answer:?}",
                CONTESTANTS[index]
            );
        }
        for connections in [1, 16] {
            let mut runs: [Vec<Measured>; CONTESTANTS.len()] = Default::default();
            for round in 0..rounds as usize + 1 {
                for turn in 0..CONTESTANTS.len() {
                    let index = (round + turn) % CONTESTANTS.len();
                    let to = envoy.gateway(index);
                    let run = load::run(to, &request, connections, time, succeeded).await;
                    assert_eq!(run.failures.first(), None, "{}", CONTESTANTS[index]);
                    // The first round warms up.
                    if round > 0 {
                        runs[index].push(run);
                    }
                }
            }
            report(label, connections, &runs);
        }
    }
}

fn report(label: &str, connections: usize, runs: &[Vec<Measured>; CONTESTANTS.len()]) {
    println!("\n{label}, {connections} connection(s)");
    println!(
        "{:<12} {:>14} {:>18} {:>18}",
        "", "calls/s", "p50 µs", "p99 µs"
    );
    let figures = runs.each_ref().map(|runs| {
        [
            median(runs, Measured::rate),
            median(runs, |run| run.percentile(0.5).as_secs_f64() * 1e6),
            median(runs, |run| run.percentile(0.99).as_secs_f64() * 1e6),
        ]
    });
    for (name, row) in CONTESTANTS.iter().zip(&figures) {
        let cell = |at: usize| format!("{:.0} ({:.2})", row[at], row[at] / figures[0][at]);
        println!("{name:<12} {:>14} {:>18} {:>18}", cell(0), cell(1), cell(2));
    }
}

fn median(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn succeeded(answer: &Response) -> bool {
    answer.status == 200
        && answer
            .body
            .windows(ANSWER.len())
            .any(|window| window == ANSWER)
}

/// Answers every call at once.
fn server() -> Router {
    let answer = json!({
        "jsonrpc": "2.0", "id": 1,
        "result": {
            "resultType": "complete",
            "content": [{ "type": "text", "text": "settled" }],
            "isError": false,
        },
    })
    .to_string();
    Router::new().fallback(move |_body: axum::body::Bytes| {
        let answer = answer.clone();
        async move { ([(CONTENT_TYPE, "application/json")], answer) }
    })
}

/// Resident memory of a process, in megabytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1_000
}

fn setup(server: SocketAddr) -> Setup {
    let plain = Gateway::plain(server);
    let named = |name: &str, kind: &str, mut config: Value| {
        config["@type"] = format!("type.googleapis.com/{kind}").into();
        (true, json!({ "name": name, "typed_config": config }))
    };
    let wasm = Filter {
        wasm: tools::noop(),
        bundle: String::new(),
        hold_head: true,
        reload: true,
        live: false,
        vm_id: "noop".into(),
        secret: None,
    };
    let noop = named(
        "noop",
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({ "config": {
            "name": "noop",
            "vm_config": {
                "vm_id": wasm.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": wasm.wasm } },
            },
        } }),
    );
    let mcp = named(
        "envoy.filters.http.mcp",
        "envoy.extensions.filters.http.mcp.v3.Mcp",
        json!({ "traffic_mode": "REJECT_NO_MCP", "max_request_body_size": 4_194_304 }),
    );
    let tool = json!({ "metadata": {
        "filter": "envoy.filters.http.mcp",
        "path": [{ "key": "params" }, { "key": "name" }],
        "value": { "string_match": { "exact": "refund" } },
    } });
    let rbac = named(
        "envoy.filters.http.rbac",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        json!({ "rules": { "action": "ALLOW", "policies": { "tools": {
            "permissions": [tool], "principals": [{ "any": true }],
        } } } }),
    );
    let toolgate = |limits| Gateway::toolgate(bundle(limits), &[("payments", server)]);
    let gateways = vec![
        plain.clone(),
        Gateway {
            extra: vec![noop],
            ..plain.clone()
        },
        Gateway {
            extra: vec![mcp, rbac],
            ..plain
        },
        toolgate(0),
        toolgate(1),
        toolgate(5),
    ];
    Setup {
        gateways,
        concurrency: 1,
    }
}

/// A bundle with the first so many limits, none of which is ever reached.
fn bundle(limits: usize) -> String {
    let tool = json!({
        "name": "refund",
        "inputSchema": {
            "type": "object",
            "required": ["amount"],
            "additionalProperties": false,
            "properties": {
                "amount": { "type": "number", "minimum": 0.01 },
                "note": { "type": "string" },
            },
        },
    });
    // One of each kind that people write.
    let most = [
        json!({ "per": ["user", "agent"], "requests_per_hour": 1_000_000_000 }),
        json!({ "per": ["user", "agent", "call"], "requests_per_minute": 1_000_000_000 }),
        json!({ "per": "tenant", "cost_per_hour": 1_000_000_000, "burst": 1_000_000_000 }),
        json!({ "per": "tool", "result_bytes_per_hour": 1_000_000_000_000_u64 }),
        json!({ "concurrent_calls": 1_000_000 }),
    ];
    let policy = json!({
        "version": "1",
        "rules": [{
            "id": "small", "tools": ["refund"], "when": "args.amount <= 100", "decision": "allow",
            "limits": most.get(..limits).expect("so many are there"),
        }],
    });
    bundle::bundle(&bundle::registry(&[("payments", vec![tool])]), &policy)
}

fn size() -> u64 {
    std::fs::metadata(tools::filter())
        .map(|module| module.len())
        .unwrap_or_default()
}

const ANSWER: &[u8] = b"settled";
