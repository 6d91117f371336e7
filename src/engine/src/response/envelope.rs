//! What a message of a server is, and whether it may be sent at all.

use crate::{
    cx::Cx,
    json::{Kind, Node},
    policy::Policy,
    refusal::{Refusal, UpstreamFault},
    registry::ServerRequest,
    rpc::{self, Era, MessageKind, Method},
};

use super::{Declared, Terms, Told, task};

/// What a message is to the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The answer.
    Answer,
    /// An error that names no request: the answer, if there is only one to wait for.
    Unaddressed,
    /// What may come beside it.
    Aside,
    /// Nothing for the client: why.
    Stray(&'static str),
}

impl Sort {
    pub(super) const fn answers(self) -> bool {
        matches!(self, Self::Answer | Self::Unaddressed)
    }
}

/// Reads the envelope of a message.
///
/// # Errors
/// It is no message, or one that must not be sent.
pub(super) fn sort(
    root: Node<'_>,
    terms: &Terms,
    told: &Told,
    policy: &Policy,
    cx: &Cx<'_>,
) -> Result<Sort, Refusal> {
    if let Some(error) = unaddressed(root) {
        check_error(error, terms)?;
        let awaited = terms.asker.id.is_some() && !told.answered;
        return Ok(if awaited {
            Sort::Unaddressed
        } else {
            Sort::Stray("stranger")
        });
    }
    match rpc::check_shape(root).map_err(|_| UNREADABLE)? {
        MessageKind::Response => answer(root, terms, told, policy),
        MessageKind::Notification => Ok(notification(root, terms, policy, cx)),
        MessageKind::Request => request(root, terms, policy),
    }
}

