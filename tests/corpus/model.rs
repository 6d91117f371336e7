//! The case corpus: what a case says, and how its expectation is compared. Shared by the driver
//! that feeds the engine and by the one that sends it through a real Envoy.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

/// One file of `tests/cases`: a configuration and what must happen under it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// What the file is about.
    pub(crate) about: String,
    /// The registry, as a team would write it.
    pub(crate) registry: Value,
    /// The policy, as a team would write it.
    pub(crate) policy: Value,
    /// A policy that is tried beside it.
    #[serde(default)]
    pub(crate) shadow: Option<Value>,
    /// The cases.
    pub(crate) cases: Vec<Case>,
}

impl Group {
    /// The configuration as the filter takes it.
    pub(crate) fn bundle(&self) -> Value {
        let mut bundle = serde_json::json!({ "registry": self.registry, "policy": self.policy });
        if let Some(shadow) = &self.shadow {
            bundle["shadow"] = shadow.clone();
        }
        bundle
    }
}

/// One request and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Unique within its file.
    pub(crate) name: String,
    /// What the client sends.
    #[serde(default)]
    pub(crate) request: Request,
    /// How often the same was sent before; absent: never.
    #[serde(default)]
    pub(crate) before: usize,
    /// What the upstream would answer.
    #[serde(default)]
    pub(crate) upstream: Upstream,
    /// What the approval service would answer; absent: it is silent.
    #[serde(default)]
    pub(crate) approver: Option<Upstream>,
    /// What it would answer when it is asked again; absent: the same.
    #[serde(default)]
    pub(crate) approver_then: Option<Upstream>,
    /// What must happen.
    pub(crate) expect: Expect,
}

/// A request. Members that are absent are those of a good one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Request {
    /// HTTP method; `POST`.
    pub(crate) method: Option<String>,
    /// Path; `/mcp`.
    pub(crate) path: Option<String>,
    /// `legacy` or `modern`: which headers a good client sends by itself; `legacy`.
    pub(crate) era: Option<String>,
    /// Whether it comes in a session that was opened at the same path before.
    pub(crate) session: bool,
    /// Headers to add or replace; `null` leaves a default out; a list sends several.
    pub(crate) headers: BTreeMap<String, Value>,
    /// The body as text.
    pub(crate) text: Option<String>,
    /// The body as JSON.
    pub(crate) json: Option<Value>,
    /// The body as hexadecimal bytes.
    pub(crate) hex: Option<String>,
    /// A JSON-RPC call: `tool`, `arguments` and, by era, the envelope around them.
    pub(crate) call: Option<ToolCall>,
}

/// A `tools/call` in short.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolCall {
    /// `params.name`.
    pub(crate) tool: String,
    /// `params.arguments`; `{}`.
    #[serde(default)]
    pub(crate) arguments: Option<Value>,
    /// More members of `params._meta`.
    #[serde(default)]
    pub(crate) meta: BTreeMap<String, Value>,
    /// More members of `params`.
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Value>,
}

/// What the upstream answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Upstream {
    /// HTTP status; 200.
    pub(crate) status: Option<u16>,
    /// `legacy` or `modern`: the era it speaks; that of the request.
    pub(crate) era: Option<String>,
    /// `content-type`; `application/json`.
    pub(crate) content_type: Option<String>,
    /// More headers.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body as JSON; `{"jsonrpc":"2.0","id":1,"result":{}}`.
    pub(crate) json: Option<Value>,
    /// The body as text.
    pub(crate) text: Option<String>,
    /// The body as hexadecimal bytes.
    pub(crate) hex: Option<String>,
}

/// What must happen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// What the upstream saw; absent: it saw nothing.
    #[serde(default)]
    pub(crate) forwarded: Option<Forwarded>,
    /// What the approval service was asked; absent: nothing.
    #[serde(default)]
    pub(crate) asked: Option<Asked>,
    /// HTTP status for the client; 200.
    #[serde(default = "ok")]
    pub(crate) status: u16,
    /// Members that the client's JSON body must have, compared deeply where they are given.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// The client's body as text.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Texts that the client's body must not hold.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// Headers that the client must get; the value is a part of theirs, or after `=` all of it.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Members that the audit record must have.
    #[serde(default)]
    pub(crate) record: Option<Value>,
}

