//! Sessions with servers of the legacy era: opened when they are needed, and again where one is lost.

use std::time::Duration;

use crate::{
    cx::Cx,
    http::{Callout, Edits, HeaderEdit, Headers, Reply, Response},
    json::{Doc, quote, splice},
    refusal::{Refusal, UpstreamFault},
    registry::Server,
    response::Terms,
    rpc::{Era, MODERN_VERSIONS},
    session::{Backend, Session},
    translate::{self, Peer},
};

use super::super::{Exchange, Request, State, Step, calls::Heard, state::Place};
use super::{Client, Route, SESSION, Then, cache};

/// What a session is opened for.
#[derive(Debug)]
pub(in crate::exchange) struct Errand {
    server: String,
    stage: Stage,
    purpose: Purpose,
}

#[derive(Debug)]
enum Stage {
    /// The server was greeted.
    Greeted,
    /// It was told that the session begins.
    Begun(Backend),
    /// It was asked once more.
    Repeated,
}

#[derive(Debug)]
enum Purpose {
    /// A request is to be forwarded.
    Forward(Edits, Box<Terms>),
    /// The server has lost its session: this is to be said once more, and answered.
    Repeat(Vec<u8>, Box<Terms>),
}

/// A request that went out in a session which its server may have lost.
#[derive(Debug)]
pub(in crate::exchange) struct Sent {
    request: Box<Request>,
    body: Vec<u8>,
}

impl Exchange {
    /// Sends a request on its way, in a session if its server needs one.
    pub(in crate::exchange) fn depart(
        &mut self,
        request: Box<Request>,
        route: Route,
        mut edits: Edits,
        terms: Box<Terms>,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        if self.restate(&request, &mut edits, &terms)? {
            return Ok(self.forward(edits, terms, cx));
        }
        if route.era == Era::Modern {
            edits.headers.push(HeaderEdit::Remove(SESSION.to_owned()));
            if terms.asker.era == Some(Era::Legacy) {
                let client = client(&request).map(|client| client.session.client.as_str());
                let peer = Peer {
                    era: Era::Modern,
                    version: MODERN_VERSIONS.first().unwrap_or(&""),
                    session: None,
                    client: client.unwrap_or_default(),
                    log: Some(LOG),
                    id: None,
                };
                self.cross(&request, &mut edits, &terms, &peer);
            }
            return Ok(self.forward(edits, terms, cx));
        }
        match self.backend(&request, &route.server, cx) {
            Some(backend) => Ok(self.leave(request, edits, terms, &backend, cx)),
            None => self.begin(request, route.server, Purpose::Forward(edits, terms), cx),
        }
    }

    fn leave(
        &mut self,
        request: Box<Request>,
        mut edits: Edits,
        mut terms: Box<Terms>,
        backend: &Backend,
        cx: &Cx<'_>,
    ) -> Step {
        let version = HeaderEdit::Set(VERSION.into(), backend.version.clone());
        edits.headers.push(version);
        if terms.asker.era == Some(Era::Modern) {
            // Clients of one caller share the session, and number their requests alike.
            let own = self.record.request_id.clone();
            let own = own.unwrap_or_else(|| cx.now.0.to_string());
            let id = quote(&format!("toolgate-{own}"));
            let peer = Peer {
                era: Era::Legacy,
                version: &backend.version,
                session: None,
                client: "",
                log: None,
                id: Some(&id),
            };
            self.cross(&request, &mut edits, &terms, &peer);
            terms.sent = Some(id);
        }
        edits.headers.push(match &backend.id {
            Some(id) => HeaderEdit::Set(SESSION.into(), id.clone()),
            None => HeaderEdit::Remove(SESSION.to_owned()),
        });
        let body = edits.body.clone().filter(|_| backend.id.is_some());
        self.sent = body.map(|body| Sent { request, body });
        self.forward(edits, terms, cx)
    }

