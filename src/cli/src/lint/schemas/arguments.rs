//! Arguments with which a caller says more than a value: a query, a command, an address, a place, a
//! secret.

use engine::{config::Effect, problem::Problem, registry::Entry};
use serde_json::Value;

use super::{Site, types};
use crate::{
    lint::{Lint, Review},
    report::Level,
};

pub(super) const LINTS: &[&Lint] = &[&SQL, &COMMAND, &URL, &PATH, &UNMASKED];

const SQL: Lint = Lint {
    code: "sql-argument",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/sql-argument.md"),
};

const COMMAND: Lint = Lint {
    code: "command-argument",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/command-argument.md"),
};

const URL: Lint = Lint {
    code: "url-argument",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/url-argument.md"),
};

const PATH: Lint = Lint {
    code: "path-argument",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/path-argument.md"),
};

const UNMASKED: Lint = Lint {
    code: "unmasked-argument",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/unmasked-argument.md"),
};

pub(super) fn review(review: &mut Review<'_>, entry: &Entry, site: &Site<'_>) {
    told(review, entry, site);
    unmasked(review, entry, site);
}

/// What an approver sees, and with them whoever reads the trail.
fn unmasked(review: &mut Review<'_>, entry: &Entry, site: &Site<'_>) {
    let plain = ["string", "number", "integer"];
    let kinds = types(site.schema);
    let Some(name) = site.name else { return };
    let place = place(&site.path);
    let near = place.iter().rev().take(2).flat_map(|name| words(name));
    let near: Vec<String> = near.collect();
    let has = |word: &str| near.iter().any(|near| near == word);
    let own = words(name);
    let secret = own.iter().any(|word| SECRET.contains(&word.as_str()))
        || (own.iter().any(|word| word == "number") && has("card"));
    let paging = ["page", "next", "cursor", "continuation"];
    if !secret || paging.into_iter().any(has) || !plain.iter().any(|kind| kinds.contains(kind)) {
        return;
    }
    let policy = &review.loaded.policy;
    let asks = policy
        .about(entry)
        .any(|rule| rule.effect == Effect::ApprovalRequired);
    let mut pointers = entry.sensitive.iter().filter_map(|pointer| pointer.name());
    if !(asks || entry.approval_required) || pointers.any(|name| place.contains(&name)) {
        return;
    }
    let message = format!("whoever approves a call sees `{name}`, and so does the trail");
    let help = format!("mask it: `sensitive: [/{}]`", place.join("/"));
    review.tell(&UNMASKED, Problem::new(&site.path, message).help(help));
}

/// Where in the arguments a schema is about: the properties on the way to it, and `*` for items.
fn place(path: &str) -> Vec<&str> {
    let mut steps = path.split('/').skip(1);
    let mut place = Vec::new();
    while let Some(step) = steps.next() {
        match step {
            "properties" => place.extend(steps.next()),
            "items" | "additionalProperties" => place.push("*"),
            _ => {}
        }
    }
    place
}

fn told(review: &mut Review<'_>, entry: &Entry, site: &Site<'_>) {
    let schema = site.schema;
    let listed = schema.contains_key("enum") || schema.contains_key("const");
    let (Some(name), false) = (site.name, listed) else {
        return;
    };
    if !types(schema).contains(&"string") {
        return;
    }
    let own = words(name);
    let is = |known: &[&str]| own.iter().any(|word| known.contains(&word.as_str()));
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    let told = [text("description"), entry.description.as_deref()];
    let tells = |known: &[&str]| {
        let mut told = told.iter().flatten().flat_map(|text| words(text));
        told.any(|word| known.contains(&word.as_str()))
    };
    let held = text("pattern").is_some_and(|pattern| pattern.starts_with('^'));
    let uri = text("format").is_some_and(|format| ["uri", "uri-reference"].contains(&format));
    let (lint, message, help) = if is(&["sql"]) || (is(QUERY) && tells(&["sql"])) {
        let help = "take the values of one query, and keep its text in the server";
        (&SQL, "lets the caller write SQL", help)
    } else if held {
        return;
    } else if is(SHELL) || (is(&["code", "expression"]) && tells(RUN)) {
        let help = "offer the commands as an `enum`, or as tools of their own";
        (&COMMAND, "lets the caller write a command", help)
    } else if uri || is(ADDRESS) {
        let help = "hold it to known hosts: `pattern: \"^https://api\\\\.example\\\\.com/\"`";
        (
            &URL,
            "lets the caller choose where the server connects to",
            help,
        )
    } else if is(PLACE) {
        let help = "hold it to names: `pattern: \"^[A-Za-z0-9_-]{1,64}$\"`";
        (
            &PATH,
            "lets the caller choose a place in a file system",
            help,
        )
    } else {
        return;
    };
    let problem = Problem::new(&site.path, format!("`{name}` {message}"));
    review.tell(lint, problem.help(help));
}

/// `queryText`, `query_text` and `query text` are two words.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in text.chars() {
        if (c.is_uppercase() && lower) || !c.is_alphanumeric() {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

const SECRET: &[&str] = &[
    "credential",
    "credentials",
    "cvc",
    "cvv",
    "iban",
    "passcode",
    "passphrase",
    "passport",
    "password",
    "pin",
    "secret",
    "ssn",
    "token",
];

const QUERY: &[&str] = &["expression", "filter", "query", "statement", "where"];

const SHELL: &[&str] = &[
    "argv",
    "bash",
    "cmd",
    "command",
    "commands",
    "powershell",
    "script",
    "shell",
];

const RUN: &[&str] = &[
    "eval", "execute", "executes", "python", "run", "runs", "shell",
];

const ADDRESS: &[&str] = &["endpoint", "href", "uri", "url", "webhook"];

const PLACE: &[&str] = &[
    "dir",
    "directory",
    "file",
    "filename",
    "filepath",
    "folder",
    "path",
    "paths",
];
