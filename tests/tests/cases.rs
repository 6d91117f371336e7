//! Sends the case corpus through a real Envoy, to a server that records what reaches it; what the
//! filter recorded of a case is what `toolgate test` and `toolgate explain` say of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tests::client::{self, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::recorder::{Answer, Recorder, Seen, Step};
use tests::tools;

#[path = "../corpus/model.rs"]
mod model;
#[path = "../corpus/stream.rs"]
mod stream;
#[path = "../corpus/trials.rs"]
mod trials;

use model::{Case, Group, Upstream};
use stream::{FORMS, Form};

#[tokio::test]
async fn every_case() {
    let groups = model::groups(&tools::root().join("tests/cases"));
    let (upstream, approver) = (Scripted::start().await, Scripted::start().await);
    let gateways = groups
        .iter()
        .map(|(_, group)| gateway(group, &upstream, &approver))
        .collect();
    let envoy = Envoy::start(&Setup {
        gateways,
        concurrency: 1,
    })
    .await;

    let mut wrong = Vec::new();
    for (index, (file, group)) in groups.iter().enumerate() {
        let session = open(&envoy, index, group).await;
        let (mut records, mut lines) = (Vec::new(), usize::from(session.is_some()));
        assert!(
            !group.cases.is_empty(),
            "{file} ({}) has no cases",
            group.about
        );
        for case in &group.cases {
            for _ in 0..case.before {
                upstream.next(vec![answer(&case.upstream)]);
                approver.next(approvals(case));
                run(&envoy, index, case, session.as_deref()).await;
            }
            upstream.next(vec![answer(&case.upstream)]);
            approver.next(approvals(case));
            let mut seen = run(&envoy, index, case, session.as_deref()).await;
            // Whatever was forwarded, or asked, came before the answer.
            let mut forwarded = upstream.seen();
            forwarded.retain(|(headers, body)| {
                let session = headers.get(model::SESSION).map(String::as_str);
                model::said(session, body).is_none()
            });
            seen.forwarded = forwarded.pop();
            seen.asked = approver.seen();
            lines += case.before + 1;
            let log = envoy.wait_access_log(index, lines).await;
            seen.record = log[lines - 1]["toolgate"].clone();
            records.push(seen.record.clone());
            // Envoy takes the header away once it has routed by it; where to, it says itself.
            let cluster = seen.record["upstreamCluster"].as_str().map(str::to_owned);
            if let (Some((headers, _)), Some(cluster)) = (&mut seen.forwarded, cluster) {
                headers.insert("x-toolgate-cluster".to_owned(), cluster);
            }
            let differences = case.differences(&seen);
            if !differences.is_empty() {
                wrong.push(format!(
                    "{file}: {}:\n  {}",
                    case.name,
                    differences.join("\n  ")
                ));
            }
        }
        wrong.extend(trials::differences(file, group, &records));
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// However an answer is cut, and whatever form the stream has that it comes in, the client gets it
/// as if it came whole, and so does the record.
#[tokio::test]
async fn every_answer_in_pieces() {
    let (upstream, approver) = (Scripted::start_h2().await, Scripted::start().await);
    let mut groups = model::groups(&tools::root().join("tests/cases"));
    groups.retain(|(_, group)| !remembers(group));
    for (_, group) in &mut groups {
        group.cases.retain(|case| {
            case.upstream.is_told() && case.expect.forwarded.is_some() && case.approver.is_none()
        });
    }
    groups.retain(|(_, group)| !group.cases.is_empty());
    let gateways = groups.iter().map(|(_, group)| {
        let mut gateway = gateway(group, &upstream, &approver);
        for cluster in &mut gateway.clusters {
            // Of HTTP/2 each frame gets to the filter by itself, however many come at once.
            cluster.h2 = cluster.addr == upstream.server.addr();
        }
        gateway
    });
    let setup = Setup {
        gateways: gateways.collect(),
        concurrency: 1,
    };
    let envoy = Envoy::start(&setup).await;
    let mut count = 0;
    for (index, (file, group)) in groups.iter().enumerate() {
        let session = open(&envoy, index, group).await;
        let opened = usize::from(session.is_some());
        let mut seen = Vec::new();
        for case in &group.cases {
            let streams = FORMS.map(|form| stream::streamed(case, form));
            for case in [Some(case.clone())].into_iter().chain(streams).flatten() {
                for piece in PIECES {
                    upstream.next(vec![in_pieces(answer(&case.upstream), piece)]);
                    let mut one = run(&envoy, index, &case, session.as_deref()).await;
                    one.headers
                        .retain(|name, _| !VOLATILE.contains(&name.as_str()));
                    seen.push((case.name.clone(), piece, one));
                }
            }
        }
        let log = envoy.wait_access_log(index, opened + seen.len()).await;
        for ((_, _, seen), line) in seen.iter_mut().zip(log.into_iter().skip(opened)) {
            seen.record = line["toolgate"].clone();
            let record = seen.record.as_object_mut().expect("a record");
            record.retain(|name, _| !VOLATILE.contains(&name.as_str()));
        }
        count += seen.len();
        for of_one in seen.chunk_by(|(one, ..), (other, ..)| one == other) {
            let last = |seen: &model::Seen| stream::messages(seen).pop().unwrap_or_default();
            let (name, _, as_json) = &of_one[0];
            let resumable = [false].into_iter().chain(FORMS.map(Form::resumable));
            for (of_form, resumable) in of_one.chunks(PIECES.len()).zip(resumable) {
                let (_, _, whole) = &of_form[0];
                if !resumable || as_json.record["reason"] != "upstream_silent" {
                    let messages = [whole, as_json].map(|seen| stream::canonical(&last(seen)));
                    assert_eq!(messages[0], messages[1], "{file}: {name}: {whole:?}");
                }
                for (_, piece, seen) in of_form {
                    let (seen, whole) = (format!("{seen:?}"), format!("{whole:?}"));
                    assert_eq!(seen, whole, "{file}: {name}, in pieces of {piece}");
                }
            }
        }
    }
    assert!(count > 400, "only {count} answers");
}

const PIECES: [usize; 4] = [usize::MAX, 1, 7, 1_000];

/// Whether what came before makes a difference: nothing of these can be sent twice.
fn remembers(group: &Group) -> bool {
    let config = group.bundle().to_string();
    ["limits", "budget", "breaker"]
        .iter()
        .any(|it| config.contains(it))
}

/// Headers and members of the record that differ between two answers that are the same.
const VOLATILE: [&str; 11] = [
    "bytesIn",
    "bytesOut",
    "date",
    "durationMs",
    "filterUs",
    "requestId",
    "source",
    "timestamp",
    "traceparent",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

/// Nothing that is only tried changes a byte of what clients and servers get.
#[tokio::test]
async fn every_case_beside_a_hostile_shadow() {
    let (upstream, approver) = (Scripted::start().await, Scripted::start().await);
    let groups = model::groups(&tools::root().join("tests/cases"));
    let every = json!(["*"]);
    let hostile = json!({ "rules": [
        { "id": "all", "tools": every, "resources": every, "prompts": every, "decision": "deny" },
    ] });
    let gateways = |shadow: Option<&Value>| {
        let shadowed = groups.iter().map(move |(_, group)| Group {
            shadow: shadow.cloned(),
            ..group.clone()
        });
        let gateways: Vec<_> = shadowed
            .map(|group| gateway(&group, &upstream, &approver))
            .collect();
        gateways
    };
    let alone = gateways(None);
    // With a memory of their own: what the one counts must not count for the other.
    let beside = gateways(Some(&hostile))
        .into_iter()
        .map(|gateway| gateway.with_filter(|filter| "beside".clone_into(&mut filter.vm_id)));
    let gateways = alone.into_iter().chain(beside);
    let envoy = Envoy::start(&Setup {
        gateways: gateways.collect(),
        concurrency: 1,
    })
    .await;
    for (index, (file, group)) in groups.iter().enumerate() {
        let mut sessions = [None, None];
        for (session, index) in sessions.iter_mut().zip([index, groups.len() + index]) {
            *session = open(&envoy, index, group).await;
        }
        for case in &group.cases {
            let (_, _, _, body) = case.request.wire();
            if String::from_utf8_lossy(&body).contains("toolgate/dryRun") {
                // Whoever asks for a dry run is told of what is tried.
                continue;
            }
            let mut seen = Vec::new();
            for (session, index) in sessions.iter().zip([index, groups.len() + index]) {
                upstream.next(vec![answer(&case.upstream)]);
                approver.next(approvals(case));
                let mut answer = run(&envoy, index, case, session.as_deref()).await;
                for name in ["date", "x-request-id", "x-envoy-upstream-service-time"] {
                    answer.headers.remove(name);
                }
                // A session of the gateway's own is another one each time,
                let own = answer.headers.get("mcp-session-id");
                if own.is_some_and(|id| id.len() > 100) {
                    answer.headers.remove("mcp-session-id");
                }
                let forwarded = upstream.server.seen().into_iter();
                let forwarded: Vec<_> = forwarded
                    .map(|it| nameless(&String::from_utf8_lossy(&it.body)))
                    .collect();
                let body = String::from_utf8_lossy(&answer.body);
                let all = format!(
                    "{} {:?} {body} {forwarded:?}",
                    answer.status, answer.headers
                );
                seen.push(all.replace(&envoy.gateway(index).to_string(), "gateway"));
            }
            assert_eq!(seen[0], seen[1], "{file}: {}", case.name);
        }
    }
}

/// A body without the request id that is in ids of the gateway's own: it is another one each time.
fn nameless(body: &str) -> String {
    let mut parts = body.split("\"toolgate-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once('"').map_or(part, |(_, rest)| rest);
        text + "\"toolgate\"" + rest
    })
}

/// A server that answers as the case at hand says: the last answer as often as it is asked for.
struct Scripted {
    server: Recorder,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Scripted {
    async fn start() -> Self {
        Self::over(false).await
    }

    async fn start_h2() -> Self {
        Self::over(true).await
    }

    async fn over(h2: bool) -> Self {
        let answers = Arc::new(Mutex::new(vec![silence()]));
        let script = Arc::clone(&answers);
        let script = move |request: &Seen| {
            let session = request.header(model::SESSION);
            if let Some(said) = model::said(session, &request.body) {
                return answer(&said);
            }
            let mut answers = script.lock().expect("no holder panics");
            let answer = match answers.len() {
                1 => answers[0].clone(),
                _ => answers.remove(0),
            };
            readdressed(answer, &request.body)
        };
        let server = match h2 {
            true => Recorder::scripted_h2(script).await,
            false => Recorder::scripted(script).await,
        };
        Self { server, answers }
    }

    /// Forgets what it saw, and gives these answers from now on.
    fn next(&self, answers: Vec<Answer>) {
        *self.answers.lock().expect("no holder panics") = answers;
        self.server.clear();
    }

    /// Headers and bodies of the requests that it saw.
    fn seen(&self) -> Vec<(BTreeMap<String, String>, Vec<u8>)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |seen: Seen| {
            let headers = seen.headers.iter().map(|(n, v)| (n.clone(), text(v)));
            let mut headers: BTreeMap<_, _> = headers.collect();
            headers.insert(":path".to_owned(), seen.path);
            (headers, seen.body)
        };
        self.server.seen().into_iter().map(one).collect()
    }
}

/// What the approval service answers, one time after another.
fn approvals(case: &Case) -> Vec<Answer> {
    let answers = [&case.approver, &case.approver_then];
    let mut answers: Vec<_> = answers.into_iter().flatten().map(answer).collect();
    if answers.is_empty() {
        answers.push(silence());
    }
    answers
}

/// A gateway under the group's configuration, with every cluster at the one server, and the other
/// to approve.
fn gateway(group: &Group, upstream: &Scripted, approver: &Scripted) -> Gateway {
    let servers = group.registry["servers"].as_object().expect("servers");
    let mut clusters: Vec<_> = servers
        .keys()
        .map(|name| (name.as_str(), upstream.server.addr()))
        .collect();
    clusters.push(("toolgate-approvals", approver.server.addr()));
    Gateway::toolgate(group.bundle().to_string(), &clusters)
}

fn answer(upstream: &Upstream) -> Answer {
    let (status, headers, body) = upstream.wire();
    Answer {
        status,
        headers,
        ..Answer::body("", body)
    }
}

/// The same in pieces of so many bytes.
fn in_pieces(answer: Answer, size: usize) -> Answer {
    let cut = |step| match step {
        Step::Send(bytes) => {
            let pieces = bytes.chunks(size);
            pieces.map(|piece| Step::Send(piece.to_vec())).collect()
        }
        Step::Repeat(..) | Step::Gate | Step::Abort => vec![step],
    };
    Answer {
        steps: answer.steps.into_iter().flat_map(cut).collect(),
        ..answer
    }
}

/// The same, if it is one to a request of id 1, as an answer to this one.
fn readdressed(answer: Answer, request: &[u8]) -> Answer {
    let pieces: Option<Vec<_>> = answer
        .steps
        .iter()
        .map(|step| match step {
            Step::Send(bytes) => Some(bytes.as_slice()),
            Step::Repeat(..) | Step::Gate | Step::Abort => None,
        })
        .collect();
    let Some((pieces, size)) = pieces.and_then(|all| Some((all.concat(), all.first()?.len())))
    else {
        return answer;
    };
    let whole = Answer {
        steps: vec![Step::Send(model::readdressed(pieces, request))],
        ..answer
    };
    in_pieces(whole, size.max(1))
}

/// Begins to answer and never ends.
fn silence() -> Answer {
    Answer {
        steps: vec![Step::Gate],
        length: false,
        ..Answer::body("application/json", "")
    }
}

/// Opens the session in which cases of a group come that want one.
async fn open(envoy: &Envoy, index: usize, group: &Group) -> Option<String> {
    let opening = group.cases.iter().find_map(Case::opening)?;
    let seen = run(envoy, index, &opening, None).await;
    Some(seen.headers.get(model::SESSION).expect("a session").clone())
}

async fn run(envoy: &Envoy, index: usize, case: &Case, session: Option<&str>) -> model::Seen {
    let (method, path, headers, body) = case.request.wire();
    let mut request = Request::new(&method, &path);
    if let Some(session) = session.filter(|_| case.request.session) {
        request = request.header(model::SESSION, session);
    }
    for (name, value) in headers {
        request = request.header(&name, value);
    }
    if method == "POST" || !body.is_empty() {
        request = request.body(body);
    }
    let answer = client::send(envoy.gateway(index), &request)
        .await
        .expect("an answer");
    let headers = answer.headers.iter();
    model::Seen {
        status: answer.status,
        headers: headers
            .map(|(n, v)| (n.clone(), String::from_utf8_lossy(v).into_owned()))
            .collect(),
        body: answer.body,
        ..model::Seen::default()
    }
}
