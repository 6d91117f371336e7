//! One HTTP request and its response: the only module that knows the order of things.
//!
//! ```text
//! RequestHead ──► Reading ──RequestBody(end)──► judge ──► Forwarded ──ResponseHead──► Passing
//!      │                                          │                        │
//!      └──────────────► Replied ◄─────────────────┘            Buffering / Streaming (lists)
//! ```
//! While a transition runs the state is `Replied`: whatever goes wrong, nothing is forwarded.

use std::sync::Arc;

use crate::{
    call::Principal,
    cx::Cx,
    http::{Edits, HeaderEdit, Headers, Peer, Reply},
    identity,
    policy::Policy,
    record::{Closing, Decision, End, Listed, Outcome, Record},
    refusal::{Asker, Refusal, UpstreamFault},
    response::{self, View},
    rpc, sse,
};

mod judge;
mod metadata;

/// What Envoy tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// The request's head.
    RequestHead {
        /// Its headers, pseudo-headers included.
        headers: Headers,
        /// What the connection says about the caller.
        peer: Peer,
        /// There is no body.
        end: bool,
    },
    /// More of the request's body.
    RequestBody {
        /// Only the bytes that no earlier event held.
        bytes: &'a [u8],
        /// It is the end; trailers count as such.
        end: bool,
    },
    /// The response's head; also that of an answer that Envoy or Toolgate itself gave.
    ResponseHead {
        /// Its headers, pseudo-headers included.
        headers: Headers,
        /// There is no body.
        end: bool,
    },
    /// More of the response's body.
    ResponseBody {
        /// Only the bytes that no earlier event held.
        bytes: &'a [u8],
        /// It is the end; trailers count as such.
        end: bool,
    },
}

/// What Envoy must do.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Pass on what is held and what the event brought, edited.
    Forward(Edits),
    /// Keep what is held; more is needed.
    Hold,
    /// Answer the client instead.
    Reply(Reply),
}

/// One request and its response.
#[derive(Debug)]
pub struct Exchange {
    policy: Arc<Policy>,
    state: State,
    asker: Asker,
    record: Record,
}

#[derive(Debug)]
enum State {
    /// Nothing was seen.
    Start,
    /// The request's head is held until its body is judged.
    Reading {
        request: Box<Request>,
        body: Vec<u8>,
    },
    /// The request went on; its answer is awaited.
    Forwarded(Plan),
    /// A JSON answer is held until it is whole.
    Buffering { view: Box<View>, body: Vec<u8> },
    /// An event stream is rewritten as it flows.
    Streaming {
        view: Box<View>,
        decoder: sse::Decoder,
    },
    /// The answer needs no change.
    Passing,
    /// A stream broke its bounds: its rest is dropped.
    Broken,
    /// Toolgate, or Envoy, answered: that answer passes, the request never does.
    Replied,
}

/// What is known of a request before its body.
#[derive(Debug)]
struct Request {
    headers: Headers,
    principal: Principal,
    server: String,
}

/// What to do with the answer.
#[derive(Debug)]
enum Plan {
    /// It passes as it comes.
    Pass,
    /// It may list things: what this caller may not see is left out.
    Filter(Box<View>),
}

