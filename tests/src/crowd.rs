//! A server that knows how many calls are in it at once, and does to each what its arguments say.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::wire::{Body, Reader, put_chunk, put_last_chunk};

/// The server; it ends when this is dropped.
pub struct Crowd {
    addr: SocketAddr,
    inside: Arc<Inside>,
    task: JoinHandle<()>,
}

struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
    came: AtomicUsize,
    /// How often those that are held were let go.
    released: watch::Sender<usize>,
}

/// What happens to a call: its argument `fate`. After `ms` milliseconds it comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An answer in JSON.
    Answer,
    /// An answer in an event stream, its first event at once.
    Stream,
    /// The connection is closed without an answer.
    Break,
    /// The connection is closed in the middle of an answer.
    Cut,
    /// Nothing; whoever calls has to give up.
    Never,
    /// An event stream that does not end; whoever calls has to give up.
    Flow,
    /// An answer once it is released.
    Hold,
}

impl Fate {
    /// As arguments say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Stream => "stream",
            Self::Break => "break",
            Self::Cut => "cut",
            Self::Never => "never",
            Self::Flow => "flow",
            Self::Hold => "hold",
        }
    }

    /// Arguments that say it.
    pub fn after(self, ms: u64) -> Value {
        json!({ "fate": self.as_str(), "ms": ms })
    }

    fn of(arguments: &Value) -> Self {
        let all = [
            Self::Stream,
            Self::Break,
            Self::Cut,
            Self::Never,
            Self::Flow,
            Self::Hold,
        ];
        let named = |fate: &Self| arguments["fate"] == fate.as_str();
        all.into_iter().find(named).unwrap_or(Self::Answer)
    }
}

impl Crowd {
    /// Serves on loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let addr = listener.local_addr().expect("bound");
        let inside = Arc::new(Inside {
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            came: AtomicUsize::new(0),
            released: watch::Sender::new(0),
        });
        let shared = Arc::clone(&inside);
        let task = tokio::spawn(async move {
            // Dropped with the task: connections end when the server does.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let inside = Arc::clone(&shared);
                connections.spawn(async move {
                    let _ = serve(stream, &inside).await;
                });
            }
        });
        Self { addr, inside, task }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many calls have come.
    pub fn came(&self) -> usize {
        self.inside.came.load(Ordering::SeqCst)
    }

    /// How many calls are in it now that will not end before they are answered.
    pub fn now(&self) -> usize {
        self.inside.now.load(Ordering::SeqCst)
    }

    /// The most that were in it at once.
    pub fn most(&self) -> usize {
        self.inside.most.load(Ordering::SeqCst)
    }

    /// Lets those go that are held.
    pub fn release(&self) {
        self.inside.released.send_modify(|times| *times += 1);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, inside: &Inside) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    while !reader.at_end().await? {
        let (_, headers) = reader.head().await?;
        let mut body = Body::of(&headers, false)?;
        let mut bytes = Vec::new();
        while let Some(piece) = reader.piece(&mut body).await? {
            bytes.extend_from_slice(&piece);
        }
        let request: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        inside.came.fetch_add(1, Ordering::SeqCst);
        if !one(&mut reader, &request, inside).await? {
            break;
        }
    }
    Ok(())
}

/// Serves one call; false where that ends the connection.
async fn one(reader: &mut Reader, request: &Value, inside: &Inside) -> io::Result<bool> {
    let arguments = &request["params"]["arguments"];
    let fate = Fate::of(arguments);
    let time = Duration::from_millis(arguments["ms"].as_u64().unwrap_or_default());
    let result = json!({
        "resultType": "complete",
        "content": [{ "type": "text", "text": "done" }],
        "isError": false,
    });
    let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string();
    // When those end that are given up, this side does not know in time to count them.
    let stay = (!matches!(fate, Fate::Never | Fate::Flow)).then(|| Stay::of(inside));
    if matches!(fate, Fate::Stream | Fate::Flow) {
        let progress = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n";
        let mut head = head("text/event-stream", "transfer-encoding: chunked");
        put_chunk(&mut head, progress.as_bytes());
        reader.stream().write_all(&head).await?;
    }
    match fate {
        Fate::Never | Fate::Flow => {
            reader.at_end().await?;
        }
        Fate::Hold => {
            let _ = inside.released.subscribe().changed().await;
        }
        Fate::Answer | Fate::Stream | Fate::Break | Fate::Cut => tokio::time::sleep(time).await,
    }
    // It leaves before anybody can know that it is over, so that no other seems to come too early.
    drop(stay);
    match fate {
        Fate::Stream => {
            let mut rest = Vec::new();
            put_chunk(&mut rest, format!("data: {answer}\n\n").as_bytes());
            put_last_chunk(&mut rest, &Vec::new());
            reader.stream().write_all(&rest).await?;
        }
        Fate::Answer | Fate::Hold => {
            let mut whole = head(
                "application/json",
                &format!("content-length: {}", answer.len()),
            );
            whole.extend_from_slice(answer.as_bytes());
            reader.stream().write_all(&whole).await?;
        }
        Fate::Cut => {
            let half = head("application/json", "content-length: 1000");
            reader.stream().write_all(&half).await?;
        }
        Fate::Break | Fate::Never | Fate::Flow => {}
    }
    Ok(matches!(fate, Fate::Answer | Fate::Stream | Fate::Hold))
}

/// A call that is in the server.
struct Stay<'a>(&'a Inside);

impl<'a> Stay<'a> {
    fn of(inside: &'a Inside) -> Self {
        let now = inside.now.fetch_add(1, Ordering::SeqCst) + 1;
        inside.most.fetch_max(now, Ordering::SeqCst);
        Self(inside)
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

fn head(content_type: &str, framing: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n").into_bytes()
}
