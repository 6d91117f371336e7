//! Compares what an answer of 1 MB costs, as JSON and as an event stream: through plain Envoy,
//! through Toolgate, and through Toolgate that takes sensitive values out of it.
//!
//! One Envoy with one worker runs all three; rounds are interleaved, so that a busy machine is busy
//! for each alike. What counts are the ratios. `bench-answers [ROUNDS [SECONDS]]`.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::bundle;
use tests::client::Response;
use tests::envoy::{Envoy, Gateway, Setup};
use tests::load::{self, Measured};
use tests::message::legacy_call;
use tests::recorder::{Answer, Recorder, Step};

const CONTESTANTS: [&str; 3] = ["plain", "toolgate", "+ redaction"];

// One thread for clients and server, one for Envoy.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().ok());
    let rounds = arguments.next().flatten().unwrap_or(5);
    let time = Duration::from_secs(arguments.next().flatten().unwrap_or(2));

    for (form, answer) in [("JSON", body()), ("events", stream())] {
        let answer_again = answer.clone();
        let server = Recorder::scripted(move |_| answer_again.clone()).await;
        let envoy = Envoy::start(&setup(server.addr())).await;
        let mut runs: [Vec<Measured>; CONTESTANTS.len()] = Default::default();
        for round in 0..=rounds as usize {
            for turn in 0..CONTESTANTS.len() {
                let index = (round + turn) % CONTESTANTS.len();
                let expected = match index {
                    2 => redacted,
                    _ => untouched,
                };
                let request = legacy_call("look", &json!({}));
                let run = load::run(envoy.gateway(index), &request, 1, time, expected).await;
                assert_eq!(run.failures.first(), None, "{}", CONTESTANTS[index]);
                // The first round warms up.
                if round > 0 {
                    runs[index].push(run);
                }
            }
        }
        report(form, &runs);
    }
}

fn report(form: &str, runs: &[Vec<Measured>; CONTESTANTS.len()]) {
    println!("\n1 MB of {form}, 1 connection");
    println!("{:<12} {:>14} {:>18}", "", "answers/s", "p50 ms");
    let figures = runs.each_ref().map(|runs| {
        [
            median(runs, Measured::rate),
            median(runs, |run| run.percentile(0.5).as_secs_f64() * 1e3),
        ]
    });
    for (name, row) in CONTESTANTS.iter().zip(&figures) {
        let cell = |at: usize| format!("{:.1} ({:.2})", row[at], row[at] / figures[0][at]);
        println!("{name:<12} {:>14} {:>18}", cell(0), cell(1));
    }
}

fn median(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn untouched(answer: &Response) -> bool {
    answer.status == 200 && holds(answer, ADDRESS) && holds(answer, "settled")
}

fn redacted(answer: &Response) -> bool {
    answer.status == 200 && !holds(answer, ADDRESS) && holds(answer, "settled")
}

fn holds(answer: &Response, text: &str) -> bool {
    let mut windows = answer.body.windows(text.len());
    windows.any(|window| window == text.as_bytes())
}

/// So many kilobytes of letters, one address in each.
fn letters(kilobytes: usize) -> String {
    let line = "Thank you for your order of the 3rd; it left us on 12 May, 40 boxes in all.\n";
    let kilobyte = line.repeat(12) + "Write to " + ADDRESS + " for more.\n";
    kilobyte.repeat(kilobytes)
}

fn message(text: String) -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1,
        "result": { "content": [{ "type": "text", "text": text + "settled" }] },
    })
}

fn body() -> Answer {
    Answer::json(&message(letters(1_024)))
}

/// Log messages of 64 kB, and the answer.
fn stream() -> Answer {
    let log = json!({
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": { "level": "info", "data": letters(64) },
    });
    let log = Step::Repeat(format!("data: {log}\n\n").into(), 15);
    let last = Step::Send(format!("data: {}\n\n", message(letters(64))).into());
    Answer::stream([log, last])
}

fn setup(server: SocketAddr) -> Setup {
    let toolgate = |redact| Gateway::toolgate(bundle(redact), &[("s", server)]);
    Setup {
        gateways: vec![
            Gateway::plain(server),
            toolgate(json!([])),
            toolgate(json!([{ "find": KINDS }])),
        ],
        concurrency: 1,
    }
}

fn bundle(redact: Value) -> String {
    let tool = json!({ "name": "look", "inputSchema": { "type": "object" } });
    let policy = json!({
        "version": "1",
        "rules": [{ "id": "all", "tools": ["look"], "decision": "allow", "redact": redact }],
    });
    bundle::bundle(&bundle::registry(&[("s", vec![tool])]), &policy)
}

const ADDRESS: &str = "ann.example@example.org";

/// All that are found by their form.
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
