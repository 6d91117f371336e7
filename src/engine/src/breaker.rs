//! When to keep away from what fails, for how long, and how to find out that it is well again.
//!
//! ```text
//!          too many failures            `open` is over
//!  Closed ──────────────────► Open ◄──────────────────► HalfOpen
//!    ▲                              a probe fails          │
//!    └─────────────────────────────────────────────────────┘
//!                        enough probes succeed
//! ```
//! The state lies in memory that all workers of one Envoy share: one value for each breaker, whose
//! name comes from the configuration. It survives a configuration, also one with other numbers.
//!
//! What this module does not do: know what is called, or see how it ended.

mod state;

use serde::{Deserialize, Serialize};

use crate::cx::{Cx, Timestamp};
use state::{Count, State};

/// What keeps calls away from something that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// What it is about: `tool:refund_customer`, `server:payments`. Breakers of one name are one.
    pub name: String,
    /// How many failures in a window open it.
    pub failures: u64,
    /// How long a window is, in nanoseconds; windows begin with the clock's, in UTC.
    pub within: i64,
    /// Which part of all calls of the window has to have failed as well.
    pub ratio: Option<f64>,
    /// For how long nothing passes, in nanoseconds.
    pub open: i64,
    /// How many calls at once may then find out whether it is well, and how many have to succeed.
    pub probes: usize,
    /// Which failures count.
    pub on: Vec<Failure>,
    /// An answer that takes longer counts as a failure, in nanoseconds.
    pub slow: Option<i64>,
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The server answers with a JSON-RPC error that is not the caller's own fault.
    ProtocolError,
    /// The tool answers that it failed: `isError`.
    ToolError,
    /// There is no answer, not all of it, or an HTTP 5xx.
    TransportError,
}

/// How a call ended, as far as its breaker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    Good,
    /// With a failure that counts.
    Bad,
    /// Nobody knows: it did not go on, or the client went away.
    Unknown,
}

/// What a breaker lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// Probes.
    HalfOpen,
}

/// A breaker lets pass something else than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub was: Phase,
    /// From now on.
    pub now: Phase,
}

/// With what a call passes; to be settled when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pass {
    probe: Option<Probe>,
}

/// A place among those that find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    /// The time of being half-open that it belongs to.
    episode: i64,
    /// When nobody waits for it any more.
    expires: i64,
}

/// Nothing passes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut {
    /// In how many nanoseconds it is worth another try.
    pub wait: i64,
}

impl Breaker {
    /// Lets a call pass, or not.
    ///
    /// # Errors
    /// [`Shut`]: the call must not go on.
    pub fn admit(&self, cx: &Cx<'_>) -> Result<(Pass, Option<Change>), Shut> {
        // Where everybody wants to probe at once, others do.
        let contended = Err(Shut { wait: SOON });
        let entered = self.change(cx, |state| self.enter(state, cx.now));
        entered.unwrap_or(contended)
    }

    /// Whether a call would pass now.
    ///
    /// # Errors
    /// [`Shut`]: it would not.
    pub fn look(&self, cx: &Cx<'_>) -> Result<(), Shut> {
        let (bytes, _) = cx.store.load(&self.key());
        let mut state = State::read(&bytes.unwrap_or_default(), self.open, cx.now);
        self.enter(&mut state, cx.now).map(drop)
    }

    /// Takes into account how a call ended that passed.
    pub fn settle(&self, pass: Pass, health: Health, cx: &Cx<'_>) -> Option<Change> {
        let now = cx.now;
        let says_nothing = match health {
            Health::Good => self.ratio.is_none(),
            Health::Bad => false,
            Health::Unknown => true,
        };
        if pass.probe.is_none() && says_nothing {
            return None;
        }
        let settle = |state: &mut State| match (&mut *state, pass.probe) {
            (State::Closed(_), _) if says_nothing => None,
            (State::Closed(count), _) => {
                let failed = health == Health::Bad;
                count.add(failed, self.within, now);
                let open = failed && self.is_too_much(*count);
                open.then(|| state.turn(State::Open { since: now.0 }))
            }
            (
                State::HalfOpen {
                    episode,
                    passed,
                    probes,
                },
                Some(probe),
            ) if *episode == probe.episode => {
                // One that was given up is heard all the same: else what always takes long could
                // never recover.
                if let Some(place) = probes.iter().position(|it| *it == probe.expires) {
                    probes.swap_remove(place);
                }
                match health {
                    Health::Unknown => None,
                    Health::Bad => Some(state.turn(State::Open { since: now.0 })),
                    Health::Good => {
                        *passed = passed.saturating_add(1);
                        let well = *passed >= self.probes as u64;
                        well.then(|| state.turn(State::default()))
                    }
                }
            }
            // What began at another time says nothing about this one.
            (State::Open { .. } | State::HalfOpen { .. }, _) => None,
        };
        self.change(cx, settle).flatten()
    }

    /// Whether a call that ended like this, after so many nanoseconds, counts as failed.
    #[must_use]
    pub fn is_failure(&self, failure: Option<Failure>, took: i64) -> bool {
        failure.is_some_and(|failure| self.on.contains(&failure))
            || self.slow.is_some_and(|slow| took > slow)
    }

    fn enter(&self, state: &mut State, now: Timestamp) -> Result<(Pass, Option<Change>), Shut> {
        let expires = now.0.saturating_add(self.open);
        let (episode, change) = match state {
            State::Closed(_) => return Ok((Pass { probe: None }, None)),
            State::Open { since } => {
                let wait = since.saturating_add(self.open).saturating_sub(now.0);
                if wait > 0 {
                    return Err(Shut { wait });
                }
                let episode = *since;
                let change = state.turn(State::HalfOpen {
                    episode,
                    passed: 0,
                    probes: vec![expires],
                });
                (episode, Some(change))
            }
            State::HalfOpen {
                episode, probes, ..
            } => {
                if probes.len() >= self.probes {
                    let first = probes.iter().min().copied().unwrap_or(expires);
                    let wait = first.saturating_sub(now.0).min(SOON);
                    return Err(Shut { wait });
                }
                probes.push(expires);
                (*episode, None)
            }
        };
        let probe = Some(Probe { episode, expires });
        Ok((Pass { probe }, change))
    }

    fn is_too_much(&self, count: Count) -> bool {
        let part = self.ratio.unwrap_or_default() * count.calls as f64;
        count.failures >= self.failures && count.failures as f64 >= part
    }

    fn key(&self) -> String {
        format!("toolgate.breaker.1.{}", self.name)
    }

    /// Changes the state. `None`: others were quicker, again and again.
    fn change<T>(&self, cx: &Cx<'_>, change: impl Fn(&mut State) -> T) -> Option<T> {
        cx.store.change(&self.key(), |bytes| {
            let mut state = State::read(bytes, self.open, cx.now);
            (change(&mut state), state.write())
        })
    }
}

impl Phase {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// When a probe is under way, it will soon be known how it ended.
const SOON: i64 = 1_000_000_000;

#[cfg(test)]
mod tests;
