//! The official schemas: what is valid in the revision that a request speaks.

use std::{collections::BTreeMap, fs, path::Path};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::model::Case;

/// The schema of each protocol era, where it is at hand.
pub(crate) struct Schemas {
    eras: [Option<Value>; 2],
    compiled: BTreeMap<(bool, &'static str), Validator>,
}

impl Schemas {
    pub(crate) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mcp-schema");
        let eras = ["2025-11-25", "2026-07-28"].map(|version| {
            let schema = fs::read_to_string(root.join(version).join("schema.json"));
            if schema.is_err() {
                println!("skipped: no schema of {version}");
            }
            Some(serde_json::from_str(&schema.ok()?).expect("a schema"))
        });
        Self {
            eras,
            compiled: BTreeMap::new(),
        }
    }

    /// What the schema has against a message that answers the case's request, or comes with the
    /// answer; `None` also where it knows no such message.
    pub(crate) fn violation(&mut self, case: &Case, message: &Value) -> Option<String> {
        self.against(case, case.request.era.as_deref(), message)
    }

    /// What it has against one that the server sends.
    pub(crate) fn violation_of_server(&mut self, case: &Case, message: &Value) -> Option<String> {
        let era = case.upstream.era.as_ref().or(case.request.era.as_ref());
        self.against(case, era.map(String::as_str), message)
    }

    fn against(&mut self, case: &Case, era: Option<&str>, message: &Value) -> Option<String> {
        let modern = era == Some("modern");
        let (part, definition) = definition(case, message, modern)?;
        let schema = self.eras[usize::from(modern)].as_ref()?;
        let validator = self
            .compiled
            .entry((modern, definition))
            .or_insert_with(|| {
                let mut schema = schema.clone();
                schema["$ref"] = json!(format!("#/$defs/{definition}"));
                jsonschema::validator_for(&schema).expect("a schema")
            });
        let error = validator.validate(part).err()?;
        Some(format!("no {definition}: {error}: {message}"))
    }
}

/// What part of a message is to be what.
fn definition<'a>(
    case: &Case,
    message: &'a Value,
    modern: bool,
) -> Option<(&'a Value, &'static str)> {
    if message["error"]["code"] == -32_042 && !modern {
        return Some((message, "URLElicitationRequiredError"));
    }
    if message.get("error").is_some() {
        return Some((message, "JSONRPCErrorResponse"));
    }
    let Some(result) = message.get("result") else {
        let definition = match message.get("id") {
            // The modern era has no requests of servers.
            Some(_) if !modern => "ServerRequest",
            Some(_) => return None,
            None => "ServerNotification",
        };
        return Some((message, definition));
    };
    if result["resultType"] == "input_required" && modern {
        return Some((result, "InputRequiredResult"));
    }
    let (.., request) = case.request.wire();
    let request: Value = serde_json::from_slice(&request).unwrap_or_default();
    let definition = match request["method"].as_str()? {
        "tools/call" if result["resultType"] == "task" => return None,
        "tools/call" if result.get("task").is_some() && !modern => "CreateTaskResult",
        "tools/call" => "CallToolResult",
        "tools/list" => "ListToolsResult",
        "resources/list" => "ListResourcesResult",
        "resources/templates/list" => "ListResourceTemplatesResult",
        "resources/read" => "ReadResourceResult",
        "prompts/list" => "ListPromptsResult",
        "prompts/get" => "GetPromptResult",
        "completion/complete" => "CompleteResult",
        "initialize" if !modern => "InitializeResult",
        "server/discover" if modern => "DiscoverResult",
        "tasks/get" if !modern => "GetTaskResult",
        "tasks/cancel" if !modern => "CancelTaskResult",
        "tasks/result" if !modern => "CallToolResult",
        _ => "Result",
    };
    Some((result, definition))
}
