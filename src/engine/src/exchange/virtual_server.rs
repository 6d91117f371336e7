//! All servers as one: what is answered here, what is said to every server, and where the rest goes.
//!
//! What a client needs to be served is in what it sends: its session id holds the sessions that were
//! opened for it, and any Envoy can read it. What one Envoy remembers beside that only saves work.

use crate::{
    call::Principal,
    config::Protocol,
    cx::Cx,
    http::{Callout, Headers, Reply, Response},
    json::Node,
    refusal::{Refusal, SessionFault, json_reply},
    registry::{Entry, List, Server},
    rpc::{Era, LEGACY_VERSIONS, Message, Method},
    session::{self, Backend, Session},
    translate,
};

use super::{
    Exchange, Request, State, Step,
    calls::{Calls, Heard},
    judge::Course,
    session::declares_pages,
    state::Place,
};

use backend::Errand;
pub(super) use backend::Sent;
pub(super) use live::{Live, Wish};

mod asked;
mod backend;
mod cache;
mod lists;
mod live;

/// A client of the legacy era, in its session.
#[derive(Debug)]
pub(in crate::exchange) struct Client {
    /// The session's public name.
    pub(in crate::exchange) name: String,
    pub(in crate::exchange) session: Session,
}

/// Where a request goes that was sent to the virtual server.
#[derive(Debug)]
pub(in crate::exchange) struct Route {
    pub(in crate::exchange) server: String,
    /// The era in which the server is spoken to.
    pub(in crate::exchange) era: Era,
}

/// A request that waits for what servers say.
#[derive(Debug)]
pub(in crate::exchange) struct Calling {
    request: Box<Request>,
    calls: Calls,
    then: Then,
}

/// What follows once all servers have spoken.
#[derive(Debug)]
pub(in crate::exchange) enum Then {
    /// The client's handshake is answered.
    Greet {
        /// Who was greeted on its behalf, in the order of the calls.
        servers: Vec<String>,
        session: Session,
    },
    /// The client is told this, whatever they said.
    Reply(Reply),
    /// A session is opened, for this.
    Open(Errand),
}

impl Exchange {
    /// The session that a client shows, if it is one of its own.
    pub(super) fn client(
        &mut self,
        headers: &Headers,
        principal: &Principal,
        cx: &Cx<'_>,
    ) -> Option<Client> {
        // A token opens a session: it is not for logs.
        self.record.session_id = None;
        let token = headers.one(SESSION).ok()??;
        let session = Session::open(token, principal, cx)?;
        let name = session::name(token);
        if cache::has_ended(&name, cx) {
            return None;
        }
        self.marked = session.marked;
        self.record.session_id = Some(name.clone());
        Some(Client { name, session })
    }

