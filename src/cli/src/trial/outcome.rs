//! What becomes of a request: driven through the engine as the filter drives it.

use std::{collections::BTreeSet, sync::Arc};

use engine::{
    Cx, Event, Exchange, Policy, Step,
    call::{Call, Partial},
    cx::Memory,
    http::{Edits, HeaderEdit, Headers, Reply},
    identity,
    json::{Doc, Node},
    record::End,
    registry::{Endpoint, Entry, Kind},
    rpc::{self, Target},
};
use serde_json::{Value, json};

use super::{List, Request};

/// What became of a request.
pub(crate) struct Outcome {
    /// The audit record.
    pub(crate) record: Value,
    /// What the agent is told, where Toolgate answers.
    pub(crate) said: String,
    /// The request that it becomes, where its server speaks plain HTTP.
    pub(crate) sent: Option<String>,
    /// What a list shows.
    pub(crate) visible: BTreeSet<String>,
}

impl Outcome {
    /// A member of the record, as text.
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.record.get(member)?.as_str()
    }

    /// Who has to approve: roles, or `user`.
    pub(crate) fn approvers(&self) -> Vec<&str> {
        let list = self.record.get("approvers").and_then(Value::as_array);
        let names = list.into_iter().flatten();
        names.filter_map(Value::as_str).collect()
    }
}

impl Request {
    /// Sends the request through the policy, as often as it is to be made; what becomes of the last.
    pub(crate) fn run(&self, policy: &Arc<Policy>) -> Outcome {
        let memory = Memory::default();
        let cx = memory.at(self.now);
        for _ in 1..self.repeat {
            self.once(policy, cx);
        }
        self.once(policy, cx)
    }

    fn once(&self, policy: &Arc<Policy>, cx: Cx<'_>) -> Outcome {
        let mut exchange = Exchange::new(Arc::clone(policy));
        let mut step = exchange.on(
            Event::RequestHead {
                headers: self.headers.clone(),
                peer: self.peer.clone(),
                end: self.body.is_empty(),
            },
            &cx,
        );
        if matches!(step, Step::Hold) {
            let bytes = &self.body;
            step = exchange.on(Event::RequestBody { bytes, end: true }, &cx);
        }
        let mut visible = BTreeSet::new();
        let mut details = None;
        let mut sent = None;
        let (status, said) = match step {
            Step::Forward(edits) => {
                sent = plain(&edits);
                if let Some((list, server)) = &self.list {
                    let listed = everything(policy, *list, server);
                    visible = names(&answer(&mut exchange, &listed, &cx));
                } else {
                    // Nobody knows what a server would say: nobody waits for it.
                    details = Some("downstream_remote_disconnect".to_owned());
                }
                (Some(200), String::new())
            }
            Step::Reply(reply) => (Some(reply.status), words(&reply)),
            // Nobody is asked: what was decided is all there is to tell.
            Step::Call(_) => (Some(200), String::new()),
            // Nothing more comes: the client went away.
            Step::Hold | Step::Cut => (None, String::new()),
        };
        let end = End {
            status,
            details: details.clone(),
            ..End::default()
        };
        let record = exchange.close(end, &cx).record;
        let mut record: Value = serde_json::from_slice(&record).unwrap_or_default();
        if let (Some(_), Some(record)) = (details, record.as_object_mut()) {
            record.remove("result");
            record.remove("details");
        }
        Outcome {
            record,
            said,
            sent,
            visible,
        }
    }

    /// Shows each use of something registered that this request is, as policy sees it.
    pub(crate) fn calls(&self, policy: &Policy, mut each: impl FnMut(&Call<'_>)) {
        let registry = policy.registry();
        let path = self.headers.one(":path").ok().flatten().unwrap_or_default();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let (headers, peer) = (&self.headers, &self.peer);
        let principal = identity::principal(policy.identity(), None, headers, peer);
        let (Some(endpoint), Ok(principal)) = (registry.endpoint(path), principal) else {
            return;
        };
        let server = match endpoint {
            Endpoint::Server(server) => Some(server.id.as_str()),
            Endpoint::Virtual(_) => None,
        };
        let Ok(doc) = Doc::parse(self.body.clone()) else {
            return;
        };
        let Ok(message) = rpc::read(&doc, &self.headers) else {
            return;
        };
        let mut show = |entry: Option<&Entry>, args: Option<Node<'_>>| {
            if let Some(entry) = entry.filter(|it| server.is_none_or(|id| it.server == id)) {
                each(&Call {
                    principal: &principal,
                    entry,
                    args: Partial::Known(args),
                    meta: Partial::Known(message.meta()),
                    session: self.headers.one("mcp-session-id").ok().flatten(),
                    now: self.now,
                });
            }
        };
        let resource = |uri: &str| match server {
            Some(server) => registry.resource(server, uri),
            None => registry.resource_anywhere(uri),
        };
        match &message.target {
            Target::Tool(name) => show(registry.tool(name), message.arguments()),
            Target::Prompt(name) => show(registry.prompt(name), message.arguments()),
            Target::Resource(uri) => show(resource(uri), message.params),
            Target::Watched { resources, .. } => {
                for uri in resources {
                    show(resource(uri), None);
                }
            }
            Target::Plumbing
            | Target::Task(_)
            | Target::Tasks
            | Target::List(_)
            | Target::Unknown => {}
        }
    }
}

