//! What clients carry for the gateway, forged: every part of it altered, and swapped between users,
//! sessions and purposes. Nothing of that reaches a server.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::legacy;
use tests::recorder::{Answer, Recorder, Seen, Step};
use tests::wire;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_forged_reaches_a_server() {
    let stage = Stage::set().await;
    let [own, other, bobs] = [
        stage.open("ann").await,
        stage.open("ann").await,
        stage.open("bob").await,
    ];
    let asked = stage.ask("ann", &own).await;
    let strange = stage.ask("ann", &other).await;
    let uses = |ids: &Ids| {
        [
            Use::Answer(ids.request.clone()),
            Use::Progress(ids.progress.clone()),
            Use::Resume(ids.event.clone()),
            Use::Task(ids.task.clone()),
        ]
    };

    // Each is good for whom it was given to, and says there what the server knows.
    stage.forget();
    for what in uses(&asked) {
        let (answer, _) = stage.send("ann", &own, &what).await;
        assert!(answer.status < 300, "{what:?}: {answer:?}");
    }
    let seen = stage.east.seen();
    let said = seen.iter().map(|seen| {
        assert_eq!(seen.header("mcp-session-id"), Some("east-1"), "{seen:?}");
        let body = seen.json();
        let own = [
            &body["id"],
            &body["params"]["progressToken"],
            &body["params"]["taskId"],
        ];
        let own = own.into_iter().rfind(|id| !id.is_null());
        own.map_or_else(
            || seen.header("last-event-id").expect("one").to_owned(),
            Value::to_string,
        )
    });
    assert_eq!(said.collect::<Vec<_>>(), ["1", "1", "ev/1", "\"job-7\""]);
    stage.forget();

    let mut tried = 0;
    let mut refuse = async |user: &str, session: &str, what: &Use, status: u16| {
        let (answer, text) = stage.send(user, session, what).await;
        assert_eq!(answer.status, status, "{user} {session} {what:?}: {text}");
        assert_eq!(text.contains("Task not found"), status == 200, "{text}");
        tried += 1;
    };
    // Whoever shows them in another session, or is another.
    for (user, session) in [("ann", &other), ("bob", &bobs)] {
        for what in uses(&asked) {
            let status = match (&what, user) {
                // Tasks outlive sessions.
                (Use::Task(_), "ann") => continue,
                (Use::Task(_), _) => 200,
                _ => 400,
            };
            refuse(user, session, &what, status).await;
        }
    }
    for what in uses(&strange) {
        if !matches!(what, Use::Task(_)) {
            refuse("ann", &own, &what, 400).await;
        }
    }
    // For another purpose, or as the server knows them.
    for id in [
        &asked.request,
        &asked.progress,
        &asked.event,
        &asked.task,
        &own,
    ] {
        for (what, kept) in [
            (Use::Answer(id.clone()), &asked.request),
            (Use::Progress(id.clone()), &asked.progress),
            (Use::Resume(id.clone()), &asked.event),
            (Use::Task(id.clone()), &asked.task),
        ] {
            if id != kept {
                let status = if matches!(what, Use::Task(_)) {
                    200
                } else {
                    400
                };
                refuse("ann", &own, &what, status).await;
            }
        }
    }
    for (what, status) in [
        (Use::Answer("1".to_owned()), 400),
        (Use::Progress("1".to_owned()), 400),
        (Use::Resume("ev/1".to_owned()), 400),
        (Use::Task("job-7".to_owned()), 200),
    ] {
        refuse("ann", &own, &what, status).await;
    }
    // Sessions of somebody else, of the server, of a task.
    let list = Use::Answer(asked.request.clone());
    for session in [&bobs, "east-1", &asked.task, &own.repeat(2), &own[1..]] {
        refuse("ann", session, &list, 404).await;
    }
    for what in uses(&asked).into_iter().chain([Use::Call, Use::End]) {
        refuse("bob", &own, &what, 404).await;
    }
    // Every single character of each.
    for (at, session) in altered(&own).enumerate() {
        let what = if at % 2 == 0 { Use::Call } else { Use::End };
        refuse("ann", &session, &what, 404).await;
    }
    for request in altered(&asked.request) {
        refuse("ann", &own, &Use::Answer(request), 400).await;
    }
    for token in altered(&asked.progress) {
        refuse("ann", &own, &Use::Progress(token), 400).await;
    }
    for event in altered(&asked.event) {
        refuse("ann", &own, &Use::Resume(event), 400).await;
    }
    for task in altered(&asked.task) {
        refuse("ann", &own, &Use::Task(task), 200).await;
    }
    assert!(tried > 500, "{tried}");
    for server in [&stage.east, &stage.west] {
        assert!(server.seen().is_empty(), "{:?}", server.seen());
    }
}

/// One Envoy before two servers of the legacy era.
struct Stage {
    envoy: Envoy,
    east: Recorder,
    west: Recorder,
}

/// Ids of one server, as a client has them.
struct Ids {
    request: String,
    progress: String,
    event: String,
    task: String,
}

/// What a client does.
#[derive(Debug)]
enum Use {
    Answer(String),
    Progress(String),
    Resume(String),
    Task(String),
    Call,
    End,
}

