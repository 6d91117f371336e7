//! The server of the conformance suite's fixtures: its tools, resources and prompts, both eras on
//! one endpoint.
//!
//! What the fixtures say is in `fixtures`, how they are spread over several servers in `part`; this
//! module is what makes them MCP.
#![expect(
    deprecated,
    reason = "logging and sampling belong to the eras that are served"
)]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities,
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse,
    GetTaskParams, GetTaskResult, Implementation, InputResponses, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, LoggingLevel,
    PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::task_manager::TaskManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

mod fixtures;
mod jobs;
mod part;

pub use part::Part;

/// The fixtures as an MCP server; clones share their subscriptions.
#[derive(Clone)]
pub struct Fixtures {
    part: Part,
    watched: Arc<Mutex<BTreeSet<String>>>,
    changes: broadcast::Sender<Change>,
    tasks: TaskManager,
}

#[derive(Clone, Copy)]
enum Change {
    Tools,
    Prompts,
}

impl Default for Fixtures {
    fn default() -> Self {
        Self::new(Part::Whole)
    }
}

impl Fixtures {
    /// A server that has a part of them.
    pub fn new(part: Part) -> Self {
        Self {
            part,
            watched: Arc::default(),
            changes: broadcast::channel(16).0,
            tasks: TaskManager::new(),
        }
    }
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = json!({
            "completions": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} },
            "logging": {},
            "prompts": { "listChanged": true },
            "resources": { "subscribe": true },
            "tools": { "listChanged": true },
        });
        ServerConfig::new(typed::<ServerCapabilities>(capabilities)).with_server_info(
            Implementation::new("toolgate-conformance-fixtures", "1.0.0"),
        )
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.part.versions()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tools = self.part.tools();
        tools
            .into_iter()
            .find(|tool| tool["name"] == name)
            .map(typed)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(result(json!({ "tools": self.part.tools() })))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = call.name.as_ref();
        if !self.part.has(name) {
            return Err(unknown("tool", name));
        }
        if let Some(content) = fixtures::plain(name) {
            return Ok(complete(content));
        }
        if let Some(rounds) = fixtures::rounds(name) {
            let answers = Answers {
                given: call.input_responses,
                state: call.request_state,
            };
            return Ok(match advance(name, &rounds, &answers, &declared(&cx))? {
                Next::Ask(result) => CallToolResponse::InputRequired(typed(result)),
                Next::Done(text) if name == "test_tool_with_task" => jobs::greet(&self.tasks, text),
                Next::Done(text) => complete(vec![fixtures::text(&text)]),
            });
        }
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let tasks = declared(&cx).supports_tasks();
        if let Some(outcome) = jobs::call(&self.tasks, name, &arguments, tasks).await {
            return outcome;
        }
        match name {
            "greet" => {
                let name = arguments["name"].as_str().unwrap_or("you");
                Ok(complete(vec![fixtures::text(&format!("Hello, {name}!"))]))
            }
            "test_error_handling" => Ok(CallToolResponse::Complete(result(json!({
                "content": [fixtures::text("This tool intentionally returns an error for testing")],
                "isError": true,
            })))),
            "test_tool_with_logging" | "test_logging_tool" => {
                for line in [
                    "Tool execution started",
                    "Tool processing data",
                    "Tool execution completed",
                ] {
                    log(&cx, line).await;
                    pace().await;
                }
                Ok(complete(vec![fixtures::text("Logged")]))
            }
            "test_tool_with_progress" => {
                for progress in [0.0, 50.0, 100.0] {
                    if let Some(token) = cx.meta.get_progress_token() {
                        let step = ProgressNotificationParam::new(token, progress);
                        let _ = cx.peer.notify_progress(step.with_total(100.0)).await;
                    }
                    pace().await;
                }
                Ok(complete(vec![fixtures::text("Progressed")]))
            }
            "test_sampling"
            | "test_elicitation"
            | "test_elicitation_sep1034_defaults"
            | "test_elicitation_sep1330_enums" => ask_client(name, &arguments, &cx).await,
            "test_missing_capability" => match declared(&cx).sampling {
                Some(_) => Ok(complete(vec![fixtures::text("Sampling is declared")])),
                None => Err(ErrorData::missing_required_client_capability(typed(
                    json!({ "sampling": {} }),
                ))),
            },
            "test_trigger_tool_change" => {
                let _ = self.changes.send(Change::Tools);
                Ok(complete(vec![fixtures::text("Tools changed")]))
            }
            "test_trigger_prompt_change" => {
                let _ = self.changes.send(Change::Prompts);
                Ok(complete(vec![fixtures::text("Prompts changed")]))
            }
            _ => Err(unknown("tool", name)),
        }
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(result(json!({ "resources": self.part.resources() })))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(result(
            json!({ "resourceTemplates": self.part.templates() }),
        ))
    }

    async fn read_resource(
        &self,
        read: ReadResourceRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = fixtures::contents(&read.uri).filter(|_| self.part.has(&read.uri));
        match contents {
            Some(contents) => Ok(ReadResourceResponse::Complete(result(
                json!({ "contents": [contents] }),
            ))),
            None => Err(ErrorData::resource_not_found(
                "Resource not found",
                Some(json!({ "uri": read.uri })),
            )),
        }
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(result(json!({ "prompts": self.part.prompts() })))
    }

    async fn get_prompt(
        &self,
        get: GetPromptRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if !self.part.has(&get.name) {
            return Err(unknown("prompt", &get.name));
        }
        if let Some(rounds) = fixtures::rounds(&get.name) {
            let answers = Answers {
                given: get.input_responses,
                state: get.request_state,
            };
            return Ok(
                match advance(&get.name, &rounds, &answers, &declared(&cx))? {
                    Next::Ask(result) => GetPromptResponse::InputRequired(typed(result)),
                    Next::Done(text) => GetPromptResponse::Complete(result(json!({
                        "messages": [{ "role": "user", "content": fixtures::text(&text) }],
                    }))),
                },
            );
        }
        let arguments = Value::Object(get.arguments.unwrap_or_default());
        match fixtures::messages(&get.name, &arguments) {
            Some(messages) => Ok(GetPromptResponse::Complete(result(
                json!({ "messages": messages }),
            ))),
            None => Err(unknown("prompt", &get.name)),
        }
    }

    async fn complete(
        &self,
        _request: CompleteRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(result(json!({
            "completion": { "values": ["paris", "park", "party"], "total": 3, "hasMore": false },
        })))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let task = self.tasks.get_task(&request.task_id)?;
        Ok(GetTaskResult::new(task))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.tasks
            .update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.watched
            .lock()
            .expect("no holder panics")
            .insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.watched
            .lock()
            .expect("no holder panics")
            .remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            let change = tokio::select! {
                () = subscription.cancelled() => return Ok(()),
                change = changes.recv() => change,
            };
            // The sink refuses what the client did not subscribe to; that is not an error here.
            let _ = match change {
                Ok(Change::Tools) => subscription.sink().notify_tool_list_changed().await,
                Ok(Change::Prompts) => subscription.sink().notify_prompt_list_changed().await,
                Err(_) => return Ok(()),
            };
        }
    }
}

