//! Versions of a tool, for parts of its callers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Http, Normalize, Tool};

/// Another version of a tool, for a part of its callers: a canary, or what takes over step by step.
///
/// What is not said here is as the tool says, but for the `pin`. Rules speak of the tool: they hold
/// for all its versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Version {
    /// The version of its contract, which no other version of the tool has.
    pub contract_version: String,
    /// How many callers out of 100 have it: `5`, `0.1`. A caller keeps it, at every gateway, until
    /// the share becomes smaller.
    pub share: f64,
    /// The tenants whose callers these are; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The id of its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_server: Option<String>,
    /// The name that its server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_tool: Option<String>,
    /// The request that a call becomes, where its server speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// What agents are told about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The contract of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The contract of its structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// How its results are brought into that form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// What its server announced when it was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

impl Version {
    /// The tool as this version has it, written at `at`; its limits are the tool's own.
    pub(crate) fn of(self, tool: &Tool, at: String) -> Tool {
        let or = |own: Option<String>, other: &Option<String>| own.or_else(|| other.clone());
        Tool {
            contract_version: Some(self.contract_version),
            mcp_server: self.mcp_server.unwrap_or_else(|| tool.mcp_server.clone()),
            mcp_tool: or(self.mcp_tool, &tool.mcp_tool),
            http: self.http.or_else(|| tool.http.clone()),
            description: or(self.description, &tool.description),
            input_schema: self
                .input_schema
                .unwrap_or_else(|| tool.input_schema.clone()),
            output_schema: self.output_schema.or_else(|| tool.output_schema.clone()),
            normalize: self.normalize.or_else(|| tool.normalize.clone()),
            pin: self.pin,
            limits: Vec::new(),
            versions: Vec::new(),
            at,
            ..tool.clone()
        }
    }
}
