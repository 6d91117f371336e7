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

use super::{ask, limits};

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
    /// The request went on; its answer is awaited.
    Forwarded(Box<Terms>),
    /// A JSON answer is held until it is whole.
    Holding {
        terms: Box<Terms>,
        body: Vec<u8>,
        /// What changes in its head.
        headers: Vec<HeaderEdit>,
    },
    /// An event stream is governed as it flows.
    Streaming {
        terms: Box<Terms>,
        decoder: sse::Decoder,
    },
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
    pub(super) server: String,
}

/// What a request may pass with.
#[derive(Debug)]
pub(super) struct Passage {
    /// The proof that it may.
    pub(super) permit: Permit,
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
            breakers: Vec::new(),
            uses: Vec::new(),
            splices: Vec::new(),
            edits: Edits::default(),
        }
    }

    /// Writes the body of `doc` as it has to be, where that is another one.
    pub(super) fn write(&mut self, doc: &Doc, is_other: bool) {
        let splices = std::mem::take(&mut self.splices);
        if is_other || !splices.is_empty() {
            self.edits.body = Some(splice(doc.bytes(), splices));
        }
    }
}
