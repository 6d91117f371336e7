//! One HTTP stream: Envoy's callbacks become events, steps become calls to the host.
//!
//! What this module does not do: read or decide anything. It knows how Envoy hands out bodies:
//! after `Pause` the next callback offers everything held so far, after `Continue` only what is
//! new; and a stream that has trailers ends with them, not with its body.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    approval::MAX_ANSWER,
    cx::Cx,
    exchange::{Event, Exchange, Step},
    http::{Callout, Edits, HeaderEdit, Headers, Reply, Response},
    record::{self, Closing, End, MetricKind},
};
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};

use crate::{
    Live,
    host::{self, Clock, Direction, Level, Refused, Shared, metric},
    merge,
};
use facts::{attempts, number, peer, text};

mod facts;
mod merged;

/// One request and its response.
pub(crate) struct Stream {
    id: u32,
    /// The plugin that it goes through.
    plugin: u32,
    /// What several servers say is merged into it.
    merged: bool,
    /// Absent where no configuration was good: then nothing passes.
    live: Option<Live>,
    /// Absent until the request's head arrives: what the codec or an earlier filter answered never
    /// gets here.
    exchange: Option<Exchange>,
    request: Progress,
    response: Progress,
    /// The calls that are under way: by Envoy's number, the place of each among those made together.
    calls: BTreeMap<u32, usize>,
    /// What waits for them.
    calling: Direction,
    clock: Clock,
    /// Bytes of the request's body that arrived: Envoy's own number is what its head announces, as
    /// edited.
    received: usize,
    /// Time spent in callbacks, in nanoseconds.
    spent: u64,
}

/// How far one direction is.
#[derive(Default)]
struct Progress {
    /// Bytes of the body that the host holds.
    held: usize,
    /// How many of these the engine has seen.
    seen: usize,
    /// The engine said that it needs more.
    waiting: bool,
    /// It was answered, or cut off: nothing of it moves any more.
    over: bool,
}

/// What a callback brings.
enum Part<'a> {
    Head {
        headers: Headers,
        end: bool,
    },
    Body {
        bytes: &'a [u8],
        end: bool,
    },
    /// The answer to a call; `None`: there is none.
    Called {
        at: usize,
        response: Option<Response<'a>>,
    },
}

impl Stream {
    /// A stream that stays under this policy, whatever is configured later.
    pub(crate) fn new(id: u32, plugin: u32, live: Option<Live>) -> Self {
        Self {
            id,
            plugin,
            merged: false,
            live,
            exchange: None,
            request: Progress::default(),
            response: Progress::default(),
            calls: BTreeMap::new(),
            calling: Direction::Request,
            clock: Clock::start(),
            received: 0,
            spent: 0,
        }
    }

    /// `size` is what the host holds now.
    ///
    /// An engine that waits gets the body in one piece: until then the host alone keeps it. Else
    /// some hundred slow senders would fill the memory that all streams of a worker share.
    fn body(&mut self, direction: Direction, size: usize, end: bool) -> Action {
        if direction == Direction::Request {
            self.received = size;
        }
        let bound = self.bound(direction);
        let progress = self.progress(direction);
        progress.held = size;
        if progress.waiting && !end && size <= bound {
            return Action::Pause;
        }
        self.news(direction, end)
    }

    /// Trailers end a body, which then never says so itself.
    fn trailers(&mut self, direction: Direction) -> Action {
        self.news(direction, true)
    }

    /// Gives the engine what it has not seen of the body.
    fn news(&mut self, direction: Direction, end: bool) -> Action {
        let Progress { held, seen, .. } = *self.progress(direction);
        let bytes = match held.saturating_sub(seen) {
            0 => Ok(Vec::new()),
            new => host::body(direction, seen, new),
        };
        match bytes {
            Ok(bytes) => self.drive(direction, Part::Body { bytes: &bytes, end }),
            Err(refused) => self.fail(direction, "body", refused),
        }
    }

