//! Texts that a model reads: what an attacker would write into them.
//!
//! All texts of an entry reach the model, those within its schemas as well, and so do the
//! instructions of a server.

use std::{collections::BTreeMap, sync::LazyLock};

use engine::{
    problem::Problem,
    registry::{Entry, Kind},
};
use regex::Regex;
use serde_json::Value;

use super::{Lint, Review, below};
use crate::{report::Level, visible::hidden};

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

/// Where each entry is by its name.
type Servers<'p> = BTreeMap<&'p str, &'p Entry>;

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    let entries = || policy.registry().entries();
    let servers: Servers<'_> = entries()
        .filter(|entry| entry.kind != Kind::Resource && is_telling(&entry.name))
        .map(|entry| (entry.name.as_str(), entry))
        .collect();
    for server in policy.registry().servers() {
        if let Some(text) = &server.instructions {
            let at = format!("{}.instructions", server.at);
            judge(review, &servers, &server.id, &at, text);
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
                judge(
                    review,
                    &servers,
                    &entry.server,
                    &format!("{at}.{field}"),
                    text,
                );
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
            judge(review, &servers, &entry.server, &path, text);
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

fn judge(review: &mut Review<'_>, servers: &Servers<'_>, server: &str, at: &str, text: &str) {
    if let Some(hidden) = hidden(text) {
        let code = u32::from(hidden);
        let message = format!("U+{code:04X} is here, which people do not see and models read");
        let help = "take it out, and look at what else this server sent";
        review.tell(&CHARACTERS, Problem::new(at, message).help(help));
    }
    if let Some(found) = HIDDEN_MARKUP.find(text) {
        let message = format!(
            "`{}` hides text from people, not from models",
            found.as_str()
        );
        let help = "take it out, and look at what else this server sent";
        review.tell(&MARKUP, Problem::new(at, message).help(help));
    }
    if let Some(found) = ORDERS.find(text) {
        let words = found
            .as_str()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let message = format!("`{words}` tells the model what to do, not what the tool does");
        let help = "describe the tool; what agents may do is said by rules";
        review.tell(&INSTRUCTIONS, Problem::new(at, message).help(help));
    }
    let words = text.split(|c: char| !is_name(c));
    let mut words = words.map(|word| word.trim_matches(['.', '-', '/']));
    let other = words.find_map(|word| {
        let other = servers.get(word)?;
        (other.server != server).then_some(other)
    });
    if let Some(other) = other {
        let message = format!(
            "server `{server}` speaks of `{}`, which belongs to server `{}`",
            other.name, other.server
        );
        let help =
            "a description that leads to other servers' tools can turn them against the user";
        review.tell(&OTHER_SERVER, Problem::new(at, message).help(help));
    }
}

/// Whether a name is not also a word of the language.
fn is_telling(name: &str) -> bool {
    name.len() > 4 && name.chars().skip(1).any(|c| !c.is_lowercase())
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

static HIDDEN_MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"<!--|<script\b|<style\b|display:\s*none|visibility:\s*hidden|font-size:\s*0|!\[[^\]]*\]\(https?:",
    )
});

/// What attacks on models say, as far as no honest description does.
static ORDERS: LazyLock<Regex> = LazyLock::new(|| {
    let orders = [
        r"\b(ignore|disregard|forget|override)\s+(all\s+|any\s+|the\s+|your\s+|these\s+|of\s+)*(previous|prior|above|earlier|preceding|other|system)\s+\w*(instruction|prompt|rule|direction|message|tool|context)",
        r"\b(ignore|disregard|forget|override)\s+(all\s+|any\s+|your\s+)+(instructions|rules|guidelines|training)",
        r"\b(do\s+not|don'?t|never|without)\s+(ever\s+)?(tell|telling|inform|informing|notify|notifying|alert|alerting|show|showing|mention|mentioning|reveal|revealing)\s+(this|it|that|anything|to|the\s+user|users?|them)\b",
        r"\b(do\s+not|don'?t|never|without)\s+(ask|asking|wait|waiting)\s+(for\s+)?(the\s+user|users?|permission|confirmation|approval)",
        r"\b(before|after|prior\s+to|when)\s+(using|calling|invoking|running)\s+(this|any|any\s+other|other|another|the\s+other)\s+tools?,?\s+(you|first|always|read|call|send|must)",
        r"\byou\s+(must|should|shall|need\s+to|have\s+to)\s+(always\s+|first\s+|never\s+)*(call|use|invoke|run|read|send|include|pass|append|forward|obey|follow|ignore|reveal)\b",
        r"\b(always|only)\s+(use|call|prefer|choose|invoke)\s+this\s+tool\b",
        r"\b(instead\s+of|rather\s+than)\s+(using\s+|calling\s+)?(any\s+|all\s+)?other\s+tools?\b",
        r"</?\s*(important|system|assistant|instructions?|secret|admin|im_start|im_end)\s*>|<\|im_(start|end)\|>|\[/?INST\]",
        r"\b(system|developer)\s+(prompt|message|instructions?)\b",
        r"\byou\s+are\s+now\b|\bnew\s+instructions\s*:|\bact\s+as\s+(an?\s+)?(admin|root|system|developer)",
        r"~/\.(ssh|aws|cursor|config|kube)|\bid_rsa\b|\.env\s+file|\bmcp\.json\b|/etc/passwd",
    ];
    pattern(&orders.join("|"))
});

/// Our own patterns compile; a test sees to it that each finds what it is for.
fn pattern(source: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the pattern is a constant, and a test compiles it"
    )]
    Regex::new(&format!("(?i){source}")).expect("a regular expression")
}
