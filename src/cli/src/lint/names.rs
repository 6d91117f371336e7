//! Names that agents, or people, mistake for each other.

use std::collections::BTreeMap;

use engine::{
    problem::Problem,
    registry::{Entry, Kind},
    visible::looks,
};

use super::{Lint, Review};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[&CONFUSABLE, &SIMILAR, &UNUSUAL, &MISSPELT_ROLE];

const CONFUSABLE: Lint = Lint {
    code: "confusable-name",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/confusable-name.md"),
};

const SIMILAR: Lint = Lint {
    code: "similar-name",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/similar-name.md"),
};

const UNUSUAL: Lint = Lint {
    code: "unusual-name",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unusual-name.md"),
};

const MISSPELT_ROLE: Lint = Lint {
    code: "misspelt-role",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/misspelt-role.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    for kind in [Kind::Tool, Kind::Prompt] {
        let mut by_looks: BTreeMap<String, &Entry> = BTreeMap::new();
        let mut by_slip: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        let entries = policy.registry().entries();
        for entry in entries.filter(|entry| entry.kind == kind) {
            let at = format!("{}.name", policy.place_of(entry));
            unusual(review, entry, &at);
            if let Some(other) = by_looks.insert(looks(&entry.name), entry) {
                let message = format!(
                    "`{}` of server `{}` looks like `{}` of server `{}`",
                    entry.name, entry.server, other.name, other.server
                );
                let help = "agents see both in one list: give one of them another `name`";
                review.tell(&CONFUSABLE, Problem::new(at, message).help(help));
            } else {
                similar(review, &by_slip, entry, &at);
            }
            for slip in slips(&entry.name) {
                by_slip.entry(slip).or_default().push(entry);
            }
        }
    }
    roles(review);
}

/// Names that clients refuse or change: MCP asks for letters, digits, `_`, `-` and `.`.
fn unusual(review: &mut Review<'_>, entry: &Entry, at: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let name = &entry.name;
    let message = if let Some(odd) = name.chars().find(|c| !plain(*c)) {
        let code = u32::from(odd);
        format!(
            "`{}` holds U+{code:04X}, which clients refuse or change",
            name.escape_debug()
        )
    } else if name.len() > MAX_NAME {
        format!("`{name}` is longer than the {MAX_NAME} characters that clients accept")
    } else {
        return;
    };
    let help = "use letters, digits, `_`, `-` and `.`; what the server calls it is `mcpTool`";
    review.tell(&UNUSUAL, Problem::new(at, message).help(help));
}

/// One slip away from a name of another server.
fn similar(
    review: &mut Review<'_>,
    by_slip: &BTreeMap<String, Vec<&Entry>>,
    entry: &Entry,
    at: &str,
) {
    let others = slips(&entry.name);
    let other = others
        .iter()
        .filter_map(|slip| by_slip.get(slip))
        .flatten()
        .find(|other| {
            other.server != entry.server
                && strsim::damerau_levenshtein(&other.name, &entry.name) == 1
        });
    if let Some(other) = other {
        let message = format!(
            "`{}` of server `{}` is one slip away from `{}` of server `{}`",
            entry.name, entry.server, other.name, other.server
        );
        let help = "a model that mistakes one for the other calls another server";
        review.tell(&SIMILAR, Problem::new(at, message).help(help));
    }
}

/// The name, and without each one of its letters: two names share one if a slip is between them.
/// Numbered names differ by digits, and mean it.
fn slips(name: &str) -> Vec<String> {
    if name.chars().count() < MIN_SLIP || name.contains(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    let without = |(at, _): (usize, char)| {
        let letters = name.char_indices().filter(|(other, _)| *other != at);
        letters.map(|(_, c)| c).collect()
    };
    let mut slips: Vec<String> = name.char_indices().map(without).collect();
    slips.push(name.to_owned());
    slips.dedup();
    slips
}

/// Roles and scopes that only one place speaks of, and that are a slip away from another.
fn roles(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    let mut roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in policy.rules() {
        for role in rule.roles.iter().flatten() {
            roles
                .entry(role)
                .or_default()
                .push(format!("{}.require.roles", rule.at));
        }
        if let Some(role) = &rule.approver_role {
            roles
                .entry(role)
                .or_default()
                .push(format!("{}.approver_role", rule.at));
        }
    }
    for entry in policy.registry().entries() {
        if let Some(role) = &entry.approver_role {
            let at = format!("{}.approverRole", policy.place_of(entry));
            roles.entry(role).or_default().push(at);
        }
    }
    for (role, places) in &roles {
        let ([at], true) = (places.as_slice(), role.len() >= MIN_SLIP) else {
            continue;
        };
        let near = roles.iter().find(|(other, places)| {
            places.len() > 1 && strsim::damerau_levenshtein(role, other) == 1
        });
        if let Some((other, _)) = near {
            let message = format!("only this speaks of the role `{role}`; others of `{other}`");
            let help = format!("did you mean `{other}`?");
            review.tell(&MISSPELT_ROLE, Problem::new(at, message).help(help));
        }
    }
}

const MAX_NAME: usize = 128;

/// Shorter names are a slip away from each other by nature.
const MIN_SLIP: usize = 6;
