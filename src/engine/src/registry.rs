//! What exists: servers, and the tools, resources and prompts that agents may know of.
//!
//! Look-ups cost the same for ten entries and for ten thousand. Who may use an entry is the
//! policy's business.

mod backend;
mod breaker;
pub(crate) mod build;
mod likeness;
pub(crate) mod limits;
mod list;
mod normalize;
pub(crate) mod pattern;
mod pin;
mod resource;
mod rest;
mod result;
pub(crate) mod text;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::Value;

use crate::{
    breaker::Breaker, config::Protocol, contract::Schema, cx::Timestamp, json::Pointer,
    limit::Limit, rest::Template,
};
use pattern::Patterns;

pub use crate::config::{Access, Cost, Deprecated, OAuth2, RiskTier, ServerRequest};
pub use backend::{Credential, Health};
pub use likeness::Stranger;
pub use list::List;
pub(crate) use list::Word;
pub use normalize::Normalize;
pub use pattern::template;
pub use pin::{CONTRACT, changed, greeting_pin, hides, pin};
pub use result::ResultBounds;
pub use version::{Share, WHOLE};

/// Everything that is registered.
#[derive(Debug, Default)]
pub struct Registry {
    virtual_server: Option<Virtual>,
    servers: BTreeMap<String, Server>,
    endpoints: BTreeMap<String, String>,
    entries: Vec<Entry>,
    tools: Names,
    prompts: Names,
    resources: BTreeMap<String, Patterns>,
    resources_of_all: Patterns,
    /// Resources by their URI, and patterns by their template. Where two servers have the same, the
    /// one that is written first.
    uris: BTreeMap<String, usize>,
    templates: BTreeMap<String, usize>,
    looks: OnceLock<BTreeSet<(Kind, String)>>,
}

/// The server that agents see where there are many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Virtual {
    /// The path at the gateway where agents reach it.
    pub path: String,
    /// The name by which it introduces itself.
    pub name: String,
    /// The title that people see.
    pub title: Option<String>,
    /// Its version.
    pub version: String,
    /// What agents are told about how to use it.
    pub instructions: Option<String>,
    /// How many entries a page of a list holds.
    pub page_size: usize,
}

/// What agents reach at a path of the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Endpoint<'a> {
    /// One server, as it is.
    Server(&'a Server),
    /// All servers, as one.
    Virtual(&'a Virtual),
}

/// An MCP server behind the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The name that entries and rules use.
    pub id: String,
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    /// The path at the server.
    pub path: String,
    /// The path at the gateway where agents reach it.
    pub endpoint: String,
    /// Where it is, for configurations that are generated.
    pub url: Option<String>,
    /// The protocol versions it speaks.
    pub protocol: Protocol,
    /// What it may ask of clients.
    pub requests: BTreeSet<ServerRequest>,
    /// What keeps calls away from it.
    pub breaker: Option<Arc<Breaker>>,
    /// The URL of what answers in its place while it fails.
    pub failover: Option<String>,
    /// How Envoy finds out whether it is well.
    pub health: Option<Health>,
    /// How the gateway proves itself to it.
    pub credential: Option<Credential>,
    /// What agents are told about how to use it.
    pub instructions: Option<String>,
    /// What it said itself when that was reviewed, as [`greeting_pin`] gives it.
    pub pin: Option<String>,
    /// Where it is written: `registry[0]:servers.crm`.
    pub at: String,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Called with `tools/call`.
    Tool,
    /// Read with `resources/read`.
    Resource,
    /// Fetched with `prompts/get`.
    Prompt,
}

/// A registered tool, resource or prompt.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The stable name that agents and rules use; for a resource its URI or URI pattern.
    pub name: String,
    /// The name that its server knows.
    pub backend_name: String,
    /// The id of its server.
    pub server: String,
    /// The title that people see.
    pub title: Option<String>,
    /// The description that agents see.
    pub description: Option<String>,
    /// Further members of the MCP object, as agents see them in place of the server's.
    pub members: Vec<(&'static str, Value)>,
    /// The template (RFC 6570) of a resource pattern.
    pub template: Option<String>,
    item: OnceLock<String>,
    /// How much harm a wrong use can do.
    pub risk_tier: RiskTier,
    /// Whether a use changes anything.
    pub access: Access,
    /// The scopes that every use needs, separated by spaces.
    pub auth_scope: Option<String>,
    /// Whether every use needs an approval, whatever the rules allow.
    pub approval_required: bool,
    /// The role that approves where the rule names none.
    pub approver_role: Option<String>,
    /// The version of its contract.
    pub contract_version: Option<String>,
    /// How sensitive its data are.
    pub data_classification: Option<String>,
    /// Where its arguments hold what only few may see.
    pub sensitive: Vec<Pointer>,
    /// The tenants that it exists for; `None`: all.
    pub tenants: Option<BTreeSet<String>>,
    /// The environments that it exists in; `None`: all.
    pub environments: Option<BTreeSet<String>>,
    /// What a use costs.
    pub cost: Cost,
    /// How much of it may be had.
    pub limits: Vec<Arc<Limit>>,
    /// What keeps uses away from it.
    pub breaker: Option<Arc<Breaker>>,
    /// How long its server may take, all tries together.
    pub timeout: Option<Duration>,
    /// Whether a use that found no answer may be tried again.
    pub idempotent: bool,
    /// From this moment it does not exist any more.
    pub sunset: Option<Timestamp>,
    /// That it will go, as it is written.
    pub deprecated: Option<Deprecated>,
    /// The requests that its calls become, where its server speaks plain HTTP.
    pub rest: Option<Template>,
    /// The contract of its arguments.
    pub input: Schema,
    /// The contract of its structured result.
    pub output: Option<Schema>,
    /// How its results are brought into that form.
    pub normalize: Option<Normalize>,
    /// What its results are held to.
    pub result: ResultBounds,
    /// What its server announced when it was reviewed, as [`pin`] gives it.
    pub pin: Option<String>,
    /// Its versions, and who has them.
    pub shares: Vec<Share>,
    /// The place of the tool that it is a version of; its own, where it is none.
    pub(crate) tool: usize,
    /// Its place in the registry.
    pub(crate) slot: usize,
}

