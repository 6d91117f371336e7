//! What has let calls past filters in Envoy before: each way, tried on ours.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::client::{self, Connection, Request, Response};
use tests::envoy::{Envoy, Gateway, Setup, eventually};
use tests::message::{call, modern};
use tests::recorder::{Answer, Recorder};
use tests::{bundle, tools};

/// Refunds up to 100 are allowed, some once they are approved, and are called something else behind
/// the gateway.
fn refunds(cluster: &str) -> String {
    let tool = json!({
        "name": "refund",
        "mcpTool": "payments.refund_to_customer",
        "inputSchema": {
            "type": "object",
            "properties": { "amount": { "type": "number" }, "note": { "type": "string" } },
            "required": ["amount"],
        },
    });
    let mut registry = bundle::registry(&[("payments", vec![tool])]);
    registry["servers"]["payments"]["cluster"] = json!(cluster);
    let policy = json!({
        "version": "1",
        "approvals": {},
        "rules": [
            {
                "id": "small-refunds",
                "tools": ["refund"],
                "when": "args.amount <= 100",
                "decision": "allow",
            },
            {
                "id": "odd-refunds",
                "tools": ["refund"],
                "when": format!("args.amount == {ODD}"),
                "decision": "approval_required",
                "approver_role": "finance",
            },
        ],
    });
    bundle::bundle(&registry, &policy)
}

/// An amount that somebody has to approve.
const ODD: f64 = 7.5;

fn refund(amount: f64) -> Request {
    call(
        "refund",
        &json!({ "amount": amount, "note": "x".repeat(200) }),
    )
}

#[track_caller]
fn denied(answer: &Response) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"]["isError"], true, "{answer:?}");
}

#[track_caller]
fn done(answer: &Response) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"]["isError"], false, "{answer:?}");
}

/// A refund of that amount, sent in some way.
type Shape = fn(f64) -> Request;

/// One Envoy, one VM; a recorder of HTTP/1.1 and one of HTTP/2 behind it.
struct Stage {
    h1: Recorder,
    h2: Recorder,
    /// It approves everything.
    approver: Recorder,
    envoy: Envoy,
}

impl Stage {
    async fn set() -> Self {
        let h1 = Recorder::start().await;
        let h2 = Recorder::scripted_h2(Answer::success).await;
        let approved = json!({
            "state": "approved", "id": "1", "approver": "fiona", "at": "2026-11-21T12:00:00Z",
        });
        let approver = Recorder::scripted(move |_| Answer::json(&approved)).await;
        let to = ("toolgate-approvals", approver.addr());
        let before_h1 = Gateway::toolgate(refunds("h1"), &[("h1", h1.addr()), to]);
        let mut before_h2 = Gateway::toolgate(refunds("h2"), &[("h2", h2.addr()), to]);
        before_h2.clusters[0].h2 = true;
        let gateways = vec![
            Gateway {
                trailers: true,
                ..before_h1.clone()
            },
            Gateway {
                trailers: true,
                ..before_h2
            },
            Gateway {
                decompress: true,
                ..before_h1
            },
        ];
        let envoy = Envoy::start(&Setup {
            gateways,
            concurrency: 1,
        })
        .await;
        Self {
            h1,
            h2,
            approver,
            envoy,
        }
    }

