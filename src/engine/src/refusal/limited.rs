//! A call that a limit has no room for.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::limit::{Full, Limit};

/// A call that a limit has no room for.
#[derive(Debug)]
pub struct Limited {
    /// The limit.
    pub limit: Arc<Limit>,
    /// Why it has none.
    pub full: Full,
}

impl Limited {
    /// The reason code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.full {
            Full::Bound { .. } if self.limit.ends_loops() => "loop_detected",
            Full::Bound { .. } => "limit_reached",
            Full::Contended | Full::Crowded { .. } => "limiter_busy",
            Full::Unanswered => "limiter_unreachable",
        }
    }

    /// In how many milliseconds it is worth trying again; `None`: never.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        let nanoseconds = match self.full {
            Full::Bound { wait, .. } if self.limit.is_concurrent() => wait.or(Some(SECOND)),
            Full::Bound { wait, .. } => wait,
            Full::Contended | Full::Unanswered => Some(SECOND),
            Full::Crowded { wait } => Some(wait),
        };
        nanoseconds.map(|wait| wait.max(0).unsigned_abs().div_ceil(1_000_000))
    }

    /// Adds the machine-readable side.
    pub(super) fn facts(&self, facts: &mut Map<String, Value>) {
        let mut add = |name: &str, fact: Value| facts.insert(name.to_owned(), fact);
        add("limit", json!(self.limit.name));
        if let Full::Bound { left, .. } = self.full {
            add("left", json!(left));
        }
        if let Some(wait) = self.retry_after_ms() {
            add("retryAfterMs", json!(wait));
        }
    }

    /// What a model or a person reads.
    pub(super) fn text(&self) -> String {
        let limit = &self.limit;
        let when = match self.retry_after_ms() {
            Some(ms) => format!("Try again in {}.", seconds(ms)),
            None => "This call alone is more than that: make it smaller.".to_owned(),
        };
        match self.full {
            Full::Bound { .. } if limit.ends_loops() => format!(
                "Denied: you are in a loop. You have made this very call, with the same arguments, as \
                 often as is allowed ({limit}), and it will not have another result.\nUse the results \
                 that you have, do something else, or ask the user."
            ),
            Full::Bound { left, .. } => {
                let left = match left {
                    0 => String::new(),
                    left => format!(", {left} left"),
                };
                format!("Denied: the limit is reached ({limit}{left}). {when}")
            }
            Full::Contended | Full::Crowded { .. } => {
                format!("Denied: too much is going on to count this call ({limit}). {when}")
            }
            Full::Unanswered => format!(
                "Denied: the service that counts this call does not answer ({limit}). {when}"
            ),
        }
    }
}

/// A time in words, rounded up to what is worth saying.
pub(super) fn seconds(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms.div_ceil(1_000)),
        120_000..7_200_000 => format!("{} minutes", ms.div_ceil(60_000)),
        _ => format!("{} hours", ms.div_ceil(3_600_000)),
    }
}

/// When to try again where nobody knows, in nanoseconds.
const SECOND: i64 = 1_000_000_000;
