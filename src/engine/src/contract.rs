//! The contract of a tool: its arguments against its `inputSchema` (JSON Schema 2020-12).
//!
//! A schema is compiled on its first use, so that a thousand tools cost a configuration nothing.
//! No reference leaves the schema, patterns match in linear time, messages never hold a value of
//! the arguments, and arguments that would take too long to judge are refused unjudged.

use std::sync::OnceLock;

use jsonschema::{
    Draft, PatternOptions, Registry, ValidationError, Validator, error::ValidationErrorKind,
    json::SerdeJson, uri,
};
use serde_json::{Map, Value, json};

use crate::{json::Node, problem::Problem};

mod explain;
mod headers;
mod pattern;
mod plan;

pub use headers::{ParamHeader, ParamKind};

use plan::{Plan, Work};

/// A JSON Schema for arguments.
pub struct Schema {
    source: Value,
    /// `None` inside: it does not compile.
    compiled: OnceLock<Option<Compiled>>,
    headers: OnceLock<Vec<ParamHeader>>,
}

/// One way in which arguments break their contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the offending value; empty for the arguments themselves.
    pub pointer: String,
    /// The schema keyword that is broken.
    pub keyword: String,
    /// What is wrong, without the value.
    pub message: String,
}

struct Compiled {
    validator: Validator,
    plan: Plan,
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

    /// Everything wrong with the schema itself; paths are JSON Pointers into it.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let draft = Draft::default().detect(&self.source);
        if draft == Draft::Unknown {
            return vec![
                Problem::new("/$schema", "is not a known dialect of JSON Schema")
                    .help("leave `$schema` out for 2020-12"),
            ];
        }
        // The library keeps the validator behind this call, and builds one for each other call.
        if !matches!(
            jsonschema::meta::is_valid_for::<SerdeJson>(&self.source),
            Ok(true)
        ) {
            return self.misuses();
        }
        let mut problems = headers::read(&self.source).1;
        match compile(&self.source) {
            Ok(Compiled { plan, .. }) => {
                problems.extend(headers::misplaced(plan.mirrored()));
                problems.extend(plan.problems());
            }
            Err(error) => problems.push(self.defect(&error)),
        }
        problems
    }

    /// Judges arguments; where there are none, an empty object.
    ///
    /// # Errors
    /// Violations in order of their pointers, at most `max`. All of them where there are at most
    /// `max` and listing them is cheap; otherwise those that are cheap to find, at least one.
    pub fn violations(
        &self,
        arguments: Option<Node<'_>>,
        max: usize,
    ) -> Result<(), Vec<Violation>> {
        let Some(Compiled { validator, plan }) =
            self.compiled.get_or_init(|| compile(&self.source).ok())
        else {
            return Err(one("the contract of the tool cannot be evaluated"));
        };
        let size = arguments.map_or(2, |node| node.raw().len());
        let arguments = arguments.map_or_else(|| Value::Object(Map::new()), Node::to_value);
        // Small arguments cannot be costly, unless a pattern is.
        let large = size > SMALL || plan.has_costly_pattern();
        let mut work = None;
        if large {
            let steps = plan::allowance(&arguments, size);
            work = plan.listing(&arguments, steps);
            if work.is_none() && !plan.can_judge(&arguments, steps) {
                return Err(one(
                    "too large or too deeply nested to be judged against the contract",
                ));
            }
        }
        let mut found = Vec::new();
        let first_is_cheap = |work: &Work| work.widest <= LISTED;
        if work
            .as_ref()
            .is_some_and(|work| work.steps > LISTED && first_is_cheap(work))
        {
            // One look at what is large, where the first violation needs no more than that.
            match validator.validate(&arguments) {
                Ok(()) => return Ok(()),
                Err(error) => explain::explain(&error, &mut found),
            }
        } else {
            // Most calls are good, and a plain yes is cheaper than a list of nothing.
            if validator.is_valid(&arguments) {
                return Ok(());
            }
            if !large {
                work = plan.listing(&arguments, QUICK);
            }
            // The library lists everything before it hands out the first, whatever is taken.
            if work.as_ref().is_some_and(|work| work.steps <= LISTED) {
                for error in validator.iter_errors(&arguments) {
                    explain::explain(&error, &mut found);
                }
            } else if work.as_ref().is_some_and(first_is_cheap)
                && let Err(error) = validator.validate(&arguments)
            {
                explain::explain(&error, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(max.max(1));
        if found.is_empty() {
            found = one("breaks the contract, and is too large for what is wrong to be listed");
        }
        Err(found)
    }

    /// The arguments that a client must mirror in `Mcp-Param-*` headers.
    #[must_use]
    pub fn param_headers(&self) -> &[ParamHeader] {
        self.headers.get_or_init(|| headers::read(&self.source).0)
    }

    /// Keywords with values that JSON Schema does not allow.
    fn misuses(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        match jsonschema::meta::validator_for(&self.source) {
            Ok(meta) => {
                for error in meta.iter_errors(&self.source) {
                    explain::explain(&error, &mut found);
                }
            }
            Err(error) => return vec![self.defect(&error)],
        }
        found.sort_unstable();
        found.dedup();
        let problem = |v: Violation| Problem::new(v.pointer, v.message);
        found.into_iter().map(problem).collect()
    }

    /// Why the schema does not compile.
    fn defect(&self, error: &ValidationError<'_>) -> Problem {
        use jsonschema::ReferencingError::{
            InvalidAnchor, NoSuchAnchor, PointerToNowhere, Unretrievable,
        };
        let (target, why) = match error.kind() {
            ValidationErrorKind::Referencing(error) => match error {
                Unretrievable { uri, .. } => {
                    (uri, "is outside of the schema, and nothing is fetched")
                }
                PointerToNowhere { pointer: to }
                | NoSuchAnchor { anchor: to }
                | InvalidAnchor { anchor: to } => (to, "leads nowhere"),
                _ => return Problem::new("", explain::lower(&error.to_string())),
            },
            ValidationErrorKind::Format { .. } => {
                let message = "is not a regular expression, or not one that matches in linear time";
                return Problem::new(error.instance_path().to_string(), message);
            }
            _ => {
                let message = explain::lower(&error.to_string());
                return Problem::new(error.instance_path().to_string(), message);
            }
        };
        // The library tells what a reference resolves to, not where it stands.
        let mut written = None;
        find_reference(&self.source, target, &mut String::new(), &mut written);
        let (path, reference) = written.unwrap_or_else(|| (String::new(), target.clone()));
        Problem::new(path, format!("`{reference}` {why}"))
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.source)
    }
}

/// Compiles a schema without checking it against its meta-schema.
///
/// On WebAssembly the library builds the meta-schema anew for each schema that it is handed, and
/// 2020-12's is six times the work of Draft 4's. What it checks so is only the document that it
/// is handed: here one reference, in Draft 4, to the schema, which keeps its own dialect.
fn compile(source: &Value) -> Result<Compiled, ValidationError<'static>> {
    let draft = Draft::default().detect(source);
    let resource = draft.create_resource_ref(source);
    let base = uri::from_str(resource.id().unwrap_or(BASE))?;
    let registry = Registry::new()
        .draft(draft)
        .add(base.as_str(), resource)?
        .prepare()?;
    let validator = jsonschema::options()
        .with_draft(Draft::Draft4)
        .with_registry(&registry)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
        .build(&json!({ "$ref": base.as_str() }))?;
    let plan = Plan::new(&registry, base, source);
    Ok(Compiled { validator, plan })
}

