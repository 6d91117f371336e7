//! Formulas: expressions over the arguments of a call that come to a number of whole units.

use serde_json::Value as Json;

use super::{
    Facts, Fault, Fuel,
    ast::{Expr, Variable},
    check::{self, Wanted},
    eval, parser,
    value::Value,
};
use crate::problem::Problem;

/// A compiled formula.
///
/// It reads `args` and nothing else: what a call costs is a matter of the call, not of who makes it
/// or when.
#[derive(Clone, Debug)]
pub struct Formula {
    source: String,
    expr: Expr,
}

impl Formula {
    /// Compiles `source`.
    ///
    /// # Errors
    /// The first mistake, with `line:column` in the message, as of a condition; that it reads more
    /// than the arguments, or cannot come to a number.
    pub fn compile(source: &str) -> Result<Self, Problem> {
        let expr = parser::parse(source).map_err(|mistake| mistake.problem(source))?;
        let read =
            |variable: &&(&str, Variable)| variable.1 != Variable::Args && expr.reads(variable.1);
        if let Some((name, _)) = Variable::ALL.iter().find(read) {
            let message = format!("it reads `{name}`: a formula is over `args` alone");
            return Err(Problem::new("", message));
        }
        let formula = Self {
            source: source.to_owned(),
            expr,
        };
        match formula.mistakes(None).into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(formula),
        }
    }

    /// What it comes to, rounded up.
    ///
    /// # Errors
    /// Whatever keeps it from having a value, and a value that is no number of units: below zero,
    /// or more than can be counted. The caller denies.
    pub fn eval(&self, facts: &Facts<'_>, fuel: &mut Fuel) -> Result<u64, Fault> {
        units(&eval::Evaluation::new(&self.source, facts, fuel, ()).eval(&self.expr)?)
    }

    /// Checks it against a tool's `inputSchema`, as [`super::Condition::check`] does.
    #[must_use]
    pub fn check(&self, input_schema: &Json) -> Vec<Problem> {
        self.mistakes(Some(input_schema))
    }

    fn mistakes(&self, schema: Option<&Json>) -> Vec<Problem> {
        let mistakes = check::check(&self.expr, &self.source, schema, Wanted::Number);
        mistakes
            .into_iter()
            .map(|mistake| mistake.problem(&self.source))
            .collect()
    }
}

/// A value as whole units.
fn units(value: &Value<'_>) -> Result<u64, Fault> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| Fault::Overflow),
        Value::Uint(number) => Ok(*number),
        Value::Double(number) if (0.0..=MOST).contains(number) => Ok(number.ceil() as u64),
        Value::Double(_) => Err(Fault::Overflow),
        other => Err(Fault::NoOverload(format!(
            "number of units that is {}",
            other.kind().name()
        ))),
    }
}

/// 2^53: up to here a double knows every whole number.
const MOST: f64 = 9_007_199_254_740_992.0;
