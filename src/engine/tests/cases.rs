//! Feeds the case corpus to the engine, in whole bodies and cut in pieces.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a panic is how a test says no, and what it leaves out it prints"
)]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use engine::{
    config::Config,
    cx::{Cx, Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Callout, Edits, HeaderEdit, Headers, Peer, Reply, Response},
    policy::Policy,
    record::End,
};

#[path = "../../../tests/corpus/model.rs"]
mod model;

use model::{Case, Group, Seen};
use serde_json::{Value, json};

#[test]
fn every_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let schemas = Schemas::load();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, group) in model::groups(&folder) {
        let policy = compile(&file, &group);
        for case in &group.cases {
            for piece in [usize::MAX, 1, 7] {
                count += 1;
                let seen = run(&policy, case, piece);
                let mut differences = case.differences(&seen);
                if piece == usize::MAX {
                    differences.extend(schemas.violation(case, &seen));
                }
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
    assert!(count > 0, "the corpus is empty");
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The official schemas, by protocol era, where they are at hand.
struct Schemas([Option<Value>; 2]);

impl Schemas {
    fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mcp-schema");
        Self(["2025-11-25", "2026-07-28"].map(|version| {
            let schema = fs::read_to_string(root.join(version).join("schema.json"));
            if schema.is_err() {
                println!("skipped: no schema of {version}");
            }
            Some(serde_json::from_str(&schema.ok()?).expect("a schema"))
        }))
    }

    /// What the schema has against an answer that Toolgate itself gave.
    fn violation(&self, case: &Case, seen: &Seen) -> Option<String> {
        let modern = case.request.era.as_deref() == Some("modern");
        let body: Value = serde_json::from_slice(&seen.body).ok()?;
        let result = &body["result"];
        let (message, definition) = if result["resultType"] == "input_required" {
            (result, "InputRequiredResult")
        } else if result["isError"] == true {
            (result, "CallToolResult")
        } else if body["error"]["code"] == -32_042 {
            (&body, "URLElicitationRequiredError")
        } else {
            return None;
        };
        let mut schema = self.0[usize::from(modern)].clone()?;
        schema["$ref"] = json!(format!("#/$defs/{definition}"));
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let error = schema.validate(message).err()?;
        Some(format!("no {definition}: {error}"))
    }
}

/// Whatever is tried, nothing is answered or forwarded otherwise, and nothing else is recorded.
#[test]
fn every_case_beside_a_hostile_shadow() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let all = json!(["*"]);
    let every = json!({ "id": "all", "tools": all, "resources": all, "prompts": all });
    let hostile = [
        json!({ "decision": "allow" }),
        json!({ "decision": "deny" }),
        json!({ "decision": "deny", "when": "1 / 0 == 1" }),
    ];
    let mut differ = 0;
    for (file, group) in model::groups(&folder) {
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
                let mut live = run(&alone, case, usize::MAX);
                let mut seen = run(&beside, case, usize::MAX);
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

fn compile(file: &str, group: &Group) -> Arc<Policy> {
    let policy = Policy::compile(Config::from_value(group.bundle()));
    Arc::new(policy.unwrap_or_else(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!(
            "{file} ({}) does not compile:\n{}",
            group.about,
            lines.join("\n")
        )
    }))
}

/// The exchange of a case, after those that come before it.
fn run(policy: &Arc<Policy>, case: &Case, piece: usize) -> Seen {
    let memory = Memory::default();
    let cx = memory.at(Timestamp(1_790_000_000_000_000_000));
    for _ in 0..case.before {
        exchange(policy, case, piece, &cx);
    }
    exchange(policy, case, piece, &cx)
}

/// One exchange, as Envoy would drive it, with bodies in pieces of `piece` bytes.
fn exchange(policy: &Arc<Policy>, case: &Case, piece: usize, cx: &Cx<'_>) -> Seen {
    let mut exchange = Exchange::new(Arc::clone(policy));
    let mut seen = Seen::default();
    let (method, path, headers, body) = case.request.wire();
    let mut all: Vec<(Vec<u8>, Vec<u8>)> = vec![
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
    let head = Event::RequestHead {
        headers: Headers::new(all.clone()),
        peer: Peer::default(),
        end: body.is_empty(),
    };
    let mut step = exchange.on(head, cx);
    let mut pieces = body.chunks(piece.min(body.len().max(1))).peekable();
    while let (Step::Hold, Some(bytes)) = (&step, pieces.next()) {
        let end = pieces.peek().is_none();
        step = exchange.on(Event::RequestBody { bytes, end }, cx);
    }
    while let Step::Ask(callout) = &step {
        step = ask(&mut exchange, case, callout, &mut seen, cx);
    }
    match step {
        Step::Hold | Step::Ask(_) | Step::Cut => panic!("{}: held for ever", case.name),
        Step::Reply(reply) => answer(&mut seen, reply),
        Step::Forward(edits) => {
            let sent = edits.body.clone().unwrap_or(body);
            seen.forwarded = Some((edit(&all, &edits), sent));
            upstream(&mut exchange, case, piece, &mut seen, cx);
        }
    }
    let status = Some(seen.status);
    let end = End {
        status,
        ..End::default()
    };
    let closing = exchange.close(end, cx);
    seen.record = serde_json::from_slice(&closing.record).expect("a JSON record");
    seen
}

/// Lets the approval service answer.
fn ask(
    exchange: &mut Exchange,
    case: &Case,
    callout: &Callout,
    seen: &mut Seen,
    cx: &Cx<'_>,
) -> Step {
    let headers = callout.headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), value.clone()));
    let again = !seen.asked.is_empty();
    seen.asked.push((headers.collect(), callout.body.clone()));
    let then = case.approver_then.as_ref().filter(|_| again);
    let Some(approver) = then.or(case.approver.as_ref()) else {
        return exchange.on(Event::Answer(None), cx);
    };
    let (status, headers, body) = approver.wire();
    let mut all = vec![(b":status".to_vec(), status.to_string().into_bytes())];
    let headers = headers.into_iter();
    all.extend(headers.map(|(name, value)| (name.into_bytes(), value.into_bytes())));
    let response = Response {
        headers: Headers::new(all),
        body: &body,
    };
    exchange.on(Event::Answer(Some(response)), cx)
}

