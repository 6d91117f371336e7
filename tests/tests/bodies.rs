//! Bodies of every size, however they come in pieces: what is judged is what arrives.

use std::net::SocketAddr;

use serde_json::json;
use tests::bundle;
use tests::client::{self, Connection, Request, Response};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::call;
use tests::recorder::{Answer, Recorder};

/// Notes of any length are allowed.
fn notes(cluster: &str) -> String {
    let tool = json!({
        "name": "note",
        "inputSchema": { "type": "object", "properties": { "text": { "type": "string" } } },
    });
    let mut registry = bundle::registry(&[("notes", vec![tool])]);
    registry["servers"]["notes"]["cluster"] = json!(cluster);
    let policy = json!({
        "version": "1",
        "rules": [{ "id": "notes", "tools": ["note"], "decision": "allow" }],
    });
    bundle::bundle(&registry, &policy)
}

/// A call whose body has exactly this many bytes, and no two places in it that look alike.
fn note(size: usize) -> Request {
    let bare = call("note", &json!({ "text": "" })).payload().len();
    let text: String = (0..)
        .map(|n| format!("{n}."))
        .scan(0, |have, part| {
            *have += part.len();
            (*have <= size + 16).then_some(part)
        })
        .collect();
    let text = &text[..size.checked_sub(bare).expect("a call is longer than that")];
    call("note", &json!({ "text": text }))
}

/// One Envoy before a server of HTTP/1.1 and one of HTTP/2.
struct Stage {
    envoy: Envoy,
    servers: [Recorder; 2],
}

