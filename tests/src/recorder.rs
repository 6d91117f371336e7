//! A server that records every request it is sent, from its first byte on, and answers what a
//! test tells it to: chunk by chunk, with gates for timing in place of clocks.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use crate::wire::{self, Body, Reader};

/// The server; it ends when this is dropped.
pub struct Recorder {
    addr: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    seen: Mutex<Vec<Seen>>,
    changed: Notify,
    gates: Semaphore,
    sent: AtomicUsize,
    script: Box<dyn Fn(&Seen) -> Answer + Send + Sync>,
}

/// A request as the server saw it. It is on record as soon as its head has come.
#[derive(Clone)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// Names in lower case; values as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// As much of the body as has come.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether it has come whole.
    pub complete: bool,
}

/// What to answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers, but for those that delimit the body.
    pub headers: Vec<(String, String)>,
    /// The body, step by step.
    pub steps: Vec<Step>,
    /// Announce the length; else HTTP/1.1 sends chunks.
    pub length: bool,
    /// The steps are all that HTTP/1.1 sends, without a head.
    pub raw: bool,
    /// Trailers; HTTP/1.1 then sends chunks.
    pub trailers: Vec<(String, Vec<u8>)>,
}

/// A step of an answer's body.
#[derive(Clone, Debug)]
pub enum Step {
    /// Send these bytes, as one chunk or frame.
    Send(Vec<u8>),
    /// Send these bytes so many times.
    Repeat(Vec<u8>, usize),
    /// Wait until [`Recorder::open_gate`] is called.
    Gate,
    /// Break the connection or reset the stream.
    Abort,
}

impl Answer {
    /// 200 with a JSON body of announced length.
    pub fn json(body: &Value) -> Self {
        Self::body("application/json", body.to_string())
    }

    /// 200 with a body of announced length.
    pub fn body(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            steps: vec![Step::Send(body.into())],
            length: true,
            raw: false,
            trailers: Vec::new(),
        }
    }

    /// 200 with an event stream, one step for each chunk.
    pub fn stream(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            length: false,
            ..Self::body("text/event-stream", "")
        }
    }

    /// Any bytes, whether they are HTTP or not.
    pub fn raw(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            raw: true,
            length: true,
            ..Self::stream(steps)
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A success of `tools/call` that answers the request's id.
    pub fn success(seen: &Seen) -> Self {
        let request: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        if request["id"].is_null() {
            return Self {
                status: 202,
                steps: Vec::new(),
                ..Self::body("application/json", "")
            };
        }
        let mut result = serde_json::json!({
            "content": [{ "type": "text", "text": "done" }], "isError": false,
        });
        if request["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string() {
            result["resultType"] = "complete".into();
        }
        Self::json(&serde_json::json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a trailer; the length is then not announced.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.length = false;
        self.trailers
            .push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }
}

impl Seen {
    /// The first header of that name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.complete { "" } else { " (unfinished)" };
        writeln!(f, "{} {}{end}", self.method, self.path)?;
        wire::show(f, &self.headers, &self.body, &self.trailers)
    }
}

impl Recorder {
    /// Records, and answers every call with [`Answer::success`].
    pub async fn start() -> Self {
        Self::scripted(Answer::success).await
    }

    /// Records, and answers HTTP/1.1 as the script says.
    pub async fn scripted(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(script, false).await
    }

    /// Records, and answers HTTP/2 (prior knowledge) as the script says.
    pub async fn scripted_h2(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(script, true).await
    }

