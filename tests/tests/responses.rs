//! What is governed on its way back flows on as it comes, in bounded memory, however much of it
//! there is; what does not end is ended.

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{Connection, Response};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::legacy_call;
use tests::recorder::{Answer, Recorder, Seen, Step};
use tests::wire::{self, Body};

/// How much a server sends, in megabytes; `make soak` asks for more.
fn megabytes() -> usize {
    let megabytes = std::env::var("MEGABYTES");
    megabytes.map_or(50, |it| it.parse().expect("a number"))
}

/// One Envoy with card numbers taken out of what a server says, over HTTP/1.1 and over HTTP/2.
struct Stage {
    envoy: Envoy,
    servers: [Recorder; 2],
}

impl Stage {
    async fn set(answer: Answer) -> Self {
        Self::of(vec![answer]).await
    }

    /// With servers that give the answer that they are asked for.
    async fn of(answers: Vec<Answer>) -> Self {
        let script = move |seen: &Seen| {
            let number = seen.json()["params"]["arguments"]["number"].as_u64();
            let number = number.and_then(|number| usize::try_from(number).ok());
            answers[number.unwrap_or_default()].clone()
        };
        let servers = [
            Recorder::scripted(script.clone()).await,
            Recorder::scripted_h2(script).await,
        ];
        let tool = json!({ "name": "look", "inputSchema": { "type": "object" } });
        let gateways = ["h1", "h2"].iter().zip(&servers).map(|(name, server)| {
            let mut registry = bundle::registry(&[("s", vec![tool.clone()])]);
            registry["servers"]["s"]["cluster"] = json!(name);
            let policy = json!({
                "version": "1",
                "rules": [{ "tools": ["look"], "decision": "allow", "redact": ["payment_card"] }],
            });
            let bundle = bundle::bundle(&registry, &policy);
            let mut gateway = Gateway {
                trailers: true,
                ..Gateway::toolgate(bundle, &[(name, server.addr())])
            };
            gateway.clusters[0].h2 = *name == "h2";
            gateway
        });
        let setup = Setup {
            gateways: gateways.collect(),
            concurrency: 1,
        };
        let envoy = Envoy::start(&setup).await;
        Self { envoy, servers }
    }

    /// Calls a server, and gives its answer from the head on.
    async fn open(&self, index: usize) -> (Connection, Response, Body) {
        self.ask(index, 0).await
    }

    async fn ask(&self, index: usize, number: usize) -> (Connection, Response, Body) {
        let to = self.envoy.gateway(index);
        let mut connection = Connection::open(to).await.expect("envoy listens");
        let request = legacy_call("look", &json!({ "number": number }));
        let request = request.bytes("localhost");
        connection.write(&request).await.expect("open");
        let head = connection.head().await.expect("a head");
        let body = connection.body(&head).expect("a body");
        (connection, head, body)
    }

    /// What is on record of the last of so many calls.
    async fn record(&self, index: usize, calls: usize) -> Value {
        let log = self.envoy.wait_access_log(index, calls).await;
        log[calls - 1]["toolgate"].clone()
    }
}

/// A log message of a server, of 64 kB, with a card number in the middle.
fn log_message() -> Value {
    let half = "All quiet. ".repeat(3_000);
    let text = format!("{half}{CARD}. {half}");
    json!({
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": { "level": "info", "data": text },
    })
}

fn answer() -> Value {
    let content = json!([{ "type": "text", "text": format!("paid with {CARD}") }]);
    json!({ "jsonrpc": "2.0", "id": 1, "result": { "content": content } })
}

#[tokio::test]
async fn each_event_comes_before_the_next_is_sent() {
    for end in ["\n", "\r", "\r\n"] {
        let event = |id: usize, data: Value| format!("id: {id}{end}data: {data}{end}{end}");
        let events = [event(1, log_message()), event(2, answer())];
        let steps = events.map(|event| Step::Send(event.into_bytes()));
        let steps = steps.into_iter().flat_map(|step| [step, Step::Gate]);
        let stage = Stage::set(Answer::stream(steps)).await;
        for (index, server) in stage.servers.iter().enumerate() {
            let (mut connection, _, mut body) = stage.open(index).await;
            let mut came = String::new();
            for count in 1..=2 {
                // Some clients wait for the last byte of the last line end.
                while !came.ends_with(end) || whole_events(&came) < count {
                    let piece = connection.piece(&mut body).await.expect("a piece");
                    came += &String::from_utf8(piece.expect("more to come")).expect("text");
                }
                server.open_gate();
            }
            assert!(!came.contains(CARD), "{end:?}");
            assert_eq!(came.matches("[payment_card]").count(), 2, "{end:?}");
            drop(connection);
            let record = stage.record(index, 1).await;
            assert_eq!(record["redactions"]["payment_card"], 2, "{record:#}");
        }
    }
}

