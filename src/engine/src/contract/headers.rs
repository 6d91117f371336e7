//! `x-mcp-header`: arguments that a client mirrors in headers (MCP 2026-07-28, "Request Metadata").

use serde_json::Value;

use crate::problem::Problem;

/// One mirrored argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamHeader {
    /// The header in lower case: `mcp-param-region`.
    pub header: String,
    /// Where the argument lies in the arguments, member by member.
    pub path: Vec<String>,
    /// Its type.
    pub kind: ParamKind,
}

/// Types that can be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Compared as text.
    String,
    /// Compared by value.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// The annotations of a schema, and what is wrong with others.
pub(super) fn read(schema: &Value) -> (Vec<ParamHeader>, Vec<Problem>) {
    let mut found = (Vec::new(), Vec::new());
    walk(schema, &mut Vec::new(), &mut found);
    found
}

/// Only chains of `properties` count: what lies behind any other keyword may not be there.
fn walk(schema: &Value, path: &mut Vec<String>, found: &mut (Vec<ParamHeader>, Vec<Problem>)) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(header) = property.get("x-mcp-header") {
            match annotation(header, property, path, &found.0) {
                Ok(header) => found.0.push(header),
                Err(message) => {
                    let names: Vec<_> = path.iter().map(|name| escape(name)).collect();
                    let at = format!("/properties/{}/x-mcp-header", names.join("/properties/"));
                    found.1.push(Problem::new(at, message));
                }
            }
        }
        walk(property, path, found);
        path.pop();
    }
}

/// Annotations that no client finds, of those at `annotated` (JSON Pointers to subschemas).
pub(super) fn misplaced<'a>(
    annotated: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = Problem> {
    let chain = |at: &str| {
        at.split('/')
            .skip(1)
            .step_by(2)
            .all(|keyword| keyword == "properties")
    };
    annotated
        .filter(move |at| at.is_empty() || !chain(at))
        .map(|at| {
            let message = "only what lies in `properties` alone can be mirrored";
            Problem::new(format!("{at}/x-mcp-header"), message)
        })
}

/// A name as a part of a JSON Pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn annotation(
    header: &Value,
    property: &Value,
    path: &[String],
    known: &[ParamHeader],
) -> Result<ParamHeader, String> {
    let Some(name) = header.as_str().filter(|name| is_token(name)) else {
        let name = header
            .as_str()
            .map_or_else(|| header.to_string(), str::to_owned);
        return Err(format!("`{name}` is not a header name"));
    };
    let kind = match property.get("type").and_then(Value::as_str) {
        Some("string") => ParamKind::String,
        Some("integer") => ParamKind::Integer,
        Some("boolean") => ParamKind::Boolean,
        _ => return Err("only a string, an integer or a boolean can be mirrored".to_owned()),
    };
    let header = format!("mcp-param-{}", name.to_ascii_lowercase());
    if known.iter().any(|other| other.header == header) {
        return Err(format!("`{name}` is used twice"));
    }
    Ok(ParamHeader {
        header,
        path: path.to_vec(),
        kind,
    })
}

/// RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
