//! Connections, and how much of our time each may take. `axum::serve` sets no such limits.

use std::{io::ErrorKind, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

/// How long peers may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To send the head of a request, from the moment when one is awaited.
    pub head: Duration,
    /// To send the rest of it and be answered: longer than any ask may wait.
    pub request: Duration,
    /// To be answered once the service has to leave.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(60),
            request: Duration::from_secs(75),
            grace: Duration::from_secs(5),
        }
    }
}

/// Answers on `listener` until `stop` is done.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut stop => break,
        };
        let app = app.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answered = timeout(limits.request, app.clone().oneshot(request));
            async move { answered.await.unwrap_or_else(|_| Ok(too_slow())) }
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // Peers go when they like.
            drop(connection.await);
        });
    }
    drop(listener);
    drop(timeout(limits.grace, open.shutdown()).await);
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                // Too many files are open: some will be closed.
                tracing::error!(%error, "cannot accept connections");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// The rest of the request may still come: nothing after it can be understood.
fn too_slow() -> Response {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::REQUEST_TIMEOUT, close).into_response()
}

#[cfg(test)]
mod tests;
