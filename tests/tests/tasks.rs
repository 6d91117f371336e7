//! Tasks of a real server: whose they are, and with which secret.

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request};
use tests::conformance::{Fixtures, Part};
use tests::envoy::{Envoy, Filter, Gateway, Setup};
use tests::message::modern;
use tests::serve::{self, Served};

const JOB: &str = "slow_compute";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_its_callers() {
    let server = server();
    let envoy = Envoy::start(&setup(&server, |_| {})).await;
    let task = start(&envoy, "alice", 60).await;
    for (user, method, found) in [
        ("bob", "tasks/get", false),
        ("bob", "tasks/cancel", false),
        ("alice", "tasks/get", true),
        ("alice", "tasks/cancel", true),
    ] {
        let answer = ask(&envoy, user, method, json!({ "taskId": task })).await;
        let expected = if found { Value::Null } else { not_found() };
        assert_eq!(answer["error"], expected, "{user} {method}: {answer}");
    }
    let altered = format!("{}{task}", &task[..4]);
    let answer = ask(&envoy, "alice", "tasks/get", json!({ "taskId": altered })).await;
    assert_eq!(answer["error"], not_found());
    // Bob's attempt has cancelled nothing, Alice's has.
    let done = finished(&envoy, "alice", &task).await;
    assert_eq!(done["status"], "cancelled", "{done}");
    let lines = envoy.wait_access_log(0, 6).await;
    let reasons = lines.iter().map(|line| &line["toolgate"]["reason"]);
    let unknown = reasons.filter(|reason| *reason == "unknown_task").count();
    assert_eq!(unknown, 3, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drawn_secret_is_one_for_all_workers_and_for_no_other_envoy() {
    let server = server();
    let drawn = |filter: &mut Filter| filter.secret = None;
    let setup = Setup {
        concurrency: 4,
        ..setup(&server, drawn)
    };
    let envoy = Envoy::start(&setup).await;
    let task = start(&envoy, "alice", 1).await;
    // Each request has a connection, and with it a worker, of its own.
    for _ in 0..40 {
        let answer = ask(&envoy, "alice", "tasks/get", json!({ "taskId": task })).await;
        assert_eq!(answer["result"]["taskId"], *task, "{answer}");
    }
    let log = envoy.log();
    assert_eq!(
        log.matches("`TOOLGATE_SEAL_KEY` is not set").count(),
        1,
        "{log}"
    );
    let other = Envoy::start(&setup).await;
    let answer = ask(&other, "alice", "tasks/get", json!({ "taskId": task })).await;
    assert_eq!(answer["error"], not_found());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoys_with_one_secret_know_each_others_tasks() {
    let server = server();
    let envoys = [
        Envoy::start(&setup(&server, |_| {})).await,
        Envoy::start(&setup(&server, |_| {})).await,
    ];
    let task = start(&envoys[0], "alice", 1).await;
    let done = finished(&envoys[1], "alice", &task).await;
    assert_eq!(done["result"]["content"][0]["text"], "Computed.", "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_secret_is_refused() {
    let short = |filter: &mut Filter| filter.secret = Some("too short".to_owned());
    let log = Envoy::try_start(&setup(&server(), short)).await.err();
    let log = log.expect("it must not start");
    assert!(
        log.contains("`TOOLGATE_SEAL_KEY` must have at least 32 bytes"),
        "{log}"
    );
}

fn server() -> Served {
    Served::start(serve::mcp(Fixtures::default()), 0).expect("loopback has ports")
}

fn setup(server: &Served, change: impl FnOnce(&mut Filter)) -> Setup {
    let job = Part::Whole.tools();
    let job = job.into_iter().filter(|tool| tool["name"] == JOB).collect();
    let registry = bundle::registry(&[("fixtures", job)]);
    let policy = json!({
        "version": "1",
        "identity": { "user": { "header": "x-user", "trusted": true } },
        "rules": [{ "id": "all", "tools": ["*"], "decision": "allow" }],
    });
    let bundle = bundle::bundle(&registry, &policy);
    Setup::one(Gateway::toolgate(bundle, &[("fixtures", server.addr())]).with_filter(change))
}

/// The id of a task that takes so many seconds.
async fn start(envoy: &Envoy, user: &str, seconds: u64) -> String {
    let call = json!({ "name": JOB, "arguments": { "seconds": seconds } });
    let answer = ask(envoy, user, "tools/call", call).await;
    assert_eq!(answer["result"]["resultType"], "task", "{answer}");
    let id = answer["result"]["taskId"].as_str();
    id.expect("a task has an id").to_owned()
}

/// A task at its end.
async fn finished(envoy: &Envoy, user: &str, task: &str) -> Value {
    tests::envoy::eventually("the task ends", async || {
        let mut answer = ask(envoy, user, "tasks/get", json!({ "taskId": task })).await;
        Some(answer["result"].take()).filter(|task| task["status"] != "working")
    })
    .await
}

async fn ask(envoy: &Envoy, user: &str, method: &str, params: Value) -> Value {
    let mut message = modern(method, params);
    let tasks = json!({ "io.modelcontextprotocol/tasks": {} });
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]["extensions"] = tasks;
    let mut request = Request::modern("/mcp", &message).header("x-user", user);
    if let Some(task) = message["params"]["taskId"].as_str() {
        request = request.without("mcp-name").header("mcp-name", task);
    }
    let answer = client::send(envoy.addr(), &request).await;
    answer.expect("an answer").json()
}

fn not_found() -> Value {
    json!({ "code": -32_602, "message": "Task not found" })
}
