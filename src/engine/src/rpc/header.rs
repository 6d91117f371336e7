//! Headers that repeat what the body says: they must agree, for others route on them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    http::{HeaderFault, Headers},
    json::Node,
    rpc::{
        era::Era,
        fault::{Fault, Mismatch},
        message::MessageKind,
        method::Method,
    },
};

/// `value` as an `mcp-name` or `mcp-param-*` header: itself where that is safe, else Base64 in the
/// protocol's wrapping.
#[must_use]
pub fn encode_header(value: &str) -> String {
    let printable = value.bytes().all(|b| matches!(b, 0x20..=0x7e));
    let padded = value.starts_with(' ') || value.ends_with(' ');
    // In any case: an earlier draft had readers unwrap it whatever its case.
    let wrapped = value
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    if printable && !padded && !wrapped {
        return value.to_owned();
    }
    format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(value))
}

/// The value behind an `mcp-name` or `mcp-param-*` header, given without surrounding white space.
///
/// # Errors
/// [`Mismatch::Characters`] and [`Mismatch::Encoding`].
pub fn decode_header(value: &str) -> Result<String, Mismatch> {
    if !value.bytes().all(|b| matches!(b, b'\t' | 0x20..=0x7e)) {
        return Err(Mismatch::Characters);
    }
    let Some(encoded) = value
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
    else {
        return Ok(value.to_owned());
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| Mismatch::Encoding)?;
    String::from_utf8(bytes).map_err(|_| Mismatch::Encoding)
}

/// `mcp-method` and `mcp-name` against the body: required where the modern era says so, never
/// allowed to differ in either era.
pub(super) fn check_routing(
    headers: &Headers,
    era: Era,
    kind: MessageKind,
    name: Option<&str>,
    method: Method,
    params: Option<Node<'_>>,
) -> Result<(), Fault> {
    let required = era == Era::Modern && kind == MessageKind::Request;
    match (one(headers, METHOD)?, name) {
        (None, Some(_)) if required => return Err(mismatch(METHOD, Mismatch::Missing)),
        (None, _) => {}
        (Some(_), None) => return Err(mismatch(METHOD, Mismatch::Unfounded)),
        (Some(header), Some(name)) if header != name => {
            return Err(mismatch(METHOD, Mismatch::Differs));
        }
        (Some(_), Some(_)) => {}
    }
    let told = method
        .name_member()
        .and_then(|member| params?.get(member)?.str());
    match (one(headers, NAME)?, told) {
        // Not where the era lacks the method: that is the better answer.
        (None, Some(_)) if required && method.is_in(era) => Err(mismatch(NAME, Mismatch::Missing)),
        (None, _) => Ok(()),
        (Some(_), None) => Err(mismatch(NAME, Mismatch::Unfounded)),
        (Some(header), Some(told)) => match decode_header(header) {
            Ok(value) if value == told => Ok(()),
            Ok(_) => Err(mismatch(NAME, Mismatch::Differs)),
            Err(problem) => Err(mismatch(NAME, problem)),
        },
    }
}

/// The one value of a header, as text.
pub(super) fn one<'a>(headers: &'a Headers, name: &str) -> Result<Option<&'a str>, Fault> {
    headers.one(name).map_err(|fault| match fault {
        HeaderFault::Repeated => Fault::HeaderRepeated(name.to_owned()),
        HeaderFault::NotText => Fault::HeaderNotText(name.to_owned()),
    })
}

pub(super) fn mismatch(header: &str, problem: Mismatch) -> Fault {
    Fault::HeaderMismatch {
        header: header.to_owned(),
        problem,
    }
}

pub(super) const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

#[cfg(test)]
mod tests;
