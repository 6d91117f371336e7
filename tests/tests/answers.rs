//! What comes back through Envoy: events flow as they come, and what came of the call is on record.

use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Connection};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::legacy_call;
use tests::recorder::{Answer, Recorder, Step};
use tests::wire::Body;

/// A server that gives this answer, over HTTP/1.1 and over HTTP/2, behind one Envoy.
struct Stage {
    envoy: Envoy,
    servers: [Recorder; 2],
}

impl Stage {
    async fn set(answer: Answer) -> Self {
        let (one, two) = (answer.clone(), answer);
        let servers = [
            Recorder::scripted(move |_| one.clone()).await,
            Recorder::scripted_h2(move |_| two.clone()).await,
        ];
        let tool = json!({ "name": "look", "inputSchema": { "type": "object" } });
        let gateways = ["h1", "h2"].iter().zip(&servers).map(|(name, server)| {
            let mut registry = bundle::registry(&[("s", vec![tool.clone()])]);
            registry["servers"]["s"]["cluster"] = json!(name);
            let policy =
                json!({ "version": "1", "rules": [{ "tools": ["look"], "decision": "allow" }] });
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
    async fn open(&self, index: usize) -> (Connection, Body) {
        let to = self.envoy.gateway(index);
        let mut connection = Connection::open(to).await.expect("envoy listens");
        let request = legacy_call("look", &json!({})).bytes("localhost");
        connection.write(&request).await.expect("open");
        let head = connection.head().await.expect("a head");
        let body = connection.body(&head).expect("a body");
        (connection, body)
    }

    /// Calls both servers, and checks what is on record of it.
    async fn check(&self, expected: &Value) {
        for index in 0..self.servers.len() {
            let request = legacy_call("look", &json!({}));
            let answer = client::send(self.envoy.gateway(index), &request).await;
            assert_eq!(answer.expect("an answer").status, 200);
            self.recorded(index, expected).await;
        }
    }

    async fn recorded(&self, index: usize, expected: &Value) {
        let record = &self.envoy.wait_access_log(index, 1).await[0]["toolgate"];
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&record[name], value, "{name}, server {index}: {record:#}");
        }
    }
}

fn send(text: &str) -> Step {
    Step::Send(text.into())
}

#[tokio::test]
async fn each_event_flows_as_it_comes_and_the_answer_is_seen_before_the_end() {
    let progress = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    let halves = [
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isEr",
        "ror\":true}}\n\n",
    ];
    let steps = [
        send(progress),
        Step::Gate,
        send(halves[0]),
        send(halves[1]),
        Step::Gate,
    ];
    let stage = Stage::set(Answer::stream(steps)).await;
    for (index, server) in stage.servers.iter().enumerate() {
        let (mut connection, mut body) = stage.open(index).await;
        for event in [progress, &halves.concat()] {
            let came = connection.piece(&mut body).await.expect("a piece");
            assert_eq!(came.as_deref(), Some(event.as_bytes()));
            server.open_gate();
        }
        // Who has the answer may go.
        drop(connection);
        stage
            .recorded(index, &json!({ "result": "tool_error", "resultBytes": 16 }))
            .await;
    }
    let count = "toolgate_results_total{toolgate_server=\"s\",toolgate_tool=\"look\",toolgate_result=\"tool_error\"} 2";
    let shown = stage.envoy.prometheus().await;
    assert!(shown.contains(count), "{shown}");
}

#[tokio::test]
async fn who_goes_before_the_answer_has_none() {
    let steps = [send("data: {\"id\":1,\"result\":{"), Step::Gate];
    let stage = Stage::set(Answer::stream(steps)).await;
    for index in 0..stage.servers.len() {
        drop(stage.open(index).await);
        stage
            .recorded(index, &json!({ "result": "client_abort" }))
            .await;
    }
}

#[tokio::test]
async fn what_breaks_off_is_a_transport_error() {
    let half = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[";
    for (media, text) in [
        ("application/json", half.to_owned()),
        ("text/event-stream", format!("id: 1\ndata: {half}")),
    ] {
        let stage = Stage::set(Answer {
            steps: vec![send(&text), Step::Abort],
            length: false,
            ..Answer::body(media, "")
        })
        .await;
        for index in 0..stage.servers.len() {
            let request = legacy_call("look", &json!({}));
            // A body is an error of Envoy's, a stream breaks off for the client as well.
            let answer = client::send(stage.envoy.gateway(index), &request).await;
            let status = answer.map(|answer| answer.status).ok();
            assert!(
                matches!(status, None | Some(502 | 503)),
                "{media}: {status:?}"
            );
            let expected = json!({ "result": "transport_error" });
            stage.recorded(index, &expected).await;
        }
    }
}

#[tokio::test]
async fn an_answer_may_end_with_trailers() {
    let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true}}";
    for answer in [
        Answer::body("application/json", body),
        Answer::body("text/event-stream", format!("data: {body}\n\n")),
    ] {
        let answer = answer.trailer("x-end", "1");
        let stage = Stage::set(answer).await;
        stage.check(&json!({ "result": "tool_error" })).await;
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error_in_bounded_memory() {
    let text = "x".repeat(9 << 20);
    let body = format!(
        r#"{{"jsonrpc":"2.0","result":{{"content":[{{"type":"text","text":"{text}"}}]}},"id":1}}"#
    );
    let expected = json!({ "result": "protocol_error", "reason": "upstream_too_large" });
    let stage = Stage::set(Answer::body("application/json", body.clone())).await;
    let before = stage.envoy.peak_memory();
    stage.check(&expected).await;
    assert_bounded(&stage.envoy, before);

    let stage = Stage::set(Answer::body(
        "text/event-stream",
        format!("data: {body}\n\n"),
    ))
    .await;
    let before = stage.envoy.peak_memory();
    for index in 0..stage.servers.len() {
        let (mut connection, mut body) = stage.open(index).await;
        // The error comes at once, and what goes on behind it is cut off.
        let came = connection.piece(&mut body).await.expect("a piece");
        let came = String::from_utf8(came.expect("an event")).expect("text");
        assert!(came.contains("the server's answer is too large"), "{came}");
        connection
            .piece(&mut body)
            .await
            .expect_err("it is cut off");
        stage.recorded(index, &expected).await;
    }
    assert_bounded(&stage.envoy, before);
}

fn assert_bounded(envoy: &Envoy, before: u64) {
    let grown = envoy.peak_memory().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} kB more than before");
}
