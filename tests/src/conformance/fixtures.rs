//! What the conformance suite expects of a server under test, as tables.

use serde_json::{Map, Value, json};

/// A tool or prompt that asks the client for input, round by round.
pub(super) struct Rounds {
    pub(super) asks: Vec<Map<String, Value>>,
    pub(super) stateful: bool,
}

pub(super) enum Question {
    Sampling(Value),
    Elicitation(Value),
}

pub(super) fn tools() -> Vec<Value> {
    let nothing = || json!({ "type": "object", "properties": {} });
    let one = |name: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string", "description": "Text for the client" } },
            "required": [name],
        })
    };
    let optional = |name: &str, kind: &str| json!({ "type": "object", "properties": { name: { "type": kind } } });
    let listed = [
        ("test_simple_text", "Returns simple text", nothing()),
        ("test_image_content", "Returns an image", nothing()),
        ("test_audio_content", "Returns audio", nothing()),
        (
            "test_embedded_resource",
            "Returns an embedded resource",
            nothing(),
        ),
        (
            "test_multiple_content_types",
            "Returns text, an image and a resource",
            nothing(),
        ),
        ("test_tool_with_logging", "Logs while it runs", nothing()),
        (
            "test_logging_tool",
            "Logs where the request asked for it",
            nothing(),
        ),
        ("test_error_handling", "Always fails", nothing()),
        ("test_tool_with_progress", "Reports progress", nothing()),
        ("test_sampling", "Asks the client's model", one("prompt")),
        ("test_elicitation", "Asks the client's user", one("message")),
        (
            "test_elicitation_sep1034_defaults",
            "Asks with a default for every field",
            nothing(),
        ),
        (
            "test_elicitation_sep1330_enums",
            "Asks with every kind of enum",
            nothing(),
        ),
        (
            "test_reconnection",
            "Answers on a stream that may be resumed",
            nothing(),
        ),
        (
            "test_missing_capability",
            "Needs a client that declares sampling",
            nothing(),
        ),
        (
            "test_streaming_elicitation",
            "Asks the user on the response stream",
            nothing(),
        ),
        (
            "test_trigger_tool_change",
            "Announces that the tools changed",
            nothing(),
        ),
        (
            "test_trigger_prompt_change",
            "Announces that the prompts changed",
            nothing(),
        ),
        (
            "test_input_required_result_elicitation",
            "Asks for a name",
            nothing(),
        ),
        (
            "test_input_required_result_sampling",
            "Asks the client's model",
            nothing(),
        ),
        (
            "test_input_required_result_list_roots",
            "Asks for the roots",
            nothing(),
        ),
        (
            "test_input_required_result_request_state",
            "Asks, with state",
            nothing(),
        ),
        (
            "test_input_required_result_multiple_inputs",
            "Asks three things at once",
            nothing(),
        ),
        (
            "test_input_required_result_multi_round",
            "Asks twice",
            nothing(),
        ),
        (
            "test_input_required_result_tampered_state",
            "Refuses altered state",
            nothing(),
        ),
        (
            "test_input_required_result_capabilities",
            "Asks what the client can do",
            nothing(),
        ),
        (
            "test_header_parameter",
            "Mirrors its region in a header",
            region(),
        ),
        ("greet", "Greets at once", optional("name", "string")),
        (
            "slow_compute",
            "Takes its time, as a task",
            json!({
                "type": "object",
                "properties": { "seconds": { "type": "integer" }, "label": { "type": "string" } },
            }),
        ),
        ("failing_job", "Fails, as a task", nothing()),
        ("protocol_error_job", "Breaks, as a task", nothing()),
        (
            "confirm_delete",
            "Asks once, as a task",
            optional("filename", "string"),
        ),
        ("multi_input", "Asks twice at once, as a task", nothing()),
        (
            "test_tool_with_task",
            "Asks first, and greets as a task",
            nothing(),
        ),
        (
            "json_schema_2020_12_tool",
            "Tool with JSON Schema 2020-12 features",
            schema_2020_12(),
        ),
    ];
    listed
        .into_iter()
        .map(|(name, description, schema)| {
            json!({ "name": name, "description": description, "inputSchema": schema })
        })
        .collect()
}

