//! Why a call is decided as it is, for people and for programs.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use engine::{
    condition::Truth,
    config::Effect,
    policy::{Considered, Obstacles, Outcome, Part, Policy},
    registry::Entry,
};
use serde_json::{Value, json};

use super::input::Asked;
use crate::trial;

/// What became of a call, and why.
pub(super) struct Story<'a> {
    asked: &'a Asked,
    outcome: trial::Outcome,
    /// What it uses; nothing where it uses nothing that is registered.
    uses: Vec<Use<'a>>,
}

/// One use of something registered.
struct Use<'a> {
    /// `refund_customer` of `payments`
    what: String,
    /// Whether every use needs an approval.
    approval: bool,
    /// What the entry itself asks for.
    entry: Vec<Part>,
    rules: Vec<Considered<'a>>,
    obstacles: Obstacles<'a>,
}

impl<'a> Story<'a> {
    pub(super) fn of(asked: &'a Asked) -> Self {
        let policy: &Policy = &asked.loaded.policy;
        let mut uses = Vec::new();
        asked.request.calls(policy, |call| {
            uses.push(Use {
                what: named(call.entry),
                approval: call.entry.approval_required,
                entry: policy.asked_by_entry(call),
                rules: policy.explain(call),
                obstacles: policy.obstacles(call),
            });
        });
        Self {
            outcome: asked.request.run(&asked.loaded.policy),
            asked,
            uses,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.decision();
        for one in &self.uses {
            let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", one.what);
            for part in &one.entry {
                text.push_str(&line(part));
            }
            let mut elsewhere = 0;
            for rule in &one.rules {
                match rule.outcome {
                    Outcome::Elsewhere => elsewhere += 1,
                    _ => text.push_str(&self.rule(rule)),
                }
            }
            let _ = match elsewhere {
                0 => Ok(()),
                1 => writeln!(text, "\n1 rule is about something else"),
                n => writeln!(text, "\n{n} rules are about something else"),
            };
        }
        let changes = self.changes();
        if !changes.is_empty() {
            let _ = writeln!(text, "\n{BOLD}For it to be allowed{BOLD:#}");
            for change in changes {
                let _ = writeln!(text, "  - {change}");
            }
        }
        text
    }

    /// The decision, and what the agent hears of it.
    fn decision(&self) -> String {
        let outcome = &self.outcome;
        let decision = outcome.text("decision").unwrap_or_default();
        let style = match decision {
            "allow" => GREEN,
            "deny" => RED,
            _ => YELLOW,
        };
        let mut text = format!("{style}{decision}{style:#}");
        if let Some(rule) = outcome.text("rule") {
            let _ = write!(text, " by rule `{rule}`");
        }
        if let Some(approver) = outcome.approver() {
            let _ = write!(text, ", to be approved by {approver}");
        }
        let reason = outcome.text("reason").unwrap_or_default();
        let _ = match meaning(reason) {
            "" => writeln!(text, " ({reason})"),
            meaning => writeln!(text, ": {meaning} ({reason})"),
        };
        if let Some(shadow) = outcome.record.get("shadow") {
            let member = |name: &str| shadow.get(name).and_then(Value::as_str).unwrap_or_default();
            let (decision, rule, reason) = (member("decision"), member("rule"), member("reason"));
            let by = if rule.is_empty() { reason } else { rule };
            let _ = writeln!(
                text,
                "  {DIM}in shadow mode it is:{DIM:#} {decision} ({by})"
            );
        }
        for line in outcome.said.lines() {
            let _ = writeln!(text, "  {DIM}the agent is told:{DIM:#} {line}");
        }
        if !outcome.visible.is_empty() {
            let names: Vec<_> = outcome.visible.iter().map(String::as_str).collect();
            let _ = writeln!(text, "  {DIM}it shows:{DIM:#} {}", names.join(", "));
        }
        text
    }

    fn rule(&self, one: &Considered<'_>) -> String {
        let (style, outcome) = match &one.outcome {
            Outcome::Applies => (GREEN, format!("applies: {}", one.rule.effect.as_str())),
            Outcome::DoesNot => (DIM, "does not apply".to_owned()),
            Outcome::Undecided => (YELLOW, "depends on what is not known".to_owned()),
            Outcome::Failed(_) => (RED, "cannot be evaluated: deny".to_owned()),
            Outcome::Elsewhere => (DIM, "is about something else".to_owned()),
        };
        let place = self.place(&one.rule.at);
        let mode = if one.rule.live {
            ""
        } else {
            " (only tried, in shadow mode)"
        };
        let mut text = format!(
            "\nrule {BOLD}{}{BOLD:#}{mode} {style}{outcome}{style:#}  {DIM}{place}{DIM:#}\n",
            one.rule.id
        );
        for part in &one.parts {
            text.push_str(&line(part));
        }
        text
    }

    /// Where a rule is written.
    fn place(&self, at: &str) -> String {
        self.asked.loaded.written_at(at)
    }

    /// What would have to be otherwise for the call to be allowed, a sentence each.
    fn changes(&self) -> Vec<String> {
        if self.outcome.text("decision") == Some("allow") {
            return Vec::new();
        }
        if self.uses.is_empty() {
            let reason = self.outcome.text("reason").unwrap_or_default();
            return vec![format!(
                "no rule was asked: it ended with `{reason}` before"
            )];
        }
        let mut changes = Vec::new();
        if self.outcome.text("reason") == Some("invalid_arguments") {
            changes.push("the arguments have to be what the input schema says".to_owned());
        }
        for one in &self.uses {
            let obstacles = &one.obstacles;
            changes.extend(obstacles.entry.iter().map(|part| {
                let (field, found) = (part.field, &part.found);
                format!(
                    "`{field}` asks for {}, and there is {found}",
                    flat(&part.wanted)
                )
            }));
            changes.extend(obstacles.against.iter().map(against));
            if obstacles.granted {
                changes.extend(one.approvals());
                continue;
            }
            let ways: Vec<_> = obstacles.ways.iter().map(way).collect();
            changes.push(match ways.as_slice() {
                [] => format!("some rule has to allow it: none about {} does", one.what),
                [only] => only.clone(),
                several => format!("one of these:\n      {}", several.join("\n      ")),
            });
        }
        changes
    }

    pub(super) fn json(&self) -> Value {
        let outcome = &self.outcome;
        let uses = self.uses.iter().map(|one| {
            let of = |rule: &&Considered<'_>| rule.outcome != Outcome::Elsewhere;
            let rules: Vec<_> = one.rules.iter().filter(of).collect();
            json!({
                "what": one.what,
                "asks": one.entry.iter().map(part).collect::<Vec<_>>(),
                "elsewhere": one.rules.len() - rules.len(),
                "rules": rules
                    .iter()
                    .map(|rule| json!({
                        "id": rule.rule.id,
                        "place": self.place(&rule.rule.at),
                        "effect": rule.rule.effect.as_str(),
                        "live": rule.rule.live,
                        "outcome": word(&rule.outcome),
                        "parts": rule.parts.iter().map(part).collect::<Vec<_>>(),
                    }))
                    .collect::<Vec<_>>(),
            })
        });
        json!({
            "decision": outcome.text("decision"),
            "rule": outcome.text("rule"),
            "reason": outcome.text("reason"),
            "approver": outcome.approver(),
            "told": outcome.said,
            "visible": outcome.visible,
            "uses": uses.collect::<Vec<_>>(),
            "changes": self.changes(),
            "record": outcome.record,
        })
    }
}

impl Use<'_> {
    /// Who has to approve, where nothing else is in the way.
    fn approvals(&self) -> Option<String> {
        let mut asking = self.rules.iter().filter(|one| {
            let asks = one.rule.effect == Effect::ApprovalRequired;
            one.rule.live && asks && one.outcome == Outcome::Applies
        });
        match asking.next() {
            Some(one) => Some(format!(
                "rule `{}` has to be satisfied by an approval",
                one.rule.id
            )),
            None => self
                .approval
                .then(|| "the registry asks for an approval of every use".to_owned()),
        }
    }
}