impl Exchange {
    /// An exchange under this policy: a later configuration does not touch it.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            state: State::Start,
            asker: Asker::default(),
            record: Record::default(),
        }
    }

    /// Takes one event and says what to do.
    pub fn on(&mut self, event: Event<'_>, cx: &Cx) -> Step {
        let state = std::mem::replace(&mut self.state, State::Replied);
        let step = match event {
            Event::RequestHead { headers, peer, end } => match state {
                State::Start => self.request_head(headers, &peer, end, cx),
                other => self.out_of_order(other),
            },
            Event::RequestBody { bytes, end } => match state {
                State::Reading { request, body } => {
                    self.request_body(request, body, bytes, end, cx)
                }
                other => self.out_of_order(other),
            },
            Event::ResponseHead { headers, end } => self.response_head(state, &headers, end),
            Event::ResponseBody { bytes, end } => self.response_body(state, bytes, end, cx),
        };
        step.unwrap_or_else(|refusal| self.refuse(&refusal))
    }

    /// Ends the exchange: its record and its metrics.
    #[must_use]
    pub fn close(mut self, end: End) -> Closing {
        if self.record.result == Outcome::Rejected {
            self.record.result = match (&self.state, end.status) {
                (State::Start | State::Reading { .. } | State::Forwarded(_), None) => {
                    Outcome::ClientAbort
                }
                _ => Outcome::Rejected,
            };
        }
        let aborted = end
            .details
            .as_deref()
            .is_some_and(|d| d.contains("downstream_remote_disconnect"));
        if aborted && self.record.result != Outcome::Denied {
            self.record.result = Outcome::ClientAbort;
        }
        self.record.close(end)
    }

    fn request_head(
        &mut self,
        headers: Headers,
        peer: &Peer,
        end: bool,
        cx: &Cx,
    ) -> Result<Step, Refusal> {
        let policy = Arc::clone(&self.policy);
        self.record = Record::open(&policy, &headers, cx.now);
        self.record.source.clone_from(&peer.address);
        self.asker.scope_in_band = policy.identity().scope_in_band();
        if let Some(reply) = metadata::serve(&policy, &headers) {
            self.record.decision = Decision::Allow;
            self.record.reason = "metadata";
            self.record.result = Outcome::Ok;
            return Ok(Step::Reply(reply));
        }
        let path = headers.one(":path").ok().flatten().unwrap_or_default();
        let path = path.split_once(['?', '#']).map_or(path, |(path, _)| path);
        let server = policy.registry().endpoint(path).ok_or(Refusal::NotFound)?;
        self.record.server = Some(server.id.clone());
        self.asker.resource_metadata = metadata::url(&policy, &headers, path);
        let identity = policy.identity();
        let once = identity::headers(identity);
        let max = policy.bounds().max_request_bytes as u64;
        let route = rpc::check_head(&headers, max, &once).map_err(Refusal::Unreadable)?;
        metadata::check_origin(&policy, &headers)?;
        let principal = identity::principal(identity, &headers, peer).map_err(|fault| {
            Refusal::Unauthenticated {
                sent: fault == identity::Fault::BadToken,
            }
        })?;
        self.record.caller(&principal);
        let request = Box::new(Request {
            headers,
            principal,
            server: server.id.clone(),
        });
        match (route, end) {
            (rpc::Route::Post, false) => {
                self.state = State::Reading {
                    request,
                    body: Vec::new(),
                };
                Ok(Step::Hold)
            }
            (rpc::Route::Post, true) => self.request_body(request, Vec::new(), &[], true, cx),
            (rpc::Route::Listen | rpc::Route::Delete, false) => {
                Err(Refusal::Unreadable(rpc::Fault::UnexpectedBody))
            }
            // A resumed stream may bring back any answer of the session, lists included.
            (rpc::Route::Listen, true) => Ok(self.admit(&request, true, Edits::default())),
            (rpc::Route::Delete, true) => Ok(self.admit(&request, false, Edits::default())),
        }
    }

    fn request_body(
        &mut self,
        request: Box<Request>,
        mut body: Vec<u8>,
        bytes: &[u8],
        end: bool,
        cx: &Cx,
    ) -> Result<Step, Refusal> {
        if body.len() + bytes.len() > self.policy.bounds().max_request_bytes {
            let limit = self.policy.bounds().max_request_bytes as u64;
            return Err(Refusal::Unreadable(rpc::Fault::TooLarge(limit)));
        }
        body.extend_from_slice(bytes);
        if !end {
            self.state = State::Reading { request, body };
            return Ok(Step::Hold);
        }
        let (filter, edits) = self.judge(&request, body, cx)?;
        Ok(self.admit(&request, filter, edits))
    }

    /// The only way on: everything that is forwarded comes through here, after the decision.
    fn admit(&mut self, request: &Request, filter: bool, mut edits: Edits) -> Step {
        self.record.decision = Decision::Allow;
        if self.record.reason == "incomplete" {
            self.record.reason = "allowed";
        }
        let mut headers = vec![
            // The agent's token is for this gateway: it never goes further (MCP, "Token passthrough").
            HeaderEdit::Remove("authorization".to_owned()),
        ];
        headers.extend(
            request
                .headers
                .iter()
                .filter(|(name, _)| name.starts_with("x-toolgate-"))
                .map(|(name, _)| HeaderEdit::Remove(name.to_owned())),
        );
        if let Some(server) = self.policy.registry().server(&request.server) {
            headers.push(HeaderEdit::Set(
                "x-toolgate-cluster",
                server.cluster.clone(),
            ));
            headers.push(HeaderEdit::Set(":path", server.path.clone()));
        }
        let plan = if filter {
            // A compressed list could not be filtered.
            headers.push(HeaderEdit::Remove("accept-encoding".to_owned()));
            Plan::Filter(Box::new(View {
                principal: request.principal.clone(),
                server: request.server.clone(),
                session: self.record.session_id.clone(),
            }))
        } else {
            Plan::Pass
        };
        if let Some(body) = &edits.body {
            headers.push(HeaderEdit::Set("content-length", body.len().to_string()));
        }
        headers.append(&mut edits.headers);
        edits.headers = headers;
        self.state = State::Forwarded(plan);
        Step::Forward(edits)
    }

    fn response_head(
        &mut self,
        state: State,
        headers: &Headers,
        end: bool,
    ) -> Result<Step, Refusal> {
        let plan = match state {
            State::Forwarded(plan) => plan,
            // Our own answer, or Envoy's to a request that was not judged yet: that one never is.
            State::Start | State::Reading { .. } | State::Replied => {
                return Ok(Step::Forward(Edits::default()));
            }
            other => {
                self.state = other;
                return Ok(Step::Forward(Edits::default()));
            }
        };
        let text = |name: &str| headers.one(name).ok().flatten().unwrap_or_default();
        let status: u16 = text(":status").parse().unwrap_or_default();
        self.record.result = match status {
            0..400 => Outcome::Ok,
            400..500 => Outcome::ProtocolError,
            _ => Outcome::TransportError,
        };
        if status == 401 && !self.policy.identity().issuers.is_empty() {
            return Err(Refusal::Upstream(UpstreamFault::Unauthorized));
        }
        let media = text("content-type")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let (json, stream) = (
            media.eq_ignore_ascii_case("application/json"),
            media.eq_ignore_ascii_case("text/event-stream"),
        );
        let view = match plan {
            Plan::Filter(view) if !end && (json || stream || status < 300) => view,
            Plan::Filter(_) | Plan::Pass => {
                self.state = State::Passing;
                return Ok(Step::Forward(Edits::default()));
            }
        };
        if !matches!(text("content-encoding"), "" | "identity") {
            return Err(Refusal::Upstream(UpstreamFault::Encoded));
        }
        if !stream {
            self.state = State::Buffering {
                view,
                body: Vec::new(),
            };
            return Ok(Step::Hold);
        }
        let decoder = sse::Decoder::new(self.policy.bounds().max_response_bytes);
        self.state = State::Streaming { view, decoder };
        Ok(Step::Forward(Edits {
            headers: vec![HeaderEdit::Remove("content-length".to_owned())],
            body: None,
        }))
    }

    fn response_body(
        &mut self,
        state: State,
        bytes: &[u8],
        end: bool,
        cx: &Cx,
    ) -> Result<Step, Refusal> {
        match state {
            State::Buffering { view, mut body } => {
                if body.len() + bytes.len() > self.policy.bounds().max_response_bytes {
                    return Err(Refusal::Upstream(UpstreamFault::TooLarge));
                }
                body.extend_from_slice(bytes);
                if !end {
                    self.state = State::Buffering { view, body };
                    return Ok(Step::Hold);
                }
                self.state = State::Passing;
                let body = self.filtered(&view, &body, cx)?;
                let headers = body
                    .as_ref()
                    .map(|body| HeaderEdit::Set("content-length", body.len().to_string()));
                Ok(Step::Forward(Edits {
                    headers: headers.into_iter().collect(),
                    body,
                }))
            }
            State::Streaming { view, mut decoder } => {
                let mut listed = self.record.listed.unwrap_or_default();
                let unreadable = self.unreadable_event();
                let out = decoder.push(bytes, end, |data| {
                    if data.is_empty() {
                        return sse::Fate::Keep;
                    }
                    match response::filter(data, &view, &self.policy, cx.now, &mut listed) {
                        Ok(None) => sse::Fate::Keep,
                        Ok(Some(data)) => sse::Fate::Data(data),
                        Err(response::Unreadable) => {
                            unreadable.clone().map_or(sse::Fate::Drop, sse::Fate::Data)
                        }
                    }
                });
                if listed != Listed::default() {
                    self.record.listed = Some(listed);
                }
                let body = match out {
                    Ok(body) => {
                        self.state = State::Streaming { view, decoder };
                        body
                    }
                    Err(sse::TooLong) => {
                        self.state = State::Broken;
                        self.too_long_event()
                    }
                };
                Ok(Step::Forward(Edits {
                    headers: Vec::new(),
                    body: Some(body),
                }))
            }
            State::Broken => {
                self.state = State::Broken;
                Ok(Step::Forward(Edits {
                    headers: Vec::new(),
                    body: Some(Vec::new()),
                }))
            }
            other => {
                self.state = other;
                Ok(Step::Forward(Edits::default()))
            }
        }
    }
}

