//! Why a call is decided as it is, for people and for programs.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use engine::policy::Policy;
use serde_json::{Value, json};

use super::{
    ending::Ending,
    input::{Asked, Asking},
    past::Recorded,
    usage::Use,
};
use crate::inputs::Loaded;

/// What became of a call, and why.
pub(super) struct Story<'a> {
    loaded: &'a Loaded,
    ending: Ending,
    /// What is used; nothing where nothing that is registered is.
    uses: Vec<Use<'a>>,
}

impl<'a> Story<'a> {
    pub(super) fn of(asked: &'a Asked) -> Self {
        let policy: &Policy = &asked.loaded.policy;
        let mut uses = Vec::new();
        let ending = match &asked.call {
            Asking::Request(request) => {
                request.calls(policy, |call| uses.push(Use::of(policy, call)));
                Ending::Ran(request.run(&asked.loaded.policy))
            }
            Asking::Record(record) => Ending::Recorded(Recorded::of(record, policy, &mut uses)),
        };
        Self {
            loaded: &asked.loaded,
            ending,
            uses,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.ending.text();
        for one in &self.uses {
            text.push('\n');
            text.push_str(&one.text(self.loaded));
        }
        let changes = self.changes();
        if !changes.is_empty() {
            let _ = writeln!(text, "\n{BOLD}For it to be allowed{BOLD:#}");
            for change in changes {
                let _ = writeln!(text, "  - {change}");
            }
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let mut json = self.ending.json();
        let uses = self.uses.iter().map(|one| one.json(self.loaded)).collect();
        if let Some(members) = json.as_object_mut() {
            members.insert("uses".to_owned(), uses);
            members.insert("changes".to_owned(), json!(self.changes()));
        }
        json
    }

    /// What would have to be otherwise for the call to be allowed, a sentence each.
    fn changes(&self) -> Vec<String> {
        if let Some(limit) = self.ending.limit() {
            return vec![format!("limit `{limit}` has to have room for it")];
        }
        match (self.ending.decision(), self.ending.reason()) {
            (Some("allow"), _) => Vec::new(),
            (_, "invalid_arguments") => {
                vec!["the arguments have to be what the input schema says".to_owned()]
            }
            (_, "") if self.uses.is_empty() => Vec::new(),
            (_, reason) if self.uses.is_empty() => {
                vec![format!(
                    "no rule was asked: it ended with `{reason}` before"
                )]
            }
            _ => self.uses.iter().flat_map(Use::changes).collect(),
        }
    }
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
