//! A call that a person wrote, as the request that a client would send.

use std::{collections::BTreeMap, time::SystemTime};

use engine::{
    config::{OneOrMany, Protocol},
    cx::Timestamp,
    http::{Headers, Peer},
    policy::Policy,
    problem::{Problem, closest},
    registry::{Registry, Server},
    rpc,
};
use serde_json::{Map, Value, json};

use super::{
    Caller, Expect, Http, List, Trial, Who,
    bytes::{bytes, latin1},
    caller,
};

/// A header as it goes on the wire.
pub(super) type Header = (String, Vec<u8>);

/// What reaches the gateway.
pub(crate) struct Request {
    /// Its headers, pseudo-headers included.
    pub(crate) headers: Headers,
    /// What the connection says about the caller.
    pub(crate) peer: Peer,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// When.
    pub(crate) now: Timestamp,
    /// How often.
    pub(super) repeat: u32,
    /// What is listed, and by which server.
    pub(super) list: Option<(List, String)>,
}

/// What trials of one file have in common.
pub(crate) struct Setting<'a> {
    /// Callers by name.
    pub(crate) callers: &'a BTreeMap<String, Caller>,
    /// When calls are made that do not say it themselves.
    pub(crate) now: Timestamp,
}

impl Trial {
    /// The request that this call is.
    ///
    /// # Errors
    /// What does not make sense under this policy.
    pub(crate) fn request(
        &self,
        policy: &Policy,
        setting: &Setting<'_>,
    ) -> Result<Request, Vec<Problem>> {
        let at = self.at.as_str();
        let kinds = [
            self.call.is_some(),
            self.read.is_some(),
            self.prompt.is_some(),
            self.list.is_some(),
            self.http.is_some(),
        ];
        if kinds.iter().filter(|said| **said).count() != 1 {
            let message = "expected exactly one of `call`, `read`, `prompt`, `list`, `http`";
            return Err(vec![Problem::new(at, message)]);
        }
        let mut problems = self.misplaced(at);
        let mut note = |problem: Problem| problems.push(problem);
        let now = match &self.now {
            None => setting.now,
            Some(text) => Timestamp::parse(text).unwrap_or_else(|| {
                note(no_time(&under(at, "now"), text));
                setting.now
            }),
        };
        let repeat = self.repeat.unwrap_or(1);
        if !(1..=MAX_REPEAT).contains(&repeat) {
            let message = format!("`{repeat}` is not from 1 to {MAX_REPEAT}");
            note(Problem::new(under(at, "repeat"), message));
        }
        let server = self
            .server(policy.registry(), at)
            .unwrap_or_else(|problem| {
                note(problem);
                None
            });
        let (introduced, peer) = match self.caller(setting, policy, at) {
            Ok(introduced) => introduced,
            Err(found) => {
                found.into_iter().for_each(&mut note);
                Default::default()
            }
        };
        let plain = server.is_some_and(|server| server.protocol == Protocol::Http);
        let modern = self.call.as_deref().filter(|_| plain);
        let body = self.body(modern.is_some()).unwrap_or_else(|message| {
            note(Problem::new(under(at, "http.hex"), message));
            Vec::new()
        });
        let endpoint = server.map_or("/", |server| server.endpoint.as_str());
        let headers = self
            .headers(endpoint, modern, introduced)
            .unwrap_or_else(|name| {
                let message = format!("`{name}` holds a character that is no byte");
                note(Problem::new(
                    under(at, &format!("http.headers.{name}")),
                    message,
                ));
                Vec::new()
            });
        if !problems.is_empty() {
            return Err(problems);
        }
        let pairs = headers.into_iter();
        Ok(Request {
            headers: Headers::new(pairs.map(|(name, value)| (name.into_bytes(), value))),
            peer,
            body,
            now,
            repeat,
            list: self.list.zip(server.map(|server| server.id.clone())),
        })
    }