/// What is sent in place of a call: where nothing is, its method stays.
fn plain(edits: &Edits) -> Option<String> {
    let mut set = edits.headers.iter().filter_map(|edit| match edit {
        HeaderEdit::Set(name, value) => Some((&**name, value.as_str())),
        HeaderEdit::Remove(_) => None,
    });
    let (_, method) = set.find(|(name, _)| *name == ":method")?;
    let mut text = method.to_owned();
    for (name, value) in set {
        match name {
            ":path" => text.push_str(&format!(" {value}")),
            "accept" | "content-length" => {}
            name => text.push_str(&format!("\n{name}: {value}")),
        }
    }
    let body = edits.body.as_deref().filter(|body| !body.is_empty());
    text.extend(body.map(|body| format!("\n{}", String::from_utf8_lossy(body))));
    Some(text)
}

/// Lets the upstream answer, and gives what reaches the client.
fn answer(exchange: &mut Exchange, message: &Value, cx: &Cx<'_>) -> Vec<u8> {
    let headers = [(":status", "200"), ("content-type", "application/json")];
    let pairs = headers.map(|(name, value)| (name.into(), value.into()));
    let mut step = exchange.on(
        Event::ResponseHead {
            headers: Headers::new(pairs),
            details: None,
            end: false,
        },
        cx,
    );
    let bytes = message.to_string().into_bytes();
    if !matches!(step, Step::Reply(_)) {
        let event = Event::ResponseBody {
            bytes: &bytes,
            end: true,
        };
        step = exchange.on(event, cx);
    }
    match step {
        Step::Forward(Edits {
            body: Some(body), ..
        }) => body,
        Step::Forward(Edits { body: None, .. }) | Step::Hold | Step::Call(_) | Step::Cut => bytes,
        Step::Reply(reply) => reply.body,
    }
}

/// A list of all that is registered for a server, as the server would give it.
fn everything(policy: &Policy, list: List, server: &str) -> Value {
    let (kind, members) = match list {
        List::Tools => (Kind::Tool, [("tools", "name")].as_slice()),
        List::Prompts => (Kind::Prompt, [("prompts", "name")].as_slice()),
        List::Resources => (
            Kind::Resource,
            [("resources", "uri"), ("resourceTemplates", "uriTemplate")].as_slice(),
        ),
    };
    let entries = || {
        let of_server = |entry: &&Entry| entry.kind == kind && entry.server == server;
        policy.registry().entries().filter(of_server)
    };
    let result: serde_json::Map<_, _> = members
        .iter()
        .map(|(member, key)| {
            let items = entries().map(|entry| json!({ *key: entry.backend_name }));
            ((*member).to_owned(), items.collect())
        })
        .collect();
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

/// What a list names.
fn names(body: &[u8]) -> BTreeSet<String> {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let lists = message.get("result").and_then(Value::as_object);
    let items = lists.into_iter().flat_map(|lists| lists.values());
    let keys = ["name", "uri", "uriTemplate"];
    items
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|item| keys.iter().find_map(|key| item.get(*key)?.as_str()))
        .map(str::to_owned)
        .collect()
}

/// What an answer says in words: the text of a tool's result, the message of an error, or else its
/// body.
fn words(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let content = body.pointer("/result/content").and_then(Value::as_array);
    let texts: Vec<_> = content
        .into_iter()
        .flatten()
        .chain(body.get("error"))
        .filter_map(|part| part.get("text").or_else(|| part.get("message"))?.as_str())
        .collect();
    if texts.is_empty() {
        return String::from_utf8_lossy(&reply.body).into_owned();
    }
    texts.join("\n")
}
