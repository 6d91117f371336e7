//! Calls of tools as requests to servers that speak plain HTTP.
//!
//! A [`Template`] says where in the request arguments go. It is held against the `inputSchema` when
//! it is compiled, and each value against its place when it is rendered: whatever the arguments, the
//! request has the parts of the path, the parameters and the headers of the template, and no others.
//!
//! What this module does not do: judge the arguments, know where the server is, or read its answer.

mod compile;
mod encode;
mod render;
mod shape;
mod text;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    config::{self, HttpMethod},
    contract::Violation,
    json::{Node, Pointer},
    problem::Problem,
};
use text::Text;

/// How the calls of a tool become requests.
#[derive(Debug)]
pub struct Template {
    method: HttpMethod,
    /// The parts of the path.
    path: Vec<Text>,
    /// By name, percent-encoded.
    query: Vec<(String, Text)>,
    headers: Vec<(String, Text)>,
    body: Body,
    /// Where in a JSON answer the result is.
    pub pointer: Option<Pointer>,
    /// The name that it gets.
    pub key: Option<String>,
}

/// A request to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestRequest {
    /// The method.
    pub method: &'static str,
    /// The path below that of the server, and the query.
    pub path: String,
    /// Headers, that of the body's type among them.
    pub headers: Vec<(String, String)>,
    /// The body; `None`: it has none.
    pub body: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Body {
    None,
    /// An object of all arguments but these.
    Rest(BTreeSet<String>),
    Json(Json),
    Form(Vec<(String, Text)>),
}

/// A JSON value with slots.
#[derive(Debug)]
enum Json {
    /// As it is written.
    Plain(String),
    /// The argument itself.
    Slot(Pointer),
    Text(Text),
    List(Vec<Self>),
    /// Names are quoted.
    Object(Vec<(String, Self)>),
}

impl Template {
    /// Checks a template and holds it against the schema of the arguments.
    ///
    /// # Errors
    /// Everything that is wrong; paths begin below `http`.
    pub fn compile(config: &config::Http, schema: &Value) -> Result<Self, Vec<Problem>> {
        compile::compile(config, schema)
    }

    /// The request that a call with these arguments becomes.
    ///
    /// # Errors
    /// Every argument that does not fit its place.
    pub fn render(&self, arguments: Option<Node<'_>>) -> Result<RestRequest, Vec<Violation>> {
        render::render(self, arguments)
    }
}

#[cfg(test)]
mod tests;
