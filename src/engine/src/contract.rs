//! The contract of a tool: its arguments against its `inputSchema` (JSON Schema 2020-12).
//!
//! A schema is compiled on its first use, so that a thousand tools cost a configuration nothing.
//! No reference leaves the schema, patterns match in linear time, and messages never hold a value
//! of the arguments.

use std::sync::OnceLock;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::{json::Node, problem::Problem};

mod headers;

pub use headers::{ParamHeader, ParamKind};

/// A JSON Schema for arguments.
pub struct Schema {
    source: Value,
    /// `None` inside: it does not compile.
    compiled: OnceLock<Option<Validator>>,
    headers: OnceLock<Vec<ParamHeader>>,
}

/// One way in which arguments break their contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the offending value; empty for the arguments themselves.
    pub pointer: String,
    /// The schema keyword that is broken.
    pub keyword: String,
    /// What is wrong, without the value.
    pub message: String,
}

impl Schema {
    /// A schema that is not compiled yet.
    #[must_use]
    pub const fn new(source: Value) -> Self {
        Self {
            source,
            compiled: OnceLock::new(),
            headers: OnceLock::new(),
        }
    }

    /// The schema as it was registered.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// Everything wrong with the schema itself; paths are pointers into it.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = headers::read(&self.source).1;
        if let Err(error) = compile(&self.source) {
            let path = error.instance_path().to_string();
            problems.push(Problem::new(path, lower(&error.to_string())));
        }
        problems
    }

    /// Judges arguments; where there are none, an empty object.
    ///
    /// # Errors
    /// Every violation in order of the schema's keywords, at most `max`.
    pub fn violations(
        &self,
        arguments: Option<Node<'_>>,
        max: usize,
    ) -> Result<(), Vec<Violation>> {
        let arguments =
            arguments.map_or_else(|| Value::Object(serde_json::Map::new()), Node::to_value);
        let Some(validator) = self.compiled.get_or_init(|| compile(&self.source).ok()) else {
            return Err(vec![Violation {
                pointer: String::new(),
                keyword: "$schema".to_owned(),
                message: "the tool's contract cannot be evaluated".to_owned(),
            }]);
        };
        // Most calls are good, and a plain yes is cheaper than a list of nothing.
        if validator.is_valid(&arguments) {
            return Ok(());
        }
        Err(validator
            .iter_errors(&arguments)
            .take(max)
            .map(|error| violation(&error))
            .collect())
    }

    /// The arguments that a client must mirror in `Mcp-Param-*` headers.
    #[must_use]
    pub fn param_headers(&self) -> &[ParamHeader] {
        self.headers.get_or_init(|| headers::read(&self.source).0)
    }
}

fn compile(source: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::draft202012::options()
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
        .build(source)
}

fn violation(error: &ValidationError<'_>) -> Violation {
    Violation {
        pointer: error.instance_path().to_string(),
        keyword: error.kind().keyword().to_owned(),
        message: lower(&error.masked().to_string()),
    }
}

/// A sentence of the library as a message of ours: lower case, no full stop.
fn lower(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.source)
    }
}

/// Bytes that one compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;

#[cfg(test)]
mod tests;
