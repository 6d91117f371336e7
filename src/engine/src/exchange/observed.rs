//! What is seen of an answer while it passes. Nothing here holds or changes a byte of it.

use std::mem;

use crate::{
    cx::Timestamp,
    record::Outcome,
    response::{Form, Reading, Size},
};

/// What was seen of the answer to a request.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What came of it; `None`: that is not known.
    pub(super) outcome: Option<Outcome>,
    /// It failed by what was asked: others may well succeed.
    pub(super) callers_fault: bool,
    /// How large its `result` or `error` is; where it is compressed, its body.
    pub(super) size: Size,
    /// When the outcome was known.
    pub(super) at: Option<Timestamp>,
    body: Body,
}

/// The body of an answer.
#[derive(Debug, Default)]
enum Body {
    /// There is no more to know.
    #[default]
    Known,
    Read(Box<Reading>),
    /// It is compressed.
    Weighed,
}

/// The head of an answer.
pub(super) struct Head {
    pub(super) status: u16,
    /// Absent where the body can hold no message.
    pub(super) form: Option<Form>,
    /// The body is compressed.
    pub(super) encoded: bool,
}

impl Observed {
    /// The head of the answer to the request with this id, as it was written.
    pub(super) fn head(&mut self, head: &Head, id: &str, now: Timestamp) {
        self.body = match head.form {
            _ if head.status >= 500 => Body::Known,
            _ if head.encoded => Body::Weighed,
            Some(form) => Body::Read(Box::new(Reading::new(id, form))),
            None => Body::Known,
        };
        self.callers_fault = is_callers_status(head.status);
        self.known(
            now,
            match head.status {
                500.. => Some(Outcome::TransportError),
                400.. => Some(Outcome::ProtocolError),
                300.. => None,
                _ if head.encoded || head.form.is_some() => None,
                _ => Some(Outcome::ProtocolError),
            },
        );
    }

    /// More of its body.
    pub(super) fn body(&mut self, bytes: &[u8], end: bool, now: Timestamp) {
        match &mut self.body {
            Body::Known => {}
            Body::Weighed => self.size.bytes += bytes.len() as u64,
            Body::Read(reading) => {
                let outcome = reading.push(bytes, end);
                self.size = reading.size();
                if end || outcome.is_some() {
                    self.callers_fault |= reading.code().is_some_and(is_callers_code);
                    self.body = Body::Known;
                    self.known(now, outcome);
                }
            }
        }
    }

    /// No more comes of it, because the client has `gone` or for another reason.
    pub(super) fn close(&mut self, gone: bool, now: Timestamp) {
        if let (Body::Read(_), false) = (mem::take(&mut self.body), gone) {
            self.known(now, Some(Outcome::TransportError));
        }
    }

    /// What the status says counts for more than what the body says.
    fn known(&mut self, now: Timestamp, outcome: Option<Outcome>) {
        if let (None, Some(outcome)) = (self.outcome, outcome) {
            (self.outcome, self.at) = (Some(outcome), Some(now));
        }
    }
}

/// Whether an HTTP status blames the request. The others of 400 and above are about Toolgate's own
/// credentials (401, 407) or the server's state (408, 429).
const fn is_callers_status(status: u16) -> bool {
    matches!(status, 400..500) && !matches!(status, 401 | 407 | 408 | 429)
}

/// Whether the code of a JSON-RPC error blames the request, or wants something of the caller.
const fn is_callers_code(code: i64) -> bool {
    matches!(
        code,
        // Not readable, no request, an unknown method, invalid parameters (JSON-RPC 2.0, section 5.1).
        -32_700 | -32_602..=-32_600
        // An unknown resource; a page to be visited first (MCP 2025-11-25).
        | -32_002 | -32_042
        // Wrong headers, a capability that is missing, an unknown version (MCP 2026-07-28).
        | -32_022..=-32_020
    )
}

#[cfg(test)]
mod tests;
