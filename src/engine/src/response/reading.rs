//! An answer that is read along while it passes: what came of the request, and how large it is.

use std::mem;

use crate::{
    record::Outcome,
    sse::{Piece, Reader},
};

use super::scan::Scan;

/// An answer so far.
#[derive(Debug)]
pub struct Reading {
    /// The id of the request, as it was written.
    id: String,
    /// Cuts an event stream; absent where the body is one message.
    stream: Option<Reader>,
    scan: Scan,
    /// The event that was scanned is over.
    over: bool,
    outcome: Option<Outcome>,
}

/// How a body holds messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It is one.
    Json,
    /// Each event is one.
    Stream,
}

/// How large a `result` or an `error` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The JSON text.
    pub bytes: u64,
    /// What of it is base64: `data` and `blob` of content.
    pub base64: u64,
}

impl Size {
    /// Roughly how many tokens of a model's context it takes: one for four bytes. Base64 is not
    /// counted: it is no text to a model, and what a picture takes depends on its pixels.
    ///
    /// English prose takes about that much. Digits, code and identifiers take up to twice as much;
    /// a text that is given twice, as `content` and as `structuredContent`, or is full of escapes,
    /// takes half as much.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        self.bytes.saturating_sub(self.base64).div_ceil(4)
    }
}

impl Reading {
    /// The answer to the request with this id.
    #[must_use]
    pub fn new(id: &str, form: Form) -> Self {
        Self {
            id: id.to_owned(),
            stream: match form {
                Form::Json => None,
                Form::Stream => Some(Reader::default()),
            },
            scan: Scan::new(id),
            over: false,
            outcome: None,
        }
    }

    /// Takes the next bytes, and says what came of the request once that is known.
    ///
    /// A body that ends without an answer is a protocol error, a stream that does a transport error:
    /// unless it has event ids, and the answer may come by another one.
    pub fn push(&mut self, bytes: &[u8], end: bool) -> Option<Outcome> {
        let Some(stream) = &mut self.stream else {
            self.scan.push(bytes);
            let outcome = || {
                self.scan
                    .outcome(&self.id)
                    .unwrap_or(Outcome::ProtocolError)
            };
            return end.then(outcome);
        };
        stream.push(bytes, end, |piece| match piece {
            // There is one answer: what comes behind it is none.
            Piece::Data(_) | Piece::End if self.outcome.is_some() => {}
            Piece::Data(data) => {
                if mem::take(&mut self.over) {
                    self.scan.begin();
                }
                self.scan.push(data);
            }
            Piece::End => {
                self.outcome = self.scan.outcome(&self.id);
                self.over = true;
            }
        });
        match self.outcome {
            None if end && !stream.resumable() => Some(Outcome::TransportError),
            outcome => outcome,
        }
    }

    /// How large the outcome is so far.
    #[must_use]
    pub fn size(&self) -> Size {
        self.scan.size()
    }

    /// The code of an error, also of one that answers no request in particular.
    #[must_use]
    pub const fn code(&self) -> Option<i64> {
        self.scan.code()
    }
}

#[cfg(test)]
mod tests;
