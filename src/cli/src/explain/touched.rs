//! What counts a call that may happen, and what may keep it away.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use engine::{
    breaker::Breaker,
    call::Call,
    condition::Fault,
    config::Cost,
    limit::{Dimension, Limit, Scope},
    policy::{Policy, Redactions, Verdict},
};
use serde_json::{Map, Value, json};

use super::story::{BOLD, DIM};
use crate::inputs::Loaded;

/// What a call costs, the limits that count it, and the breakers that it passes.
pub(super) struct Touched {
    cost: Result<u64, Fault>,
    /// Where that is written, and is not just a number.
    formula: Option<String>,
    limits: Vec<Counted>,
    breakers: Vec<Arc<Breaker>>,
    redactions: Arc<Redactions>,
}

/// A limit, and for whom it counts.
struct Counted {
    limit: Arc<Limit>,
    here: Vec<(Dimension, Option<String>)>,
}

impl Touched {
    pub(super) fn of(policy: &Policy, call: &Call<'_>) -> Self {
        let verdict = policy.decide(call);
        let redactions = Arc::clone(&verdict.decision().redactions);
        let (limits, breakers) = match verdict {
            Verdict::Allow(permit) | Verdict::Ask { permit, .. } => {
                let breakers = policy.registry().breakers(call.entry);
                (permit.limits().to_vec(), breakers.cloned().collect())
            }
            Verdict::Deny { .. } => (Vec::new(), Vec::new()),
        };
        let counted = |limit: Arc<Limit>| {
            let by = limit.by.iter().copied();
            let here = by.map(|by| (by, value(by, policy, call))).collect();
            Counted { limit, here }
        };
        Self {
            cost: policy.cost(call),
            formula: match &call.entry.cost {
                Cost::Formula(source) => Some(source.clone()),
                Cost::Fixed(_) => None,
            },
            limits: limits.into_iter().map(counted).collect(),
            breakers,
            redactions,
        }
    }

    pub(super) fn text(&self, loaded: &Loaded) -> String {
        let formula = self.formula.as_deref().unwrap_or_default();
        let mut text = match &self.cost {
            Ok(1) if formula.is_empty() => String::new(),
            Ok(units) => format!("\ncost {BOLD}{units}{BOLD:#}  {DIM}{formula}{DIM:#}\n"),
            Err(fault) => format!("\ncost cannot be told: {fault}  {DIM}{formula}{DIM:#}\n"),
        };
        for Counted { limit, here } in &self.limits {
            let (name, place) = (&limit.name, loaded.written_at(&limit.at));
            let here: Vec<_> = here
                .iter()
                .map(|(by, value)| match value {
                    Some(value) if *by == Dimension::Call => value.clone(),
                    Some(value) => format!("{} {value}", by.as_str()),
                    None => format!("no {}", by.as_str()),
                })
                .collect();
            let lead = if here.is_empty() { "" } else { "; here " };
            let all = match limit.scope {
                Scope::Local => "",
                Scope::Global => ", counted for all Envoys",
            };
            let _ = writeln!(
                text,
                "\nlimit {BOLD}{name}{BOLD:#}  {DIM}{place}{DIM:#}\n     {limit}{all}{lead}{}",
                here.join(", ")
            );
        }
        for breaker in &self.breakers {
            let (name, failures) = (&breaker.name, breaker.failures);
            let [within, open] = [breaker.within, breaker.open].map(time);
            let _ = writeln!(
                text,
                "\nbreaker {BOLD}{name}{BOLD:#}\n     {failures} failures in {within:?} keep calls away \
                 for {open:?}"
            );
        }
        for (part, redaction) in self.redactions.parts().filter(|(_, it)| !it.is_empty()) {
            let items = redaction.items();
            let items: Vec<_> = items
                .map(|(item, by)| format!("{item} {}", by.as_str()))
                .collect();
            let _ = writeln!(
                text,
                "\nredact {BOLD}{part}{BOLD:#}\n     {}",
                items.join(", ")
            );
        }
        if self.redactions.values {
            let _ = writeln!(text, "\naudit {BOLD}full{BOLD:#}");
        }
        text
    }

    pub(super) fn json(&self, loaded: &Loaded) -> Value {
        let limits = self.limits.iter().map(|Counted { limit, here }| {
            let here = here.iter();
            let here = here.map(|(by, value)| (by.as_str().to_owned(), json!(value)));
            json!({
                "name": limit.name,
                "place": loaded.written_at(&limit.at),
                "limit": limit.to_string(),
                "scope": limit.scope,
                "here": here.collect::<Map<_, _>>(),
            })
        });
        let breakers = self.breakers.iter().map(|breaker| breaker.name.as_str());
        let redacted = self.redactions.parts().map(|(part, redaction)| {
            let items = redaction.items();
            let items = items.map(|(item, by)| (item.into_owned(), json!(by.as_str())));
            (part.to_owned(), json!(items.collect::<Map<_, _>>()))
        });
        json!({
            // `null`: it cannot be told.
            "cost": self.cost.as_ref().ok(),
            "limits": limits.collect::<Vec<_>>(),
            "breakers": breakers.collect::<Vec<_>>(),
            "redact": redacted.collect::<Map<_, _>>(),
            "audit": if self.redactions.values { "full" } else { "metadata" },
        })
    }
}

fn time(nanoseconds: i64) -> Duration {
    Duration::from_nanos(nanoseconds.unsigned_abs())
}

/// What a call counts for.
fn value(by: Dimension, policy: &Policy, call: &Call<'_>) -> Option<String> {
    let who = call.principal;
    let value = match by {
        Dimension::User => who.user.as_deref(),
        Dimension::Agent => who.agent.as_deref(),
        Dimension::App => who.app.as_deref(),
        Dimension::Tenant => who.tenant.as_deref(),
        Dimension::Tool => Some(call.entry.name.as_str()),
        Dimension::Server => Some(call.entry.server.as_str()),
        Dimension::Environment => policy.environment(),
        Dimension::Session => call.session,
        Dimension::Call => Some("these arguments"),
    };
    value.map(str::to_owned)
}
