//! Envoy's own `ratelimit` filter, and the cluster of the service that it asks.
//!
//! Toolgate's filter leaves in filter state what is to be asked about one call: names and values of
//! limits, and how much of each. The descriptors here read it; where there is none, there is no
//! descriptor, and for a call without any nobody is asked.

use engine::exchange::Asked;
use serde_json::{Value, json};

use super::{Upstream, credential::OPTIONS, typed};

/// How limits are counted that all Envoys share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateLimits {
    /// The cluster of the service.
    pub(crate) cluster: String,
    /// Where that is; `None`: the cluster is somebody else's.
    pub(crate) upstream: Option<Upstream>,
    /// The domain under which it keeps these limits.
    pub(crate) domain: String,
    /// How many milliseconds it may take.
    pub(crate) timeout_ms: u128,
    /// Whether calls that it does not count are refused.
    pub(crate) deny: bool,
}

/// The filter's name in Envoy, there and on routes.
const NAME: &str = "envoy.filters.http.ratelimit";
/// How many calls of one Envoy may wait for the service at a time.
const HELD: u32 = 1024;

impl RateLimits {
    /// The filter, which comes after Toolgate's.
    pub(super) fn filter(&self) -> Value {
        json!({
            "name": NAME,
            "typed_config": typed("envoy.extensions.filters.http.ratelimit.v3.RateLimit", json!({
                "domain": self.domain,
                "timeout": format!("{}.{:03}s", self.timeout_ms / 1000, self.timeout_ms % 1000),
                "failure_mode_deny": self.deny,
                // From these Toolgate knows that the service answered, and which limit it meant.
                "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
                "rate_limit_service": {
                    "transport_api_version": "V3",
                    "grpc_service": { "envoy_grpc": { "cluster_name": self.cluster } },
                },
            })),
        })
    }

    /// The cluster of the service, where it is said.
    pub(super) fn cluster(&self, roots: &str) -> Option<Value> {
        let upstream = self.upstream.as_ref()?;
        let mut cluster = upstream.value(roots);
        let members = cluster.as_object_mut()?;
        members.insert("connect_timeout".into(), "1s".into());
        // A service that hangs holds no more calls than this; the rest are not counted at once.
        members.insert(
            "circuit_breakers".into(),
            json!({ "thresholds": [{ "max_pending_requests": HELD, "max_requests": HELD }] }),
        );
        // gRPC is HTTP/2, with TLS or without.
        let options = json!({ "explicit_http_config": { "http2_protocol_options": {} } });
        members.insert(
            "typed_extension_protocol_options".into(),
            json!({ OPTIONS: typed(OPTIONS, options) }),
        );
        Some(cluster)
    }

    /// What a route says to the filter: which descriptors there are, and what each counts for.
    pub(super) fn on_route() -> Value {
        let at_request = Asked::all().map(
            |asked| json!({ "actions": descriptor(&asked), "hits_addend": hits(&asked.hits()) }),
        );
        // What an answer counts for is known when it has passed.
        let at_end = Asked::all().map(|asked| {
            json!({
                "actions": descriptor(&asked),
                "hits_addend": hits(&asked.owed()),
                "apply_on_stream_done": true,
            })
        });
        let descriptors: Vec<Value> = at_request.chain(at_end).collect();
        json!({ NAME: typed(
            "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
            json!({ "rate_limits": descriptors }),
        ) })
    }
}

fn descriptor(asked: &Asked) -> Value {
    let entry = |key: &str, state: String| {
        json!({ "extension": {
            "name": "envoy.rate_limit_descriptors.expr",
            "typed_config": typed("envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor", json!({
                "descriptor_key": key,
                "text": format!("filter_state['wasm.{state}']"),
            })),
        } })
    };
    json!([
        entry("toolgate_limit", asked.limit()),
        entry("toolgate_key", asked.key()),
    ])
}

fn hits(state: &str) -> Value {
    json!({ "format": format!("%FILTER_STATE(wasm.{state}:PLAIN)%") })
}