/// One thing that is asked for, beside what is there.
fn line(part: &Part) -> String {
    let (style, mark) = match part.holds {
        Truth::True => (GREEN, "ok"),
        Truth::False => (RED, "no"),
        Truth::Unknown => (YELLOW, "? "),
    };
    let (field, wanted, found) = (part.field, flat(&part.wanted), &part.found);
    let mut text =
        format!("  {style}{mark}{style:#} {field:<15} {wanted} {DIM}->{DIM:#} {found}\n");
    let width = part
        .steps
        .iter()
        .map(|(source, _)| source.chars().count())
        .max();
    for (source, value) in &part.steps {
        let width = width.unwrap_or_default();
        let _ = writeln!(
            text,
            "     {:<15} {DIM}{:<width$} ->{DIM:#} {value}",
            "",
            flat(source)
        );
    }
    text
}

/// What a rule lacks to let the call through.
fn way(one: &Considered<'_>) -> String {
    let lacks: Vec<_> = one
        .lacks()
        .map(|part| {
            let (field, wanted, found) = (part.field, flat(&part.wanted), &part.found);
            match field {
                "when" => format!("`{wanted}` held, which is {found}"),
                _ => format!("`{field}` were {wanted}, which is {found}"),
            }
        })
        .collect();
    let verb = match one.rule.effect {
        Effect::Allow => "allow it",
        Effect::ApprovalRequired => "ask for an approval",
        Effect::Deny => "deny it",
    };
    format!(
        "rule `{}` would {verb} if {}",
        one.rule.id,
        lacks.join(", and ")
    )
}

