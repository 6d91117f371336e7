//! Limits under load: as much as they say is admitted, and nothing of it is lost.
//!
//! `CALLS` says how many calls the long test makes, 5,000 if absent; `USERS` how many users there
//! are, 10,000 if absent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::client::{self, Connection, Request, Response};
use tests::crowd::{Crowd, Fate};
use tests::envoy::{Envoy, Filter, Gateway, Setup, eventually, fresh_dir, within};
use tests::message::modern;
use tests::recorder::{Answer, Recorder, Step};
use tests::{bundle, tools};
use tokio::task::JoinSet;

/// Two workers of one Envoy before a server.
struct Stage {
    crowd: Crowd,
    setup: Setup,
    envoy: Envoy,
    _approver: Recorder,
}

impl Stage {
    async fn set(rules: &Value) -> Self {
        Self::of(rules, |_| ()).await
    }

    async fn of(rules: &Value, change: impl FnOnce(&mut Filter)) -> Self {
        let crowd = Crowd::start().await;
        let pending = json!({ "state": "pending", "id": "1", "url": "http://127.0.0.1:1/asks/1" });
        let approver = Recorder::scripted(move |seen| {
            let mut answer = Answer::json(&pending);
            if seen.json()["tool"] == "linger" {
                answer.steps.insert(0, Step::Gate);
            }
            answer
        })
        .await;
        let servers = [
            ("work", crowd.addr()),
            // Nobody listens there.
            ("gone", SocketAddr::from(([127, 0, 0, 1], 1))),
            ("toolgate-approvals", approver.addr()),
        ];
        let gateway = Gateway::toolgate(policy("1", rules), &servers)
            .with_filter(|filter| filter.live = true)
            .with_filter(change);
        let setup = Setup {
            gateways: vec![gateway],
            concurrency: 2,
        };
        let envoy = Envoy::start(&setup).await;
        Self {
            crowd,
            setup,
            envoy,
            _approver: approver,
        }
    }

    /// Updates the configuration, and waits until all workers have it.
    async fn update(&self, version: &str, rules: &Value) {
        let loaded = "wasmcustom.toolgate_config_loaded";
        let before = self.envoy.stats().await[loaded];
        self.envoy.update(&self.setup, 0, &policy(version, rules));
        // Once to try it, and once in the main thread and in each worker.
        self.envoy.wait_stat(loaded, before + 4).await;
    }

    /// The records of calls of a tool, in the order in which they ended.
    async fn records(&self, least: usize, tool: &str) -> Vec<Value> {
        let lines = self.envoy.wait_access_log(0, least).await;
        let records = lines.into_iter().map(|mut line| line["toolgate"].take());
        records
            .filter(|record| record["toolName"] == tool)
            .collect()
    }
}

fn policy(version: &str, rules: &Value) -> String {
    let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object", "required": ["fate"] } });
    let mut hasty = tool("hasty");
    hasty["timeout"] = json!("30ms");
    let here = vec![tool("do"), tool("ask"), tool("linger"), hasty];
    let mut registry = bundle::registry(&[("work", here), ("gone", vec![tool("lost")])]);
    for (server, endpoint) in [("work", "/mcp"), ("gone", "/gone")] {
        registry["servers"][server]["endpoint"] = json!(endpoint);
    }
    let policy = json!({
        "version": version,
        "approvals": {},
        "identity": { "user": { "header": "x-user", "trusted": true } },
        "rules": rules,
    });
    bundle::bundle(&registry, &policy)
}

fn request(tool: &str, user: &str, arguments: &Value) -> Request {
    let endpoint = if tool == "lost" { "/gone" } else { "/mcp" };
    let params = json!({ "name": tool, "arguments": arguments });
    Request::modern(endpoint, &modern("tools/call", params)).header("x-user", user)
}

/// Whether the server answered; else the call was denied for want of room.
fn admitted(answer: &Response) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = &answer.json()["result"];
    let denial = &result["_meta"]["toolgate/denial"];
    assert_eq!(result["isError"], !denial.is_null(), "{answer:?}");
    if denial.is_null() {
        return true;
    }
    assert_eq!(denial["reason"], "limit_reached", "{answer:?}");
    false
}

