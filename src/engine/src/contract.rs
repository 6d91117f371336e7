//! The contract of a tool: its arguments against its `inputSchema`, its results against its
//! `outputSchema` (JSON Schema 2020-12, and the dialects before it down to Draft 4).
//!
//! A schema is compiled on its first use, so that a thousand tools cost a configuration nothing.
//! No reference leaves the schema, patterns match in linear time, numbers are exact decimals,
//! messages never hold a value that is judged, and judging that takes too long ends in a refusal.

use std::sync::OnceLock;

use serde_json::Value;

use crate::{
    json::{Doc, Node, Pointer, Splice},
    problem::Problem,
    redact::By,
};

mod assertion;
mod compile;
mod explain;
mod format;
mod headers;
mod judge;
mod keyword;
mod pattern;
mod program;
mod reference;
mod sensitive;
mod uri;

pub use headers::{ParamHeader, ParamKind};

use judge::{Judge, Spent};
use program::Program;

/// A JSON Schema for arguments, or for results.
pub struct Schema {
    source: Value,
    /// `None` inside: it does not compile.
    compiled: OnceLock<Option<Program>>,
    headers: OnceLock<Vec<ParamHeader>>,
    sensitive: OnceLock<sensitive::Places>,
}

/// One way in which a value breaks its contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the offending value; empty for the whole.
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
            sensitive: OnceLock::new(),
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
        let program = match compile::compile(&self.source) {
            Ok(program) => program,
            Err(problems) => return problems,
        };
        let mut problems = headers::read(&self.source).1;
        let mirrored = program.parts.iter().filter(|part| part.mirrored);
        problems.extend(headers::misplaced(mirrored.map(|part| part.at.as_str())));
        problems.extend(sensitive::read(&self.source).1);
        problems.extend(program.problems());
        problems
    }

    /// Judges arguments; where there are none, an empty object.
    ///
    /// # Errors
    /// Violations in order of their pointers: the first `max` that are found, all of them where
    /// there are fewer. At least one.
    pub fn violations(
        &self,
        arguments: Option<Node<'_>>,
        max: usize,
    ) -> Result<(), Vec<Violation>> {
        let Some(arguments) = arguments else {
            return match Doc::parse(b"{}".to_vec()) {
                Ok(empty) => self.violations(Some(empty.root()), max),
                Err(_) => Err(one(UNJUDGED)),
            };
        };
        self.judge(arguments, max, true)
    }

    /// Judges a result: as [`Schema::violations`], but names that the schema does not know are not
    /// told either, since they may be values: a map by e-mail address.
    ///
    /// # Errors
    /// As there; such a name is `*` in pointers.
    pub fn breaches(&self, result: Node<'_>, max: usize) -> Result<(), Vec<Violation>> {
        self.judge(result, max, false)
    }

    fn judge(&self, value: Node<'_>, max: usize, names: bool) -> Result<(), Vec<Violation>> {
        let Some(program) = self.program() else {
            return Err(one("the contract of the tool cannot be evaluated"));
        };
        let fuel = allowance(value);
        // Most calls are good, and a plain yes is cheaper than a list of nothing.
        let mut judge = Judge::new(program, fuel, names);
        match judge.is_valid(value) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Spent) => return Err(one(UNJUDGED)),
        }
        let found = judge.list(value, max.max(1), fuel / LISTING);
        let mut found: Vec<_> = found.into_iter().map(|finding| finding.violation).collect();
        found.sort_unstable();
        if found.is_empty() {
            found = one("breaks the contract, and is too large for what is wrong to be listed");
        }
        Err(found)
    }

    /// What removes the members that the schema closes itself to, at any depth. Where one of several
    /// forms is to fit, that is the one which has to lose least.
    ///
    /// What is left may break the schema all the same.
    #[must_use]
    pub fn surplus(&self, value: Node<'_>) -> Vec<Splice> {
        let program = self.program();
        let judge = program.map(|program| Judge::new(program, allowance(value), false));
        judge.map(|judge| judge.surplus(value)).unwrap_or_default()
    }

    fn program(&self) -> Option<&Program> {
        let compiled = || compile::compile(&self.source).ok();
        self.compiled.get_or_init(compiled).as_ref()
    }

    /// Where values are nobody else's business, and how they are taken out: what
    /// `x-toolgate-sensitive` says.
    #[must_use]
    pub fn sensitive(&self) -> &[(Pointer, By)] {
        self.sensitive
            .get_or_init(|| sensitive::read(&self.source).0)
    }

    /// The arguments that a client must mirror in `Mcp-Param-*` headers.
    #[must_use]
    pub fn param_headers(&self) -> &[ParamHeader] {
        self.headers.get_or_init(|| headers::read(&self.source).0)
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

/// The one violation of arguments that cannot be looked into.
fn one(message: &str) -> Vec<Violation> {
    vec![Violation {
        pointer: String::new(),
        keyword: "$schema".to_owned(),
        message: message.to_owned(),
    }]
}

/// Steps that judging may take: in proportion to what reading the arguments took.
fn allowance(arguments: Node<'_>) -> u64 {
    FLAT + PER_BYTE * arguments.span().len() as u64
}

// One step is about 10 ns of native code.

/// Steps that any arguments may take.
const FLAT: u64 = 1_000_000;

/// Steps for each byte of the arguments.
const PER_BYTE: u64 = 1;

/// The part of the steps that may be spent on listing what is wrong.
const LISTING: u64 = 2;

const UNJUDGED: &str = "too large or too deeply nested to be judged against the contract";

#[cfg(test)]
mod tests;
