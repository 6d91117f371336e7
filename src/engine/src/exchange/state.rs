//! How far an exchange is, and what it knows by then.

use std::sync::Arc;

use crate::{
    breaker::Breaker,
    call::Principal,
    http::{Edits, HeaderEdit, Headers},
    json::{Doc, Splice, splice},
    policy::Permit,
    response::Terms,
    sse,
};

use super::{
    ask, limits,
    virtual_server::{Calling, Client, Live, Route},
};

#[derive(Debug)]
pub(super) enum State {
    /// Nothing was seen.
    Start,
    /// The request's head is held until its body is judged.
    Reading {
        request: Box<Request>,
        body: Vec<u8>,
    },
    /// An approval is asked for.
    Asking(Box<ask::Asking>),
    /// Servers are spoken to on behalf of the request.
    Calling(Box<Calling>),
    /// The request went on; its answer is awaited.
    Forwarded(Box<Terms>),
    /// A JSON answer is held until it is whole.
    Holding {
        terms: Box<Terms>,
        body: Vec<u8>,
        /// What changes in its head.
        headers: Vec<HeaderEdit>,
        /// Its head, where it is in plain HTTP: a message is made of it.
        plain: Option<Headers>,
    },
    /// An event stream is governed as it flows.
    Streaming {
        terms: Box<Terms>,
        decoder: sse::Decoder,
    },
    /// What several servers say is governed as it flows.
    Merging(Box<Live>),
    /// What is left of the answer needs no look.
    Passing,
    /// A stream broke its bounds: its rest is dropped, and after so many bytes cut off.
    Broken { room: usize },
    /// Toolgate, or Envoy, answered: that answer passes, the request never does.
    Replied,
}

/// What is known of a request before its body.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) headers: Headers,
    pub(super) principal: Principal,
    pub(super) place: Place,
}

/// What a request was sent to.
#[derive(Debug)]
pub(super) enum Place {
    /// The server of this id.
    Server(String),
    /// All servers as one; in a session, where the client has one.
    Virtual(Option<Client>),
}

impl Place {
    /// The server, where it is one.
    pub(super) fn server(&self) -> Option<&str> {
        match self {
            Self::Server(id) => Some(id),
            Self::Virtual(_) => None,
        }
    }

    /// Whether a server is reached here.
    pub(super) fn reaches(&self, server: &str) -> bool {
        self.server().is_none_or(|own| own == server)
    }
}

/// What a request may pass with.
#[derive(Debug)]
pub(super) struct Passage {
    /// The proof that it may.
    pub(super) permit: Permit,
    /// Where it goes, if that is not where it was sent to.
    pub(super) route: Option<Route>,
    /// What else has to let it pass.
    pub(super) breakers: Vec<Arc<Breaker>>,
    /// What it counts for.
    pub(super) uses: Vec<limits::Use>,
    /// What changes in its body,
    pub(super) splices: Vec<Splice>,
    /// and in it.
    pub(super) edits: Edits,
}

impl Passage {
    /// A passage without changes.
    pub(super) fn new(permit: Permit) -> Self {
        Self {
            permit,
            route: None,
            breakers: Vec::new(),
            uses: Vec::new(),
            splices: Vec::new(),
            edits: Edits::default(),
        }
    }

    /// Writes the body of `doc` as it has to be, where that is another one.
    pub(super) fn write(&mut self, doc: &Doc, is_other: bool) {
        let splices = std::mem::take(&mut self.splices);
        // What may have to be said again is kept.
        if is_other || self.route.is_some() || !splices.is_empty() {
            self.edits.body = Some(splice(doc.bytes(), splices));
        }
    }
}
