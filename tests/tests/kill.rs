//! The service, and the database under it, are killed at random points under load and started again:
//! what was acknowledged is true afterwards, nothing is used twice, and a webhook has heard of
//! everything, in order. `KILLS` says how often; 20 if absent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::approvals::{Approvals, person};
use tests::authority::Authority;
use tests::client::{self, Request};
use tests::postgres::Postgres;
use tests::serve::Served;
use tests::tools;
use tokio::sync::Notify;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_acknowledged_survives() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = format!("sqlite:{}", folder.path().join("approvals.db").display());
    kill("SQLite", &database, 1, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_replicas_on_postgres_acknowledged_survives() {
    if let Some(server) = Postgres::start(true) {
        kill("PostgreSQL", &server.create("kill"), 2, Some(&server)).await;
    }
}

async fn kill(name: &str, database: &str, replicas: usize, server: Option<&Postgres>) {
    let kills: u64 = std::env::var("KILLS").map_or(20, |kills| kills.parse().unwrap());
    let ears = Arc::new(Ears::default());
    let listening = ears.listen();
    let hook = json!({
        "id": "ears", "url": format!("http://{}", listening.addr()), "format": "json",
        "secret": { "file": "secret" },
    });
    let (began, config) = (
        Instant::now(),
        json!({ "database": database, "webhooks": [hook] }),
    );
    let authority = Authority::start().await;
    let mut services = Vec::new();
    for _ in 0..replicas {
        services.push(Approvals::start(&authority, &config).await);
    }
    let load = Arc::new(Load {
        authority,
        secret: services[0].secret(),
        replicas: Mutex::new(services.iter().map(Approvals::addr).collect()),
        told: Mutex::default(),
        left: AtomicI64::new(0),
        enough: Notify::new(),
        over: AtomicBool::new(false),
    });
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(live(Arc::clone(&load), client));
    }
    for kill in 0..kills {
        // Spread over the next answers by the golden ratio.
        let answers = 1 + (kill * 61_803) % 100_000 / 500;
        load.left.store(answers.cast_signed(), Ordering::SeqCst);
        load.enough.notified().await;
        match server {
            Some(server) if kill % 5 == 4 => {
                server.stop();
                server.resume(true);
            }
            Some(_) | None => {
                let victim = kill as usize % replicas;
                services[victim].kill();
                services[victim] = Approvals::start(&load.authority, &config).await;
                load.replicas.lock().unwrap()[victim] = services[victim].addr();
            }
        }
        if (kill + 1).is_multiple_of(10) {
            let seconds = began.elapsed().as_secs();
            eprintln!("{name}: {} kills after {seconds} s", kill + 1);
        }
    }
    load.over.store(true, Ordering::SeqCst);
    clients.join_all().await;
    ears.hear_all(database).await;
    check(&load.told.lock().unwrap(), database, kills);
}

/// The trail tells the same as the service did, and nothing that may not be.
fn check(told: &Told, database: &str, kills: u64) {
    let verified = toolgate("verify", database);
    assert!(verified.starts_with("the trail is whole"), "{verified}");
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in toolgate("export", database).lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let text = |member: &str| entry[member].as_str().unwrap().to_owned();
        events
            .entry(text("approval"))
            .or_default()
            .push(text("event"));
    }
    for (id, events) in &events {
        assert_eq!(events, &WHOLE[..events.len()], "{id}");
    }
    for (ids, event) in [&told.opened, &told.approved, &told.used]
        .into_iter()
        .zip(WHOLE)
    {
        assert!(
            ids.len() as u64 >= kills,
            "hardly any load: {} {event}",
            ids.len()
        );
        for id in ids {
            let happened = events
                .get(id)
                .is_some_and(|events| events.iter().any(|one| one == event));
            assert!(happened, "{id} is not {event}");
        }
    }
    eprintln!(
        "{kills} kills: {} opened, {} approved, {} used; none lost, none used twice; {verified}",
        told.opened.len(),
        told.approved.len(),
        told.used.len()
    );
}

/// What a webhook was told, in order: the id of each message, of its approval, and what happened.
#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<[String; 3]>>,
    news: Notify,
}

impl Ears {
    fn listen(self: &Arc<Self>) -> Served {
        let app = Router::new().fallback(hear).with_state(Arc::clone(self));
        Served::start(app, 0).unwrap()
    }

