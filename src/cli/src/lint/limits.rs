//! Limits that are missing, and those that hold less than they seem to.

use std::collections::BTreeMap;

use engine::{
    config::{Access, Cost, Effect},
    limit::{Bound, Dimension, Limit, Measure, Period, Scope},
    policy::{Policy, Rule},
    problem::Problem,
    registry::{Entry, Kind},
};

use super::{
    Lint, Review,
    rules::{id, writing},
};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[
    &UNLIMITED_WRITE,
    &LOCAL_BUDGET,
    &PER_NOBODY,
    &PER_SESSION,
    &WITHOUT_COST,
    &AFTER_APPROVAL,
];

const UNLIMITED_WRITE: Lint = Lint {
    code: "unlimited-write",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/unlimited-write.md"),
};

const LOCAL_BUDGET: Lint = Lint {
    code: "local-budget",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/local-budget.md"),
};

const PER_NOBODY: Lint = Lint {
    code: "limit-per-nobody",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/limit-per-nobody.md"),
};

const PER_SESSION: Lint = Lint {
    code: "limit-per-session",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/limit-per-session.md"),
};

const WITHOUT_COST: Lint = Lint {
    code: "cost-without-cost",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/cost-without-cost.md"),
};

const AFTER_APPROVAL: Lint = Lint {
    code: "limit-after-approval",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/limit-after-approval.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    let mut writes: BTreeMap<usize, (&Rule, Vec<&str>)> = BTreeMap::new();
    let mut limits: BTreeMap<&str, (&Limit, Vec<&Entry>)> = BTreeMap::new();
    let mut late: BTreeMap<&str, &Limit> = BTreeMap::new();
    for entry in policy.registry().entries() {
        late.extend(asked_late(policy, entry).map(|limit| (limit.at.as_str(), limit)));
        let rules = policy.about(entry).flat_map(|rule| &rule.limits);
        for limit in entry.limits.iter().chain(rules) {
            let about = limits.entry(&limit.at).or_insert((limit, Vec::new()));
            about.1.push(entry);
        }
        for rule in policy.about(entry) {
            if is_unlimited(review, rule, entry) {
                let names = writes.entry(rule.place).or_insert((rule, Vec::new()));
                names.1.push(&entry.name);
            }
        }
    }
    for (rule, names) in writes.into_values() {
        let message = format!("{}, as often as an agent likes", writing(&names));
        let help =
            "say how often is enough: `limits: [{ per: [user, agent], requests_per_hour: 60 }]`";
        let problem = Problem::new(id(rule), message).help(help);
        review.tell(&UNLIMITED_WRITE, problem);
    }
    for limit in late.into_values() {
        let message = "the approval is used up before anybody asks about this limit";
        let help = "let each Envoy limit what needs an approval: `scope: local`";
        review.tell(&AFTER_APPROVAL, Problem::new(&limit.at, message).help(help));
    }
    for (limit, entries) in limits.into_values() {
        budget(review, limit);
        counted(review, limit);
        cost(review, limit, &entries);
    }
}

/// Limits of the fleet on what needs an approval.
fn asked_late<'p>(policy: &'p Policy, entry: &'p Entry) -> impl Iterator<Item = &'p Limit> {
    let asks = |rule: &&Rule| rule.live && rule.effect == Effect::ApprovalRequired;
    let about = move || policy.about(entry);
    let asked = entry.approval_required || about().any(|rule| asks(&rule));
    let own = entry.limits.iter().filter(move |_| asked);
    let limits = own.chain(about().filter(asks).flat_map(|rule| &rule.limits));
    limits
        .map(|limit| &**limit)
        .filter(|limit| limit.scope == Scope::Global)
}

/// Whether a rule lets writes through on nobody's word, and nothing bounds how many.
fn is_unlimited(review: &Review<'_>, rule: &Rule, entry: &Entry) -> bool {
    let policy = &review.loaded.policy;
    let writes = entry.kind == Kind::Tool && entry.access == Access::Write;
    let passes = rule.live && rule.effect == Effect::Allow && !entry.approval_required;
    writes
        && passes
        && rule.contradicts(entry).is_none()
        && !entry.limits.iter().any(|limit| bounds(limit))
        && !policy.about(entry).any(|other| {
            let stricter = other.effect > rule.effect;
            other.covers(rule) && (stricter || other.limits.iter().any(|limit| bounds(limit)))
        })
}

/// Whether a limit bounds how often something is done.
fn bounds(limit: &Limit) -> bool {
    let often = match limit.of {
        Measure::Requests | Measure::Cost => true,
        Measure::ResultBytes | Measure::Tokens => false,
    };
    // Other arguments are another call, and begin anew.
    often && period(limit).is_some() && !limit.by.contains(&Dimension::Call)
}

fn period(limit: &Limit) -> Option<Period> {
    match limit.bound {
        Bound::Window { period, .. } | Bound::Bucket { period, .. } => Some(period),
        Bound::Concurrent { .. } => None,
    }
}

/// A budget that each Envoy has for itself, and a restart gives again.
fn budget(review: &mut Review<'_>, limit: &Limit) {
    if limit.scope == Scope::Global || period(limit) < Some(Period::Day) {
        return;
    }
    let message = "each Envoy counts this for itself, and forgets it with a restart";
    let help = "say `scope: global`, and where: `rate_limit_service` in the policy";
    review.tell(&LOCAL_BUDGET, Problem::new(&limit.at, message).help(help));
}

/// What a limit counts by, and does not tell callers apart.
fn counted(review: &mut Review<'_>, limit: &Limit) {
    let path = format!("{}.per", limit.at);
    for (fact, source) in review.loaded.policy.identity().sources() {
        if source.is_none() && limit.by.iter().any(|by| by.as_str() == fact) {
            let message = format!("nothing supplies `{fact}`: all callers have one counter");
            let help = format!("name its source: `identity.{fact}`; or count by something else");
            let problem = Problem::new(&path, message).help(help);
            review.tell(&PER_NOBODY, problem);
        }
    }
    if limit.by.contains(&Dimension::Session) && !limit.by.contains(&Dimension::Call) {
        let message = "a new session begins anew, and clients open as many as they like";
        let help = "count by who is vouched for: `user`, `agent`, `app`, `tenant`";
        review.tell(&PER_SESSION, Problem::new(path, message).help(help));
    }
}

/// A limit of costs that nobody has said.
fn cost(review: &mut Review<'_>, limit: &Limit, entries: &[&Entry]) {
    if limit.of != Measure::Cost || entries.iter().any(|entry| entry.cost != Cost::default()) {
        return;
    }
    let message = "nothing that this is about says its `cost`, so each use counts 1";
    let help = "say `cost` in the registry, or limit requests";
    review.tell(&WITHOUT_COST, Problem::new(&limit.at, message).help(help));
}
