//! What changed, and how it is told.

use std::fmt::Write as _;

use clap::ValueEnum;
use engine::problem::Problem;

use crate::{
    inputs::Loaded,
    report::{Finding, Level},
};

/// One difference between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) direction: Direction,
    /// What it is about: `refund_customer`, `rule small-refunds`.
    pub(super) subject: String,
    pub(super) message: String,
    /// When it shows, and by which rules.
    pub(super) note: Option<String>,
    /// Where it is written in the new configuration.
    pub(super) at: Option<String>,
}

/// For whom it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Direction {
    /// Something may happen that might not.
    Wider,
    /// Something may not happen that might.
    Narrower,
    /// Callers that kept to the old contract break the new one, or are answered what it did not say.
    Breaking,
    /// Neither, or it cannot be told.
    #[value(name = "any", help = "Every difference at all")]
    Changed,
}

impl Change {
    pub(super) fn new(
        direction: Direction,
        subject: impl Into<String>,
        message: impl Into<String>,
        at: Option<String>,
    ) -> Self {
        Self {
            direction,
            subject: subject.into(),
            message: message.into(),
            note: None,
            at,
        }
    }

    /// As a finding in the new files.
    pub(super) fn finding(&self, new: &Loaded, failed: bool) -> Finding {
        let note = self.note.iter().map(|note| format!(" {note}"));
        let message = format!("`{}`: {}", self.subject, self.message);
        let message = std::iter::once(message).chain(note).collect::<String>();
        let problem = Problem::new(self.at.as_deref().unwrap_or_default(), message);
        let mut finding = match self.at {
            Some(_) => new.place(problem),
            None => Finding::error(problem),
        };
        finding.level = if failed { Level::Warning } else { Level::Note };
        finding.code = Some(self.direction.name());
        finding
    }
}

impl Direction {
    const ALL: [Self; 4] = [Self::Wider, Self::Narrower, Self::Breaking, Self::Changed];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Wider => "wider",
            Self::Narrower => "narrower",
            Self::Breaking => "breaking",
            Self::Changed => "changed",
        }
    }
}

/// All changes for people: those about one thing together, and how many there are of each kind.
pub(super) fn text(changes: &[Change]) -> String {
    let mut text = String::new();
    let mut subject = None;
    for change in changes {
        if subject != Some(&change.subject) {
            let gap = if subject.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", change.subject);
            subject = Some(&change.subject);
        }
        let _ = writeln!(text, "  {:<9} {}", change.direction.name(), change.message);
        if let Some(note) = &change.note {
            let _ = writeln!(text, "            {note}");
        }
    }
    let tally: Vec<String> = Direction::ALL
        .iter()
        .filter_map(|direction| {
            let count = changes
                .iter()
                .filter(|one| one.direction == *direction)
                .count();
            (count > 0).then(|| format!("{count} {}", direction.name()))
        })
        .collect();
    if tally.is_empty() {
        text.push_str("nothing changed\n");
    } else {
        let _ = writeln!(text, "\n{}", tally.join(", "));
    }
    text
}