    /// Says a request in the era of its server.
    fn cross(&self, request: &Request, edits: &mut Edits, terms: &Terms, to: &Peer<'_>) {
        let body = edits.body.take().unwrap_or_default();
        let Ok(doc) = Doc::parse(body) else {
            // It was read before; nothing is sent that cannot be.
            return;
        };
        let entry = terms
            .entry
            .and_then(|slot| self.policy.registry().entry(slot));
        let declared = entry.map(|entry| entry.input.param_headers());
        let declared = declared.unwrap_or_default();
        let changes = translate::request(doc.root(), &request.headers, declared, to);
        let body = splice(doc.bytes(), changes.splices);
        let length = HeaderEdit::Set("content-length".into(), body.len().to_string());
        edits.headers.extend(changes.headers);
        edits.headers.push(length);
        edits.body = Some(body);
    }

    /// The session with a server: one opened since, or that of the client's own.
    pub(super) fn backend(&self, request: &Request, server: &str, cx: &Cx<'_>) -> Option<Backend> {
        let key = self.key(request, server, cx);
        cache::load(&key, cx).or_else(|| {
            let client = client(request)?;
            client.session.backends.get(server).cloned()
        })
    }

    /// Under what a session that is opened here is kept: for a client's session, or, in the era
    /// without them, for the caller.
    fn key(&self, request: &Request, server: &str, cx: &Cx<'_>) -> String {
        let whose = match client(request) {
            Some(client) => client.name.clone(),
            None => cx.seal.tag("caller", &request.principal.who()),
        };
        format!("{whose} {server}")
    }

    /// Opens a session with a server.
    fn begin(
        &mut self,
        request: Box<Request>,
        server: String,
        purpose: Purpose,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let known = self.policy.registry().server(&server).ok_or(UNREACHABLE)?;
        let callout = match client(&request) {
            Some(client) => self.greeting(known, &request, &client.session),
            // What the client can do is not said: it could not be asked in the other era.
            None => {
                let nobody = Session::nobody(cx.now);
                self.greeting(known, &request, &nobody)
            }
        };
        let errand = Errand {
            server,
            stage: Stage::Greeted,
            purpose,
        };
        self.make(vec![callout], request, Then::Open(errand), cx)
    }

    /// Goes on with the opening of a session.
    pub(super) fn open(
        &mut self,
        request: Box<Request>,
        errand: Errand,
        heard: Vec<Option<Heard>>,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let Errand {
            server,
            stage,
            purpose,
        } = errand;
        let heard = heard.into_iter().next().flatten().ok_or(UNREACHABLE)?;
        let known = self.policy.registry().server(&server).ok_or(UNREACHABLE)?;
        match (stage, purpose) {
            (Stage::Greeted, purpose) => {
                let backend = read(&heard).ok_or(UNREACHABLE)?;
                let body = translate::initialized().as_bytes().to_vec();
                let callout = self.callout(known, &request, Some(&backend), "POST", body);
                let errand = Errand {
                    server,
                    stage: Stage::Begun(backend),
                    purpose,
                };
                self.make(vec![callout], request, Then::Open(errand), cx)
            }
            (Stage::Begun(backend), Purpose::Forward(edits, terms)) => {
                cache::keep(&self.key(&request, &server, cx), &backend, cx);
                Ok(self.leave(request, edits, terms, &backend, cx))
            }
            (Stage::Begun(backend), Purpose::Repeat(body, terms)) => {
                cache::keep(&self.key(&request, &server, cx), &backend, cx);
                let callout = self.callout(known, &request, Some(&backend), "POST", body);
                let errand = Errand {
                    server,
                    stage: Stage::Repeated,
                    purpose: Purpose::Repeat(Vec::new(), terms),
                };
                self.make(vec![callout], request, Then::Open(errand), cx)
            }
            (Stage::Repeated, Purpose::Repeat(_, terms)) => self.repeated(terms, &heard, cx),
            (Stage::Repeated, Purpose::Forward(..)) => Err(UNREACHABLE),
        }
    }

