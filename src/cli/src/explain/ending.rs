//! How a call ends: what is decided, and what is heard of it.

use std::fmt::Write as _;

use engine::{
    approval::Need,
    policy::{Foresight, Summary},
};
use serde_json::{Value, json};

use super::{
    past::Recorded,
    story::{DIM, GREEN, RED, YELLOW},
};
use crate::trial;

/// How a call ends.
pub(super) enum Ending {
    /// It was sent through the policy.
    Ran(trial::Outcome),
    /// It is one of the past.
    Recorded(Recorded),
}

impl Ending {
    /// What is decided; `None`: that depends on what is not known.
    pub(super) fn decision(&self) -> Option<&str> {
        match self {
            Self::Ran(outcome) => outcome.text("decision"),
            Self::Recorded(recorded) => Some(certain(recorded)?.effect.as_str()),
        }
    }

    /// Why, as a code; empty where nothing is decided.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Ran(outcome) => outcome.text("reason").unwrap_or_default(),
            Self::Recorded(recorded) => certain(recorded).map_or("", |it| it.reason),
        }
    }

    /// The limit that refuses it.
    pub(super) fn limit(&self) -> Option<&str> {
        match self {
            Self::Ran(outcome) => outcome.text("limit"),
            Self::Recorded(_) => None,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Ran(outcome) => ran(outcome),
            Self::Recorded(recorded) => past(recorded),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Ran(outcome) => json!({
                "decision": outcome.text("decision"),
                "rule": outcome.text("rule"),
                "reason": outcome.text("reason"),
                "approvers": outcome.approvers(),
                "told": outcome.said,
                "sent": outcome.sent,
                "visible": outcome.visible,
                "record": outcome.record,
            }),
            Self::Recorded(recorded) => {
                let (between, because) = open(recorded);
                let certain = certain(recorded);
                json!({
                    "decision": certain.map(|it| it.effect.as_str()),
                    "rule": certain.and_then(|it| it.rule.as_deref()),
                    "reason": certain.map(|it| it.reason),
                    "between": between.iter().map(|it| it.effect.as_str()).collect::<Vec<_>>(),
                    "because": because,
                    "unknown": recorded.unknown,
                    "recorded": recorded.then(),
                })
            }
        }
    }
}

/// What is decided whatever the record does not hold.
fn certain(recorded: &Recorded) -> Option<&Summary> {
    match recorded.foresight.as_ref()? {
        Foresight::Certain(summary) if !recorded.is_open() => Some(summary),
        Foresight::Certain(_) | Foresight::Undecided { .. } => None,
    }
}

/// What may be decided, and the rules that leave it open.
fn open(recorded: &Recorded) -> (&[Summary], &[String]) {
    match &recorded.foresight {
        Some(Foresight::Undecided { between, because }) => (between, because),
        Some(Foresight::Certain(_)) | None => (&[], &[]),
    }
}

/// What was decided then, and what would be now.
fn past(recorded: &Recorded) -> String {
    let then = recorded.then();
    let member = |name: &str| then.get(name).and_then(Value::as_str);
    let (reason, version) = (member("reason"), member("policyVersion"));
    let by = member("limit").map_or_else(String::new, |limit| format!(" by limit `{limit}`"));
    let mut text = format!(
        "{DIM}recorded:{DIM:#} {}{by} ({}), policy {}\n",
        decided(member("decision").unwrap_or_default(), member("rule"), &[]),
        reason.unwrap_or_default(),
        version.unwrap_or("unknown"),
    );
    let (between, because) = open(recorded);
    let now = match (certain(recorded), between) {
        (Some(certain), _) => {
            let approvers: Vec<_> = certain.needs.iter().flat_map(Need::names).collect();
            let rule = certain.rule.as_deref();
            let decided = decided(certain.effect.as_str(), rule, &approvers);
            format!("{decided} ({})", certain.reason)
        }
        (None, []) if recorded.foresight.is_none() => {
            "no rule is asked: nothing that is registered is used".to_owned()
        }
        (None, []) => format!("not decidable without {}", recorded.unknown.join(", ")),
        (None, between) => {
            let between: Vec<_> = between.iter().map(|it| it.effect.as_str()).collect();
            let rules: Vec<_> = because.iter().map(|id| format!("`{id}`")).collect();
            format!(
                "{YELLOW}{}{YELLOW:#}: rules that depend on what is not recorded: {}",
                between.join(" or "),
                rules.join(", ")
            )
        }
    };
    let _ = writeln!(text, "{DIM}now:{DIM:#}      {now}");
    if !recorded.unknown.is_empty() {
        let unknown = recorded.unknown.join(", ");
        let _ = writeln!(text, "{DIM}unknown:{DIM:#}  {unknown}");
    }
    text
}