    /// Gives the engine an event and does what it says.
    fn drive(&mut self, direction: Direction, part: Part<'_>) -> Action {
        let started = self.clock.elapsed();
        let cx = self.cx();
        if self.progress(direction).over {
            return Action::Pause;
        }
        let (Some(exchange), Some(cx)) = (&mut self.exchange, cx) else {
            // The answer of an earlier filter, or of the codec, to what never got here.
            return Action::Continue;
        };
        let mut step = exchange.on(event(direction, part), &cx);
        while let Step::Call(callouts) = step {
            step = self.call(direction, &callouts, &cx);
        }
        let progress = self.progress(direction);
        let action = match step {
            Step::Hold | Step::Call(_) => {
                progress.seen = progress.held;
                progress.waiting = true;
                Action::Pause
            }
            Step::Forward(edits) => {
                let held = std::mem::take(progress).held;
                match self.pass(direction, edits, held) {
                    Ok(()) => Action::Continue,
                    Err(refused) => self.fail(direction, "edit", refused),
                }
            }
            Step::Reply(reply) => self.answer(direction, &reply),
            Step::Cut => self.cut(direction),
        };
        self.spent = self
            .spent
            .saturating_add(self.clock.elapsed().saturating_sub(started));
        action
    }

    /// Makes calls that run at the same time; says what comes next where none of them can be waited
    /// for.
    fn call(&mut self, direction: Direction, callouts: &[Callout], cx: &Cx<'_>) -> Step {
        self.calling = direction;
        let mut next = Step::Hold;
        for (at, callout) in callouts.iter().enumerate() {
            match host::call(callout) {
                Ok(number) => {
                    self.calls.insert(number, at);
                }
                Err(Refused(status)) => {
                    let cluster = &callout.cluster;
                    let line = format!("call to cluster {cluster}: refused with status {status}");
                    host::log(Level::Error, &line);
                    if let Some(exchange) = &mut self.exchange {
                        next = exchange.on(Event::Called { at, response: None }, cx);
                    }
                }
            }
        }
        next
    }

    fn answer(&mut self, direction: Direction, reply: &Reply) -> Action {
        self.progress(direction).over = true;
        let headers = reply
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        if let Err(refused) = host::reply(reply.status, &reply.details, headers, &reply.body) {
            return self.fail(direction, "reply", refused);
        }
        Action::Pause
    }

    fn cut(&mut self, direction: Direction) -> Action {
        self.progress(direction).over = true;
        if let Err(Refused(status)) = host::reset(direction) {
            let line = format!("{direction:?} reset: refused with status {status}");
            host::log(Level::Error, &line);
        }
        Action::Pause
    }

    /// The host would not do what must be done: nothing passes.
    fn fail(&mut self, direction: Direction, what: &str, Refused(status): Refused) -> Action {
        self.progress(direction).over = true;
        host::log(
            Level::Error,
            &format!("{direction:?} {what}: refused with status {status}"),
        );
        let nothing = std::iter::empty();
        match host::reply(500, "toolgate_host_fault", nothing, &[]) {
            Ok(()) => Action::Pause,
            Err(_) => self.cut(direction),
        }
    }

