//! Approvals that nobody gives, or nobody waits for.

use std::time::Duration;

use engine::{config::Effect, policy::Rule, problem::Problem};

use super::{Lint, Review, rules::id};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[&NOBODY_TO_ASK, &LONG_WAIT];

const NOBODY_TO_ASK: Lint = Lint {
    code: "nobody-to-ask",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/nobody-to-ask.md"),
};

const LONG_WAIT: Lint = Lint {
    code: "long-wait",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/long-wait.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let policy = &review.loaded.policy;
    if policy.approvals().is_none()
        && let Some(path) = asking(review)
    {
        let message = "this asks for an approval, and the policy does not say where";
        let help = "say `approvals: { url: \"http://127.0.0.1:8181\" }` in the policy, and start \
                    `toolgate-approvals`";
        review.tell(&NOBODY_TO_ASK, Problem::new(path, message).help(help));
    }
    for rule in policy.rules().iter().filter(|rule| rule.wait > PATIENCE) {
        let message = "the call is held for longer than clients wait for an answer";
        let help = "30s is what many bear: who decides later is found by the same call again";
        let problem = Problem::new(format!("{}.wait", rule.at), message).help(help);
        review.tell(&LONG_WAIT, problem);
    }
}

/// The first that asks: a rule, or an entry that is asked for whatever the rules say.
fn asking(review: &Review<'_>) -> Option<String> {
    let policy = &review.loaded.policy;
    let asks = |rule: &&Rule| rule.live && rule.effect == Effect::ApprovalRequired;
    let entry = || {
        let mut entries = policy.registry().entries();
        let used = |rule: &Rule| rule.live && rule.effect == Effect::Allow;
        entries.find(|entry| entry.approval_required && policy.about(entry).any(used))
    };
    policy
        .rules()
        .iter()
        .find(asks)
        .map(id)
        .or_else(|| entry().map(|entry| format!("{}.approvalRequired", policy.place_of(entry))))
}

/// Official clients give up after 60 s, and the call itself takes some of it; HTTP libraries and
/// proxies on the way often after 30 s.
const PATIENCE: Duration = Duration::from_secs(30);
