//! Reads files and bundles item by item, so that every problem is told at once.

mod join;
mod tenants;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Config, Mode, Policy, Prompt, Registry, Resource, Rule, Server, Tool,
    value::{self, Step, What},
};
use crate::problem::{Problem, closest};

pub(super) use tenants::any;

/// Reads a bundle.
pub(super) fn bundle(value: Value) -> Config {
    let mut reading = Reading::default();
    let Value::Object(mut members) = value else {
        let problem = Problem::new("", "a bundle is an object with `registry` and `policy`");
        return Config {
            faults: vec![problem],
            ..Config::default()
        };
    };
    let mut part = |name: &str| {
        let value = members.remove(name);
        if value.is_none() {
            reading
                .problems
                .push(Problem::new("", format!("missing field `{name}`")));
        }
        value.unwrap_or_default()
    };
    let (registry, policy) = (part("registry"), part("policy"));
    let (shadow, bundle) = (members.remove("shadow"), members.remove("bundle"));
    for name in members.keys() {
        let known = ["registry", "policy", "shadow", "bundle"];
        reading.problems.push(unknown(name, known.into_iter(), ""));
    }
    let bundle = bundle.and_then(|value| reading.item(&value, "bundle", &["digest"]));
    let registry = reading.registry(registry, "registry");
    let mut policies = vec![reading.policy(policy, "policy")];
    policies.extend(shadow.map(|shadow| Policy {
        mode: Mode::Shadow,
        ..reading.policy(shadow, "shadow")
    }));
    let config = reading.finish(vec![registry], policies);
    Config { bundle, ..config }
}

/// Joins files.
pub(super) fn join(registries: Vec<Value>, policies: Vec<Value>) -> Config {
    let mut reading = Reading::default();
    let registries = (0..)
        .zip(registries)
        .map(|(i, value): (usize, _)| reading.registry(value, &format!("registry[{i}]:")))
        .collect();
    let policies = (0..)
        .zip(policies)
        .map(|(i, value): (usize, _)| reading.policy(value, &format!("policy[{i}]:")))
        .collect();
    reading.finish(registries, policies)
}

/// Reads one value.
pub(super) fn value<T: DeserializeOwned>(
    value: &Value,
    at: &str,
    required: &[&str],
) -> (Option<T>, Vec<Problem>) {
    let mut reading = Reading::default();
    let read = reading.item(value, at, required);
    (read, reading.problems)
}

/// What has been found while reading.
#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
    /// Servers that only a bare list of tools speaks of.
    implied: BTreeSet<String>,
}

impl Reading {
    fn registry(&mut self, value: Value, at: &str) -> Registry {
        let mut members = match value {
            Value::Object(members) => members,
            Value::Array(tools) => {
                let tools = self.items(tools, at, TOOL, |tool: &mut Tool, at| tool.at = at);
                self.implied
                    .extend(tools.iter().map(|tool| tool.mcp_server.clone()));
                return Registry {
                    tools,
                    ..Registry::default()
                };
            }
            Value::Null => return Registry::default(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.problems.push(Problem::new(
                    at,
                    "a registry is an object or a list of tools",
                ));
                return Registry::default();
            }
        };
        let members = &mut members;
        let tools = self.list(members, at, "tools", TOOL, |tool: &mut Tool, at| {
            tool.at = at
        });
        let resources = self.list(
            members,
            at,
            "resources",
            RESOURCE,
            |entry: &mut Resource, at| {
                entry.at = at;
            },
        );
        let prompts = self.list(members, at, "prompts", PROMPT, |entry: &mut Prompt, at| {
            entry.at = at;
        });
        let servers = self.servers(members, at);
        // `virtual:` with nothing beneath it is one with defaults.
        if let Some(value) = members.get_mut("virtual").filter(|value| value.is_null()) {
            *value = Value::Object(Map::new());
        }
        let mut rest: Registry = self
            .item(&Value::Object(std::mem::take(members)), at, &[])
            .unwrap_or_default();
        if let Some(server) = &mut rest.virtual_server {
            server.at = below(at, "virtual");
        }
        Registry {
            servers,
            tools,
            resources,
            prompts,
            ..rest
        }
    }

    fn servers(&mut self, members: &mut Map<String, Value>, at: &str) -> BTreeMap<String, Server> {
        let Some(Value::Object(servers)) = take_if(members, "servers", Value::is_object) else {
            return BTreeMap::new();
        };
        let mut read = BTreeMap::new();
        for (id, value) in servers {
            let at = below(at, &format!("servers.{id}"));
            // `payments:` with nothing beneath it is a server with defaults.
            let value = if value.is_null() {
                Value::Object(Map::new())
            } else {
                value
            };
            if let Some(server) = self.item::<Server>(&value, &at, &[]) {
                read.insert(id, Server { at, ..server });
            }
        }
        read
    }

