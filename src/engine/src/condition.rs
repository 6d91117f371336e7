//! Conditions, and formulas: a subset of CEL, compiled once and evaluated over a parsed call.
//!
//! The language for policy authors is described in `policies/conditions.md`. A condition always
//! ends: every step, item and stretch of text costs fuel. It never sees a clock, and it converts
//! nothing before it is read.

use std::fmt;

use serde_json::Value as Json;

use crate::{
    call::{Partial, Principal},
    cx::Timestamp,
    json::Node,
    problem::Problem,
};

mod ast;
mod call;
mod check;
mod collection;
mod eval;
mod formula;
mod function;
mod mention;
mod operate;
mod overload;
mod parser;
mod satisfy;
mod schema;
mod short;
mod text;
mod time;
mod token;
mod types;
mod value;
mod watch;

pub use formula::Formula;
pub use mention::{Fact, Mention, Step, Test, View};
pub use satisfy::{Given, Possible, Supply};
pub use short::from_short_form;

use ast::{Expr, Variable};
use check::Wanted;
use token::Span;
use value::Value;

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Condition {
    source: String,
    expr: Expr,
}

/// What a condition may read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `args`: the arguments of the call; absent ones are an empty map.
    pub args: Partial<Option<Node<'a>>>,
    /// `meta`: the `_meta` of the call; absent, it is an empty map.
    pub meta: Partial<Option<Node<'a>>>,
    /// `user`, `agent`, `app`, `tenant` (string or null), `roles`, `scopes` (lists of strings).
    pub principal: &'a Principal,
    /// `tool`: what is called.
    pub tool: Tool<'a>,
    /// `env`: the environment of this gateway, or null.
    pub env: Option<&'a str>,
    /// `session`: the session's id, or null.
    pub session: Option<&'a str>,
    /// `now`: when the call came.
    pub now: Timestamp,
}

/// The map `tool`: `name`, `server`, `kind`, `riskTier`, `access`, `dataClassification`.
#[derive(Clone, Copy, Debug)]
pub struct Tool<'a> {
    /// Its registered name.
    pub name: &'a str,
    /// The server it belongs to.
    pub server: &'a str,
    /// `tool`, `resource` or `prompt`.
    pub kind: &'a str,
    /// Its risk tier.
    pub risk_tier: &'a str,
    /// Its access: read, write.
    pub access: &'a str,
    /// What data it touches, where the registry says so; null otherwise.
    pub data_classification: Option<&'a str>,
}

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on what is not known yet.
    Unknown,
}

/// Why a condition has no value. Texts never hold values of arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cost more than the call may cost.
    Fuel,
    /// A map has no such key; the expression that asked for it.
    NoSuchKey(String),
    /// An operator or function does not take these types; both are named.
    NoOverload(String),
    /// A list has no item at this index; the expression that asked for it.
    OutOfRange(String),
    /// A division or remainder by zero.
    DivisionByZero,
    /// A number, time or duration is out of range.
    Overflow,
    /// A text could not be read as what it should be; what it should be.
    Invalid(&'static str),
    /// A map was written with one key twice.
    DuplicateKey,
}

/// What all conditions of one call may cost together.
///
/// One unit is about one step: a name, an operator, an item of a list, 16 bytes of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fuel(pub u32);

/// Bytes of a condition's source, at most.
const MAX_SOURCE: usize = 1 << 14;
/// Levels of nesting in a condition, at most. CEL asks for 12 or more, by construct.
const MAX_DEPTH: usize = 64;

impl Condition {
    /// Compiles `source`.
    ///
    /// # Errors
    /// The first mistake, with `line:column` in the message: in the syntax, a name that does not
    /// exist, a pattern, or types that never fit whatever the arguments are.
    pub fn compile(source: &str) -> Result<Self, Problem> {
        let condition = Self::parse(source)?;
        match check::check(&condition.expr, source, None, Wanted::Truth)
            .into_iter()
            .next()
        {
            Some(mistake) => Err(mistake.problem(source)),
            None => Ok(condition),
        }
    }

    /// Compiles `source` without looking at types.
    fn parse(source: &str) -> Result<Self, Problem> {
        match parser::parse(source) {
            Ok(expr) => Ok(Self {
                source: source.to_owned(),
                expr,
            }),
            Err(mistake) => Err(mistake.problem(source)),
        }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// Whatever keeps it from having a value. The caller denies.
    pub fn eval(&self, facts: &Facts<'_>, fuel: &mut Fuel) -> Result<Truth, Fault> {
        truth(eval::Evaluation::new(&self.source, facts, fuel, ()).eval(&self.expr)?)
    }

    /// Checks it against a tool's `inputSchema`: arguments that the schema does not have, types
    /// that never fit. Paths are empty.
    #[must_use]
    pub fn check(&self, input_schema: &Json) -> Vec<Problem> {
        let mistakes = check::check(&self.expr, &self.source, Some(input_schema), Wanted::Truth);
        mistakes
            .into_iter()
            .map(|mistake| mistake.problem(&self.source))
            .collect()
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it reads the arguments.
    #[must_use]
    pub fn reads_args(&self) -> bool {
        self.expr.reads(Variable::Args)
    }
}

/// What the value of a whole condition says.
fn truth(value: Value<'_>) -> Result<Truth, Fault> {
    match value {
        Value::Bool(true) => Ok(Truth::True),
        Value::Bool(false) => Ok(Truth::False),
        Value::Unknown => Ok(Truth::Unknown),
        other => Err(Fault::NoOverload(format!(
            "a condition that is {}",
            other.kind().name()
        ))),
    }
}

impl Fuel {
    /// Takes `units`.
    fn spend(&mut self, units: usize) -> Result<(), Fault> {
        let left = u32::try_from(units)
            .ok()
            .and_then(|units| self.0.checked_sub(units));
        self.0 = left.unwrap_or_default();
        left.map(|_| ()).ok_or(Fault::Fuel)
    }

    /// Takes what reading or writing so many bytes of text costs.
    fn spend_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes / 16)
    }
}

impl Default for Fuel {
    /// 500,000 units: some tens of milliseconds. A usual condition takes 5 to 30; a macro over a
    /// list about 4 an item.
    fn default() -> Self {
        Self(500_000)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fuel => f.write_str("it takes too long"),
            Self::NoSuchKey(text) => write!(f, "there is no `{text}`"),
            Self::NoOverload(text) => write!(f, "there is no {text}"),
            Self::OutOfRange(text) => write!(f, "`{text}` is out of range"),
            Self::DivisionByZero => f.write_str("a division by zero"),
            Self::Overflow => f.write_str("a number or time is out of range"),
            Self::Invalid(what) => write!(f, "a text is not {what}"),
            Self::DuplicateKey => f.write_str("a map has one key twice"),
        }
    }
}

/// A problem before it is known where in the source it is.
#[derive(Debug)]
struct Mistake {
    span: Span,
    message: String,
    help: Option<String>,
}

impl Mistake {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn problem(self, source: &str) -> Problem {
        let before = source.get(..self.span.start as usize).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let problem = Problem::new("", format!("{line}:{column}: {}", self.message));
        match self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests;