impl Exchange {
    /// The answer's text as this caller may see it; `None` where it passes as it is.
    fn filtered(&mut self, view: &View, body: &[u8], cx: &Cx) -> Result<Option<Vec<u8>>, Refusal> {
        if body.is_empty() {
            return Ok(None);
        }
        let mut listed = Listed::default();
        let filtered = response::filter(body, view, &self.policy, cx.now, &mut listed)
            .map_err(|response::Unreadable| Refusal::Upstream(UpstreamFault::Unreadable));
        if listed != Listed::default() {
            self.record.listed = Some(listed);
        }
        filtered
    }

    /// What stands for an event that cannot be read: an answer, where somebody waits for one.
    fn unreadable_event(&self) -> Option<Vec<u8>> {
        self.asker.id.as_ref()?;
        Some(
            Refusal::Upstream(UpstreamFault::Unreadable)
                .reply(&self.asker, &self.policy)
                .body,
        )
    }

    /// The last event of a stream that broke its bounds.
    fn too_long_event(&mut self) -> Vec<u8> {
        let refusal = Refusal::Upstream(UpstreamFault::TooLarge);
        self.record.reason = refusal.reason();
        let mut event = b"data: ".to_vec();
        event.extend(refusal.reply(&self.asker, &self.policy).body);
        event.extend_from_slice(b"\n\n");
        event
    }

    fn refuse(&mut self, refusal: &Refusal) -> Step {
        self.state = State::Replied;
        self.record.refuse(refusal);
        Step::Reply(refusal.reply(&self.asker, &self.policy))
    }

    /// An event that the state does not expect: bytes of a request that was answered already.
    fn out_of_order(&mut self, state: State) -> Result<Step, Refusal> {
        self.state = state;
        Ok(Step::Hold)
    }
}
