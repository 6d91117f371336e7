//! A call to what fails too often to be called.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::limited::seconds;
use crate::breaker::{Breaker, Shut};

/// A call to what fails too often to be called.
#[derive(Debug)]
pub struct Broken {
    /// What keeps it away.
    pub breaker: Arc<Breaker>,
    /// For how long.
    pub shut: Shut,
}

impl Broken {
    /// In how many milliseconds it is worth trying again.
    #[must_use]
    pub const fn retry_after_ms(&self) -> u64 {
        let Shut { wait } = self.shut;
        wait.unsigned_abs().div_ceil(1_000_000)
    }

    /// Adds the machine-readable side.
    pub(super) fn facts(&self, facts: &mut Map<String, Value>) {
        let mut add = |name: &str, fact: Value| facts.insert(name.to_owned(), fact);
        add("breaker", json!(self.breaker.name));
        add("retryAfterMs", json!(self.retry_after_ms()));
    }

    /// What a model or a person reads.
    pub(super) fn text(&self) -> String {
        let (name, when) = (&self.breaker.name, seconds(self.retry_after_ms()));
        format!(
            "Not executed: `{name}` has failed too often just now, and calls are kept away from it so \
             that it can recover. The call itself is in order. Do not repeat it before {when} have \
             passed: do something else meanwhile, or tell the user."
        )
    }
}
