//! Approved asks, each used by 64 callers at the same moment: exactly one of them may execute.
//! `RACES` says how many asks; 200 if absent.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tests::approvals::{Approvals, person};
use tests::authority::Authority;
use tests::client::{Connection, Request, Response};
use tests::postgres::Postgres;
use tests::tools;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn each_approval_is_used_once_in_sqlite() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = format!("sqlite:{}", folder.path().join("approvals.db").display());
    race("SQLite", &database, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_approval_is_used_once_by_two_replicas_on_postgres() {
    if let Some(server) = Postgres::start(true) {
        race("PostgreSQL", &server.create("races"), 2).await;
    }
}

async fn race(name: &'static str, database: &str, replicas: usize) {
    let races: u64 = std::env::var("RACES").map_or(200, |races| races.parse().unwrap());
    let authority = Authority::start().await;
    let config = json!({ "database": database });
    let mut services = Vec::new();
    for _ in 0..replicas {
        services.push(Approvals::start(&authority, &config).await);
    }
    let addrs: Vec<_> = services.iter().map(Approvals::addr).collect();
    let (authority, secret) = (Arc::new(authority), services[0].secret());
    let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (authority, next, addrs) = (Arc::clone(&authority), Arc::clone(&next), addrs.clone());
        lanes.spawn(async move {
            let mut lane = Lane::open(&addrs, secret).await;
            let mut used = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= races {
                    return used;
                }
                used.push(lane.run(&authority, number).await);
                if (number + 1).is_multiple_of(1_000) {
                    let seconds = began.elapsed().as_secs();
                    eprintln!("{name}: {} races after {seconds} s", number + 1);
                }
            }
        });
    }
    let used: Vec<String> = lanes.join_all().await.concat();
    assert_eq!(used.len() as u64, races);
    let distinct: BTreeSet<_> = used.iter().collect();
    assert_eq!(distinct.len(), used.len(), "no approval is used twice");

    let told = toolgate("verify", database);
    assert!(told.starts_with("the trail is whole"), "{told}");
    let trail = toolgate("export", database);
    let entries = trail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let executed = entries.filter(|entry: &Value| entry["event"] == "used");
    assert_eq!(executed.count() as u64, races, "the trail counts the same");
    eprintln!(
        "{name}, {replicas} replica(s): {races} approvals, {RACERS} callers each, {} executions in {:.0} s",
        used.len(),
        began.elapsed().as_secs_f64()
    );
}

/// Callers that race, on connections that stay open.
struct Lane {
    addrs: Vec<SocketAddr>,
    secret: &'static str,
    racers: Vec<Connection>,
}

impl Lane {
    async fn open(addrs: &[SocketAddr], secret: &'static str) -> Self {
        let mut racers = Vec::new();
        for racer in 0..RACERS {
            let to = addrs[racer % addrs.len()];
            racers.push(Connection::open(to).await.unwrap());
        }
        Self {
            addrs: addrs.to_vec(),
            secret,
            racers,
        }
    }

    /// Asks, has it approved, and lets everybody use it: the approval that was used.
    async fn run(&mut self, authority: &Authority, number: u64) -> String {
        let ask = json!({
            "tool": "refund",
            "arguments": format!("{{\"order\":{number}}}"),
            "user": "alice",
            "needs": [{ "approver": { "role": "finance" } }],
            "policyVersion": "p",
        });
        let ask = self.request("/v1/asks", self.secret, &ask);
        let opened = send(&mut self.racers[0], &ask).await;
        assert_eq!(opened["state"], "pending", "{opened}");
        let id = opened["id"].as_str().unwrap();
        // Somebody new each time, since nobody may do so much in a second.
        let bob = person(authority, &format!("bob-{number}"), &["finance"]);
        let approve = self.request(&format!("/v1/asks/{id}/approve"), &bob, &json!({}));
        let approved = send(&mut self.racers[RACERS - 1], &approve).await;
        assert_eq!(approved["state"], "approved", "{approved}");

        let mut running = JoinSet::new();
        for mut racer in self.racers.drain(..) {
            let ask = ask.clone();
            running.spawn(async move {
                let answer = send(&mut racer, &ask).await;
                (racer, answer)
            });
        }
        let mut used = Vec::new();
        for (racer, answer) in running.join_all().await {
            match answer["state"].as_str() {
                Some("approved") => used.push(answer["id"].as_str().unwrap().to_owned()),
                Some("pending") => assert_ne!(answer["id"], id, "{answer}"),
                _ => panic!("{answer}"),
            }
            self.racers.push(racer);
        }
        assert_eq!(used, [id], "one of {RACERS} callers executes");
        used.remove(0)
    }

    fn request(&self, path: &str, token: &str, body: &Value) -> Vec<u8> {
        Request::new("POST", path)
            .header("content-type", "application/json")
            .bearer(token)
            .body(body.to_string())
            .bytes(&self.addrs[0].to_string())
    }
}

async fn send(connection: &mut Connection, request: &[u8]) -> Value {
    connection.write(request).await.unwrap();
    let answer: Response = connection.response().await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn toolgate(command: &str, database: &str) -> String {
    let mut program = Command::new(tools::approvals());
    let output = program.args([command, "--database", database]).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

const RACERS: usize = 64;
/// Races at the same time.
const LANES: usize = 4;