fn unknown(kind: &str, name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Unknown {kind}: {name}"), None)
}

/// What the client sent along with a retry.
struct Answers {
    given: Option<InputResponses>,
    state: Option<String>,
}

enum Next {
    Ask(Value),
    Done(String),
}

/// Where a tool that asks for input stands: the next question, or its result.
fn advance(
    name: &str,
    rounds: &fixtures::Rounds,
    answers: &Answers,
    client: &ClientCapabilities,
) -> Result<Next, ErrorData> {
    let at = match (&answers.state, rounds.stateful) {
        (Some(state), true) => (0..rounds.asks.len())
            .find(|round| seal(name, *round) == *state)
            .ok_or_else(|| ErrorData::invalid_params("requestState was altered", None))?,
        (_, _) => 0,
    };
    let given = answers.given.clone().unwrap_or_default();
    let ask = |round: usize| {
        let mut requests = rounds.asks[round].clone();
        requests.retain(|_, request| supports(client, request));
        let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
        if rounds.stateful {
            result["requestState"] = Value::String(seal(name, round));
        }
        Next::Ask(result)
    };
    // A state that was never handed out cannot have been answered.
    let resumed = !rounds.stateful || answers.state.is_some();
    let answered = rounds.asks[at]
        .iter()
        .all(|(key, request)| given.get(key).is_some_and(|answer| fits(request, answer)));
    if !(resumed && answered) {
        return Ok(ask(at));
    }
    if at + 1 < rounds.asks.len() {
        return Ok(ask(at + 1));
    }
    Ok(Next::Done(format!("state-ok {}", json!(given))))
}

/// An opaque state that only this server can make.
fn seal(name: &str, round: usize) -> String {
    let digest = Sha256::digest(format!("fixture secret\n{name}\n{round}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn supports(client: &ClientCapabilities, request: &Value) -> bool {
    match request["method"].as_str() {
        Some("elicitation/create") => client.elicitation.is_some(),
        Some("sampling/createMessage") => client.sampling.is_some(),
        Some("roots/list") => client.roots.is_some(),
        Some(_) | None => false,
    }
}

fn fits(request: &Value, answer: &Value) -> bool {
    match request["method"].as_str() {
        Some("elicitation/create") => answer["action"].is_string(),
        Some("sampling/createMessage") => answer["content"].is_object(),
        Some("roots/list") => answer["roots"].is_array(),
        Some(_) | None => false,
    }
}

/// Asks the client itself, as servers of the initialize era do.
async fn ask_client(
    name: &str,
    arguments: &Value,
    cx: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let answer = match fixtures::question(name, arguments) {
        fixtures::Question::Sampling(params) => cx
            .peer
            .create_message(typed(params))
            .await
            .map(|result| json!(result)),
        fixtures::Question::Elicitation(params) => cx
            .peer
            .create_elicitation(typed(params))
            .await
            .map(|result| json!(result)),
    };
    Ok(match answer {
        Ok(answer) => complete(vec![fixtures::text(&format!("The client said: {answer}"))]),
        Err(fault) => CallToolResponse::Complete(result(json!({
            "content": [fixtures::text(&fault.to_string())],
            "isError": true,
        }))),
    })
}

/// A log line, in the modern era only where the request asked for logs.
async fn log(cx: &RequestContext<RoleServer>, line: &str) {
    if cx.meta.protocol_version().is_some() && cx.meta.log_level().is_none() {
        return;
    }
    let line = rmcp::model::LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(line));
    let _ = cx.peer.notify_logging_message(line).await;
}

/// The suite asks for about 50 ms between messages, so that streaming is seen.
async fn pace() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn declared(cx: &RequestContext<RoleServer>) -> ClientCapabilities {
    cx.client_capabilities().unwrap_or_default()
}

fn complete(content: Vec<Value>) -> CallToolResponse {
    CallToolResponse::Complete(result(json!({ "content": content, "isError": false })))
}

/// A result; rmcp takes the member away again for clients of the initialize era.
fn result<T: DeserializeOwned>(mut value: Value) -> T {
    value["resultType"] = json!("complete");
    typed(value)
}

/// The fixtures are written as the JSON that the specification shows.
fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("fixtures are well formed")
}
