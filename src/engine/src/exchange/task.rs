//! Tasks that calls have made: looked at, answered, cancelled and watched by whoever called.
//!
//! An id that is not bound to the caller is one that does not exist, whoever else has it.

use std::sync::Arc;

use crate::{
    call::{Call, Partial},
    cx::Cx,
    http::HeaderEdit,
    ids::{Ids, Purpose},
    json::{Node, Splice, quote},
    policy::{Cause, Permit, Verdict},
    refusal::Refusal,
    registry::{Entry, Kind},
    response::{RELATED, Task},
    rpc::{self, Era, Message, Method},
};

use super::{
    Exchange, Passage, Request,
    judge::{Judged, truth},
};

impl Exchange {
    /// Judges a request about the task of this id.
    pub(super) fn judge_task(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        id: &str,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
        declares_tasks(message)?;
        let (own, permit) = self.task(request, id, cx)?;
        let entry = self.terms.tasks.get(&own).map(|task| task.entry);
        if message.operation == Method::TasksResult {
            // Its answer is that of the call.
            self.terms.entry = entry;
            self.terms.operation = Some(Method::ToolsCall);
            self.asker.tool_call = true;
        }
        let node = message.params.and_then(|params| params.get("taskId"));
        self.terms.redactions = Arc::clone(permit.redactions());
        let entry = entry.and_then(|slot| self.policy.registry().entry(slot));
        let route = entry.map(|entry| self.route(request, entry, message));
        let mut passage = Passage {
            route: route.transpose()?.flatten(),
            ..Passage::new(permit)
        };
        passage.splices.extend(node.map(|node| replace(node, &own)));
        if request.headers.has(NAME) {
            let name = HeaderEdit::Set(NAME.into(), rpc::encode_header(&own));
            passage.edits.headers.push(name);
        }
        Ok(Judged::pass(passage))
    }

    /// Judges the tasks that a stream is opened for.
    pub(super) fn judge_watch(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
        let wanted = message
            .params
            .and_then(|params| params.get("notifications"));
        let tasks = wanted.and_then(|wanted| wanted.get("taskIds"));
        let mut splices = Vec::new();
        for node in tasks.into_iter().flat_map(Node::items) {
            declares_tasks(message)?;
            let id = node.str().unwrap_or_default();
            splices.push(replace(node, &self.task(request, &id, cx)?.0));
        }
        Ok(Judged::pass(Passage {
            splices,
            ..Passage::new(self.policy.plumbing())
        }))
    }

    /// Judges a message about nothing registered: an answer to what a server asked on behalf of a
    /// task says so (MCP 2025-11-25, "Related Task Metadata").
    pub(super) fn judge_plumbing(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
        let (route, id) = self.asked(request, message, cx)?.unzip();
        let mut holders = message.root.get("result").into_iter().chain(message.params);
        let related = holders.find_map(|holder| holder.pointer(&["_meta", RELATED, "taskId"]));
        let mut splices = Vec::from_iter(id);
        if let Some(node) = related {
            let id = node.str().unwrap_or_default();
            splices.push(replace(node, &self.task(request, &id, cx)?.0));
        }
        Ok(Judged::pass(Passage {
            route,
            splices,
            ..Passage::new(self.policy.plumbing())
        }))
    }

    /// The server's own id of a task that a call of this caller made, of a tool that it may still
    /// see; and with what it may be had.
    fn task(
        &mut self,
        request: &Request,
        id: &str,
        cx: &Cx<'_>,
    ) -> Result<(String, Permit), Refusal> {
        let unknown = Refusal::UnknownTask;
        let ids = Ids {
            seal: cx.seal,
            principal: &request.principal,
            session: "",
        };
        let [server, tool, own] = ids
            .unwrap(Purpose::Task, id)
            .filter(|[server, _, _]| request.place.reaches(server))
            .ok_or_else(|| unknown("unknown_task"))?;
        self.record.target(Kind::Tool, &tool);
        let entry = self.policy.registry().tool(&tool);
        let (who, session) = (request.principal.who(), self.record.session_id.as_deref());
        let registry = self.policy.registry();
        let entry: &Entry = entry
            .map(|entry| registry.chosen(entry, who, session, Some(&server)))
            .filter(|entry| entry.server == server)
            .ok_or_else(|| unknown("unregistered"))?;
        self.record.entry(entry);
        let seen = Call {
            principal: &request.principal,
            entry,
            args: Partial::Unknown,
            meta: Partial::Unknown,
            session: self.record.session_id.as_deref(),
            now: cx.now,
        };
        match self.policy.decide(&seen) {
            Verdict::Deny { cause, .. } if !self.policy.visible(&seen) => {
                Err(unknown(truth(&cause)))
            }
            Verdict::Deny {
                cause: Cause::MissingScope(scopes),
                ..
            } => Err(Refusal::MissingScope(scopes)),
            Verdict::Allow(_) | Verdict::Ask { .. } | Verdict::Deny { .. } => {
                let permit = self.policy.aftermath(&seen);
                let task = Task {
                    id: id.to_owned(),
                    entry: entry.slot,
                    redactions: Arc::clone(permit.redactions()),
                };
                self.terms.tasks.insert(own.clone(), task);
                Ok((own, permit))
            }
        }
    }
}

/// Who speaks the modern era says in each request that it knows tasks (MCP Tasks extension,
/// "Protocol Errors").
fn declares_tasks(message: &Message<'_>) -> Result<(), Refusal> {
    let declared = message.client_capability(&["extensions", EXTENSION]);
    if message.era == Era::Legacy || declared.is_some() {
        return Ok(());
    }
    let required = format!(r#"{{"extensions":{{"{EXTENSION}":{{}}}}}}"#);
    Err(Refusal::Unreadable(rpc::Fault::Capability(required)))
}

fn replace(node: Node<'_>, id: &str) -> Splice {
    Splice {
        at: node.span(),
        with: quote(id).into_bytes(),
    }
}

const NAME: &str = "mcp-name";
const EXTENSION: &str = "io.modelcontextprotocol/tasks";