    /// What of the members does not go together.
    fn misplaced(&self, at: &str) -> Vec<Problem> {
        let expect = self.expect.as_ref();
        let has_arguments = self.call.is_some() || self.prompt.is_some();
        let (list, whole) = (self.list.is_some(), self.http.is_none());
        let seen = |names: fn(&Expect) -> bool| expect.is_some_and(names);
        let rows = [
            (
                "arguments",
                self.arguments.is_some(),
                has_arguments,
                "`call` or `prompt`",
            ),
            (
                "meta",
                self.meta.is_some(),
                whole,
                "all but `http`, which has it in its body",
            ),
            (
                "session",
                self.session.is_some(),
                whole,
                "all but `http`, which has it as a header",
            ),
            (
                "expect.visible",
                seen(|it| it.visible.is_some()),
                list,
                "`list`",
            ),
            (
                "expect.shows",
                seen(|it| it.shows.is_some()),
                list,
                "`list`",
            ),
            (
                "expect.hides",
                seen(|it| it.hides.is_some()),
                list,
                "`list`",
            ),
        ];
        let mut problems: Vec<_> = rows
            .into_iter()
            .filter(|(_, said, fits, _)| *said && !fits)
            .map(|(member, .., with)| {
                Problem::new(under(at, member), format!("`{member}` goes with {with}"))
            })
            .collect();
        if expect.is_some_and(|expect| *expect == Expect::default()) {
            let problem = Problem::new(under(at, "expect"), "nothing is expected");
            problems.push(problem.help("say at least `decision`"));
        }
        problems
    }

