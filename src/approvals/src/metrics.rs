//! What is counted, for Prometheus.

use std::fmt;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::store::{State, Verdict};

/// Counters that grow, and the registry that writes them.
pub(crate) struct Metrics {
    registry: Registry,
    asks: Family<Vec<(&'static str, &'static str)>, Counter>,
    decisions: Family<Vec<(&'static str, &'static str)>, Counter>,
    requests: Family<Vec<(&'static str, String)>, Histogram>,
    open: Family<Vec<(&'static str, &'static str)>, Gauge>,
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
        Self {
            registry,
            asks,
            decisions,
            requests,
            open,
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

    /// `route` is the router's pattern, so that the series are as many as the routes.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let labels = vec![
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).observe(seconds);
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
