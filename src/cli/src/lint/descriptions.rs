//! Texts that a model reads: what an attacker would write into them.
//!
//! All texts of an entry reach the model, those within its schemas as well, and so do the
//! instructions of a server.

use engine::{
    inject::{Found, Reading, Rule},
    problem::Problem,
    registry::{Entry, Kind},
};
use serde_json::Value;

use super::{Lint, Review, below};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[
    &INSTRUCTIONS,
    &CHARACTERS,
    &MARKUP,
    &OTHER_SERVER,
    &UNREVIEWED,
];

const INSTRUCTIONS: Lint = Lint {
    code: "instructions-in-description",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/instructions-in-description.md"),
};

const CHARACTERS: Lint = Lint {
    code: "hidden-characters",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/hidden-characters.md"),
};

const MARKUP: Lint = Lint {
    code: "hidden-markup",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/hidden-markup.md"),
};

const OTHER_SERVER: Lint = Lint {
    code: "mentions-other-server",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/mentions-other-server.md"),
};

const UNREVIEWED: Lint = Lint {
    code: "unreviewed-description",
    level: Level::Note,
    page: include_str!("../../../../policies/lints/unreviewed-description.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    let entries = || policy.registry().entries();
    for server in policy.registry().servers() {
        if let Some(text) = &server.instructions {
            let at = format!("{}.instructions", server.at);
            judge(review, &server.id, &at, text);
        }
    }
    for entry in entries() {
        let at = policy.place_of(entry);
        if entry.kind == Kind::Tool && entry.description.is_none() && entry.pin.is_none() {
            let message = format!(
                "agents are told of `{}` whatever its server says that day",
                entry.name
            );
            let help = "write the `description` that you reviewed, or pin what the server says";
            let problem = Problem::new(format!("{at}.name"), message).help(help);
            review.tell(&UNREVIEWED, problem);
        }
        for (field, text) in [("title", &entry.title), ("description", &entry.description)] {
            if let Some(text) = text {
                judge(review, &entry.server, &format!("{at}.{field}"), text);
            }
        }
        let mut texts = Vec::new();
        if entry.kind == Kind::Tool {
            collect(
                entry.input.source(),
                format!("{at}.inputSchema"),
                &mut texts,
            );
            let output = entry.output.iter();
            output.for_each(|output| {
                collect(output.source(), format!("{at}.outputSchema"), &mut texts)
            });
        }
        for (name, value) in &entry.members {
            collect(value, format!("{at}.{name}"), &mut texts);
        }
        for (path, text) in texts {
            judge(review, &entry.server, &path, text);
        }
    }
}

/// Every text within a value: names of members too, which are told as the texts they are.
fn collect<'v>(value: &'v Value, at: String, texts: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => texts.push((at, text)),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                collect(item, below(&at, &place.to_string()), texts);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let at = below(&at, name);
                texts.push((at.clone(), name));
                collect(member, at, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn judge(review: &mut Review<'_>, server: &str, at: &str, text: &str) {
    let registry = review.loaded.policy.registry();
    let foreign = |name: &str| registry.is_foreign(server, name);
    let scanner = review.loaded.policy.scan().scanner();
    let found = scanner.find(text, Reading::Description, &foreign);
    let mut told = Vec::new();
    for Found { rule, at: place } in found {
        let found = text.get(place).unwrap_or_default();
        let words = found.split_whitespace().collect::<Vec<_>>().join(" ");
        let (lint, message, help) = match rule {
            Rule::HiddenUnicode => {
                let code = found.chars().next().map_or(0, u32::from);
                (
                    &CHARACTERS,
                    format!("U+{code:04X} is here, which people do not see and models read"),
                    "take it out, and look at what else this server sent",
                )
            }
            Rule::MarkdownImage => (
                &MARKUP,
                format!("`{words}` hides text from people, not from models"),
                "take it out, and look at what else this server sent",
            ),
            Rule::InstructionOverride | Rule::FakeTurn | Rule::ExfiltrationLink => (
                &INSTRUCTIONS,
                format!("`{words}` tells the model what to do, not what the tool does"),
                "describe the tool; what agents may do is said by rules",
            ),
            Rule::ToolMention => {
                let Some(other) = mentioned(review, found) else {
                    continue;
                };
                (
                    &OTHER_SERVER,
                    format!(
                        "server `{server}` speaks of `{}`, which belongs to server `{}`",
                        other.name, other.server
                    ),
                    "a description that leads to other servers' tools can turn them against the user",
                )
            }
        };
        // The first of each kind is enough to look at the text.
        if !told.contains(&lint.code) {
            told.push(lint.code);
            review.tell(lint, Problem::new(at, message).help(help));
        }
    }
}

/// The tool whose name stands at the end of what was found.
fn mentioned<'p>(review: &Review<'p>, found: &str) -> Option<&'p Entry> {
    let name = found
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\''))
        .next()?;
    review.loaded.policy.registry().tool(name)
}