    /// Returns when it has heard of everything in the trail: what was under way to it when a replica
    /// died is told again half a minute later.
    async fn hear_all(&self, database: &str) {
        let trail = toolgate("export", database);
        let hash = |line: &str| format!("{:x}", Sha256::digest(line));
        let mut missing: BTreeSet<_> = trail.lines().map(hash).collect();
        let whole = missing.len();
        let all = async {
            loop {
                let news = self.news.notified();
                for [id, ..] in self.heard.lock().unwrap().iter() {
                    missing.remove(id);
                }
                if missing.is_empty() {
                    return;
                }
                news.await;
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(90), all).await;
        assert!(heard.is_ok(), "never told: {missing:?}");
        let heard = self.heard.lock().unwrap();
        let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for [_, approval, event] in heard.iter() {
            let told = told.entry(approval).or_default();
            if !told.contains(&event) {
                told.push(event);
            }
        }
        for (approval, events) in &told {
            let order = WHOLE.map(|event| format!("approval.{event}"));
            let order: Vec<_> = order.iter().take(events.len()).collect();
            assert_eq!(*events, order, "{approval}");
        }
        let again = heard.len() - whole;
        eprintln!("a webhook heard of all {whole} entries, of {again} again");
    }
}

async fn hear(State(ears): State<Arc<Ears>>, headers: HeaderMap, body: Bytes) {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let approval = text(&message["data"]["approval"]["id"]);
    let heard = [id, approval, text(&message["type"])];
    ears.heard.lock().unwrap().push(heard);
    ears.news.notify_waiters();
}

/// Everything that clients share.
struct Load {
    authority: Authority,
    secret: &'static str,
    /// Where they listen at the moment.
    replicas: Mutex<Vec<SocketAddr>>,
    told: Mutex<Told>,
    /// Answers until the next kill.
    left: AtomicI64,
    enough: Notify,
    over: AtomicBool,
}

/// What clients were told, and so may rely on.
#[derive(Debug, Default)]
struct Told {
    opened: BTreeSet<String>,
    approved: BTreeSet<String>,
    used: BTreeSet<String>,
}

/// How far a client is with one payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Approve,
    Use,
    /// Whether it was used is unknown: the answer was lost.
    MaybeUsed,
}

/// Asks, approves, uses, and begins anew with the next payload; at the end, nothing is left half done.
async fn live(load: Arc<Load>, client: u64) {
    let (mut payload, mut step, mut id) = (client, Step::Open, String::new());
    let mut replica = client as usize;
    while step != Step::Open || !load.over.load(Ordering::SeqCst) {
        let answer = match step {
            Step::Open | Step::Use | Step::MaybeUsed => load.ask(replica, payload).await,
            Step::Approve => load.approve(replica, payload, &id).await,
        };
        let Some((state, told)) = answer else {
            // What was asked may have happened. Perhaps another replica knows.
            if step == Step::Use {
                step = Step::MaybeUsed;
            }
            replica += 1;
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut known = load.told.lock().unwrap();
        step = match (step, state.as_str()) {
            (Step::Open, "pending") => {
                known.opened.insert(told.clone());
                Step::Approve
            }
            // The answer that was lost had used it.
            (Step::MaybeUsed, "pending") => {
                assert!(known.used.insert(id), "used twice");
                known.opened.insert(told.clone());
                Step::Approve
            }
            (Step::Approve, "approved") => {
                known.approved.insert(told.clone());
                Step::Use
            }
            (Step::Use | Step::MaybeUsed, "approved") => {
                assert_eq!(told, id, "the approval of this very ask");
                assert!(known.used.insert(told.clone()), "{told} is used twice");
                payload += CLIENTS;
                Step::Open
            }
            other => panic!("{other:?}: {told}, after {id}"),
        };
        id = told;
        drop(known);
        if load.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            load.enough.notify_one();
        }
    }
}

impl Load {
    async fn ask(&self, replica: usize, payload: u64) -> Option<(String, String)> {
        let ask = json!({
            "tool": "refund",
            "arguments": format!("{{\"amount\":{payload}}}"),
            "user": "alice",
            "needs": [{ "approver": { "role": "finance" } }],
            "policyVersion": "p",
        });
        let (_, answer) = self.send(replica, "/v1/asks", self.secret, &ask).await?;
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        Some((text("state"), text("id")))
    }

    /// By somebody new each time, since nobody may do so much in a second.
    async fn approve(&self, replica: usize, payload: u64, id: &str) -> Option<(String, String)> {
        let bob = person(&self.authority, &format!("bob-{payload}"), &["finance"]);
        let path = format!("/v1/asks/{id}/approve");
        let (status, answer) = self.send(replica, &path, &bob, &json!({})).await?;
        // 409: it was approved before the answer was lost.
        assert!(status == 409 || answer["state"] == "approved", "{answer}");
        Some(("approved".to_owned(), id.to_owned()))
    }

    /// Nothing where the answer is lost, or is that the database does not answer.
    async fn send(&self, to: usize, path: &str, token: &str, body: &Value) -> Option<(u16, Value)> {
        let to = {
            let replicas = self.replicas.lock().unwrap();
            replicas[to % replicas.len()]
        };
        let request = Request::post(path, body.to_string()).bearer(token);
        let answer = client::send(to, &request).await.ok()?;
        (answer.status != 503).then(|| (answer.status, answer.json()))
    }
}

fn toolgate(command: &str, database: &str) -> String {
    let mut program = Command::new(tools::approvals());
    let output = program.args([command, "--database", database]).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// What happens to each ask, in order.
const WHOLE: [&str; 3] = ["opened", "approved", "used"];
const CLIENTS: u64 = 16;
const PAUSE: Duration = Duration::from_millis(5);