impl Stage {
    async fn set() -> Self {
        let servers = [
            Recorder::start().await,
            Recorder::scripted_h2(Answer::success).await,
        ];
        let gateways = ["h1", "h2"].iter().zip(&servers).map(|(name, server)| {
            let mut gateway = Gateway {
                trailers: true,
                ..Gateway::toolgate(notes(name), &[(name, server.addr())])
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

    fn ways(&self) -> impl Iterator<Item = (SocketAddr, &Recorder)> {
        let servers = self.servers.iter().enumerate();
        servers.map(|(index, server)| (self.envoy.gateway(index), server))
    }
}

async fn send(to: SocketAddr, request: &Request, over_h2: bool) -> Response {
    let answer = if over_h2 {
        client::send_h2(to, request).await
    } else {
        client::send(to, request).await
    };
    answer.expect("an answer")
}

/// The call was answered by the server, which got each byte once.
#[track_caller]
fn arrived(server: &Recorder, request: &Request, answer: &Response, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    assert_eq!(
        answer.json()["result"]["isError"],
        false,
        "{what}: {answer:?}"
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{what}");
    assert!(seen[0].complete, "{what}");
    // Not `assert_eq`: nobody reads megabytes.
    let (sent, came) = (request.payload(), &seen[0].body);
    let differ = sent.iter().zip(came).position(|(one, other)| one != other);
    assert_eq!((came.len(), differ), (sent.len(), None), "{what}");
    server.clear();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_size_arrive_as_they_were_sent() {
    let mut stage = Stage::set().await;
    let smallest = call("note", &json!({ "text": "" })).payload().len();
    let around = [1 << 14, 1 << 16, 1 << 20].map(|size| [size - 1, size, size + 1]);
    let sizes = [smallest, smallest + 1, LIMIT - 1, LIMIT];
    for size in sizes.into_iter().chain(around.into_iter().flatten()) {
        let whole = note(size);
        let pieces = |of: usize| {
            let bytes = whole.payload();
            let pieces = bytes.chunks(of).map(<[u8]>::to_vec);
            whole.clone().chunks(pieces.collect::<Vec<_>>())
        };
        let shapes = [
            ("whole", whole.clone()),
            ("in pieces", pieces(10_007)),
            (
                "in pieces, with a trailer",
                pieces(60_013).trailer("x-tail", "1"),
            ),
        ];
        for (to, server) in stage.ways() {
            for (shape, request) in &shapes {
                for over_h2 in [false, true] {
                    let what = format!("{size} bytes {shape} to {to}, over h2: {over_h2}");
                    let answer = send(to, request, over_h2).await;
                    arrived(server, request, &answer, &what);
                }
            }
        }
    }
    assert!(stage.envoy.alive());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_short_or_too_long_are_refused() {
    let mut stage = Stage::set().await;
    let bodies = [
        (400, b"{".to_vec()),
        (400, b"1".to_vec()),
        (400, b"\xff".to_vec()),
        (400, note(500).payload()[..499].to_vec()),
        (413, note(LIMIT + 1).payload()),
        (413, note(LIMIT + 100_000).payload()),
    ];
    for (to, server) in stage.ways() {
        for (status, body) in &bodies {
            let whole = note(500).body(body.clone());
            let pieces: Vec<_> = body.chunks(60_013).map(<[u8]>::to_vec).collect();
            let pieces = note(500).chunks(pieces);
            let tail = pieces.clone().trailer("x-tail", "1");
            for (request, announced) in [(whole, true), (pieces, false), (tail, false)] {
                let over_h1 = refused(to, &request, announced).await;
                let over_h2 = send(to, &request, true).await;
                for answer in [over_h1, over_h2] {
                    let what = format!("{} bytes to {to}: {answer:?}", body.len());
                    assert_eq!(answer.status, *status, "{what}");
                    assert_eq!(answer.json()["jsonrpc"], "2.0", "{what}");
                    assert!(answer.json()["error"]["code"].is_i64(), "{what}");
                }
            }
        }
        assert!(server.seen().is_empty(), "{:?}", server.seen().len());
        let answer = send(to, &note(500), false).await;
        arrived(server, &note(500), &answer, "after the refusals");
    }
    assert!(stage.envoy.alive());
}

/// Sends what is answered before it was read to its end; where its length is announced, only that.
async fn refused(to: SocketAddr, request: &Request, announced: bool) -> Response {
    let mut bytes = request.bytes(&to.to_string());
    let length = request.payload().len();
    if announced && length > LIMIT {
        bytes.truncate(bytes.len() - length);
    }
    let mut connection = Connection::open(to).await.expect("envoy listens");
    let _ = connection.write(&bytes).await;
    connection.response().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn may_be_cut_anywhere() {
    let mut stage = Stage::set().await;
    let whole = call("note", &json!({ "text": "as it was" }));
    let length = whole.payload().len();
    for (index, (to, server)) in stage.ways().enumerate() {
        let mut connection = Connection::open(to).await.expect("envoy listens");
        for at in 1..length {
            // Each piece comes in a frame of its own.
            let over_h2 = [
                whole.clone().cut(at),
                whole.clone().cut(at).trailer("x-tail", "1"),
            ];
            for request in over_h2 {
                let what = format!("cut at {at} in h2 to {to}");
                arrived(server, &request, &send(to, &request, true).await, &what);
            }
            // Over HTTP/1.1 pieces only stay apart if Envoy has read one before the next is sent.
            let bytes = whole.bytes("gateway");
            let (first, rest) = bytes.split_at(bytes.len() - length + at);
            let read = read_by(&stage.envoy, index).await;
            connection.write(first).await.expect("envoy listens");
            stage
                .envoy
                .wait_stat(&received(index), read + first.len() as u64)
                .await;
            connection.write(rest).await.expect("envoy listens");
            let answer = connection.response().await.expect("an answer");
            arrived(
                server,
                &whole,
                &answer,
                &format!("cut at {at} in h1 to {to}"),
            );
        }
    }
    assert!(stage.envoy.alive());
}

/// How many bytes a gateway has read.
async fn read_by(envoy: &Envoy, index: usize) -> u64 {
    envoy.wait_stat(&received(index), 0).await
}

fn received(index: usize) -> String {
    format!("http.gateway-{index}.downstream_cx_rx_bytes_total")
}

const LIMIT: usize = 4 << 20;
