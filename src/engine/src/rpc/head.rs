//! What can be said of a request before its body is there.

use std::collections::BTreeSet;

use crate::{
    http::Headers,
    rpc::{
        era,
        fault::Fault,
        header::{self, one},
    },
};

/// What the HTTP method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `POST`: one message.
    Post,
    /// `GET`: the stream of a legacy session.
    Listen,
    /// `DELETE`: the end of a legacy session.
    Delete,
}

/// Checks the head of a request to an MCP endpoint.
///
/// `max_body` is in bytes. `once` names further headers (lower case) that somebody will read and
/// rely on: like those of MCP they must not be repeated, and must be UTF-8.
///
/// # Errors
/// The first fault: 4xx, before anything of the body is read.
pub fn check_head(headers: &Headers, max_body: u64, once: &[&str]) -> Result<Route, Fault> {
    check_repeats(headers, once)?;
    let route = match one(headers, ":method")? {
        Some("POST") => Route::Post,
        Some("GET") => Route::Listen,
        Some("DELETE") => Route::Delete,
        Some(_) | None => {
            return Err(Fault::HttpMethod {
                allow: "GET, POST, DELETE",
            });
        }
    };
    check_length(headers, max_body)?;
    match route {
        Route::Post => {
            check_content(headers)?;
            check_accept(headers, &["application/json", "text/event-stream"])?;
        }
        Route::Listen => {
            check_session_version(headers)?;
            check_accept(headers, &["text/event-stream"])?;
        }
        Route::Delete => check_session_version(headers)?,
    }
    Ok(route)
}

/// Streams and sessions belong to the legacy era; no body will say which era this is.
fn check_session_version(headers: &Headers) -> Result<(), Fault> {
    match one(headers, header::VERSION)? {
        Some(version) if era::is_modern(version) => Err(Fault::HttpMethod { allow: "POST" }),
        version => era::check_version(era::Era::Legacy, version),
    }
}

/// Two readers of a repeated header may each pick another value.
fn check_repeats(headers: &Headers, once: &[&str]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut params = 0_usize;
    for (name, value) in headers.iter() {
        let is_mcp = name.starts_with("mcp-");
        if !is_mcp && !ONCE.contains(&name) && !once.contains(&name) {
            continue;
        }
        if is_mcp {
            params += usize::from(name.starts_with("mcp-param-"));
            if params > MAX_PARAMS || name.len() > MAX_NAME || value.len() > MAX_VALUE {
                return Err(Fault::HeadTooLarge);
            }
        }
        if !seen.insert(name) {
            return Err(Fault::HeaderRepeated(name.to_owned()));
        }
        if std::str::from_utf8(value).is_err() {
            return Err(Fault::HeaderNotText(name.to_owned()));
        }
    }
    Ok(())
}

fn check_length(headers: &Headers, max_body: u64) -> Result<(), Fault> {
    let Some(length) = one(headers, "content-length")? else {
        return Ok(());
    };
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::ContentLength);
    }
    // A number that does not fit is a number that is too large.
    match length.parse::<u64>() {
        Ok(length) if length <= max_body => Ok(()),
        Ok(_) | Err(_) => Err(Fault::TooLarge(max_body)),
    }
}

/// JSON in UTF-8, as it is: official servers disagree on every other charset and encoding.
fn check_content(headers: &Headers) -> Result<(), Fault> {
    let content_type = one(headers, "content-type")?.unwrap_or_default();
    let mut parts = content_type.split(';').map(trim);
    if !parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
    {
        return Err(Fault::ContentType);
    }
    let mut parameters = parts.filter(|part| !part.is_empty());
    if let Some(parameter) = parameters.next() {
        let charset = parameter
            .split_once('=')
            .filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        let Some((_, value)) = charset else {
            return Err(Fault::ContentType);
        };
        let value = value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value);
        if !value.eq_ignore_ascii_case("utf-8") || parameters.next().is_some() {
            return Err(Fault::ContentType);
        }
    }
    match one(headers, "content-encoding")? {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => Err(Fault::ContentEncoding),
        _ => Ok(()),
    }
}

/// The server behind may answer in each of these media types.
fn check_accept(headers: &Headers, needed: &[&'static str]) -> Result<(), Fault> {
    let mut ranges = Vec::new();
    for value in headers.all("accept") {
        let Ok(value) = std::str::from_utf8(value) else {
            return Err(Fault::HeaderNotText("accept".to_owned()));
        };
        ranges.extend(value.split(',').map(trim));
    }
    for media_type in needed {
        // Of the ranges that cover it, the most specific one decides (RFC 9110, section 12.5.1).
        let best = ranges
            .iter()
            .filter_map(|range| covers(range, media_type))
            .max();
        if !best.is_some_and(|(_, wanted)| wanted) {
            return Err(Fault::NotAcceptable(media_type));
        }
    }
    Ok(())
}

/// How specifically this range of `accept` covers the media type, and whether it wants it.
fn covers(range: &str, media_type: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(trim);
    let name = parts.next()?;
    let kind = media_type.split('/').next().unwrap_or_default();
    let specificity = if name.eq_ignore_ascii_case(media_type) {
        2
    } else if name
        .strip_suffix("/*")
        .is_some_and(|have| have.eq_ignore_ascii_case(kind))
    {
        1
    } else if name == "*/*" {
        0
    } else {
        return None;
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let refused =
        weight.is_some_and(|q| q.starts_with('0') && q.bytes().all(|b| matches!(b, b'0' | b'.')));
    Some((specificity, !refused))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Headers beside `mcp-*` that are read here or by identity, and decide something.
const ONCE: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "origin",
];

/// At most this many `mcp-param-*` headers.
const MAX_PARAMS: usize = 64;
/// The longest name of an `mcp-*` header, in bytes.
const MAX_NAME: usize = 128;
/// The longest value of an `mcp-*` header, in bytes.
const MAX_VALUE: usize = 8192;

#[cfg(test)]
mod tests;
