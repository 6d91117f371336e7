//! Configuration costs nobody a request: neither one that compiles nor one that does not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::bundle;
use tests::client::Response;
use tests::envoy::{Envoy, Gateway, Setup};
use tests::load::{self, Measured};
use tests::message::call;
use tests::recorder::{Answer, Recorder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_does_not_compile_changes_nothing() {
    let stage = Stage::set(0).await;
    let broken = bundle::bundle(
        &registry(3),
        &json!({ "version": "2", "rules": [
            { "id": "one", "tools": ["no_such_tool"], "decision": "allow" },
            { "id": "two", "tools": ["refund"], "when": "args.amount <", "decision": "allow" },
            { "id": "three", "tools": ["refund"], "when": "args.amonut < 3", "decision": "allow" },
            { "id": "four", "tools": ["refund"], "decison": "allow" },
        ] }),
    );
    let refusal = async {
        stage.envoy.update(&stage.setup, 0, &broken);
        let refused = "extension_config_discovery.http_filter.toolgate-0.config_fail";
        let refused = stat(&stage.envoy, refused).await;
        stage.envoy.wait_stat(&refused, 1).await;
        let counted = "wasmcustom.toolgate_config_rejected";
        stage.envoy.wait_stat(counted, 1).await;
    };
    let (during, ()) = stage.load(refusal).await;
    let (after, ()) = stage.load(tokio::time::sleep(LOAD)).await;
    for run in [&during, &after] {
        assert!(run.failures.is_empty(), "{:?}", run.failures);
    }
    assert!(after.answers.len() > 100, "{} answers", after.answers.len());
    let log = stage.envoy.log();
    for problem in ["no_such_tool", "rules[1].when", "amonut", "decison"] {
        assert!(log.contains(problem), "`{problem}` is not in\n{log}");
    }
    let answers = during.answers.len() + after.answers.len();
    let lines = stage.envoy.wait_access_log(0, answers).await;
    let last = lines.last().expect("calls were made");
    assert_eq!(last["toolgate"]["policyVersion"], "1", "{last}");

    // And the next good one is taken.
    stage.take(&good(0, "3")).await;
    let (under, ()) = stage.load(tokio::time::sleep(LOAD)).await;
    assert!(under.failures.is_empty(), "{:?}", under.failures);
    let answers = answers + under.answers.len();
    let lines = stage.envoy.wait_access_log(0, answers).await;
    let last = lines.last().expect("calls were made");
    assert_eq!(last["toolgate"]["policyVersion"], "3", "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tools_arrive_unnoticed() {
    let stage = Stage::set(0).await;
    let mut told = Vec::new();
    // A busy machine pauses by itself; what an update adds is seen where it does not.
    for attempt in 0..5 {
        let (before, ()) = stage.load(tokio::time::sleep(LOAD)).await;
        let large = good(1_000, &format!("large-{attempt}"));
        let (during, took) = stage.load(stage.take(&large)).await;
        for run in [&before, &during] {
            assert!(run.failures.is_empty(), "{:?}", run.failures);
        }
        let (quiet, busy) = (pause(&before), pause(&during));
        told.push(format!(
            "longest pause {quiet:?}, with an update {busy:?}; live in {took:?}"
        ));
        println!("{}", told[attempt]);
        if busy < quiet + Duration::from_millis(50) {
            return;
        }
    }
    panic!("{}", told.join("\n"));
}

/// The longest time in which the only worker answered nobody.
fn pause(run: &Measured) -> Duration {
    let gaps = run.answers.windows(2).map(|pair| pair[1].0 - pair[0].0);
    gaps.max().unwrap_or_default()
}

/// One worker, and a configuration that comes from a file.
struct Stage {
    setup: Setup,
    envoy: Envoy,
    _upstream: Recorder,
}

impl Stage {
    async fn set(more: usize) -> Self {
        let upstream = Recorder::scripted(|_| {
            Answer::json(&json!({
                "jsonrpc": "2.0", "id": 1,
                "result": { "resultType": "complete", "content": [], "isError": false },
            }))
        })
        .await;
        let gateway = Gateway::toolgate(good(more, "1"), &[("payments", upstream.addr())])
            .with_filter(|filter| filter.live = true);
        let setup = Setup::one(gateway);
        let envoy = Envoy::start(&setup).await;
        Self {
            setup,
            envoy,
            _upstream: upstream,
        }
    }

    /// Calls on every connection for as long as `work` takes.
    async fn load<T>(&self, work: impl Future<Output = T>) -> (Measured, T) {
        let request = call("refund", &json!({ "customerId": "C-1001", "amount": 12.5 }));
        load::during(self.envoy.addr(), &request, 8, allowed, work).await
    }

    /// Updates the configuration, and waits until the worker has it too.
    async fn take(&self, bundle: &str) -> Duration {
        let began = Instant::now();
        let loaded = "wasmcustom.toolgate_config_loaded";
        let before = self.envoy.stats().await[loaded];
        self.envoy.update(&self.setup, 0, bundle);
        // To try it, in the main thread, and in the worker.
        self.envoy.wait_stat(loaded, before + 3).await;
        began.elapsed()
    }
}

fn allowed(answer: &Response) -> bool {
    answer.status == 200 && answer.text().contains("\"isError\":false")
}

/// A counter's whole name; Envoy puts the scope of the listener before it.
async fn stat(envoy: &Envoy, suffix: &str) -> String {
    let stats = envoy.stats().await;
    let name = stats.into_keys().find(|name| name.ends_with(suffix));
    name.unwrap_or_else(|| panic!("no counter ends in {suffix}"))
}

/// Refunds are allowed; beside them so many more tools, each with a rule of its own.
fn good(more: usize, version: &str) -> String {
    let mut rules = vec![json!({
        "id": "small", "tools": ["refund"], "when": "args.amount <= 100", "decision": "allow",
    })];
    rules.extend((0..more).map(|n| {
        json!({
            "tools": [format!("refund_{n}")],
            "require": { "roles": ["agent"] },
            "when": format!("args.amount <= {n}.5 && args.reason != ''"),
            "decision": "allow",
        })
    }));
    bundle::bundle(
        &registry(more),
        &json!({ "version": version, "rules": rules }),
    )
}

fn registry(more: usize) -> Value {
    let tool = |name: String| {
        json!({
            "name": name,
            "description": "Create a customer refund for a settled order.",
            "inputSchema": {
                "type": "object",
                "required": ["customerId", "amount"],
                "additionalProperties": false,
                "properties": {
                    "customerId": { "type": "string", "minLength": 3 },
                    "orderId": { "type": "string", "pattern": "^O-[0-9]{4}$" },
                    "amount": { "type": "number", "minimum": 0.01, "maximum": 5000 },
                    "reason": { "type": "string", "minLength": 10, "maxLength": 500 },
                },
            },
        })
    };
    let names =
        std::iter::once("refund".to_owned()).chain((0..more).map(|n| format!("refund_{n}")));
    bundle::registry(&[("payments", names.map(tool).collect())])
}

/// How long a load lasts that waits for nothing.
const LOAD: Duration = Duration::from_secs(2);
