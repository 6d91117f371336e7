//! Resources, and patterns of them.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Build;
use crate::{
    config::{self, Access},
    contract::Schema,
    registry::{
        Entry, Kind,
        pattern::{Glob, is_template, template},
    },
};

impl Build {
    pub(super) fn resource(&mut self, resource: config::Resource) {
        let (at, name) = (resource.at, resource.uri);
        let entry = Entry {
            kind: Kind::Resource,
            backend_name: name.clone(),
            limits: self.limits(&at, Kind::Resource, &name, resource.limits),
            server: resource.mcp_server,
            title: resource.title,
            description: resource.description,
            members: self.members(
                &at,
                [
                    ("name", resource.name.map(Value::from)),
                    ("mimeType", resource.mime_type.map(Value::from)),
                    ("size", resource.size.map(Value::from)),
                    ("annotations", resource.annotations),
                    ("icons", resource.icons),
                    ("_meta", resource.meta),
                ],
            ),
            template: self.uri_template(&at, &name, resource.uri_template),
            item: OnceLock::new(),
            name,
            risk_tier: resource.risk_tier,
            access: Access::Read,
            auth_scope: resource.auth_scope,
            approval_required: resource.approval_required,
            approver_role: resource.approver_role,
            contract_version: None,
            data_classification: resource.data_classification,
            sensitive: Vec::new(),
            tenants: self.set(&at, "tenants", resource.tenants),
            environments: self.set(&at, "environments", resource.environments),
            cost: resource.cost.unwrap_or_default(),
            breaker: None,
            timeout: self.timeout(&at, resource.timeout),
            idempotent: false,
            sunset: None,
            deprecated: None,
            rest: None,
            input: Schema::new(
                json!({"type": "object", "properties": {"uri": {"type": "string"}}}),
            ),
            output: None,
            normalize: None,
            result: self.result(&at, resource.result),
            pin: self.pin(&at, resource.pin),
            shares: Vec::new(),
            tool: self.places.len(),
            slot: self.places.len(),
        };
        self.speaks(&at, &entry, false, false);
        if entry.name.is_empty() || entry.name.chars().any(|c| c.is_control() || c == ' ') {
            self.wrong(&at, "uri", format!("`{}` is no URI", entry.name));
        }
        let patterns = self
            .registry
            .resources
            .entry(entry.server.clone())
            .or_default();
        let taken = patterns.has(&entry.name);
        patterns.insert(&entry.name, entry.slot);
        let of_all = &mut self.registry.resources_of_all;
        of_all.insert(&entry.name, entry.slot);
        self.registry.show(&entry);
        self.taken(&at, &entry, [taken, false], ["uri", "uri"]);
        self.add(at, entry, resource.breaker);
    }

    /// The template of the pattern `uri`.
    fn uri_template(&mut self, at: &str, uri: &str, written: Option<String>) -> Option<String> {
        let written = written?;
        let problem = match () {
            () if !Glob::is_glob(uri) => {
                Some("`uri` is no pattern: there is nothing to fill in".to_owned())
            }
            () if !is_template(&written) => Some(format!(
                "`{written}` is no template: URIs with `{{name}}` as in RFC 6570"
            )),
            () if !Glob::new(uri).matches(&template(&written)) => Some(format!(
                "`{written}` also makes URIs that are not those of `{uri}`"
            )),
            () => None,
        };
        if let Some(problem) = problem {
            self.wrong(at, "uriTemplate", problem);
        }
        Some(written)
    }
}
