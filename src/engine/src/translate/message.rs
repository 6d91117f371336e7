//! Messages of a server on their way to a client of the other era.

use crate::{
    json::{Kind, Node, Splice, quote},
    refusal::{Refusal, UpstreamFault},
    registry::ServerRequest,
    rpc::{self, Era, Method},
};

use super::{Origin, Translated, strip};

/// What changes in a message of a server. Whether it is one, and may be sent, is for others to say.
///
/// # Errors
/// It wants what only clients of its own era can give.
pub fn message(root: Node<'_>, from: &Origin<'_>) -> Result<Translated, Refusal> {
    if let Some(method) = root.get("method").and_then(Node::str) {
        return match root.get("id") {
            Some(_) => asked(&method, from.era),
            None => Ok(told(root, &method, from)),
        };
    }
    let mut splices = match (root.get("error"), root.get("result")) {
        (Some(error), _) => failed(root, error, from),
        (None, Some(result)) => done(result, from)?,
        (None, None) => Vec::new(),
    };
    if let Some((sent, own)) = from.id {
        let id = root.get("id").filter(|id| id.raw() == sent);
        splices.extend(id.map(|id| replace(id, own)));
    }
    Ok(Translated::Splices(splices))
}

/// Takes out of a tool's result what a legacy client cannot read: a structured value that is no
/// object (MCP 2025-11-25, "Structured Content"). What it says is left as text. This comes last:
/// until then the value is held against its contract.
#[must_use]
pub fn plain(result: Node<'_>) -> Vec<Splice> {
    let value = result.get(STRUCTURED);
    let Some(value) = value.filter(|value| value.kind() != Kind::Object) else {
        return Vec::new();
    };
    let mut splices: Vec<_> = result.remove(STRUCTURED).into_iter().collect();
    let content = result.get("content");
    let is_text = |block: Node<'_>| block.get("text").is_some();
    if !content.is_some_and(|content| content.items().any(is_text)) {
        let block = format!(r#"{{"type":"text","text":{}}}"#, quote(value.raw()));
        splices.push(match content.filter(|it| it.kind() == Kind::Array) {
            Some(content) => content.push(&block),
            None => result.set("content", &format!("[{block}]")),
        });
    }
    splices
}

/// The HTTP status of an answer that is a message. What is an error of one era may end a session in
/// the other, and some clients are ended by any: in band all of them read it.
#[must_use]
pub const fn status(of_server: u16) -> u16 {
    match of_server {
        400..500 => 200,
        other => other,
    }
}

/// A result. In the modern era it says of which kind it is, and some say how long they keep.
fn done(result: Node<'_>, from: &Origin<'_>) -> Result<Vec<Splice>, Refusal> {
    let sort = result.get("resultType");
    let sort = sort.map(|sort| sort.str().unwrap_or_default());
    let undeclared = |what| Err(Refusal::Upstream(UpstreamFault::Undeclared(what)));
    match (sort.as_deref(), from.era) {
        (None | Some("complete"), _) => {}
        (Some("input_required"), Era::Modern) => {
            let inputs = result.get("inputRequests").into_iter();
            let mut methods = inputs
                .flat_map(Node::members)
                .filter_map(|input| input.value().get("method")?.str());
            return Err(wants(&methods.next().unwrap_or_default(), from.era));
        }
        (Some("task"), Era::Modern) => return undeclared("a task"),
        (Some(_), _) => return undeclared("a result of an unknown type"),
    }
    if from.era == Era::Modern {
        return Ok(strip(result, &["resultType", "ttlMs", "cacheScope"]));
    }
    if from.operation == Some(Method::ToolsCall) && result.get("task").is_some() {
        return undeclared("a task");
    }
    let mut splices = strip(result, &[]);
    splices.push(result.set("resultType", r#""complete""#));
    if from.operation.is_some_and(keeps) {
        // Nobody said that it does.
        splices.push(result.set("ttlMs", "0"));
        splices.push(result.set("cacheScope", r#""private""#));
    }
    if let Some(completion) = result.get("completion")
        && let Some(values) = completion.get("values")
        && values.len() > MAX_VALUES
    {
        let surplus: Vec<_> = (MAX_VALUES..values.len()).collect();
        splices.extend(values.remove_items(&surplus));
        splices.push(completion.set("hasMore", "true"));
    }
    Ok(splices)
}

/// An error. Some codes mean something in one era alone (MCP 2026-07-28, "Error Codes").
fn failed(root: Node<'_>, error: Node<'_>, from: &Origin<'_>) -> Vec<Splice> {
    let code = error.get("code");
    let Some((code, number)) = code.and_then(|code| Some((code, code.i64()?))) else {
        return Vec::new();
    };
    let reads = from.operation == Some(Method::ResourcesRead);
    match (number, from.era) {
        (rpc::URL_REQUIRED, Era::Legacy) => page(root, error, from.operation),
        (-32_002, Era::Legacy) => vec![replace(code, "-32602")],
        (-32_602, Era::Modern) if reads => vec![replace(code, "-32002")],
        // Headers, capabilities, version: what the gateway says of itself.
        (-32_022..=-32_020, Era::Modern) => {
            let said = error.get("message").and_then(Node::str).unwrap_or_default();
            let text = format!("the server did not accept the gateway's request: {said}");
            vec![replace(code, INTERNAL), error.set("message", &quote(&text))]
        }
        // Each means something else in the other era, or nothing.
        (-32_099..=-32_020, _) => vec![replace(code, INTERNAL)],
        _ => Vec::new(),
    }
}

/// A server sends the user to a page, in a form that the modern era took out. Said in words, a model
/// can tell its user.
fn page(root: Node<'_>, error: Node<'_>, operation: Option<Method>) -> Vec<Splice> {
    let mut text = "Not done: the server wants the user to visit a page first.".to_owned();
    let pages = error.pointer(&["data", "elicitations"]).into_iter();
    for page in pages.flat_map(Node::items) {
        let said = |name| page.get(name).and_then(Node::str).unwrap_or_default();
        text.push_str(&format!("\n{}: {}", said("message"), said("url")));
    }
    text.push_str("\nTell the user. Once that is done, ask for the same again.");
    let text = quote(&text);
    let outcome = match operation {
        Some(Method::ToolsCall) => format!(
            r#""result":{{"resultType":"complete","content":[{{"type":"text","text":{text}}}],"isError":true}}"#
        ),
        Some(_) | None => format!(r#""error":{{"code":{INTERNAL},"message":{text}}}"#),
    };
    let member = root.member("error").into_iter();
    let put = member.map(|member| Splice {
        at: member.span(),
        with: outcome.clone().into_bytes(),
    });
    put.collect()
}

/// What a server tells without being asked.
fn told(root: Node<'_>, method: &str, from: &Origin<'_>) -> Translated {
    let passes = match (method, from.era) {
        ("notifications/progress", _) | ("notifications/message", Era::Modern) => true,
        ("notifications/message", Era::Legacy) => {
            let severity = |level: &str| LEVELS.iter().position(|known| *known == level);
            let level = root.pointer(&["params", "level"]).and_then(Node::str);
            let levels = level.and_then(|it| severity(&it)).zip(from.log);
            levels.is_some_and(|(said, wanted)| severity(wanted).is_some_and(|it| it <= said))
        }
        (
            "notifications/tools/list_changed"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed"
            | "notifications/resources/updated",
            era,
        ) => {
            // The modern era has streams of their own for these.
            era == Era::Modern || matches!(from.operation, None | Some(Method::Listen))
        }
        _ => false,
    };
    if !passes {
        return Translated::Drop("other_era");
    }
    let params = root.get("params").into_iter();
    Translated::Splices(params.flat_map(|params| strip(params, &[])).collect())
}

/// What a server asks of the client.
fn asked(method: &str, server: Era) -> Result<Translated, Refusal> {
    match server {
        Era::Legacy if method == "ping" => Ok(Translated::Drop("other_era")),
        Era::Legacy => Err(wants(method, server)),
        // It has no requests of servers.
        Era::Modern => Err(Refusal::Upstream(UpstreamFault::Request)),
    }
}

fn wants(method: &str, server: Era) -> Refusal {
    let what = match ServerRequest::named(method) {
        Some(ServerRequest::Elicitation) => "an answer of the user",
        Some(ServerRequest::Sampling) => "an answer of the client's model",
        Some(ServerRequest::Roots) => "the client's roots",
        None => "another round",
    };
    Refusal::Upstream(UpstreamFault::Wants(what, server))
}

/// Whether the modern era has results of a method say how long they keep ("Caching").
const fn keeps(operation: Method) -> bool {
    matches!(
        operation,
        Method::ToolsList
            | Method::PromptsList
            | Method::ResourcesList
            | Method::TemplatesList
            | Method::ResourcesRead
    )
}

fn replace(node: Node<'_>, json: &str) -> Splice {
    Splice {
        at: node.span(),
        with: json.into(),
    }
}

const STRUCTURED: &str = "structuredContent";
/// JSON-RPC 2.0, section 5.1.
const INTERNAL: &str = "-32603";
/// Completions in one answer.
const MAX_VALUES: usize = 100;
/// Of log messages, from the least severe one (RFC 5424).
const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];
