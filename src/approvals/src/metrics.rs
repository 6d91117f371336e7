//! What is counted, for Prometheus.

use std::fmt;

use engine::cx::Timestamp;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::store::{Backlog, Outcome, State, Verdict};

/// Counters that grow, and the registry that writes them.
pub(crate) struct Metrics {
    registry: Registry,
    asks: Family<Vec<(&'static str, &'static str)>, Counter>,
    decisions: Family<Vec<(&'static str, &'static str)>, Counter>,
    requests: Family<Vec<(&'static str, String)>, Histogram>,
    open: Family<Vec<(&'static str, &'static str)>, Gauge>,
    deliveries: Family<Vec<(&'static str, String)>, Counter>,
    undelivered: Family<Vec<(&'static str, String)>, Gauge>,
    oldest: Family<Vec<(&'static str, String)>, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("toolgate_approvals");
        let asks = Family::default();
        registry.register("asks", "Asks of the filter, by answer", asks.clone());
        let decisions = Family::default();
        registry.register(
            "decisions",
            "Decisions of people, by verdict",
            decisions.clone(),
        );
        let requests = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "How long requests took, long polls included";
        registry.register("request_duration_seconds", help, requests.clone());
        let open = Family::default();
        registry.register(
            "open",
            "Asks that wait for a decision, and approvals for their use",
            open.clone(),
        );
        let deliveries = Family::default();
        registry.register(
            "deliveries",
            "Attempts to tell webhooks, by outcome",
            deliveries.clone(),
        );
        let undelivered = Family::default();
        registry.register(
            "undelivered",
            "What webhooks were not told yet (waiting), and what nobody tries to tell any more (dead)",
            undelivered.clone(),
        );
        let oldest = Family::default();
        let help = "For how long the oldest waiting delivery is tried";
        registry.register("undelivered_seconds", help, oldest.clone());
        Self {
            registry,
            asks,
            decisions,
            requests,
            open,
            deliveries,
            undelivered,
            oldest,
        }
    }

    pub(crate) fn asked(&self, state: State) {
        self.asks
            .get_or_create(&vec![("state", state.name())])
            .inc();
    }

    pub(crate) fn decided(&self, verdict: Verdict) {
        self.decisions
            .get_or_create(&vec![("verdict", verdict.name())])
            .inc();
    }

    pub(crate) fn told(&self, hook: &str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Retry { .. } => "failed",
            Outcome::Dead { .. } => "dead",
        };
        let labels = vec![("hook", hook.to_owned()), ("outcome", outcome.to_owned())];
        self.deliveries.get_or_create(&labels).inc();
    }

    /// `route` is the router's pattern, so that the series are as many as the routes.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let labels = vec![
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).observe(seconds);
    }

    pub(crate) fn left(&self, backlog: &[Backlog], now: Timestamp) {
        for hook in backlog {
            let id = ("hook", hook.hook.clone());
            for (state, count) in [("waiting", hook.waiting), ("dead", hook.dead)] {
                let labels = vec![id.clone(), ("state", state.to_owned())];
                self.undelivered.get_or_create(&labels).set(count);
            }
            let since = hook
                .oldest
                .map_or(0, |oldest| now.0.saturating_sub(oldest.0));
            self.oldest
                .get_or_create(&vec![id])
                .set(since / 1_000_000_000);
        }
    }

    pub(crate) fn write(&self, pending: i64, approved: i64) -> String {
        for (state, count) in [(State::Pending, pending), (State::Approved, approved)] {
            self.open
                .get_or_create(&vec![("state", state.name())])
                .set(count);
        }
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            // Writing to a string does not fail.
            Ok(()) | Err(fmt::Error) => text,
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
    ])
}
