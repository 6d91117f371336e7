//! A file that people write, YAML or JSON: its text, and where each value stands in it.
//!
//! Reads and locates; what the values mean is the engine's business.

use std::{fs, ops::Range, path::Path};

use anyhow::Context as _;
use engine::{json::Doc, problem::Problem};
use serde_json::Value;
use serde_saphyr::{Spanned, UserMessageFormatter};

use crate::report::Finding;

mod edit;
mod tree;
mod yaml;

pub(crate) use edit::{Edit, Entry, Member};

use tree::{Tree, quoted, span};

/// One file.
pub(crate) struct Source {
    /// Its path as the user gave it.
    pub(crate) name: String,
    /// Its content; empty where it could not be read.
    pub(crate) text: String,
    root: Tree,
    /// The byte that each line begins with.
    lines: Vec<usize>,
}

impl Source {
    /// Reads a file; `.json` is strict JSON, everything else YAML. One that is not well-formed
    /// comes with the finding that says so, and without values.
    ///
    /// # Errors
    /// The file cannot be read at all.
    pub(crate) fn read(path: &Path) -> anyhow::Result<(Self, Option<Finding>)> {
        let name = path.display().to_string();
        let bytes = fs::read(path).with_context(|| format!("cannot read `{name}`"))?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let from = error.utf8_error().valid_up_to();
                let malformed = Malformed(format!("not UTF-8 from byte {from} on"), None);
                (Self::new(name, String::new()).0, Some(malformed.into()))
            }
        })
    }

    /// The same of a text, as if it were read from a file of that name.
    pub(crate) fn new(name: String, text: String) -> (Self, Option<Finding>) {
        let root = if is_json(&name) {
            json(&text)
        } else {
            yaml(&text)
        };
        let (root, finding) = match root {
            Ok(root) => (root, None),
            Err(malformed) => (Tree::leaf(0..0, Value::Null), Some(malformed.into())),
        };
        let newlines = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        let lines = std::iter::once(0).chain(newlines).collect();
        let source = Self {
            name,
            text,
            root,
            lines,
        };
        (source, finding)
    }

    /// The whole content as one value.
    pub(crate) fn value(&self) -> Value {
        self.root.value()
    }

    /// Finds where a problem of this file stands, in bytes: the deepest place that its path still
    /// names. `None` where the file is empty.
    pub(crate) fn locate(&self, problem: &Problem) -> Option<Range<usize>> {
        let at = || self.root.find(&problem.path, quoted(&problem.message));
        (!self.text.is_empty()).then(at)
    }

    /// The line that a span begins on, with its number, and the part of the span on it: a block of
    /// fifty lines says no more than its first.
    pub(crate) fn line(&self, at: &Range<usize>) -> (usize, &str, Range<usize>) {
        let (number, begin) = self.line_of(at.start);
        let line = self.text.get(begin..).and_then(|rest| rest.lines().next());
        let line = line.unwrap_or_default();
        let start = at.start.saturating_sub(begin).min(line.len());
        let end = at.end.saturating_sub(begin).clamp(start, line.len());
        (number, line, start..end)
    }

    /// This file and a place in it, as editors and terminals follow it: `file:line:column`.
    pub(crate) fn place(&self, at: Option<&Range<usize>>) -> String {
        match at.map(|at| self.position(at.start)) {
            Some((line, column)) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        }
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let (number, begin) = self.line_of(at);
        let before = self.text.get(begin..at).unwrap_or_default();
        (number, before.chars().count().saturating_add(1))
    }

    /// Makes a part of the text unreadable; everything stays where it is.
    pub(crate) fn mask(&mut self, at: &Range<usize>) {
        if self.text.get(at.clone()).is_some() {
            self.text.replace_range(at.clone(), &"*".repeat(at.len()));
        }
    }

    /// Whether a byte is part of a value or a key, not of a comment or of what stands between.
    pub(crate) fn is_within_text(&self, at: usize) -> bool {
        self.root.holds(at)
    }

    /// The number of the line that holds a byte, and the byte it begins with.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|begin| *begin <= at);
        let begin = self.lines.get(number.saturating_sub(1));
        (number, begin.copied().unwrap_or_default())
    }
}

fn is_json(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json")
}

/// Why a file is not well-formed, and where.
struct Malformed(String, Option<Range<usize>>);

impl From<Malformed> for Finding {
    fn from(Malformed(message, at): Malformed) -> Self {
        Self {
            at,
            ..Self::error(Problem::new("", message))
        }
    }
}

fn json(text: &str) -> Result<Tree, Malformed> {
    match Doc::parse(text.as_bytes().to_vec()) {
        Ok(doc) => Ok(Tree::from_json(doc.root())),
        Err((fault, _)) => {
            let end = text.len().min(fault.offset.saturating_add(1));
            Err(Malformed(
                fault.to_string(),
                Some(fault.offset.min(end)..end),
            ))
        }
    }
}

fn yaml(text: &str) -> Result<Tree, Malformed> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        emit_comments: false,
        budget: serde_saphyr::budget! { max_events: 20_000_000, max_nodes: 10_000_000 },
    };
    serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options)
        .map(|root| Tree::placed(root, text.len()))
        .map_err(|error| {
            let at = error
                .location()
                .map_or(0..0, |place| match place.span().byte_offset() {
                    Some(_) => span(&place),
                    None => point(text, place.line(), place.column()),
                });
            // Its words for people; place and source line are the report's.
            let message = error
                .without_snippet()
                .render_with_formatter(&UserMessageFormatter);
            // What exactly is too much, it says in words of its own.
            let message = match message.split_once(": limits breached") {
                Some((before, _)) => before.replace("YAML document", "the document is"),
                None => message,
            };
            let message = match message.rfind(" at line ") {
                Some(cut) => message.get(..cut).unwrap_or(&message).to_owned(),
                None => message,
            };
            Malformed(message, Some(at))
        })
}

/// One character at a line and a column, both counted from 1 and in characters.
fn point(text: &str, line: u64, column: u64) -> Range<usize> {
    let number = |n: u64| usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
    let before: usize = text
        .split_inclusive('\n')
        .take(number(line))
        .map(str::len)
        .sum();
    let within = text.get(before..).unwrap_or_default();
    let at = within
        .char_indices()
        .nth(number(column))
        .map_or(within.len(), |(at, _)| at);
    let start = before.saturating_add(at);
    start..start.saturating_add(1).min(text.len())
}

#[cfg(test)]
mod tests;
