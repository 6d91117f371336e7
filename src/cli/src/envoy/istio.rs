//! Toolgate as an `EnvoyFilter` of Istio, for the pods of a gateway.
//!
//! Not a `WasmPlugin`: that has no way to set `allow_on_headers_stop_iteration`, and without it no
//! request passes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    CONNECTION_MANAGER, CONNECTION_MANAGER_TYPE, FILTER, ROUTER, RateLimits, Setup, WASM, clusters,
    connection_manager, held, jwt_authn, route, statistics, toolgate, typed,
};

/// Whose configuration is changed.
pub(crate) struct Pods {
    /// Their namespace.
    pub(crate) namespace: String,
    /// Their labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// What an administrator must know before this is applied.
pub(crate) const HEADER: &str = "\
Toolgate for Istio 1.28 or later. Earlier ones drop `allow_on_headers_stop_iteration` without a word,
and no request passes.

All HTTP traffic of the selected pods goes through Toolgate: give it a gateway of its own. There must be
- the pods, with these labels, in this namespace
- a Gateway for them with an HTTP or HTTPS server
- the filter: at that path in the pods, or where Istio's agent can fetch it
- no RequestAuthentication for these pods: Envoy verifies tokens as this document says
Tags of metrics (BOOTSTRAP) are taken up by pods as they start, everything else at once.";

/// The whole configuration: Istio takes one object up at once or not at all.
pub(crate) fn envoy_filter(setup: &Setup, pods: &Pods) -> Value {
    let before_router = json!({ "listener": { "filterChain": { "filter": {
        "name": CONNECTION_MANAGER, "subFilter": { "name": ROUTER },
    } } } });
    let manager = json!({ "listener": { "filterChain": { "filter": {
        "name": CONNECTION_MANAGER,
    } } } });
    let discovered = json!({
        "name": FILTER,
        "config_discovery": {
            "config_source": {
                "ads": {},
                "resource_api_version": "V3",
                // Traffic waits for the filter, however long.
                "initial_fetch_timeout": "0s",
            },
            "type_urls": [format!("type.googleapis.com/{WASM}")],
        },
    });

    let mut patches = vec![patch("EXTENSION_CONFIG", None, "ADD", toolgate(setup))];
    let rate_limits = setup.rate_limits.as_ref().map(RateLimits::filter);
    let filters = jwt_authn(&setup.issuers).into_iter();
    let filters = filters.chain([discovered]).chain(rate_limits);
    patches.extend(
        filters.map(|filter| patch("HTTP_FILTER", Some(&before_router), "INSERT_BEFORE", filter)),
    );
    let manager_config = typed(CONNECTION_MANAGER_TYPE, connection_manager(setup));
    patches.extend([
        patch(
            "NETWORK_FILTER",
            Some(&manager),
            "MERGE",
            json!({ "name": CONNECTION_MANAGER, "typed_config": manager_config }),
        ),
        patch(
            "LISTENER",
            None,
            "MERGE",
            json!({ "per_connection_buffer_limit_bytes": held(setup) }),
        ),
        patch("HTTP_ROUTE", None, "INSERT_FIRST", route(setup)),
        patch(
            "BOOTSTRAP",
            None,
            "MERGE",
            json!({ "stats_config": statistics() }),
        ),
    ]);
    let clusters = clusters(setup).into_iter();
    patches.extend(clusters.map(|cluster| patch("CLUSTER", None, "ADD", cluster)));
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": { "name": FILTER, "namespace": pods.namespace },
        "spec": {
            "workloadSelector": { "labels": pods.labels },
            "configPatches": patches,
        },
    })
}

fn patch(to: &str, place: Option<&Value>, operation: &str, value: Value) -> Value {
    let mut context = json!({ "context": "GATEWAY" });
    if let (Some(Value::Object(place)), Some(context)) = (place, context.as_object_mut()) {
        context.extend(place.clone());
    }
    json!({
        "applyTo": to,
        "match": context,
        "patch": { "operation": operation, "value": value },
    })
}