/// What has to become of a rule that is in the way.
fn against(one: &Considered<'_>) -> String {
    let id = &one.rule.id;
    let condition = one.rule.when.as_ref().map(|when| flat(when.source()));
    let place = condition.map_or_else(String::new, |when| format!(" where `{when}`"));
    match &one.outcome {
        Outcome::Failed(fault) => format!("the condition of rule `{id}` must not fail: {fault}"),
        Outcome::Undecided => format!("rule `{id}` must not match: it denies{place}, which may be"),
        Outcome::Applies | Outcome::DoesNot | Outcome::Elsewhere => {
            format!("rule `{id}` must not match: it denies{place}")
        }
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
        "hidden_scope" => "this caller can never have its scope, so it does not exist for them",
        "hidden_tenant" => "it does not exist for the caller's tenant",
        "hidden_environment" => "it does not exist in this environment",
        "hidden_sunset" => "it does not exist any more",
        "unregistered" => "nothing of this name is registered for this server",
        "insufficient_scope" => "the caller's token lacks a scope",
        "invalid_arguments" => "the arguments are not what the input schema says",
        "condition_failed" => "a condition could not be evaluated",
        "condition_out_of_fuel" => "a condition took too long",
        "approver_unreachable" => "it waits for an approval",
        "no_token" => "the caller has no token",
        "invalid_token" => "the caller's token is not accepted",
        "protocol" => "whoever may speak to this server may do this",
        _ => "",
    }
}

fn part(part: &Part) -> Value {
    json!({
        "field": part.field,
        "wanted": part.wanted,
        "found": part.found,
        "holds": match part.holds {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        },
        "steps": part.steps,
    })
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Applies => "applies",
        Outcome::DoesNot => "does_not",
        Outcome::Undecided => "undecided",
        Outcome::Failed(_) => "failed",
        Outcome::Elsewhere => "elsewhere",
    }
}

fn named(entry: &Entry) -> String {
    format!(
        "{} `{}` of `{}`",
        entry.kind.as_str(),
        entry.name,
        entry.server
    )
}

/// On one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
