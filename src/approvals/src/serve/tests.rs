use std::time::Instant;

use axum::{body::Bytes, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

const LIMITS: Limits = Limits {
    head: Duration::from_millis(200),
    request: Duration::from_millis(800),
    grace: Duration::from_secs(2),
};

/// Serves `/`, which takes a body, and `/slow`, which is answered after so long; until it is told to
/// stop, and then has stopped.
async fn start(
    limits: Limits,
    slow: Duration,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let app = Router::new()
        .route("/", get(async |_: Bytes| "fine"))
        .route(
            "/slow",
            get(async move || {
                sleep(slow).await;
                "late"
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(listener, app, limits, async {
        drop(stopped.await);
    }));
    (address, stop, serving)
}

/// What comes back until the connection is closed, and after how long that is.
async fn send(address: SocketAddr, text: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let start = Instant::now();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    (said, start.elapsed())
}

#[tokio::test]
async fn slow_peers_do_not_stay() {
    let (address, _stop, _) = start(LIMITS, Duration::from_millis(500)).await;
    for (text, status, limit) in [
        ("", "", LIMITS.head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: ", "", LIMITS.head),
        // It is answered, and then says nothing more.
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "200", LIMITS.head),
        (
            "GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            "200",
            Duration::from_millis(500),
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx",
            "408",
            LIMITS.request,
        ),
    ] {
        let (said, after) = send(address, text).await;
        let line = said.lines().next().unwrap_or_default();
        assert!(
            line.contains(status) && line.is_empty() == status.is_empty(),
            "{text:?}: {said}"
        );
        assert!(
            after >= limit && after < limit + Duration::from_secs(5),
            "{text:?}: {after:?}"
        );
    }
}

#[tokio::test]
async fn what_is_being_answered_may_end_unless_it_takes_too_long() {
    const ASK: &str = "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
    let limits = Limits {
        request: Duration::from_secs(60),
        ..LIMITS
    };
    for (slow, whole) in [(100, true), (30_000, false)] {
        let (address, stop, serving) = start(limits, Duration::from_millis(slow)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(ASK.as_bytes()).await.unwrap();
        // A second one is answered, so that the first has been read.
        let second = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        send(address, second).await;
        let start = Instant::now();
        stop.send(()).unwrap();
        serving.await.unwrap();
        assert_eq!(
            start.elapsed() < limits.grace,
            whole,
            "{:?}",
            start.elapsed()
        );
        assert!(start.elapsed().as_secs() < 10);
        let refused = TcpStream::connect(address).await;
        assert!(refused.is_err(), "nobody else is let in");
        if whole {
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            assert!(said.ends_with("late"), "{said}");
        }
    }
}
