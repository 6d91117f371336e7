//! A client of MCP with one purpose: to ask a server what it offers, in either era of the protocol.
//!
//! A server is a stranger: what it sends is bounded in size and time, read strictly, and never
//! followed elsewhere.

mod answer;

use std::{env, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use engine::json::{Doc, Node};
use serde_json::{Map, Value, json};
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, StatusCode},
    tls::{RootCerts, TlsConfig},
};

use self::answer::MAX_ANSWER;
use crate::visible::visible;

/// How a server is reached.
#[derive(clap::Args, Clone)]
pub(super) struct Address {
    /// The server's MCP endpoint: `https://crm.example.com/mcp`.
    pub(super) url: String,
    /// The protocol version to speak.
    #[arg(long, value_enum, default_value_t)]
    protocol: Version,
    /// The environment variable that holds the bearer token for the server.
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// A further header to send with each request; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Version {
    /// The newest that the server speaks.
    #[default]
    Auto,
    /// With sessions.
    #[value(name = "2025-11-25")]
    Legacy,
    /// Without sessions.
    #[value(name = "2026-07-28")]
    Modern,
}

/// A server that was greeted.
pub(super) struct Client<'a> {
    address: &'a Address,
    agent: Agent,
    /// Sent with every request.
    headers: Vec<(&'a str, String)>,
    /// The version that both speak.
    version: String,
    /// What the server said when it was greeted.
    greeting: Doc,
    /// The id of the last request.
    id: i64,
}

/// How a server says no: a clause that follows `it`.
struct No(String);

impl<'a> Client<'a> {
    /// Greets the server.
    ///
    /// # Errors
    /// It cannot be reached, lets nobody in, or speaks no MCP.
    pub(super) fn connect(address: &'a Address) -> anyhow::Result<Self> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .user_agent(concat!("toolgate/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let headers = address.headers.iter();
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        if let Some(variable) = &address.token_env {
            let token = env::var(variable).unwrap_or_default();
            if token.trim().is_empty() {
                bail!("the environment variable `{variable}` holds no token");
            }
            headers.push(("authorization", format!("Bearer {}", token.trim())));
        }
        let mut client = Self {
            address,
            agent: agent.into(),
            headers,
            version: MODERN.to_owned(),
            greeting: document(b"{}")?,
            id: 0,
        };
        let url = &address.url;
        let said = match address.protocol {
            Version::Legacy => None,
            Version::Auto | Version::Modern => match client.ask("server/discover", Map::new())? {
                Ok(greeting) if speaks_modern(greeting.root()) => {
                    client.greeting = greeting;
                    return Ok(client);
                }
                Ok(_) => Some("names other versions".to_owned()),
                Err(No(said)) => Some(said),
            },
        };
        if let (Version::Modern, Some(said)) = (address.protocol, said) {
            bail!("`{url}` does not speak MCP {MODERN}: it {said}");
        }
        client.initialize()?;
        Ok(client)
    }

    /// The handshake of 2025-11-25 and before.
    fn initialize(&mut self) -> anyhow::Result<()> {
        let url = &self.address.url;
        self.version.clear();
        let hello = Map::from_iter([
            ("protocolVersion".to_owned(), json!("2025-11-25")),
            ("capabilities".to_owned(), json!({})),
            (
                "clientInfo".to_owned(),
                json!({ "name": "toolgate", "version": env!("CARGO_PKG_VERSION") }),
            ),
        ]);
        let request = self.request("initialize", hello);
        let mut answer = self.post(&request)?;
        let session = header_of(answer.headers(), "mcp-session-id").map(str::to_owned);
        let greeting = match self.read(&mut answer)? {
            Ok(greeting) => greeting,
            Err(No(said)) => bail!("`{url}` does not speak MCP: it {said}"),
        };
        let version = greeting.root().get("protocolVersion").and_then(Node::str);
        let version = version.unwrap_or_default().into_owned();
        if !LEGACY.contains(&version.as_str()) {
            bail!(
                "`{url}` speaks MCP `{}`, which Toolgate does not know",
                visible(&version)
            );
        }
        self.headers
            .extend(session.map(|session| ("mcp-session-id", session)));
        self.version = version;
        self.greeting = greeting;
        self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(())
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// What the server said when it was greeted.
    pub(super) fn greeting(&self) -> Node<'_> {
        self.greeting.root()
    }

    /// The name that the server gives itself.
    pub(super) fn name(&self) -> Option<String> {
        let greeting = self.greeting();
        let info = greeting
            .pointer(&["_meta", "io.modelcontextprotocol/serverInfo"])
            .or_else(|| greeting.get("serverInfo"))?;
        Some(info.get("name")?.str()?.into_owned())
    }

