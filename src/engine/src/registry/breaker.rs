//! Breakers of a registry, as the engine runs them.

use std::sync::Arc;

use super::{Entry, Kind, build::Build, text::duration};
use crate::{
    breaker::{Breaker, Failure},
    config,
    problem::Problem,
};

impl Build {
    /// The breaker of what is called `name`, where one is written.
    pub(super) fn breaker(
        &mut self,
        at: &str,
        name: String,
        written: Option<config::Breaker>,
    ) -> Option<Arc<Breaker>> {
        let written = written?;
        let at = format!("{at}.breaker");
        let of_server = name.starts_with(SERVER);
        let breaker = Breaker {
            name,
            failures: written.failures.unwrap_or(5).into(),
            within: self.time(&at, "within", written.within.as_deref().unwrap_or("1m")),
            ratio: written.ratio,
            open: self.time(&at, "open", written.open.as_deref().unwrap_or("30s")),
            probes: written.probes.unwrap_or(1) as usize,
            on: match written.on {
                Some(on) => on,
                None if of_server => vec![Failure::ProtocolError, Failure::TransportError],
                None => vec![
                    Failure::ProtocolError,
                    Failure::ToolError,
                    Failure::TransportError,
                ],
            },
            slow: written.slow.map(|slow| self.time(&at, "slow", &slow)),
        };
        if breaker.failures == 0 {
            self.wrong(&at, "failures", "expected at least 1");
        }
        if !(1..=MAX_PROBES).contains(&breaker.probes) {
            let message = format!("expected 1 to {MAX_PROBES}");
            self.wrong(&at, "probes", message);
        }
        if breaker.ratio.is_some_and(|part| part <= 0.0 || part > 1.0) {
            let message = "expected a part of all calls: more than 0, and at most 1";
            self.wrong(&at, "ratio", message);
        }
        if breaker.on.is_empty() && breaker.slow.is_none() {
            let problem = Problem::new(format!("{at}.on"), "nothing would ever open it");
            self.problems
                .push(problem.help("name a failure that counts, or say `slow`"));
        }
        Some(Arc::new(breaker))
    }

    /// A time in nanoseconds, which is more than none.
    fn time(&mut self, at: &str, field: &str, text: &str) -> i64 {
        let time = duration(text).and_then(|time| i64::try_from(time.as_nanos()).ok());
        let time = time.filter(|time| *time > 0);
        if time.is_none() {
            let message = format!("`{text}` is no duration: `500ms`, `30s`, `2m`");
            self.wrong(at, field, message);
        }
        time.unwrap_or(1)
    }
}

/// The name of an entry's breaker. What two servers have under one URI is not the same.
pub(super) fn name(entry: &Entry) -> String {
    let Entry { name, server, .. } = entry;
    match entry.kind {
        Kind::Tool if entry.tool != entry.slot => {
            let version = entry.contract_version.as_deref().unwrap_or_default();
            format!("tool:{name}@{version}")
        }
        Kind::Tool => format!("tool:{name}"),
        Kind::Resource => format!("resource:{server}:{name}"),
        Kind::Prompt => format!("prompt:{name}"),
    }
}

/// How names of breakers of servers begin.
pub(super) const SERVER: &str = "server:";
const MAX_PROBES: usize = 1_000;
