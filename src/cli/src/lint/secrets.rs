//! Secrets that were pasted into a file.

use std::{ops::Range, sync::LazyLock};

use engine::problem::Problem;
use regex::Regex;

use super::{Lint, Review};
use crate::report::{Finding, Level};

pub(super) const LINTS: &[&Lint] = &[&SECRET];

pub(super) const SECRET: Lint = Lint {
    code: "secret-in-file",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/secret-in-file.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    for (index, source) in review.loaded.sources.iter().enumerate() {
        for (what, at) in find(&source.text) {
            let message = format!("{what} is written here");
            let help = "revoke it: it has been read. What needs it gets it from its environment";
            review.list.push(Finding {
                source: Some(index),
                at: Some(at),
                ..SECRET.finding(Problem::new("", message).help(help))
            });
        }
    }
}

fn find(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let mut found = Vec::new();
    for captures in PATTERN.captures_iter(text) {
        for (name, what) in KINDS {
            found.extend(captures.name(name).map(|secret| (what, secret.range())));
        }
    }
    found
}

const KINDS: [(&str, &str); 7] = [
    ("aws", "an access key of AWS"),
    ("github", "a token of GitHub"),
    ("key", "a private key"),
    ("api", "a key of an API"),
    ("slack", "a token of Slack"),
    ("jwt", "a signed token"),
    ("password", "a password in an address"),
];

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = [
        r"\b(?<aws>(AKIA|ASIA)[0-9A-Z]{16})\b",
        r"\b(?<github>(gh[opsru]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{60,255}))\b",
        r"(?<key>-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)",
        r"\b(?<api>(sk-[0-9A-Za-z_-]{24,200}|[rs]k_live_[0-9A-Za-z]{16,200}|AIza[0-9A-Za-z_-]{35}))",
        r"\b(?<slack>xox[abeprs]-[0-9A-Za-z-]{10,200})",
        r"\b(?<jwt>eyJ[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]{10,2000})",
        r#"[a-z]://[^\s/:@"'{}$]{1,100}:(?<password>[^\s/:@"'{}$]{3,100})@"#,
    ];
    #[expect(
        clippy::expect_used,
        reason = "the pattern is a constant, and a test compiles it"
    )]
    Regex::new(&pattern.join("|")).expect("a regular expression")
});