/// What the upstream saw.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Forwarded {
    /// The body must be the request's, byte for byte, if this is not given.
    pub(crate) text: Option<String>,
    /// Headers with these values.
    pub(crate) headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    pub(crate) absent: Vec<String>,
}

/// What the approval service was asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// The path, if it is not `/v1/asks`.
    pub(crate) path: Option<String>,
    /// Headers with these values.
    pub(crate) headers: BTreeMap<String, String>,
    /// Members that the JSON body must have.
    pub(crate) body: serde_json::Map<String, Value>,
    /// It is asked again, the same without waiting.
    pub(crate) again: bool,
}

const fn ok() -> u16 {
    200
}

/// Headers as they go on the wire.
type Headers = Vec<(String, Vec<u8>)>;

impl Case {
    /// What opens the session that the request comes in.
    pub(crate) fn opening(&self) -> Option<Self> {
        let json = serde_json::json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": LEGACY, "capabilities": {},
                "clientInfo": { "name": "c", "version": "1" },
            },
        });
        let request = Request {
            path: self.request.path.clone(),
            headers: [("mcp-protocol-version".to_owned(), Value::Null)].into(),
            json: Some(json),
            ..Request::default()
        };
        let expect = Expect {
            status: ok(),
            ..Expect::default()
        };
        self.request.session.then(|| Self {
            name: format!("{}: the session", self.name),
            request,
            before: 0,
            upstream: Upstream::default(),
            approver: None,
            approver_then: None,
            expect,
        })
    }
}

/// The header of a session.
pub(crate) const SESSION: &str = "mcp-session-id";

/// The session that [`said`] opens.
const BACKEND: &str = "backend-1";

/// What a good legacy server says to what the gateway says of its own accord; `None`: this is no such
/// thing.
pub(crate) fn said(session: Option<&str>, body: &[u8]) -> Option<Upstream> {
    let message: Value = serde_json::from_slice(body).ok()?;
    match message["method"].as_str() {
        Some("initialize") if message["id"] == "toolgate" => Some(Upstream {
            headers: [(SESSION.to_owned(), BACKEND.to_owned())].into(),
            json: Some(serde_json::json!({
                "jsonrpc": "2.0", "id": "toolgate", "result": {
                    "protocolVersion": LEGACY, "capabilities": {},
                    "serverInfo": { "name": "s", "version": "1" },
                },
            })),
            ..Upstream::default()
        }),
        Some("notifications/initialized") if session == Some(BACKEND) => Some(Upstream {
            status: Some(202),
            text: Some(String::new()),
            ..Upstream::default()
        }),
        Some(_) | None => None,
    }
}

