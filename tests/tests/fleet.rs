//! Limits of a whole fleet: several Envoys, and a rate-limit service that counts for all of them.
//!
//! Policies are written as people write them; what Envoy and the service have to know is what
//! `toolgate render` makes of them.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::demo::Demo;
use tests::envoy::{Envoy, Gateway, Setup, eventually};
use tests::message;
use tests::ratelimit::{Limiter, Redis, Seen};
use tests::serve::Served;
use tests::tools;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_envoys_admit_together_what_one_service_counts() {
    let rules = json!([
        {
            "id": "reads",
            "tool": "crm.lookup_customer",
            "decision": "allow",
            "limits": [
                { "id": "all", "scope": "global", "per": "agent", "requests_per_month": ALL },
                { "id": "loop", "scope": "global", "per": ["agent", "call"],
                  "requests_per_month": LOOP },
                { "id": "here", "requests_per_month": 1_000 },
            ],
        },
    ]);
    let fleet = Fleet::start("limitador", &rules, &json!({}), None, 2).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let to = fleet.envoys[caller % 2].addr();
        callers.spawn(async move {
            let mut told = Vec::new();
            for call in 0..CALLS {
                let customer = format!("C-{caller}-{call}");
                told.push(lookup(to, "a", &customer).await);
            }
            told
        });
    }
    let told = callers.join_all().await.concat();
    let (passed, denied): (Vec<_>, Vec<_>) = told.iter().partition(|told| is_admitted(told));
    assert_eq!((passed.len(), denied.len()), (ALL, CALLERS * CALLS - ALL));
    assert_eq!(fleet.crm.calls().len(), ALL);
    for response in told.iter().filter(|told| !is_admitted(told)) {
        let denial = &response.json()["result"]["_meta"]["toolgate/denial"];
        assert_eq!(
            (&denial["reason"], &denial["limit"], &denial["left"]),
            (&json!("limit_reached"), &json!("all"), &json!(0)),
            "{denial}"
        );
        assert!(
            denial["retryAfterMs"].as_u64() < Some(31 * 86_400_000),
            "{denial}"
        );
        assert_eq!(response.status, 200);
    }
    let of_envoy = |response: &Response| {
        let names = [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-envoy-ratelimited",
        ];
        names.map(|name| response.header(name).map(str::to_owned))
    };
    for response in &told {
        assert_eq!(
            of_envoy(response),
            [None, None, None],
            "{}",
            response.text()
        );
    }

    // Another agent has a count of its own; its loops end at either gateway.
    for call in 0..=LOOP {
        let told = lookup(fleet.envoys[call % 2].addr(), "b", "C-1")
            .await
            .json();
        let reason = &told["result"]["_meta"]["toolgate/denial"]["reason"];
        let expected = if call < LOOP {
            Value::Null
        } else {
            json!("loop_detected")
        };
        assert_eq!(*reason, expected, "{told}");
    }

    // What was refused counts for nothing here, and is on record as what it was.
    for (place, envoy) in fleet.envoys.iter().enumerate() {
        let lines = envoy.wait_access_log(0, 1).await;
        let answers = |answer: &str| {
            let lines = lines.iter().map(|line| &line["toolgate"]);
            let of = lines.filter(|record| record["rateLimitService"]["answer"] == answer);
            of.cloned().collect::<Vec<_>>()
        };
        let (admitted, limited) = (answers("admitted"), answers("limited"));
        assert_eq!(admitted.len() + limited.len(), lines.len(), "{place}");
        assert!(limited.iter().all(|record| record["result"] == "denied"));
    }
    let last = lookup(fleet.envoys[0].addr(), "c", "C-1").await;
    assert!(is_admitted(&last));
    let records = fleet.records(0).await;
    let passed = records.iter().filter(|one| one["result"] != "denied");
    let rest = 1_000 - passed.count() as u64;
    assert_eq!(left(records.last().unwrap(), "here"), Some(rest));

    // Nobody is asked about what is no call.
    fleet.limiters[0].seen();
    for method in ["server/discover", "tools/list"] {
        let request = Request::modern("/mcp", &message::modern(method, json!({})));
        let told = client::send(fleet.envoys[0].addr(), &request)
            .await
            .unwrap();
        assert_eq!(told.status, 200, "{method}");
    }
    assert_eq!(fleet.limiters[0].seen(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn costs_and_sizes_are_counted_as_they_are() {
    let rules = json!([
        {
            "id": "reads",
            "tool": "crm.lookup_customer",
            "decision": "allow",
            "limits": [{ "id": "cost", "scope": "global", "cost_per_month": 12 }],
        },
        {
            "id": "searches",
            "tool": "crm.search_accounts",
            "decision": "allow",
            "limits": [
                { "id": "bytes", "scope": "global", "result_bytes_per_month": 1 },
                { "id": "tokens", "scope": "global", "tokens_per_month": 1_000_000 },
            ],
        },
    ]);
    let fleet = Fleet::start("ratelimit", &rules, &json!({}), None, 2).await;
    // Five units each.
    for (call, admitted) in [true, true, false, false].into_iter().enumerate() {
        let told = lookup(fleet.envoys[call % 2].addr(), "a", "C-1001").await;
        assert_eq!(is_admitted(&told), admitted, "{call}: {}", told.text());
    }
    fleet.limiters[0].seen();
    let told = search(fleet.envoys[0].addr()).await;
    assert!(is_admitted(&told), "{}", told.text());
    // What an answer counts for is told when it has passed.
    let mut told = Vec::new();
    eventually("the service has heard of it", async || {
        // When the call comes it is only asked, for no hits.
        let seen = fleet.limiters[0].seen();
        told.extend(seen.into_iter().filter(|seen| seen.hits > 0));
        (told.len() >= 2).then_some(())
    })
    .await;
    let record = &fleet.records(0).await[2];
    let month = record["timestamp"].as_str().unwrap().split_at(7).0;
    let owed = |limit: &str, hits: &Value| Seen {
        entries: format!("toolgate_limit={limit},toolgate_key={month}"),
        hits: hits.as_u64().expect("a number"),
    };
    let expected = [
        owed("bytes", &record["resultBytes"]),
        owed("tokens", &record["estimatedTokens"]),
    ];
    assert_eq!(told, expected, "{record}");
    let told = search(fleet.envoys[1].addr()).await.json();
    let denial = &told["result"]["_meta"]["toolgate/denial"];
    assert_eq!(denial["limit"], "bytes", "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_outlives_everything_but_where_it_is_kept() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let rules = json!([{
        "id": "reads",
        "tool": "crm.lookup_customer",
        "decision": "allow",
        "limits": [{ "id": "budget", "scope": "global", "per": "tenant",
                     "requests_per_month": BUDGET }],
    }]);
    let mut admitted = 0;
    for _ in 0..2 {
        // Two Envoys, each with a service of its own, all new but for Redis.
        let fleet = Fleet::start("limitador", &rules, &json!({}), Some(&redis), 2).await;
        let mut callers = JoinSet::new();
        for caller in 0..BUDGET * 3 / 4 {
            let to = fleet.envoys[caller % 2].addr();
            callers.spawn(async move { lookup(to, "a", "C-1001").await });
        }
        let told = callers.join_all().await;
        admitted += told.iter().filter(|told| is_admitted(told)).count();
    }
    assert_eq!(admitted, BUDGET);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_service_it_goes_as_the_policy_says() {
    let rules = json!([{
        "id": "reads",
        "tool": "crm.lookup_customer",
        "decision": "allow",
        "limits": [
            { "id": "all", "scope": "global", "requests_per_month": ALL },
            { "id": "here", "requests_per_month": 1_000 },
        ],
    }]);
    for mode in ["deny", "allow"] {
        let mut fleet = Fleet::start(
            "limitador",
            &rules,
            &json!({ "failure_mode": mode }),
            None,
            1,
        )
        .await;
        let to = fleet.envoys[0].addr();
        assert!(is_admitted(&lookup(to, "a", "C-1001").await), "{mode}");
        let addr = fleet.limiters[0].addr();
        fleet.limiters.clear();
        // Nobody listens; then somebody who never answers.
        let mut silent = None;
        for _ in 0..2 {
            let began = Instant::now();
            let told = lookup(to, "a", "C-1001").await.json();
            assert!(
                began.elapsed() < TIMEOUT + SLACK,
                "{mode}: {:?}",
                began.elapsed()
            );
            let denial = &told["result"]["_meta"]["toolgate/denial"];
            match mode {
                "deny" => assert_eq!(denial["reason"], "limiter_unreachable", "{told}"),
                _ => assert_eq!(told["result"]["isError"], false, "{told}"),
            }
            if silent.is_none() {
                let bound = eventually("the port is free", async || {
                    TcpListener::bind(addr).await.ok()
                });
                silent = Some(bound.await);
            }
        }
        let records = fleet.records(0).await;
        let services: Vec<_> = records.iter().map(|one| &one["rateLimitService"]).collect();
        let said = |answer| json!({ "answer": answer, "failureMode": mode });
        let expected = [said("admitted"), said("none"), said("none")];
        assert_eq!(services, expected.iter().collect::<Vec<_>>());
        // What was refused counts for nothing here.
        let passed = if mode == "deny" { 1 } else { 3 };
        assert_eq!(fleet.crm.calls().len(), passed, "{mode}");
        let here = records.iter().filter_map(|record| left(record, "here"));
        assert_eq!(
            here.min(),
            Some(if mode == "deny" { 998 } else { 997 }),
            "{mode}"
        );
    }
}

/// Several Envoys before one server, and the services that count for them.
struct Fleet {
    envoys: Vec<Envoy>,
    limiters: Vec<Limiter>,
    crm: Demo,
    _server: Served,
}

impl Fleet {
    /// The services read what is rendered for `counter`. With Redis each Envoy has a service of its own; else one has to do.
    async fn start(
        counter: &str,
        rules: &Value,
        service: &Value,
        redis: Option<&Redis>,
        size: usize,
    ) -> Self {
        let crm = Demo::crm();
        let server = Served::start(crm.router(), 0).unwrap();
        let mut registry = bundle::registry(&[("crm", crm.tools())]);
        for tool in registry["tools"].as_array_mut().unwrap() {
            if tool["name"] == "crm.lookup_customer" {
                tool["cost"] = json!(5);
            }
        }
        let mut service = service.clone();
        service["url"] = json!("http://127.0.0.1:8081");
        let policy = json!({
            "identity": {
                "agent": { "header": "x-agent", "trusted": true },
            },
            "rate_limit_service": service,
            "rules": rules,
        });
        let limits = rendered(counter, &registry, &policy);
        let mut limiters = Vec::new();
        for _ in 0..redis.map_or(1, |_| size) {
            limiters.push(Limiter::start(&limits, 0, redis).await.unwrap());
        }
        let bootstrap = rendered("envoy", &registry, &policy);
        let bootstrap: Value = serde_saphyr::from_str(&bootstrap).unwrap();
        let bundle = bundle::bundle(&registry, &policy);
        let mut envoys = Vec::new();
        for place in 0..size {
            let limiter = &limiters[place % limiters.len()];
            let gateway = gateway(&bundle, server.addr(), &bootstrap, limiter.addr());
            let setup = Setup {
                gateways: vec![gateway],
                concurrency: 2,
            };
            envoys.push(Envoy::start(&setup).await);
        }
        Self {
            envoys,
            limiters,
            crm,
            _server: server,
        }
    }

    /// The records of calls of one Envoy, when all are there.
    async fn records(&self, place: usize) -> Vec<Value> {
        let mut known = 0;
        let lines = eventually("no more records come", async || {
            let lines = self.envoys[place].access_log(0);
            let done = lines.len() == std::mem::replace(&mut known, lines.len()) && known > 0;
            tokio::time::sleep(Duration::from_millis(100)).await;
            done.then_some(lines)
        })
        .await;
        lines.iter().map(|line| line["toolgate"].clone()).collect()
    }
}

/// A gateway with what was rendered for limits of the fleet.
fn gateway(bundle: &str, server: SocketAddr, bootstrap: &Value, limiter: SocketAddr) -> Gateway {
    let resources = &bootstrap["static_resources"];
    let manager = &resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let of = |list: &Value, name: &str| {
        let list = list.as_array().unwrap().iter();
        list.clone()
            .find(|one| one["name"] == name)
            .cloned()
            .unwrap()
    };
    let mut cluster = of(&resources["clusters"], "toolgate-ratelimit");
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    cluster.pointer_mut(endpoint).unwrap()["port_value"] = json!(limiter.port());
    let route = &manager["route_config"]["virtual_hosts"][0]["routes"][0];
    let mut gateway = Gateway::toolgate(bundle.to_owned(), &[("crm", server)]);
    gateway.extra = vec![(
        false,
        of(&manager["http_filters"], "envoy.filters.http.ratelimit"),
    )];
    gateway.route = json!({ "typed_per_filter_config": route["typed_per_filter_config"] });
    gateway.others = vec![cluster];
    gateway
}

/// What `toolgate render` writes.
fn rendered(host: &str, registry: &Value, policy: &Value) -> String {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, value: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    };
    let mut command = Command::new(tools::toolgate());
    command
        .args(["render", "--for", host, "-r"])
        .arg(file("registry.json", registry))
        .arg("-p")
        .arg(file("policy.json", policy));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

async fn lookup(to: SocketAddr, agent: &str, customer: &str) -> Response {
    let call = message::call("crm.lookup_customer", &json!({ "customerId": customer }));
    client::send(to, &call.header("x-agent", agent))
        .await
        .unwrap()
}

async fn search(to: SocketAddr) -> Response {
    let call = message::call("crm.search_accounts", &json!({ "query": "an" }));
    client::send(to, &call).await.unwrap()
}

/// Whether the server answered, whatever it had to say.
fn is_admitted(told: &Response) -> bool {
    told.json()["result"]["_meta"]["toolgate/denial"].is_null()
}

/// What a record says is left of a limit.
fn left(record: &Value, limit: &str) -> Option<u64> {
    let limits = record["limits"].as_array()?;
    limits.iter().find(|one| one["name"] == limit)?["left"].as_u64()
}

const ALL: usize = 20;
const LOOP: usize = 3;
const CALLERS: usize = 16;
const CALLS: usize = 4;
const BUDGET: usize = 40;
/// What `rate_limit_service` allows by default.
const TIMEOUT: Duration = Duration::from_millis(250);
/// A busy machine.
const SLACK: Duration = Duration::from_secs(3);