    fn policy(&mut self, value: Value, at: &str) -> Policy {
        let mut members = match value {
            Value::Object(members) => members,
            Value::Null => Map::new(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.problems
                    .push(Problem::new(at, "a policy is an object"));
                Map::new()
            }
        };
        let rules = self.list(&mut members, at, "rules", &[], |rule: &mut Rule, at| {
            rule.at = at
        });
        let rest = self
            .item::<Policy>(&Value::Object(members), at, &[])
            .unwrap_or_default();
        let mut policy = Policy {
            rules,
            at: at.to_owned(),
            ..rest
        };
        if let Some(identity) = &mut policy.identity {
            identity.at = below(at, "identity");
        }
        if let Some(approvals) = &mut policy.approvals {
            approvals.at = below(at, "approvals");
        }
        if let Some(service) = &mut policy.rate_limit_service {
            service.at = below(at, "rate_limit_service");
        }
        for (name, detector) in &mut policy.detectors {
            detector.at = below(at, &format!("detectors.{name}"));
        }
        if let Some(require) = &mut policy.dry_run {
            require.at = below(at, "dry_run");
        }
        policy
    }

    fn list<T: DeserializeOwned>(
        &mut self,
        members: &mut Map<String, Value>,
        at: &str,
        name: &str,
        required: &[&str],
        place: impl Fn(&mut T, String),
    ) -> Vec<T> {
        // Anything but a list is told with the rest of the file.
        match take_if(members, name, Value::is_array) {
            Some(Value::Array(items)) => self.items(items, &below(at, name), required, place),
            Some(_) | None => Vec::new(),
        }
    }

    fn items<T: DeserializeOwned>(
        &mut self,
        items: Vec<Value>,
        at: &str,
        required: &[&str],
        place: impl Fn(&mut T, String),
    ) -> Vec<T> {
        let mut read = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            let at = format!("{at}[{i}]");
            if let Some(mut item) = self.item(&item, &at, required) {
                place(&mut item, at);
                read.push(item);
            }
        }
        read
    }

    /// Reads one item. Where something is wrong with it, tells it, takes it out, and reads again
    /// to find what else is; what is left of the item stands for it.
    fn item<T: DeserializeOwned>(
        &mut self,
        value: &Value,
        at: &str,
        required: &[&str],
    ) -> Option<T> {
        let mut fault = match value::read(value) {
            Ok(item) => return Some(item),
            Err(fault) => fault,
        };
        let mut value = value.clone();
        // That what was taken out is missing afterwards, or that its remains make no sense, is no
        // news. Neither is the first missing member, after all of them were told.
        let mut told = BTreeSet::new();
        if let Some(members) = value.as_object() {
            for name in required.iter().filter(|name| !members.contains_key(**name)) {
                told.insert(below(at, name));
                self.problems
                    .push(Problem::new(at, format!("missing field `{name}`")));
            }
        }
        loop {
            let place = fault.path().fold(at.to_owned(), |at, step| match step {
                Step::Member(name) => below(&at, name),
                Step::Item(place) => format!("{at}[{place}]"),
            });
            let problem = match &fault.what {
                What::Missing(name) => Problem::new(&place, format!("missing field `{name}`")),
                What::Unknown { name, known } => unknown(name, known.iter().copied(), &place),
                What::Other(message, help) => Problem {
                    help: help.clone(),
                    ..Problem::new(&place, message)
                },
            };
            let news = match &fault.what {
                What::Missing(name) => !told.contains(&below(&place, name)),
                What::Unknown { .. } => true,
                What::Other(..) => !told.iter().any(|told| is_below(told, &place)),
            };
            if news {
                self.problems.push(problem);
            }
            if !fault.cut(&mut value) {
                return None;
            }
            told.insert(place);
            fault = match value::read::<T>(&value) {
                Ok(item) => return Some(item),
                Err(next) => next,
            };
        }
    }
}

/// Takes a member out of an object, if it has the right shape.
fn take_if(
    members: &mut Map<String, Value>,
    name: &str,
    right: impl Fn(&Value) -> bool,
) -> Option<Value> {
    if members.get(name).is_some_and(right) {
        members.remove(name)
    } else {
        None
    }
}

/// The path of a member.
fn below(at: &str, name: &str) -> String {
    let dot = if at.is_empty() || at.ends_with(':') {
        ""
    } else {
        "."
    };
    format!("{at}{dot}{name}")
}

/// A problem of a whole file has the file's path, without what separates it from members.
fn trimmed(mut problem: Problem) -> Problem {
    if problem.path.ends_with(':') {
        problem.path.pop();
    }
    problem
}

/// Whether `path` continues `at`.
fn is_below(path: &str, at: &str) -> bool {
    path.strip_prefix(at)
        .is_some_and(|rest| rest.starts_with('.'))
}

fn unknown(name: &str, known: impl Iterator<Item = &'static str>, at: &str) -> Problem {
    let problem = Problem::new(at, format!("unknown field `{name}`"));
    match closest(name, known) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// What cannot be left out.
const TOOL: &[&str] = &["name", "mcpServer", "inputSchema"];
const RESOURCE: &[&str] = &["uri", "mcpServer"];
const PROMPT: &[&str] = &["name", "mcpServer"];