    async fn listen(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static, h2: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let addr = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            seen: Mutex::default(),
            changed: Notify::new(),
            gates: Semaphore::new(0),
            sent: AtomicUsize::new(0),
            script: Box::new(script),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            // Dropped with the task: connections end when the recorder does.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let state = shared.clone();
                connections.spawn(async move {
                    let _ = if h2 {
                        serve_h2(stream, &state).await
                    } else {
                        serve(stream, &state).await
                    };
                });
            }
        });
        Self { addr, state, task }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every request so far, also those whose body is still to come.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("no holder panics").clone()
    }

    /// Forgets every request so far.
    pub fn clear(&self) {
        self.state.seen.lock().expect("no holder panics").clear();
    }

    /// Waits until `count` requests have come whole; gives all.
    ///
    /// # Panics
    /// Where that takes more than ten seconds.
    pub async fn wait(&self, count: usize) -> Vec<Seen> {
        let enough = async {
            loop {
                let changed = self.state.changed.notified();
                let seen = self.seen();
                if seen.iter().filter(|seen| seen.complete).count() >= count {
                    return seen;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, enough).await {
            Ok(seen) => seen,
            Err(_) => panic!(
                "{count} requests were to come, these did: {:?}",
                self.seen()
            ),
        }
    }

    /// How many bytes of answers' bodies were taken by their readers, or are on their way.
    pub fn sent(&self) -> usize {
        self.state.sent.load(Ordering::Relaxed)
    }

    /// Lets one answer pass its next [`Step::Gate`].
    pub fn open_gate(&self) {
        self.state.gates.add_permits(1);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn enter(&self, request: Seen) -> usize {
        let mut seen = self.seen.lock().expect("no holder panics");
        seen.push(request);
        seen.len() - 1
    }

    /// Changes a request on record, unless it was cleared away.
    fn change(&self, index: usize, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().expect("no holder panics");
        if let Some(request) = seen.get_mut(index) {
            change(request);
        }
        drop(seen);
        self.changed.notify_waiters();
    }

    async fn pass_gate(&self) {
        if let Ok(permit) = self.gates.acquire().await {
            permit.forget();
        }
    }
}

async fn serve(stream: TcpStream, state: &State) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    while !reader.at_end().await? {
        let (line, headers) = reader.head().await?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let mut body = Body::of(&headers, false)?;
        let mut request = Seen {
            method,
            path,
            headers,
            body: Vec::new(),
            trailers: Vec::new(),
            complete: false,
        };
        let index = state.enter(request.clone());
        while let Some(piece) = reader.piece(&mut body).await? {
            request.body.extend_from_slice(&piece);
            state.change(index, |seen| seen.body.extend_from_slice(&piece));
        }
        request.trailers = body.trailers;
        request.complete = true;
        let whole = request.clone();
        state.change(index, |seen| *seen = whole);
        let answer = (state.script)(&request);
        if !write(reader.stream(), &answer, state).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes an answer; false where it broke the connection.
async fn write(stream: &mut TcpStream, answer: &Answer, state: &State) -> io::Result<bool> {
    let chunked = !answer.length || !answer.trailers.is_empty();
    if !answer.raw {
        stream.write_all(&head(answer, chunked)).await?;
    }
    for step in &answer.steps {
        match step {
            Step::Gate => state.pass_gate().await,
            Step::Abort => return Ok(false),
            Step::Send(bytes) => send(stream, bytes, 1, chunked, state).await?,
            Step::Repeat(bytes, times) => send(stream, bytes, *times, chunked, state).await?,
        }
    }
    if chunked {
        let mut out = Vec::new();
        wire::put_last_chunk(&mut out, &answer.trailers);
        stream.write_all(&out).await?;
    }
    Ok(true)
}

async fn send(
    stream: &mut TcpStream,
    bytes: &[u8],
    times: usize,
    chunked: bool,
    state: &State,
) -> io::Result<()> {
    let mut out = Vec::new();
    if chunked {
        wire::put_chunk(&mut out, bytes);
    } else {
        out.extend_from_slice(bytes);
    }
    for _ in 0..times {
        stream.write_all(&out).await?;
        state.sent.fetch_add(bytes.len(), Ordering::Relaxed);
    }
    Ok(())
}

fn head(answer: &Answer, chunked: bool) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} Scripted\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        wire::put_header(&mut out, name, value.as_bytes());
    }
    if chunked {
        wire::put_header(&mut out, "transfer-encoding", b"chunked");
    } else {
        wire::put_header(
            &mut out,
            "content-length",
            length(answer).to_string().as_bytes(),
        );
    }
    out.extend_from_slice(b"\r\n");
    out
}

async fn serve_h2(stream: TcpStream, state: &Arc<State>) -> io::Result<()> {
    let mut connection = h2::server::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    while let Some(request) = connection.accept().await {
        let (request, respond) = request.map_err(io::Error::other)?;
        let state = state.clone();
        tokio::spawn(async move {
            let _ = answer_h2(request, respond, &state).await;
        });
    }
    Ok(())
}

async fn answer_h2(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    state: &State,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut request = Seen {
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: wire::header_list(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
        complete: false,
    };
    let index = state.enter(request.clone());
    while let Some(piece) = body.data().await {
        let piece = piece?;
        let _ = body.flow_control().release_capacity(piece.len());
        request.body.extend_from_slice(&piece);
        state.change(index, |seen| seen.body.extend_from_slice(&piece));
    }
    if let Some(trailers) = body.trailers().await? {
        request.trailers = wire::header_list(&trailers);
    }
    request.complete = true;
    let whole = request.clone();
    state.change(index, |seen| *seen = whole);
    let answer = (state.script)(&request);
    let mut head = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        head = head.header(name, value);
    }
    if answer.length {
        head = head.header("content-length", length(&answer));
    }
    let head = head.body(()).expect("the script's headers are valid");
    let mut stream = respond.send_response(head, false)?;
    for step in &answer.steps {
        match step {
            Step::Send(bytes) => {
                send_h2(&mut stream, bytes, 1, state).await?;
            }
            Step::Repeat(bytes, times) => {
                send_h2(&mut stream, bytes, *times, state).await?;
            }
            Step::Gate => state.pass_gate().await,
            Step::Abort => {
                stream.send_reset(h2::Reason::INTERNAL_ERROR);
                return Ok(());
            }
        }
    }
    match wire::header_map(&answer.trailers) {
        Ok(trailers) if !trailers.is_empty() => stream.send_trailers(trailers),
        Ok(_) | Err(_) => stream.send_data(Bytes::new(), true),
    }
}

async fn send_h2(
    stream: &mut h2::SendStream<Bytes>,
    bytes: &[u8],
    times: usize,
    state: &State,
) -> Result<(), h2::Error> {
    let bytes = Bytes::copy_from_slice(bytes);
    for _ in 0..times {
        wire::send_data(stream, bytes.clone(), false).await?;
        state.sent.fetch_add(bytes.len(), Ordering::Relaxed);
    }
    Ok(())
}

fn length(answer: &Answer) -> usize {
    let size = |step: &Step| match step {
        Step::Send(bytes) => bytes.len(),
        Step::Repeat(bytes, times) => bytes.len() * times,
        Step::Gate | Step::Abort => 0,
    };
    answer.steps.iter().map(size).sum()
}

const PATIENCE: Duration = Duration::from_secs(10);
