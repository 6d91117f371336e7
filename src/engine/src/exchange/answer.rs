//! The upstream's answer on its way back: a body is held until it is whole, a stream flows event by
//! event; either way each message is governed by itself.

use crate::{
    cx::Cx,
    http::{Edits, HeaderEdit, Headers},
    ids::Purpose,
    record::{End, Outcome},
    refusal::{Refusal, UpstreamFault},
    response::{Size, Terms},
    rpc::{Era, Fault},
    sse, translate,
};

use super::{Exchange, State, Step, session};

/// How a body holds messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// It is one.
    Json,
    /// Each event is one.
    Stream,
}

impl Exchange {
    pub(super) fn response_head(
        &mut self,
        state: State,
        headers: &Headers,
        details: Option<&str>,
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let terms = match state {
            State::Forwarded(terms) => terms,
            // Our own answer, or Envoy's to a request that was not judged yet: that one never is.
            State::Start
            | State::Reading { .. }
            | State::Asking(_)
            | State::Calling(_)
            | State::Replied => {
                return Ok(Step::Forward(Edits::default()));
            }
            // Here nothing is merged: a client lives without.
            State::Merging(_) if is_envoys(details) => {
                let allow = "POST, DELETE";
                return Err(Refusal::Unreadable(Fault::HttpMethod { allow }));
            }
            other => {
                self.state = other;
                return Ok(Step::Forward(Edits::default()));
            }
        };
        let counted = self.answer_of_service(headers, details, cx)?;
        let lost = headers.one(":status").ok().flatten() == Some("404");
        if let Some(sent) = self.sent.take().filter(|_| lost) {
            return self.recover(terms, sent, cx);
        }
        // Envoy's own words are not the server's.
        let envoys = is_envoys(details);
        if !envoys && terms.template(&self.policy).is_some() {
            let counted = counted.into_iter().collect();
            return self.plain_head(terms, headers, counted, end, cx);
        }
        let text = |name: &str| headers.one(name).ok().flatten().unwrap_or_default();
        let status: u16 = text(":status").parse().unwrap_or_default();
        self.record.result = match status {
            0..400 => Outcome::Ok,
            400..500 => Outcome::ProtocolError,
            _ => Outcome::TransportError,
        };
        self.told.status(status, cx.now);
        if status == 401 && !self.policy.identity().issuers.is_empty() {
            return Err(Refusal::Upstream(UpstreamFault::Unauthorized));
        }
        let session = match terms.spoken {
            // A session of the server's own is nobody's business.
            Some(_) => Some(HeaderEdit::Remove(SESSION.to_owned())),
            None if self.marked => session::mark(headers),
            None => None,
        };
        let mut headers: Vec<_> = session.into_iter().chain(counted).collect();
        let waits = terms.asker.id.is_some();
        let form = form(text("content-type"));
        let fault = match (form, status) {
            _ if envoys || matches!(status, 300..400) => None,
            (_, 0..300) if end && waits => Some(UpstreamFault::Silent),
            _ if end => None,
            _ if !matches!(text("content-encoding"), "" | "identity") => {
                Some(UpstreamFault::Encoded)
            }
            (None, 400..) => Some(UpstreamFault::Page(status)),
            (None, _) if waits => Some(UpstreamFault::Unreadable),
            (Some(_) | None, _) => None,
        };
        if let Some(fault) = fault {
            return Err(Refusal::Upstream(fault));
        }
        if terms.crossed().is_some() && waits && form.is_some() && !envoys {
            let status = translate::status(status).to_string();
            headers.push(HeaderEdit::Set(":status".into(), status));
        }
        let step = match form.filter(|_| !end && !envoys) {
            None => {
                self.state = State::Passing;
                Step::Forward(Edits {
                    headers,
                    ..Edits::default()
                })
            }
            Some(Form::Json) => {
                self.state = State::Holding {
                    terms,
                    body: Vec::new(),
                    headers,
                    plain: None,
                };
                Step::Hold
            }
            Some(Form::Stream) => {
                let decoder = sse::Decoder::new(self.policy.bounds().max_response_bytes);
                self.state = State::Streaming { terms, decoder };
                headers.push(HeaderEdit::Remove("content-length".to_owned()));
                Step::Forward(Edits {
                    headers,
                    ..Edits::default()
                })
            }
        };
        Ok(step)
    }

    pub(super) fn response_body(
        &mut self,
        state: State,
        bytes: &[u8],
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        match state {
            State::Holding {
                terms,
                mut body,
                headers,
                plain,
            } => {
                if body.len() + bytes.len() > self.policy.bounds().max_response_bytes {
                    return Err(Refusal::Upstream(UpstreamFault::TooLarge));
                }
                body.extend_from_slice(bytes);
                if end {
                    let made = plain.map(|head| self.made(&terms, &head, &body));
                    return Ok(self.whole(&terms, body, made.transpose()?, headers, cx));
                }
                self.state = State::Holding {
                    terms,
                    body,
                    headers,
                    plain,
                };
                Ok(Step::Hold)
            }
            State::Streaming { terms, decoder } => {
                Ok(self.streamed(terms, decoder, bytes, end, cx))
            }
            State::Merging(live) => Ok(self.merged(live, bytes, end, cx)),
            State::Broken { room } => Ok(match room.checked_sub(bytes.len()) {
                Some(room) => {
                    self.state = State::Broken { room };
                    Step::Forward(Edits {
                        body: Some(Vec::new()),
                        ..Edits::default()
                    })
                }
                None => Step::Cut,
            }),
            // What a server has said that lost its session is not passed on.
            State::Calling(calling) => {
                self.state = State::Calling(calling);
                Ok(Step::Hold)
            }
            other => {
                self.state = other;
                Ok(Step::Forward(Edits::default()))
            }
        }
    }

