//! What was seen of the answers to one request.

use std::collections::BTreeMap;

use crate::{
    cx::Timestamp,
    inject,
    json::Node,
    record::{Contract, Cut, Drifts, Injection, Listed, Outcome, Record},
    redact::Counts,
    refusal::{Refusal, UpstreamFault},
    rpc,
    sse::Fate,
};

use super::Size;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Told {
    /// What came of the request; `None`: that is not known.
    pub outcome: Option<Outcome>,
    /// It failed by what was asked: others may well succeed.
    pub callers_fault: bool,
    /// How large the answer is, as the client gets it.
    pub size: Size,
    /// When the outcome was known.
    pub at: Option<Timestamp>,
    /// The HTTP status.
    pub(super) status: u16,
    /// Nobody waits any more.
    pub(super) answered: bool,
    /// What the lists showed and hid.
    pub(super) listed: Listed,
    /// What was announced otherwise than it was reviewed.
    pub(super) drifts: Drifts,
    /// How the result broke its contract.
    pub(super) contract: Option<Contract>,
    /// What was left out of it to keep its bounds.
    pub(super) cut: Cut,
    /// Why an error stands for the answer: as a code, and in words.
    pub(super) refusal: Option<(&'static str, Option<String>)>,
    /// What wanted to steer models.
    pub(super) injections: inject::Counts,
    /// How many values were taken out, by kind.
    redactions: Counts,
    /// Why messages did not pass, and how many.
    dropped: BTreeMap<&'static str, u64>,
}

impl Told {
    /// The status of the answer.
    pub fn status(&mut self, status: u16, now: Timestamp) {
        self.status = status;
        self.callers_fault = is_callers_status(status);
        match status {
            500.. => self.known(now, Outcome::TransportError),
            400.. => self.known(now, Outcome::ProtocolError),
            _ => {}
        }
    }

    /// The status of an answer in plain HTTP: below 500 it is what the tool says.
    pub fn plain_status(&mut self, status: u16, now: Timestamp) {
        match status {
            500.. => self.status(status, now),
            _ => self.callers_fault = is_callers_status(status),
        }
    }

    /// The answer may come by another stream.
    pub const fn postpone(&mut self) {
        self.answered = true;
    }

    /// No more comes, because the client has `gone` or for another reason.
    pub fn close(&mut self, gone: bool, now: Timestamp) {
        if !self.answered && !gone {
            self.known(now, Outcome::TransportError);
        }
    }

    /// Writes down what else there is to tell.
    pub fn record(&self, record: &mut Record) {
        if self.listed != Listed::default() {
            record.listed = Some(self.listed);
        }
        if let Some((reason, message)) = &self.refusal {
            record.reason = reason;
            record.message.clone_from(message);
        }
        record.drift.clone_from(&self.drifts);
        record.contract.clone_from(&self.contract);
        record.cut = (self.cut != Cut::default()).then_some(self.cut);
        let injections = self.injections.iter();
        record.injections = injections
            .map(|(&(rule, action), &count)| Injection {
                rule,
                action,
                count,
            })
            .collect();
        record.dropped.clone_from(&self.dropped);
        record.redacted(self.redactions.clone());
    }

    /// The answer, as the client gets it.
    pub(super) fn answer(&mut self, root: Node<'_>, now: Timestamp) {
        self.answered = true;
        let (error, result) = (root.get("error"), root.get("result"));
        self.size = error.or(result).map(Size::of).unwrap_or_default();
        let code = error.and_then(|error| error.get("code")?.i64());
        self.callers_fault |= code.is_some_and(is_callers_code);
        let failed = || {
            // The result of a task is that of its tool.
            let said = result.and_then(|it| it.get("result")).or(result);
            said.and_then(|it| it.get("isError")?.bool()) == Some(true)
        };
        self.known(
            now,
            match error {
                Some(_) => Outcome::ProtocolError,
                None if failed() => Outcome::ToolError,
                None => Outcome::Ok,
            },
        );
    }

    /// An error stands for the answer.
    pub fn refused(&mut self, refusal: &Refusal, now: Timestamp) {
        self.answered = true;
        self.known(
            now,
            match refusal {
                Refusal::Upstream(UpstreamFault::Silent | UpstreamFault::Unreachable) => {
                    Outcome::TransportError
                }
                Refusal::Result(fault) if fault.withholds() => Outcome::Withheld,
                _ => Outcome::ProtocolError,
            },
        );
        self.withhold(refusal);
    }

    /// An error stands for a result that is part of a message.
    pub(super) fn withhold(&mut self, refusal: &Refusal) {
        self.refusal
            .get_or_insert_with(|| (refusal.reason(), refusal.message()));
    }

    /// Values were taken out.
    pub(super) fn redacted(&mut self, counts: Counts) {
        for (kind, count) in counts {
            *self.redactions.entry(kind).or_default() += count;
        }
    }

    /// A message does not pass.
    pub fn drop(&mut self, why: &'static str) -> Fate {
        *self.dropped.entry(why).or_default() += 1;
        Fate::Drop
    }

    /// What the status says counts for more than what the body says.
    fn known(&mut self, now: Timestamp, outcome: Outcome) {
        if self.outcome.is_none() {
            (self.outcome, self.at) = (Some(outcome), Some(now));
        }
    }
}

/// Whether an HTTP status blames the request. The others of 400 and above are about Toolgate's own
/// credentials (401, 407) or the server's state (408, 429).
const fn is_callers_status(status: u16) -> bool {
    matches!(status, 400..500) && !matches!(status, 401 | 407 | 408 | 429)
}

/// Whether the code of a JSON-RPC error blames the request, or wants something of the caller.
const fn is_callers_code(code: i64) -> bool {
    matches!(
        code,
        // Not readable, no request, an unknown method, invalid parameters (JSON-RPC 2.0, section 5.1).
        -32_700 | -32_602..=-32_600
        // An unknown resource; a page to be visited first (MCP 2025-11-25).
        | -32_002 | rpc::URL_REQUIRED
        // Wrong headers, a capability that is missing, an unknown version (MCP 2026-07-28).
        | -32_022..=-32_020
    )
}

#[cfg(test)]
mod tests;