/// An answer to the request of id 1 as one to this request, which has an id of the gateway's own.
pub(crate) fn readdressed(answer: Vec<u8>, request: &[u8]) -> Vec<u8> {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    match request["id"].as_str().filter(|id| id.starts_with(OWN)) {
        Some(id) => {
            let id = format!(r#""id":"{id}","jsonrpc""#);
            String::from_utf8_lossy(&answer)
                .replace(r#""id":1,"jsonrpc""#, &id)
                .into_bytes()
        }
        None => answer,
    }
}

/// A request without what is random in an id of the gateway's own.
fn anonymous(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let id = body.split_once(&format!("\"{OWN}"));
    let id = id.and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
    id.map_or_else(
        || body.to_string(),
        |(before, rest)| format!("{before}\"{OWN}*\"{rest}"),
    )
}

/// How ids begin that the gateway gives to requests.
const OWN: &str = "toolgate-";

impl Request {
    /// Method, headers (pseudo-headers apart) and body as they go on the wire.
    pub(crate) fn wire(&self) -> (String, String, Headers, Vec<u8>) {
        let method = self.method.clone().unwrap_or_else(|| "POST".to_owned());
        let path = self.path.clone().unwrap_or_else(|| "/mcp".to_owned());
        let modern = self.era.as_deref() == Some("modern");
        let body = self.body(modern);
        let mut defaults: Vec<(&str, String)> = Vec::new();
        match method.as_str() {
            "POST" => {
                defaults.push(("content-type", "application/json".to_owned()));
                defaults.push(("accept", "application/json, text/event-stream".to_owned()));
            }
            _ => defaults.push(("accept", "text/event-stream".to_owned())),
        }
        if modern {
            defaults.push(("mcp-protocol-version", MODERN.to_owned()));
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            if let Some(method) = json["method"].as_str() {
                defaults.push(("mcp-method", method.to_owned()));
            }
            let name = ["name", "uri", "taskId"]
                .iter()
                .find_map(|k| json["params"][k].as_str());
            if let Some(name) = name {
                defaults.push(("mcp-name", name.to_owned()));
            }
        } else {
            defaults.push(("mcp-protocol-version", LEGACY.to_owned()));
        }
        let mut headers: Vec<(String, Vec<u8>)> = defaults
            .into_iter()
            .filter(|(name, _)| !self.headers.contains_key(*name))
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect();
        for (name, value) in &self.headers {
            let values = match value {
                Value::Null => Vec::new(),
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            for value in values {
                headers.push((
                    name.clone(),
                    latin1(
                        value
                            .as_str()
                            .unwrap_or_else(|| panic!("{name}: {value} is no text")),
                    ),
                ));
            }
        }
        (method, path, headers, body)
    }

    fn body(&self, modern: bool) -> Vec<u8> {
        if let Some(text) = &self.text {
            return text.clone().into_bytes();
        }
        if let Some(json) = &self.json {
            return json.to_string().into_bytes();
        }
        if let Some(hex) = &self.hex {
            return bytes(hex);
        }
        let Some(call) = &self.call else {
            return Vec::new();
        };
        let mut params = serde_json::json!({ "name": call.tool });
        if let Some(arguments) = &call.arguments {
            params["arguments"] = arguments.clone();
        }
        for (name, value) in &call.params {
            params[name] = value.clone();
        }
        let mut meta = call.meta.clone();
        if modern {
            meta.insert(
                "io.modelcontextprotocol/protocolVersion".into(),
                MODERN.into(),
            );
            meta.entry("io.modelcontextprotocol/clientCapabilities".into())
                .or_insert_with(|| serde_json::json!({}));
        }
        if !meta.is_empty() {
            params["_meta"] = serde_json::to_value(meta).expect("JSON");
        }
        serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
            .to_string()
            .into_bytes()
    }
}

impl Upstream {
    /// Status, headers and body.
    pub(crate) fn wire(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let content_type = self.content_type.as_deref().unwrap_or("application/json");
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        headers.extend(self.headers.clone());
        let body = match (&self.text, &self.json, &self.hex) {
            (Some(text), ..) => text.clone().into_bytes(),
            (None, Some(json), _) => json.to_string().into_bytes(),
            (None, None, Some(hex)) => bytes(hex),
            (None, None, None) => br#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_vec(),
        };
        (self.status.unwrap_or(200), headers, body)
    }

    /// Whether the case says what is answered.
    pub(crate) const fn is_told(&self) -> bool {
        self.text.is_some() || self.json.is_some() || self.hex.is_some()
    }
}

/// The bytes that these digits stand for; white space does not count.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// What a driver saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Headers (lower case) and body of the one request that reached the upstream.
    pub(crate) forwarded: Option<(BTreeMap<String, String>, Vec<u8>)>,
    /// Headers (lower case, `:path` among them) and bodies of the requests that reached the approval
    /// service.
    pub(crate) asked: Vec<(BTreeMap<String, String>, Vec<u8>)>,
    /// The client's status.
    pub(crate) status: u16,
    /// The client's headers.
    pub(crate) headers: BTreeMap<String, String>,
    /// The client's body.
    pub(crate) body: Vec<u8>,
    /// The audit record.
    pub(crate) record: Value,
}

impl Case {
    /// What differs from the expectation, a line each.
    pub(crate) fn differences(&self, seen: &Seen) -> Vec<String> {
        let mut wrong = Vec::new();
        let expect = &self.expect;
        let body = String::from_utf8_lossy(&seen.body);
        if seen.status != expect.status {
            wrong.push(format!(
                "status {} instead of {}: {body}",
                seen.status, expect.status
            ));
        }
        match (&expect.forwarded, &seen.forwarded) {
            (None, None) => {}
            (None, Some((_, body))) => {
                wrong.push(format!(
                    "reached the upstream: {}",
                    String::from_utf8_lossy(body)
                ));
            }
            (Some(_), None) => wrong.push(format!("did not reach the upstream; answer: {body}")),
            (Some(expected), Some((headers, sent))) => {
                let (.., original) = self.request.wire();
                let want = expected
                    .text
                    .as_ref()
                    .map_or(original, |t| t.clone().into_bytes());
                let (sent, want) = (anonymous(sent), anonymous(&want));
                if sent != want {
                    wrong.push(format!("forwarded body {sent}\n    instead of {want}"));
                }
                for (name, value) in &expected.headers {
                    if headers.get(name) != Some(value) {
                        let got = headers.get(name);
                        wrong.push(format!("forwarded {name}: {got:?} instead of {value}"));
                    }
                }
                for name in &expected.absent {
                    if headers.contains_key(name) {
                        wrong.push(format!("forwarded {name}"));
                    }
                }
            }
        }
        self.compare_asked(seen, &mut wrong);
        if let Some(text) = &expect.text
            && body != *text
        {
            wrong.push(format!("body {body:?}\n    instead of {text:?}"));
        }
        if let Some(expected) = &expect.body {
            let got: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            compare("body", expected, &got, &mut wrong);
        }
        for text in &expect.without {
            if body.contains(text) {
                wrong.push(format!("body holds {text:?}: {body}"));
            }
        }
        for (name, part) in &expect.headers {
            let got = seen.headers.get(name).map_or("", String::as_str);
            let fits = match part.strip_prefix('=') {
                Some(whole) => got == whole,
                None => got.contains(part.as_str()),
            };
            if !fits {
                wrong.push(format!("header {name}: {got:?} without {part:?}"));
            }
        }
        if let Some(expected) = &expect.record {
            compare("record", expected, &seen.record, &mut wrong);
        }
        wrong
    }
}

impl Case {
    fn compare_asked(&self, seen: &Seen, wrong: &mut Vec<String>) {
        let (expected, (headers, body)) = match (&self.expect.asked, seen.asked.first()) {
            (None, None) => return,
            (None, Some((_, body))) => {
                return wrong.push(format!("was asked: {}", String::from_utf8_lossy(body)));
            }
            (Some(_), None) => return wrong.push("was not asked".to_owned()),
            (Some(expected), Some(asked)) => (expected, asked),
        };
        let again = seen.asked.iter().skip(1);
        let again: Vec<_> = again
            .map(|(headers, again)| (headers[":path"].as_str(), again))
            .collect();
        if again != vec![("/v1/asks", body); usize::from(expected.again)] {
            wrong.push(format!("asked again: {again:?}"));
        }
        let path = expected.path.as_deref().unwrap_or("/v1/asks");
        let fixed = [(":path", path), ("content-type", "application/json")];
        let named = expected
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in fixed.into_iter().chain(named) {
            let got = headers.get(name);
            if got.map(String::as_str) != Some(value) {
                wrong.push(format!("asked with {name}: {got:?} instead of {value}"));
            }
        }
        let got: Value = serde_json::from_slice(body).unwrap_or_default();
        compare("asked", &Value::Object(expected.body.clone()), &got, wrong);
    }
}

/// Every member that `expected` has must be in `got`; `null` means absent or null; arrays are
/// compared whole.
fn compare(at: &str, expected: &Value, got: &Value, wrong: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, value) in expected {
                let got = got.get(key).unwrap_or(&Value::Null);
                compare(&format!("{at}.{key}"), value, got, wrong);
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{at}[{index}]"), expected, got, wrong);
            }
        }
        (Value::String(part), Value::String(got)) if part.starts_with('~') => {
            if !got.contains(&part[1..]) {
                wrong.push(format!("{at}: {got:?} without {:?}", &part[1..]));
            }
        }
        _ if expected == got => {}
        _ => wrong.push(format!("{at}: {got} instead of {expected}")),
    }
}

/// Every group of the corpus, by file name.
pub(crate) fn groups(folder: &Path) -> Vec<(String, Group)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a readable file");
            let group = serde_saphyr::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (
                path.file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                group,
            )
        })
        .collect()
}

/// Characters up to U+00FF stand for bytes, so that a case can hold any header byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a byte"))
        .collect()
}

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";
