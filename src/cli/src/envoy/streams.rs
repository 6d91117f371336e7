//! What merges the streams of several servers into one: two internal listeners, each of them the
//! filter again. Their connections stay in Envoy, on the thread of the client's.

use serde_json::{Value, json};

use super::{CLUSTER_HEADER, CONNECTION_MANAGER, CONNECTION_MANAGER_TYPE, Setup, plugin, typed};

/// Where a merged stream comes from, and through which the calls for its parts go: as the engine
/// names them.
const SOURCE: &str = "toolgate-source";
const LOOP: &str = "toolgate-loop";

/// What lets Envoy have internal listeners.
pub(super) fn extension() -> Value {
    let kind = "envoy.extensions.bootstrap.internal_listener.v3.InternalListener";
    json!({ "name": "envoy.bootstrap.internal_listener", "typed_config": typed(kind, json!({})) })
}

/// The listeners.
pub(super) fn listeners(setup: &Setup) -> [Value; 2] {
    let wasm = |protocol: &str, part: &str| {
        let kind = format!("envoy.extensions.filters.{protocol}.wasm.v3.Wasm");
        json!({
            "name": part,
            "typed_config": typed(&kind, json!({ "config": plugin(setup, part, part) })),
        })
    };
    let echo = typed("envoy.extensions.filters.network.echo.v3.Echo", json!({}));
    let router = typed(
        "envoy.extensions.filters.http.router.v3.Router",
        json!({ "suppress_envoy_headers": true }),
    );
    let manager = json!({
        "stat_prefix": LOOP,
        // A server may be silent for as long as its client listens.
        "stream_idle_timeout": "0s",
        "route_config": { "name": LOOP, "virtual_hosts": [{
            "name": LOOP,
            "domains": ["*"],
            "routes": [{
                "match": { "prefix": "/" },
                "route": {
                    "cluster_header": CLUSTER_HEADER,
                    "auto_host_rewrite": true,
                    "timeout": "0s",
                },
                "request_headers_to_remove": [CLUSTER_HEADER],
            }],
        }] },
        "http_filters": [
            wasm("http", "toolgate:feed"),
            { "name": "envoy.filters.http.router", "typed_config": router },
        ],
    });
    [
        listener(
            SOURCE,
            vec![
                wasm("network", "toolgate:source"),
                json!({ "name": "envoy.filters.network.echo", "typed_config": echo }),
            ],
        ),
        listener(
            LOOP,
            vec![json!({
                "name": CONNECTION_MANAGER,
                "typed_config": typed(CONNECTION_MANAGER_TYPE, manager),
            })],
        ),
    ]
}

/// The clusters that lead to them.
pub(super) fn clusters() -> impl Iterator<Item = Value> {
    [SOURCE, LOOP].into_iter().map(|name| {
        let address = json!({ "envoy_internal_address": { "server_listener_name": name } });
        let raw = typed(
            "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
            json!({}),
        );
        let socket = typed(
            "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
            json!({ "transport_socket": {
                "name": "envoy.transport_sockets.raw_buffer",
                "typed_config": raw,
            } }),
        );
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
            },
            "transport_socket": {
                "name": "envoy.transport_sockets.internal_upstream",
                "typed_config": socket,
            },
            // Each stream has a connection to the one, and for each of its servers to the other.
            "circuit_breakers": { "thresholds": [{
                "max_connections": 65_536,
                "max_pending_requests": 65_536,
                "max_requests": 65_536,
            }] },
        })
    })
}

fn listener(name: &str, filters: Vec<Value>) -> Value {
    json!({
        "name": name,
        "internal_listener": {},
        "filter_chains": [{ "filters": filters }],
    })
}
