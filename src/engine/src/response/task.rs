//! Ids of tasks, bound to the caller whose call of a tool made the task (see [`crate::ids`]).

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    cx::Cx,
    ids::Purpose,
    json::{Node, Splice, quote},
    policy::{Policy, Redactions},
    refusal::{Refusal, UpstreamFault},
    rpc::Method,
};

use super::Terms;

/// The tasks that a request is about: by the server's own id, how the caller knows each of them.
pub type Tasks = BTreeMap<String, Task>;

/// A task that a request is about.
#[derive(Debug)]
pub struct Task {
    /// The id by which the caller knows it.
    pub id: String,
    /// The place of the tool whose call made it.
    pub entry: usize,
    /// What is taken out of its result.
    pub redactions: Arc<Redactions>,
}

/// Puts the caller's ids in place of the server's own.
///
/// # Errors
/// The answer is about a task that was not asked about.
pub(super) fn bind(
    root: Node<'_>,
    terms: &Terms,
    policy: &Policy,
    cx: &Cx<'_>,
) -> Result<Vec<Splice>, Refusal> {
    let (result, params) = (root.get("result"), root.get("params"));
    let mut edits = Vec::new();
    if let Some(holder) = result.or(params) {
        let related = holder.pointer(&["_meta", RELATED, "taskId"]);
        edits.extend(related.and_then(|id| known(id, terms)));
    }
    if let Some(params) = params.filter(|_| tells_state(root)) {
        edits.extend(params.get("taskId").and_then(|id| known(id, terms)));
    }
    // What a server agrees to tell of is some of what it was asked for.
    let watched = params.and_then(|params| params.pointer(&["notifications", "taskIds"]));
    if let Some(watched) = watched {
        let strange = |(at, id)| known(id, terms).is_none().then_some(at);
        let strangers: Vec<_> = watched.items().enumerate().filter_map(strange).collect();
        edits.extend(watched.remove_items(&strangers));
        edits.extend(watched.items().filter_map(|id| known(id, terms)));
    }
    let (Some(result), Some(operation)) = (result, terms.operation) else {
        return Ok(edits);
    };
    let asked = matches!(
        operation,
        Method::TasksGet | Method::TasksCancel | Method::TasksUpdate
    );
    if let Some(id) = result.get("taskId").filter(|_| asked) {
        let strange = Refusal::Upstream(UpstreamFault::Undeclared("another task"));
        edits.push(known(id, terms).ok_or(strange)?);
    }
    if operation == Method::ToolsCall {
        let made = made(result).zip(terms.entry(policy));
        edits.extend(made.and_then(|(id, tool)| {
            let parts = [&*terms.server, &*tool.name, &*id.str()?];
            Some(replace(id, &terms.ids(cx).wrap(Purpose::Task, parts)))
        }));
    }
    if operation == Method::Initialize {
        // The tasks of all callers are not listed.
        let tasks = result.pointer(&["capabilities", "tasks"]);
        edits.extend(tasks.and_then(|tasks| tasks.remove("list")));
    }
    Ok(edits)
}

/// Whether a message tells the state of a task that the request is not about: who knows whose.
pub(super) fn is_strange(root: Node<'_>, terms: &Terms) -> bool {
    let id = || root.pointer(&["params", "taskId"])?.str();
    tells_state(root) && id().is_none_or(|id| !terms.tasks.contains_key(&*id))
}

/// The result of a tool within a message about its task, and the task.
pub(super) fn result<'a, 't>(root: Node<'a>, terms: &'t Terms) -> Option<(Node<'a>, &'t Task)> {
    let asked = terms.operation == Some(Method::TasksGet);
    let holder = match tells_state(root) {
        true => root.get("params")?,
        false => root.get("result").filter(|_| asked)?,
    };
    let task = terms.tasks.get(&*holder.get("taskId")?.str()?)?;
    Some((holder.get("result")?, task))
}

/// The id of a task that a call has made.
fn made(result: Node<'_>) -> Option<Node<'_>> {
    let sort = result.get("resultType").and_then(Node::str);
    match sort.as_deref() {
        Some("task") => result.get("taskId"),
        _ => result.pointer(&["task", "taskId"]),
    }
}

/// Whether a message tells the state of a task.
pub(super) fn tells_state(root: Node<'_>) -> bool {
    let method = root.get("method").and_then(Node::str).unwrap_or_default();
    method.starts_with(STATE)
}

fn known(id: Node<'_>, terms: &Terms) -> Option<Splice> {
    let task = terms.tasks.get(&*id.str()?)?;
    Some(replace(id, &task.id))
}

fn replace(node: Node<'_>, id: &str) -> Splice {
    Splice {
        at: node.span(),
        with: quote(id).into_bytes(),
    }
}

/// How a message says that it belongs to a task (MCP 2025-11-25, "Related Task Metadata").
pub const RELATED: &str = "io.modelcontextprotocol/related-task";
/// How what tells the state of a task begins: `notifications/tasks`, and in the legacy era
/// `notifications/tasks/status`.
const STATE: &str = "notifications/tasks";
