//! One HTTP request and its response: the only module that knows the order of things.
//!
//! ```text
//! RequestHead ──► Reading ──RequestBody(end)──► judge ──► Forwarded ──ResponseHead──► Passing
//!      │                                          │                        │
//!      │                                          ├── Asking ──Answer──┘   │
//!      └──────────────► Replied ◄─────────────────┴──────┘     Holding / Streaming
//! ```
//! While a transition runs the state is `Replied`: whatever goes wrong, nothing is forwarded.

use std::sync::Arc;

use crate::{
    config::Bounds,
    cx::{Cx, Timestamp},
    http::{Callout, Edits, Headers, Peer, Reply, Response},
    identity,
    policy::Policy,
    record::{Closing, Decision, End, Outcome, Record},
    refusal::{Asker, Refusal},
    registry::Endpoint,
    response::{Terms, Told},
    rpc,
    seal::Seal,
    tenancy::Tenancy,
};

pub use global::Asked;
use judge::{Course, Judged};
use state::{Passage, Place, Request, State};
use virtual_server::{Sent, Then, Wish};

mod admit;
mod answer;
mod ask;
mod breakers;
mod calls;
mod dry_run;
mod enforce;
mod global;
mod judge;
mod limits;
mod metadata;
mod plain;
mod redact;
mod rename;
mod round;
mod session;
mod state;
mod task;
mod tenant;
mod tries;
mod virtual_server;

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
    /// What one of those says who were called.
    Called {
        /// Its place among them.
        at: usize,
        /// `None`: it could not be reached, or did not answer in time.
        response: Option<Response<'a>>,
    },
    /// The response's head; also that of an answer that Envoy or Toolgate itself gave.
    ResponseHead {
        /// Its headers, pseudo-headers included.
        headers: Headers,
        /// Envoy's `%RESPONSE_CODE_DETAILS%`: who gave the answer.
        details: Option<String>,
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
    /// Keep what is held, and call these, all at once: their answers are the next events, in any
    /// order.
    Call(Vec<Callout>),
    /// Answer the client instead.
    Reply(Reply),
    /// End the stream at once: what it carries never ends.
    Cut,
}

/// One request and its response.
#[derive(Debug)]
pub struct Exchange {
    policy: Arc<Policy>,
    /// The seal of the policy's tenant, from the first event on.
    seal: Option<Seal>,
    state: State,
    asker: Asker,
    /// The client can send its user to a page, and its session id says so.
    marked: bool,
    /// What its answer will be held to, as far as is known.
    terms: Terms,
    /// What was seen of its answer.
    told: Told,
    /// The breakers that it has passed.
    passed: Vec<breakers::Passed>,
    /// What went to its server in a session that may be lost by now.
    sent: Option<Sent>,
    /// When it went on to its server.
    forwarded: Option<Timestamp>,
    /// What it has taken of its limits.
    held: limits::Held,
    /// What the rate-limit service is asked about it.
    asked: Vec<limits::Use>,
    asked_at: Timestamp,
    record: Record,
}

