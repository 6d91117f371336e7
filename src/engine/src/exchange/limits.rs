//! What a call takes of its limits, and what it gives back or is charged at its end.
//!
//! A call takes before anybody is asked for an approval. It gives back what it did not come to use:
//! its place among concurrent calls always, the rest if it never reached its server. What its answer
//! counts for is charged when it ends, so that only a limit that is used up already stops a call.

use std::sync::Arc;

use crate::{
    call::Principal,
    config::Scope,
    cx::Cx,
    limit::{Bound, Dimension, Full, Key, Ledger, Limit, Measure, Taken},
    policy::Permit,
    record::{Attempts, End},
    refusal::{Limited, Refusal},
    registry::Entry,
};

use super::{Exchange, Passage, global};

/// What one call counts for in one limit.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) limit: Arc<Limit>,
    pub(super) key: Key,
    /// How much of it; nothing where only the answer counts.
    pub(super) amount: u64,
    /// The values of its key, in words, for whoever counts for all Envoys.
    pub(super) values: String,
}

/// What one call has taken, and is to be charged for.
#[derive(Debug, Default)]
pub(super) struct Held {
    taken: Vec<(Use, Taken)>,
    /// Limits of what its answer counts for.
    owing: Vec<Use>,
}

/// Whose call it is, and of what: where the values of dimensions come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) principal: &'a Principal,
    pub(super) entry: &'a Entry,
    pub(super) environment: Option<&'a str>,
    pub(super) session: Option<&'a str>,
    /// What is called, as the client named it.
    pub(super) name: &'a str,
    /// The digest of its arguments.
    pub(super) arguments: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// The values that tell one counter of a limit from another; what is not known is one value.
    pub(super) fn values(&self, dimension: Dimension) -> [Option<&'a str>; 3] {
        let who = self.principal;
        let one = |value| [value, None, None];
        let kind = Some(self.entry.kind.as_str());
        match dimension {
            Dimension::User => one(who.user.as_deref()),
            Dimension::Agent => one(who.agent.as_deref()),
            Dimension::App => one(who.app.as_deref()),
            Dimension::Tenant => one(who.tenant.as_deref()),
            Dimension::Tool => [kind, Some(&self.entry.name), None],
            Dimension::Server => one(Some(&self.entry.server)),
            Dimension::Environment => one(self.environment),
            Dimension::Session => one(self.session),
            Dimension::Call => [kind, Some(self.name), self.arguments],
        }
    }

    /// What a call of it counts for, that costs so many units.
    pub(super) fn uses(&self, permit: &Permit, cost: u64) -> Vec<Use> {
        let limits = permit.limits().iter();
        let use_of = |limit: &Arc<Limit>| Use {
            key: limit.key(|dimension| self.values(dimension)),
            amount: match limit.of {
                Measure::Requests => 1,
                Measure::Cost => cost,
                Measure::ResultBytes | Measure::Tokens => 0,
            },
            values: match limit.scope {
                Scope::Global => global::values(self, &limit.by),
                Scope::Local => String::new(),
            },
            limit: Arc::clone(limit),
        };
        limits.map(use_of).collect()
    }
}

impl Exchange {
    /// Takes all that a call counts for here, or nothing.
    pub(super) fn take(&mut self, passage: &mut Passage, cx: &Cx<'_>) -> Result<(), Refusal> {
        self.pass(std::mem::take(&mut passage.breakers), cx)?;
        let ledger = Ledger::new(cx.store, cx.owner);
        let mut held = Held::default();
        let mut global = Vec::new();
        for wanted in std::mem::take(&mut passage.uses) {
            if wanted.limit.scope == Scope::Global {
                global.push(wanted);
                continue;
            }
            match wanted.take(&ledger, cx) {
                Ok((left, taken)) => {
                    self.record.touched(&wanted.limit, Some(left));
                    match taken {
                        Some(taken) => held.taken.push((wanted, taken)),
                        None => held.owing.push(wanted),
                    }
                }
                Err(full) => {
                    held.give_back(&ledger, cx, |_| true);
                    return Err(self.full(&wanted, full));
                }
            }
        }
        self.held = held;
        self.ask_service(global, cx)
    }

