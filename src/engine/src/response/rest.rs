//! Answers of servers that speak plain HTTP, as the results of tools.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    http::Headers,
    json::{Doc, Kind, Node, quote},
    refusal::{Asker, Refusal, UpstreamFault},
    rest::Template,
    rpc::Era,
};

/// What a tool says.
struct Said {
    /// An item of `content`, as JSON.
    content: String,
    /// An object, as JSON.
    structured: Option<String>,
    failed: bool,
}

/// The JSON-RPC answer made of an HTTP response, for whoever asked.
///
/// # Errors
/// No result can be made of it, or it refuses the gateway itself.
pub fn message(
    headers: &Headers,
    body: &[u8],
    template: &Template,
    asker: &Asker,
) -> Result<Vec<u8>, Refusal> {
    let one = |name: &str| headers.one(name).ok().flatten().unwrap_or_default();
    let status: u16 = one(":status").parse().unwrap_or_default();
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let said = match status {
        200..=299 => whole(status, one("content-type"), body, template)?,
        // The agent can do nothing about a credential that is the gateway's.
        401 | 403 => return Err(Refusal::Upstream(UpstreamFault::Unauthorized)),
        300..=399 => failed(&format!(
            "The server answered with HTTP status {status}: it points elsewhere, which is not followed."
        )),
        _ => match words(one("content-type"), body) {
            Some(words) => failed(&format!(
                "The server answered with HTTP status {status}: {words}"
            )),
            None => failed(&format!("The server answered with HTTP status {status}.")),
        },
    };
    let mut result = String::new();
    if asker.era == Some(Era::Modern) {
        result.push_str(r#""resultType":"complete","#);
    }
    result.push_str(&format!(r#""content":[{}]"#, said.content));
    if let Some(structured) = said.structured {
        result.push_str(&format!(r#","structuredContent":{structured}"#));
    }
    if said.failed {
        let mut facts = Map::from_iter([("status".to_owned(), json!(status))]);
        let seconds: Option<u64> = one("retry-after").parse().ok();
        let wait = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        facts.extend(wait.map(|wait| ("retryAfterMs".to_owned(), json!(wait))));
        let facts = Value::Object(facts);
        result.push_str(&format!(
            r#","isError":true,"_meta":{{"toolgate/upstream":{facts}}}"#
        ));
    }
    let id = asker.id.as_deref().unwrap_or("null");
    Ok(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{result}}}}}"#).into_bytes())
}

/// Whether a body of this type may never end.
#[must_use]
pub fn is_endless(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("text/event-stream")
}

/// What a good answer says.
fn whole(
    status: u16,
    content_type: &str,
    body: &[u8],
    template: &Template,
) -> Result<Said, Refusal> {
    let unreadable = Refusal::Upstream(UpstreamFault::Unreadable);
    if body.is_empty() {
        let done = format!("Done: the server answered with HTTP status {status} and nothing else.");
        return Ok(said(text_block(&done)));
    }
    Ok(match media(content_type) {
        Media::Json => {
            let doc = Doc::parse(body.to_vec()).map_err(|_| unreadable)?;
            structured(&doc, template)
        }
        Media::Text => match std::str::from_utf8(body) {
            Ok(text) => said(text_block(text)),
            Err(_) => return Err(unreadable),
        },
        Media::Binary(kind) => {
            let mime = quote(essence(content_type));
            let data = STANDARD.encode(body);
            said(format!(
                r#"{{"type":"{kind}","data":"{data}","mimeType":{mime}}}"#
            ))
        }
        Media::Other => failed("The server answered with what no result of a tool can hold."),
    })
}

/// The part of a JSON answer that is the result, under its name.
fn structured(doc: &Doc, template: &Template) -> Said {
    let root = doc.root();
    let found: Option<Node<'_>> = match &template.pointer {
        Some(pointer) => pointer.find(root).into_iter().next(),
        None => Some(root),
    };
    let Some(found) = found else {
        let pointer = template
            .pointer
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        return failed(&format!("The server's answer has nothing at `{pointer}`."));
    };
    let (json, object) = match &template.key {
        Some(key) => (format!("{{{}:{}}}", quote(key), found.raw()), true),
        None => (found.raw().to_owned(), found.kind() == Kind::Object),
    };
    Said {
        content: text_block(&json),
        structured: object.then_some(json),
        failed: false,
    }
}

/// What a server says about a failure, as far as a model is to read it.
fn words(content_type: &str, body: &[u8]) -> Option<String> {
    let page = matches!(essence(content_type), "text/html" | "application/xhtml+xml");
    let readable = matches!(media(content_type), Media::Json | Media::Text);
    let text = std::str::from_utf8(body)
        .ok()
        .filter(|_| readable && !page)?
        .trim();
    let (most, rest) = text.split_at_checked(text.floor_char_boundary(MAX_WORDS))?;
    let cut = if rest.is_empty() { "" } else { " [..]" };
    (!most.is_empty()).then(|| format!("{most}{cut}"))
}

fn said(content: String) -> Said {
    Said {
        content,
        structured: None,
        failed: false,
    }
}

fn failed(text: &str) -> Said {
    Said {
        failed: true,
        ..said(text_block(text))
    }
}

fn text_block(text: &str) -> String {
    format!(r#"{{"type":"text","text":{}}}"#, quote(text))
}

/// What is made of a body.
enum Media {
    Json,
    Text,
    /// A block of content of this type.
    Binary(&'static str),
    Other,
}

fn media(content_type: &str) -> Media {
    let essence = essence(content_type).to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    match (kind, subtype) {
        (_, "json") | ("application", "problem+json") => Media::Json,
        (_, subtype) if subtype.ends_with("+json") => Media::Json,
        ("text", "event-stream") => Media::Other,
        ("text", _) | ("application", "xml" | "yaml" | "javascript" | "x-yaml") => Media::Text,
        ("image", _) => Media::Binary("image"),
        ("audio", _) => Media::Binary("audio"),
        (_, subtype) if subtype.ends_with("+xml") || subtype.ends_with("+yaml") => Media::Text,
        _ => Media::Other,
    }
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Of what a server says about a failure.
const MAX_WORDS: usize = 2_000;

/// Some servers begin JSON with it, against RFC 8259, section 8.1.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