impl Exchange {
    /// An exchange under this policy: a later configuration does not touch it.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            seal: None,
            state: State::Start,
            asker: Asker::default(),
            marked: false,
            terms: Terms::default(),
            told: Told::default(),
            passed: Vec::new(),
            sent: None,
            forwarded: None,
            held: limits::Held::default(),
            asked: Vec::new(),
            asked_at: Timestamp(0),
            record: Record::default(),
        }
    }

    /// Sizes that are not exceeded.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        self.policy.bounds()
    }

    /// Takes one event and says what to do.
    pub fn on(&mut self, event: Event<'_>, cx: &Cx<'_>) -> Step {
        self.within(cx, |exchange, cx| exchange.step(event, cx))
    }

    /// Ends the exchange: its record and its metrics.
    #[must_use]
    pub fn close(mut self, end: End, cx: &Cx<'_>) -> Closing {
        self.within(cx, |exchange, cx| exchange.end(end, cx))
    }

    fn step(&mut self, event: Event<'_>, cx: &Cx<'_>) -> Step {
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
            Event::Called { at, response } => match state {
                State::Asking(asking) => self.approved(*asking, response.as_ref(), cx),
                State::Calling(calling) => self.called(calling, at, response.as_ref(), cx),
                other => self.out_of_order(other),
            },
            Event::ResponseHead {
                headers,
                details,
                end,
            } => self.response_head(state, &headers, details.as_deref(), end, cx),
            Event::ResponseBody { bytes, end } => self.response_body(state, bytes, end, cx),
        };
        step.unwrap_or_else(|refusal| self.refuse(&refusal, cx.now))
    }

    fn end(&mut self, end: End, cx: &Cx<'_>) -> Closing {
        self.observe_end(&end, cx);
        self.report(&end, cx);
        let reached = self.settle(&end, cx);
        let state = self.owed(reached, cx.now);
        let record = std::mem::take(&mut self.record);
        let closing = record.close(end, &self.policy);
        Closing { state, ..closing }
    }

    fn request_head(
        &mut self,
        headers: Headers,
        peer: &Peer,
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let policy = Arc::clone(&self.policy);
        self.record = Record::open(&policy, &headers, cx.now);
        if let Some(session) = &mut self.record.session_id {
            let (own, marked) = session::split(session);
            (*session, self.marked) = (own.to_owned(), marked);
        }
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
        let endpoint = policy.endpoint(path).ok_or(Refusal::NotFound)?;
        if let Endpoint::Server(server) = endpoint {
            self.record.server = Some(server.id.clone());
        }
        self.asker.resource_metadata = metadata::url(&policy, &headers, path);
        let identity = policy.identity();
        let once = identity::headers(identity);
        let max = policy.bounds().max_request_bytes as u64;
        let route = rpc::check_head(&headers, max, &once).map_err(Refusal::Unreadable)?;
        metadata::check_origin(&policy, &headers)?;
        let tenant = policy.tenancy().map(Tenancy::id);
        let principal = identity::principal(identity, tenant, &headers, peer)
            .map_err(Refusal::Unauthenticated)?;
        self.record.caller(&principal);
        let place = match endpoint {
            Endpoint::Server(server) => Place::Server(server.id.clone()),
            Endpoint::Virtual(_) => Place::Virtual(self.client(&headers, &principal, cx)),
        };
        let request = Box::new(Request {
            headers,
            principal,
            place,
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
            (rpc::Route::Listen, true) => self.listen(request, cx),
            (rpc::Route::Delete, true) => self.end_session(request, cx),
        }
    }

    fn request_body(
        &mut self,
        request: Box<Request>,
        mut body: Vec<u8>,
        bytes: &[u8],
        end: bool,
        cx: &Cx<'_>,
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
        match self.judge(&request, body, cx)? {
            Course::Answer(result) => Ok(self.answer_itself(&result)),
            Course::Call(calls, then) => self.make(calls, request, then, cx),
            Course::Listen(wish) => self.merge(&request, wish, cx),
            Course::Onward(Judged::Pass(mut passage)) => {
                self.take(&mut passage, cx)?;
                self.admit(request, *passage, cx)
            }
            Course::Onward(Judged::Ask(mut question)) => {
                self.take(&mut question.passage, cx)?;
                self.ask(request, *question, cx)
            }
        }
    }

    /// Opens the stream on which a server speaks without being asked.
    fn listen(&mut self, request: Box<Request>, cx: &Cx<'_>) -> Result<Step, Refusal> {
        let policy = Arc::clone(&self.policy);
        let mut passage = Passage::new(policy.plumbing());
        let server = match &request.place {
            Place::Server(server) => server,
            Place::Virtual(client) => {
                let resumed = self.resumed(&request, client.as_ref(), cx)?;
                let Some((route, last)) = resumed else {
                    return self.merge(&request, Wish::Session, cx);
                };
                passage.edits.headers.push(last);
                &passage.route.insert(route).server
            }
        };
        // A stream that is resumed may bring the answer to any call.
        let redactions = policy.redactions_at(server, &request.principal);
        self.terms.redactions = Arc::new(redactions);
        self.admit(request, passage, cx)
    }

    /// Ends a legacy session.
    fn end_session(&mut self, request: Box<Request>, cx: &Cx<'_>) -> Result<Step, Refusal> {
        match &request.place {
            Place::Server(_) => {
                let passage = Passage::new(self.policy.plumbing());
                self.admit(request, passage, cx)
            }
            Place::Virtual(client) => {
                let calls = self.farewells(&request, client.as_ref(), cx)?;
                let reply = virtual_server::empty(204);
                self.make(calls, request, Then::Reply(reply), cx)
            }
        }
    }

    fn refuse(&mut self, refusal: &Refusal, now: Timestamp) -> Step {
        self.state = State::Replied;
        match refusal {
            // What was decided about the request stays decided.
            Refusal::Upstream(_) | Refusal::Result(_) => self.told.refused(refusal, now),
            _ => self.record.refuse(refusal),
        }
        Step::Reply(refusal.reply(&self.asker, &self.policy))
    }

    /// An event that the state does not expect: bytes of a request that was answered already.
    fn out_of_order(&mut self, state: State) -> Result<Step, Refusal> {
        self.state = state;
        Ok(Step::Hold)
    }
}

#[cfg(test)]
mod tests;
