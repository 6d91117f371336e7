//! What is done about text that wants to steer the model that reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inject::{Action, Rule};

/// What is done about text that wants to steer the model that reads it, by rule: `off`, `flag`,
/// `wrap`, `redact` or `block`. What is not named is flagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Scan {
    /// Text that tells the model to drop its instructions, to follow others, or to keep something
    /// from its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_override: Option<Action>,
    /// What looks like somebody's turn: tokens of chat templates, tags and headings that speak for
    /// the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fake_turn: Option<Action>,
    /// Characters that models read and people do not see, where no language and no emoji needs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_unicode: Option<Action>,
    /// Addresses with a place for what the model knows or with long encoded data, and orders to send
    /// secrets to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exfiltration_link: Option<Action>,
    /// Images from other hosts: showing one sends what its address holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown_image: Option<Action>,
    /// Text that tells to call a tool of another server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_mention: Option<Action>,
}

impl Scan {
    /// The actions that are written, by rule.
    #[must_use]
    pub fn actions(&self) -> BTreeMap<Rule, Action> {
        let written = |rule| match rule {
            Rule::InstructionOverride => self.instruction_override,
            Rule::FakeTurn => self.fake_turn,
            Rule::HiddenUnicode => self.hidden_unicode,
            Rule::ExfiltrationLink => self.exfiltration_link,
            Rule::MarkdownImage => self.markdown_image,
            Rule::ToolMention => self.tool_mention,
        };
        let rules = Rule::ALL.into_iter();
        rules
            .filter_map(|rule| Some((rule, written(rule)?)))
            .collect()
    }
}