/// The first reference that resolves to `target`: its JSON Pointer and its text.
fn find_reference(
    schema: &Value,
    target: &str,
    at: &mut String,
    found: &mut Option<(String, String)>,
) {
    let mut within = |key: &str, value: &Value| {
        if found.is_some() {
            return;
        }
        let length = at.len();
        at.push('/');
        at.push_str(&headers::escape(key));
        match value.as_str() {
            Some(text) if matches!(key, "$ref" | "$dynamicRef") => {
                let document = text.split('#').next().unwrap_or_default();
                let same = target.ends_with(document) && !document.is_empty();
                if text.ends_with(target) || same {
                    *found = Some((at.clone(), text.to_owned()));
                }
            }
            _ => find_reference(value, target, at, found),
        }
        at.truncate(length);
    };
    match schema {
        Value::Object(members) => members.iter().for_each(|(key, value)| within(key, value)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(&index.to_string(), item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The one violation of arguments that cannot be looked into.
fn one(message: &str) -> Vec<Violation> {
    vec![Violation {
        pointer: String::new(),
        keyword: "$schema".to_owned(),
        message: message.to_owned(),
    }]
}

/// The schema's URI where it states none.
const BASE: &str = "json-schema:///contract";

/// Bytes that one compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;

/// Bytes of arguments that are judged without reckoning the cost first.
const SMALL: usize = 4_096;

/// Steps of reckoning what it costs to list the violations of small arguments.
const QUICK: u64 = 100_000;

/// Steps up to which all violations are listed; one takes about a microsecond.
const LISTED: u64 = 5_000;

#[cfg(test)]
mod tests;
