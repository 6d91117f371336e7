//! Limits of all Envoys: what the rate-limit service is asked about a call, and what it says.
//!
//! Envoy asks, by its own `ratelimit` filter after this one: a descriptor for each limit, made from
//! the filter state that is named here. It has the limit's name, and the values and the period that
//! tell one counter from another. So periods are the clock's, in UTC, whatever the service's are.

use std::sync::Arc;

use super::{
    Exchange,
    limits::{Subject, Use},
};
use crate::{
    cx::{Cx, Timestamp},
    digest::sha256,
    http::{HeaderEdit, Headers},
    limit::{Bound, Dimension, Full, Limit, Period},
    record::Service,
    refusal::{Limited, Refusal},
};

/// The filter state from which Envoy makes one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(usize);

impl Asked {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Limit::MOST_GLOBAL).map(Self)
    }

    /// Where the limit's name is.
    #[must_use]
    pub fn limit(self) -> String {
        self.name("limit")
    }

    /// Where the values are that have a count of their own.
    #[must_use]
    pub fn key(self) -> String {
        self.name("key")
    }

    /// Where the number is for which the call counts.
    #[must_use]
    pub fn hits(self) -> String {
        self.name("hits")
    }

    /// Where the number is for which its answer counts, once that has passed.
    #[must_use]
    pub fn owed(self) -> String {
        self.name("owed")
    }

    fn name(self, what: &str) -> String {
        format!("toolgate_{what}_{}", self.0)
    }
}

impl Exchange {
    /// Has the service asked about these uses when the call goes on.
    pub(super) fn ask_service(&mut self, uses: Vec<Use>, cx: &Cx<'_>) -> Result<(), Refusal> {
        let (Some(service), Some(first)) = (self.policy.rate_limit_service(), uses.first()) else {
            return Ok(());
        };
        self.record.rate_limit_service = Some(Service {
            answer: "none",
            failure_mode: service.failure_mode,
        });
        if uses.len() > Limit::MOST_GLOBAL {
            return Err(unanswered(&first.limit));
        }
        self.asked = uses;
        self.asked_at = cx.now;
        for of in &self.asked {
            self.record.touched(&of.limit, None);
        }
        Ok(())
    }

    /// What the service is asked, as filter state.
    pub(super) fn question_to_service(&self) -> Vec<(String, String)> {
        let asked = Asked::all().zip(&self.asked);
        let state = asked.flat_map(|(asked, of)| {
            [
                (asked.limit(), self.policy.counted_as(&of.limit)),
                (asked.key(), key(of, self.asked_at)),
                (asked.hits(), of.amount.min(MOST_HITS).to_string()),
            ]
        });
        state.collect()
    }

    /// Takes in what the service says, as far as the head of an answer tells; gives what undoes that
    /// Envoy added it there.
    pub(super) fn answer_of_service(
        &mut self,
        headers: &Headers,
        details: Option<&str>,
        cx: &Cx<'_>,
    ) -> Result<Vec<HeaderEdit>, Refusal> {
        let Some(first) = self.asked.first() else {
            return Ok(Vec::new());
        };
        let said = Said::read(headers);
        let limit = Arc::clone(self.meant(said).unwrap_or(&first.limit));
        let (answer, left) = match (details, said) {
            (Some(FAILED), _) => {
                self.forwarded = None;
                return Err(unanswered(&limit));
            }
            (Some(LIMITED), said) => ("limited", said.map_or(0, |said| said.left)),
            (_, Some(said)) => ("admitted", said.left),
            (_, None) => return Ok(Vec::new()),
        };
        self.record.touched(&limit, Some(left));
        if let Some(service) = &mut self.record.rate_limit_service {
            service.answer = answer;
        }
        if answer == "limited" {
            self.forwarded = None;
            let wait = period(&limit).map(|period| period.end(cx.now).0.saturating_sub(cx.now.0));
            let full = Full::Bound { left, wait };
            return Err(Refusal::Limited(Box::new(Limited { limit, full })));
        }
        Ok(HEADERS.map(|name| without_last(headers, name)).into())
    }