/// The content of tools that answer the same every time.
pub(super) fn plain(name: &str) -> Option<Vec<Value>> {
    Some(match name {
        "test_simple_text" => vec![text("This is a simple text response for testing.")],
        "test_image_content" => vec![image()],
        "test_audio_content" => {
            vec![json!({ "type": "audio", "data": WAV, "mimeType": "audio/wav" })]
        }
        "test_embedded_resource" => vec![resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content.",
        )],
        "test_multiple_content_types" => vec![
            text("Multiple content types test:"),
            image(),
            resource(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            ),
        ],
        "test_reconnection" => vec![text("Reconnected.")],
        "test_header_parameter" => vec![text("The region is welcome.")],
        "json_schema_2020_12_tool" => vec![text("The address is welcome.")],
        _ => return None,
    })
}

pub(super) fn rounds(name: &str) -> Option<Rounds> {
    let sampling = |words: &str, tokens: u32| {
        json!({
            "method": "sampling/createMessage",
            "params": { "messages": [{ "role": "user", "content": text(words) }], "maxTokens": tokens },
        })
    };
    let roots = || json!({ "method": "roots/list", "params": {} });
    let confirm = || form("Please confirm", "ok", "boolean");
    let (asks, stateful) = match name {
        "test_input_required_result_elicitation"
        | "test_streaming_elicitation"
        | "test_tool_with_task" => (
            json!([{ "user_name": form("What is your name?", "name", "string") }]),
            false,
        ),
        "test_input_required_result_prompt" => (
            json!([{
                "user_context": form("What context should the prompt use?", "context", "string"),
            }]),
            false,
        ),
        "test_input_required_result_sampling" => (
            json!([{ "capital_question": sampling("What is the capital of France?", 100) }]),
            false,
        ),
        "test_input_required_result_list_roots" => (json!([{ "client_roots": roots() }]), false),
        "test_input_required_result_request_state"
        | "test_input_required_result_tampered_state" => (json!([{ "confirm": confirm() }]), true),
        "test_input_required_result_multiple_inputs" => (
            json!([{
                "user_name": form("What is your name?", "name", "string"),
                "greeting": sampling("Generate a greeting", 50),
                "client_roots": roots(),
            }]),
            true,
        ),
        "test_input_required_result_multi_round" => (
            json!([
                { "step1": form("Step 1: What is your name?", "name", "string") },
                { "step2": form("Step 2: What is your favorite color?", "color", "string") },
            ]),
            true,
        ),
        "test_input_required_result_capabilities" => (
            json!([{
                "user_name": form("What is your name?", "name", "string"),
                "greeting": sampling("Generate a greeting", 50),
            }]),
            false,
        ),
        _ => return None,
    };
    let Value::Array(asks) = asks else {
        return None;
    };
    let asks = asks
        .into_iter()
        .filter_map(|ask| ask.as_object().cloned())
        .collect();
    Some(Rounds { asks, stateful })
}

/// What a tool of the initialize era asks the client while it runs.
pub(super) fn question(name: &str, arguments: &Value) -> Question {
    let form = |message: &str, schema: Value| {
        Question::Elicitation(
            json!({ "mode": "form", "message": message, "requestedSchema": schema }),
        )
    };
    match name {
        "test_sampling" => Question::Sampling(json!({
            "messages": [{ "role": "user", "content": text(said(arguments, "prompt")) }],
            "maxTokens": 100,
        })),
        "test_elicitation_sep1034_defaults" => form(
            "Every field has a default",
            json!({ "type": "object", "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": {
                    "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
                },
                "verified": { "type": "boolean", "default": true },
            }}),
        ),
        "test_elicitation_sep1330_enums" => form(
            "Choose",
            json!({ "type": "object", "properties": {
                "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
                "titledSingle": { "type": "string", "oneOf": titled("Option") },
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
                "untitledMulti": {
                    "type": "array",
                    "items": { "type": "string", "enum": ["option1", "option2", "option3"] },
                },
                "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
            }}),
        ),
        _ => form(
            said(arguments, "message"),
            json!({
                "type": "object",
                "properties": {
                    "username": { "type": "string", "description": "User's response" },
                    "email": { "type": "string", "description": "User's email address" },
                },
                "required": ["username", "email"],
            }),
        ),
    }
}

