//! Toolgate as an Envoy configuration: listener, filters, clusters, statistics.
//!
//! Pure: from a [`Setup`] to the values that Envoy reads; nothing here touches a file.

mod approver;
mod cluster;
mod credential;
pub(crate) mod gateway;
mod issuer;
pub(crate) mod istio;
mod ratelimit;
mod server;
mod statistics;
mod streams;

use serde_json::{Value, json};

pub(crate) use approver::{Approver, secret};
pub(crate) use cluster::{Address, Upstream, upstream};
pub(crate) use credential::{document, token_cluster};
use issuer::jwt_authn;
pub(crate) use issuer::{Issuer, Jwks};
pub(crate) use ratelimit::RateLimits;
pub(crate) use server::Server;
use statistics::statistics;

/// Everything a configuration is made from.
pub(crate) struct Setup {
    /// Where agents connect.
    pub(crate) listen: Address,
    /// Envoy's administration interface.
    pub(crate) admin: Address,
    /// Where `toolgate.wasm` is.
    pub(crate) wasm: Module,
    /// Path that Envoy writes the access log to.
    pub(crate) access_log: String,
    /// Path of the certificates that servers spoken to by TLS are verified against.
    pub(crate) roots: String,
    /// The bundle: the filter's configuration.
    pub(crate) bundle: String,
    /// The largest body that the filter holds, in bytes.
    pub(crate) max_body: u64,
    /// Token issuers that Envoy verifies.
    pub(crate) issuers: Vec<Issuer>,
    /// Path of the folder with the secrets that servers know the gateway by (see [`document`]).
    pub(crate) secrets: String,
    /// The registered servers that say where they are.
    pub(crate) servers: Vec<Server>,
    /// Who is asked for approvals.
    pub(crate) approver: Option<Approver>,
    /// Who counts for all Envoys.
    pub(crate) rate_limits: Option<RateLimits>,
    /// Several servers have one address, and with it one stream.
    pub(crate) merged: bool,
}

/// Where the filter itself is.
pub(crate) enum Module {
    /// A path, as Envoy sees it.
    File(String),
    /// What Istio's agent fetches, proves by its digest, and hands to Envoy as a file.
    Fetched {
        /// `oci://...` or `https://...`.
        url: String,
        /// Hex SHA-256 of the module.
        sha256: String,
    },
}

/// The name of the header that picks the cluster; the filter sets it, a client cannot.
const CLUSTER_HEADER: &str = "x-toolgate-cluster";
/// The filter's name in Envoy.
const FILTER: &str = "toolgate";
const ROUTER: &str = "envoy.filters.http.router";
const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const CONNECTION_MANAGER_TYPE: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
/// Room beyond the largest body, so that the filter and not Envoy answers a body that is too large.
const HEADROOM: u64 = 1 << 20;
/// The largest window of HTTP/2 (RFC 9113, section 6.9.1).
const MAX_WINDOW: u64 = (1 << 31) - 1;

/// One static document: everything in it.
pub(crate) fn bootstrap(setup: &Setup) -> Value {
    extended(
        setup,
        json!({
            "node": node(),
            "admin": { "address": setup.admin.value() },
            "stats_config": statistics(),
            "static_resources": {
                "listeners": listeners(setup, toolgate(setup)),
                "clusters": clusters(setup),
            },
        }),
    )
}

/// A document that refers to the files of [`followed`], which Envoy takes up as they change.
pub(crate) fn following(setup: &Setup, folder: &str) -> Value {
    extended(
        setup,
        json!({
            "node": node(),
            "admin": { "address": setup.admin.value() },
            "stats_config": statistics(),
            "dynamic_resources": {
                "lds_config": in_file(folder, "lds.json"),
                "cds_config": in_file(folder, "cds.json"),
            },
        }),
    )
}

/// With what Envoy needs to have its listeners.
fn extended(setup: &Setup, mut bootstrap: Value) -> Value {
    if let (true, Some(members)) = (setup.merged, bootstrap.as_object_mut()) {
        members.insert("bootstrap_extensions".into(), json!([streams::extension()]));
    }
    bootstrap
}