/// The error of a message that has no id, or none that could be read (JSON-RPC 2.0, section 5).
fn unaddressed(root: Node<'_>) -> Option<Node<'_>> {
    let nameless = root.get("id").is_none_or(Node::is_null);
    let alone = root.get("method").is_none() && root.get("result").is_none();
    root.get("error").filter(|_| nameless && alone)
}

fn answer(root: Node<'_>, terms: &Terms, told: &Told, policy: &Policy) -> Result<Sort, Refusal> {
    let error = root.get("error");
    if let Some(error) = error {
        check_error(error, terms)?;
    }
    if terms.operation.is_none() {
        // Resumed, a stream may bring the answer to any request of the session.
        return Ok(Sort::Aside);
    }
    let id = terms.asker.id.as_deref();
    if !id.is_some_and(|id| root.get("id").is_some_and(|found| same(found, id))) {
        // Some servers have one id for all requests that they did not read.
        return Ok(match error {
            Some(_) if told.status >= 400 && !told.answered && id.is_some() => Sort::Unaddressed,
            _ => Sort::Stray("stranger"),
        });
    }
    if told.answered {
        return Ok(Sort::Stray("second"));
    }
    if let Some(result) = root.get("result") {
        check_result(result, terms, policy)?;
    }
    Ok(Sort::Answer)
}

/// An error has a code and a message, and the code is one of its era.
fn check_error(error: Node<'_>, terms: &Terms) -> Result<(), Refusal> {
    let code = error.get("code").and_then(Node::i64).ok_or(UNREADABLE)?;
    error.get("message").and_then(Node::str).ok_or(UNREADABLE)?;
    match (terms.asker.era, code) {
        (Some(Era::Modern), rpc::URL_REQUIRED) => Err(undeclared("an error of another era")),
        _ => Ok(()),
    }
}

/// A result is whole, or of a kind that the client has declared to understand.
fn check_result(result: Node<'_>, terms: &Terms, policy: &Policy) -> Result<(), Refusal> {
    let sort = result.get("resultType").and_then(Node::str);
    match (terms.asker.era, sort.as_deref()) {
        (Some(Era::Modern), None | Some("complete")) => match terms.operation {
            // What a task needs to know comes with its state.
            Some(Method::TasksGet) => check_questions(result, terms, policy),
            _ => Ok(()),
        },
        (Some(Era::Modern), Some("input_required")) => check_input(result, terms, policy),
        (Some(Era::Modern), Some("task")) if terms.declared.task => Ok(()),
        (_, Some("task")) => Err(undeclared("a task")),
        (_, Some("input_required")) => Err(undeclared("questions")),
        (Some(Era::Modern), Some(_)) => Err(undeclared("a result of an unknown type")),
        (Some(Era::Legacy) | None, _)
            if result.get("task").is_some()
                && terms.operation == Some(Method::ToolsCall)
                && !terms.declared.task =>
        {
            Err(undeclared("a task"))
        }
        (Some(Era::Legacy) | None, _) => Ok(()),
    }
}

/// Questions are for those who use something, and come back (MCP 2026-07-28, "Multi Round-Trip
/// Requests").
fn check_input(result: Node<'_>, terms: &Terms, policy: &Policy) -> Result<(), Refusal> {
    let may = matches!(
        terms.operation,
        Some(Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead)
    );
    if !may {
        return Err(undeclared("questions"));
    }
    check_questions(result, terms, policy)
}

/// All that a server wants to know is what the client can tell.
fn check_questions(holder: Node<'_>, terms: &Terms, policy: &Policy) -> Result<(), Refusal> {
    let inputs = holder.get("inputRequests").into_iter();
    for input in inputs.flat_map(Node::members) {
        let input = input.value();
        let method = input.get("method").and_then(Node::str).ok_or(UNREADABLE)?;
        let Some(request) = ServerRequest::named(&method) else {
            return Err(undeclared("a question of an unknown kind"));
        };
        if !declares(terms.declared, request, input.get("params")) {
            return Err(undeclared("a question"));
        }
        if !allows(policy, terms, request) {
            return Err(FORBIDDEN);
        }
    }
    Ok(())
}

fn declares(declared: Declared, request: ServerRequest, params: Option<Node<'_>>) -> bool {
    let mode = params.and_then(|params| params.get("mode")?.str());
    match (request, mode.as_deref()) {
        (ServerRequest::Elicitation, Some("url")) => declared.page,
        (ServerRequest::Elicitation, _) => declared.form,
        (ServerRequest::Sampling, _) => declared.sampling,
        (ServerRequest::Roots, _) => declared.roots,
    }
}

/// What a server tells without being asked; what the revisions do not know, clients do not either.
fn notification(root: Node<'_>, terms: &Terms, policy: &Policy, cx: &Cx<'_>) -> Sort {
    let method = root.get("method").and_then(Node::str).unwrap_or_default();
    if !method.starts_with("notifications/") {
        return Sort::Stray("unknown_notification");
    }
    if method == "notifications/resources/updated" {
        // What may not be read may not be heard of.
        let uri = root.pointer(&["params", "uri"]).and_then(Node::str);
        let entry = uri.and_then(|uri| policy.registry().resource(&terms.server, &uri));
        if !entry.is_some_and(|entry| terms.sees(entry, policy, cx)) {
            return Sort::Stray("hidden");
        }
    }
    if task::is_strange(root, terms) {
        return Sort::Stray("unknown_task");
    }
    let questions = root.get("params").filter(|_| task::tells_state(root));
    match questions.map(|it| check_questions(it, terms, policy)) {
        Some(Err(_)) => Sort::Stray("undeclared"),
        Some(Ok(())) | None => Sort::Aside,
    }
}

/// What a server asks of the client: in the legacy era, and as far as the registry lets it.
fn request(root: Node<'_>, terms: &Terms, policy: &Policy) -> Result<Sort, Refusal> {
    if terms.asker.era == Some(Era::Modern) {
        return Err(FORBIDDEN);
    }
    let method = root.get("method").and_then(Node::str).unwrap_or_default();
    let may = match ServerRequest::named(&method) {
        Some(request) => allows(policy, terms, request),
        None => method == "ping",
    };
    if may { Ok(Sort::Aside) } else { Err(FORBIDDEN) }
}

fn allows(policy: &Policy, terms: &Terms, request: ServerRequest) -> bool {
    let server = policy.registry().server(&terms.server);
    server.is_some_and(|server| server.requests.contains(&request))
}

/// Whether an id is the one that was written so, or says the same.
fn same(found: Node<'_>, id: &str) -> bool {
    if found.raw() == id {
        return true;
    }
    let doc = || crate::json::Doc::parse(id.as_bytes().to_vec()).ok();
    found.kind() == Kind::String && doc().is_some_and(|doc| doc.root().str() == found.str())
}

const fn undeclared(what: &'static str) -> Refusal {
    Refusal::Upstream(UpstreamFault::Undeclared(what))
}

const UNREADABLE: Refusal = Refusal::Upstream(UpstreamFault::Unreadable);
const FORBIDDEN: Refusal = Refusal::Upstream(UpstreamFault::Request);

#[cfg(test)]
mod tests;