    /// The server that is called; `None`: the request says its path itself.
    fn server<'a>(&self, registry: &'a Registry, at: &str) -> Result<Option<&'a Server>, Problem> {
        if let Some(id) = &self.server {
            return registry.server(id).map(Some).ok_or_else(|| {
                let known = registry.servers().map(|server| server.id.as_str());
                let problem = Problem::new(
                    under(at, "server"),
                    format!("no server `{id}` is registered"),
                );
                suggest(problem, id, known)
            });
        }
        if self.http.as_ref().is_some_and(|http| http.path.is_some()) {
            return Ok(None);
        }
        let (member, name) = match (&self.call, &self.prompt, &self.read, &self.list) {
            (Some(name), ..) => ("call", name.as_str()),
            (None, Some(name), ..) => ("prompt", name.as_str()),
            (None, None, Some(uri), _) => ("read", uri.as_str()),
            (None, None, None, Some(_)) => ("list", ""),
            (None, None, None, None) => ("http", ""),
        };
        let at_server = |server: &&Server| match member {
            "call" => registry
                .tool(name)
                .is_some_and(|entry| entry.server == server.id),
            "prompt" => registry
                .prompt(name)
                .is_some_and(|entry| entry.server == server.id),
            "read" => registry.resource(&server.id, name).is_some(),
            _ => false,
        };
        let having: Vec<_> = registry.servers().filter(at_server).collect();
        let all: Vec<_> = registry.servers().collect();
        if let ([one], _) | ([], [one]) = (having.as_slice(), all.as_slice()) {
            return Ok(Some(one));
        }
        let entries = registry.entries().map(|entry| entry.name.as_str());
        let (choices, message, near) = match having.as_slice() {
            [] if name.is_empty() => (all, "which `server`?".to_owned(), None),
            [] => {
                let message = format!("nothing named `{name}` is registered: at which `server`?");
                (all, message, closest(name, entries))
            }
            _ => {
                let message =
                    format!("`{name}` is registered for several servers: which `server`?");
                (having, message, None)
            }
        };
        let choices: Vec<_> = choices
            .iter()
            .map(|server| format!("`{}`", server.id))
            .collect();
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", choices.join(", ")),
        };
        Err(Problem::new(under(at, member), message).help(help))
    }

    fn caller(
        &self,
        setting: &Setting<'_>,
        policy: &Policy,
        at: &str,
    ) -> Result<(Vec<Header>, Peer), Vec<Problem>> {
        let (facts, at) = match &self.caller {
            None => return Ok(Default::default()),
            Some(Who::Facts(facts)) => (facts, under(at, "caller")),
            Some(Who::Named(name)) => match setting.callers.get(name) {
                Some(facts) => (facts, format!("callers.{name}")),
                None => {
                    let message = format!("no caller `{name}` under `callers`");
                    let problem = Problem::new(under(at, "caller"), message);
                    let known = setting.callers.keys().map(String::as_str);
                    return Err(vec![match known.len() {
                        0 => problem.help("write the facts themselves: `caller: { user: .. }`"),
                        _ => suggest(problem, name, known),
                    }]);
                }
            },
        };
        caller::introduce(facts, policy.identity(), &at)
    }

    /// Those that a good client sends, of `modern` without a session, or that are written out.
    fn headers(
        &self,
        endpoint: &str,
        modern: Option<&str>,
        introduced: Vec<Header>,
    ) -> Result<Vec<Header>, String> {
        let name = modern.map(rpc::encode_header);
        let good = Http::default();
        let http = self.http.as_ref().unwrap_or(&good);
        let method = http.method.as_deref().unwrap_or("POST");
        let post = method == "POST";
        let mut headers: Vec<Header> = [
            (":method", method),
            (":path", http.path.as_deref().unwrap_or(endpoint)),
            (":scheme", "http"),
            (":authority", "127.0.0.1:10000"),
            ("accept", if post { BOTH } else { "text/event-stream" }),
            ("mcp-protocol-version", modern.map_or(LEGACY, |_| MODERN)),
        ]
        .into_iter()
        .chain(post.then_some(("content-type", "application/json")))
        .chain(self.session.as_deref().map(|id| ("mcp-session-id", id)))
        .chain(modern.map(|_| ("mcp-method", "tools/call")))
        .chain(name.as_deref().map(|name| ("mcp-name", name)))
        .filter(|(name, _)| !http.headers.contains_key(*name))
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
        for (name, values) in &http.headers {
            for value in values.iter().flat_map(OneOrMany::iter) {
                headers.push((name.clone(), latin1(value).ok_or_else(|| name.clone())?));
            }
        }
        headers.extend(introduced);
        Ok(headers)
    }

    fn body(&self, modern: bool) -> Result<Vec<u8>, &'static str> {
        let message = |method: &str, params: Map<String, Value>| {
            let mut params = params;
            let mut meta = self.meta.as_ref().map(|meta| json!(meta));
            if modern {
                let meta = meta.get_or_insert_with(|| json!({}));
                meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
                meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            }
            if let Some(meta) = meta {
                params.insert("_meta".to_owned(), meta);
            }
            let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            Ok(message.to_string().into_bytes())
        };
        let named = |key: &str, value: &str| {
            let mut params = Map::from_iter([(key.to_owned(), json!(value))]);
            if let Some(arguments) = &self.arguments {
                params.insert("arguments".to_owned(), json!(arguments));
            }
            params
        };
        if let Some(tool) = &self.call {
            return message("tools/call", named("name", tool));
        }
        if let Some(prompt) = &self.prompt {
            return message("prompts/get", named("name", prompt));
        }
        if let Some(uri) = &self.read {
            return message("resources/read", named("uri", uri));
        }
        if let Some(list) = self.list {
            return message(list.method(), Map::new());
        }
        match &self.http {
            Some(Http { hex: Some(hex), .. }) => {
                bytes(hex).ok_or("expected pairs of hexadecimal digits")
            }
            Some(Http {
                body: Some(Value::String(text)),
                ..
            }) => Ok(text.clone().into_bytes()),
            Some(Http {
                body: Some(value), ..
            }) => Ok(value.to_string().into_bytes()),
            Some(Http { body: None, .. }) | None => Ok(Vec::new()),
        }
    }
}

impl List {
    const fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Resources => "resources/list",
            Self::Prompts => "prompts/list",
        }
    }
}

/// The present time.
pub(crate) fn present() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = since.unwrap_or_default().as_nanos();
    Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// The path of a member.
fn under(at: &str, member: &str) -> String {
    let dot = if at.is_empty() { "" } else { "." };
    format!("{at}{dot}{member}")
}

/// A text that is no time.
pub(crate) fn no_time(path: &str, text: &str) -> Problem {
    Problem::new(path, format!("`{text}` is neither a date nor a time"))
        .help("write it as in `2026-11-02T10:00:00Z`")
}

fn suggest<'a>(problem: Problem, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    match closest(name, known) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
}

const BOTH: &str = "application/json, text/event-stream";
const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";
/// More than any limit that is worth a test by repetition; it takes a second.
const MAX_REPEAT: u32 = 10_000;
