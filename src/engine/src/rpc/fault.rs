//! Every way for a request to be unreadable or at odds with itself.

use crate::{
    json::{self, FaultKind, quote},
    rpc::{era::Era, message::MessageKind},
};

/// Why a request cannot be taken as an MCP message, with the answer the specification sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The HTTP method is not one of the era's: 405.
    HttpMethod {
        /// The value for the answer's `allow` header.
        allow: &'static str,
    },
    /// `accept` leaves out a media type that the answer may need: 406.
    NotAcceptable(&'static str),
    /// `content-type` is not JSON in UTF-8: 415.
    ContentType,
    /// The body is compressed: 415.
    ContentEncoding,
    /// A GET or DELETE brings a body: 400.
    UnexpectedBody,
    /// `content-length` is not a number: 400.
    ContentLength,
    /// The body is longer than this many bytes: 413.
    TooLarge(u64),
    /// Too many `mcp-param-*` headers, or too long a header: 431.
    HeadTooLarge,
    /// A header that must be read once is repeated: 400.
    HeaderRepeated(String),
    /// A header that must be read is not UTF-8: 400.
    HeaderNotText(String),
    /// The body is not strict JSON: 400.
    Json(json::Fault),
    /// The body is an array: 400. Batches left the protocol with 2025-06-18.
    Batch,
    /// The body is JSON, but not a JSON-RPC message: 400.
    Envelope(Shape),
    /// `params._meta` lacks what the modern era requires: 400.
    Meta(&'static str),
    /// `params` does not have the form that the method demands: in band.
    Params(&'static str),
    /// A header is missing, malformed, or disagrees with the body: 400.
    HeaderMismatch {
        /// The header, lower case.
        header: String,
        /// What is wrong with it.
        problem: Mismatch,
    },
    /// The protocol version is not one that is served: 400.
    Version {
        /// The version the client named.
        requested: String,
        /// The era it was named in: the code differs.
        era: Era,
    },
    /// The client did not declare a capability that the call needs: 400.
    Capability(
        /// The missing capabilities as a JSON object: `{"elicitation":{"url":{}}}`.
        String,
    ),
    /// The era has no such method: 404 where the era says so, in band otherwise.
    UnknownMethod {
        /// The method as the client named it.
        method: String,
        /// The era of the message.
        era: Era,
        /// What it came as.
        kind: MessageKind,
    },
}

/// Why a JSON text is not a JSON-RPC message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The body is not an object.
    NotObject,
    /// `jsonrpc` is not `"2.0"`.
    Version,
    /// `id` is neither a string nor a plain 64-bit integer.
    Id,
    /// `method` is not a string.
    Method,
    /// `params` is not an object.
    Params,
    /// `method` stands beside `result` or `error`.
    Mixed,
    /// There is neither a method nor exactly one of `result` and `error`.
    Neither,
    /// A response has no `id`.
    ResponseWithoutId,
    /// `result` or `error` is not an object.
    Outcome,
    /// A response was posted in the modern era.
    ModernResponse,
    /// A method that has an answer was sent without an `id`, or the reverse.
    Direction,
    /// A member's name could be taken for this reserved one.
    NearMiss(&'static str),
}

/// How a header fails to tell what the body tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The body carries a value that the header must repeat.
    Missing,
    /// Header and body have different values.
    Differs,
    /// The header stands for a value that the body does not carry.
    Unfounded,
    /// The value is not printable ASCII.
    Characters,
    /// The value claims to be Base64 of UTF-8 and is not.
    Encoding,
}

impl Fault {
    /// HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::HttpMethod { .. } => 405,
            Self::NotAcceptable(_) => 406,
            Self::ContentType | Self::ContentEncoding => 415,
            Self::TooLarge(_) => 413,
            Self::HeadTooLarge => 431,
            Self::Params(_) => 200,
            Self::UnknownMethod { era, kind, .. } => match (era, kind) {
                (Era::Modern, _) => 404,
                // 404 would end a legacy client's session.
                (Era::Legacy, MessageKind::Request) => 200,
                (Era::Legacy, MessageKind::Notification | MessageKind::Response) => 400,
            },
            Self::ContentLength
            | Self::UnexpectedBody
            | Self::HeaderRepeated(_)
            | Self::HeaderNotText(_)
            | Self::Json(_)
            | Self::Batch
            | Self::Envelope(_)
            | Self::Meta(_)
            | Self::HeaderMismatch { .. }
            | Self::Version { .. }
            | Self::Capability(_) => 400,
        }
    }

    /// JSON-RPC error code of the answer.
    #[must_use]
    pub fn code(&self) -> i64 {
        match self {
            Self::Json(fault) => match fault.kind {
                // These are JSON by the grammar; it is this reader that will not take them.
                FaultKind::DuplicateKey
                | FaultKind::OddKey
                | FaultKind::Depth
                | FaultKind::TooManyNodes => INVALID_REQUEST,
                FaultKind::Syntax
                | FaultKind::TrailingData
                | FaultKind::Utf8
                | FaultKind::LoneSurrogate
                | FaultKind::Number => PARSE_ERROR,
            },
            Self::HeaderRepeated(name) | Self::HeaderNotText(name) if name.starts_with("mcp-") => {
                HEADER_MISMATCH
            }
            Self::HeaderMismatch { .. } => HEADER_MISMATCH,
            Self::Meta(_) | Self::Params(_) => INVALID_PARAMS,
            Self::Version {
                era: Era::Modern, ..
            } => UNSUPPORTED_VERSION,
            Self::Capability(_) => MISSING_CAPABILITY,
            Self::UnknownMethod { .. } => METHOD_NOT_FOUND,
            Self::HttpMethod { .. }
            | Self::NotAcceptable(_)
            | Self::ContentType
            | Self::ContentEncoding
            | Self::UnexpectedBody
            | Self::ContentLength
            | Self::TooLarge(_)
            | Self::HeadTooLarge
            | Self::HeaderRepeated(_)
            | Self::HeaderNotText(_)
            | Self::Batch
            | Self::Envelope(_)
            | Self::Version {
                era: Era::Legacy, ..
            } => INVALID_REQUEST,
        }
    }

    /// One sentence for the client.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::HttpMethod { allow } => format!("method not allowed: use {allow}"),
            Self::NotAcceptable(needed) => format!("the client must accept {needed}"),
            Self::ContentType => "the content type must be application/json in UTF-8".to_owned(),
            Self::ContentEncoding => "the body must not be compressed".to_owned(),
            Self::UnexpectedBody => "a body is not expected with this method".to_owned(),
            Self::ContentLength => "the content length is not a number".to_owned(),
            Self::TooLarge(limit) => format!("the body is longer than {limit} bytes"),
            Self::HeadTooLarge => "too many or too long `mcp-*` headers".to_owned(),
            Self::HeaderRepeated(name) => format!("header `{name}` is repeated"),
            Self::HeaderNotText(name) => format!("header `{name}` is not text"),
            Self::Json(fault) => format!("the body is not strict JSON: {fault}"),
            Self::Batch => "batches are not served: send one message per request".to_owned(),
            Self::Envelope(shape) => format!("not a JSON-RPC message: {}", shape.message()),
            Self::Meta(what) | Self::Params(what) => format!("invalid params: {what}"),
            Self::HeaderMismatch { header, problem } => {
                format!("header mismatch: `{header}` {}", problem.message())
            }
            Self::Version { requested, .. } => {
                format!("unsupported protocol version `{}`", short(requested))
            }
            Self::Capability(_) => {
                "the client did not declare a capability that this call needs".to_owned()
            }
            Self::UnknownMethod { method, .. } => format!("method not found: `{}`", short(method)),
        }
    }

    /// The error's `data` as JSON text, where the specification sets one.
    #[must_use]
    pub fn data(&self) -> Option<String> {
        match self {
            // Those of the era that was asked in: no other version would do in its place.
            Self::Version { requested, era } => Some(format!(
                "{{\"supported\":[\"{}\"],\"requested\":{}}}",
                era.versions().join("\",\""),
                quote(short(requested))
            )),
            Self::Capability(required) => Some(format!("{{\"requiredCapabilities\":{required}}}")),
            _ => None,
        }
    }

    /// The value of the answer's `allow` header, which a 405 must carry.
    #[must_use]
    pub const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::HttpMethod { allow } => Some(allow),
            _ => None,
        }
    }

    /// One token for logs and metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::HttpMethod { .. } => "http_method",
            Self::NotAcceptable(_) => "not_acceptable",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::UnexpectedBody => "unexpected_body",
            Self::ContentLength => "content_length",
            Self::TooLarge(_) => "too_large",
            Self::HeadTooLarge => "head_too_large",
            Self::HeaderRepeated(_) => "header_repeated",
            Self::HeaderNotText(_) => "header_not_text",
            Self::Json(fault) => fault.kind.reason(),
            Self::Batch => "batch",
            Self::Envelope(_) => "envelope",
            Self::Meta(_) => "meta",
            Self::Params(_) => "params",
            Self::HeaderMismatch { .. } => "header_mismatch",
            Self::Version { .. } => "version",
            Self::Capability(_) => "capability",
            Self::UnknownMethod { .. } => "unknown_method",
        }
    }
}