    /// Judges what is about no entry; `None`: it is about one, and goes to its server.
    pub(super) fn judge_here(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Result<Option<Course>, Refusal> {
        let Place::Virtual(client) = &request.place else {
            return Ok(None);
        };
        // The modern era has no sessions, whatever a header says.
        let needs = message.era == Era::Legacy && message.operation != Method::Initialize;
        if needs && client.is_none() {
            return Err(no_session(request));
        }
        let course = match message.operation {
            Method::Initialize => self.greet(request, message, cx),
            Method::Ping => Course::Answer("{}".to_owned()),
            Method::SetLevel => {
                let calls = self.tell_all(request, message.root, cx);
                self.allow();
                let answer = self.result("{}");
                Course::Call(calls, Then::Reply(answer))
            }
            Method::Initialized | Method::Cancelled | Method::RootsChanged => {
                let calls = self.tell_all(request, message.root, cx);
                self.allow();
                Course::Call(calls, Then::Reply(accepted()))
            }
            Method::TaskStatus => {
                self.allow();
                Course::Call(Vec::new(), Then::Reply(accepted()))
            }
            Method::Discover => Course::Answer(self.view(request, Era::Modern, cx)?.discover()),
            Method::ToolsList => self.list(List::Tools, request, message, cx)?,
            Method::PromptsList => self.list(List::Prompts, request, message, cx)?,
            Method::ResourcesList => self.list(List::Resources, request, message, cx)?,
            Method::TemplatesList => self.list(List::Templates, request, message, cx)?,
            Method::Listen => Course::Listen(self.wish(request, message, cx)),
            Method::ToolsCall
            | Method::ResourcesRead
            | Method::ResourcesSubscribe
            | Method::ResourcesUnsubscribe
            | Method::PromptsGet
            | Method::Complete
            | Method::TasksGet
            | Method::TasksResult
            | Method::TasksList
            | Method::TasksCancel
            | Method::TasksUpdate
            | Method::Progress
            | Method::Other => return Ok(None),
        };
        Ok(Some(course))
    }

    /// Where what is said about an entry goes, if it was said to the virtual server.
    pub(super) fn route(
        &self,
        request: &Request,
        entry: &Entry,
        message: &Message<'_>,
    ) -> Result<Option<Route>, Refusal> {
        let Place::Virtual(_) = request.place else {
            return Ok(None);
        };
        let server = self.policy.registry().server(&entry.server);
        let era = spoken(server.ok_or(Refusal::NotFound)?, message.era).unwrap_or(message.era);
        if era != message.era {
            let method = message.method.as_deref().unwrap_or_default();
            translate::check(message.operation, method, era)?;
        }
        let server = entry.server.clone();
        Ok(Some(Route { server, era }))
    }

    /// Answers a client's handshake, once every server that needs one has had it.
    fn greet(&self, request: &Request, message: &Message<'_>, cx: &Cx<'_>) -> Course {
        let asked = message.version.as_deref().unwrap_or_default();
        let known = LEGACY_VERSIONS.iter().find(|version| **version == asked);
        let version = known.copied().unwrap_or(NEWEST);
        let session = Session::new(message.params, version, declares_pages(message), cx.now);
        let sight = self.sight(request, cx);
        let servers = self.policy.registry().servers();
        let servers = servers
            .filter(|server| spoken(server, Era::Legacy) == Some(Era::Legacy))
            .filter(|server| sight.reaches(&server.id))
            .take(MAX_CALLS);
        let (servers, calls) = servers
            .map(|server| {
                let greeting = self.greeting(server, request, &session);
                (server.id.clone(), greeting)
            })
            .unzip();
        Course::Call(calls, Then::Greet { servers, session })
    }

    /// The same message to every server that the client has a session with. In the other era there
    /// is none to tell: a server's session is that of all who share it.
    fn tell_all(&self, request: &Request, message: Node<'_>, cx: &Cx<'_>) -> Vec<Callout> {
        if self.asker.era == Some(Era::Modern) {
            return Vec::new();
        }
        let body = message.raw().as_bytes();
        let said = |(server, backend)| {
            self.callout(server, request, Some(&backend), "POST", body.to_vec())
        };
        self.opened(request, cx).map(said).collect()
    }

    /// The servers that the client has a session with.
    fn opened<'a>(
        &'a self,
        request: &'a Request,
        cx: &'a Cx<'_>,
    ) -> impl Iterator<Item = (&'a Server, Backend)> {
        let servers = self.policy.registry().servers();
        let legacy = servers.filter(|server| spoken(server, Era::Legacy) == Some(Era::Legacy));
        legacy.filter_map(|server| Some((server, self.backend(request, &server.id, cx)?)))
    }

    /// Ends the session of a client, and those that were opened for it. Servers forget theirs for
    /// good; that the client's own has ended, this Envoy remembers for as long as it has room.
    pub(super) fn farewells(
        &mut self,
        request: &Request,
        client: Option<&Client>,
        cx: &Cx<'_>,
    ) -> Result<Vec<Callout>, Refusal> {
        let client = client.ok_or_else(|| no_session(request))?;
        self.allow();
        let kept = self
            .opened(request, cx)
            .filter(|(_, backend)| backend.id.is_some());
        let calls = kept
            .map(|(server, backend)| {
                self.callout(server, request, Some(&backend), "DELETE", Vec::new())
            })
            .collect();
        cache::end(&client.name, cx);
        Ok(calls)
    }

