//! The cluster of a registered server: its addresses, its health, how much may be under way, and
//! how the gateway proves itself to it.

use engine::registry::{Credential, Health};
use serde_json::{Value, json};

use super::{
    Upstream,
    credential::{self, OPTIONS},
    typed,
};

/// A registered server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Where it is.
    pub(crate) upstream: Upstream,
    /// What answers while it fails.
    pub(crate) failover: Option<Upstream>,
    /// How Envoy finds out whether it is well.
    pub(crate) health: Option<Health>,
    /// How the gateway proves itself.
    pub(crate) credential: Option<Credential>,
    /// Where tokens for it come from.
    pub(crate) tokens: Option<Upstream>,
    /// Whether any call may be tried again.
    pub(crate) retries: bool,
}

impl Server {
    /// Its clusters; `secrets` is the folder of what Envoy adds to requests.
    pub(super) fn values(&self, roots: &str, secrets: &str) -> Vec<Value> {
        let mut cluster = self.upstream.value(roots);
        let Some(members) = cluster.as_object_mut() else {
            return Vec::new();
        };
        members.insert("load_assignment".into(), self.endpoints());
        members.insert("outlier_detection".into(), outliers());
        members.insert("circuit_breakers".into(), thresholds(self.retries));
        if let Some(failover) = &self.failover {
            if failover.by_name() {
                members.insert("type".into(), "STRICT_DNS".into());
                members.insert("dns_lookup_family".into(), "V4_PREFERRED".into());
            }
            if failover.tls {
                // Each is held to its own name.
                let socket = failover.socket(roots);
                members.insert(
                    "transport_socket_matches".into(),
                    json!([{ "name": FAILOVER, "match": { FAILOVER: true }, "transport_socket": socket }]),
                );
            }
        }
        if let Some(health) = &self.health {
            members.insert("health_checks".into(), json!([check(health)]));
        }
        let credential = self.credential.as_ref();
        let added =
            credential.and_then(|known| credential::of_server(known, &self.upstream, secrets));
        if added.is_some() {
            let options = credential::options(&self.upstream, added);
            members.insert(
                "typed_extension_protocol_options".into(),
                json!({ OPTIONS: typed(OPTIONS, options) }),
            );
        }
        let tokens = self.tokens.iter().map(|tokens| tokens.value(roots));
        tokens.chain([cluster]).collect()
    }

    /// The server first, and what takes its place as Envoy finds no health there.
    fn endpoints(&self) -> Value {
        let at = |upstream: &Upstream| {
            let mut endpoint = upstream.endpoint();
            if let (Some(members), Some(_)) = (endpoint.as_object_mut(), &self.health) {
                let host = json!({ "hostname": upstream.authority() });
                members.insert("health_check_config".into(), host);
            }
            endpoint
        };
        let mut endpoints = vec![json!({ "lb_endpoints": [{ "endpoint": at(&self.upstream) }] })];
        endpoints.extend(self.failover.as_ref().map(|failover| {
            let mut endpoint = json!({ "endpoint": at(failover) });
            if let (true, Some(members)) = (failover.tls, endpoint.as_object_mut()) {
                let matched = json!({ "envoy.transport_socket_match": { FAILOVER: true } });
                members.insert("metadata".into(), json!({ "filter_metadata": matched }));
            }
            json!({ "priority": 1, "lb_endpoints": [endpoint] })
        }));
        json!({ "cluster_name": self.upstream.cluster, "endpoints": endpoints })
    }
}

/// Two bad answers, and it is left out; a good one, and it is back.
fn check(health: &Health) -> Value {
    let interval = format!("{}s", health.interval.as_secs_f64());
    json!({
        "http_health_check": { "path": health.path },
        "interval": interval,
        // Also while nobody calls.
        "no_traffic_interval": interval,
        "timeout": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    })
}

/// When Envoy leaves out one of several addresses. The last half stays, and so does an only one:
/// calls are kept away from a whole server by its `breaker` in the registry, which answers them.
fn outliers() -> Value {
    json!({
        // What fails on the way there says more of an address than what it answers.
        "split_external_local_origin_errors": true,
        "consecutive_local_origin_failure": 5,
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        // Behind a 500 may be a single tool, and sessions end where their address is left out.
        "consecutive_5xx": 10,
        "interval": "5s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 50,
    })
}

/// How much may be under way to a server. An event stream holds a request for hours, and on HTTP/1.1
/// a connection: with Envoy's 1024, as many listening agents would keep all others out.
fn thresholds(retries: bool) -> Value {
    let mut limits = json!({
        "max_connections": 16_384,
        "max_requests": 16_384,
        // Calls that wait for a connection.
        "max_pending_requests": 1_024,
        // `cluster.NAME.circuit_breakers.default.remaining_rq` tells before it is too late.
        "track_remaining": true,
    });
    if let Some(members) = limits.as_object_mut() {
        if retries {
            // Second tries never become the load that a server breaks down under.
            let budget = json!({ "budget_percent": { "value": 20 }, "min_retry_concurrency": 8 });
            members.insert("retry_budget".into(), budget);
        } else {
            // A call may have changed something.
            members.insert("max_retries".into(), 0.into());
        }
    }
    json!({ "thresholds": [limits] })
}

/// By which Envoy knows the address that takes over.
const FAILOVER: &str = "failover";
