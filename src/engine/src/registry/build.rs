//! Registry files into a [`Registry`].

mod parts;
mod resource;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::{
    Entry, Kind, Registry, Server, Virtual, breaker,
    limits::Limits,
    pattern::Glob,
    text::{is_path, url_path},
};
use crate::{
    config::{self, Access, Argument, Protocol, ServerRequest},
    contract::Schema,
    problem::{Problem, closest},
};

/// A registry in the making.
pub(crate) struct Build {
    pub(crate) registry: Registry,
    /// By entry, where it is written.
    pub(crate) places: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) problems: Vec<Problem>,
}

impl Build {
    /// Checks names, references, times and addresses. Schemas are not checked.
    pub(crate) fn new(config: config::Registry) -> Self {
        let mut build = Self {
            registry: Registry::default(),
            places: Vec::new(),
            limits: Limits::default(),
            problems: Vec::new(),
        };
        let version = config.version.unwrap_or_default();
        let of_all = config.virtual_server;
        let of_all = of_all.map(|server| build.virtual_server(server, version));
        let only = config.servers.len() == 1 && of_all.is_none();
        build.registry.virtual_server = of_all;
        for (id, server) in config.servers {
            build.server(id, server, only);
        }
        config.tools.into_iter().for_each(|tool| build.tool(tool));
        config
            .resources
            .into_iter()
            .for_each(|resource| build.resource(resource));
        config
            .prompts
            .into_iter()
            .for_each(|prompt| build.prompt(prompt));
        for patterns in build.registry.resources.values_mut() {
            patterns.sort();
        }
        build.registry.resources_of_all.sort();
        build
    }

    pub(super) fn wrong(&mut self, at: &str, field: &str, message: impl Into<String>) {
        let dot = if at.is_empty() || field.is_empty() {
            ""
        } else {
            "."
        };
        self.problems
            .push(Problem::new(format!("{at}{dot}{field}"), message));
    }

    fn virtual_server(&mut self, server: config::Virtual, version: String) -> Virtual {
        let path = server.path.unwrap_or_else(|| "/mcp".to_owned());
        if !is_path(&path) {
            self.wrong(&server.at, "path", "expected a path that begins with `/`");
        }
        if server.page_size == Some(0) {
            self.wrong(&server.at, "pageSize", "expected a number above 0");
        }
        Virtual {
            path,
            name: server.name.unwrap_or_else(|| "toolgate".to_owned()),
            title: server.title,
            version: server.version.unwrap_or(version),
            instructions: server.instructions,
            page_size: server.page_size.map_or(PAGE_SIZE, |size| size as usize),
        }
    }