/// Places of entries of one kind, by stable name and by name at the server.
#[derive(Debug, Default)]
struct Names {
    stable: BTreeMap<String, usize>,
    backend: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Registry {
    /// What keeps calls away from an entry: its own breaker, and that of its server.
    pub fn breakers<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Arc<Breaker>> {
        let of_server = self.server(&entry.server);
        let of_server = of_server.and_then(|server| server.breaker.as_ref());
        entry.breaker.iter().chain(of_server)
    }

    /// The entry at this place.
    pub(crate) fn entry(&self, slot: usize) -> Option<&Entry> {
        self.entries.get(slot)
    }

    /// The tool that agents know as `name`.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Entry> {
        self.tools
            .stable
            .get(name)
            .and_then(|slot| self.entries.get(*slot))
    }

    /// The tool that `server` knows as `name`.
    #[must_use]
    pub fn tool_by_backend(&self, server: &str, name: &str) -> Option<&Entry> {
        self.tools
            .at(server, name)
            .and_then(|slot| self.entries.get(slot))
    }

    /// Whether `name` is that of a tool which `server` does not have, and another one does.
    #[must_use]
    pub fn is_foreign(&self, server: &str, name: &str) -> bool {
        self.tool(name).is_some_and(|tool| tool.server != server)
            && self.tool_by_backend(server, name).is_none()
    }

    /// The prompt that agents know as `name`.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&Entry> {
        self.prompts
            .stable
            .get(name)
            .and_then(|slot| self.entries.get(*slot))
    }

    /// The prompt that `server` knows as `name`.
    #[must_use]
    pub fn prompt_by_backend(&self, server: &str, name: &str) -> Option<&Entry> {
        self.prompts
            .at(server, name)
            .and_then(|slot| self.entries.get(slot))
    }

    /// What `server` has of a kind.
    pub fn of(&self, server: &str, kind: Kind) -> impl Iterator<Item = &Entry> {
        let names = match kind {
            Kind::Tool => self.tools.backend.get(server),
            Kind::Prompt => self.prompts.backend.get(server),
            Kind::Resource => None,
        };
        let patterns = match kind {
            Kind::Resource => self.resources.get(server),
            Kind::Tool | Kind::Prompt => None,
        };
        let named = names.into_iter().flatten().map(|(_, slot)| *slot);
        let slots = named.chain(patterns.into_iter().flat_map(Patterns::all));
        slots.filter_map(|slot| self.entries.get(slot))
    }

    /// Everything registered, in the order written: tools, resources, prompts. Versions of a tool
    /// are [apart](Self::versions).
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.tool == entry.slot)
    }

    /// Every server, by id.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.values()
    }

    /// The server with this id.
    #[must_use]
    pub fn server(&self, id: &str) -> Option<&Server> {
        self.servers.get(id)
    }

    /// The server that stands for all of them, where agents see one.
    #[must_use]
    pub const fn virtual_server(&self) -> Option<&Virtual> {
        self.virtual_server.as_ref()
    }

    /// What agents reach at this path of the gateway.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Option<Endpoint<'_>> {
        let of_all = self.virtual_server.as_ref();
        if let Some(server) = of_all.filter(|server| server.path == path) {
            return Some(Endpoint::Virtual(server));
        }
        let server = self.servers.get(self.endpoints.get(path)?)?;
        Some(Endpoint::Server(server))
    }
}

impl Server {
    /// Whom requests to it are addressed to: the host and port of its URL.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        let (_, rest) = self.url.as_deref()?.split_once("://")?;
        rest.split(['/', '?', '#']).next()
    }
}

impl Entry {
    /// Where its arguments hold what only few may see: as it says, and as its contract does.
    pub fn sensitive(&self) -> impl Iterator<Item = &Pointer> {
        let annotated = self.input.sensitive().iter();
        self.sensitive
            .iter()
            .chain(annotated.map(|(place, _)| place))
    }

    /// The scopes of [`Entry::auth_scope`].
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.auth_scope
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace())
    }
}

impl Kind {
    /// `tool`, `resource` or `prompt`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::Prompt => "prompt",
        }
    }
}

impl Names {
    fn at(&self, server: &str, name: &str) -> Option<usize> {
        self.backend.get(server)?.get(name).copied()
    }
}

#[cfg(test)]
mod tests;
