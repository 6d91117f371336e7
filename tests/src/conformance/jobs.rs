//! Tools whose calls become tasks (MCP Tasks extension), as the suite expects them.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult, CreateTaskResult};
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};
use serde_json::{Value, json};

use super::{fixtures, result, typed};

/// What a call of one of these tools comes to; `None`: it is none of them.
pub(super) async fn call(
    tasks: &TaskManager,
    name: &str,
    arguments: &Value,
    declared: bool,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let seconds = arguments["seconds"].as_u64().unwrap_or_default();
    let job = match name {
        "slow_compute" => Job::Compute(Duration::from_secs(seconds)),
        "failing_job" => Job::Fail,
        "protocol_error_job" => Job::Break,
        "confirm_delete" => Job::Ask,
        "multi_input" => Job::AskTwice,
        _ => return None,
    };
    if !declared || seconds == 0 && name == "slow_compute" {
        return Some(match job {
            Job::Compute(time) => {
                tokio::time::sleep(time).await;
                Ok(CallToolResponse::Complete(said("Computed.", false)))
            }
            Job::Fail | Job::Break | Job::Ask | Job::AskTwice => Err(undeclared()),
        });
    }
    Some(Ok(spawn(tasks, |task| Box::pin(job.run(task)))))
}

/// A task that greets somebody.
pub(super) fn greet(tasks: &TaskManager, name: String) -> CallToolResponse {
    spawn(tasks, |_| {
        Box::pin(async move { Ok(said(&format!("Hello, {name}!"), false)) })
    })
}

enum Job {
    /// Takes its time, unless it is cancelled.
    Compute(Duration),
    /// Fails, and says so.
    Fail,
    /// Fails as a request.
    Break,
    /// Asks the user once,
    Ask,
    /// or twice at the same time.
    AskTwice,
}

impl Job {
    async fn run(self, task: TaskContext) -> Result<CallToolResult, TaskExit> {
        match self {
            Self::Compute(time) => tokio::select! {
                () = tokio::time::sleep(time) => Ok(said("Computed.", false)),
                () = task.cancelled() => Err(TaskExit::Cancelled),
            },
            Self::Fail => Ok(said("The job failed.", true)),
            Self::Break => Err(TaskExit::Error(ErrorData::internal_error("Broken", None))),
            Self::Ask => Ok(said(&ask(&task, "confirm").await?.to_string(), false)),
            Self::AskTwice => {
                let (first, second) = tokio::try_join!(ask(&task, "first"), ask(&task, "second"))?;
                Ok(said(&format!("{first} {second}"), false))
            }
        }
    }
}

async fn ask(task: &TaskContext, key: &str) -> Result<Value, TaskExit> {
    let question = fixtures::form("Shall it be?", "confirm", "boolean");
    task.request_input(key, typed(question)).await
}

fn spawn(
    tasks: &TaskManager,
    job: impl FnOnce(TaskContext) -> rmcp::task_manager::TaskFuture,
) -> CallToolResponse {
    let options = TaskOptions::new().with_poll_interval_ms(100);
    CallToolResponse::Task(CreateTaskResult::new(tasks.spawn(options, job)))
}

fn said(text: &str, failed: bool) -> CallToolResult {
    result(json!({ "content": [fixtures::text(text)], "isError": failed }))
}

fn undeclared() -> ErrorData {
    ErrorData::missing_required_client_capability(typed(
        json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } }),
    ))
}
