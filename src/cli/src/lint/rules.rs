//! Rules that do not do what their authors meant.

use std::collections::BTreeSet;

use engine::{
    condition::Possible,
    config::{Access, Effect, RiskTier},
    policy::{Requirement, Rule},
    problem::Problem,
    registry::{Entry, Kind},
};

use super::{Lint, Review};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[
    &ABOUT_NOTHING,
    &UNREACHABLE,
    &NEVER_TRUE,
    &ALWAYS_TRUE,
    &UNSUPPLIED,
    &UNAPPROVED_WRITE,
    &WRITE_FOR_ANYBODY,
    &SELF_APPROVAL,
    &NOBODY_MAY_USE,
    &NO_ENVIRONMENT,
    &ALL_IN_SHADOW,
    &WITHOUT_ID,
];

const ABOUT_NOTHING: Lint = Lint {
    code: "rule-about-nothing",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/rule-about-nothing.md"),
};

const UNREACHABLE: Lint = Lint {
    code: "unreachable-rule",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/unreachable-rule.md"),
};

const NEVER_TRUE: Lint = Lint {
    code: "condition-never-true",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/condition-never-true.md"),
};

const ALWAYS_TRUE: Lint = Lint {
    code: "condition-always-true",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/condition-always-true.md"),
};

const UNSUPPLIED: Lint = Lint {
    code: "unsupplied-fact",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/unsupplied-fact.md"),
};

const UNAPPROVED_WRITE: Lint = Lint {
    code: "unapproved-write",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unapproved-write.md"),
};

const WRITE_FOR_ANYBODY: Lint = Lint {
    code: "write-for-anybody",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/write-for-anybody.md"),
};

const SELF_APPROVAL: Lint = Lint {
    code: "self-approval",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/self-approval.md"),
};

const NOBODY_MAY_USE: Lint = Lint {
    code: "nobody-may-use",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/nobody-may-use.md"),
};

const NO_ENVIRONMENT: Lint = Lint {
    code: "no-environment",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/no-environment.md"),
};

const ALL_IN_SHADOW: Lint = Lint {
    code: "all-in-shadow",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/all-in-shadow.md"),
};

