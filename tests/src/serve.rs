//! Serving an rmcp handler over Streamable HTTP on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server in this process; it ends when this is dropped.
pub struct Served {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    /// Serves `router` on `port` of loopback, 0 for any.
    pub fn start(router: Router, port: u16) -> std::io::Result<Self> {
        Self::on(std::net::TcpListener::bind(("127.0.0.1", port))?, router)
    }

    /// Serves `router` on a listener that is already bound.
    pub fn on(listener: std::net::TcpListener, router: Router) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until the server ends, which it does only when its listener fails.
    pub async fn join(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `handler` at `/mcp`, both eras, for local clients only; it answers with event streams.
pub fn mcp<H: ServerHandler + Clone>(handler: H) -> Router {
    routed(move || handler.clone(), Arc::default(), false)
}

/// The same, which answers with JSON where it can.
pub fn mcp_json<H: ServerHandler + Clone>(handler: H) -> Router {
    routed(move || handler.clone(), Arc::default(), true)
}

/// A handler of its own for each of `sessions`, at `/mcp`.
pub fn mcp_sessions<H: ServerHandler>(
    handler: impl Fn() -> H + Send + Sync + 'static,
    sessions: Arc<LocalSessionManager>,
) -> Router {
    routed(handler, sessions, false)
}

fn routed<H: ServerHandler>(
    handler: impl Fn() -> H + Send + Sync + 'static,
    sessions: Arc<LocalSessionManager>,
    json: bool,
) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_json_response(json)
        .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]);
    let service: StreamableHttpService<H, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(handler()), sessions, config);
    Router::new().route_service("/mcp", service)
}