    fn gateways(&self) -> [(SocketAddr, &Recorder); 3] {
        [
            (self.envoy.gateway(0), &self.h1),
            (self.envoy.gateway(1), &self.h2),
            (self.envoy.gateway(2), &self.h1),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_request_ends_it_is_judged() {
    let stage = Stage::set().await;
    let shapes: [(&str, Shape); 5] = [
        ("whole", refund),
        ("cut", |amount| refund(amount).cut(40)),
        ("with trailers", |amount| {
            refund(amount).trailer("x-tail", "1")
        }),
        ("cut, with trailers", |amount| {
            refund(amount).cut(40).trailer("x-tail", "1")
        }),
        ("one byte a chunk", |amount| {
            let message = modern(
                "tools/call",
                json!({
                    "name": "refund", "arguments": { "amount": amount },
                }),
            );
            let bytes = message.to_string().into_bytes();
            Request::modern("/mcp", &message).chunks(bytes.into_iter().map(|byte| vec![byte]))
        }),
    ];
    for (index, (to, recorder)) in stage.gateways().into_iter().enumerate() {
        for (shape, request) in shapes {
            for over_h2 in [false, true] {
                let what = format!("gateway {index}, {shape}, over h2: {over_h2}");
                recorder.clear();
                denied(&send(to, &request(100.5), over_h2, &what).await);
                assert!(recorder.seen().is_empty(), "{what}: {:?}", recorder.seen());
                done(&send(to, &request(99.5), over_h2, &what).await);
                forwarded(recorder, &what);
                recorder.clear();
                stage.approver.clear();
                done(&send(to, &request(ODD), over_h2, &what).await);
                assert_eq!(stage.approver.seen().len(), 1, "{what}");
                forwarded(recorder, &what);
            }
        }
    }
}

/// What came through is one request, renamed, of the length it says.
#[track_caller]
fn forwarded(recorder: &Recorder, what: &str) {
    let seen = recorder.seen();
    let [seen] = seen.as_slice() else {
        panic!("{what}: {seen:?}")
    };
    assert!(seen.complete && seen.method == "POST", "{what}: {seen:?}");
    let message = seen.json();
    assert_eq!(
        message["params"]["name"], "payments.refund_to_customer",
        "{what}: {seen:?}"
    );
    assert_eq!(
        seen.header("mcp-name"),
        Some("payments.refund_to_customer"),
        "{what}: {seen:?}"
    );
    let amount = &message["params"]["arguments"]["amount"];
    assert!(*amount == 99.5 || *amount == ODD, "{what}: {seen:?}");
    if let Some(length) = seen.header("content-length") {
        assert_eq!(length, seen.body.len().to_string(), "{what}: {seen:?}");
    }
}

async fn send(to: SocketAddr, request: &Request, over_h2: bool, what: &str) -> Response {
    let answer = if over_h2 {
        client::send_h2(to, request).await
    } else {
        client::send(to, request).await
    };
    answer.unwrap_or_else(|fault| panic!("{what}: {fault}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_bodies_are_judged_as_what_they_say() {
    let stage = Stage::set().await;
    let zipped = |amount: f64| {
        let message = modern(
            "tools/call",
            json!({
                "name": "refund", "arguments": { "amount": amount, "note": "x".repeat(200) },
            }),
        );
        let body = gzip(message.to_string().as_bytes());
        Request::modern("/mcp", &message)
            .header("content-encoding", "gzip")
            .body(body)
    };
    let to = stage.envoy.gateway(2);
    denied(&client::send(to, &zipped(100.5)).await.expect("an answer"));
    assert!(stage.h1.seen().is_empty(), "{:?}", stage.h1.seen());
    done(&client::send(to, &zipped(99.5)).await.expect("an answer"));
    forwarded(&stage.h1, "decompressed");
    stage.h1.clear();
    // Without the decompressor nobody has read it.
    let answer = client::send(stage.envoy.gateway(0), &zipped(99.5))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 415, "{answer:?}");
    // Corrupt, it comes out of the decompressor empty.
    let corrupt = refund(99.5).header("content-encoding", "gzip");
    let answer = client::send(to, &corrupt).await.expect("an answer");
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(stage.h1.seen().is_empty(), "{:?}", stage.h1.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_body_leaves_the_connection_clean() {
    let stage = Stage::set().await;
    for (to, recorder) in [stage.gateways()[0], stage.gateways()[1]] {
        let mut connection = Connection::open(to).await.expect("envoy listens");
        for _ in 0..20 {
            recorder.clear();
            connection
                .write(&refund(99.5).bytes("localhost"))
                .await
                .expect("open");
            done(&connection.response().await.expect("an answer"));
            forwarded(recorder, "again and again");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_response_that_ends_in_trailers_is_filtered() {
    let list = |seen: &tests::recorder::Seen| {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        Answer::json(&json!({
            "jsonrpc": "2.0", "id": seen.json()["id"],
            "result": {
                "resultType": "complete", "ttlMs": 1000, "cacheScope": "public",
                "tools": [tool("payments.refund_to_customer"), tool("payments.secret")],
            },
        }))
    };
    let h1 = Recorder::scripted(list).await;
    let h2 = Recorder::scripted_h2(move |seen| list(seen).trailer("x-end", "1")).await;
    let before_h1 = Gateway::toolgate(refunds("h1"), &[("h1", h1.addr())]);
    let mut before_h2 = Gateway::toolgate(refunds("h2"), &[("h2", h2.addr())]);
    before_h2.clusters[0].h2 = true;
    let setup = Setup {
        gateways: vec![before_h1, before_h2],
        concurrency: 1,
    };
    let envoy = Envoy::start(&setup).await;
    let request = Request::modern("/mcp", &modern("tools/list", json!({})));
    for index in 0..2 {
        for over_h2 in [false, true] {
            let what = format!("gateway {index}, over h2: {over_h2}");
            let answer = send(envoy.gateway(index), &request, over_h2, &what).await;
            let result = &answer.json()["result"];
            let names: Vec<&Value> = result["tools"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|t| &t["name"])
                .collect();
            assert_eq!(names, [&json!("refund")], "{what}: {answer:?}");
            assert_eq!(result["cacheScope"], "private", "{what}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flag_calls_are_not_governed() {
    let recorder = Recorder::start().await;
    let gateway = Gateway::toolgate(refunds("h1"), &[("h1", recorder.addr())])
        .with_filter(|filter| filter.hold_head = false);
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let request = refund(100.5).cut(40);
    let answer = client::send(envoy.addr(), &request);
    let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
    // It stalls, which is safe, but is no answer. If this fails, the flag is not needed any more.
    let governed = matches!(&answer, Ok(Ok(answer)) if answer.status == 200);
    assert!(!governed || !recorder.seen().is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_are_refused_and_kill_nothing() {
    let stage = Stage::set().await;
    let read = [
        "accept",
        "authorization",
        "baggage",
        "content-encoding",
        "content-type",
        "cookie",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
        "mcp-protocol-version",
        "mcp-session-id",
        "origin",
        "traceparent",
        "tracestate",
        "x-request-id",
        "x-unknown",
    ];
    for (to, recorder) in [stage.gateways()[0], stage.gateways()[1]] {
        for name in read {
            for over_h2 in [false, true] {
                let what = format!("{name}, over h2: {over_h2}");
                recorder.clear();
                let request = refund(100.5).without(name).header(name, b"a\xffb");
                let answer = send(to, &request, over_h2, &what).await;
                let refused = (400..500).contains(&answer.status)
                    || answer.json()["result"]["isError"] == true;
                assert!(refused, "{what}: {answer:?}");
                assert!(recorder.seen().is_empty(), "{what}: {:?}", recorder.seen());
                done(&send(to, &refund(99.5), over_h2, &what).await);
            }
        }
    }
    let stats = stage.envoy.stats().await;
    let reloads: u64 = stats
        .iter()
        .filter(|(name, _)| name.contains("vm_reload"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(reloads, 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_up_to_the_bound_are_judged_and_no_larger() {
    let stage = Stage::set().await;
    let sized = |amount: f64, size: usize| {
        let message = |note: &str| {
            modern(
                "tools/call",
                json!({
                    "name": "refund", "arguments": { "amount": amount, "note": note },
                }),
            )
        };
        let bare = message("").to_string().len();
        let message = message(&"x".repeat(size - bare));
        assert_eq!(message.to_string().len(), size);
        Request::modern("/mcp", &message)
    };
    let bound = 4 << 20;
    for (to, recorder) in [stage.gateways()[0], stage.gateways()[1]] {
        for over_h2 in [false, true] {
            for size in [1 << 10, 70_000, 1 << 20, bound] {
                let what = format!("{size} bytes, over h2: {over_h2}");
                recorder.clear();
                denied(&send(to, &sized(100.5, size), over_h2, &what).await);
                assert!(recorder.seen().is_empty(), "{what}");
                done(&send(to, &sized(99.5, size), over_h2, &what).await);
                forwarded(recorder, &what);
            }
            recorder.clear();
            for request in [sized(99.5, bound + 1), sized(99.5, bound + 1).cut(bound)] {
                let answer = send(to, &request, over_h2, "too large").await;
                assert_eq!(answer.status, 413, "{answer:?}");
                assert!(answer.json()["error"]["code"].is_i64(), "{answer:?}");
            }
            let answer = send(to, &refund(0.0).body("1"), over_h2, "one byte").await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(recorder.seen().is_empty(), "{:?}", recorder.seen());
        }
    }
    let mut stage = stage;
    assert!(stage.envoy.alive());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_is_held_until_its_body_is_judged() {
    let stage = Stage::set().await;
    let (to, recorder) = stage.gateways()[0];
    for (amount, reaches) in [(100.5, 0), (99.5, 1)] {
        recorder.clear();
        let bytes = refund(amount).bearer("secret").bytes("localhost");
        let (most, rest) = bytes.split_at(bytes.len() - 10);
        let mut slow = Connection::open(to).await.expect("envoy listens");
        slow.write(most).await.expect("open");
        // Another call passes meanwhile, on the same worker.
        done(&client::send(to, &refund(1.0)).await.expect("an answer"));
        assert_eq!(recorder.seen().len(), 1, "{:?}", recorder.seen());
        recorder.clear();
        slow.write(rest).await.expect("open");
        let answer = slow.response().await.expect("an answer");
        if reaches == 0 {
            denied(&answer)
        } else {
            done(&answer)
        }
        assert_eq!(recorder.seen().len(), reaches, "{:?}", recorder.seen());
    }
    // A client that goes away in the middle leaves nothing but its record.
    recorder.clear();
    let before = stage.envoy.access_log(0).len();
    let bytes = refund(99.5).bytes("localhost");
    let mut gone = Connection::open(to).await.expect("envoy listens");
    gone.write(&bytes[..bytes.len() - 10]).await.expect("open");
    drop(gone);
    let log = stage.envoy.wait_access_log(0, before + 1).await;
    let record = &log.last().expect("a line")["toolgate"];
    assert_eq!(record["result"], "client_abort", "{record}");
    assert!(recorder.seen().is_empty(), "{:?}", recorder.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_steer_envoy_are_nobodys() {
    let stage = Stage::set().await;
    let steering = [
        ("x-envoy-retry-on", "5xx,gateway-error,retriable-4xx"),
        ("x-envoy-max-retries", "3"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-alt-stat-name", "mine"),
        ("x-envoy-original-path", "/elsewhere"),
        ("x-envoy-internal", "true"),
        ("x-toolgate-cluster", "h2"),
        ("x-toolgate-anything", "1"),
    ];
    for (to, recorder) in [stage.gateways()[0], stage.gateways()[1]] {
        for over_h2 in [false, true] {
            for (name, value) in steering {
                let what = format!("{name}, over h2: {over_h2}");
                recorder.clear();
                let request = refund(99.5).header(name, value);
                done(&send(to, &request, over_h2, &what).await);
                forwarded(recorder, &what);
                let seen = recorder.seen();
                assert_eq!(seen[0].header(name), None, "{what}: {seen:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_filter_that_buffers_gets_it_whole() {
    let recorder = Recorder::start().await;
    let mut gateway = Gateway::toolgate(refunds("h1"), &[("h1", recorder.addr())]);
    let buffer = json!({
        "name": "buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
            "max_request_bytes": 8 << 20,
        },
    });
    gateway.extra = vec![(false, buffer)];
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    for cut in [1, 40, 300] {
        for over_h2 in [false, true] {
            let what = format!("cut at {cut}, over h2: {over_h2}");
            for request in [
                refund(99.5).cut(cut),
                refund(99.5).cut(cut).trailer("x-tail", "1"),
            ] {
                recorder.clear();
                done(&send(envoy.addr(), &request, over_h2, &what).await);
                forwarded(&recorder, &what);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_envoy_answers_itself_is_on_record_too() {
    let stage = Stage::set().await;
    let to = stage.envoy.gateway(0);
    let garbage: [&[u8]; 3] = [
        b"NOT HTTP AT ALL\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nhost: a\r\nbad_name: 1\r\ncontent-length: 0\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    ];
    for (index, bytes) in garbage.into_iter().enumerate() {
        let mut connection = Connection::open(to).await.expect("envoy listens");
        connection.write(bytes).await.expect("open");
        let answer = connection.response().await.expect("an answer");
        assert_eq!(answer.status, 400, "{index}: {answer:?}");
        let log = stage.envoy.wait_access_log(0, index + 1).await;
        let record = &log[index]["toolgate"];
        assert_eq!(record["decision"], "deny", "{index}: {record}");
        assert_eq!(record["status"], 400, "{index}: {record}");
    }
    assert!(stage.h1.seen().is_empty(), "{:?}", stage.h1.seen());
    done(&client::send(to, &refund(99.5)).await.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_lets_nothing_through_and_heals() {
    let recorder = Recorder::start().await;
    let trapping = tools::target()
        .join("rig")
        .join(format!("trap-{}.wasm", std::process::id()));
    fs::create_dir_all(trapping.parent().expect("in a directory")).expect("writable");
    let injected = Command::new(tools::node())
        .arg(tools::client("inject-trap.mjs"))
        .args([&tools::filter(), &trapping])
        .status();
    assert!(injected.expect("node is executable").success());
    let gateway = Gateway::toolgate(refunds("h1"), &[("h1", recorder.addr())])
        .with_filter(|filter| filter.wasm.clone_from(&trapping));
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let _ = fs::remove_file(&trapping);

    let to = envoy.addr();
    done(&client::send(to, &refund(99.5)).await.expect("an answer"));
    recorder.clear();
    // Half a body is on its way when the VM goes.
    let mut pending = Connection::open(to).await.expect("envoy listens");
    let bytes = refund(99.5).bytes("localhost");
    pending
        .write(&bytes[..bytes.len() - 10])
        .await
        .expect("open");
    done(&client::send(to, &refund(1.0)).await.expect("an answer"));
    recorder.clear();
    let fatal = (0..90).fold(refund(99.5), |request, n| {
        request.header(&format!("x-{n}"), "1")
    });
    let answer = client::send(to, &fatal).await.expect("an answer");
    assert_eq!(answer.status, 503, "{answer:?}");
    // Envoy may also just close it.
    let _ = pending.write(&bytes[bytes.len() - 10..]).await;
    if let Ok(answer) = pending.response().await {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert!(recorder.seen().is_empty(), "{:?}", recorder.seen());

    // Envoy starts a new VM once a second at most.
    let healed = eventually("the VM is back", async || {
        let answer = client::send(to, &refund(100.5)).await.expect("an answer");
        (answer.status != 503).then_some(answer)
    });
    denied(&healed.await);
    assert!(recorder.seen().is_empty(), "{:?}", recorder.seen());
    assert_eq!(envoy.stats().await["wasm.toolgate.vm_reload_success"], 1);
    done(&client::send(to, &refund(99.5)).await.expect("an answer"));
    forwarded(&recorder, "after the trap");
}

/// A gzip stream of one stored block.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    let length = u16::try_from(bytes.len()).expect("one block");
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    let crc = bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    });
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}