const WITHOUT_ID: Lint = Lint {
    code: "rule-without-id",
    level: Level::Note,
    page: include_str!("../../../../policies/lints/rule-without-id.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let loaded = review.loaded;
    let policy = &loaded.policy;
    let mut rules = policy.rules().iter();
    let all_in_shadow = !policy.rules().is_empty() && rules.all(|rule| !rule.live);
    let mut entries: Vec<Vec<&Entry>> = policy.rules().iter().map(|_| Vec::new()).collect();
    for entry in policy.registry().entries() {
        for rule in policy.about(entry) {
            if let Some(about) = entries.get_mut(rule.place) {
                about.push(entry);
            }
        }
        if !all_in_shadow {
            unused(review, entry);
        }
    }
    if let (Some(first), true) = (policy.rules().first(), all_in_shadow) {
        let message = "every rule is in shadow, so nothing may be used";
        let help = "let those rules decide that have shown what they do: `mode: enforce`";
        let problem = Problem::new(format!("{}.mode", first.at), message).help(help);
        review.tell(&ALL_IN_SHADOW, problem);
    }
    let shadow = loaded.config.shadow.iter().flat_map(|policy| &policy.rules);
    for ((rule, entries), written) in policy
        .rules()
        .iter()
        .zip(&entries)
        .zip(loaded.config.policy.rules.iter().chain(shadow))
    {
        if written.id.is_none() {
            let message = format!("the rule is recorded as `{}`, by its place", rule.id);
            let help = "give it an `id`: a rule that is added above would change its name";
            review.tell(&WITHOUT_ID, Problem::new(&rule.at, message).help(help));
        }
        let supplied = facts(review, rule);
        if entries.is_empty() {
            let message = "the rule is about nothing that is registered";
            let help = "no entry has such a name, server and attributes";
            review.tell(&ABOUT_NOTHING, Problem::new(id(rule), message).help(help));
        } else if !unreachable(review, rule, entries) {
            if supplied {
                condition(review, rule, entries);
            }
            writes(review, rule, entries);
            approver(review, rule, entries);
        }
    }
}

/// Entries that no rule lets anybody use, and that no rule denies: they were forgotten.
fn unused(review: &mut Review<'_>, entry: &Entry) {
    let policy = &review.loaded.policy;
    let at = policy.place_of(entry);
    let (kind, name) = (entry.kind.as_str(), &entry.name);
    if entry.environments.is_some() && policy.environment().is_none() {
        let message = format!("no `environment` is said, so {kind} `{name}` does not exist");
        let help = "say `environment` in the policy";
        let problem = Problem::new(format!("{at}.environments"), message).help(help);
        review.tell(&NO_ENVIRONMENT, problem);
    }
    if policy
        .about(entry)
        .all(|rule| !rule.live || rule.contradicts(entry).is_some())
    {
        let message = format!("no rule is about {kind} `{name}`, so nobody may use it");
        let help = "write a rule that allows it, one that denies it for good, or take it out";
        let field = match entry.kind {
            Kind::Tool | Kind::Prompt => "name",
            Kind::Resource => "uri",
        };
        let problem = Problem::new(format!("{at}.{field}"), message).help(help);
        review.tell(&NOBODY_MAY_USE, problem);
    }
}

/// Where a rule says who it is; without an `id` that is the rule.
pub(super) fn id(rule: &Rule) -> String {
    format!("{}.id", rule.at)
}

/// Facts that a rule reads and nothing supplies; whether there are none.
fn facts(review: &mut Review<'_>, rule: &Rule) -> bool {
    let identity = review.loaded.policy.identity();
    let mut supplied = true;
    for (fact, source) in identity.sources() {
        if source.is_some() {
            continue;
        }
        let read = rule.when.as_ref().is_some_and(|when| when.reads(fact));
        let when = read.then_some("when");
        let Some(field) = required(rule, fact).or(when) else {
            continue;
        };
        supplied = false;
        let message = format!("nothing supplies `{fact}`, which this asks for");
        let help = format!("name its source: `identity.{fact}`");
        let problem = Problem::new(format!("{}.{field}", rule.at), message).help(help);
        review.tell(&UNSUPPLIED, problem);
    }
    supplied
}

/// The field with which a rule requires a fact.
fn required(rule: &Rule, fact: &str) -> Option<&'static str> {
    let set = |requirement: &Requirement| !matches!(requirement, Requirement::None);
    let fields = [
        ("user", set(&rule.user), "require.user"),
        ("agent", set(&rule.agent), "require.agent"),
        ("app", set(&rule.app), "require.app"),
        ("tenant", set(&rule.tenant), "require.tenant"),
        ("tenant", rule.tenants.is_some(), "tenants"),
        ("roles", rule.roles.is_some(), "require.roles"),
        ("scopes", !rule.scopes.is_empty(), "require.scopes"),
    ];
    let mut asked = fields
        .into_iter()
        .filter(|(name, set, _)| *name == fact && *set);
    asked.next().map(|(_, _, field)| field)
}

/// A rule that never decides, because it never matches or another is always before it.
fn unreachable(review: &mut Review<'_>, rule: &Rule, entries: &[&Entry]) -> bool {
    let policy = &review.loaded.policy;
    let before = |entry: &Entry| {
        policy.about(entry).find(|other| {
            // Of two that say the same, the second is one too many.
            let same = rule.covers(other) && rule.place < other.place;
            // Limits of all rules that match count, whichever decides; so does what they take out.
            let bare = rule.limits.is_empty() && rule.redactions.is_empty();
            let counts = other.effect != Effect::Deny && !bare;
            other.place != rule.place && other.covers(rule) && !same && !counts
        })
    };
    let mut reasons = entries
        .iter()
        .map(|entry| (rule.contradicts(entry), before(entry)));
    let Some(first) = reasons.next() else {
        return false;
    };
    if !reasons
        .chain([first])
        .all(|(field, other)| field.is_some() || other.is_some())
    {
        return false;
    }
    let problem = match first {
        (Some(field), _) => {
            let message = format!("the rule never matches: `{field}` leaves nothing it is about");
            let path = format!("{}.{field}", rule.at);
            Problem::new(path, message).help("compare it with the same field of the entries")
        }
        (None, Some(other)) => {
            let by = match other.effect {
                Effect::Allow => "allows",
                Effect::ApprovalRequired => "asks for an approval of",
                Effect::Deny => "denies",
            };
            let message = format!(
                "the rule never decides: `{}` {by} whatever it matches",
                other.id
            );
            let help = "the strictest rule wins: narrow that one, or take this one out";
            Problem::new(id(rule), message).help(help)
        }
        (None, None) => return false,
    };
    review.tell(&UNREACHABLE, problem);
    true
}

