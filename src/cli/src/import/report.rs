//! What an import tells: in words for people, as JSON for programs.

use std::{fmt::Write as _, path::Path};

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{
    compare::{Change, Entry},
    drift::Part,
};
use crate::visible::visible;

/// What was found out about one server.
pub(super) struct Report {
    pub(super) server: String,
    pub(super) url: String,
    /// The protocol version that was spoken.
    pub(super) version: String,
    /// What was changed has been taken over.
    pub(super) accepted: bool,
    /// Nothing has been written.
    pub(super) checked: bool,
    pub(super) entries: Vec<Entry>,
}

impl Report {
    /// Whether the registry now says what the server announces.
    pub(super) fn agrees(&self) -> bool {
        !self.entries.iter().any(|entry| match entry.change {
            Change::AsReviewed => false,
            Change::New => self.checked,
            Change::Changed(_) | Change::Unpinned => !self.accepted,
            Change::Refused(_) | Change::Vanished => true,
        })
    }

    /// Everything but what is as it was, and what to do about it.
    pub(super) fn text(&self, path: &Path) -> String {
        let mut out = format!("{} at {}, MCP {}\n", self.server, self.url, self.version);
        for entry in &self.entries {
            entry.write(&mut out, self.accepted);
        }
        let count = |it: fn(&Change) -> bool| self.entries.iter().filter(|e| it(&e.change)).count();
        let tally = [
            (count(|it| matches!(it, Change::AsReviewed)), "as reviewed"),
            (count(|it| matches!(it, Change::New)), "new"),
            (count(|it| matches!(it, Change::Changed(_))), "changed"),
            (count(|it| matches!(it, Change::Unpinned)), "without a pin"),
            (count(|it| matches!(it, Change::Vanished)), "vanished"),
            (count(|it| matches!(it, Change::Refused(_))), "left out"),
        ];
        let tally = tally.iter().filter(|(count, _)| *count > 0);
        let tally: Vec<_> = tally
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let tally = if tally.is_empty() {
            "nothing is on offer".to_owned()
        } else {
            tally.join(", ")
        };
        let _ = writeln!(out, "{tally}");
        let path = path.display();
        let open = count(|it| matches!(it, Change::Changed(_) | Change::Unpinned));
        if count(|it| matches!(it, Change::New)) > 0 && !self.checked {
            let _ = writeln!(
                out,
                "\nreview `{path}`: what is new has `riskTier: high` and `access: write` until you say \
                 otherwise"
            );
        }
        if open > 0 && !self.accepted {
            let _ = writeln!(
                out,
                "\nonce you have reviewed it: the same command with --accept"
            );
        }
        out
    }

    /// What somebody should know who only asked for the entries.
    pub(super) fn complaints(&self) -> String {
        let mut out = String::new();
        for entry in &self.entries {
            if entry.hides || matches!(entry.change, Change::Refused(_)) {
                entry.write(&mut out, false);
            }
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "server": self.server,
            "url": self.url,
            "protocol": self.version,
            "agrees": self.agrees(),
            "entries": self.entries.iter().map(Entry::json).collect::<Vec<_>>(),
        })
    }
}

impl Entry {
    fn write(&self, out: &mut String, accepted: bool) {
        let what = self.change.name();
        // Writing to a string does not fail, here and below.
        if !matches!(self.change, Change::AsReviewed) || self.hides {
            let _ = write!(out, "  {what:<11} {} {}", self.kind, visible(&self.name));
        }
        match &self.change {
            Change::AsReviewed if !self.hides => return,
            Change::AsReviewed | Change::New | Change::Vanished | Change::Unpinned => {}
            Change::Refused(reason) => {
                let _ = write!(out, ": {}", visible(reason));
            }
            Change::Changed(parts) if parts.is_empty() => {
                out.push_str(": the registry says the same, only the pin is of something else");
            }
            Change::Changed(_) => {}
        }
        out.push('\n');
        if self.hides {
            out.push_str("    it is announced with characters that do not show\n");
        }
        if let Change::Changed(parts) = &self.change {
            for part in parts {
                part.write(out, accepted);
            }
        }
    }

    fn json(&self) -> Value {
        let (reason, parts) = match &self.change {
            Change::Refused(reason) => (Some(reason), None),
            Change::Changed(parts) => (None, Some(parts.iter().map(Part::json))),
            Change::AsReviewed | Change::New | Change::Unpinned | Change::Vanished => (None, None),
        };
        json!({
            "kind": self.kind,
            "name": self.name,
            "change": self.change.name(),
            "reason": reason,
            "parts": parts.map(Iterator::collect::<Vec<_>>),
            "hidesCharacters": self.hides,
        })
    }
}

impl Change {
    const fn name(&self) -> &'static str {
        match self {
            Self::AsReviewed => "as reviewed",
            Self::New => "new",
            Self::Refused(_) => "left out",
            Self::Changed(_) => "changed",
            Self::Unpinned => "no pin",
            Self::Vanished => "vanished",
        }
    }
}

impl Part {
    fn write(&self, out: &mut String, accepted: bool) {
        let note = match (self.by_hand, accepted) {
            (false, _) => "",
            (true, false) => " (it may have been edited here; --accept leaves it)",
            (true, true) => " (it may have been edited here, and was left)",
        };
        let _ = writeln!(out, "    {}{note}", self.key);
        let [was, is] =
            [&self.was, &self.is].map(|side| side.as_ref().map(lines).unwrap_or_default());
        let diff = TextDiff::from_lines(&was, &is);
        for group in diff.grouped_ops(CONTEXT) {
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let _ = writeln!(
                    out,
                    "      {sign} {}",
                    visible(change.value().trim_end_matches('\n'))
                );
            }
        }
    }

    fn json(&self) -> Value {
        json!({ "part": self.key, "was": self.was, "is": self.is, "byHand": self.by_hand })
    }
}

/// A value in lines: a text as it is, everything else as indented JSON.
fn lines(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        other => format!("{other:#}\n"),
    }
}

/// Lines shown around a change.
const CONTEXT: usize = 2;
