//! The rig itself: what the other tests rely on.

use std::time::Duration;

use serde_json::json;
use tests::client::{self, Connection, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::recorder::{Answer, Recorder, Step};

fn call() -> Request {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    Request::modern(
        "/mcp",
        &json!({
            "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": { "name": "t", "arguments": {}, "_meta": meta },
        }),
    )
}

#[tokio::test]
async fn carries_bytes_heads_and_trailers_through_plain_envoy() {
    let h1 = Recorder::start().await;
    let h2 = Recorder::scripted_h2(|seen| Answer::success(seen).trailer("x-end", "yes")).await;
    let mut behind_h2 = Gateway::plain(h2.addr());
    behind_h2.clusters[0].name = "h2".into();
    behind_h2.clusters[0].h2 = true;
    let before_h1 = Gateway {
        trailers: true,
        ..Gateway::plain(h1.addr())
    };
    let setup = Setup {
        gateways: vec![before_h1, behind_h2],
        concurrency: 1,
    };
    let mut envoy = Envoy::start(&setup).await;

    let odd = call()
        .header("x-odd", b"a\xffb")
        .cut(5)
        .trailer("x-tail", "1");
    for (index, recorder) in [&h1, &h2].into_iter().enumerate() {
        for request in [call(), odd.clone()] {
            let to = envoy.gateway(index);
            let answers = [
                client::send(to, &request).await,
                client::send_h2(to, &request).await,
            ];
            let [over_h1, over_h2] = answers.map(|answer| answer.expect("envoy answers"));
            for answer in [&over_h1, &over_h2] {
                assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(7)));
            }
            assert_eq!(
                over_h2.trailers.len(),
                usize::from(index == 1),
                "{over_h2:?}"
            );
        }
        let seen = recorder.wait(4).await;
        assert_eq!(seen.len(), 4);
        assert!(
            seen.iter()
                .all(|seen| seen.method == "POST" && seen.json()["id"] == 7)
        );
        let tails = seen.iter().filter(|seen| !seen.trailers.is_empty()).count();
        let odd = seen.iter().filter(|seen| {
            seen.headers
                .iter()
                .any(|(name, value)| name == "x-odd" && value == b"a\xffb")
        });
        assert_eq!(odd.count(), 2);
        // The second gateway drops the trailers of HTTP/1.1.
        assert_eq!(tails, if index == 0 { 2 } else { 1 }, "{seen:?}");
    }
    assert_eq!(envoy.wait_access_log(0, 4).await.len(), 4);
    assert!(envoy.wait_stat("cluster.upstream.upstream_rq_200", 4).await >= 4);
    assert!(envoy.alive());
}

#[tokio::test]
async fn streams_as_the_gates_open() {
    let steps = ["data: {\"n\":1}\n\n", "data: {\"n\":2}\n\n"].map(|text| Step::Send(text.into()));
    let [first, second] = steps;
    let script = [first, Step::Gate, second];
    let recorder = Recorder::scripted(move |_| Answer::stream(script.clone())).await;
    let envoy = Envoy::start(&Setup::one(Gateway::plain(recorder.addr()))).await;

    let mut connection = Connection::open(envoy.addr()).await.expect("envoy listens");
    connection
        .write(&call().bytes("localhost"))
        .await
        .expect("open");
    let head = connection.head().await.expect("a head");
    let mut body = connection.body(&head).expect("a body");
    let first = connection
        .piece(&mut body)
        .await
        .expect("a piece")
        .expect("a piece");
    assert_eq!(first, b"data: {\"n\":1}\n\n");
    let early = connection.piece(&mut body);
    let early = tokio::time::timeout(Duration::from_millis(50), early).await;
    assert!(early.is_err(), "nothing comes while the gate is shut");
    recorder.open_gate();
    let second = connection
        .piece(&mut body)
        .await
        .expect("a piece")
        .expect("a piece");
    assert_eq!(second, b"data: {\"n\":2}\n\n");
    assert_eq!(connection.piece(&mut body).await.expect("an end"), None);
}

#[tokio::test]
async fn says_why_envoy_does_not_start() {
    let nobody = Recorder::start().await;
    let mut gateway = Gateway::plain(nobody.addr());
    gateway.extra = vec![(true, json!({ "name": "no such filter" }))];
    let Err(log) = Envoy::try_start(&Setup::one(gateway)).await else {
        panic!("it started");
    };
    assert!(log.contains("no such filter"), "{log}");
}
