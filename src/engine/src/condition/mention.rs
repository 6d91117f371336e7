//! What a condition compares, and with which constants: where its answer may turn.
//!
//! For whoever looks for calls that tell two policies apart. It is complete for plain comparisons;
//! arithmetic between a fact and its constant is not solved.

use std::fmt;

use serde_json::Value as Json;

use super::{Condition, ast::Variable};

mod reading;

use reading::Reading;

/// One comparison that a condition makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// What is looked at.
    pub fact: Fact,
    /// How.
    pub test: Test,
    /// What it is compared with; moments as RFC 3339, durations in seconds.
    pub constants: Vec<Json>,
    /// The other fact that it is compared with, before the constant: `tenant + "-"`.
    pub other: Option<Fact>,
}

/// A fact that a condition reads: `args.lines[].quantity`, `roles`, `now.getHours()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The variable: `args`, `roles`, `now`.
    pub variable: &'static str,
    /// The way from the variable to the value.
    pub path: Vec<Step>,
    /// What of the value.
    pub view: View,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member with this name.
    Member(String),
    /// Any item of a list, or any value of a map.
    Item,
}

/// What of a value a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// The value itself.
    Value,
    /// Its size.
    Size,
    /// How long after `now` it is.
    FromNow,
    /// A part of a moment, as seen some seconds east of UTC.
    Part {
        /// The function that takes it: `getHours`.
        function: &'static str,
        /// Seconds east of UTC.
        east: i32,
    },
}

/// How a condition looks at a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Whether it is one of the constants.
    Equal,
    /// Whether it is before or after the constant.
    Order,
    /// Whether the list holds the constant.
    Holds,
    /// Whether it is there.
    Present,
    /// Whether the text begins with the constant.
    Prefix,
    /// Whether the text ends with the constant.
    Suffix,
    /// Whether the text contains the constant.
    Substring,
    /// Whether the text matches the constant, a regular expression.
    Pattern,
}

impl Condition {
    /// Every comparison in it, in order, each once.
    #[must_use]
    pub fn mentions(&self) -> Vec<Mention> {
        let mut reading = Reading::default();
        reading.walk(&self.expr);
        reading.mentions
    }
}

impl Fact {
    fn new(variable: Variable) -> Self {
        let named = Variable::ALL.iter().find(|(_, known)| *known == variable);
        Self {
            variable: named.map_or("", |(name, _)| *name),
            path: Vec::new(),
            view: View::Value,
        }
    }

    fn member(mut self, name: &str) -> Self {
        self.path.push(Step::Member(name.to_owned()));
        self
    }

    fn item(mut self) -> Self {
        self.path.push(Step::Item);
        self
    }

    fn seen(self, view: View) -> Self {
        Self { view, ..self }
    }

    fn is_now(&self) -> bool {
        self.variable == "now" && self.view == View::Value
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable)?;
        for step in &self.path {
            match step {
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Item => f.write_str("[]")?,
            }
        }
        match &self.view {
            View::Value => Ok(()),
            View::Size => f.write_str(".size()"),
            View::FromNow => f.write_str(" - now"),
            View::Part { function, .. } => write!(f, ".{function}()"),
        }
    }
}

#[cfg(test)]
mod tests;
