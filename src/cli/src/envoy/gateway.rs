//! Toolgate as an `EnvoyPatchPolicy` of Envoy Gateway, for one listener of a Gateway.
//!
//! Not an `EnvoyExtensionPolicy`: that has no way to set `allow_on_headers_stop_iteration`, and
//! without it no request passes.

use serde_json::{Value, json};

use super::{
    FILTER, RateLimits, Setup, clusters, connection_manager, held, jwt_authn, statistics, toolgate,
    virtual_host,
};

/// What is changed.
pub(crate) struct Place {
    /// The namespace of the Gateway.
    pub(crate) namespace: String,
    /// The Gateway.
    pub(crate) gateway: String,
    /// The listener's name within the Gateway.
    pub(crate) listener: String,
    /// Whether the listener terminates TLS, which Envoy Gateway gives filter chains of its own.
    pub(crate) tls: bool,
}

/// What an administrator must know before this is applied.
pub(crate) const HEADER: &str = "\
Toolgate for Envoy Gateway 1.6 or later, with Envoy 1.35 or later.

All traffic of the listener goes through Toolgate: give it a port of its own. There must be
- `extensionApis: { enableEnvoyPatchPolicy: true }` in the configuration of Envoy Gateway
- the Gateway with its listener, in this namespace, and for the tags of metrics a reference to the
  EnvoyProxy below: `infrastructure: { parametersRef: { group: gateway.envoyproxy.io,
  kind: EnvoyProxy, name: toolgate } }`
- the filter, at that path in Envoy's pods
The listener's routes and its access log become those written here.";

/// The patches, and the tags of metrics.
pub(crate) fn documents(setup: &Setup, place: &Place) -> [Value; 2] {
    let name = format!("{}/{}/{}", place.namespace, place.gateway, place.listener);
    let chain = if place.tls {
        "filter_chains/0"
    } else {
        "default_filter_chain"
    };
    let manager = format!("/{chain}/filters/0/typed_config");
    let listener = |path: String, value: Value| add("listener.v3.Listener", &name, &path, value);

    let mut patches = vec![listener(
        "/per_connection_buffer_limit_bytes".to_owned(),
        held(setup).into(),
    )];
    let members = connection_manager(setup);
    let members = members.as_object().into_iter().flatten();
    patches.extend(members.map(|(key, value)| listener(format!("{manager}/{key}"), value.clone())));
    // Each goes to the front, so that the last one is the first to see a request.
    let rate_limits = setup.rate_limits.as_ref().map(RateLimits::filter);
    let filters = [
        rate_limits,
        Some(toolgate(setup)),
        jwt_authn(&setup.issuers),
    ];
    let filters = filters.into_iter().flatten();
    patches.extend(filters.map(|filter| listener(format!("{manager}/http_filters/0"), filter)));
    patches.push(add(
        "route.v3.RouteConfiguration",
        &name,
        "/virtual_hosts",
        json!([virtual_host(setup)]),
    ));
    patches.extend(clusters(setup).into_iter().map(|cluster| {
        let name = cluster.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        add("cluster.v3.Cluster", &name, "", cluster)
    }));

    let metadata = json!({ "name": FILTER, "namespace": place.namespace });
    let bootstrap = json!({ "stats_config": statistics() }).to_string();
    [
        json!({
            "apiVersion": VERSION,
            "kind": "EnvoyPatchPolicy",
            "metadata": metadata,
            "spec": {
                "targetRef": {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": place.gateway,
                },
                "type": "JSONPatch",
                "jsonPatches": patches,
            },
        }),
        json!({
            "apiVersion": VERSION,
            "kind": "EnvoyProxy",
            "metadata": metadata,
            // JSON is YAML, too.
            "spec": { "bootstrap": { "type": "Merge", "value": bootstrap } },
        }),
    ]
}

/// RFC 6902: what is there already is replaced.
fn add(kind: &str, name: &str, path: &str, value: Value) -> Value {
    json!({
        "type": format!("type.googleapis.com/envoy.config.{kind}"),
        "name": name,
        "operation": { "op": "add", "path": path, "value": value },
    })
}

const VERSION: &str = "gateway.envoyproxy.io/v1alpha1";
