//! HTTP/1.1 framing for both ends of the rig, and what HTTP/2 needs beside the `h2` crate.

use std::fmt;
use std::io;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Reads messages from a connection.
pub(crate) struct Reader {
    stream: TcpStream,
    held: Vec<u8>,
}

/// How much of a message's body is still to come.
pub struct Body {
    rest: Rest,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

enum Rest {
    Length(u64),
    Chunks,
    Close,
    Done,
}

/// Header names in lower case, values as they came.
pub(crate) type HeaderList = Vec<(String, Vec<u8>)>;

impl Body {
    /// A body of so many bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        let rest = if length == 0 {
            Rest::Done
        } else {
            Rest::Length(length)
        };
        Self {
            rest,
            trailers: Vec::new(),
        }
    }

    /// What the headers announce; a response without any announcement ends with the connection.
    pub(crate) fn of(headers: &HeaderList, response: bool) -> io::Result<Self> {
        let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
        if find("transfer-encoding").is_some() {
            return Ok(Self {
                rest: Rest::Chunks,
                trailers: Vec::new(),
            });
        }
        let Some((_, length)) = find("content-length") else {
            let rest = if response { Rest::Close } else { Rest::Done };
            return Ok(Self {
                rest,
                trailers: Vec::new(),
            });
        };
        let length = std::str::from_utf8(length)
            .ok()
            .and_then(|length| length.parse().ok());
        Ok(Self::of_length(
            length.ok_or_else(|| fault("bad content-length"))?,
        ))
    }
}

impl Reader {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the peer has closed and everything was read.
    pub(crate) async fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.held.is_empty() && !self.more().await?)
    }

    /// A start line and headers.
    pub(crate) async fn head(&mut self) -> io::Result<(String, HeaderList)> {
        let line = String::from_utf8_lossy(&self.line().await?).into_owned();
        Ok((line, self.fields().await?))
    }

    /// The next bytes of a body as soon as they come; none at its end.
    pub(crate) async fn piece(&mut self, body: &mut Body) -> io::Result<Option<Vec<u8>>> {
        match body.rest {
            Rest::Done => Ok(None),
            Rest::Length(left) => {
                if self.held.is_empty() && !self.more().await? {
                    return Err(closed());
                }
                let take = self
                    .held
                    .len()
                    .min(usize::try_from(left).unwrap_or(usize::MAX));
                let piece: Vec<u8> = self.held.drain(..take).collect();
                let left = left - piece.len() as u64;
                body.rest = if left == 0 {
                    Rest::Done
                } else {
                    Rest::Length(left)
                };
                Ok(Some(piece))
            }
            Rest::Chunks => {
                let size = self.line().await?;
                let size = String::from_utf8_lossy(&size);
                let size = size.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).map_err(|_| fault("bad chunk size"))?;
                if size == 0 {
                    body.trailers = self.fields().await?;
                    body.rest = Rest::Done;
                    return Ok(None);
                }
                while self.held.len() < size + 2 {
                    if !self.more().await? {
                        return Err(closed());
                    }
                }
                let piece = self.held.drain(..size).collect();
                self.held.drain(..2);
                Ok(Some(piece))
            }
            Rest::Close => {
                if self.held.is_empty() && !self.more().await? {
                    body.rest = Rest::Done;
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.held)))
            }
        }
    }

    async fn fields(&mut self) -> io::Result<HeaderList> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let colon = line
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(line.len());
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = line
                .get(colon + 1..)
                .unwrap_or_default()
                .trim_ascii()
                .to_vec();
            fields.push((name, value));
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.held.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.held.drain(..end).collect();
                self.held.drain(..2);
                return Ok(line);
            }
            if !self.more().await? {
                return Err(closed());
            }
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.held).await? > 0)
    }
}

pub(crate) fn put_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn put_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    if chunk.is_empty() {
        return;
    }
    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
    out.extend_from_slice(chunk);
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn put_last_chunk(out: &mut Vec<u8>, trailers: &[(String, Vec<u8>)]) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        put_header(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The data of each event in a whole event stream, without those that have none.
pub fn events(stream: &str) -> Vec<String> {
    let event = |text: &str| {
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let stream = stream.replace("\r\n", "\n");
    stream
        .split("\n\n")
        .map(event)
        .filter(|data| !data.is_empty())
        .collect()
}

/// Sends data as the peer's windows allow.
pub(crate) async fn send_data(
    stream: &mut h2::SendStream<Bytes>,
    mut data: Bytes,
    end: bool,
) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = loop {
            match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(0)) => {}
                Some(room) => break room?,
                None => return Err(h2::Reason::CANCEL.into()),
            }
        };
        let piece = data.split_to(room.min(data.len()));
        stream.send_data(piece, false)?;
    }
    if end {
        stream.send_data(Bytes::new(), true)
    } else {
        Ok(())
    }
}

pub(crate) fn header_map(fields: &[(String, Vec<u8>)]) -> io::Result<http::HeaderMap> {
    let mut map = http::HeaderMap::new();
    for (name, value) in fields {
        let name: http::HeaderName = name.parse().map_err(io::Error::other)?;
        map.append(
            name,
            http::HeaderValue::from_bytes(value).map_err(io::Error::other)?,
        );
    }
    Ok(map)
}

pub(crate) fn header_list(map: &http::HeaderMap) -> HeaderList {
    map.iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

/// A message for people to read in a failed test.
pub(crate) fn show(
    f: &mut fmt::Formatter<'_>,
    headers: &HeaderList,
    body: &[u8],
    trailers: &HeaderList,
) -> fmt::Result {
    for (name, value) in headers {
        writeln!(f, "{name}: {}", value.escape_ascii())?;
    }
    writeln!(f, "\n{}", String::from_utf8_lossy(body))?;
    trailers
        .iter()
        .try_for_each(|(name, value)| writeln!(f, "{name}: {}", value.escape_ascii()))
}

pub(crate) fn fault(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "closed too early")
}