    /// Which limit is meant: one of that size, where several are the shortest.
    fn meant(&self, said: Option<Said>) -> Option<&Arc<Limit>> {
        let limits = self.asked.iter().map(|of| &of.limit);
        let meant = limits.filter(|limit| match (limit.bound, said) {
            (Bound::Window { amount, .. }, Some(said)) => amount == said.bound,
            (Bound::Window { .. } | Bound::Bucket { .. } | Bound::Concurrent { .. }, _) => {
                said.is_none()
            }
        });
        meant.min_by_key(|limit| period(limit))
    }

    /// What the answer counts for, as filter state: Envoy tells the service when the stream is gone.
    pub(super) fn owed(&self, reached: bool, now: Timestamp) -> Vec<(String, String)> {
        let asked = Asked::all().zip(&self.asked).filter(|_| reached);
        let state = asked.flat_map(|(asked, of)| match self.answer_counts(of.limit.of) {
            0 => Vec::new(),
            owed => vec![
                (asked.key(), key(of, now)),
                (asked.owed(), owed.min(MOST_HITS).to_string()),
            ],
        });
        state.collect()
    }
}

/// What the headers tell that Envoy adds where the service was asked
/// (draft-polli-ratelimit-headers-03).
#[derive(Clone, Copy)]
struct Said {
    /// The size of the limit of which the least is left.
    bound: u64,
    /// How much of it is.
    left: u64,
}

impl Said {
    /// A server may have headers of that name itself; Envoy's come last, as `3, 3;w=60`.
    fn read(headers: &Headers) -> Option<Self> {
        let last = |name| std::str::from_utf8(headers.all(name).last()?).ok();
        let (bound, all) = last("x-ratelimit-limit")?.split_once(", ")?;
        let left = last("x-ratelimit-remaining")?.trim().parse().ok()?;
        let bound = bound.trim().parse().ok()?;
        all.contains(";w=").then_some(Self { bound, left })
    }
}

/// The values of a key, in words.
pub(super) fn values(subject: &Subject<'_>, by: &[Dimension]) -> String {
    let value = |dimension: &Dimension| {
        let parts = subject.values(*dimension).into_iter().flatten();
        let parts: Vec<_> = parts.map(encoded).collect();
        match parts.as_slice() {
            [] => format!(";{}", dimension.as_str()),
            parts => format!(";{}={}", dimension.as_str(), parts.join("/")),
        }
    };
    let values: String = by.iter().map(value).collect();
    match values.len() {
        ..=MOST_TEXT => values,
        _ => format!(";sha256={}", sha256(values.as_bytes())),
    }
}

/// The counter at some time: `2026-11-21;agent=cursor`.
fn key(of: &Use, at: Timestamp) -> String {
    let digits = match period(&of.limit) {
        Some(Period::Second) => 19,
        Some(Period::Minute) => 16,
        Some(Period::Hour) => 13,
        Some(Period::Day) => 10,
        Some(Period::Month) => 7,
        None => 0,
    };
    let at: String = at.rfc3339().chars().take(digits).collect();
    format!("{at}{}", of.values)
}

fn period(limit: &Limit) -> Option<Period> {
    match limit.bound {
        Bound::Window { period, .. } | Bound::Bucket { period, .. } => Some(period),
        Bound::Concurrent { .. } => None,
    }
}

fn unanswered(limit: &Arc<Limit>) -> Refusal {
    Refusal::Limited(Box::new(Limited {
        limit: Arc::clone(limit),
        full: Full::Unanswered,
    }))
}

/// What separates values is nowhere within one (RFC 3986, section 2.1).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:@+".contains(&byte);
    let bytes = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// The header without the value that Envoy added.
fn without_last(headers: &Headers, name: &'static str) -> HeaderEdit {
    let mut values: Vec<_> = headers.all(name).map(String::from_utf8_lossy).collect();
    values.pop();
    match values.as_slice() {
        [] => HeaderEdit::Remove(name.to_owned()),
        values => HeaderEdit::Set(name.into(), values.join(", ")),
    }
}

const HEADERS: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
/// How Envoy's filter says in `%RESPONSE_CODE_DETAILS%` that the service refused, and that it did
/// not answer.
const LIMITED: &str = "request_rate_limited";
const FAILED: &str = "rate_limiter_error";
/// More than this Envoy does not count at once.
const MOST_HITS: u64 = 1_000_000_000;
const MOST_TEXT: usize = 256;

#[cfg(test)]
mod tests;