/// The decision, and what the agent hears of it.
fn ran(outcome: &trial::Outcome) -> String {
    let decision = outcome.text("decision").unwrap_or_default();
    let mut text = decided(decision, outcome.text("rule"), &outcome.approvers());
    if let Some(limit) = outcome.text("limit") {
        let _ = write!(text, " by limit `{limit}`");
    }
    let reason = outcome.text("reason").unwrap_or_default();
    let _ = match meaning(reason) {
        "" => writeln!(text, " ({reason})"),
        meaning => writeln!(text, ": {meaning} ({reason})"),
    };
    if let Some(shadow) = outcome.record.get("shadow") {
        let member = |name: &str| shadow.get(name).and_then(Value::as_str);
        let decision = member("decision").unwrap_or_default();
        let by = member("rule")
            .or_else(|| member("reason"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {DIM}in shadow mode it is:{DIM:#} {decision} ({by})"
        );
    }
    let sent = outcome.sent.as_deref().unwrap_or_default();
    for (label, words) in [
        ("the agent is told:", &*outcome.said),
        ("it becomes:", sent),
    ] {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        for (label, line) in labels.zip(words.lines()) {
            let _ = writeln!(text, "  {DIM}{label:18}{DIM:#} {line}");
        }
    }
    if !outcome.visible.is_empty() {
        let names: Vec<_> = outcome.visible.iter().map(String::as_str).collect();
        let _ = writeln!(text, "  {DIM}it shows:{DIM:#} {}", names.join(", "));
    }
    text
}

/// A decision, and who took it.
fn decided(decision: &str, rule: Option<&str>, approvers: &[&str]) -> String {
    let style = match decision {
        "allow" => GREEN,
        "deny" => RED,
        _ => YELLOW,
    };
    let rule = rule.map_or_else(String::new, |rule| format!(" by rule `{rule}`"));
    let approvers = match approvers {
        [] => String::new(),
        approvers => {
            let each = approvers.chunk_by(|one, other| one == other).map(several);
            let each: Vec<_> = each.collect();
            format!(", to be approved by {}", each.join(" and "))
        }
    };
    format!("{style}{decision}{style:#}{rule}{approvers}")
}

/// Some that are called the same.
fn several(same: &[&str]) -> String {
    match same {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [role, ..] => format!("{} people with the role {role}", same.len()),
    }
}

/// What a reason means, in words; nothing where its name says it.
fn meaning(reason: &str) -> &'static str {
    match reason {
        "no_rule" => "no rule allows it",
        "hidden_no_rule" => {
            "no rule allows this caller any use of it, so it does not exist for them"
        }
        "hidden_rule" => "this caller is denied every use of it, so it does not exist for them",
        "hidden_condition" => {
            "a condition fails for every use of it, so it does not exist for them"
        }
        "hidden_scope" => "the caller lacks its scope, and no rule would let them use it",
        "hidden_tenant" => "it does not exist for the caller's tenant",
        "hidden_environment" => "it does not exist in this environment",
        "hidden_sunset" => "it does not exist any more",
        "unregistered" => "nothing of this name is registered for this server",
        "insufficient_scope" => "the caller's token lacks a scope",
        "invalid_arguments" => "the arguments are not what the input schema says",
        "condition_failed" => "a condition could not be evaluated",
        "condition_out_of_fuel" => "a condition took too long",
        "approver_unreachable" => "nobody can be asked for an approval",
        "approval_required" => "it waits for an approval",
        "approval_of_no_use" => "only single uses can be approved",
        "approval_without_user" => "the user has to confirm it, and is not known",
        "approval_of_inexact_arguments" => "no approval can be bound to these arguments",
        "limit_reached" => "nothing is left of a limit",
        "loop_detected" => "the same call was made too often",
        "limiter_unreachable" => "nobody counts it for all Envoys",
        "limiter_busy" => "it could not be counted",
        "cost_unknown" => "what it costs cannot be told",
        "redaction_blocked" => "its arguments hold what may not be sent",
        "breaker_open" => "it fails too often at present",
        "no_token" => "the caller has no token",
        "invalid_token" => "the caller's token is not accepted",
        "other_tenant" => "the caller is another tenant's",
        "protocol" => "whoever may speak to this server may do this",
        _ => "",
    }
}
