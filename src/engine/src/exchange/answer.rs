//! The upstream's answer on its way back: passed as it comes, held and filtered, or filtered event
//! by event.

use crate::{
    cx::Cx,
    http::{Edits, HeaderEdit, Headers},
    record::{End, Listed, Outcome},
    refusal::{Refusal, UpstreamFault},
    response::{self, Form, Size, View},
    sse,
};

use super::{Exchange, Plan, State, Step, observed::Head, session};

impl Exchange {
    pub(super) fn response_head(
        &mut self,
        state: State,
        headers: &Headers,
        details: Option<&str>,
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let plan = match state {
            State::Forwarded(plan) => plan,
            // Our own answer, or Envoy's to a request that was not judged yet: that one never is.
            State::Start | State::Reading { .. } | State::Asking(_) | State::Replied => {
                return Ok(Step::Forward(Edits::default()));
            }
            other => {
                self.state = other;
                return Ok(Step::Forward(Edits::default()));
            }
        };
        let counted = self.answer_of_service(headers, details, cx)?;
        let text = |name: &str| headers.one(name).ok().flatten().unwrap_or_default();
        let status: u16 = text(":status").parse().unwrap_or_default();
        self.record.result = match status {
            0..400 => Outcome::Ok,
            400..500 => Outcome::ProtocolError,
            _ => Outcome::TransportError,
        };
        let media = text("content-type")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let form = match media {
            _ if media.eq_ignore_ascii_case("application/json") => Some(Form::Json),
            _ if media.eq_ignore_ascii_case("text/event-stream") => Some(Form::Stream),
            _ => None,
        };
        let encoded = !matches!(text("content-encoding"), "" | "identity");
        if let (Some(id), false) = (&self.asker.id, self.asker.one_way) {
            let head = Head {
                status,
                form,
                encoded,
            };
            self.observed.head(&head, id, cx.now);
            if end {
                self.observed.body(&[], true, cx.now);
            }
        }
        if status == 401 && !self.policy.identity().issuers.is_empty() {
            return Err(Refusal::Upstream(UpstreamFault::Unauthorized));
        }
        let mark = self.marked.then(|| session::mark(headers)).flatten();
        let mut marks: Vec<_> = mark.into_iter().chain(counted).collect();
        let view = match plan {
            Plan::Filter(view) if !end && (form.is_some() || status < 300) => view,
            Plan::Filter(_) | Plan::Pass => {
                self.state = State::Passing;
                return Ok(Step::Forward(Edits {
                    headers: marks,
                    ..Edits::default()
                }));
            }
        };
        if encoded {
            return Err(Refusal::Upstream(UpstreamFault::Encoded));
        }
        if form != Some(Form::Stream) {
            self.state = State::Buffering {
                view,
                body: Vec::new(),
                headers: marks,
            };
            return Ok(Step::Hold);
        }
        let decoder = sse::Decoder::new(self.policy.bounds().max_response_bytes);
        self.state = State::Streaming { view, decoder };
        marks.push(HeaderEdit::Remove("content-length".to_owned()));
        Ok(Step::Forward(Edits {
            headers: marks,
            ..Edits::default()
        }))
    }

    pub(super) fn response_body(
        &mut self,
        state: State,
        bytes: &[u8],
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        if !matches!(state, State::Replied) {
            self.observed.body(bytes, end, cx.now);
        }
        match state {
            State::Buffering {
                view,
                mut body,
                mut headers,
            } => {
                if body.len() + bytes.len() > self.policy.bounds().max_response_bytes {
                    return Err(Refusal::Upstream(UpstreamFault::TooLarge));
                }
                body.extend_from_slice(bytes);
                if !end {
                    self.state = State::Buffering {
                        view,
                        body,
                        headers,
                    };
                    return Ok(Step::Hold);
                }
                self.state = State::Passing;
                let body = self.filtered(&view, &body, cx)?;
                headers.extend(
                    body.as_ref()
                        .map(|body| HeaderEdit::Set("content-length", body.len().to_string())),
                );
                Ok(Step::Forward(Edits {
                    headers,
                    body,
                    ..Edits::default()
                }))
            }
            State::Streaming { view, mut decoder } => {
                let mut listed = self.record.listed.unwrap_or_default();
                let out = decoder.push(bytes, end, |data| {
                    if data.is_empty() {
                        return sse::Fate::Keep;
                    }
                    match response::filter(data, &view, &self.policy, cx.now, &mut listed) {
                        Ok(None) => sse::Fate::Keep,
                        Ok(Some(data)) => sse::Fate::Data(data),
                        Err(response::Unreadable) => self
                            .unreadable_event()
                            .map_or(sse::Fate::Drop, sse::Fate::Data),
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
                    body: Some(body),
                    ..Edits::default()
                }))
            }
            State::Broken => {
                self.state = State::Broken;
                Ok(Step::Forward(Edits {
                    body: Some(Vec::new()),
                    ..Edits::default()
                }))
            }
            other => {
                self.state = other;
                Ok(Step::Forward(Edits::default()))
            }
        }
    }

    /// No more comes of the answer: what became of the request is known as well as it will be.
    pub(super) fn observe_end(&mut self, end: &End, cx: &Cx<'_>) {
        let details = end.details.as_deref().unwrap_or_default();
        let gone = end.status.is_none() || details.contains(CLIENT_GONE);
        self.observed.close(gone, cx.now);
        self.record.result = match (self.record.result, self.observed.outcome) {
            (answered @ (Outcome::Denied | Outcome::DryRun), _) => answered,
            (_, Some(outcome)) => outcome,
            (_, None) if gone => Outcome::ClientAbort,
            (known, None) => known,
        };
        let Size { bytes, .. } = self.observed.size;
        if self.record.access.is_some() && bytes > 0 {
            self.record.result_bytes = Some(bytes);
            self.record.estimated_tokens = Some(self.observed.size.tokens());
        }
    }

    /// The answer's text as this caller may see it; `None` where it passes as it is.
    fn filtered(
        &mut self,
        view: &View,
        body: &[u8],
        cx: &Cx<'_>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
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
}

/// How Envoy says that the client went away first.
const CLIENT_GONE: &str = "downstream_remote_disconnect";
