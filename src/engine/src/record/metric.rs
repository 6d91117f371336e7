//! What a record counts for in Envoy's statistics.

use crate::{breaker::Phase, policy::Policy, rpc::Method};

use super::{Record, Turned};

/// One metric of Envoy's statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, with tags as `;tag=value` for Envoy's tag extraction.
    pub name: String,
    /// How it is recorded.
    pub kind: MetricKind,
    /// By how much a counter grows, what a gauge is set to, or what a histogram records.
    pub value: u64,
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// What is now.
    Gauge,
    /// Distribution of values.
    Histogram,
}

impl Metric {
    pub(super) const fn counter(name: String, value: u64) -> Self {
        let kind = MetricKind::Counter;
        Self { name, kind, value }
    }
}

impl Record {
    /// Tags come from the configuration or from closed lists, never from the client: Envoy keeps
    /// every series for ever.
    pub(super) fn metrics(
        &self,
        policy: &Policy,
        duration_ns: Option<u64>,
        filter_ns: u64,
    ) -> Vec<Metric> {
        let known = |registered: bool, name: &Option<String>| match name {
            Some(name) if registered => tag(name),
            Some(_) | None => "-".to_owned(),
        };
        let server = known(true, &self.server);
        let tool = known(self.risk_tier.is_some(), &self.tool_name);
        let method = self.method.as_deref().map_or("-", known_method);
        let decision = self.decision.as_str();
        let reason = self.reason;
        let calls = format!(
            "toolgate_calls_total;server={server};tool={tool};method={method};decision={decision};\
             reason={reason}"
        );
        let mut metrics = vec![Metric::counter(calls, 1)];
        if let Some(shadow) = &self.shadow {
            let shadow = shadow.decision.as_str();
            let name = format!(
                "toolgate_shadow_total;server={server};tool={tool};live={decision};shadow={shadow}"
            );
            metrics.push(Metric::counter(name, 1));
        }
        if let Some(approval) = &self.approval {
            let outcome = approval.state;
            let name = format!("toolgate_asks_total;server={server};tool={tool};outcome={outcome}");
            metrics.push(Metric::counter(name, 1));
        }
        self.answer_metrics(&server, &tool, &mut metrics);
        for turned in &self.breakers {
            turned.count(&mut metrics);
        }
        // By tool and by caller, each for itself: as many series as both together, not their product.
        let caller = self.caller_tags(policy);
        for (what, amount) in [
            ("result_bytes", self.result_bytes),
            ("estimated_tokens", self.estimated_tokens),
            ("cost_units", self.cost_units),
        ] {
            let Some(value) = amount.filter(|amount| *amount > 0) else {
                continue;
            };
            for name in [
                format!("toolgate_{what}_total;server={server};tool={tool}"),
                format!("toolgate_caller_{what}_total{caller}"),
            ] {
                metrics.push(Metric::counter(name, value));
            }
        }
        let mut time = |name: &str, value: u64| {
            metrics.push(Metric {
                name: format!("{name};server={server};tool={tool};method={method}"),
                kind: MetricKind::Histogram,
                value,
            });
        };
        if let Some(ns) = duration_ns {
            time("toolgate_call_duration_ms", ns / 1_000_000);
        }
        if let Some(ms) = self.ask_ms {
            time("toolgate_ask_duration_ms", ms as u64);
        }
        time("toolgate_filter_duration_us", filter_ns / 1_000);
        if let Some(tenancy) = policy.tenancy() {
            let tenant = format!(";tenant={}", tag(tenancy.id()));
            let untold = metrics.iter_mut().filter(|it| !it.name.contains(&tenant));
            for metric in untold {
                metric.name.push_str(&tenant);
            }
        }
        metrics
    }

    /// What was seen of the answer, and done to it.
    fn answer_metrics(&self, server: &str, tool: &str, metrics: &mut Vec<Metric>) {
        let mut count = |name: String, value| metrics.push(Metric::counter(name, value));
        if let Some(result) = self.result.upstream() {
            count(
                format!("toolgate_results_total;server={server};tool={tool};result={result}"),
                1,
            );
        }
        if let Some(contract) = &self.contract {
            let reason = contract.reason;
            count(
                format!(
                    "toolgate_results_broken_total;server={server};tool={tool};reason={reason}"
                ),
                1,
            );
        }
        for (reason, value) in &self.dropped {
            count(
                format!("toolgate_messages_dropped_total;server={server};reason={reason}"),
                *value,
            );
        }
        for found in &self.injections {
            let (rule, action) = (found.rule.as_str(), found.action.as_str());
            count(
                format!("toolgate_injections_total;rule={rule};action={action}"),
                found.count,
            );
        }
        for (kind, value) in &self.redactions {
            count(format!("toolgate_redactions_total;kind={kind}"), *value);
        }
        metrics.extend(self.drift.metrics(server));
    }

    /// The caller, as far as the configuration names it.
    fn caller_tags(&self, policy: &Policy) -> String {
        let facts = [
            ("tenant", &self.tenant),
            ("app", &self.app_id),
            ("agent", &self.agent_id),
            ("user", &self.user_id),
        ];
        let tags = facts.map(|(fact, value)| match value {
            None => format!(";{fact}=-"),
            Some(value) if policy.names(fact, value) => format!(";{fact}={}", tag(value)),
            Some(_) => format!(";{fact}=other"),
        });
        tags.concat()
    }
}

impl Turned {
    /// A breaker that lets pass something else than before: which way it went, and whether it is open
    /// now, at least half.
    fn count(&self, metrics: &mut Vec<Metric>) {
        if self.was.is_none() {
            return;
        }
        let (breaker, to) = (tag(&self.name), self.state.as_str());
        metrics.push(Metric {
            name: format!("toolgate_breaker_transitions_total;breaker={breaker};to={to}"),
            kind: MetricKind::Counter,
            value: 1,
        });
        metrics.push(Metric {
            name: format!("toolgate_breaker_open;breaker={breaker}"),
            kind: MetricKind::Gauge,
            value: match self.state {
                Phase::Closed => 0,
                Phase::Open | Phase::HalfOpen => 1,
            },
        });
    }
}

/// The method's name, if it is one of MCP's.
fn known_method(name: &str) -> &str {
    if Method::named(name) == Method::Other {
        "other"
    } else {
        name
    }
}

/// A configured name as a tag value: what would end a tag is replaced.
fn tag(name: &str) -> String {
    name.replace([';', '=', '\n'], "_")
}
