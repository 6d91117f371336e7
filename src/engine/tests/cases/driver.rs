//! Drives the engine as Envoy would.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    config::Config,
    cx::{Cx, Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Callout, Edits, HeaderEdit, Headers, Peer, Reply, Response},
    policy::Policy,
    record::End,
};

use super::model::{Case, Group, SESSION, Seen, Upstream, readdressed, said};

pub(crate) fn compile(file: &str, group: &Group) -> Arc<Policy> {
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

/// How bodies come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// In one piece.
    Whole,
    /// In pieces of so many bytes.
    Pieces(usize),
    /// The answer in two, the second of which may be empty.
    At(usize),
}

impl Cut {
    /// The pieces of a request.
    fn request(self, body: &[u8]) -> Vec<&[u8]> {
        let size = match self {
            Self::Pieces(size) => size,
            Self::Whole | Self::At(_) => body.len().max(1),
        };
        body.chunks(size).collect()
    }

    /// The pieces of an answer.
    fn answer(self, body: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::At(at) => {
                let (head, rest) = body.split_at(at);
                vec![head, rest]
            }
            Self::Whole | Self::Pieces(_) => self.request(body),
        }
    }
}

/// The exchange of a case, after those that come before it.
pub(crate) fn run(policy: &Arc<Policy>, case: &Case, cut: Cut) -> Seen {
    let memory = Memory::default();
    let cx = memory.at(Timestamp(1_790_000_000_000_000_000));
    for _ in 0..case.before {
        exchange(policy, case, cut, &cx);
    }
    exchange(policy, case, cut, &cx)
}

/// One exchange, as Envoy would drive it.
fn exchange(policy: &Arc<Policy>, case: &Case, cut: Cut, cx: &Cx<'_>) -> Seen {
    let mut exchange = Exchange::new(Arc::clone(policy));
    let mut seen = Seen::default();
    let (method, path, headers, body) = case.request.wire();
    let opening = case.opening();
    let session = opening.map(|opening| self::exchange(policy, &opening, Cut::Whole, cx));
    let session = session.map(|it| it.headers.get(SESSION).expect("a session").clone());
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
    all.extend(session.map(|id| (SESSION.into(), id.into_bytes())));
    let head = Event::RequestHead {
        headers: Headers::new(all.clone()),
        peer: Peer::default(),
        end: body.is_empty(),
    };
    let mut step = exchange.on(head, cx);
    let mut pieces = cut.request(&body).into_iter().peekable();
    while let (Step::Hold, Some(bytes)) = (&step, pieces.next()) {
        let end = pieces.peek().is_none();
        step = exchange.on(Event::RequestBody { bytes, end }, cx);
    }
    while let Step::Call(callouts) = step {
        step = Step::Hold;
        for (at, callout) in callouts.iter().enumerate() {
            let said = called(case, callout, &mut seen).map(|said| said.wire());
            let response = said.as_ref().map(|(status, headers, body)| Response {
                headers: Headers::new(pairs(*status, headers)),
                body,
            });
            step = exchange.on(Event::Called { at, response }, cx);
        }
    }
    match step {
        Step::Hold | Step::Call(_) | Step::Cut => panic!("{}: held for ever", case.name),
        Step::Reply(reply) => answer(&mut seen, reply),
        Step::Forward(edits) => {
            let sent = edits.body.clone().unwrap_or(body);
            seen.forwarded = Some((edit(&all, &edits), sent));
            upstream(&mut exchange, case, cut, &mut seen, cx);
            if let Some(status) = seen.headers.get(":status") {
                seen.status = status.parse().expect("a status");
            }
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

/// What a server, or the approval service, says to the gateway; `None`: nothing.
fn called(case: &Case, callout: &Callout, seen: &mut Seen) -> Option<Upstream> {
    let headers = callout.headers.iter();
    let headers: BTreeMap<_, _> = headers
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    if callout.cluster != "toolgate-approvals" {
        return said(headers.get(SESSION).map(String::as_str), &callout.body);
    }
    let again = !seen.asked.is_empty();
    seen.asked.push((headers, callout.body.clone()));
    let then = case.approver_then.as_ref().filter(|_| again);
    then.or(case.approver.as_ref()).cloned()
}

fn upstream(exchange: &mut Exchange, case: &Case, cut: Cut, seen: &mut Seen, cx: &Cx<'_>) {
    let (status, headers, body) = case.upstream.wire();
    let asked = seen.forwarded.as_ref().map(|(_, body)| body.as_slice());
    let body = readdressed(body, asked.unwrap_or_default());
    let all = pairs(status, &headers);
    let head = Event::ResponseHead {
        headers: Headers::new(all.clone()),
        details: None,
        end: body.is_empty(),
    };
    let mut held = Vec::new();
    seen.status = status;
    match exchange.on(head, cx) {
        Step::Forward(edits) => seen.headers = edit(&all, &edits),
        Step::Hold | Step::Call(_) | Step::Cut => {}
        Step::Reply(reply) => return answer(seen, reply),
    }
    let mut pieces = cut.answer(&body).into_iter().peekable();
    while let Some(bytes) = pieces.next() {
        let end = pieces.peek().is_none();
        held.extend_from_slice(bytes);
        match exchange.on(Event::ResponseBody { bytes, end }, cx) {
            Step::Hold | Step::Call(_) => {}
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

/// The head of an answer.
fn pairs(status: u16, headers: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let status = (b":status".to_vec(), status.to_string().into_bytes());
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.clone().into(), value.clone().into()));
    [status].into_iter().chain(headers).collect()
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
                headers.insert(name.to_string(), value.clone());
            }
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
        }
    }
    headers
}
