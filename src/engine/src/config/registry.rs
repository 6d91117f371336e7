//! The registry file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Access, Breaker, Cost, Http, Limit, Normalize, Resource, ResultBounds, RiskTier, Server,
    Version, is_default,
};

/// What exists: servers, and the tools, resources and prompts that agents may know of.
///
/// What is not registered does not exist for agents. A registry may also be a bare list of tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Registry {
    /// The version of this registry, recorded with every decision.
    #[serde(
        deserialize_with = "super::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// One address for all servers: agents connect to it alone, and each call goes to the server of
    /// its tool. Without it, each server has an endpoint of its own, and no other.
    #[serde(rename = "virtual", skip_serializing_if = "Option::is_none")]
    pub virtual_server: Option<Virtual>,
    /// The MCP servers behind the gateway, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub servers: BTreeMap<String, Server>,
    /// Tools, with the field names of the MCP `Tool` object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Resources, by URI or URI pattern.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Prompts, with the field names of the MCP `Prompt` object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<Prompt>,
}

/// The server that agents see where there are many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Virtual {
    /// The path at the gateway where agents reach it; without it, `/mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name by which it introduces itself; without it, `toolgate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The title that people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its version; without it, that of the registry.
    #[serde(
        deserialize_with = "super::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// What agents are told about how to use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// How many entries a page of a list holds; without it, 1,000. Clients follow some 64 pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// A tool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// The stable name that agents see and rules use.
    pub name: String,
    /// The title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What agents are told about the tool, in place of what its server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How much harm a wrong call can do. High by default: nobody has said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub risk_tier: RiskTier,
    /// Whether a call changes anything. Write by default: nobody has said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub access: Access,
    /// The scopes that every call needs, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_scope: Option<String>,
    /// Whether every call needs an approval, whatever the rules allow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approval_required: bool,
    /// The role that approves where the rule names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_role: Option<String>,
    /// The id of its server.
    pub mcp_server: String,
    /// The name that its server knows; without it, `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_tool: Option<String>,
    /// The request that a call becomes, where its server speaks plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The version of its contract, recorded with every decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<String>,
    /// That it will go, when, and what takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecated>,
    /// How sensitive its data are: `confidential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<String>,
    /// Where its arguments hold what only few may see, as JSON Pointers: `/card/number`. `*` stands
    /// for every member or item: `/people/*/taxId`. Approvers see `***` there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// The tenants that it exists for; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The environments that it exists in; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// What a call costs, for limits of cost: a whole number, or an expression over `args` that gives
    /// one. Without it, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How much of it may be had, beside what rules say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// How long its server may take, all tries together: `500ms`, `20s`, `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Whether the same call twice does what it does once. Only then is a call that found no answer
    /// tried again, up to 2 times.
    #[serde(default, skip_serializing_if = "is_default")]
    pub idempotent: bool,
    /// When calls are kept away from it because it fails. Without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// MCP `annotations`, as agents see them. Nothing is decided by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// MCP `icons`, as agents see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Value>,
    /// MCP `execution`, as agents see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Value>,
    /// MCP `_meta`, as agents see it.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
    /// The contract of its arguments: JSON Schema 2020-12. Arguments that break it are refused.
    pub input_schema: Value,
    /// The contract of its structured result, as agents see it. Members that it is closed to are
    /// left out; a result that breaks it does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// How its results are brought into that form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// How large its results may be, and what may be in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultBounds>,
    /// What its server announced when it was reviewed, as `toolgate import` writes it. What a live
    /// server announces is held against it: see `drift` of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Other versions of it, for parts of its callers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// That something will go, when, and what takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Deprecated {
    /// Since when it is deprecated: `2026-09-01`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// From when on it does not exist any more: `2027-01-01`, or a time as in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sunset: Option<String>,
    /// What to use in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

/// A prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prompt {
    /// The stable name that agents see and rules use.
    pub name: String,
    /// The title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What agents are told about it, in place of what its server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its arguments. Others are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// How much harm a wrong use can do. High by default: nobody has said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub risk_tier: RiskTier,
    /// The scopes that every use needs, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_scope: Option<String>,
    /// Whether every use needs an approval, whatever the rules allow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approval_required: bool,
    /// The role that approves where the rule names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_role: Option<String>,
    /// The id of its server.
    pub mcp_server: String,
    /// The name that its server knows; without it, `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_prompt: Option<String>,
    /// How sensitive its data are: `confidential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<String>,
    /// Where its arguments hold what only few may see, as JSON Pointers: `/card/number`. `*` stands
    /// for every member or item: `/people/*/taxId`. Approvers see `***` there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// The tenants that it exists for; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The environments that it exists in; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// What a use costs, for limits of cost: a whole number, or an expression over `args` that gives
    /// one. Without it, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How much of it may be had, beside what rules say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// How long its server may take: `500ms`, `20s`, `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// When calls are kept away from it because it fails. Without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// MCP `icons`, as agents see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Value>,
    /// MCP `_meta`, as agents see it.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
    /// How large what it gives may be, and what may be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultBounds>,
    /// What its server announced when it was reviewed, as `toolgate import` writes it. What a live
    /// server announces is held against it: see `drift` of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// An argument of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// The title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What agents are told about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it has to be given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
}
