//! What brings one server's part of a merged stream.
//!
//! The client's stream calls its servers through an internal listener of this Envoy, where this
//! filter sees what they say as it comes. All of it goes to the source; the call itself hears the
//! status, and has a body only where there is no stream.

use engine::{feed, http::Headers};
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};

use crate::host::{self, Direction};

/// One call.
pub(crate) struct Feed {
    id: u32,
    /// The client's stream that it belongs to, the server that it is from, and how long an event
    /// may be.
    to: Option<(u32, String, usize)>,
    /// What the server says, once it does.
    said: Option<feed::Feed>,
}

impl Feed {
    pub(crate) const fn new(id: u32) -> Self {
        Self {
            id,
            to: None,
            said: None,
        }
    }

    fn to(&self, headers: &Headers) -> Option<(u32, String, usize)> {
        let text = |name| headers.one(name).ok().flatten();
        let stream = text(STREAM)?.parse().ok()?;
        let most = super::join(stream, self.id)?;
        Some((stream, text(SERVER)?.to_owned(), most))
    }
}

impl Context for Feed {}

impl HttpContext for Feed {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let headers = host::headers(Direction::Request).map(Headers::new);
        self.to = headers.ok().and_then(|headers| self.to(&headers));
        let clean = [STREAM, SERVER]
            .into_iter()
            .try_for_each(|name| host::remove_header(Direction::Request, name));
        if self.to.is_none() || clean.is_err() {
            // The client is gone.
            let _ = host::reset(Direction::Request);
            return Action::Pause;
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        let headers = host::headers(Direction::Response).map(Headers::new);
        if let (Ok(headers), Some((_, server, most)), false) = (headers, &self.to, end)
            && feed::is_stream(&headers)
        {
            self.said = Some(feed::Feed::new(server, *most));
            // Else what is not passed on would be missed.
            let _ = host::remove_header(Direction::Response, "content-length");
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        let (Some(said), Some((stream, ..))) = (&mut self.said, &self.to) else {
            return Action::Continue;
        };
        let bytes = host::body(Direction::Response, 0, size).unwrap_or_default();
        let _ = host::set_body(Direction::Response, &[]);
        let events = said.push(&bytes);
        super::write(*stream, &events, self.id);
        if said.is_broken() {
            let _ = host::reset(Direction::Response);
        }
        Action::Continue
    }

    /// However it ended.
    fn on_log(&mut self) {
        let Some((stream, server, _)) = &self.to else {
            return;
        };
        super::leave(*stream, self.id);
        if self.said.is_some() {
            super::write(*stream, &feed::end(server), self.id);
        }
    }
}

/// The number of the client's stream.
pub(crate) const STREAM: &str = "x-toolgate-stream";
/// The id of the server.
const SERVER: &str = "x-toolgate-server";
