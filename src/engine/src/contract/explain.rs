//! What is wrong with arguments, in words that let a caller mend the call.
//!
//! Names and limits come from the schema; of what is judged only member names that the schema does
//! not know are told, where that is wanted, and never a value.

use serde_json::Value;

use super::{
    Violation,
    assertion::{Assertion, Limit, Measure, Types},
    judge::Spent,
};

/// What was found so far, and where the judge stands.
pub(super) struct Report {
    /// JSON Pointer to the value at hand.
    at: String,
    found: Vec<Finding>,
    /// As many as are wanted.
    max: usize,
    /// Whether the judge may stop when they are found.
    whole: bool,
}

/// One thing that is wrong.
pub(super) struct Finding {
    pub(super) violation: Violation,
    /// The types to choose from, where the type is wrong.
    types: Types,
}

impl Report {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            at: String::new(),
            found: Vec::new(),
            max,
            whole: true,
        }
    }

    /// A report on one of several forms.
    pub(super) fn apart(&self) -> Self {
        Self {
            at: self.at.clone(),
            found: Vec::new(),
            max: APART,
            whole: false,
        }
    }

    pub(super) fn found(self) -> Vec<Finding> {
        self.found
    }

    /// Steps down to a member or item, and gives what [`Report::leave`] wants.
    pub(super) fn enter(&mut self, name: &str) -> usize {
        let outer = self.at.len();
        self.at.push('/');
        self.at.push_str(name);
        outer
    }

    pub(super) fn leave(&mut self, outer: usize) {
        self.at.truncate(outer);
    }

    /// Adds what is wrong with the value at hand.
    ///
    /// # Errors
    /// There are as many as are wanted.
    pub(super) fn add(&mut self, keyword: &str, message: String) -> Result<(), Spent> {
        self.push(Finding {
            violation: Violation {
                pointer: self.at.clone(),
                keyword: keyword.to_owned(),
                message,
            },
            types: Types::default(),
        })
    }

    /// Notes that what was added last is about the type.
    pub(super) fn note_type(&mut self, assertion: &Assertion) {
        if let (Some(last), Assertion::Type(types)) = (self.found.last_mut(), assertion) {
            last.types = *types;
        }
    }

    /// Adds what is wrong where none of the forms fits.
    pub(super) fn choose(&mut self, keyword: &str, forms: Vec<Vec<Finding>>) -> Result<(), Spent> {
        if let Some(types) = self.types(&forms) {
            return self.add(keyword, format!("must be of type {types}"));
        }
        let count = forms.len();
        let other_type =
            |finding: &Finding| !finding.types.is_empty() && finding.violation.pointer == self.at;
        let mut meant: Vec<_> = forms
            .into_iter()
            .filter(|form| !form.iter().any(other_type))
            .collect();
        if meant.len() != 1 {
            self.add(
                keyword,
                format!("matches none of the {count} allowed forms"),
            )?;
        }
        // The one most likely meant is chosen by its constants, then the least wrong.
        let choice =
            |finding: &&Finding| matches!(finding.violation.keyword.as_str(), "const" | "enum");
        meant.sort_by_key(|form| (form.iter().filter(choice).count(), form.len()));
        meant
            .into_iter()
            .next()
            .into_iter()
            .flatten()
            .try_for_each(|finding| self.push(finding))
    }

    /// The types to choose from, where the forms differ in nothing else.
    fn types(&self, forms: &[Vec<Finding>]) -> Option<String> {
        let mut names = Vec::new();
        for form in forms {
            let [only] = form.as_slice() else { return None };
            if only.types.is_empty() || only.violation.pointer != self.at {
                return None;
            }
            for name in only.types.names() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Some(names.join(" or "))
    }

    fn push(&mut self, finding: Finding) -> Result<(), Spent> {
        let mut known = self.found.iter().map(|finding| &finding.violation);
        if self.found.len() < self.max && !known.any(|known| *known == finding.violation) {
            self.found.push(finding);
        }
        if self.whole && self.found.len() >= self.max {
            return Err(Spent);
        }
        Ok(())
    }
}

/// What an assertion asks for.
pub(super) fn message(name: &str, assertion: &Assertion) -> String {
    match assertion {
        Assertion::Never => "no value is allowed here".to_owned(),
        Assertion::Type(types) => {
            format!(
                "must be of type {}",
                types.names().collect::<Vec<_>>().join(" or ")
            )
        }
        Assertion::Among(options) => match options.written.as_slice() {
            [only] if name == "const" => format!("must be {}", shown(only)),
            options => format!("must be one of: {}", several(options)),
        },
        Assertion::Bound(side, limit) => {
            let equal = side(std::cmp::Ordering::Equal);
            let above = side(std::cmp::Ordering::Greater);
            let relation = match (above, equal) {
                (true, true) => "at least",
                (true, false) => "greater than",
                (false, true) => "at most",
                (false, false) => "less than",
            };
            format!("must be {relation} {limit}")
        }
        Assertion::MultipleOf(divisor) => format!("must be a multiple of {divisor}"),
        Assertion::Size(measure, limit) => {
            let noun = match measure {
                Measure::Characters => "character",
                Measure::Items => "item",
                Measure::Members => "member",
            };
            match limit {
                Limit::Least(limit) => format!("must have at least {}", count(*limit, noun)),
                Limit::Most(limit) => format!("must have at most {}", count(*limit, noun)),
            }
        }
        Assertion::Unique => "must not have equal items".to_owned(),
        Assertion::Pattern(pattern) => format!("must match the pattern `{}`", cut(&pattern.source)),
        Assertion::Format(_, format) => format!("must have the format `{format}`"),
    }
}

/// A member that the schema does not know.
pub(super) fn unexpected(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("unexpected member `{}`", cut(name)),
        None => "unexpected member".to_owned(),
    }
}

/// The name of a member.
pub(super) fn member_name(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("member name `{}`", cut(name)),
        None => "a member name".to_owned(),
    }
}

fn several(options: &[Value]) -> String {
    let mut text: Vec<_> = options.iter().take(MANY).map(shown).collect();
    if options.len() > MANY {
        text.push(format!("and {} more", options.len() - MANY));
    }
    text.join(", ")
}

/// A value of the schema.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            cut(&value.to_string())
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub(super) fn count(limit: u64, noun: &str) -> String {
    if limit == 1 {
        format!("1 {noun}")
    } else {
        format!("{limit} {noun}s")
    }
}

/// What is told of one form, to compare it with the others.
const APART: usize = 100;

/// Options in one message.
const MANY: usize = 20;

/// Characters of one name.
const LONG: usize = 120;
