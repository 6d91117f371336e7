//! What one server says in a stream of several: whole events that name whose they are.
//!
//! The first line of an event's data is the server's id, and nothing else of the server's own
//! framing is left: it cannot say that it is another, nor what a stream that is not its own should do.

use crate::{
    http::Headers,
    sse::{Decoder, Fate},
};

/// What one server says, being read.
#[derive(Debug)]
pub struct Feed {
    server: String,
    decoder: Decoder,
}

/// What an event of a merged stream is.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// What this server says.
    Message {
        /// Its id.
        server: &'a str,
        /// The message.
        text: &'a [u8],
    },
    /// This server says no more.
    End {
        /// Its id.
        server: &'a str,
    },
}

impl Feed {
    /// What this server says, with at most `limit` bytes in an event.
    #[must_use]
    pub fn new(server: &str, limit: usize) -> Self {
        Self {
            server: server.to_owned(),
            decoder: Decoder::new(limit),
        }
    }

    /// Takes what comes, and gives the events that are whole. What is left at the end is none.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (server, mut events) = (self.server.as_bytes(), Vec::new());
        self.decoder.push(bytes, false, None, |data| {
            if !data.is_empty() {
                events.extend(event(server, &data));
            }
            Fate::Drop
        });
        events
    }

    /// Whether an event is too long: no more can be read.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.decoder.too_long()
    }
}

/// Whether an answer is a stream of events that can be read.
#[must_use]
pub fn is_stream(headers: &Headers) -> bool {
    let text = |name: &str| headers.one(name).ok().flatten().unwrap_or_default();
    let media = text("content-type").split(';').next().unwrap_or_default();
    text(":status") == "200"
        && media.trim().eq_ignore_ascii_case("text/event-stream")
        && matches!(text("content-encoding"), "" | "identity")
}

/// The event that says that a server says no more.
#[must_use]
pub fn end(server: &str) -> Vec<u8> {
    format!("data: {server}\n\n").into_bytes()
}

fn event(server: &[u8], message: &[u8]) -> Vec<u8> {
    let mut event = [b"data: ", server, b"\n"].concat();
    for line in message.split(|&byte| byte == b'\n' || byte == b'\r') {
        event.extend([b"data: ", line, b"\n"].concat());
    }
    event.push(b'\n');
    event
}

/// Reads the data of an event of a merged stream.
#[must_use]
pub fn said(data: &[u8]) -> Option<Said<'_>> {
    let mut parts = data.splitn(2, |&byte| byte == b'\n');
    let server = std::str::from_utf8(parts.next()?).ok()?;
    Some(match parts.next() {
        Some(text) => Said::Message { server, text },
        None => Said::End { server },
    })
}

#[cfg(test)]
mod tests;