fn upstream(exchange: &mut Exchange, case: &Case, piece: usize, seen: &mut Seen, cx: &Cx<'_>) {
    let (status, headers, body) = case.upstream.wire();
    let mut all = vec![(b":status".to_vec(), status.to_string().into_bytes())];
    all.extend(
        headers
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value.into_bytes())),
    );
    let head = Event::ResponseHead {
        headers: Headers::new(all.clone()),
        details: None,
        end: body.is_empty(),
    };
    let mut held = Vec::new();
    seen.status = status;
    match exchange.on(head, cx) {
        Step::Forward(edits) => seen.headers = edit(&all, &edits),
        Step::Hold | Step::Ask(_) | Step::Cut => {}
        Step::Reply(reply) => return answer(seen, reply),
    }
    let mut pieces = body.chunks(piece.min(body.len().max(1))).peekable();
    while let Some(bytes) = pieces.next() {
        let end = pieces.peek().is_none();
        held.extend_from_slice(bytes);
        match exchange.on(Event::ResponseBody { bytes, end }, cx) {
            Step::Hold | Step::Ask(_) => {}
            Step::Cut => return,
            Step::Forward(edits) => {
                if seen.headers.is_empty() {
                    seen.headers = edit(&all, &edits);
                }
                let held = std::mem::take(&mut held);
                seen.body.extend(edits.body.unwrap_or(held));
            }
            Step::Reply(reply) => return answer(seen, reply),
        }
    }
}

fn answer(seen: &mut Seen, reply: Reply) {
    seen.status = reply.status;
    seen.headers = reply
        .headers
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v))
        .collect();
    seen.body = reply.body;
}

/// The headers as they go on.
fn edit(headers: &[(Vec<u8>, Vec<u8>)], edits: &Edits) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Set(name, value) => {
                headers.insert((*name).to_owned(), value.clone());
            }
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
        }
    }
    headers
}
