//! Lets `CALLS` calls of one tool be answered by an answer of some `SHAPE`, for callgrind to count,
//! and governed by none of the passes over texts, by the scan, or by the scan and redaction:
//! `make bench-engine` tells what governing it costs.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench is a program: it says no, and how it is used"
)]

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use engine::{
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Headers, Peer},
    policy::Policy,
    record::End,
};
use serde_json::{Value, json};

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let (shape, calls, passes) = match args.as_slice() {
        [shape, calls, passes] => (shape.as_str(), calls.parse().ok(), passes.as_str()),
        _ => ("", None, ""),
    };
    let (Some((media, body)), Some(calls)) = (answer(shape), calls) else {
        println!("usage: answer small|prose|records|numbers|base64|events CALLS none|scan|all");
        return;
    };
    let scan = if passes == "none" { "off" } else { "flag" };
    let scan: BTreeMap<_, _> = SCANS.into_iter().map(|rule| (rule, scan)).collect();
    let kinds: &[_] = if passes == "all" { &KINDS } else { &[] };
    let config = json!({
        "registry": {
            "servers": { "s": {} },
            "tools": [{ "name": "t", "mcpServer": "s", "inputSchema": { "type": "object" } }],
        },
        "policy": {
            "scan": scan,
            "rules": [{ "tool": "t", "decision": "allow", "redact": kinds }],
        },
    });
    let policy = Policy::compile(Config::from_value(config));
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems:?}")));
    // The first call compiles its tool's schema.
    for _ in 0..=calls {
        exchange(&policy, media, &body);
    }
}

/// A megabyte of it; `small` is half a kilobyte.
fn answer(shape: &str) -> Option<(&'static str, Vec<u8>)> {
    let message = |result: Value| json!({ "jsonrpc": "2.0", "id": 1, "result": result });
    let text = |text: String| message(json!({ "content": [{ "type": "text", "text": text }] }));
    let prose = || text("A line of some words, and \"quoted\" ones.\n".repeat(SIZE / 44));
    let (media, body) = match shape {
        "small" => (
            JSON,
            text("A line of some words, and \"quoted\" ones.\n".repeat(10)).to_string(),
        ),
        "prose" => (JSON, prose().to_string()),
        "records" => {
            let record =
                json!({ "id": "C-1024", "name": "Ann Example", "open": true, "orders": 12 });
            let records = vec![record; SIZE / 60];
            (
                JSON,
                message(json!({ "structuredContent": { "records": records } })).to_string(),
            )
        }
        "numbers" => {
            let numbers = vec![7; SIZE / 2];
            (
                JSON,
                message(json!({ "structuredContent": { "numbers": numbers } })).to_string(),
            )
        }
        "base64" => {
            let picture = json!({ "type": "image", "mimeType": "image/png", "data": "QUJD".repeat(SIZE / 4) });
            (JSON, message(json!({ "content": [picture] })).to_string())
        }
        "events" => {
            let progress = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
                \"params\":{\"progressToken\":1,\"progress\":5}}\n\n";
            let last = format!("data: {}\n\n", text("done".to_owned()));
            (STREAM, progress.repeat(SIZE / progress.len()) + &last)
        }
        _ => return None,
    };
    Some((media, body.into_bytes()))
}

fn exchange(policy: &Arc<Policy>, media: &str, body: &[u8]) {
    let memory = Memory::default();
    let cx = memory.at(Timestamp(1_790_000_000_000_000_000));
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        Headers::new(pairs.map(|(name, value)| ((*name).into(), (*value).into())))
    };
    let mut exchange = Exchange::new(Arc::clone(policy));
    let head = Event::RequestHead {
        headers: pairs(&[
            (":method", "POST"),
            (":path", "/mcp"),
            ("content-type", JSON),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2025-11-25"),
        ]),
        peer: Peer::default(),
        end: false,
    };
    assert!(matches!(exchange.on(head, &cx), Step::Hold));
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    let request = Event::RequestBody {
        bytes: request,
        end: true,
    };
    assert!(matches!(exchange.on(request, &cx), Step::Forward(_)));
    let head = Event::ResponseHead {
        headers: pairs(&[(":status", "200"), ("content-type", media)]),
        details: None,
        end: false,
    };
    let passes = |step| matches!(step, Step::Forward(_) | Step::Hold);
    assert!(passes(exchange.on(head, &cx)));
    // As Envoy brings it.
    for bytes in body.chunks(16_384) {
        let end = false;
        assert!(passes(exchange.on(Event::ResponseBody { bytes, end }, &cx)));
    }
    let end = Event::ResponseBody {
        bytes: &[],
        end: true,
    };
    assert!(matches!(exchange.on(end, &cx), Step::Forward(_)));
    black_box(exchange.close(End::default(), &cx));
}

/// Every rule that scans.
const SCANS: [&str; 6] = [
    "exfiltration_link",
    "fake_turn",
    "hidden_unicode",
    "instruction_override",
    "markdown_image",
    "tool_mention",
];

/// Every kind of value that is found by its form.
const KINDS: [&str; 13] = [
    "payment_card",
    "iban",
    "ssn",
    "tax_id",
    "email",
    "phone",
    "ip_address",
    "jwt",
    "aws_key",
    "github_token",
    "slack_token",
    "private_key",
    "url_password",
];

const SIZE: usize = 1 << 20;
const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
