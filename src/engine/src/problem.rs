//! What is wrong with a configuration, told to the person who wrote it.

use std::fmt;

mod closest;

pub use closest::closest;

/// One problem in a registry, a policy or a bundle.
///
/// Messages are lower case without a full stop, quote what was written in backticks, and never
/// name a Rust type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is, as a path from the document's root: `rules[2].when`, `tools[0].inputSchema`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it, where that is known.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            help: None,
        }
    }

    /// The same problem, seen from further out: its path continues `at`.
    #[must_use]
    pub(crate) fn below(self, at: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('/') {
            ""
        } else {
            "."
        };
        Self {
            path: format!("{at}{dot}{}", self.path),
            ..self
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "{}", self.message)?;
        } else {
            write!(f, "{}: {}", self.path, self.message)?;
        }
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}
