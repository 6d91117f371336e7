//! Whatever is wrong with the approval service, a call that needs it is refused in time, and
//! nothing else notices: no session, no other call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::approvals;
use tests::bundle;
use tests::client::{self, Response};
use tests::demo::Demo;
use tests::envoy::{Envoy, Gateway, Setup, eventually};
use tests::message;
use tests::recorder::{Answer, Recorder, Step};
use tests::script::CALLS;
use tests::serve::Served;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_it_says_the_call_is_refused_in_time() {
    let stage = Stage::set().await;
    let faults = faults().into_iter().map(|(name, _)| name);
    let faults: Vec<_> = faults
        .filter(|name| ![RIGHT, PATIENT].contains(name))
        .collect();
    for (count, fault) in faults.iter().enumerate() {
        let began = Instant::now();
        let told = stage.search(fault).await;
        assert!(
            began.elapsed() < TIMEOUT + SLACK,
            "{fault}: {:?}",
            began.elapsed()
        );
        is_unreachable(fault, &told.json()["result"]);
        assert_eq!(
            stage.approver.seen().len(),
            count + 1,
            "{fault}: it was asked, once"
        );
    }
    for line in stage.envoy.wait_access_log(0, faults.len()).await {
        let record = &line["toolgate"];
        assert_eq!(record["reason"], "approver_unreachable", "{record}");
        assert_eq!(record["approval"]["state"], "unreachable", "{record}");
    }

    // Nothing else was wrong with what it said, nor is with the call.
    let told = stage.search(RIGHT).await.json();
    assert_eq!(told["result"]["isError"], false, "{told}");
    let down = stage.approver.addr();
    drop(stage.approver);
    eventually("nobody listens", async || {
        TcpStream::connect(down).await.is_err().then_some(())
    })
    .await;
    let told = search(stage.envoy.addr(), RIGHT).await.json();
    is_unreachable("nobody listens", &told["result"]);
    assert_eq!(stage.crm.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_survive_it() {
    let stage = Stage::set().await;
    let url = format!("http://{}/mcp", stage.envoy.addr());
    let faults = ["silent", "error", "redirect", "cut"];
    let mut clients = JoinSet::new();
    for client in CALLS {
        let url = url.clone();
        clients.spawn(async move {
            let mut session = client.open(&url, None, true).await;
            for fault in faults {
                let told = session
                    .call("crm.search_accounts", &json!({ "query": fault }))
                    .await;
                is_unreachable(fault, &told["result"]);
            }
            let free = json!({ "customerId": "C-1001" });
            let told = session.call("crm.lookup_customer", &free).await;
            assert_eq!(told["result"]["isError"], false, "{client:?}: {told}");
            session.close().await;
        });
    }
    while let Some(done) = clients.join_next().await {
        done.expect("a client that survives");
    }
    assert_eq!(stage.crm.calls().len(), CALLS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_calls_go_on() {
    let stage = Stage::set().await;
    let to = stage.envoy.addr();
    let mut held = JoinSet::new();
    for _ in 0..HELD {
        held.spawn(async move { search(to, PATIENT).await.json() });
    }
    eventually("all are held", async || {
        (stage.approver.seen().len() == HELD).then_some(())
    })
    .await;
    let free = message::call("crm.lookup_customer", &json!({ "customerId": "C-1001" }));
    for _ in 0..FREE {
        let told = client::send(to, &free).await.expect("an answer").json();
        assert_eq!(told["result"]["isError"], false, "{told}");
    }
    assert!(held.try_join_next().is_none(), "all are still held");
    assert_eq!(stage.crm.calls().len(), FREE);

    // It breaks every connection.
    drop(stage.approver);
    while let Some(told) = held.join_next().await {
        is_unreachable(PATIENT, &told.expect("an answer")["result"]);
    }
    assert_eq!(stage.crm.calls().len(), FREE);
}

/// Faults by their names, which are what the calls search for.
fn faults() -> Vec<(&'static str, Answer)> {
    let approved = json!({
        "state": "approved", "id": "1", "approver": "fiona", "at": "2026-11-21T12:00:00Z",
    });
    let approved = approved.to_string();
    let said = |body: &str| Answer::body("application/json", body);
    let send = |text: &str| Step::Send(text.into());
    vec![
        (RIGHT, said(&approved)),
        (PATIENT, Answer::raw([Step::Gate])),
        ("silent", Answer::raw([Step::Gate])),
        (
            "slow",
            Answer {
                steps: vec![Step::Gate, send(&approved)],
                ..said("")
            },
        ),
        (
            "cut",
            Answer {
                steps: vec![send(&approved[..9]), Step::Abort, send(&approved[9..])],
                ..said(&approved)
            },
        ),
        ("gone", Answer::raw([Step::Abort])),
        ("no HTTP", Answer::raw([send("approved\r\n\r\n")])),
        ("no JSON", said("approved")),
        ("half", said(&approved[..approved.len() - 1])),
        (
            "twice",
            said(&approved.replacen('{', r#"{"state":"denied","#, 1)),
        ),
        ("unknown", said(&approved.replace("approved", "granted"))),
        ("nameless", said(r#"{"state":"approved"}"#)),
        (
            "no page",
            said(r#"{"state":"pending","id":"1","url":"javascript:alert(1)"}"#),
        ),
        ("large", said(&(" ".repeat(1 << 20) + &approved))),
        ("empty", said("")),
        ("page", Answer::body("text/html", approved.as_str())),
        ("error", said(&approved).status(500)),
        ("created", said(&approved).status(201)),
        ("nobody", said(&approved).status(401)),
        (
            "redirect",
            said(&approved)
                .status(307)
                .header("location", "/v1/asks?wait=0s"),
        ),
    ]
}

/// An approver that answers each ask with the fault that it names.
async fn approver() -> Recorder {
    Recorder::scripted(|seen| {
        let arguments = seen.json()["arguments"]
            .as_str()
            .map(serde_json::from_str::<Value>);
        let query = arguments.expect("an ask").expect("arguments")["query"].clone();
        let fault = faults().into_iter().find(|(name, _)| *name == query);
        fault.expect("a fault by its name").1
    })
    .await
}

fn is_unreachable(fault: &str, result: &Value) {
    let reason = &result["_meta"]["toolgate/denial"]["reason"];
    assert_eq!(result["isError"], true, "{fault}: {result}");
    assert_eq!(reason, "approver_unreachable", "{fault}: {result}");
}

async fn search(to: SocketAddr, query: &str) -> Response {
    let call = message::call("crm.search_accounts", &json!({ "query": query }));
    client::send(to, &call).await.expect("an answer")
}

/// The CRM behind a gateway that asks an approver full of faults.
struct Stage {
    approver: Recorder,
    crm: Demo,
    _server: Served,
    envoy: Envoy,
}

impl Stage {
    async fn set() -> Self {
        let approver = approver().await;
        let crm = Demo::crm();
        let server = Served::start(crm.router(), 0).expect("loopback has ports");
        let registry = bundle::registry(&[("crm", crm.tools())]);
        let bundle = bundle::bundle(&registry, &policy());
        let mut gateway = Gateway::toolgate(bundle, &[("crm", server.addr())]);
        gateway.clusters.push(approvals::cluster(approver.addr()));
        let envoy = Envoy::start(&Setup::one(gateway)).await;
        Self {
            approver,
            crm,
            _server: server,
            envoy,
        }
    }

    async fn search(&self, query: &str) -> Response {
        search(self.envoy.addr(), query).await
    }
}

fn policy() -> Value {
    json!({
        "version": "1",
        "approvals": { "timeout": "500ms" },
        "rules": [
            { "id": "reads", "tools": ["crm.lookup_customer"], "decision": "allow" },
            {
                "id": "searches",
                "tools": ["crm.search_accounts"],
                "decision": "approval_required",
                "approver_role": "supervisor",
            },
            {
                "id": "patience",
                "tools": ["crm.search_accounts"],
                "when": format!("args.query == '{PATIENT}'"),
                "decision": "approval_required",
                "approver_role": "supervisor",
                "wait": "1m",
            },
        ],
    })
}

/// The fault whose calls are held for long.
const PATIENT: &str = "patient";
/// No fault.
const RIGHT: &str = "right";
const HELD: usize = 32;
const FREE: usize = 64;
const TIMEOUT: Duration = Duration::from_millis(500);
/// For a machine that is busy.
const SLACK: Duration = Duration::from_secs(4);
