//! What is kept of a breaker, and how it is written.

use super::{Change, Phase};
use crate::cx::Timestamp;

/// A breaker at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Failures are counted.
    Closed(Count),
    /// Nothing passes.
    Open {
        /// Since when.
        since: i64,
    },
    /// Probes pass.
    HalfOpen {
        /// When it opened: probes of another time do not count.
        episode: i64,
        /// How many probes succeeded.
        passed: u64,
        /// When nobody waits any more for those that are under way.
        probes: Vec<i64>,
    },
}

/// What happened in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    end: i64,
    pub(super) calls: u64,
    pub(super) failures: u64,
}

impl State {
    /// What the store has, as it is to be seen now. Bytes that are no state are none: nobody else
    /// writes under such a name.
    ///
    /// Where the clock went back, nobody waits for longer than `open`, from now on.
    pub(super) fn read(bytes: &[u8], open: i64, now: Timestamp) -> Self {
        let latest = now.0.saturating_add(open);
        let (words, _) = bytes.as_chunks();
        let mut words = words.iter().map(|word| i64::from_le_bytes(*word));
        let mut word = || words.next().unwrap_or_default();
        match word() {
            OPEN => Self::Open {
                since: word().min(now.0),
            },
            HALF_OPEN => Self::HalfOpen {
                episode: word(),
                passed: word().cast_unsigned(),
                probes: words
                    .filter(|expires| *expires > now.0)
                    .map(|expires| expires.min(latest))
                    .collect(),
            },
            _ => Self::Closed(Count {
                end: word(),
                calls: word().cast_unsigned(),
                failures: word().cast_unsigned(),
            }),
        }
    }

    /// The value to store.
    pub(super) fn write(&self) -> Vec<u8> {
        let words = match self {
            Self::Closed(count) if *count == Count::default() => Vec::new(),
            Self::Closed(count) => vec![
                CLOSED,
                count.end,
                count.calls.cast_signed(),
                count.failures.cast_signed(),
            ],
            Self::Open { since } => vec![OPEN, *since],
            Self::HalfOpen {
                episode,
                passed,
                probes,
            } => {
                let mut words = vec![HALF_OPEN, *episode, passed.cast_signed()];
                words.extend(probes);
                words
            }
        };
        words.into_iter().flat_map(i64::to_le_bytes).collect()
    }

    /// Goes over to another state.
    pub(super) fn turn(&mut self, next: Self) -> Change {
        let was = self.phase();
        *self = next;
        Change {
            was,
            now: self.phase(),
        }
    }

    const fn phase(&self) -> Phase {
        match self {
            Self::Closed(_) => Phase::Closed,
            Self::Open { .. } => Phase::Open,
            Self::HalfOpen { .. } => Phase::HalfOpen,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(Count::default())
    }
}

impl Count {
    /// Counts a call in the window that is now. Where the clock went back, time stands still until it
    /// is there again; but not for longer than a window.
    pub(super) fn add(&mut self, failed: bool, within: i64, now: Timestamp) {
        let begin = now.0.saturating_sub(now.0.rem_euclid(within));
        let end = begin.saturating_add(within);
        let ahead = self.end.saturating_sub(end);
        if ahead < 0 || ahead > within {
            *self = Self {
                end,
                ..Self::default()
            };
        }
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(u64::from(failed));
    }
}

const CLOSED: i64 = 0;
const OPEN: i64 = 1;
const HALF_OPEN: i64 = 2;
