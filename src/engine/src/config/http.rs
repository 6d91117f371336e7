//! How a tool's calls become requests to a server that speaks plain HTTP.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The request that a call becomes.
///
/// `{orderId}` stands for an argument, `{/order/id}` for what a JSON Pointer finds in the arguments,
/// `{{` and `}}` for braces. What a value becomes never leaves its place: it cannot add a part to
/// the path, a parameter to the query, or a header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The method.
    pub method: HttpMethod,
    /// The path, below that of the server: `/v1/orders/{orderId}`. What stands in it is required by
    /// the `inputSchema`.
    pub path: String,
    /// Parameters of the query. One whose argument is absent is left out; one that is nothing but a
    /// list is repeated for each item.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Headers. One whose argument is absent is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, as JSON. A text that is one placeholder becomes the argument itself, of whatever
    /// type; what is absent is left out. Without it, `POST`, `PUT` and `PATCH` send what arguments are
    /// used nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The fields of a form that is sent in place of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<BTreeMap<String, String>>,
    /// What of a JSON answer is the result. Without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<HttpResult>,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "RFC 9110 and RFC 5789 say what they are")]
pub enum HttpMethod {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What of a JSON answer is the result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HttpResult {
    /// Where it is in the answer, as a JSON Pointer: `/data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The name that it gets. What is no object, as a list, needs one to be a structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl HttpMethod {
    /// As it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether arguments go into a body unless something else is said.
    #[must_use]
    pub const fn has_body(self) -> bool {
        match self {
            Self::Post | Self::Put | Self::Patch => true,
            Self::Get | Self::Delete => false,
        }
    }
}
