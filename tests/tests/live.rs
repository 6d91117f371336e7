//! Configurations that arrive while Envoy serves: good ones take over, bad ones change nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::call;
use tests::recorder::Recorder;

/// Refunds up to `limit` are allowed; as many more tools and rules as wanted stand beside them.
fn refunds(version: &str, limit: u32, more: usize) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["amount"],
        "additionalProperties": false,
        "properties": {
            "customerId": { "type": "string", "minLength": 3 },
            "orderId": { "type": "string", "minLength": 3 },
            "amount": { "type": "number", "minimum": 0.01, "maximum": 5000 },
            "reason": { "type": "string", "minLength": 10, "maxLength": 500 },
        },
    });
    let tool = |name: String| json!({ "name": name, "inputSchema": schema });
    let mut tools = vec![tool("refund".to_owned())];
    tools.extend((0..more).map(|n| tool(format!("tool-{n}"))));
    let rule = |id: String, tool: String, limit: u32| {
        json!({
            "id": id, "tool": tool, "when": format!("args.amount <= {limit}"), "decision": "allow",
        })
    };
    let mut rules = vec![rule("small".to_owned(), "refund".to_owned(), limit)];
    rules.extend((0..more).map(|n| rule(format!("rule-{n}"), format!("tool-{n}"), 7)));
    json!({
        "registry": bundle::registry(&[("payments", tools)]),
        "policy": { "version": version, "rules": rules },
    })
}

fn refund(amount: u32) -> Request {
    call("refund", &json!({ "amount": amount }))
}

fn is_done(answer: &Response) -> bool {
    answer.status == 200 && answer.json()["result"]["isError"] == false
}

/// Calls that never stop until told so.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    callers: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Load {
    /// Each caller makes one allowed call after another.
    fn start(to: SocketAddr, callers: usize) -> Self {
        let (stop, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let callers = (0..callers)
            .map(|_| {
                let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        match client::send(to, &refund(1)).await {
                            Ok(answer) if is_done(&answer) => done.fetch_add(1, Ordering::Relaxed),
                            answer => return Err(format!("{answer:?}")),
                        };
                    }
                    Ok(())
                })
            })
            .collect();
        Self {
            stop,
            done,
            callers,
        }
    }

    /// Waits until so many more calls were answered.
    async fn carry(&self, more: u64) {
        let enough = self.done.load(Ordering::Relaxed) + more;
        while self.done.load(Ordering::Relaxed) < enough
            && !self
                .callers
                .iter()
                .any(tokio::task::JoinHandle::is_finished)
        {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller
                .await
                .expect("a caller does not panic")
                .expect("every call is answered");
        }
    }
}

async fn live(bundle: &Value) -> (Recorder, Setup, Envoy) {
    let recorder = Recorder::start().await;
    let gateway = Gateway::toolgate(bundle.to_string(), &[("payments", recorder.addr())])
        .with_filter(|filter| filter.live = true);
    let setup = Setup {
        gateways: vec![gateway],
        concurrency: 2,
    };
    let envoy = Envoy::start(&setup).await;
    (recorder, setup, envoy)
}

const LOADED: &str = "wasmcustom.toolgate_config_loaded";
const REJECTED: &str = "wasmcustom.toolgate_config_rejected";
/// Times that one configuration is loaded: by the main thread, and by each of two workers.
const THREADS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_does_not_compile_changes_nothing() {
    let (_recorder, setup, envoy) = live(&refunds("one", 100, 0)).await;
    let to = envoy.addr();
    let load = Load::start(to, 4);
    load.carry(50).await;

    let mut wrong = refunds("two", 200, 0);
    wrong["policy"]["rules"][0]["when"] = json!("args.amuont <= 200");
    wrong["policy"]["denied_tools"] = json!(["refnud"]);
    let not_json = "{ \"registry\": ".to_owned();
    for (index, bad) in [wrong.to_string(), not_json].into_iter().enumerate() {
        envoy.update(&setup, 0, &bad);
        envoy.wait_stat(REJECTED, index as u64 + 1).await;
        load.carry(50).await;
        let answer = client::send(to, &refund(150)).await.expect("an answer");
        assert_eq!(
            answer.json()["result"]["_meta"]["toolgate/denial"]["policyVersion"],
            "one",
            "{answer:?}"
        );
    }
    let log = envoy.log();
    for problem in ["amuont", "refnud", "not acceptable as JSON"] {
        assert!(log.contains(problem), "{problem} is not in the log:\n{log}");
    }

    let loaded = envoy.stats().await.get(LOADED).copied().unwrap_or_default();
    envoy.update(&setup, 0, &refunds("three", 200, 0).to_string());
    envoy.wait_stat(LOADED, loaded + THREADS).await;
    load.carry(50).await;
    load.stop().await;
    assert!(is_done(
        &client::send(to, &refund(150)).await.expect("an answer")
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bundles_arrive_under_load_without_an_error() {
    let (_recorder, setup, envoy) = live(&refunds("one", 100, 0)).await;
    let load = Load::start(envoy.addr(), 8);
    load.carry(50).await;
    for round in 0..3 {
        let loaded = envoy.stats().await.get(LOADED).copied().unwrap_or_default();
        let version = format!("large-{round}");
        envoy.update(
            &setup,
            0,
            &refunds(&version, 200 + round, 1_000).to_string(),
        );
        envoy.wait_stat(LOADED, loaded + THREADS).await;
        load.carry(50).await;
        let answer = client::send(envoy.addr(), &refund(999))
            .await
            .expect("an answer");
        assert_eq!(
            answer.json()["result"]["_meta"]["toolgate/denial"]["policyVersion"],
            version,
            "{answer:?}"
        );
    }
    load.stop().await;
}
