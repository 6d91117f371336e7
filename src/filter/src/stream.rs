//! One stream: Envoy's callbacks become events, the engine's steps become host calls. Nothing is
//! decided here.

use std::{rc::Rc, sync::Arc};

use engine::{
    cx::{Cx, Timestamp},
    exchange::{Event, Exchange, Step},
    policy::Policy,
    record,
};
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};

use crate::host::{self, Metrics, Side};

/// A request and its response.
pub(crate) struct Stream {
    policy: Arc<Policy>,
    metrics: Rc<Metrics>,
    /// `None` until a request's head was seen: Envoy logs requests that never got here, too.
    exchange: Option<Exchange>,
    /// Bytes of the held body that the engine has: Envoy shows all that it holds each time.
    seen: usize,
    /// Time spent in callbacks, in nanoseconds.
    spent: u64,
}

impl Stream {
    pub(crate) const fn new(policy: Arc<Policy>, metrics: Rc<Metrics>) -> Self {
        Self {
            policy,
            metrics,
            exchange: None,
            seen: 0,
            spent: 0,
        }
    }

    /// Hands an event to the engine and does what it says.
    fn on(&mut self, side: Side, event: Event<'_>) -> Action {
        let start = host::now();
        let cx = cx(start);
        let step = match &mut self.exchange {
            Some(exchange) => exchange.on(event, &cx),
            // A response to a request that never came here: Envoy's own.
            None => return Action::Continue,
        };
        let action = match step {
            Step::Forward(edits) => {
                for edit in &edits.headers {
                    host::edit_header(side, edit);
                }
                if let Some(body) = &edits.body {
                    host::replace_body(side, body);
                }
                self.seen = 0;
                Action::Continue
            }
            Step::Hold => Action::Pause,
            Step::Reply(reply) => {
                host::reply(&reply);
                self.seen = 0;
                Action::Pause
            }
        };
        self.spent += host::now().saturating_sub(start);
        action
    }

    /// The bytes that came since the last look.
    fn news(&mut self, side: Side, size: usize) -> Vec<u8> {
        let bytes = if size > self.seen {
            host::body(side, self.seen, size)
        } else {
            Vec::new()
        };
        self.seen += bytes.len();
        bytes
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        self.exchange = Some(Exchange::new(Arc::clone(&self.policy)));
        let (headers, peer) = (host::headers(Side::Request), host::peer());
        self.on(Side::Request, Event::RequestHead { headers, peer, end })
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let bytes = self.news(Side::Request, size);
        self.on(Side::Request, Event::RequestBody { bytes: &bytes, end })
    }

    /// With trailers a body never says that it ends: they are its end.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.on(
            Side::Request,
            Event::RequestBody {
                bytes: &[],
                end: true,
            },
        )
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        self.seen = 0;
        let headers = host::headers(Side::Response);
        self.on(Side::Response, Event::ResponseHead { headers, end })
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let bytes = self.news(Side::Response, size);
        self.on(Side::Response, Event::ResponseBody { bytes: &bytes, end })
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.on(
            Side::Response,
            Event::ResponseBody {
                bytes: &[],
                end: true,
            },
        )
    }

    fn on_log(&mut self) {
        let end = host::end(self.spent);
        let closing = match self.exchange.take() {
            Some(exchange) => exchange.close(end),
            None => record::unseen(&self.policy, end, cx(host::now()).now),
        };
        host::leave_record(&closing.record);
        for metric in &closing.metrics {
            self.metrics.record(metric);
        }
    }
}

fn cx(now: u64) -> Cx {
    Cx {
        now: Timestamp(i64::try_from(now).unwrap_or(i64::MAX)),
    }
}