/// How many events have come to their end.
fn whole_events(stream: &str) -> usize {
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    let whole = stream.rfind("\n\n").map_or("", |end| &stream[..end]);
    wire::events(whole).len()
}

#[tokio::test]
async fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    let event = format!("data: {}\n\n", log_message());
    let count = (megabytes() << 20) / event.len();
    let last = format!("data: {}\n\n", answer());
    let steps = [
        Step::Repeat(event.into_bytes(), count),
        Step::Send(last.into_bytes()),
    ];
    let stage = Stage::set(Answer::stream(steps)).await;
    let mut grown = Vec::new();
    for index in 0..stage.servers.len() {
        let (mut connection, _, mut body) = stage.open(index).await;
        let (mut bytes, mut masks, mut tail) = (0, 0, Vec::new());
        let mut before = None;
        while let Some(piece) = connection.piece(&mut body).await.expect("a piece") {
            bytes += piece.len();
            // What is cut between two pieces is found in the second.
            tail.extend(piece);
            let text = String::from_utf8_lossy(&tail);
            assert!(!text.contains(CARD), "after {bytes} bytes");
            masks += text.matches(MASK).count();
            let kept = text.rfind(MASK).map_or(0, |at| at + MASK.len());
            let kept = kept.max(tail.len().saturating_sub(MASK.len() - 1));
            tail.drain(..kept);
            // By then every buffer is as large as it gets.
            if bytes > 5 << 20 && before.is_none() {
                before = Some(stage.envoy.peak_memory());
            }
        }
        assert_eq!(masks, count + 1);
        let record = stage.record(index, 1).await;
        assert_eq!(record["result"], "ok", "{record:#}");
        grown.push(stage.envoy.peak_memory() - before.expect("megabytes came"));
    }
    println!("{} MB: {grown:?} kB more than 5 MB", megabytes());
    assert!(grown.iter().all(|it| *it < 2 << 10), "{grown:?} kB more");
}

/// A body that never ends, an event that never ends, and a line.
#[tokio::test]
async fn what_never_ends_is_ended() {
    let times = (megabytes() << 20) / 65_536;
    let begun = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""#;
    let endless = |media: &str, begun: &str, more: &str| Answer {
        steps: vec![
            Step::Send(begun.into()),
            Step::Repeat(more.repeat(65_536 / more.len()).into_bytes(), times),
        ],
        length: false,
        ..Answer::body(media, "")
    };
    let stream = "text/event-stream";
    let (answers, names): (Vec<_>, Vec<_>) = [
        (endless("application/json", begun, "x"), "a body"),
        (endless(stream, &format!("data: {begun}"), "x"), "an event"),
        (endless(stream, "", "data: x\n"), "lines"),
        (endless(stream, "id: ", "x"), "another field"),
        (endless(stream, ":", "x"), "a comment"),
    ]
    .into_iter()
    .unzip();
    let mut stage = Stage::of(answers).await;
    for (index, server) in stage.servers.iter().enumerate() {
        let before = stage.envoy.peak_memory();
        for (number, what) in names.iter().enumerate() {
            let sent = server.sent();
            let (mut connection, head, mut body) = stage.ask(index, number).await;
            let mut came = head.clone();
            // Whoever was told in a stream is cut off.
            while let Ok(Some(piece)) = connection.piece(&mut body).await {
                came.body.extend(piece);
            }
            let message = came.json();
            assert_eq!(message["id"], 1, "{what}: {message}");
            assert_eq!(message["error"]["code"], -32_603, "{what}: {message}");
            assert!(came.body.len() < 2_000, "{what}: {}", came.body.len());
            let record = stage.record(index, number + 1).await;
            assert_eq!(record["reason"], "upstream_too_large", "{what}: {record:#}");
            // Envoy's buffers, and the kernel's.
            let sent = server.sent() - sent;
            assert!(sent < 32 << 20, "{what}: {sent} bytes sent");
        }
        let grown = stage.envoy.peak_memory() - before;
        println!("{grown} kB more");
        assert!(grown < 40 << 10, "{grown} kB more");
    }
    assert!(stage.envoy.alive());
}

/// The standard discards an event that does not end, and some clients read it. Before trailers
/// Envoy has no place for what is put in its stead: the stream is cut off.
#[tokio::test]
async fn an_unfinished_event_before_trailers_does_not_pass() {
    let event = format!("data: {}", answer());
    let stream = Answer::stream([Step::Send(event.into())]).trailer("x-end", "1");
    let stage = Stage::set(stream).await;
    for index in 0..stage.servers.len() {
        let (mut connection, _, mut body) = stage.open(index).await;
        let came = connection.piece(&mut body).await;
        came.expect_err("nothing is whole");
    }
}

const CARD: &str = "4111 1111 1111 1111";
const MASK: &str = "[payment_card]";