    /// Opens the session again that a server has lost, and says once more what it was asked: it did
    /// not know the session, so it has done nothing.
    pub(in crate::exchange) fn recover(
        &mut self,
        terms: Box<Terms>,
        sent: Sent,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let server = terms.server.clone();
        cache::forget(&self.key(&sent.request, &server, cx), cx);
        self.begin(sent.request, server, Purpose::Repeat(sent.body, terms), cx)
    }

    /// Gives the client what a server says to what it was asked once more.
    fn repeated(&mut self, terms: Box<Terms>, heard: &Heard, cx: &Cx<'_>) -> Result<Step, Refusal> {
        let crossed = terms.crossed().is_some();
        let state = State::Forwarded(terms);
        let end = heard.body.is_empty();
        let mut step = self.response_head(state, &heard.headers, Some(OF_UPSTREAM), end, cx)?;
        if !end && !matches!(step, Step::Reply(_)) {
            let state = std::mem::replace(&mut self.state, State::Replied);
            step = self.response_body(state, &heard.body, true, cx)?;
        }
        self.state = State::Replied;
        let Step::Forward(edits) = step else {
            return Ok(step);
        };
        let media = heard.headers.one("content-type").ok().flatten();
        Ok(Step::Reply(Reply {
            status: match crossed {
                true => translate::status(heard.status()),
                false => heard.status(),
            },
            headers: media
                .map(|media| ("content-type", media.to_owned()))
                .into_iter()
                .collect(),
            body: edits.body.unwrap_or_else(|| heard.body.clone()),
            details: OF_UPSTREAM.to_owned(),
        }))
    }

    /// What opens a session with a server, on behalf of the client of `session`.
    pub(super) fn greeting(
        &self,
        server: &Server,
        request: &Request,
        session: &Session,
    ) -> Callout {
        let body = translate::initialize(
            "\"toolgate\"",
            &session.version,
            &session.capabilities,
            &session.client,
        );
        self.callout(server, request, None, "POST", body.into_bytes())
    }

    /// A request to a server in place of the client.
    pub(super) fn callout(
        &self,
        server: &Server,
        request: &Request,
        backend: Option<&Backend>,
        method: &str,
        body: Vec<u8>,
    ) -> Callout {
        // Without a URL, whom the client addressed, as in the requests that are forwarded.
        let asked = || request.headers.one(":authority").ok().flatten();
        let authority = server.authority().or_else(asked);
        let authority = authority.unwrap_or(&server.cluster).to_owned();
        let mut headers = vec![
            (":method", method.to_owned()),
            (":path", server.path.clone()),
            (":authority", authority),
            ("accept", "application/json, text/event-stream".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(backend) = backend {
            headers.push((VERSION, backend.version.clone()));
            headers.extend(backend.id.clone().map(|id| (SESSION, id)));
        }
        headers.extend(trace(&request.headers));
        Callout {
            cluster: server.cluster.clone(),
            headers,
            body,
            timeout: TIMEOUT,
        }
    }
}

/// What a server says to its greeting; `None`: it has not opened a session.
pub(super) fn read(heard: &Heard) -> Option<Backend> {
    let response = Response {
        headers: heard.headers.clone(),
        body: &heard.body,
    };
    translate::greeting(&response).ok()
}

fn client(request: &Request) -> Option<&Client> {
    match &request.place {
        Place::Virtual(client) => client.as_ref(),
        Place::Server(_) => None,
    }
}

/// What ties the calls of one request together.
fn trace(headers: &Headers) -> impl Iterator<Item = (&'static str, String)> {
    ["traceparent", "tracestate", "x-request-id"]
        .into_iter()
        .filter_map(|name| Some((name, headers.one(name).ok()??.to_owned())))
}

const VERSION: &str = "mcp-protocol-version";
/// The log messages that a legacy client gets of a server that wants to know with each request:
/// which it asked for itself is not kept.
const LOG: &str = "info";
const UNREACHABLE: Refusal = Refusal::Upstream(UpstreamFault::Unreachable);
const OF_UPSTREAM: &str = "via_upstream";
/// How long a server may take for what is said beside a request.
const TIMEOUT: Duration = Duration::from_secs(10);