    fn cx(&self) -> Option<Cx<'static>> {
        let live = self.live.as_ref()?;
        Some(Cx {
            now: self.clock.now(),
            store: &Shared,
            owner: live.owner,
            seal: live.seal,
        })
    }

    /// What Envoy knows at the end.
    fn end(&self) -> End {
        let details = text(&["response", "code_details"]);
        // Two calls that a whole answer makes superfluous.
        let attempts = match details.as_deref() {
            Some(WHOLE_ANSWER) => None,
            Some(_) | None => attempts(),
        };
        End {
            status: number(&["response", "code"]).and_then(|code| u16::try_from(code).ok()),
            details,
            attempts,
            duration_ns: number(&["request", "duration"]),
            upstream_cluster: text(&["xds", "cluster_name"]).filter(|name| !name.is_empty()),
            bytes_in: u64::try_from(self.received).ok(),
            bytes_out: number(&["response", "size"]),
            filter_ns: self.spent,
        }
    }

    /// The largest body that the engine takes.
    fn bound(&self, direction: Direction) -> usize {
        let Some(exchange) = &self.exchange else {
            return 0;
        };
        match direction {
            Direction::Request => exchange.bounds().max_request_bytes,
            Direction::Response => exchange.bounds().max_response_bytes,
        }
    }

    const fn progress(&mut self, direction: Direction) -> &mut Progress {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, number: u32, headers: usize, size: usize, _: usize) {
        let Some(at) = self.calls.remove(&number) else {
            return;
        };
        // Without headers there was no answer, or not a whole one.
        let pairs = (headers > 0).then(host::called_headers);
        let most = self.bound(Direction::Response).max(MAX_ANSWER) + 1;
        let body = host::called_body(size.min(most)).unwrap_or_default();
        let response = pairs.and_then(Result::ok).map(|pairs| Response {
            headers: Headers::new(pairs),
            body: &body,
        });
        let direction = self.calling;
        if let Action::Continue = self.drive(direction, Part::Called { at, response })
            && let Err(refused) = host::resume(direction)
        {
            self.fail(direction, "resume", refused);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        let Some(Live { gateway, .. }) = &self.live else {
            return self.fail(Direction::Request, "policy", Refused(0));
        };
        let headers = match host::headers(Direction::Request) {
            Ok(pairs) => Headers::new(pairs),
            Err(refused) => return self.fail(Direction::Request, "headers", refused),
        };
        self.exchange = Some(Exchange::new(Arc::clone(gateway.policy(&headers))));
        self.drive(Direction::Request, Part::Head { headers, end })
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.body(Direction::Request, size, end)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.trailers(Direction::Request)
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        let direction = Direction::Response;
        match host::headers(direction) {
            Ok(pairs) => {
                let headers = Headers::new(pairs);
                self.drive(direction, Part::Head { headers, end })
            }
            Err(refused) => self.fail(direction, "headers", refused),
        }
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.renew(size);
        self.body(Direction::Response, size, end)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.trailers(Direction::Response)
    }

    /// Runs once, before Envoy formats its access log.
    fn on_log(&mut self) {
        if self.merged {
            merge::close(self.id);
        }
        let end = self.end();
        let (Some(Live { gateway, .. }), Some(cx)) = (&self.live, self.cx()) else {
            return;
        };
        let closing = match self.exchange.take() {
            Some(exchange) => exchange.close(end, &cx),
            None => record::unseen(gateway.unseen(), end, cx.now),
        };
        let Closing {
            record,
            metrics,
            state,
        } = closing;
        let state = state
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()));
        for (name, value) in [("toolgate", &*record)].into_iter().chain(state) {
            if let Err(Refused(status)) = host::set_property(name, value) {
                let line = format!("filter state {name}: refused with status {status}");
                host::log(Level::Error, &line);
            }
        }
        for metric in metrics {
            let kind = match metric.kind {
                MetricKind::Counter => metric::Kind::Counter,
                MetricKind::Gauge => metric::Kind::Gauge,
                MetricKind::Histogram => metric::Kind::Histogram,
            };
            if let Err(Refused(status)) = metric::record(kind, &metric.name, metric.value) {
                host::log(
                    Level::Error,
                    &format!("metric: refused with status {status}"),
                );
            }
        }
    }
}

fn event(direction: Direction, part: Part<'_>) -> Event<'_> {
    match (direction, part) {
        (Direction::Request, Part::Head { headers, end }) => Event::RequestHead {
            headers,
            peer: peer(),
            end,
        },
        (_, Part::Called { at, response }) => Event::Called { at, response },
        (Direction::Request, Part::Body { bytes, end }) => Event::RequestBody { bytes, end },
        (Direction::Response, Part::Head { headers, end }) => Event::ResponseHead {
            headers,
            details: text(&["response", "code_details"]),
            end,
        },
        (Direction::Response, Part::Body { bytes, end }) => Event::ResponseBody { bytes, end },
    }
}

/// `held` is what the host holds of the body. At trailers that follow no pause it holds none, and
/// has no place for any.
fn apply(direction: Direction, edits: &Edits, held: usize) -> Result<(), Refused> {
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Set(name, value) => host::set_header(direction, name, value)?,
            HeaderEdit::Remove(name) => host::remove_header(direction, name)?,
        }
    }
    for (name, value) in &edits.state {
        host::set_property(name, value.as_bytes())?;
    }
    match &edits.body {
        Some(body) if held > 0 || !body.is_empty() => host::set_body(direction, body),
        Some(_) | None => Ok(()),
    }
}

/// Envoy's details of an answer that came whole from a server.
const WHOLE_ANSWER: &str = "via_upstream";
