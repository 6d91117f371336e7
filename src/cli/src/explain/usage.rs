//! One use of something registered, beside every rule about it.

use std::fmt::Write as _;

use engine::{
    call::Call,
    condition::Truth,
    config::Effect,
    policy::{Considered, Obstacles, Outcome, Part, Policy},
};
use serde_json::{Value, json};

use super::{
    story::{BOLD, DIM, GREEN, RED, YELLOW},
    touched::Touched,
};
use crate::inputs::Loaded;

/// One use of something registered.
pub(super) struct Use<'a> {
    /// tool `refund_customer` of `payments`
    what: String,
    /// Who uses it, and when.
    who: String,
    /// Whether every use needs an approval.
    approval: bool,
    /// What the entry itself asks for.
    entry: Vec<Part>,
    rules: Vec<Considered<'a>>,
    obstacles: Obstacles<'a>,
    touched: Touched,
}

impl<'a> Use<'a> {
    pub(super) fn of(policy: &'a Policy, call: &Call<'_>) -> Self {
        let entry = call.entry;
        let (kind, name, server) = (entry.kind.as_str(), &entry.name, &entry.server);
        Self {
            what: format!("{kind} `{name}` of `{server}`"),
            who: caller(call),
            approval: entry.approval_required,
            entry: policy.asked_by_entry(call),
            rules: policy.explain(call),
            obstacles: policy.obstacles(call),
            touched: Touched::of(policy, call),
        }
    }

    pub(super) fn text(&self, loaded: &Loaded) -> String {
        let mut text = format!("{BOLD}{}{BOLD:#} {}\n", self.what, self.who);
        for part in &self.entry {
            text.push_str(&line(part));
        }
        for one in self.about() {
            let (id, mode) = (
                &one.rule.id,
                if one.rule.live {
                    ""
                } else {
                    " (in shadow mode)"
                },
            );
            let (style, outcome) = match &one.outcome {
                Outcome::Applies => (GREEN, format!("applies: {}", one.rule.effect.as_str())),
                Outcome::DoesNot => (DIM, "does not apply".to_owned()),
                Outcome::Undecided => (YELLOW, "depends on what is not known".to_owned()),
                Outcome::Failed(_) => (RED, "cannot be evaluated: deny".to_owned()),
                Outcome::Elsewhere => (DIM, "is about something else".to_owned()),
            };
            let place = loaded.written_at(&one.rule.at);
            let _ = writeln!(
                text,
                "\nrule {BOLD}{id}{BOLD:#}{mode} {style}{outcome}{style:#}  {DIM}{place}{DIM:#}"
            );
            for part in &one.parts {
                text.push_str(&line(part));
            }
        }
        let _ = match self.elsewhere() {
            0 => Ok(()),
            1 => writeln!(text, "\n1 rule is about something else"),
            n => writeln!(text, "\n{n} rules are about something else"),
        };
        text.push_str(&self.touched.text(loaded));
        text
    }

    pub(super) fn json(&self, loaded: &Loaded) -> Value {
        let rules = self.about().map(|one| {
            json!({
                "id": one.rule.id,
                "place": loaded.written_at(&one.rule.at),
                "effect": one.rule.effect.as_str(),
                "live": one.rule.live,
                "outcome": word(&one.outcome),
                "parts": one.parts.iter().map(part).collect::<Vec<_>>(),
            })
        });
        json!({
            "what": self.what,
            "who": self.who,
            "asks": self.entry.iter().map(part).collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
            "elsewhere": self.elsewhere(),
            "counted": self.touched.json(loaded),
        })
    }

    /// What would have to be otherwise, a sentence each.
    pub(super) fn changes(&self) -> Vec<String> {
        let obstacles = &self.obstacles;
        let asked = obstacles.entry.iter().map(|part| {
            let (field, wanted, found) = (part.field, flat(&part.wanted), &part.found);
            format!("`{field}` asks for {wanted}, and there is {found}")
        });
        let mut changes: Vec<_> = asked.chain(obstacles.against.iter().map(against)).collect();
        if obstacles.granted {
            changes.extend(self.approvals());
            return changes;
        }
        let ways: Vec<_> = obstacles.ways.iter().map(way).collect();
        let grants = |one: &Considered<'_>| one.rule.effect != Effect::Deny;
        if ways.is_empty() && obstacles.against.iter().any(grants) {
            // One whose condition failed would do.
            return changes;
        }
        changes.push(match ways.as_slice() {
            [] => format!("some rule has to allow it: none about {} does", self.what),
            [only] => only.clone(),
            several => format!("one of these:\n      {}", several.join("\n      ")),
        });
        changes
    }

    /// The rules about it.
    fn about(&self) -> impl Iterator<Item = &Considered<'a>> {
        let rules = self.rules.iter();
        rules.filter(|one| one.outcome != Outcome::Elsewhere)
    }

    fn elsewhere(&self) -> usize {
        self.rules.len().saturating_sub(self.about().count())
    }

    /// Who has to approve, where nothing else is in the way.
    fn approvals(&self) -> Option<String> {
        let asks = |one: &&Considered<'_>| {
            let asks = one.rule.effect == Effect::ApprovalRequired;
            one.rule.live && asks && one.outcome == Outcome::Applies
        };
        match self.rules.iter().find(asks) {
            Some(one) => Some(format!(
                "somebody has to approve it, says rule `{}`",
                one.rule.id
            )),
            None => self
                .approval
                .then(|| "somebody has to approve it, says the registry".to_owned()),
        }
    }
}

/// Who calls, and when.
fn caller(call: &Call<'_>) -> String {
    let who = call.principal;
    let list = |items: &std::collections::BTreeSet<String>| {
        (!items.is_empty()).then(|| {
            items
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        })
    };
    let facts = [
        ("user", who.user.clone()),
        ("agent", who.agent.clone()),
        ("app", who.app.clone()),
        ("tenant", who.tenant.clone()),
        ("roles", list(&who.roles)),
        ("scopes", list(&who.scopes)),
    ];
    let told: Vec<_> = facts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    let who = if told.is_empty() {
        "nobody".to_owned()
    } else {
        told.join("; ")
    };
    format!("for {who}, at {}", call.now.rfc3339())
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
                "when" if found.starts_with("fails") => format!("`{wanted}` held (it {found})"),
                "when" => format!("`{wanted}` held (it is {found})"),
                _ => format!("`{field}` were {wanted} (it is {found})"),
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

/// On one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