pub(super) fn resources() -> Vec<Value> {
    vec![
        json!({
            "uri": "test://static-text", "name": "static-text",
            "description": "A static text", "mimeType": "text/plain",
        }),
        json!({
            "uri": "test://static-binary", "name": "static-binary",
            "description": "A static image", "mimeType": "image/png",
        }),
        json!({
            "uri": "test://watched-resource", "name": "watched-resource",
            "description": "A resource to watch", "mimeType": "text/plain",
        }),
    ]
}

pub(super) fn templates() -> Vec<Value> {
    vec![json!({
        "uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "Data by id", "mimeType": "application/json",
    })]
}

pub(super) fn contents(uri: &str) -> Option<Value> {
    let text = |mime: &str, text: String| json!({ "uri": uri, "mimeType": mime, "text": text });
    match uri {
        "test://static-text" => Some(text(
            "text/plain",
            "This is the content of the static text resource.".into(),
        )),
        "test://watched-resource" => Some(text("text/plain", "Watched.".into())),
        "test://static-binary" => Some(json!({ "uri": uri, "mimeType": "image/png", "blob": PNG })),
        _ => {
            let id = uri
                .strip_prefix("test://template/")?
                .strip_suffix("/data")?;
            let data = json!({
                "id": id, "templateTest": true, "data": format!("Data for ID: {id}"),
            });
            Some(text("application/json", data.to_string()))
        }
    }
}

pub(super) fn prompts() -> Vec<Value> {
    let argument = |name: &str| json!({ "name": name, "description": name, "required": true });
    vec![
        json!({ "name": "test_simple_prompt", "description": "A prompt without arguments" }),
        json!({
            "name": "test_prompt_with_arguments",
            "description": "A prompt with arguments",
            "arguments": [argument("arg1"), argument("arg2")],
        }),
        json!({
            "name": "test_prompt_with_embedded_resource",
            "description": "A prompt with a resource in it",
            "arguments": [argument("resourceUri")],
        }),
        json!({ "name": "test_prompt_with_image", "description": "A prompt with an image in it" }),
        json!({
            "name": "test_input_required_result_prompt",
            "description": "A prompt that asks for its context",
        }),
    ]
}

pub(super) fn messages(name: &str, arguments: &Value) -> Option<Value> {
    let user = |content: Value| json!({ "role": "user", "content": content });
    Some(match name {
        "test_simple_prompt" => json!([user(text("This is a simple prompt for testing."))]),
        "test_prompt_with_arguments" => {
            let (first, second) = (said(arguments, "arg1"), said(arguments, "arg2"));
            let words = format!("Prompt with arguments: arg1='{first}', arg2='{second}'");
            json!([user(text(&words))])
        }
        "test_prompt_with_embedded_resource" => json!([
            user(resource(
                said(arguments, "resourceUri"),
                "text/plain",
                "Embedded resource content for testing.",
            )),
            user(text("Please process the embedded resource above.")),
        ]),
        "test_prompt_with_image" => {
            json!([user(image()), user(text("Please analyze the image above."))])
        }
        _ => return None,
    })
}

pub(super) fn text(words: &str) -> Value {
    json!({ "type": "text", "text": words })
}

fn image() -> Value {
    json!({ "type": "image", "data": PNG, "mimeType": "image/png" })
}

fn resource(uri: &str, mime: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": mime, "text": text } })
}

pub(super) fn form(message: &str, field: &str, kind: &str) -> Value {
    json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": message,
            "requestedSchema": {
                "type": "object",
                "properties": { field: { "type": kind } },
                "required": [field],
            },
        },
    })
}

fn titled(noun: &str) -> Vec<Value> {
    [
        ("value1", "First"),
        ("value2", "Second"),
        ("value3", "Third"),
    ]
    .into_iter()
    .map(|(value, ordinal)| json!({ "const": value, "title": format!("{ordinal} {noun}") }))
    .collect()
}

fn said<'a>(arguments: &'a Value, key: &str) -> &'a str {
    arguments[key].as_str().unwrap_or_default()
}

fn region() -> Value {
    json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "note": { "type": "string" },
        },
    })
}

fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

/// A PNG of one red pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A WAV file without samples.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";