/// Has each of `users` call on as many connections as there are clients, until the time is over and
/// each was last denied: then whatever was begun to be used is used up. Gives how many were admitted,
/// and how many calls there were. It begins, and so ends, in the middle of a second: on a busy machine
/// the last clients could not use up a window that has just begun, or is about to end.
async fn saturate(to: SocketAddr, users: usize, time: Duration) -> (usize, usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let middle = (1_500 - now.subsec_millis()) % 1_000;
    tokio::time::sleep(Duration::from_millis(middle.into())).await;
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let user = format!("user-{}", client % users);
        clients.spawn(async move {
            let bytes = request("do", &user, &Fate::Answer.after(0)).bytes("gateway");
            let mut connection = Connection::open(to).await.expect("envoy listens");
            let (mut had, mut calls) = (0, 0);
            loop {
                connection.write(&bytes).await.expect("open");
                let admitted = admitted(&connection.response().await.expect("an answer"));
                had += usize::from(admitted);
                calls += 1;
                if !admitted && began.elapsed() > time {
                    return (had, calls);
                }
            }
        });
    }
    let each = clients.join_all().await;
    let sum = |(had, calls), (more, further)| (had + more, calls + further);
    each.into_iter().fold((0, 0), sum)
}

/// How often a limit had so much left after a call that was admitted.
fn left(records: &[Value], limit: &str) -> BTreeMap<u64, usize> {
    let mut times = BTreeMap::new();
    for record in records.iter().filter(|it| it["decision"] == "allow") {
        let limits = record["limits"].as_array().expect("limits");
        let limit = limits.iter().find(|it| it["name"] == limit);
        let left = limit.expect("the limit")["left"]
            .as_u64()
            .expect("a number");
        *times.entry(left).or_default() += 1;
    }
    times
}

