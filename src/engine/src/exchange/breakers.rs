//! Breakers of a call: whether they let it pass, and what they learn from how it ended.
//!
//! That of the tool and that of its server come before all that a call takes. What is refused, or
//! has not come as far as its server, says nothing about either.

use std::sync::Arc;

use crate::{
    breaker::{Breaker, Failure, Health, Pass},
    cx::Cx,
    record::{End, Outcome},
    refusal::{Broken, Refusal},
};

use super::Exchange;

/// A breaker that a call has passed.
#[derive(Debug)]
pub(super) struct Passed {
    breaker: Arc<Breaker>,
    pass: Pass,
}

impl Exchange {
    /// Lets a call pass, or not.
    pub(super) fn pass(&mut self, breakers: Vec<Arc<Breaker>>, cx: &Cx<'_>) -> Result<(), Refusal> {
        for breaker in breakers {
            match breaker.admit(cx) {
                Ok((pass, change)) => {
                    self.record.turned(&breaker, change);
                    self.passed.push(Passed { breaker, pass });
                }
                Err(shut) => return Err(Refusal::Broken(Box::new(Broken { breaker, shut }))),
            }
        }
        Ok(())
    }

    /// Whether the breakers would let a call pass.
    pub(super) fn would_pass(breakers: &[Arc<Breaker>], cx: &Cx<'_>) -> Result<(), Refusal> {
        for breaker in breakers {
            if let Err(shut) = breaker.look(cx) {
                let breaker = Arc::clone(breaker);
                return Err(Refusal::Broken(Box::new(Broken { breaker, shut })));
            }
        }
        Ok(())
    }

    /// Tells the breakers how the call ended.
    pub(super) fn report(&mut self, end: &End, cx: &Cx<'_>) {
        let passed = std::mem::take(&mut self.passed);
        let ended = self.ended(end, cx);
        for Passed { breaker, pass } in passed {
            let health = match ended {
                Some((failure, took)) if breaker.is_failure(failure, took) => Health::Bad,
                Some(_) if self.told.outcome.is_some() => Health::Good,
                // Nobody waited for the answer, or it cannot be read.
                Some(_) | None => Health::Unknown,
            };
            let change = breaker.settle(pass, health, cx);
            self.record.turned(&breaker, change);
        }
    }

    /// How a call that went on has failed, if it has, and after how many nanoseconds; `None`: it never
    /// came to its server.
    fn ended(&self, end: &End, cx: &Cx<'_>) -> Option<(Option<Failure>, i64)> {
        let since = self.forwarded?;
        let details = end.details.as_deref().unwrap_or_default();
        let chosen = end.attempts.is_none_or(|attempts| attempts.count > 0);
        if !chosen || details.contains(OVERFLOW) {
            return None;
        }
        let failure = match self.told.outcome {
            Some(Outcome::ToolError) => Some(Failure::ToolError),
            Some(Outcome::ProtocolError) if self.told.callers_fault => None,
            Some(Outcome::ProtocolError) => Some(Failure::ProtocolError),
            Some(Outcome::TransportError) => Some(Failure::TransportError),
            Some(
                Outcome::Ok
                | Outcome::Withheld
                | Outcome::Denied
                | Outcome::DryRun
                | Outcome::ClientAbort
                | Outcome::Rejected,
            )
            | None => None,
        };
        let until = self.told.at.unwrap_or(cx.now);
        Some((failure, until.0.saturating_sub(since.0)))
    }
}

/// How Envoy says that so much is under way already that it did not even try.
const OVERFLOW: &str = "{overflow";

#[cfg(test)]
mod tests;
