//! Ids of tasks, bound to the caller whose call of a tool made the task.
//!
//! What a client holds is the server's own id behind the tool's name and a mark over both, the
//! server and the caller: nothing has to be kept, and nobody else can make it.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    call::Principal,
    cx::Cx,
    json::{Node, Splice, quote},
    policy::{Policy, Redactions},
    refusal::{Refusal, UpstreamFault},
    rpc::Method,
    seal::Seal,
};

use super::Terms;

/// What binds ids of tasks: who called, and where.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// What makes the mark.
    pub seal: &'a Seal,
    /// Who called. A caller is a user, an agent, an app and a tenant, as far as they are known.
    pub principal: &'a Principal,
    /// The server whose task it is.
    pub server: &'a str,
}

impl Binding<'_> {
    /// The id by which the caller knows what its server knows by `id`: a task that a call of `tool`
    /// made.
    #[must_use]
    pub fn bind(&self, tool: &str, id: &str) -> String {
        let tag = self.seal.tag(PURPOSE, &self.parts(tool, id));
        format!("{tag}.{}.{id}", URL_SAFE_NO_PAD.encode(tool))
    }

    /// The tool, and the server's id, of a task that is bound to this caller.
    #[must_use]
    pub fn open<'t>(&self, bound: &'t str) -> Option<(String, &'t str)> {
        let (tag, rest) = bound.split_once('.')?;
        let (tool, id) = rest.split_once('.')?;
        let tool = String::from_utf8(URL_SAFE_NO_PAD.decode(tool).ok()?).ok()?;
        let sealed = self.seal.check(tag, PURPOSE, &self.parts(&tool, id));
        sealed.then_some((tool, id))
    }

    fn parts<'t>(&'t self, tool: &'t str, id: &'t str) -> [&'t str; 7] {
        let Principal {
            user,
            agent,
            app,
            tenant,
            roles: _,
            scopes: _,
            chain: _,
        } = self.principal;
        let [user, agent, app, tenant] =
            [user, agent, app, tenant].map(|fact| fact.as_deref().unwrap_or_default());
        [self.server, user, agent, app, tenant, tool, id]
    }
}

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
            let binding = Binding {
                seal: cx.seal,
                principal: &terms.principal,
                server: &terms.server,
            };
            Some(replace(id, &binding.bind(&tool.name, &id.str()?)))
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
const PURPOSE: &str = "task";

#[cfg(test)]
mod tests;