/// In each window that was touched each of so many uses was had, exactly once: how many windows.
#[track_caller]
fn windows(records: &[Value], limit: &str, amount: u64) -> usize {
    let times = left(records, limit);
    let windows = times[&0];
    let exact: BTreeMap<u64, usize> = (0..amount).map(|left| (left, windows)).collect();
    assert_eq!(times, exact, "{limit}");
    windows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_admits_exactly_what_it_says() {
    for (limit, amount, time) in [
        ("requests_per_second", 40, Duration::from_secs(4)),
        ("requests_per_minute", 500, Duration::from_secs(1)),
    ] {
        let rule = json!({
            "id": "r", "tools": ["do"], "decision": "allow", "limits": [{ "id": "l", limit: amount }],
        });
        let stage = Stage::set(&json!([rule])).await;
        let (had, calls) = saturate(stage.envoy.addr(), CLIENTS, time).await;
        let windows = windows(&stage.records(calls, "do").await, "l", amount);
        assert_eq!(had, windows * usize::try_from(amount).unwrap(), "{limit}");
        assert_eq!(stage.crowd.came(), had, "{limit}");
        assert!(windows > 3 || limit != "requests_per_second", "{windows}");
        eprintln!("{limit}: {had} of {calls} calls in {windows} windows of {amount}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_limits_take_all_or_nothing() {
    // Each of four users alone has room, all together have not: what one limit takes for nothing
    // and does not give back, its user is short of.
    let rule = json!({
        "id": "r", "tools": ["do"], "decision": "allow",
        "limits": [
            { "id": "own", "per": "user", "requests_per_second": 10 },
            { "id": "all", "requests_per_second": 35 },
        ],
    });
    let stage = Stage::set(&json!([rule])).await;
    let (had, calls) = saturate(stage.envoy.addr(), 4, Duration::from_secs(4)).await;
    let records = stage.records(calls, "do").await;
    let windows = windows(&records, "all", 35);
    assert_eq!(had, windows * 35);
    for user in 0..4 {
        let user = format!("user-{user}");
        let own = records
            .iter()
            .filter(|it| it["userId"] == user && it["decision"] == "allow");
        let own = own.count();
        assert!(
            own >= windows * 5 && own <= windows * 10,
            "{user}: {own} in {windows} windows"
        );
    }
    eprintln!("two limits: {had} of {calls} calls in {windows} windows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_admits_exactly_what_comes_back() {
    let rule = json!({
        "id": "r", "tools": ["do"], "decision": "allow",
        "limits": [{ "id": "l", "requests_per_second": 100, "burst": 50 }],
    });
    let stage = Stage::set(&json!([rule])).await;
    let began = Instant::now();
    let (had, calls) = saturate(stage.envoy.addr(), CLIENTS, Duration::from_secs(3)).await;
    let most = 50.0 + 100.0 * began.elapsed().as_secs_f64();
    // What comes back is there as soon as it is; only in what came back last may nobody have asked
    // any more, and on a machine that is busy that is more than one.
    let least = 50.0 + 100.0 * (3.0 - 0.2);
    assert!(
        (least..=most).contains(&(had as f64)),
        "{had} of {least} to {most}"
    );
    assert_eq!(stage.crowd.came(), had);
    eprintln!("bucket: {had} of {calls} calls, {least:.0} to {most:.0} were to be had");
}

/// The most calls at the same time.
const CAP: usize = 24;

fn capped(amount: usize) -> Value {
    let cap = json!([{ "id": "cap", "concurrent_calls": amount }]);
    json!([
        { "id": "all", "tools": ["*"], "decision": "allow", "limits": cap },
        {
            "id": "ask", "tools": ["ask", "linger"],
            "decision": "approval_required", "approver_role": "boss",
        },
    ])
}

/// Every way in which a call can end, by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Answered(u64),
    Streamed(u64),
    BrokenOff,
    CutOff,
    TimedOut,
    NobodyThere,
    Invalid,
    Asked,
    /// The client goes away while the approver is asked.
    GoneWhileAsked,
    /// In the middle of its request.
    HalfSent,
    /// While it waits.
    GivenUp,
    /// In the middle of the answer.
    HalfRead,
}

impl Way {
    fn of(chance: u64) -> Self {
        let ms = (chance >> 8) % 40;
        match chance % 20 {
            0..5 => Self::Answered(0),
            5..8 => Self::Answered(ms),
            8..10 => Self::Streamed(ms),
            10 => Self::BrokenOff,
            11 => Self::CutOff,
            12 => Self::TimedOut,
            13 => Self::NobodyThere,
            14 => Self::Invalid,
            15 if ms.is_multiple_of(2) => Self::Asked,
            15 => Self::GoneWhileAsked,
            16 => Self::HalfSent,
            17 | 18 => Self::GivenUp,
            _ => Self::HalfRead,
        }
    }

    fn request(self) -> Request {
        let (tool, arguments) = match self {
            Self::Answered(ms) => ("do", Fate::Answer.after(ms)),
            Self::Streamed(ms) => ("do", Fate::Stream.after(ms)),
            Self::BrokenOff => ("do", Fate::Break.after(1)),
            Self::CutOff => ("do", Fate::Cut.after(1)),
            Self::TimedOut => ("hasty", Fate::Never.after(0)),
            Self::NobodyThere => ("lost", Fate::Answer.after(0)),
            Self::Invalid => ("do", json!({})),
            Self::Asked => ("ask", Fate::Answer.after(0)),
            Self::GoneWhileAsked => ("linger", Fate::Answer.after(0)),
            Self::HalfSent => ("do", Fate::Answer.after(0)),
            Self::GivenUp => ("do", Fate::Never.after(0)),
            Self::HalfRead => ("do", Fate::Flow.after(0)),
        };
        request(tool, "ann", &arguments)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_calls_end_their_places_come_back() {
    let calls: u64 = std::env::var("CALLS").map_or(5_000, |calls| calls.parse().unwrap());
    let stage = Stage::set(&capped(CAP)).await;
    let to = stage.envoy.addr();
    hold_all(&stage, CAP).await;
    let began = Instant::now();
    let ends = run(to, calls, Way::of).await;
    let took = began.elapsed();
    assert_eq!(
        stage.crowd.most(),
        CAP,
        "nor is it by calls that end otherwise"
    );
    hold_all(&stage, CAP).await;
    for ((way, end), times) in &ends {
        eprintln!("{way}: {times} times {end}");
    }
    let came = stage.crowd.came();
    eprintln!("{calls} calls in {took:.0?}, {came} in the server; all {CAP} places are free");
}

/// Makes so many calls from all clients, each in its way: how often which came to which end.
async fn run(to: SocketAddr, calls: u64, way: fn(u64) -> Way) -> BTreeMap<(String, String), usize> {
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let next = Arc::clone(&next);
        clients.spawn(async move {
            let (mut ends, mut open) = (Vec::new(), None);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return ends;
                }
                let way = way(random(number));
                let end = go(to, way, &mut open).await;
                let way = format!("{way:?}");
                let way = way.split('(').next().unwrap_or_default();
                ends.push((way.to_owned(), end));
            }
        });
    }
    let mut ends = BTreeMap::new();
    for end in clients.join_all().await.into_iter().flatten() {
        *ends.entry(end).or_default() += 1;
    }
    ends
}

/// All places are free: as many calls as there are places are in the server at once, and not one more.
async fn hold_all(stage: &Stage, cap: usize) {
    let to = stage.envoy.addr();
    let held = request("do", "ann", &Fate::Hold.after(0));
    let mut calls = JoinSet::new();
    // What a client left behind is over as soon as Envoy has seen it go.
    eventually("all places are taken", async || {
        while calls.len() < cap {
            let held = held.clone();
            calls.spawn(async move { client::send(to, &held).await.expect("an answer") });
        }
        while let Some(denied) = calls.try_join_next() {
            assert!(!admitted(&denied.expect("no panic")));
        }
        (stage.crowd.now() == cap).then_some(())
    })
    .await;
    let denied = client::send(to, &held).await.expect("an answer").json();
    let denial = &denied["result"]["_meta"]["toolgate/denial"];
    assert_eq!(
        (&denial["limit"], &denial["left"]),
        (&json!("cap"), &json!(0)),
        "{denied}"
    );
    stage.crowd.release();
    for answer in calls.join_all().await {
        assert!(admitted(&answer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_came_to_its_server_was_not_used() {
    let limits = json!([{ "id": "l", "per": "user", "requests_per_month": 3 }]);
    let stage = Stage::set(&json!([
        { "id": "all", "tools": ["*"], "decision": "allow", "limits": limits },
        {
            "id": "ask", "tools": ["ask", "linger"],
            "decision": "approval_required", "approver_role": "boss",
        },
    ]))
    .await;
    let to = stage.envoy.addr();
    let go = async |way: Way| go(to, way, &mut None).await;
    for way in [
        Way::NobodyThere,
        Way::Asked,
        Way::GoneWhileAsked,
        Way::Invalid,
        Way::HalfSent,
    ] {
        for _ in 0..5 {
            assert_ne!(go(way).await, "limit_reached", "{way:?}");
        }
    }
    // What its server did with it, or whether its client was still there, does not matter.
    for (way, end) in [
        (Way::BrokenOff, "503"),
        (Way::TimedOut, "504"),
        (Way::GivenUp, "gone"),
        (Way::NobodyThere, "limit_reached"),
    ] {
        assert_eq!(go(way).await, end, "{way:?}");
    }
    let records = stage.envoy.wait_access_log(0, 29).await;
    let left = |line: &Value| line["toolgate"]["limits"][0]["left"].as_u64();
    let of_asks = records
        .iter()
        .filter(|line| line["toolgate"]["toolName"] == "ask");
    assert!(of_asks.map(left).eq([Some(2); 5]), "{records:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_outlive_a_configuration_but_not_envoy() {
    let rules = |amount: u64| {
        let limits = json!([
            { "id": "l", "requests_per_month": amount },
            { "id": "cap", "concurrent_calls": 1 },
        ]);
        json!([{ "id": "r", "tools": ["do"], "decision": "allow", "limits": limits }])
    };
    let stage = Stage::set(&rules(2)).await;
    let to = stage.envoy.addr();
    let answered = request("do", "ann", &Fate::Answer.after(0));
    assert!(admitted(
        &client::send(to, &answered).await.expect("an answer")
    ));
    let held = tokio::spawn(async move {
        let held = request("do", "ann", &Fate::Hold.after(0));
        client::send(to, &held).await.expect("an answer")
    });
    eventually("it is held", async || {
        (stage.crowd.now() == 1).then_some(())
    })
    .await;
    stage.update("2", &rules(3)).await;
    let limited = async |limit: &str| {
        let answer = client::send(to, &answered).await.expect("an answer");
        let denial = &answer.json()["result"]["_meta"]["toolgate/denial"];
        assert_eq!(denial["limit"], limit, "{answer:?}");
        assert_eq!(denial["policyVersion"], "2", "{answer:?}");
    };
    limited("cap").await;
    stage.crowd.release();
    assert!(admitted(&held.await.expect("no panic")));
    eventually("its place is free", async || {
        let answer = client::send(to, &answered).await.expect("an answer");
        admitted(&answer).then_some(())
    })
    .await;
    limited("l").await;

    let Stage {
        crowd,
        setup,
        envoy,
        ..
    } = stage;
    drop(envoy);
    let envoy = Envoy::start(&setup).await;
    let answer = client::send(envoy.addr(), &answered)
        .await
        .expect("an answer");
    assert!(admitted(&answer), "what is local is in Envoy's memory");
    assert_eq!(crowd.came(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dies_with_a_worker_comes_back_and_nothing_else() {
    let trapping = fresh_dir().join("trap.wasm");
    let mut inject = Command::new(tools::node());
    inject.arg(tools::client("inject-trap.mjs"));
    let injected = inject.args([&tools::filter(), &trapping]).status();
    assert!(injected.expect("node is executable").success());
    let stage = Stage::of(&capped(PLACES), |filter| filter.wasm.clone_from(&trapping)).await;
    let to = stage.envoy.addr();
    let held = request("do", "ann", &Fate::Hold.after(0));
    let mut first = Vec::new();
    for _ in 0..PLACES {
        let mut connection = Connection::open(to).await.expect("envoy listens");
        connection
            .write(&held.bytes("gateway"))
            .await
            .expect("open");
        first.push(connection);
    }
    eventually("all are held", async || {
        (stage.crowd.now() == PLACES).then_some(())
    })
    .await;

    // One worker dies, with what its streams have; the other one has nothing else to do.
    let fatal = (0..90).fold(held.clone(), |request, n| {
        request.header(&format!("x-{n}"), "1")
    });
    let answer = client::send(to, &fatal).await.expect("an answer");
    assert_eq!(answer.status, 503, "{answer:?}");
    let began = Instant::now();
    let answered = request("do", "ann", &Fate::Answer.after(0));
    let what = "the places of the dead are free";
    within(Duration::from_secs(40), what, async || {
        let answer = client::send(to, &answered).await.expect("an answer");
        // Envoy starts a new VM once a second at most.
        (answer.status != 503 && admitted(&answer)).then_some(())
    })
    .await;
    let took = began.elapsed();
    assert!(
        took > Duration::from_secs(10),
        "not before it is sure: {took:?}"
    );
    let (mut second, mut denied) = (JoinSet::new(), 0);
    for _ in 0..PLACES {
        let held = held.clone();
        second.spawn(async move { client::send(to, &held).await.expect("an answer") });
    }
    let freed = eventually("each is held or denied", async || {
        while let Some(answer) = second.try_join_next() {
            denied += usize::from(!admitted(&answer.expect("no panic")));
        }
        let freed = stage.crowd.now() - PLACES;
        (freed + denied == PLACES).then_some(freed)
    })
    .await;
    stage.crowd.release();
    let mut died = 0;
    for mut connection in first {
        let answer = connection.response().await;
        died += usize::from(!answer.is_ok_and(|answer| answer.status == 200 && admitted(&answer)));
    }
    let second = second.join_all().await;
    assert!(second.iter().all(admitted), "{second:?}");
    assert_eq!((died, second.len()), (freed, freed));
    eprintln!(
        "{died} of {PLACES} calls died with their worker; their places were free after {took:.1?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_whoever_calls() {
    let users: u64 = std::env::var("USERS").map_or(10_000, |users| users.parse().unwrap());
    let limits = json!([{ "id": "l", "per": "user", "requests_per_month": 5 }]);
    let rule = json!({ "id": "r", "tools": ["do"], "decision": "allow", "limits": limits });
    let stage = Stage::set(&json!([rule])).await;
    let to = stage.envoy.addr();
    // What a worker needs for traffic as such.
    let all = async |from: u64, users: u64| {
        let next = Arc::new(AtomicU64::new(from));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let next = Arc::clone(&next);
            clients.spawn(async move {
                let mut connection = Connection::open(to).await.expect("envoy listens");
                let mut ends: BTreeMap<String, usize> = BTreeMap::new();
                loop {
                    let user = next.fetch_add(1, Ordering::Relaxed);
                    if user >= from + users {
                        return ends;
                    }
                    let request = request("do", &format!("user-{user}"), &Fate::Answer.after(0));
                    connection
                        .write(&request.bytes("gateway"))
                        .await
                        .expect("open");
                    let end = said(&connection.response().await.expect("an answer"));
                    *ends.entry(end).or_default() += 1;
                }
            });
        }
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for (end, times) in clients.join_all().await.into_iter().flatten() {
            *ends.entry(end).or_default() += times;
        }
        ends
    };
    all(0, 2_000).await;
    let before = resident(&stage.envoy);
    let began = Instant::now();
    let ends = all(2_000, users).await;
    let after = resident(&stage.envoy);
    eprintln!(
        "{users} users in {:.0?}: {before} MiB, then {after} MiB; {ends:?}",
        began.elapsed()
    );
    assert!(after < before + 128, "{before} MiB, then {after} MiB");
    let others = ends
        .keys()
        .filter(|end| !["answered", "limiter_busy"].contains(&end.as_str()));
    assert_eq!(others.count(), 0, "{ends:?}");
    // Who is counted stays so, whoever else comes.
    let request = request("do", "user-7", &Fate::Answer.after(0));
    for left in [4, 3, 2, 1, 0] {
        let answer = client::send(to, &request).await.expect("an answer");
        assert_eq!(admitted(&answer), left > 0, "{left}: {answer:?}");
    }
}

/// Mebibytes of memory that the process has.
fn resident(envoy: &Envoy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a size")
        / 1024
}

/// Makes a call come to its end: what became of it.
async fn go(to: SocketAddr, way: Way, open: &mut Option<Connection>) -> String {
    let bytes = way.request().bytes("gateway");
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => Connection::open(to).await.expect("envoy listens"),
    };
    if way == Way::HalfSent {
        connection
            .write(&bytes[..bytes.len() - 5])
            .await
            .expect("open");
        return "gone".to_owned();
    }
    connection.write(&bytes).await.expect("open");
    if matches!(way, Way::GivenUp | Way::GoneWhileAsked) {
        // It is denied at once or not at all.
        let answer = tokio::time::timeout(Duration::from_millis(5), connection.response()).await;
        return answer.map_or("gone".to_owned(), |answer| {
            said(&answer.expect("an answer"))
        });
    }
    if way == Way::HalfRead {
        let head = connection.head().await.expect("an answer");
        let mut body = connection.body(&head).expect("a body");
        connection.piece(&mut body).await.expect("its beginning");
        let stream = head.header("content-type") == Some("text/event-stream");
        return if stream { "gone" } else { "limit_reached" }.to_owned();
    }
    match connection.response().await {
        Ok(answer) => {
            *open = Some(connection);
            said(&answer)
        }
        Err(_) => "cut off".to_owned(),
    }
}

fn said(answer: &Response) -> String {
    if answer.status != 200 {
        return answer.status.to_string();
    }
    let answer = answer.json();
    let denial = &answer["result"]["_meta"]["toolgate/denial"]["reason"];
    denial.as_str().unwrap_or("answered").to_owned()
}

/// A number that looks like chance and is the same each time (SplitMix64).
fn random(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const CLIENTS: usize = 64;
const PLACES: usize = 12;
