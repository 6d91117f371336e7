//! How much time hostile arguments buy: how many times as long as reading a megabyte takes judging
//! it, for each contract, condition and body of the case corpus. Prints the worst.
//!
//! Times are of the processor, compared within one run only, and the best of several is what counts.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a program for the terminal, which ends where something is wrong"
)]

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use engine::{
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Headers, Peer},
    json::Doc,
    policy::Policy,
    record::End,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

#[path = "../../../tests/corpus/model.rs"]
#[expect(dead_code, reason = "what cases expect is checked elsewhere")]
mod model;

use model::{Case, Group};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut ratios = Vec::new();
    for (file, group) in model::groups(&folder) {
        let config = Config::from_value(group.bundle());
        let policy = Policy::compile(config).map(Arc::new);
        let policy = policy.unwrap_or_else(|problems| panic!("{file}: {problems:?}"));
        for (what, case, body) in bodies(&group) {
            // What is bounded whatever the size is bought by a megabyte, too.
            let share = (body.len() as f64 / SIZE as f64).min(1.0);
            let ratio = ratio(&policy, case, &body) * share;
            ratios.push((ratio, format!("{file}: {what} ({} bytes)", body.len())));
        }
    }
    ratios.sort_by(|one, other| other.0.total_cmp(&one.0));
    println!(
        "{} bodies; judging takes so many times as long as reading:",
        ratios.len()
    );
    for (ratio, what) in ratios.iter().take(12) {
        println!("{ratio:6.1}  {what}");
    }
    let worst = ratios.first().map_or(0.0, |(ratio, _)| *ratio);
    assert!(
        worst < 20.0,
        "judging may take 20 times as long as reading, not {worst:.1}"
    );
}

/// Every body of the corpus made large, and calls of every tool with large arguments of all kinds.
fn bodies(group: &Group) -> Vec<(String, &Case, Vec<u8>)> {
    let mut bodies = Vec::new();
    let mut called = BTreeSet::new();
    for case in &group.cases {
        let (.., body) = case.request.wire();
        let Ok(message) = serde_json::from_slice::<Value>(&body) else {
            // What cannot be read costs what it takes to notice.
            if let Some(many) = SIZE.checked_div(body.len()) {
                let what = format!("{}, over and over", case.name);
                bodies.push((what, case, body.repeat(many)));
            }
            continue;
        };
        let tool = message["params"]["name"].as_str().unwrap_or_default();
        let schema = group.registry["tools"]
            .as_array()
            .and_then(|tools| tools.iter().find(|known| known["name"] == tool))
            .map(|tool| &tool["inputSchema"]);
        match schema {
            Some(schema) if called.insert(tool.to_owned()) => {
                for (what, arguments) in arguments(schema, &message["params"]["arguments"]) {
                    let mut message = message.clone();
                    message["params"]["arguments"] = arguments;
                    let what = format!("{tool} with {what}");
                    bodies.push((what, case, message.to_string().into_bytes()));
                }
            }
            _ => {}
        }
    }
    bodies
}

/// Large arguments: of the kinds that the contract wants, and of others.
fn arguments(schema: &Value, good: &Value) -> Vec<(String, Value)> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let mut names: Vec<_> = properties.keys().map(String::as_str).collect();
    if names.is_empty() {
        names.push("anything");
    }
    let good = good.as_object().unwrap_or(&none);
    let shapes = shapes(SIZE / names.len());
    let mut all = Vec::new();
    for turn in 0..shapes.len() {
        for fitting in [true, false] {
            let mut arguments = good.clone();
            let mut what = BTreeSet::new();
            for (at, name) in names.iter().enumerate() {
                let wanted = properties
                    .get(*name)
                    .map_or(&Value::Null, |part| &part["type"]);
                let (shape, value) = if fitting {
                    let mut fit = shapes.iter().filter(|(_, value)| fits(value, wanted));
                    let count = fit.clone().count();
                    match fit.nth(turn.checked_rem(count).unwrap_or(0)) {
                        Some(shape) if turn < count.max(1) => shape,
                        _ => continue,
                    }
                } else {
                    &shapes[(turn + at) % shapes.len()]
                };
                what.insert(*shape);
                arguments.insert((*name).to_owned(), value.clone());
            }
            if !what.is_empty() {
                let what = what.into_iter().collect::<Vec<_>>().join(", ");
                all.push((what, Value::Object(arguments)));
            }
        }
    }
    all
}

fn fits(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::String(_) => wanted == "string" || wanted.is_null(),
        Value::Array(_) => wanted == "array" || wanted.is_null(),
        Value::Object(_) => wanted == "object" || wanted.is_null(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Values that take so many bytes.
fn shapes(size: usize) -> Vec<(&'static str, Value)> {
    let list = |item: &dyn Fn(usize) -> Value| {
        let each = item(SIZE).to_string().len() + 1;
        Value::Array((0..size / each).map(item).collect())
    };
    let deep = |_| {
        let inner = json!([1]);
        (0..40).fold(inner, |inner, _| json!([inner]))
    };
    vec![
        ("a long text", "a".repeat(size).into()),
        ("escapes", "\u{1}".repeat(size / 6).into()),
        ("equal numbers", list(&|_| 7.into())),
        ("numbers", list(&|n| n.into())),
        ("words", list(&|n| format!("a{n}").into())),
        ("objects", list(&|n| json!({ "a": n, "b": [] }))),
        ("equal objects", list(&|_| json!({ "a": 1, "b": "x" }))),
        ("deep lists", list(&deep)),
        (
            "members",
            Value::Object(
                (0..size / 12)
                    .map(|n| (format!("k{n}"), n.into()))
                    .collect(),
            ),
        ),
    ]
}

/// How many times as long as reading it takes judging it.
fn ratio(policy: &Arc<Policy>, case: &Case, body: &[u8]) -> f64 {
    let (mut read, mut judged) = (Duration::MAX, Duration::MAX);
    let mut ratio = f64::INFINITY;
    for _ in 0..TRIES {
        read = read.min(time(|| Doc::parse(body.to_vec()).is_ok()));
        judged = judged.min(time(|| judge(policy, case, body)));
        ratio = judged.as_secs_f64() / read.as_secs_f64();
        if ratio < MOST / 2.0 {
            break;
        }
    }
    ratio
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let began = now();
    std::hint::black_box(work());
    now() - began
}

fn judge(policy: &Arc<Policy>, case: &Case, body: &[u8]) -> Vec<u8> {
    let memory = Memory::default();
    let cx = memory.at(Timestamp(1_790_000_000_000_000_000));
    let (method, path, headers, _) = case.request.wire();
    let mut all = vec![
        (b":method".to_vec(), method.into_bytes()),
        (b":path".to_vec(), path.into_bytes()),
        (b":authority".to_vec(), b"127.0.0.1:10000".to_vec()),
        (b":scheme".to_vec(), b"http".to_vec()),
    ];
    all.extend(
        headers
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value)),
    );
    let mut exchange = Exchange::new(Arc::clone(policy));
    let head = Event::RequestHead {
        headers: Headers::new(all),
        peer: Peer::default(),
        end: false,
    };
    if matches!(exchange.on(head, &cx), Step::Hold) {
        let step = exchange.on(
            Event::RequestBody {
                bytes: body,
                end: true,
            },
            &cx,
        );
        let _ = std::hint::black_box(step);
    }
    exchange.close(End::default(), &cx).record
}

const SIZE: usize = 1 << 20;
/// Judging may take so many times as long as reading.
const MOST: f64 = 20.0;
/// A busy machine spoils some.
const TRIES: usize = 5;
