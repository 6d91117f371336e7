//! Feeds the case corpus to the engine, in whole bodies and cut in pieces, and every answer as JSON
//! and as an event stream.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a panic is how a test says no, and what it leaves out it prints"
)]

use std::{path::Path, sync::Arc};

use engine::policy::Policy;

#[path = "cases/driver.rs"]
mod driver;
#[path = "../../../tests/corpus/model.rs"]
mod model;
#[path = "cases/official.rs"]
mod official;
#[path = "../../../tests/corpus/stream.rs"]
mod stream;

use driver::{Cut, compile, run};
use model::{Case, Group, Seen};
use official::Schemas;
use serde_json::{Value, json};
use stream::{FORMS, Form};

#[test]
fn every_case() {
    let mut wrong = Vec::new();
    let groups = groups();
    assert!(!groups.is_empty(), "the corpus is empty");
    for (file, group) in groups {
        let policy = compile(&file, &group);
        for case in &group.cases {
            for cut in [Cut::Whole, Cut::Pieces(1), Cut::Pieces(7)] {
                let differences = case.differences(&run(&policy, case, cut));
                if !differences.is_empty() {
                    wrong.push(format!(
                        "{file}: {}:\n  {}",
                        case.name,
                        differences.join("\n  ")
                    ));
                    break;
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// However an answer is cut, and whatever form the stream has that it comes in, what the client
/// reads is the same, and what is on record.
#[test]
fn every_answer_however_it_comes() {
    let mut streams = 0;
    std::thread::scope(|scope| {
        let threads: Vec<_> = groups()
            .into_iter()
            .map(|(file, group)| scope.spawn(move || answers(&file, &group)))
            .collect();
        for thread in threads {
            streams += thread.join().expect("the answers of one file");
        }
    });
    assert!(streams > 100, "only {streams} streams");
}

/// Cuts the answers of a file at every byte; gives how many streams it made of them.
fn answers(file: &str, group: &Group) -> usize {
    let policy = compile(file, group);
    let mut streams = 0;
    let answered = |case: &&Case| case.expect.forwarded.is_some() && case.upstream.is_told();
    for case in group.cases.iter().filter(answered) {
        let whole = uncut(file, &policy, case);
        for form in FORMS {
            let Some(case) = stream::streamed(case, form) else {
                break;
            };
            streams += 1;
            let streamed = uncut(file, &policy, &case);
            if form.resumable() && whole.record["reason"] == "upstream_silent" {
                continue;
            }
            let last = |seen| stream::messages(seen).pop().unwrap_or_default();
            assert_eq!(
                stream::canonical(&last(&streamed)),
                stream::canonical(&last(&whole)),
                "{file}: {}, as an event stream, {form:?}",
                case.name
            );
            let counted = |seen: &Seen| {
                let mut record = seen.record.clone();
                if let Form::Lines = form {
                    // The line end within the message counts.
                    record["resultBytes"].take();
                    record["estimatedTokens"].take();
                }
                record
            };
            assert_eq!(
                counted(&streamed),
                counted(&whole),
                "{file}: {}, recorded as an event stream, {form:?}",
                case.name
            );
        }
    }
    streams
}

/// What becomes of a case in one piece, once it is clear that pieces change nothing.
fn uncut(file: &str, policy: &Arc<Policy>, case: &Case) -> Seen {
    let whole = run(policy, case, Cut::Whole);
    let (.., body) = case.upstream.wire();
    let cuts = (1..=body.len()).map(Cut::At);
    for cut in cuts.chain([Cut::Pieces(1)]) {
        assert_eq!(
            format!("{:?}", run(policy, case, cut)),
            format!("{whole:?}"),
            "{file}: {}, {cut:?}",
            case.name
        );
    }
    whole
}

/// A valid answer is valid for the client as well, whatever was done to it, and so is each that
/// Toolgate gives itself.
#[test]
fn every_message_is_valid() {
    let mut schemas = Schemas::load();
    let mut valid = 0;
    for (file, group) in groups() {
        let policy = compile(&file, &group);
        for case in &group.cases {
            let seen = run(&policy, case, Cut::Whole);
            let (_, headers, body) = case.upstream.wire();
            let came = Seen {
                headers: headers.into_iter().collect(),
                body,
                ..Seen::default()
            };
            let came: Vec<_> = parsed(&came).collect();
            let sound = !came.is_empty()
                && came
                    .iter()
                    .all(|it| schemas.violation_of_server(case, it).is_none());
            for message in parsed(&seen) {
                // What is passed on as it came is no better than it was.
                if sound || !came.contains(&message) && is_ours(&message) {
                    valid += 1;
                    let violation = schemas.violation(case, &message);
                    assert_eq!(violation, None, "{file}: {}", case.name);
                }
            }
        }
    }
    assert!(valid > 200, "only {valid} messages");
}

/// Whether Toolgate may have written the message.
fn is_ours(message: &Value) -> bool {
    let result = &message["result"];
    message.get("error").is_some()
        || result["isError"] == true
        || result["resultType"] == "input_required"
}

/// The messages that are JSON.
fn parsed(seen: &Seen) -> impl Iterator<Item = Value> {
    let messages = stream::messages(seen).into_iter();
    messages.filter_map(|message| serde_json::from_str(&message).ok())
}

fn groups() -> Vec<(String, Group)> {
    model::groups(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases"))
}

/// Whatever is tried, nothing is answered or forwarded otherwise, and nothing else is recorded.
#[test]
fn every_case_beside_a_hostile_shadow() {
    let all = json!(["*"]);
    let every = json!({ "id": "all", "tools": all, "resources": all, "prompts": all });
    let hostile = [
        json!({ "decision": "allow" }),
        json!({ "decision": "deny" }),
        json!({ "decision": "deny", "when": "1 / 0 == 1" }),
    ];
    let mut differ = 0;
    for (file, group) in groups() {
        let with = |shadow| {
            let group = Group {
                shadow,
                ..group.clone()
            };
            compile(&file, &group)
        };
        let alone = with(None);
        for shadow in &hostile {
            let mut rule = every.clone();
            let members = shadow.as_object().expect("an object").clone();
            rule.as_object_mut().expect("an object").extend(members);
            let beside = with(Some(json!({ "rules": [rule] })));
            for case in &group.cases {
                let mut live = run(&alone, case, Cut::Whole);
                let mut seen = run(&beside, case, Cut::Whole);
                for one in [&mut live, &mut seen] {
                    let record = one.record.as_object_mut().expect("an object");
                    differ += usize::from(record.remove("shadow").is_some());
                    // It is another configuration, and some name their versions by its digest.
                    let digest = record.remove("policyDigest").expect("a digest");
                    record.retain(|_, value| *value != digest.as_str().expect("hex")[..12]);
                    if record["result"] == "dry_run" {
                        // Whoever asks for a dry run is told of it.
                        let mut body: Value = serde_json::from_slice(&one.body).expect("JSON");
                        for at in ["/result/_meta/toolgate~1decision", "/error/data"] {
                            let facts = body.pointer_mut(at).and_then(Value::as_object_mut);
                            facts.and_then(|facts| facts.remove("shadow"));
                        }
                        one.body = body.to_string().into_bytes();
                    }
                }
                assert_eq!(
                    format!("{seen:?}"),
                    format!("{live:?}"),
                    "{file}: {}",
                    case.name
                );
            }
        }
    }
    assert!(differ > 50, "only {differ} verdicts differ");
}