    /// Looks whether all that a call counts for here could be taken.
    pub(super) fn look(&mut self, passage: &Passage, cx: &Cx<'_>) -> Result<(), Refusal> {
        Self::would_pass(&passage.breakers, cx)?;
        let ledger = Ledger::new(cx.store, cx.owner);
        let local = |it: &&Use| it.limit.scope == Scope::Local;
        for wanted in passage.uses.iter().filter(local) {
            match ledger.look(
                wanted.key,
                &wanted.limit.bound,
                wanted.amount.max(1),
                cx.now,
            ) {
                Ok(left) => self.record.touched(&wanted.limit, Some(left)),
                Err(full) => return Err(self.full(wanted, full)),
            }
        }
        Ok(())
    }

    /// Gives back what was not used, and charges what was; tells whether it came to its server.
    pub(super) fn settle(&mut self, end: &End, cx: &Cx<'_>) -> bool {
        let held = std::mem::take(&mut self.held);
        let ledger = Ledger::new(cx.store, cx.owner);
        let reached = self.forwarded.is_some() && reached(end);
        held.give_back(&ledger, cx, |limit| {
            !reached || matches!(limit.bound, Bound::Concurrent { .. })
        });
        if !reached {
            self.record.cost_units = None;
            return false;
        }
        for owed in &held.owing {
            let amount = self.answer_counts(owed.limit.of);
            if amount > 0 {
                ledger.charge(owed.key, &owed.limit.bound, amount, cx.now);
            }
        }
        true
    }

    /// What its answer counts for.
    pub(super) fn answer_counts(&self, of: Measure) -> u64 {
        let counts = match of {
            Measure::Tokens => self.record.estimated_tokens,
            Measure::ResultBytes => self.record.result_bytes,
            Measure::Requests | Measure::Cost => None,
        };
        counts.unwrap_or_default()
    }

    fn full(&mut self, wanted: &Use, full: Full) -> Refusal {
        if let Full::Bound { left, .. } = full {
            self.record.touched(&wanted.limit, Some(left));
        }
        Refusal::Limited(Box::new(Limited {
            limit: Arc::clone(&wanted.limit),
            full,
        }))
    }
}

impl Use {
    /// What is left, and what was taken, where something is taken at all.
    fn take(&self, ledger: &Ledger<'_>, cx: &Cx<'_>) -> Result<(u64, Option<Taken>), Full> {
        let bound = &self.limit.bound;
        match self.limit.of {
            Measure::Requests | Measure::Cost => {
                let taken = ledger.take(self.key, bound, self.amount, cx.now)?;
                Ok((taken.left, Some(taken)))
            }
            Measure::ResultBytes | Measure::Tokens => {
                Ok((ledger.look(self.key, bound, 1, cx.now)?, None))
            }
        }
    }
}

impl Held {
    fn give_back(&self, ledger: &Ledger<'_>, cx: &Cx<'_>, which: impl Fn(&Limit) -> bool) {
        for (it, taken) in &self.taken {
            if which(&it.limit) {
                ledger.give_back(it.key, &it.limit.bound, *taken, cx.now);
            }
        }
    }
}

/// Whether a request that was forwarded came as far as its server, as far as Envoy says: in doubt it
/// did. What another filter answers, and what finds no connection, did not.
pub(super) fn reached(end: &End) -> bool {
    let Some(Attempts { count, connected }) = end.attempts else {
        return true;
    };
    let details = end.details.as_deref().unwrap_or_default();
    match count {
        0 => false,
        1 => connected && !UNSENT.iter().any(|part| details.contains(part)),
        // Of what became of earlier attempts Envoy says nothing.
        2.. => true,
    }
}

/// How Envoy says that a connection failed, or that there may not be one more, or that a filter on
/// the way to the server answered (Envoy documentation, "Response Code Details").
const UNSENT: [&str; 4] = [
    "_connection_failure",
    "{connection_timeout",
    "{overflow",
    "failed_to_inject_credential",
];

#[cfg(test)]
mod tests;