    fn server(&mut self, id: String, server: config::Server, only: bool) {
        let at = server.at.clone();
        if id.is_empty()
            || !id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            let message = format!("`{id}` is no server id: letters, digits, `-`, `_`, `.`");
            self.wrong(&at, "", message);
        }
        let of_url = server.url.as_deref().map(url_path);
        if of_url == Some(None) {
            self.wrong(
                &at,
                "url",
                "expected a URL that begins with `http://` or `https://`",
            );
        }
        for (field, path) in [("path", &server.path), ("endpoint", &server.endpoint)] {
            if path.as_ref().is_some_and(|path| !is_path(path)) {
                self.wrong(&at, field, "expected a path that begins with `/`");
            }
        }
        let path = server.path.as_deref();
        let path = path.or_else(|| of_url.flatten().flatten());
        let plain = server.protocol == Protocol::Http;
        let path = match plain {
            true => self.plain(&server, path),
            false => path.unwrap_or("/mcp").to_owned(),
        };
        let of_all = self.registry.virtual_server.as_ref();
        let endpoint = match of_all.filter(|_| plain) {
            Some(server) => server.path.clone(),
            None => server.endpoint.unwrap_or_else(|| format!("/{id}/mcp")),
        };
        if only {
            self.registry
                .endpoints
                .insert("/mcp".to_owned(), id.clone());
        }
        if !plain && of_all.is_some_and(|server| server.path == endpoint) {
            let message = format!("`{endpoint}` is the path of the virtual server already");
            self.wrong(&at, "endpoint", message);
        }
        let endpoints = &mut self.registry.endpoints;
        let taken = (!plain).then(|| endpoints.insert(endpoint.clone(), id.clone()));
        if let Some(other) = taken.flatten().filter(|other| *other != id) {
            let message = format!("`{endpoint}` is the endpoint of server `{other}` already");
            self.wrong(&at, "endpoint", message);
        }
        let cluster = server.cluster.unwrap_or_else(|| id.clone());
        let (url, protocol) = (server.url, server.protocol);
        let breaker = self.breaker(&at, format!("{}{id}", breaker::SERVER), server.breaker);
        let pin = self.pin(&at, server.pin);
        let at_url = url.as_deref();
        let failover = self.failover(&at, server.failover, at_url, &path);
        let health = self.health(&at, server.health, at_url);
        let credential = self.credential(&at, server.credential);
        let server = Server {
            id: id.clone(),
            cluster,
            path,
            endpoint,
            url,
            protocol,
            requests: match server.requests {
                Some(requests) => requests.into_iter().collect(),
                None => ServerRequest::ALL.into(),
            },
            breaker,
            failover,
            health,
            credential,
            instructions: server.instructions,
            pin,
            at,
        };
        self.registry.servers.insert(id, server);
    }

    fn tool(&mut self, mut tool: config::Tool) {
        let versions = std::mem::take(&mut tool.versions);
        let slot = self.places.len();
        let (known, whole) = (self.problems.len(), tool.clone());
        self.registered(tool, None);
        // What is wrong with the tool is wrong with its versions, and told once.
        if self.problems.len() == known {
            self.versions(&whole, versions, slot);
        }
    }

    /// Registers a tool, or a version `of` the one at that place.
    pub(super) fn registered(&mut self, tool: config::Tool, of: Option<usize>) {
        let (at, name) = (tool.at, tool.name);
        let sunset = self.sunset(&at, tool.deprecated.as_ref());
        let (written, renamed) = (tool.http.is_some(), tool.mcp_tool.is_some());
        let entry = Entry {
            kind: Kind::Tool,
            backend_name: tool.mcp_tool.unwrap_or_else(|| name.clone()),
            limits: self.limits(&at, Kind::Tool, &name, tool.limits),
            name,
            server: tool.mcp_server,
            title: tool.title,
            description: tool.description,
            members: self.members(
                &at,
                [
                    ("annotations", tool.annotations),
                    ("icons", tool.icons),
                    ("execution", tool.execution),
                    ("_meta", tool.meta),
                ],
            ),
            template: None,
            item: OnceLock::new(),
            risk_tier: tool.risk_tier,
            access: tool.access,
            auth_scope: tool.auth_scope,
            approval_required: tool.approval_required,
            approver_role: tool.approver_role,
            contract_version: tool.contract_version,
            data_classification: tool.data_classification,
            sensitive: self.sensitive(&at, &tool.sensitive),
            tenants: self.set(&at, "tenants", tool.tenants),
            environments: self.set(&at, "environments", tool.environments),
            cost: tool.cost.unwrap_or_default(),
            breaker: None,
            timeout: self.timeout(&at, tool.timeout),
            idempotent: tool.idempotent,
            sunset,
            deprecated: tool.deprecated,
            rest: self.template(&at, tool.http.as_ref(), &tool.input_schema),
            input: Schema::new(tool.input_schema),
            output: tool.output_schema.map(Schema::new),
            normalize: self.normalize(&at, tool.normalize),
            result: self.result(&at, tool.result),
            pin: self.pin(&at, tool.pin),
            shares: Vec::new(),
            tool: of.unwrap_or(self.places.len()),
            slot: self.places.len(),
        };
        self.speaks(&at, &entry, written, renamed);
        let names = ["name", "mcpTool"];
        self.name(&at, &entry, names);
        let taken = match of {
            None => self.registry.tools.insert(&entry),
            Some(of) => [false, self.file_version(&entry, of)],
        };
        self.taken(&at, &entry, taken, names);
        self.add(at, entry, tool.breaker);
    }

    fn prompt(&mut self, prompt: config::Prompt) {
        let (at, name) = (prompt.at, prompt.name);
        let entry = Entry {
            kind: Kind::Prompt,
            backend_name: prompt.mcp_prompt.unwrap_or_else(|| name.clone()),
            limits: self.limits(&at, Kind::Prompt, &name, prompt.limits),
            name,
            server: prompt.mcp_server,
            title: prompt.title,
            description: prompt.description,
            members: self.members(
                &at,
                [
                    (
                        "arguments",
                        (!prompt.arguments.is_empty()).then(|| json!(prompt.arguments)),
                    ),
                    ("icons", prompt.icons),
                    ("_meta", prompt.meta),
                ],
            ),
            template: None,
            item: OnceLock::new(),
            risk_tier: prompt.risk_tier,
            access: Access::Read,
            auth_scope: prompt.auth_scope,
            approval_required: prompt.approval_required,
            approver_role: prompt.approver_role,
            contract_version: None,
            data_classification: prompt.data_classification,
            sensitive: self.sensitive(&at, &prompt.sensitive),
            tenants: self.set(&at, "tenants", prompt.tenants),
            environments: self.set(&at, "environments", prompt.environments),
            cost: prompt.cost.unwrap_or_default(),
            breaker: None,
            timeout: self.timeout(&at, prompt.timeout),
            idempotent: false,
            sunset: None,
            deprecated: None,
            rest: None,
            input: Schema::new(arguments(&prompt.arguments)),
            output: None,
            normalize: None,
            result: self.result(&at, prompt.result),
            pin: self.pin(&at, prompt.pin),
            shares: Vec::new(),
            tool: self.places.len(),
            slot: self.places.len(),
        };
        self.speaks(&at, &entry, false, false);
        let names = ["name", "mcpPrompt"];
        self.name(&at, &entry, names);
        let taken = self.registry.prompts.insert(&entry);
        self.taken(&at, &entry, taken, names);
        self.add(at, entry, prompt.breaker);
    }

    fn add(&mut self, at: String, mut entry: Entry, breaker: Option<config::Breaker>) {
        entry.breaker = self.breaker(&at, breaker::name(&entry), breaker);
        let servers = &self.registry.servers;
        if !servers.contains_key(&entry.server) {
            let near = closest(&entry.server, servers.keys().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it under `servers`".to_owned(),
            };
            let message = format!("no server `{}` is declared", entry.server);
            self.problems
                .push(Problem::new(format!("{at}.mcpServer"), message).help(help));
        }
        self.places.push(at);
        self.registry.entries.push(entry);
    }

    fn name(&mut self, at: &str, entry: &Entry, fields: [&str; 2]) {
        for (field, name) in fields.into_iter().zip([&entry.name, &entry.backend_name]) {
            let seen = !name.chars().any(|c| c.is_control() || c.is_whitespace());
            if name.is_empty() || Glob::is_glob(name) || !seen {
                let message = format!("`{name}` is no name: not empty, no white space, `*` or `?`");
                return self.wrong(at, field, message);
            }
        }
    }

    fn taken(&mut self, at: &str, entry: &Entry, taken: [bool; 2], fields: [&str; 2]) {
        let [name, backend] = taken;
        let [name_field, backend_field] = fields;
        if name {
            self.wrong(
                at,
                name_field,
                format!("`{}` is registered twice", entry.name),
            );
        } else if backend {
            let (name, server) = (&entry.backend_name, &entry.server);
            let message = format!("`{name}` of server `{server}` is registered twice");
            self.wrong(at, backend_field, message);
        }
    }
}

impl super::Names {
    /// Files an entry; tells whether its stable name and its name at the server were taken.
    fn insert(&mut self, entry: &Entry) -> [bool; 2] {
        let stable = self.stable.insert(entry.name.clone(), entry.slot).is_some();
        let at_server = self.backend.entry(entry.server.clone()).or_default();
        [
            stable,
            at_server
                .insert(entry.backend_name.clone(), entry.slot)
                .is_some(),
        ]
    }
}

/// The contract of a prompt's arguments: texts, and no others than these.
fn arguments(arguments: &[Argument]) -> Value {
    let properties: Map<String, Value> = arguments
        .iter()
        .map(|argument| (argument.name.clone(), json!({"type": "string"})))
        .collect();
    let required: Vec<&str> = arguments
        .iter()
        .filter(|argument| argument.required)
        .map(|argument| argument.name.as_str())
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Entries on a page: clients follow some 64 pages.
const PAGE_SIZE: usize = 1_000;
