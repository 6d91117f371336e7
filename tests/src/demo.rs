//! Two MCP servers to govern: a small CRM and a payments service, over data in memory.
//!
//! They trust whoever reaches them, as such servers do; every executed call is on record.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value, json};

use crate::serve;

mod crm;
mod payments;
pub mod shipping;

/// A server of the demo; clones share their record.
#[derive(Clone)]
pub struct Demo {
    name: &'static str,
    tools: fn() -> Vec<Value>,
    run: fn(&str, &Value) -> Option<Outcome>,
    calls: Arc<Mutex<Vec<Value>>>,
}

/// What a tool gives: its structured content, or what it has to complain about.
type Outcome = Result<Value, String>;

impl Demo {
    /// Customers, their orders, support tickets.
    pub fn crm() -> Self {
        Self {
            name: "crm",
            tools: crm::tools,
            run: crm::run,
            calls: Arc::default(),
        }
    }

    /// Refunds and bank details.
    pub fn payments() -> Self {
        Self {
            name: "payments",
            tools: payments::tools,
            run: payments::run,
            calls: Arc::default(),
        }
    }

    /// The tools as `tools/list` gives them.
    pub fn tools(&self) -> Vec<Value> {
        (self.tools)()
    }

    /// Every call that was executed: `{"tool": .., "arguments": ..}`, in order.
    pub fn calls(&self) -> Vec<Value> {
        self.calls.lock().expect("no holder panics").clone()
    }

    /// The server at `/mcp`, its record at `/calls`.
    pub fn router(&self) -> Router {
        let record = self.clone();
        let calls = get(move || async move {
            (
                [(CONTENT_TYPE, "application/json")],
                Value::Array(record.calls()).to_string(),
            )
        });
        serve::mcp(self.clone()).route("/calls", calls)
    }
}

impl ServerHandler for Demo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(self.name, "1.0.0"))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = self.tools().into_iter().find(|tool| tool["name"] == name)?;
        serde_json::from_value(tool).ok()
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(typed(
            json!({ "tools": self.tools(), "resultType": "complete" }),
        ))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let Some(outcome) = (self.run)(&call.name, &arguments) else {
            return Err(ErrorData::invalid_params(
                format!("Unknown tool: {}", call.name),
                None,
            ));
        };
        let executed = json!({ "tool": call.name, "arguments": arguments });
        self.calls.lock().expect("no holder panics").push(executed);
        let result = match outcome {
            Ok(content) => json!({
                "resultType": "complete",
                "content": [{ "type": "text", "text": content.to_string() }],
                "structuredContent": content,
                "isError": false,
            }),
            Err(complaint) => json!({
                "resultType": "complete",
                "content": [{ "type": "text", "text": complaint }],
                "isError": true,
            }),
        };
        Ok(CallToolResponse::Complete(typed(result)))
    }
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the demo says is well formed")
}

/// A tool whose arguments are the named properties, all required but those that end in `?`.
fn tool(name: &str, description: &str, properties: &[(&str, Value)], output: Value) -> Value {
    let required: Vec<&str> = properties
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.ends_with('?'))
        .collect();
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()))
        .collect();
    json!({
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
        "outputSchema": output,
    })
}

/// An object with the named properties, each a required string.
fn strings(names: &[&str]) -> Value {
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })))
        .collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn id() -> Value {
    json!({ "type": "string", "minLength": 3 })
}

fn said<'a>(arguments: &'a Value, key: &str) -> &'a str {
    arguments[key].as_str().unwrap_or_default()
}