    /// A body that is one message, or that one was made of.
    fn whole(
        &mut self,
        terms: &Terms,
        body: Vec<u8>,
        made: Option<Vec<u8>>,
        mut headers: Vec<HeaderEdit>,
        cx: &Cx<'_>,
    ) -> Step {
        let (told, policy) = (&mut self.told, &*self.policy);
        let silent = Refusal::Upstream(UpstreamFault::Silent);
        let body = made.clone().unwrap_or(body);
        let fate = match body.is_empty() {
            true => sse::Fate::Drop,
            false => terms.govern(body, told, policy, cx),
        };
        let body = match (terms.refuse(&silent, told, policy, cx), fate) {
            // What may come beside an answer is none.
            (Some(answer), _) => Some(answer),
            (None, sse::Fate::Keep) => made,
            (None, sse::Fate::Data(body)) => Some(body),
            (None, sse::Fate::Drop) => Some(Vec::new()),
        };
        let length = body.as_ref().map(|body| body.len().to_string());
        headers.extend(length.map(|length| HeaderEdit::Set("content-length".into(), length)));
        self.state = State::Passing;
        Step::Forward(Edits {
            headers,
            body,
            ..Edits::default()
        })
    }

    /// More of a stream.
    fn streamed(
        &mut self,
        terms: Box<Terms>,
        mut decoder: sse::Decoder,
        bytes: &[u8],
        end: bool,
        cx: &Cx<'_>,
    ) -> Step {
        let (told, policy) = (&mut self.told, &*self.policy);
        let ids = terms.ids(cx);
        let rename = |id: &str| ids.wrap(Purpose::Event, [&*terms.server, id]);
        let rename = terms.spoken.map(|_| &rename as sse::Rename<'_>);
        let mut body = decoder.push(bytes, end, rename, |data| match data.is_empty() {
            true => sse::Fate::Keep,
            false => terms.govern(data, told, policy, cx),
        });
        // Whoever had an event with an id may come back for the rest by another stream.
        let resumable = decoder.resumable() && terms.asker.era == Some(Era::Legacy);
        let fault = match decoder.too_long() {
            true => Some(UpstreamFault::TooLarge),
            false if end && !resumable => Some(UpstreamFault::Silent),
            false => None,
        };
        if fault.is_none() && end {
            told.postpone();
        }
        let refusal = fault.map(Refusal::Upstream);
        if let Some(answer) = refusal.and_then(|it| terms.refuse(&it, told, policy, cx)) {
            body.extend(sse::event(&answer));
        }
        self.state = match decoder.too_long() {
            true => State::Broken {
                room: policy.bounds().max_response_bytes,
            },
            false => State::Streaming { terms, decoder },
        };
        Step::Forward(Edits {
            body: Some(body),
            ..Edits::default()
        })
    }

    /// No more comes of the answer: what became of the request is known as well as it will be.
    pub(super) fn observe_end(&mut self, end: &End, cx: &Cx<'_>) {
        let details = end.details.as_deref().unwrap_or_default();
        let gone = end.status.is_none() || details.contains(CLIENT_GONE);
        let waited = self.asker.id.is_some() && !self.asker.one_way && self.forwarded.is_some();
        self.told.close(gone || !waited, cx.now);
        self.record.result = match (self.record.result, self.told.outcome) {
            (answered @ (Outcome::Denied | Outcome::DryRun), _) => answered,
            (_, Some(outcome)) => outcome,
            (_, None) if gone => Outcome::ClientAbort,
            (known, None) => known,
        };
        self.told.record(&mut self.record);
        let Size { bytes, .. } = self.told.size;
        if self.record.access.is_some() && bytes > 0 {
            self.record.result_bytes = Some(bytes);
            self.record.estimated_tokens = Some(self.told.size.tokens());
        }
    }
}

fn is_envoys(details: Option<&str>) -> bool {
    details.is_some_and(|details| details != OF_UPSTREAM)
}

fn form(content_type: &str) -> Option<Form> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    match media {
        _ if media.eq_ignore_ascii_case("application/json") => Some(Form::Json),
        _ if media.eq_ignore_ascii_case("text/event-stream") => Some(Form::Stream),
        _ => None,
    }
}

const SESSION: &str = "mcp-session-id";

/// How Envoy says that an answer is the server's.
const OF_UPSTREAM: &str = "via_upstream";

/// How Envoy says that the client went away first.
const CLIENT_GONE: &str = "downstream_remote_disconnect";
