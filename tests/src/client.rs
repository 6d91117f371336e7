//! An HTTP client that sends exactly what a test says: any bytes over HTTP/1.1, and HTTP/2 with
//! bodies cut and trailers added at will.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::wire::{self, Body, Reader};

/// A request to send; built in order, so that duplicates stay duplicates.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
    chunked: bool,
    trailers: Vec<(String, Vec<u8>)>,
}

/// A response as it came.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case; values as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// A request without headers (but for what the protocol needs) and without a body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            chunks: Vec::new(),
            chunked: false,
            trailers: Vec::new(),
        }
    }

    /// A POST of one JSON-RPC message with the headers that every MCP client sends.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    /// A POST of one message of the modern era, its headers mirrored from its body.
    pub fn modern(path: &str, message: &Value) -> Self {
        let params = &message["params"];
        let version = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
        let mut request = Self::post(path, message.to_string());
        for (name, value) in [
            ("mcp-protocol-version", version),
            ("mcp-method", &message["method"]),
            (
                "mcp-name",
                if params["name"].is_null() {
                    &params["uri"]
                } else {
                    &params["name"]
                },
            ),
        ] {
            if let Some(value) = value.as_str() {
                request = request.header(name, value);
            }
        }
        request
    }

    /// Adds a header; its value may hold any byte.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Takes every header of that name away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// A bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The body in one piece, with its length announced.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.chunks = vec![body.into()];
        self.chunked = false;
        self
    }

    /// The body in pieces, its length not announced.
    #[must_use]
    pub fn chunks(mut self, chunks: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.chunks = chunks.into_iter().collect();
        self.chunked = true;
        self
    }

    /// The body's bytes again, cut at the given offset, its length not announced.
    #[must_use]
    pub fn cut(self, at: usize) -> Self {
        let body = self.payload();
        let (head, rest) = body.split_at(at.min(body.len()));
        let chunks = [head.to_vec(), rest.to_vec()];
        self.chunks(chunks.into_iter().filter(|chunk| !chunk.is_empty()))
    }

    /// Adds a trailer, which needs a chunked body on HTTP/1.1.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.chunked = true;
        self.trailers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The body's bytes, however they are cut.
    pub fn payload(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// The request as HTTP/1.1 writes it.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        if !self.has("host") {
            wire::put_header(&mut out, "host", host.as_bytes());
        }
        for (name, value) in &self.headers {
            wire::put_header(&mut out, name, value);
        }
        if self.chunked {
            wire::put_header(&mut out, "transfer-encoding", b"chunked");
        } else if !self.chunks.is_empty() && !self.has("content-length") {
            let length = self.payload().len().to_string();
            wire::put_header(&mut out, "content-length", length.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        for chunk in &self.chunks {
            if self.chunked {
                wire::put_chunk(&mut out, chunk);
            } else {
                out.extend_from_slice(chunk);
            }
        }
        if self.chunked {
            wire::put_last_chunk(&mut out, &self.trailers);
        }
        out
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl Response {
    /// The first header of that name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON-RPC message in the body: the body itself, or the last message of an event stream.
    ///
    /// # Panics
    /// Where there is none.
    pub fn json(&self) -> Value {
        let text = self.text();
        let stream = self
            .header("content-type")
            .is_some_and(|t| t.starts_with("text/event-stream"));
        let json = if stream {
            wire::events(&text).pop().unwrap_or_default()
        } else {
            text
        };
        serde_json::from_str(&json).unwrap_or_else(|fault| panic!("{fault} in {self:?}"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        wire::show(f, &self.headers, &self.body, &self.trailers)
    }
}

/// Sends one request over HTTP/1.1 and reads its response.
///
/// # Errors
/// Where the connection fails, or is closed before a whole response came.
pub async fn send(to: SocketAddr, request: &Request) -> io::Result<Response> {
    let mut connection = Connection::open(to).await?;
    let bytes = request.bytes(&to.to_string());
    connection.write_unless_answered(&bytes).await?;
    connection.response().await
}

/// Sends any bytes and reads one response.
///
/// # Errors
/// Where the connection fails, or is closed before a whole response came.
pub async fn send_bytes(to: SocketAddr, bytes: &[u8]) -> io::Result<Response> {
    let mut connection = Connection::open(to).await?;
    connection.write(bytes).await?;
    connection.response().await
}

const STEP: usize = 64 << 10;

/// An HTTP/1.1 connection under the test's control.
pub struct Connection {
    reader: Reader,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = bounded(TcpStream::connect(to)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: Reader::new(stream),
        })
    }

    /// Writes bytes until all are written or an answer comes: one that comes early ends the
    /// connection, and bytes on their way to it would take the answer with them.
    ///
    /// # Errors
    /// Where the connection is closed.
    pub async fn write_unless_answered(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.reader.stream();
        let mut rest = bytes;
        bounded(async {
            while !rest.is_empty() {
                let mut one = [0];
                tokio::select! {
                    biased;
                    answered = stream.peek(&mut one) => return answered.map(|_| ()),
                    writable = stream.writable() => writable?,
                }
                // Small steps: what the kernel has taken cannot be kept back.
                match stream.try_write(&rest[..rest.len().min(STEP)]) {
                    Ok(written) => rest = &rest[written..],
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                    Err(fault) => return Err(fault),
                }
            }
            Ok(())
        })
        .await
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// Where the connection is closed.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        bounded(self.reader.stream().write_all(bytes)).await
    }

    /// Reads a response to its end.
    ///
    /// # Errors
    /// Where the connection is closed before.
    pub async fn response(&mut self) -> io::Result<Response> {
        let mut response = self.head().await?;
        let mut body = self.body(&response)?;
        bounded(async {
            while let Some(piece) = self.reader.piece(&mut body).await? {
                response.body.extend_from_slice(&piece);
            }
            Ok(())
        })
        .await?;
        response.trailers = body.trailers;
        Ok(response)
    }

    /// Reads a response's head; its body is still to come, through [`Connection::piece`].
    ///
    /// # Errors
    /// Where the connection is closed before.
    pub async fn head(&mut self) -> io::Result<Response> {
        loop {
            let (line, headers) = bounded(self.reader.head()).await?;
            let status = line
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok());
            let status = status.ok_or_else(|| wire::fault("no status line"))?;
            if status != 100 {
                return Ok(Response {
                    status,
                    headers,
                    body: Vec::new(),
                    trailers: Vec::new(),
                });
            }
        }
    }

    /// How the body of a response is delimited, to read it with [`Connection::piece`].
    ///
    /// # Errors
    /// Where its headers contradict each other.
    pub fn body(&self, head: &Response) -> io::Result<Body> {
        match head.status {
            204 | 304 => Ok(Body::of_length(0)),
            _ => Body::of(&head.headers, true),
        }
    }

    /// The next bytes of a body as soon as they come; none at its end.
    ///
    /// # Errors
    /// Where the connection is closed before.
    pub async fn piece(&mut self, body: &mut Body) -> io::Result<Option<Vec<u8>>> {
        bounded(self.reader.piece(body)).await
    }
}

/// Sends one request over HTTP/2 (prior knowledge) and reads its response.
///
/// # Errors
/// Where the connection or the stream fails before a whole response came.
pub async fn send_h2(to: SocketAddr, request: &Request) -> io::Result<Response> {
    bounded(exchange_h2(to, request)).await
}

async fn exchange_h2(to: SocketAddr, request: &Request) -> io::Result<Response> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = h2::client::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let host = to.to_string();
    let host = request
        .headers
        .iter()
        .find(|(name, _)| name == "host")
        .map_or(host.as_bytes(), |(_, value)| value);
    let mut head = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!(
            "http://{}{}",
            String::from_utf8_lossy(host),
            request.path
        ));
    for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
        head = head.header(name, header_value(value)?);
    }
    let head = head
        .version(http::Version::HTTP_2)
        .body(())
        .map_err(io::Error::other)?;
    let bare = request.chunks.is_empty() && request.trailers.is_empty();
    let (response, mut body) = sender.send_request(head, bare).map_err(io::Error::other)?;
    if !bare {
        for (index, chunk) in request.chunks.iter().enumerate() {
            let last = index + 1 == request.chunks.len() && request.trailers.is_empty();
            // A peer that answers before it read everything resets the stream.
            if wire::send_data(&mut body, Bytes::from(chunk.clone()), last)
                .await
                .is_err()
            {
                break;
            }
        }
        if !request.trailers.is_empty() {
            let _ = body.send_trailers(wire::header_map(&request.trailers)?);
        }
    }
    let response = response.await.map_err(io::Error::other)?;
    let (head, mut body) = response.into_parts();
    let mut response = Response {
        status: head.status.as_u16(),
        headers: wire::header_list(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
    };
    while let Some(data) = body.data().await {
        let data = data.map_err(io::Error::other)?;
        let _ = body.flow_control().release_capacity(data.len());
        response.body.extend_from_slice(&data);
    }
    if let Some(trailers) = body.trailers().await.map_err(io::Error::other)? {
        response.trailers = wire::header_list(&trailers);
    }
    driver.abort();
    Ok(response)
}

fn header_value(value: &[u8]) -> io::Result<http::HeaderValue> {
    http::HeaderValue::from_bytes(value).map_err(io::Error::other)
}

/// Nothing in a test may wait for ever.
async fn bounded<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "nothing came")),
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
