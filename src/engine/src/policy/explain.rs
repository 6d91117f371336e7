//! Why a call is decided as it is: the evaluation that decides, with its parts told.
//!
//! For people: it costs more than deciding, and its texts hold values of arguments.

use super::{
    Decision, Policy, Summary, Verdict,
    findings::Findings,
    gone,
    rule::{Demand, Found, Match, Rule, Wanted, facts},
};
use crate::{
    call::Call,
    condition::{Fault, Fuel, Truth},
    config::Effect,
};

/// One rule beside one call.
#[derive(Debug)]
pub struct Considered<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// What it says of the call.
    pub outcome: Outcome,
    /// Everything that it asks for; nothing where it is about something else.
    pub parts: Vec<Part>,
}

/// What a rule says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Applies,
    /// Some part of it does not hold.
    DoesNot,
    /// That depends on what is not known.
    Undecided,
    /// Its condition could not be evaluated.
    Failed(Fault),
    /// It is about something else.
    Elsewhere,
}

/// One thing that a rule or an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field that asks for it: `require.roles`, `tenants`, `when`.
    pub field: &'static str,
    /// What it asks for.
    pub wanted: String,
    /// What is there.
    pub found: String,
    /// Whether that is enough.
    pub holds: Truth,
    /// Of a condition, its parts and what each came to, in the order written.
    pub steps: Vec<(String, String)>,
}

/// What stands between a call and its being allowed.
#[derive(Debug)]
pub struct Obstacles<'p> {
    /// What the entry itself asks for and is not there.
    pub entry: Vec<Part>,
    /// Rules that forbid it, might, or could not be evaluated: each of them has to give way.
    pub against: Vec<Considered<'p>>,
    /// Whether some rule lets it through as it is.
    pub granted: bool,
    /// Otherwise the rules that would, those that lack least first: one of them has to match.
    pub ways: Vec<Considered<'p>>,
}

/// The decision on a call of which not everything is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foresight {
    /// It is this, whatever is not known yet. Where several rules would decide alike, the first
    /// is named.
    Certain(Summary),
    /// That depends.
    Undecided {
        /// Every decision that it may come to.
        between: Vec<Summary>,
        /// The rules that make it so, by id.
        because: Vec<String>,
    },
}

impl Policy {
    /// Every rule beside `call`, in order; also rules that are only tried.
    #[must_use]
    pub fn explain(&self, call: &Call<'_>) -> Vec<Considered<'_>> {
        let (mut live_fuel, mut shadow_fuel) = (Fuel::default(), Fuel::default());
        let mut about = self.about(call.entry).peekable();
        let mut all = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let fuel = match rule.live {
                true => &mut live_fuel,
                false => &mut shadow_fuel,
            };
            all.push(match about.next_if(|next| next.place == rule.place) {
                Some(rule) => self.consider(rule, call, fuel),
                None => Considered {
                    rule,
                    outcome: Outcome::Elsewhere,
                    parts: Vec::new(),
                },
            });
        }
        all
    }

    /// What the entry of `call` asks for, before any rule.
    #[must_use]
    pub fn asked_by_entry(&self, call: &Call<'_>) -> Vec<Part> {
        let entry = call.entry;
        let limits = self.audience(call);
        let mut parts: Vec<_> = limits.iter().filter_map(|(_, it)| Part::new(it)).collect();
        if let Some(sunset) = entry.sunset {
            parts.push(Part {
                field: "deprecated.sunset",
                wanted: format!("before {}", sunset.rfc3339()),
                found: call.now.rfc3339(),
                holds: truth(!gone(call)),
                steps: Vec::new(),
            });
        }
        let scopes: Vec<_> = entry.scopes().map(str::to_owned).collect();
        parts.extend(Part::new(&Demand {
            field: "authScope",
            wanted: Wanted::AllOf(&scopes),
            found: Found::Many(&call.principal.scopes),
        }));
        parts
    }