/// A condition that is no condition.
fn condition(review: &mut Review<'_>, rule: &Rule, entries: &[&Entry]) {
    if rule.when.is_none() {
        return;
    }
    let policy = &review.loaded.policy;
    let mut possible = entries.iter().map(|entry| policy.possible(rule, entry));
    let Some(first) = possible.next() else {
        return;
    };
    if !possible.all(|other| other == first) {
        return;
    }
    let (lint, message, help) = match first {
        Possible::Never => (
            &NEVER_TRUE,
            "the condition never holds, whatever the call",
            "compare it with the input schema, with what the rule requires, and with itself",
        ),
        Possible::Always => (
            &ALWAYS_TRUE,
            "the condition always holds, whatever the call",
            "leave `when` out, or say what was meant",
        ),
        Possible::Sometimes => return,
    };
    let problem = Problem::new(format!("{}.when", rule.at), message).help(help);
    review.tell(lint, problem);
}

/// Writes that are let through on nobody's word.
fn writes(review: &mut Review<'_>, rule: &Rule, entries: &[&Entry]) {
    let policy = &review.loaded.policy;
    let bounded = rule.when.is_some();
    let writes = entries
        .iter()
        .filter(|entry| entry.kind == Kind::Tool && entry.access == Access::Write)
        .filter(|entry| rule.effect == Effect::Allow && !entry.approval_required)
        .filter(|entry| rule.contradicts(entry).is_none())
        .filter(|entry| {
            let mut others = policy.about(entry);
            !others.any(|other| other.effect > rule.effect && other.covers(rule))
        });
    let (mut risky, mut open) = (Vec::new(), Vec::new());
    for entry in writes {
        if entry.risk_tier == RiskTier::High && !bounded {
            risky.push(entry.name.as_str());
        }
        if for_anybody(rule, entry) {
            open.push(entry.name.as_str());
        }
    }
    if !risky.is_empty() {
        let message = format!("{} with high risk, and nobody approves it", writing(&risky));
        let help = "decide `approval_required`, bound it by `when`, or say `riskTier` and `access` \
                    of the tool";
        review.tell(
            &UNAPPROVED_WRITE,
            Problem::new(id(rule), message).help(help),
        );
    }
    if !open.is_empty() {
        let message = format!("{}, and anybody may do that", writing(&open));
        let help = "say whom the rule is for: `require: { user: true, roles: [..] }`";
        review.tell(
            &WRITE_FOR_ANYBODY,
            Problem::new(id(rule), message).help(help),
        );
    }
}

/// Whether nothing about the caller matters.
fn for_anybody(rule: &Rule, entry: &Entry) -> bool {
    let facts = ["user", "agent", "app", "tenant", "roles", "scopes"];
    let asked = |fact: &str| {
        let when = rule.when.as_ref();
        required(rule, fact).is_some() || when.is_some_and(|when| when.reads(fact))
    };
    entry.auth_scope.is_none() && entry.tenants.is_none() && !facts.into_iter().any(asked)
}

/// `` `a`, `b` and 3 more write ``
pub(super) fn writing(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(3)
        .map(|name| format!("`{name}`"))
        .collect();
    let (shown, more) = (shown.join(", "), names.len().saturating_sub(3));
    match (names.len(), more) {
        (1, _) => format!("{shown} writes"),
        (_, 0) => format!("{shown} write"),
        _ => format!("{shown} and {more} more write"),
    }
}

/// An approval by those who ask for it.
fn approver(review: &mut Review<'_>, rule: &Rule, entries: &[&Entry]) {
    let role = |entry: &&&Entry| {
        let asks = rule.effect == Effect::ApprovalRequired || entry.approval_required;
        asks && rule.effect != Effect::Deny && !rule.confirmed_by_user
    };
    let roles: BTreeSet<&String> = entries
        .iter()
        .filter(role)
        .filter_map(|entry| rule.approver_role.as_ref().or(entry.approver_role.as_ref()))
        .collect();
    let Some(asking) = &rule.roles else {
        return;
    };
    if let [one] = roles.into_iter().collect::<Vec<_>>().as_slice()
        && asking.iter().all(|role| role == *one)
    {
        let message = format!("`{one}` approves what only `{one}` may ask for");
        let help = "name another `approver_role`, or let others ask";
        review.tell(&SELF_APPROVAL, Problem::new(id(rule), message).help(help));
    }
}
