use super::*;

/// What a server asks in a stream, as its client sees it.
struct Asked {
    event: String,
    request: String,
    token: String,
    revoked: String,
}

/// A call of this tool, in the stream of whose answer its server asks something.
fn ask(gateway: &mut Gateway, user: &str, session: &str, tool: &str, id: &str) -> Asked {
    let (fate, mut exchange) =
        gateway.send("POST", user, &[("mcp-session-id", session)], &call(tool));
    assert!(matches!(fate, Fate::Forward(_)), "{tool}");
    let cx = gateway.memory.at(NOW);
    let head = Event::ResponseHead {
        headers: Headers::new([
            (b":status".to_vec(), b"200".to_vec()),
            (b"content-type".to_vec(), b"text/event-stream".to_vec()),
            (b"mcp-session-id".to_vec(), b"o1".to_vec()),
        ]),
        details: Some("via_upstream".to_owned()),
        end: false,
    };
    let Step::Forward(edits) = exchange.on(head, &cx) else {
        panic!("a stream flows");
    };
    assert_eq!(edit(&edits, "mcp-session-id"), None);
    let stream = [
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","params":{{"_meta":{{"progressToken":{id}}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#),
        // The client's own token stays.
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":1}}"#.to_owned(),
    ];
    let stream = stream
        .map(|data| format!("id: e/1\ndata: {data}\n\n"))
        .concat();
    let body = Event::ResponseBody {
        bytes: stream.as_bytes(),
        end: false,
    };
    let Step::Forward(edits) = exchange.on(body, &cx) else {
        panic!("a stream flows");
    };
    let body = String::from_utf8(edits.body.expect("a body")).expect("UTF-8");
    let lines = |name: &'static str| body.lines().filter_map(move |line| line.strip_prefix(name));
    let [request, revoked, progress] = lines("data: ")
        .map(|data| serde_json::from_str::<Value>(data).expect("JSON"))
        .collect::<Vec<_>>()
        .try_into()
        .expect("three messages");
    assert_eq!(progress["params"]["progressToken"], 3);
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    Asked {
        event: lines("id: ").next().expect("an event's id").to_owned(),
        request: text(&request["id"]),
        token: text(&request["params"]["_meta"]["progressToken"]),
        revoked: text(&revoked["params"]["requestId"]),
    }
}

/// What becomes of something that a client says to what it was asked: where it goes, and what is
/// said there; or the reason why it goes nowhere.
fn say(gateway: &mut Gateway, user: &str, session: &str, what: &Said<'_>) -> String {
    let session = ("mcp-session-id", session);
    let (fate, exchange) = match what {
        Said::Answer(id) => {
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": {} }).to_string();
            gateway.send("POST", user, &[session], &answer)
        }
        Said::Progress(token) => {
            let params = json!({ "progressToken": token, "progress": 1 });
            let progress =
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
            gateway.send("POST", user, &[session], &progress.to_string())
        }
        Said::Resume(event) => gateway.send("GET", user, &[session, ("last-event-id", event)], ""),
    };
    let cx = gateway.memory.at(NOW);
    match fate {
        Fate::Forward(edits) => {
            let header = |name| edit(&edits, name).unwrap_or("-");
            let body = edits.body.as_deref().unwrap_or_default();
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let own = [&body["id"], &body["params"]["progressToken"]];
            let own = own.into_iter().find(|id| !id.is_null());
            let own = own.map_or_else(|| header("last-event-id").to_owned(), Value::to_string);
            let (cluster, session) = (header("x-toolgate-cluster"), header("mcp-session-id"));
            format!("{cluster} {session} {own}")
        }
        Fate::Reply(reply) => {
            let record = exchange.close(End::default(), &cx).record;
            let record: Value = serde_json::from_slice(&record).expect("a record");
            format!(
                "{} {}",
                reply.status,
                record["reason"].as_str().unwrap_or_default()
            )
        }
    }
}

