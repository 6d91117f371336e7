use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    cx::{Memory, Timestamp},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// An exchange that has asked for an approval.
fn asking() -> Exchange {
    let bundle = json!({
        "registry": {
            "servers": { "s": {} },
            "tools": [{ "name": "t", "mcpServer": "s", "inputSchema": { "type": "object" } }],
        },
        "policy": {
            "approvals": {},
            "rules": [{ "tool": "t", "decision": "approval_required", "approver_role": "boss" }],
        },
    });
    let policy = Policy::compile(Config::from_value(bundle)).expect("a policy");
    let mut exchange = Exchange::new(Arc::new(policy));
    let headers = [
        (":method", "POST"),
        (":path", "/mcp"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let head = Event::RequestHead {
        headers: pairs(&headers),
        peer: Peer::default(),
        end: false,
    };
    assert_eq!(name(&exchange.on(head, &Memory::default().at(NOW))), "hold");
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    assert_eq!(
        name(&exchange.on(bytes(body, true), &Memory::default().at(NOW))),
        "call"
    );
    exchange
}

fn pairs(headers: &[(&str, &str)]) -> Headers {
    let headers = headers.iter();
    Headers::new(headers.map(|(name, value)| ((*name).into(), (*value).into())))
}

const fn bytes(bytes: &[u8], end: bool) -> Event<'_> {
    Event::RequestBody { bytes, end }
}

fn approved() -> Event<'static> {
    Event::Called {
        at: 0,
        response: Some(Response {
            headers: pairs(&[(":status", "200"), ("content-type", "application/json")]),
            body: br#"{"state":"approved","id":"a","approver":"b","at":"2026-11-21T12:00:00Z"}"#,
        }),
    }
}

const fn unreached() -> Event<'static> {
    Event::Called {
        at: 0,
        response: None,
    }
}

const fn name(step: &Step) -> &'static str {
    match step {
        Step::Forward(_) => "forward",
        Step::Hold => "hold",
        Step::Call(_) => "call",
        Step::Reply(_) => "reply",
        Step::Cut => "cut",
    }
}

fn record(exchange: Exchange, end: End) -> Value {
    serde_json::from_slice(&exchange.close(end, &Memory::default().at(NOW)).record)
        .expect("a record")
}

/// Each event while an approval is asked for, and after it.
#[test]
fn nothing_goes_on_but_by_the_answer() {
    let timed_out = || Event::ResponseHead {
        headers: pairs(&[(":status", "504")]),
        details: None,
        end: true,
    };
    for (events, steps) in [
        (vec![approved()], vec!["forward"]),
        (vec![approved(), approved()], vec!["forward", "hold"]),
        (vec![unreached()], vec!["reply"]),
        (vec![unreached(), approved()], vec!["reply", "hold"]),
        (vec![bytes(b"", true), approved()], vec!["hold", "forward"]),
        (
            vec![bytes(b"more", true), bytes(b"", true)],
            vec!["hold", "hold"],
        ),
        // Envoy's own answer, because nobody would wait any longer.
        (vec![timed_out(), approved()], vec!["forward", "hold"]),
    ] {
        let shown = format!("{events:?}");
        let mut exchange = asking();
        let got: Vec<_> = events
            .into_iter()
            .map(|event| name(&exchange.on(event, &Memory::default().at(NOW))))
            .collect();
        assert_eq!(got, steps, "{shown}");
    }
}

#[test]
fn a_client_that_does_not_wait_is_on_record() {
    let gone = End {
        details: Some("downstream_remote_disconnect".to_owned()),
        ..End::default()
    };
    let record = record(asking(), gone);
    let told = ["decision", "reason", "result"].map(|member| record[member].as_str());
    let expected = ["approval_required", "approval_required", "client_abort"].map(Some);
    assert_eq!(told, expected);
    assert_eq!(record.get("approval"), None);
}

#[test]
fn the_time_that_it_took_is_on_record() {
    let mut exchange = asking();
    let memory = Memory::default();
    let later = memory.at(Timestamp(NOW.0 + 1_500_000_000));
    assert_eq!(name(&exchange.on(approved(), &later)), "forward");
    let closing = exchange.close(End::default(), &later);
    let record: Value = serde_json::from_slice(&closing.record).expect("a record");
    assert_eq!(record["askMs"], 1_500.0);
    let metrics: Vec<_> = closing
        .metrics
        .iter()
        .filter(|metric| metric.name.contains("ask"))
        .map(|metric| format!("{} {}", metric.name, metric.value))
        .collect();
    assert_eq!(
        metrics,
        [
            "toolgate_asks_total;server=s;tool=t;outcome=approved 1",
            "toolgate_ask_duration_ms;server=s;tool=t;method=tools/call 1500",
        ]
    );
}

proptest! {
    /// Whatever a server answers to a use, in whatever pieces, its client gets one answer to it, and
    /// the same.
    #[test]
    fn there_is_one_answer_whatever_comes(
        status in prop::sample::select(vec!["200", "204", "400", "500"]),
        media in prop::sample::select(vec!["application/json", "text/event-stream", "text/plain"]),
        pieces in prop::collection::vec(answer_piece(), 0..9),
    ) {
        let whole = answered(status, media, &[pieces.concat()]);
        let cut = answered(status, media, &pieces);
        let text = String::from_utf8_lossy(&whole);
        prop_assert_eq!(&text, &String::from_utf8_lossy(&cut));
        // A stream is read by its lines, of which only data is anything to a client.
        let stream = media == "text/event-stream" && !pieces.concat().is_empty();
        let answers: Vec<_> = match stream {
            true => text.split(['\r', '\n']).filter_map(|line| line.strip_prefix("data: ")).collect(),
            false => vec![&*text],
        };
        let parsed = answers.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let count = parsed.filter(|message| message["id"] == 1 && message.get("method").is_none()).count();
        let empty = pieces.concat().is_empty() && status >= "400";
        prop_assert_eq!(count, usize::from(!empty), "{}", text);
    }
}

/// What the client gets of an answer that comes in these pieces.
fn answered(status: &str, media: &str, pieces: &[Vec<u8>]) -> Vec<u8> {
    let memory = Memory::default();
    let cx = memory.at(NOW);
    let mut exchange = asking();
    assert_eq!(name(&exchange.on(approved(), &cx)), "forward");
    let bytes = pieces.concat();
    let head = Event::ResponseHead {
        headers: pairs(&[(":status", status), ("content-type", media)]),
        details: None,
        end: bytes.is_empty(),
    };
    let mut got = Vec::new();
    let mut held = Vec::new();
    let bodies = pieces
        .iter()
        .enumerate()
        .map(|(at, bytes)| Event::ResponseBody {
            bytes,
            end: at + 1 == pieces.len(),
        });
    let bodies = bodies.filter(|_| !bytes.is_empty());
    for event in std::iter::once(head).chain(bodies) {
        if let Event::ResponseBody { bytes, .. } = &event {
            held.extend_from_slice(bytes);
        }
        match exchange.on(event, &cx) {
            Step::Forward(edits) => {
                got.extend(edits.body.unwrap_or_else(|| std::mem::take(&mut held)))
            }
            Step::Reply(reply) => return reply.body,
            Step::Hold | Step::Call(_) | Step::Cut => {}
        }
        held.clear();
    }
    got
}

/// Something that an answer could hold, or anything.
fn answer_piece() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 6] = [
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{",
        b"\"isError\":true,\"tools\":[{\"name\":\"t\"}]}}",
        b"data: ",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\x1f\x8b\xff",
    ];
    prop_oneof![
        prop::sample::select(known.map(<[u8]>::to_vec).to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}