    /// The whole list behind `method`, page by page; empty where the server has none.
    ///
    /// # Errors
    /// The server breaks off, or does not come to an end.
    pub(super) fn list(&mut self, method: &str, member: &str) -> anyhow::Result<Vec<Doc>> {
        let url = &self.address.url;
        let kind = method.split('/').next().unwrap_or_default();
        let mut items = Vec::new();
        if self
            .greeting
            .root()
            .pointer(&["capabilities", kind])
            .is_none()
        {
            return Ok(items);
        }
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let params = cursor
                .iter()
                .map(|it| ("cursor".to_owned(), it.as_str().into()));
            let page = match self.ask(method, params.collect())? {
                Ok(page) => page,
                // Who has resources need not have templates of them.
                Err(_) if method == "resources/templates/list" => return Ok(items),
                Err(No(said)) => bail!("asked for `{method}`, `{url}` {said}"),
            };
            let list = page.root().get(member).with_context(|| {
                format!("asked for `{method}`, `{url}` answered without `{member}`")
            })?;
            for item in list.items() {
                items.push(document(item.raw().as_bytes())?);
            }
            if items.len() > MAX_ITEMS {
                bail!("`{url}` has more than {MAX_ITEMS} {kind}");
            }
            match page.root().get("nextCursor").and_then(Node::str) {
                Some(next) => cursor = Some(next.into_owned()),
                None => return Ok(items),
            }
        }
        bail!("`{url}` does not come to an end: `{method}` has more than {MAX_PAGES} pages")
    }

    /// Ends the session, where there is one.
    pub(super) fn close(self) {
        if self.version == MODERN {
            return;
        }
        let mut request = self.agent.delete(&self.address.url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        // A server may refuse to, and forgets it in time.
        let _ = request.header("mcp-protocol-version", &self.version).call();
    }

    fn ask(&mut self, method: &str, params: Map<String, Value>) -> anyhow::Result<Result<Doc, No>> {
        let request = self.request(method, params);
        let mut answer = self.post(&request)?;
        self.read(&mut answer)
    }

    fn request(&mut self, method: &str, mut params: Map<String, Value>) -> Value {
        self.id = self.id.saturating_add(1);
        if self.version == MODERN {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo":
                    { "name": "toolgate", "version": env!("CARGO_PKG_VERSION") },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            params.insert("_meta".to_owned(), meta);
        }
        json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// No answer came, or one that no other message would change.
    fn post(&self, message: &Value) -> anyhow::Result<Response<Body>> {
        let url = &self.address.url;
        let mut request = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.version.is_empty() {
            request = request.header("mcp-protocol-version", &self.version);
        }
        if self.version == MODERN {
            let method = message.get("method").and_then(Value::as_str);
            request = request.header("mcp-method", method.unwrap_or_default());
        }
        let answer = request
            .send(message.to_string())
            .map_err(|error| anyhow!("cannot reach `{url}`: {}", cause(error)))?;
        let status = answer.status();
        let says =
            |name: &str| header_of(answer.headers(), name).map(|it| visible(it).into_owned());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let what = match (&self.address.token_env, status) {
                    (Some(variable), _) => format!("does not accept the token in `{variable}`"),
                    (None, StatusCode::UNAUTHORIZED) => {
                        "wants a token: name the variable that holds one with --token-env"
                            .to_owned()
                    }
                    (None, _) => "lets nobody in".to_owned(),
                };
                let challenge = says("www-authenticate").map(|it| format!("; it says `{it}`"));
                bail!(
                    "`{url}` {what} ({}{})",
                    status.as_u16(),
                    challenge.unwrap_or_default()
                )
            }
            status if status.is_redirection() => {
                let to = says("location").unwrap_or_default();
                bail!("`{url}` redirects to `{to}`: import from there if you trust it")
            }
            _ => Ok(answer),
        }
    }
}

fn speaks_modern(greeting: Node<'_>) -> bool {
    let versions = greeting.get("supportedVersions");
    versions.is_some_and(|list| list.items().any(|it| it.str().as_deref() == Some(MODERN)))
}

fn document(json: &[u8]) -> anyhow::Result<Doc> {
    Doc::parse(json.to_vec()).map_err(|(fault, _)| fault.into())
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What went wrong below HTTP, in words for people.
fn cause(error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("nothing came within {} s", PATIENCE.as_secs()),
        ureq::Error::BodyExceedsLimit(_) => {
            format!("the answer is larger than {} MB", MAX_ANSWER >> 20)
        }
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

const MODERN: &str = "2026-07-28";
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// For one request, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_PAGES: usize = 100;
const MAX_ITEMS: usize = 10_000;
