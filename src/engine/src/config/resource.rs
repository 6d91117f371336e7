//! Resources of the registry file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Breaker, Cost, Limit, ResultBounds, RiskTier, is_default};

/// A resource, or all resources that a URI pattern stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// The URI, or a pattern: `*` stands for any run of characters, `?` for one.
    pub uri: String,
    /// The template (RFC 6570) by which agents make the URIs that the pattern stands for:
    /// `file:///docs/{name}`. Without it, no list of a virtual server shows the pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_template: Option<String>,
    /// The name that agents see; a virtual server shows the title or the URI where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What agents are told about it, in place of what its server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How much harm a wrong use can do. High by default: nobody has said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub risk_tier: RiskTier,
    /// The scopes that every read needs, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_scope: Option<String>,
    /// Whether every read needs an approval, whatever the rules allow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approval_required: bool,
    /// The role that approves where the rule names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_role: Option<String>,
    /// The id of its server.
    pub mcp_server: String,
    /// How sensitive its data are: `confidential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_classification: Option<String>,
    /// The tenants that it exists for; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The environments that it exists in; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// What a read costs, for limits of cost: a whole number, or an expression over `args` that gives
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
    /// Its media type, as agents see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size in bytes, as agents see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// MCP `annotations`, as agents see them. Nothing is decided by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// MCP `icons`, as agents see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Value>,
    /// MCP `_meta`, as agents see it.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
    /// How large what is read may be, and what may be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultBounds>,
    /// What its server announced when it was reviewed, as `toolgate import` writes it. What a live
    /// server announces is held against it: see `drift` of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    #[serde(skip)]
    pub(crate) at: String,
}
