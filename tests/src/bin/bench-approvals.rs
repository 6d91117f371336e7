//! Measures `POST /v1/asks` beside an empty handler of the same framework, in a process of its own:
//! new asks, repeats of them, and, once they are approved, their uses.
//!
//! Asks come at a steady rate whether they are answered or not. The processor time is the service's
//! alone, PostgreSQL's not in it. `bench-approvals [SECONDS [RATE]]`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use serde_json::{Value, json};
use tests::approvals::{Approvals, person};
use tests::authority::Authority;
use tests::client::{Request, Response};
use tests::load::{self, Measured};
use tests::postgres::Postgres;
use tests::serve::Served;
use tokio::io::AsyncReadExt as _;

// One thread for the clients; the service has the rest.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(EMPTY) {
        return answer().await;
    }
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u32>().ok());
    let seconds = number(first).unwrap_or(10);
    let rate = number(arguments.next()).unwrap_or(500);

    let authority = Authority::start().await;
    let (mut child, to) = empty();
    let empty = (child.id(), to);
    println!("{rate} asks a second for {seconds} s each, in ms (and beside the empty handler)");
    measure("SQLite", &json!({}), empty, &authority, rate, seconds).await;
    if let Some(postgres) = Postgres::start(true) {
        let database = json!({ "database": postgres.create("bench") });
        measure("PostgreSQL", &database, empty, &authority, rate, seconds).await;
    }
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

async fn measure(
    name: &str,
    extra: &Value,
    empty: (u32, SocketAddr),
    authority: &Authority,
    rate: u32,
    seconds: u32,
) {
    let service = Approvals::start(authority, extra).await;
    let (it, secret) = ((service.pid(), service.addr()), service.secret());
    let asks = |to| (0..rate * seconds).map(move |number| ask(to, secret, number));
    let pass = async |(pid, to): (u32, SocketAddr), expected: &'static str| {
        let told = Arc::new(Mutex::new(BTreeMap::new()));
        let keep = Arc::clone(&told);
        let requests = asks(to).collect();
        let before = processor(pid);
        let run = load::steady(to, requests, rate, CONNECTIONS, move |answer: &Response| {
            let body = answer.json();
            let fits = answer.status == 200 && body["state"] == expected;
            if fits {
                let id = body["id"].as_str().expect("an id").to_owned();
                *keep
                    .lock()
                    .expect("no holder panics")
                    .entry(id)
                    .or_insert(0) += 1;
            }
            fits
        });
        let run = run.await;
        assert_eq!(run.failures.first(), None);
        let told = std::mem::take(&mut *told.lock().expect("no holder panics"));
        (run, processor(pid) - before, told)
    };

    println!(
        "\n{name:<14} {:>16} {:>16} {:>9} {:>10}",
        "p50", "p99", "longest", "processor"
    );
    let (base, time, _) = pass(empty, "empty").await;
    report("empty handler", &base, &base, time);
    let (new, time, opened) = pass(it, "pending").await;
    report("new", &new, &base, time);
    let (repeat, time, found) = pass(it, "pending").await;
    report("repeat", &repeat, &base, time);
    assert_eq!(opened, found, "a repeat finds what was opened");
    for (number, id) in opened.keys().enumerate() {
        // Nobody may do so much in a second.
        let token = person(authority, &format!("fiona-{number}"), &["finance_approver"]);
        service.approve(id, &token, "").await;
    }
    let (redeem, time, used) = pass(it, "approved").await;
    report("redeem", &redeem, &base, time);
    assert_eq!(opened, used, "each is used once");
}

fn report(name: &str, run: &Measured, base: &Measured, processor: f64) {
    let cell = |share| {
        let (it, other) = (run.percentile(share), base.percentile(share));
        let ratio = it.as_secs_f64() / other.as_secs_f64();
        format!("{:.2} ({ratio:.1})", it.as_secs_f64() * 1e3)
    };
    let longest = run.longest().as_secs_f64() * 1e3;
    let processor = processor / run.answers.len() as f64 * 1e3;
    println!(
        "{name:<14} {:>16} {:>16} {longest:>9.1} {processor:>10.2}",
        cell(0.5),
        cell(0.99)
    );
}

/// Processor time of a process, in seconds: fields 14 and 15 of `proc_pid_stat(5)`, in hundredths.
fn processor(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    let times = fields.split(' ').skip(11).take(2);
    times
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// A refund as the filter asks about it.
fn ask(to: SocketAddr, secret: &str, number: u32) -> Vec<u8> {
    let arguments = json!({
        "amount": 250, "customerId": "C-1001", "orderId": format!("O-{number}"),
        "reason": "The parcel came late, and half of it was broken.",
    });
    let ask = json!({
        "tool": "refund_customer",
        "contractVersion": "2.1.0",
        "arguments": arguments.to_string(),
        "user": format!("user-{}", number % 100),
        "agent": "support-bot",
        "tenant": "tenant_a",
        "environment": "prod",
        "needs": [{ "approver": { "role": "finance_approver" } }],
        "rule": "large-refunds",
        "policyVersion": "2026-11-01.3",
        "server": "payments",
        "description": "Create a customer refund for a settled order.",
        "riskTier": "high",
        "requestId": format!("{number:08x}-1111-4222-8333-444455556666"),
    });
    Request::new("POST", "/v1/asks")
        .header("content-type", "application/json")
        .bearer(secret)
        .body(ask.to_string())
        .bytes(&to.to_string())
}

/// Starts this program again, as the empty handler.
fn empty() -> (Child, SocketAddr) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .arg(EMPTY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("it says where it listens");
    (child, line.trim().parse().expect("an address"))
}

async fn answer() {
    let router = Router::new().fallback(async |_: Bytes| r#"{"state":"empty","id":""}"#);
    let served = Served::start(router, 0).expect("loopback has ports");
    println!("{}", served.addr());
    // It ends when whoever started it does, whatever the reason.
    let _ = tokio::io::stdin().read(&mut [0]).await;
}

const EMPTY: &str = "empty";
const CONNECTIONS: usize = 32;