impl From<json::Fault> for Fault {
    fn from(fault: json::Fault) -> Self {
        Self::Json(fault)
    }
}

impl Shape {
    fn message(self) -> String {
        let text = match self {
            Self::NotObject => "the body must be an object",
            Self::Version => "`jsonrpc` must be \"2.0\"",
            Self::Id => "`id` must be a string or an integer in plain digits",
            Self::Method => "`method` must be a string",
            Self::Params => "`params` must be an object",
            Self::Mixed => "`method` excludes `result` and `error`",
            Self::Neither => "`method`, or one of `result` and `error`, is required",
            Self::ResponseWithoutId => "a response must have an `id`",
            Self::Outcome => "`result` and `error` must be objects",
            Self::ModernResponse => "responses are not posted in this protocol version",
            Self::Direction => "a request must have an `id`, and a notification must not",
            Self::NearMiss(name) => return format!("a member resembles `{name}` without being it"),
        };
        text.to_owned()
    }
}

impl Mismatch {
    const fn message(self) -> &'static str {
        match self {
            Self::Missing => "is required",
            Self::Differs => "differs from the body",
            Self::Unfounded => "has no counterpart in the body",
            Self::Characters => "contains characters that need encoding",
            Self::Encoding => "is not valid Base64 of UTF-8",
        }
    }
}

/// The first characters of what a client wrote: enough to recognise it in an answer or a log.
fn short(text: &str) -> &str {
    match text.char_indices().nth(MAX_ECHO) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

const MAX_ECHO: usize = 64;
const PARSE_ERROR: i64 = -32_700;
const INVALID_REQUEST: i64 = -32_600;
const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;
const HEADER_MISMATCH: i64 = -32_020;
const MISSING_CAPABILITY: i64 = -32_021;
const UNSUPPORTED_VERSION: i64 = -32_022;