    /// What would have to change for `call` to be allowed.
    #[must_use]
    pub fn obstacles(&self, call: &Call<'_>) -> Obstacles<'_> {
        let mut entry = self.asked_by_entry(call);
        entry.retain(|part| part.holds != Truth::True);
        let (mut against, mut ways) = (Vec::new(), Vec::new());
        let mut granted = false;
        for one in self.explain(call).into_iter().filter(|one| one.rule.live) {
            let denies = one.rule.effect == Effect::Deny;
            match one.outcome {
                Outcome::Failed(_) => against.push(one),
                Outcome::Applies | Outcome::Undecided if denies => against.push(one),
                Outcome::Applies => granted = true,
                Outcome::DoesNot | Outcome::Undecided if !denies => ways.push(one),
                Outcome::DoesNot | Outcome::Undecided | Outcome::Elsewhere => {}
            }
        }
        if granted {
            ways.clear();
        }
        ways.sort_by_key(|way| way.lacks().count());
        Obstacles {
            entry,
            against,
            granted,
            ways,
        }
    }

    /// The decision on a call of which arguments or `_meta` may be unknown.
    ///
    /// A condition on what is unknown may hold, or not, or fail: each is taken into account.
    #[must_use]
    pub fn foresee(&self, call: &Call<'_>) -> Foresight {
        let findings = match self.findings(call) {
            Ok((findings, _)) => findings,
            Err(cause) => {
                let verdict = Verdict::deny(Decision::default(), cause);
                return Foresight::Certain(verdict.summary());
            }
        };
        let without = findings.verdict(call.entry).summary();
        let mut between = vec![without.clone()];
        let mut because = Vec::new();
        for rule in &findings.possible {
            let holds = Findings {
                matched: findings.matched.iter().copied().chain([*rule]).collect(),
                ..findings.clone()
            };
            let fails = Findings {
                fault: findings.fault.clone().or(Some((rule, Fault::Overflow))),
                ..findings.clone()
            };
            let outcomes = [holds, fails].map(|it| it.verdict(call.entry).summary());
            if outcomes.iter().any(|one| !one.decides_like(&without)) {
                because.push(rule.id.clone());
            }
            for outcome in outcomes {
                if !between.iter().any(|known| known.decides_like(&outcome)) {
                    between.push(outcome);
                }
            }
        }
        if because.is_empty() {
            return Foresight::Certain(without);
        }
        Foresight::Undecided { between, because }
    }

    fn consider<'p>(&'p self, rule: &'p Rule, call: &Call<'_>, fuel: &mut Fuel) -> Considered<'p> {
        let environment = self.environment();
        let mut watched = None;
        let matches = rule.matches(call, environment, |condition, facts| {
            let (truth, steps) = condition.watch(facts, fuel);
            watched = Some((truth.clone(), steps));
            truth
        });
        let demands = rule.demands(call.principal, environment);
        let scopes = rule.demanded_scopes(call.principal);
        let mut parts: Vec<_> = demands
            .iter()
            .chain([&scopes])
            .filter_map(Part::new)
            .collect();
        if let Some(condition) = &rule.when {
            // Where something else is missing, the condition had no say; people ask all the same.
            let (truth, steps) = watched.unwrap_or_else(|| {
                condition.watch(&facts(call, environment), &mut Fuel::default())
            });
            let (found, holds) = match truth {
                Ok(truth @ Truth::True) => ("true".to_owned(), truth),
                Ok(truth @ Truth::False) => ("false".to_owned(), truth),
                Ok(truth @ Truth::Unknown) => ("not known".to_owned(), truth),
                Err(fault) => (format!("fails: {fault}"), Truth::False),
            };
            parts.push(Part {
                field: "when",
                wanted: condition.source().to_owned(),
                found,
                holds,
                steps,
            });
        }
        let outcome = match matches {
            Ok(Match::Yes) => Outcome::Applies,
            Ok(Match::Possible) => Outcome::Undecided,
            Ok(Match::No | Match::Unscoped) => Outcome::DoesNot,
            Err(fault) => Outcome::Failed(fault),
        };
        Considered {
            rule,
            outcome,
            parts,
        }
    }
}

impl Considered<'_> {
    /// What it asks for and is not there.
    pub fn lacks(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.holds != Truth::True)
    }
}

impl Part {
    /// `None` where nothing is asked for.
    fn new(demand: &Demand<'_>) -> Option<Self> {
        let list = |names: &mut dyn Iterator<Item = &String>| {
            names.map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let wanted = match demand.wanted {
            Wanted::Anything | Wanted::AllOf([]) => return None,
            Wanted::Known => "known".to_owned(),
            Wanted::OneOf(names) if names.len() > 1 => {
                format!("one of {}", list(&mut names.iter()))
            }
            Wanted::OneOf(names) => list(&mut names.iter()),
            Wanted::AllOf(names) => list(&mut names.iter()),
        };
        let found = match demand.found {
            Found::One(Some(name)) => name.to_owned(),
            Found::Many(names) if !names.is_empty() => list(&mut names.iter()),
            Found::One(None) | Found::Many(_) => "none".to_owned(),
        };
        Some(Self {
            field: demand.field,
            wanted,
            found,
            holds: truth(demand.holds()),
            steps: Vec::new(),
        })
    }
}

const fn truth(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}