    /// Makes calls, and goes on once all are answered.
    pub(super) fn make(
        &mut self,
        callouts: Vec<Callout>,
        request: Box<Request>,
        then: Then,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        if callouts.is_empty() {
            return self.proceed(request, then, Vec::new(), cx);
        }
        let calls = Calls::new(callouts.len());
        self.state = State::Calling(Box::new(Calling {
            request,
            calls,
            then,
        }));
        Ok(Step::Call(callouts))
    }

    /// Takes what one server says.
    pub(super) fn called(
        &mut self,
        mut calling: Box<Calling>,
        at: usize,
        response: Option<&Response<'_>>,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        if !calling.calls.take(at, response) {
            self.state = State::Calling(calling);
            return Ok(Step::Hold);
        }
        let Calling {
            request,
            calls,
            then,
        } = *calling;
        self.proceed(request, then, calls.heard(), cx)
    }

    fn proceed(
        &mut self,
        request: Box<Request>,
        then: Then,
        heard: Vec<Option<Heard>>,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        match then {
            Then::Reply(reply) => Ok(Step::Reply(reply)),
            Then::Greet { servers, session } => {
                let reply = self.greeted(&request, servers, session, heard, cx)?;
                Ok(Step::Reply(reply))
            }
            Then::Open(errand) => self.open(request, errand, heard, cx),
        }
    }

    /// The answer to a handshake: the session, with those that were opened for it.
    fn greeted(
        &mut self,
        request: &Request,
        servers: Vec<String>,
        mut session: Session,
        heard: Vec<Option<Heard>>,
        cx: &Cx<'_>,
    ) -> Result<Reply, Refusal> {
        // A server that is away is greeted again when it is needed.
        let opened = servers.into_iter().zip(heard);
        let opened = opened.filter_map(|(id, heard)| Some((id, backend::read(&heard?)?)));
        session.backends = opened.collect();
        let request_id = self.record.request_id.as_deref().unwrap_or_default();
        let unique = format!("{request_id} {}", cx.now.0);
        let token = session.seal(&request.principal, &unique, cx);
        self.record.session_id = Some(session::name(&token));
        let view = self.view(request, Era::Legacy, cx)?;
        let result = view.initialize(&session.version);
        self.allow();
        let mut reply = self.result(&result);
        reply.headers.push((SESSION, token));
        Ok(reply)
    }

    /// Gives an answer of the gateway's own.
    pub(super) fn answer_itself(&mut self, result: &str) -> Step {
        self.allow();
        Step::Reply(self.result(result))
    }

    fn allow(&mut self) {
        self.record.allow(None);
        self.record.result = crate::record::Outcome::Ok;
    }

    fn result(&self, result: &str) -> Reply {
        let id = self.asker.id.as_deref().unwrap_or("null");
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        Reply {
            details: DETAILS.to_owned(),
            ..json_reply(200, body)
        }
    }
}

fn no_session(request: &Request) -> Refusal {
    Refusal::Session(match request.headers.has(SESSION) {
        true => SessionFault::Unknown,
        false => SessionFault::Missing,
    })
}

/// The era in which a server is spoken to on behalf of a client of `era`; `None`: it speaks no MCP.
const fn spoken(server: &Server, era: Era) -> Option<Era> {
    match server.protocol {
        Protocol::Auto => Some(era),
        Protocol::V2025_11_25 => Some(Era::Legacy),
        Protocol::V2026_07_28 => Some(Era::Modern),
        Protocol::Http => None,
    }
}

/// To a notification.
fn accepted() -> Reply {
    empty(202)
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: Vec::new(),
        details: DETAILS.to_owned(),
    }
}

const SESSION: &str = "mcp-session-id";
/// The version that is agreed on where the client wants one that is not known.
const NEWEST: &str = "2025-11-25";
const DETAILS: &str = "toolgate_virtual_server";
/// Servers that are greeted at once; others when they are needed.
const MAX_CALLS: usize = 32;

#[cfg(test)]
mod tests;