enum Said<'a> {
    Answer(&'a str),
    Progress(&'a str),
    Resume(&'a str),
}

#[test]
fn what_a_client_answers_goes_to_who_has_asked() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    for (tool, id, server, backend) in [
        ("old.t", "1", "old", "o1"),
        ("both.t", "1", "both", "b1"),
        ("old.t", "\"1\"", "old", "o1"),
        ("both.t", "9007199254740993", "both", "b1"),
    ] {
        let asked = ask(&mut gateway, "ann", &session, tool, id);
        assert_eq!(asked.request, asked.revoked);
        gateway.said();
        let mut said = |what| say(&mut gateway, "ann", &session, &what);
        let expected = format!("{server} {backend} {id}");
        assert_eq!(said(Said::Answer(&asked.request)), expected);
        assert_eq!(said(Said::Progress(&asked.token)), expected);
        let resumed = said(Said::Resume(&asked.event));
        assert_eq!(resumed, format!("{server} {backend} e/1"));
        assert!(gateway.said().is_empty());
    }
}

#[test]
fn what_no_server_has_asked_goes_nowhere() {
    let mut gateway = Gateway::new(well);
    let [session, other, bobs] = ["ann", "ann", "bob"].map(|user| gateway.open(user));
    let asked = ask(&mut gateway, "ann", &session, "old.t", "1");
    let Asked {
        event,
        request,
        token,
        ..
    } = &asked;
    gateway.said();
    for (user, session, expected) in [
        ("ann", &session, ["old o1 1", "old o1 1", "old o1 e/1"]),
        ("ann", &other, ["400 unasked", "400 unasked", "400 unsent"]),
        ("bob", &bobs, ["400 unasked", "400 unasked", "400 unsent"]),
        ("bob", &session, ["404 unknown_session"; 3]),
    ] {
        let said = [
            Said::Answer(request),
            Said::Progress(token),
            Said::Resume(event),
        ];
        let became = said.map(|what| say(&mut gateway, user, session, &what));
        assert_eq!(became, expected, "{user}");
    }
    let strange = [request, token, event].map(|id| format!("A{id}"));
    let [long_request, long_token, long_event] = &strange;
    for what in [
        Said::Answer(token),
        Said::Answer(event),
        Said::Answer(long_request),
        Said::Answer("1"),
        Said::Answer(""),
        Said::Progress(request),
        Said::Progress(long_token),
        Said::Progress("1"),
    ] {
        assert_eq!(say(&mut gateway, "ann", &session, &what), "400 unasked");
    }
    for what in [
        Said::Resume(request),
        Said::Resume(long_event),
        Said::Resume("e/1"),
        Said::Resume(""),
    ] {
        assert_eq!(say(&mut gateway, "ann", &session, &what), "400 unsent");
    }
    assert!(gateway.said().is_empty());
}

#[test]
fn a_task_is_where_it_was_made() {
    let mut gateway = Gateway::new(well);
    let session = gateway.open("ann");
    let headers = [("mcp-session-id", session.as_str())];
    let body = message(
        "tools/call",
        json!({ "name": "both.t", "arguments": {}, "task": {} }),
    );
    let (fate, mut exchange) = gateway.send("POST", "ann", &headers, &body);
    assert!(matches!(fate, Fate::Forward(_)));
    let cx = gateway.memory.at(NOW);
    let head = Event::ResponseHead {
        headers: Headers::new([
            (b":status".to_vec(), b"200".to_vec()),
            (b"content-type".to_vec(), b"application/json".to_vec()),
        ]),
        details: Some("via_upstream".to_owned()),
        end: false,
    };
    assert!(matches!(exchange.on(head, &cx), Step::Hold));
    let answer = json!({ "jsonrpc": "2.0", "id": 7, "result": { "task": {
        "taskId": "t1", "status": "working", "ttl": null,
        "createdAt": "2026-11-25T10:30:00Z", "lastUpdatedAt": "2026-11-25T10:30:00Z" } } });
    let answer = answer.to_string();
    let body = Event::ResponseBody {
        bytes: answer.as_bytes(),
        end: true,
    };
    let Step::Forward(edits) = exchange.on(body, &cx) else {
        panic!("an answer passes");
    };
    let answer: Value = serde_json::from_slice(&edits.body.expect("a body")).expect("JSON");
    let task = answer["result"]["task"]["taskId"].as_str().expect("a task");
    let other = gateway.open("ann");
    let bobs = gateway.open("bob");
    gateway.said();
    for (user, session, id, expected) in [
        ("ann", &session, task, Some("both")),
        // A task outlives the session.
        ("ann", &other, task, Some("both")),
        ("bob", &bobs, task, None),
        ("ann", &session, "t1", None),
    ] {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let body = message(method, json!({ "taskId": id }));
            let headers = [("mcp-session-id", session.as_str())];
            let (fate, _) = gateway.send("POST", user, &headers, &body);
            match (fate, expected) {
                (Fate::Forward(edits), Some(server)) => {
                    assert_eq!(edit(&edits, "x-toolgate-cluster"), Some(server));
                    assert_eq!(edit(&edits, "mcp-session-id"), Some("b1"));
                    let body = edits.body.expect("a body");
                    let body: Value = serde_json::from_slice(&body).expect("JSON");
                    assert_eq!(body["params"]["taskId"], "t1");
                }
                (Fate::Reply(reply), None) => {
                    let body = String::from_utf8(reply.body).expect("UTF-8");
                    assert!(body.contains("Task not found"), "{body}");
                }
                (Fate::Forward(_), None) => panic!("{user} {method} {id} goes on"),
                (Fate::Reply(reply), Some(_)) => panic!("{user} {method} {id}: {reply:?}"),
            }
        }
    }
    assert!(gateway.said().is_empty());
}
