//! A server with sessions that must not split: each counts for itself.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::envoy::eventually;
use crate::serve::{self, Served};

/// The server, with threads of its own: when it goes, all its connections go with it.
pub struct Counter {
    runtime: Option<Runtime>,
    sessions: Arc<LocalSessionManager>,
    server: Served,
}

impl Counter {
    /// Serves on any port.
    pub fn start() -> Self {
        Self::on(0).expect("loopback has ports")
    }

    /// The same server anew, at the same place: it knows nothing of the sessions that were.
    pub async fn restart(self) -> Self {
        let port = self.addr().port();
        drop(self);
        eventually("its port is free", async || Self::on(port).ok()).await
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The ids of the sessions that it has.
    pub async fn sessions(&self) -> BTreeSet<String> {
        let sessions = self.sessions.sessions.read().await;
        sessions.keys().map(ToString::to_string).collect()
    }

    /// Its only tool, `count`, as `tools/list` gives it.
    pub fn tool() -> Value {
        json!({
            "name": "count", "description": "Counts the calls of this session",
            "inputSchema": { "type": "object", "properties": {} },
        })
    }

    fn on(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let sessions = Arc::<LocalSessionManager>::default();
        let router = serve::mcp_sessions(Session::default, Arc::clone(&sessions));
        let inside = runtime.enter();
        let server = Served::on(listener, router)?;
        drop(inside);
        Ok(Self {
            runtime: Some(runtime),
            sessions,
            server,
        })
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Default)]
struct Session {
    calls: AtomicU64,
}

impl ServerHandler for Session {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(typed(
            json!({ "resultType": "complete", "tools": [Counter::tool()] }),
        ))
    }

    async fn call_tool(
        &self,
        _call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let content = json!([{ "type": "text", "text": calls.to_string() }]);
        let result = json!({ "resultType": "complete", "content": content });
        Ok(CallToolResponse::Complete(typed(result)))
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the counter says is well formed")
}