/// The files that [`following`] refers to, with their names, in the order to write them: what is
/// referred to comes first.
///
/// The filter has one of its own. A new listener is for new connections, while a new configuration
/// of the filter is for the next request of every connection.
pub(crate) fn followed(setup: &Setup, folder: &str, version: u64) -> [(&'static str, Value); 3] {
    let discovered = json!({
        "name": FILTER,
        "config_discovery": {
            "config_source": in_file(folder, "ecds.json"),
            "type_urls": [format!("type.googleapis.com/{WASM}")],
        },
    });
    let file = |kind: &str, resources: Vec<Value>| {
        let resources: Vec<Value> = resources.into_iter().map(|r| typed(kind, r)).collect();
        json!({ "version_info": version.to_string(), "resources": resources })
    };
    [
        (
            "cds.json",
            file("envoy.config.cluster.v3.Cluster", clusters(setup)),
        ),
        (
            "ecds.json",
            file(
                "envoy.config.core.v3.TypedExtensionConfig",
                vec![toolgate(setup)],
            ),
        ),
        (
            "lds.json",
            file(
                "envoy.config.listener.v3.Listener",
                listeners(setup, discovered),
            ),
        ),
    ]
}

/// Envoy names itself to whoever it is told things by: files, too.
fn node() -> Value {
    json!({ "id": "toolgate", "cluster": "toolgate" })
}

fn in_file(folder: &str, file: &str) -> Value {
    json!({
        "resource_api_version": "V3",
        "path_config_source": { "path": format!("{folder}/{file}") },
    })
}

/// For agents, and for what becomes one stream.
fn listeners(setup: &Setup, toolgate: Value) -> Vec<Value> {
    let merged = setup.merged.then(|| streams::listeners(setup));
    let merged = merged.into_iter().flatten();
    [listener(setup, toolgate)]
        .into_iter()
        .chain(merged)
        .collect()
}

/// The listener with its filters.
fn listener(setup: &Setup, toolgate: Value) -> Value {
    let mut manager = connection_manager(setup);
    let mut filters: Vec<Value> = jwt_authn(&setup.issuers).into_iter().collect();
    filters.push(toolgate);
    filters.extend(setup.rate_limits.as_ref().map(RateLimits::filter));
    filters.push(json!({
        "name": ROUTER,
        "typed_config": typed(
            "envoy.extensions.filters.http.router.v3.Router",
            json!({ "suppress_envoy_headers": true }),
        ),
    }));
    if let Some(members) = manager.as_object_mut() {
        let routes = json!({ "name": "mcp", "virtual_hosts": [virtual_host(setup)] });
        members.insert("stat_prefix".into(), "mcp".into());
        members.insert("codec_type".into(), "AUTO".into());
        members.insert("route_config".into(), routes);
        members.insert("http_filters".into(), filters.into());
    }
    json!({
        "name": "mcp",
        "address": setup.listen.value(),
        "per_connection_buffer_limit_bytes": held(setup),
        "filter_chains": [{
            "filters": [{
                "name": CONNECTION_MANAGER,
                "typed_config": typed(CONNECTION_MANAGER_TYPE, manager),
            }],
        }],
    })
}

/// HTTP/1.1 holds bodies in the connection's buffer, HTTP/2 in the stream's window.
fn held(setup: &Setup) -> u64 {
    setup.max_body.saturating_add(HEADROOM).min(MAX_WINDOW)
}

/// What the filter needs of the connection manager, apart from filters and routes.
fn connection_manager(setup: &Setup) -> Value {
    let held = held(setup);
    json!({
        "http2_protocol_options": {
            "initial_stream_window_size": held,
            "initial_connection_window_size": held.saturating_mul(2).min(MAX_WINDOW),
            "max_concurrent_streams": 100,
        },
        // The edge, with no address internal, not even this machine: a client's `x-envoy-*`
        // headers, which could ask for retries of a write, are removed.
        "use_remote_address": true,
        "internal_address_config":
            { "cidr_ranges": [{ "address_prefix": "0.0.0.0", "prefix_len": 32 }] },
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        // Event streams are silent for long; the servers' own timeouts end calls.
        "stream_idle_timeout": "3600s",
        "access_log": [access_log(&setup.access_log)],
    })
}

/// Every host's requests, to where the filter sends them.
fn virtual_host(setup: &Setup) -> Value {
    json!({ "name": "mcp", "domains": ["*"], "routes": [route(setup)] })
}

/// To the cluster that the filter names. What was not judged has no such header, and nowhere to go.
fn route(setup: &Setup) -> Value {
    let mut route = json!({
        "match": { "prefix": "/" },
        "route": {
            "cluster_header": CLUSTER_HEADER,
            "auto_host_rewrite": true,
            "timeout": "0s",
            "idle_timeout": "3600s",
            // Whether a call is tried again is the filter's to say; where is said here.
            "retry_policy": { "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": typed(
                    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    json!({ "update_frequency": 1 }),
                ),
            } },
        },
        "request_headers_to_remove": [CLUSTER_HEADER],
    });
    if let (Some(_), Some(members)) = (&setup.rate_limits, route.as_object_mut()) {
        members.insert("typed_per_filter_config".into(), RateLimits::on_route());
    }
    route
}

