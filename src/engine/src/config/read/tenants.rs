//! Reads a bundle, of one for all or of tenants.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Reading, bundle, unknown};
use crate::{
    config::{Bundle, Tenant, Tenants},
    problem::Problem,
};

/// What tells a tenant from others.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Head {
    id: String,
    hosts: Vec<String>,
    path: Option<String>,
}

/// Reads whichever it is.
pub(in crate::config) fn any(value: Value) -> Bundle {
    match value {
        Value::Object(members) if members.contains_key("tenants") => {
            Bundle::Tenants(tenants(members))
        }
        value => Bundle::One(Box::new(bundle(value))),
    }
}

fn tenants(mut members: Map<String, Value>) -> Tenants {
    let mut reading = Reading::default();
    let bundle = members.remove("bundle");
    let bundle = bundle.and_then(|value| reading.item(&value, "bundle", &["digest"]));
    let items = match members.remove("tenants") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(_) | None => {
            let message = "expected a list of tenants";
            reading.problems.push(Problem::new("tenants", message));
            Vec::new()
        }
    };
    for name in members.keys() {
        let known = ["tenants", "bundle"];
        reading.problems.push(unknown(name, known.into_iter(), ""));
    }
    let items = items.into_iter().enumerate();
    let tenants = items
        .map(|(i, item)| reading.tenant(item, &format!("tenants[{i}]")))
        .collect();
    Tenants {
        tenants,
        bundle,
        faults: reading.problems,
    }
}

impl Reading {
    fn tenant(&mut self, value: Value, at: &str) -> Tenant {
        let Value::Object(members) = value else {
            self.problems
                .push(Problem::new(at, "a tenant is an object"));
            return Tenant::default();
        };
        let part = |name: &str| matches!(name, "registry" | "policy" | "shadow" | "bundle");
        let (parts, rest): (Map<_, _>, Map<_, _>) =
            members.into_iter().partition(|(name, _)| part(name));
        let head: Head = self
            .item(&Value::Object(rest), at, &["id"])
            .unwrap_or_default();
        Tenant {
            id: head.id,
            hosts: head.hosts,
            path: head.path,
            config: bundle(Value::Object(parts)),
        }
    }
}
