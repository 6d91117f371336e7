//! Where a merged stream comes from: a connection on which this filter is the server.
//!
//! In an internal listener the filter stands before Envoy's `echo`: whatever it puts into what the
//! connection has read is sent back. So it answers the one request of each connection with an event
//! stream in HTTP/1.1, and goes on with chunks whenever there is something to say.

use proxy_wasm::{
    traits::{Context, StreamContext},
    types::Action,
};

use crate::host;

/// One connection.
pub(crate) struct Source {
    id: u32,
    begun: bool,
}

impl Source {
    pub(crate) const fn new(id: u32) -> Self {
        Self { id, begun: false }
    }

    /// What a request is answered with; `None`: not all of its first line is there.
    fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        if self.begun {
            // The rest of the request.
            return Some(Vec::new());
        }
        let end = request.iter().position(|&byte| byte == b'\r')?;
        self.begun = true;
        let line = request.get(..end).unwrap_or_default();
        let path = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let stream = path.strip_prefix(b"/").and_then(|number| {
            let number = std::str::from_utf8(number).ok()?;
            number.parse().ok()
        });
        let stream: Option<u32> = stream;
        Some(
            match stream.and_then(|stream| super::attach(stream, self.id)) {
                Some(first) => [HEAD, &first].concat(),
                None => GONE.to_vec(),
            },
        )
    }
}

impl Context for Source {}

impl StreamContext for Source {
    fn on_downstream_data(&mut self, size: usize, _: bool) -> Action {
        let request = host::received(size).unwrap_or_default();
        if let Some(answer) = self.answer(&request) {
            let _ = host::respond(&answer);
        }
        // What is sent goes past here; what is received, no further.
        Action::Pause
    }
}

/// Bytes of a stream, framed (RFC 9112, section 7.1).
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", bytes.len());
    [size.as_bytes(), bytes, b"\r\n"].concat()
}

/// The end of a stream.
pub(super) fn last() -> Vec<u8> {
    b"0\r\n\r\n".to_vec()
}

/// A line that says nothing: it lets the filter speak, and tells a connection that it is used.
pub(crate) const COMMENT: &[u8] = b":\n\n";
/// The path of a stream: what its source reads.
pub(crate) fn path(stream: u32) -> String {
    format!("/{stream}")
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache, no-transform\r\nx-accel-buffering: no\r\nconnection: close\r\n\
    transfer-encoding: chunked\r\n\r\n";
const GONE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
    connection: close\r\n\r\n";