/// Clusters of the servers, of the key sets, of the approval and of the rate-limit service.
fn clusters(setup: &Setup) -> Vec<Value> {
    let keys = setup
        .issuers
        .iter()
        .filter_map(|issuer| match &issuer.jwks {
            Jwks::Url(_, upstream) => Some(upstream),
            Jwks::File(_) | Jwks::Inline(_) => None,
        });
    let roots = &setup.roots;
    let servers = setup.servers.iter();
    let servers = servers.flat_map(|server| server.values(roots, &setup.secrets));
    let approver = setup.approver.iter().map(|approver| approver.value(roots));
    let limits = setup.rate_limits.iter();
    let limits = limits.filter_map(|limits| limits.cluster(roots));
    servers
        .chain(keys.map(|keys| keys.value(roots)))
        .chain(approver)
        .chain(limits)
        .chain(setup.merged.then(streams::clusters).into_iter().flatten())
        .collect()
}

fn toolgate(setup: &Setup) -> Value {
    let mut config = plugin(setup, FILTER, &setup.bundle);
    if let Some(members) = config.as_object_mut() {
        // Without it the head would leave before the body is judged.
        members.insert("allow_on_headers_stop_iteration".into(), true.into());
    }
    json!({ "name": FILTER, "typed_config": typed(WASM, json!({ "config": config })) })
}

/// The filter with a configuration. All that have the same `vm_id` and code share what they know.
fn plugin(setup: &Setup, name: &str, configuration: &str) -> Value {
    let code = match &setup.wasm {
        Module::File(path) => json!({ "local": { "filename": path } }),
        Module::Fetched { url, sha256 } => json!({ "remote": {
            // The agent fetches it, so that no cluster is asked.
            "http_uri": { "uri": url, "timeout": "30s", "cluster": "_" },
            "sha256": sha256,
        } }),
    };
    json!({
        "name": name,
        "failure_policy": "FAIL_RELOAD",
        "reload_config": { "backoff": { "base_interval": "1s" } },
        "vm_config": {
            "vm_id": "toolgate",
            "runtime": "envoy.wasm.runtime.v8",
            "code": code,
            // Envoys that have the same secret take what clients carry from each other.
            "environment_variables": { "host_env_keys": ["TOOLGATE_SEAL_KEY"] },
        },
        "configuration": typed("google.protobuf.StringValue", json!({ "value": configuration })),
    })
}

/// One JSON object a line; the filter's record stands in it as JSON, not as a string.
fn access_log(path: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", json!({
            "path": path,
            "log_format": { "text_format_source": { "inline_string":
                "{\"time\":\"%START_TIME%\",\"toolgate\":%FILTER_STATE(wasm.toolgate:PLAIN)%}\n",
            } },
        })),
    })
}

fn typed(kind: &str, mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.insert("@type".into(), format!("type.googleapis.com/{kind}").into());
    }
    value
}

#[cfg(test)]
mod tests;