impl Stage {
    async fn set() -> Self {
        let (east, west) = (server("east").await, server("west").await);
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let servers = [("east", vec![tool("look")]), ("west", vec![tool("see")])];
        let mut registry = bundle::registry(&servers);
        registry["virtual"] = json!({});
        let policy = json!({
            "version": "1",
            "identity": { "user": { "header": "x-user", "trusted": true } },
            "rules": [{ "id": "all", "tools": ["*"], "decision": "allow" }],
        });
        for name in ["east", "west"] {
            registry["servers"][name]["protocol"] = json!("2025-11-25");
        }
        let bundle = bundle::bundle(&registry, &policy);
        let servers = [("east", east.addr()), ("west", west.addr())];
        let envoy = Envoy::start(&Setup::one(Gateway::toolgate(bundle, &servers))).await;
        Self { envoy, east, west }
    }

    fn forget(&self) {
        self.east.clear();
        self.west.clear();
    }

    async fn open(&self, user: &str) -> String {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                             "clientInfo": { "name": "c", "version": "1" } });
        let greeting = Request::post("/mcp", legacy("initialize", &params).to_string());
        let answer = client::send(self.envoy.addr(), &greeting.header("x-user", user)).await;
        let answer = answer.expect("an answer");
        let session = answer.header("mcp-session-id");
        session.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// Calls `look`: its server asks something meanwhile; and once more, as a task.
    async fn ask(&self, user: &str, session: &str) -> Ids {
        let (answer, text) = self.send(user, session, &Use::Call).await;
        assert_eq!(answer.status, 200, "{text}");
        let event = text.lines().find_map(|line| line.strip_prefix("id: "));
        let asked: Value = serde_json::from_str(&wire::events(&text)[0]).expect("JSON");
        let call = json!({ "name": "look", "arguments": {}, "task": {} });
        let call = Request::post("/mcp", legacy("tools/call", &call).to_string());
        let call = call
            .header("x-user", user)
            .header("mcp-session-id", session);
        let made = client::send(self.envoy.addr(), &call)
            .await
            .expect("an answer")
            .json();
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        Ids {
            request: text(&asked["id"]),
            progress: text(&asked["params"]["_meta"]["progressToken"]),
            event: event.expect("an id").to_owned(),
            task: text(&made["result"]["task"]["taskId"]),
        }
    }

    async fn send(&self, user: &str, session: &str, what: &Use) -> (Response, String) {
        let post = |message: Value| Request::post("/mcp", message.to_string());
        let request = match what {
            Use::Answer(id) => post(json!({ "jsonrpc": "2.0", "id": id, "result": {} })),
            Use::Progress(token) => {
                let params = json!({ "progressToken": token, "progress": 1 });
                let method = "notifications/progress";
                post(json!({ "jsonrpc": "2.0", "method": method, "params": params }))
            }
            Use::Resume(event) => Request::new("GET", "/mcp")
                .header("accept", "text/event-stream")
                .header("last-event-id", event),
            Use::Task(id) => post(legacy("tasks/get", &json!({ "taskId": id }))),
            Use::Call => {
                let call = json!({ "name": "look", "arguments": {} });
                post(legacy("tools/call", &call))
            }
            Use::End => Request::new("DELETE", "/mcp"),
        };
        let request = request
            .header("x-user", user)
            .header("mcp-session-id", session);
        let answer = client::send(self.envoy.addr(), &request).await;
        let answer = answer.expect("an answer");
        let text = answer.text();
        (answer, text)
    }
}

/// A server that asks something in the midst of each call.
async fn server(name: &'static str) -> Recorder {
    let sessions = AtomicUsize::new(0);
    Recorder::scripted(move |seen: &Seen| {
        let message = seen.json();
        let answer =
            |result: Value| json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        match message["method"].as_str() {
            Some("initialize") => {
                let session = sessions.fetch_add(1, Ordering::Relaxed) + 1;
                let result = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                                     "serverInfo": { "name": name, "version": "1" } });
                let session = format!("{name}-{session}");
                Answer::json(&answer(result)).header("mcp-session-id", &session)
            }
            Some("tools/call") if message["params"]["task"].is_object() => {
                Answer::json(&answer(json!({ "task": task() })))
            }
            Some("tools/call") => {
                let params = json!({ "_meta": { "progressToken": 1 } });
                let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": params });
                let result = answer(json!({ "content": [] }));
                let stream = format!("id: ev/1\ndata: {ping}\n\ndata: {result}\n\n");
                Answer::stream([Step::Send(stream.into_bytes())])
            }
            Some("tasks/get") => Answer::json(&answer(task())),
            None if seen.method == "GET" => Answer::stream([]),
            Some(_) | None => Answer::body("application/json", "").status(202),
        }
    })
    .await
}

fn task() -> Value {
    json!({ "taskId": "job-7", "status": "working", "ttl": null,
            "createdAt": "2026-11-25T10:30:00Z", "lastUpdatedAt": "2026-11-25T10:30:00Z" })
}

/// The text with one character another, at each place.
fn altered(text: &str) -> impl Iterator<Item = String> {
    text.char_indices().map(|(at, c)| {
        let other = if c == 'A' { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    })
}
