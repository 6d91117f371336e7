//! Whether a condition can hold at all: what is known of the call before there is one is carried
//! through the tree as sets of values, which comparisons narrow.
//!
//! It errs on one side only: what is called impossible is impossible.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    Condition, Tool,
    ast::{Expr, Variable},
};

mod assume;
mod infer;
mod range;
mod set;
mod shape;
mod text;

use set::Set;
use shape::Shape;

/// Whether a condition can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Possible {
    /// Whatever the call, it does not.
    Never,
    /// That depends on the call.
    Sometimes,
    /// Whatever the call, it does.
    Always,
}

/// What is known of all calls that a condition is about.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The contract of the arguments, which they have been held to.
    pub input: &'a Json,
    /// What is called.
    pub tool: Tool<'a>,
    /// The environment of this gateway.
    pub env: Option<&'a str>,
    /// The user.
    pub user: Supply<'a>,
    /// The agent.
    pub agent: Supply<'a>,
    /// The application.
    pub app: Supply<'a>,
    /// The tenant.
    pub tenant: Supply<'a>,
    /// Whether something supplies roles.
    pub roles: bool,
    /// Whether something supplies scopes.
    pub scopes: bool,
}

/// What is known of one fact about the caller.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// Nothing supplies it.
    Absent,
    /// It may be known.
    Optional,
    /// It is known.
    Known,
    /// It is one of these.
    OneOf(&'a BTreeSet<String>),
}

impl Condition {
    /// Whether it can hold, and whether it can fail to. An error counts as failing to.
    #[must_use]
    pub fn possible(&self, given: &Given<'_>) -> Possible {
        let mut search = Search {
            given,
            shape: Shape::new(given.input),
            steps: MAX_STEPS,
        };
        if !search.assume(&self.expr, true, &mut Env::default()) {
            return Possible::Never;
        }
        let fails = search.assume(&self.expr, false, &mut Env::default());
        if fails || search.can_fault(&self.expr, &Env::default()) {
            Possible::Sometimes
        } else {
            Possible::Always
        }
    }

    /// Whether it reads a variable: `args`, `user`, `roles`, `now`.
    #[must_use]
    pub fn reads(&self, name: &str) -> bool {
        let mut variables = Variable::ALL.iter().filter(|(known, _)| *known == name);
        variables.any(|(_, variable)| self.expr.reads(*variable))
    }
}

/// One question about a condition.
struct Search<'s> {
    given: &'s Given<'s>,
    shape: Shape<'s>,
    /// What may still be looked at.
    steps: usize,
}

/// What has been assumed on the way.
#[derive(Clone, Default)]
struct Env<'s> {
    /// By path (`args.amount`, `size(args.lines)`), what it can be.
    known: BTreeMap<String, Set<'s>>,
    /// What the variables of the macros around this place can be, outermost first.
    locals: Vec<Set<'s>>,
}

impl<'s> Env<'s> {
    /// What holds either way.
    fn join(self, other: Self) -> Self {
        let mut known = BTreeMap::new();
        let mut others = other.known;
        for (path, set) in self.known {
            if let Some(other) = others.remove(&path) {
                known.insert(path, set.join(other));
            }
        }
        Self {
            known,
            locals: self.locals,
        }
    }

    /// Narrows what an expression can be, where it is one that can be found again.
    fn narrow(&mut self, expr: &Expr, set: Set<'s>) {
        if let Some(path) = infer::path(expr) {
            self.known.insert(path, set);
        }
    }
}

/// Expressions that are looked at for one question, each as often as it is; beyond, anything is
/// possible.
const MAX_STEPS: usize = 20_000;

#[cfg(test)]
mod tests;
