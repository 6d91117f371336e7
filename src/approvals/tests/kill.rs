//! The service is killed (`SIGKILL`) at random points under load and started again: what it has
//! acknowledged is true afterwards, and nothing is used twice. `KILLS` says how often; 20 if absent.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::zombie_processes,
    reason = "a test says no by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::Ed25519KeyPair;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinSet};

/// What clients were told, and so may rely on.
#[derive(Debug, Default)]
struct Told {
    opened: BTreeSet<String>,
    approved: BTreeSet<String>,
    used: BTreeSet<String>,
}

/// Everything that clients share.
struct Load {
    client: reqwest::Client,
    key: EncodingKey,
    told: Mutex<Told>,
    /// Answers in this round, and how many of them call the killer.
    answers: AtomicU64,
    fatal: AtomicU64,
    enough: Notify,
}

/// How far one client is with one payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Approve,
    Use,
    /// Whether it was used is unknown: the answer was lost.
    MaybeUsed,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_being_killed() {
    let kills: u64 = env::var("KILLS").map_or(20, |kills| kills.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let load = Arc::new(prepare(folder.path()));
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|client| (client, Step::Open, String::new()))
        .collect();
    for kill in 0..=kills {
        let (mut service, url) = start(folder.path());
        let last = kill == kills;
        load.answers.store(0, Ordering::SeqCst);
        // Spread over the first hundred answers, by the golden ratio.
        load.fatal
            .store(1 + (kill * 61_803) % 100_000 / 1_000, Ordering::SeqCst);
        let mut running = JoinSet::new();
        for (payload, step, id) in clients.drain(..) {
            running.spawn(live(
                Arc::clone(&load),
                url.clone(),
                payload,
                step,
                id,
                last,
            ));
        }
        if !last {
            load.enough.notified().await;
            service.kill().unwrap();
        }
        clients = running.join_all().await;
        service.kill().unwrap();
        service.wait().unwrap();
    }

    let told = std::mem::take(&mut *load.told.lock().unwrap());
    let verified = toolgate(folder.path(), "verify").output().unwrap();
    let verified = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.starts_with("the trail is whole"), "{verified}");
    let trail = toolgate(folder.path(), "export").output().unwrap();
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(trail.stdout).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let event = entry["event"].as_str().unwrap().to_owned();
        events
            .entry(entry["approval"].as_str().unwrap().to_owned())
            .or_default()
            .push(event);
    }
    let whole = ["opened", "approved", "used"];
    for (id, events) in &events {
        assert!(
            whole.starts_with(&events.iter().map(String::as_str).collect::<Vec<_>>()),
            "{id}: {events:?}"
        );
    }
    for (ids, event) in [
        (&told.opened, "opened"),
        (&told.approved, "approved"),
        (&told.used, "used"),
    ] {
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
}

/// Asks, approves, uses, and begins anew with the next payload, until the service is gone.
async fn live(
    load: Arc<Load>,
    url: String,
    mut payload: u64,
    mut step: Step,
    mut id: String,
    last: bool,
) -> (u64, Step, String) {
    loop {
        let answer = match step {
            Step::Open | Step::Use | Step::MaybeUsed => load.ask(&url, payload).await,
            Step::Approve => load.approve(&url, payload, &id).await,
        };
        let Some(answer) = answer else {
            // The answer is lost; what was asked may have happened.
            let step = if step == Step::Use {
                Step::MaybeUsed
            } else {
                step
            };
            return (payload, step, id);
        };
        let state = answer["state"].as_str().unwrap().to_owned();
        let told = answer["id"].as_str().unwrap().to_owned();
        {
            let mut known = load.told.lock().unwrap();
            step = match (step, state.as_str()) {
                // An approval whose answer was lost shows when it is used.
                (Step::Open | Step::MaybeUsed, "pending") => {
                    known.opened.insert(told.clone());
                    Step::Approve
                }
                (Step::Approve, "approved" | "conflict") => {
                    known.approved.insert(told.clone());
                    Step::Use
                }
                (Step::Use | Step::MaybeUsed, "approved") => {
                    assert_eq!(told, id, "the approval of this very ask");
                    assert!(known.used.insert(told.clone()), "{told} is used twice");
                    payload += CLIENTS;
                    Step::Open
                }
                other => panic!("{other:?}: {answer}"),
            };
        }
        id = told;
        let count = load.answers.fetch_add(1, Ordering::SeqCst) + 1;
        if count == load.fatal.load(Ordering::SeqCst) {
            load.enough.notify_one();
        }
        if last && step == Step::Open {
            return (payload, step, id);
        }
    }
}

impl Load {
    async fn ask(&self, url: &str, payload: u64) -> Option<Value> {
        let ask = json!({
            "tool": "refund",
            "arguments": format!("{{\"amount\":{payload}}}"),
            "user": "alice",
            "needs": [{ "approver": { "role": "finance" } }],
            "policyVersion": "p",
        });
        self.send(&format!("{url}/v1/asks"), SECRET, &ask).await
    }

    /// By somebody new each time, since nobody may do so much in a second.
    async fn approve(&self, url: &str, payload: u64, id: &str) -> Option<Value> {
        let mut head = Header::new(Algorithm::EdDSA);
        head.kid = Some("k".to_owned());
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let claims = json!({
            "iss": "i", "aud": "a", "exp": seconds + 300,
            "sub": format!("bob-{payload}"), "groups": ["finance"],
        });
        let token = encode(&head, &claims, &self.key).unwrap();
        let url = format!("{url}/v1/asks/{id}/approve");
        let mut answer = self.send(&url, &token, &json!({})).await?;
        if answer["status"] == 409 {
            // It was approved before the answer was lost.
            answer = json!({ "state": "conflict", "id": id });
        }
        Some(answer)
    }

    async fn send(&self, url: &str, token: &str, body: &Value) -> Option<Value> {
        let request = self.client.post(url).bearer_auth(token);
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.ok()?.bytes().await.ok()?;
        Some(serde_json::from_slice(&answer).unwrap())
    }
}

fn prepare(folder: &Path) -> Load {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
    let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
    public.common.key_id = Some("k".to_owned());
    fs::write(
        folder.join("jwks.json"),
        json!({ "keys": [public] }).to_string(),
    )
    .unwrap();
    fs::write(folder.join("secret"), SECRET).unwrap();
    let config = json!({
        "listen": "127.0.0.1:0",
        "filter": { "secret": { "file": "secret" } },
        "approvers": { "issuer": "i", "audience": "a", "jwks": { "file": "jwks.json" } },
    });
    fs::write(folder.join("approvals.yaml"), config.to_string()).unwrap();
    Load {
        client: reqwest::Client::new(),
        key,
        told: Mutex::default(),
        answers: AtomicU64::new(0),
        fatal: AtomicU64::new(0),
        enough: Notify::new(),
    }
}

fn toolgate(folder: &Path, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_toolgate-approvals"));
    program
        .arg(command)
        .args(["--database", "sqlite:approvals.db"])
        .current_dir(folder);
    program
}

/// Starts the service, and reads where it listens.
fn start(folder: &Path) -> (Child, String) {
    let mut service = toolgate(folder, "serve")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(service.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines {
        let line = line.unwrap();
        if let Some((_, url)) = line.split_once("listening on ") {
            return (service, url.to_owned());
        }
        said.push(line);
    }
    panic!("it does not start: {said:?}");
}

const CLIENTS: u64 = 8;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
