//! Envoy's configuration for a [`Setup`].

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Cluster, Filter, Gateway, Setup};

pub(super) fn listener_name(index: usize) -> String {
    format!("gateway-{index}")
}

pub(super) fn access_log(index: usize) -> String {
    format!("access-{index}.jsonl")
}

/// Writes `envoy.json`, and the files that it follows, into `dir`.
pub(super) fn write(dir: &Path, setup: &Setup) {
    let mut listeners = Vec::new();
    let mut clusters = Vec::new();
    let mut secrets = Vec::new();
    for (index, gateway) in setup.gateways.iter().enumerate() {
        if gateway.filter.as_ref().is_some_and(|filter| filter.live) {
            write_filter(dir, index, gateway);
        }
        listeners.push(listener(dir, index, gateway));
        clusters.extend(gateway.others.iter().cloned());
        for wanted in &gateway.clusters {
            let secret = secret(wanted);
            let wanted = cluster(wanted);
            match clusters
                .iter()
                .find(|known: &&Value| known["name"] == wanted["name"])
            {
                Some(known) => assert_eq!(*known, wanted, "one name, two clusters"),
                None => {
                    clusters.push(wanted);
                    secrets.extend(secret);
                }
            }
        }
    }
    let bootstrap = json!({
        "node": { "id": "rig", "cluster": "rig" },
        "admin": { "address": loopback(0) },
        "stats_config": { "stats_tags": stats_tags() },
        "static_resources": { "listeners": listeners, "clusters": clusters, "secrets": secrets },
    });
    fs::write(dir.join("envoy.json"), bootstrap.to_string()).expect("the directory is writable");
}

/// Writes the discovery file of a live filter; the rename is what Envoy sees.
pub(super) fn write_filter(dir: &Path, index: usize, gateway: &Gateway) {
    let filter = gateway.filter.as_ref().expect("a gateway with a filter");
    let discovery = json!({
        "resources": [typed("envoy.config.core.v3.TypedExtensionConfig", json!({
            "name": format!("toolgate-{index}"),
            "typed_config": wasm(filter),
        }))],
    });
    let (path, draft) = (dir.join(discovery_file(index)), dir.join("draft"));
    fs::write(&draft, discovery.to_string()).expect("the directory is writable");
    fs::rename(draft, path).expect("the directory is writable");
}

fn discovery_file(index: usize) -> String {
    format!("filter-{index}.json")
}

fn listener(dir: &Path, index: usize, gateway: &Gateway) -> Value {
    json!({
        "name": listener_name(index),
        "address": loopback(gateway.port),
        "per_connection_buffer_limit_bytes": gateway.buffer,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": typed(
                "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                manager(dir, index, gateway),
            ),
        }] }],
    })
}

fn manager(dir: &Path, index: usize, gateway: &Gateway) -> Value {
    let target = match gateway.filter {
        Some(_) => json!({ "cluster_header": "x-toolgate-cluster" }),
        None => json!({ "cluster": gateway.clusters[0].name }),
    };
    let mut route = json!({ "timeout": "0s", "idle_timeout": "3600s" });
    merge(&mut route, target);
    let nowhere = json!({ "address_prefix": "0.0.0.0", "prefix_len": 32 });
    let mut manager = json!({
        "stat_prefix": listener_name(index),
        "codec_type": "AUTO",
        "use_remote_address": true,
        "internal_address_config": { "cidr_ranges": [nowhere] },
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "stream_idle_timeout": "3600s",
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", json!({
                "path": dir.join(access_log(index)),
                "log_format": { "text_format_source": { "inline_string": log_format(gateway) } },
            })),
        }],
        "route_config": {
            "max_direct_response_body_size_bytes": 4_194_304,
            "virtual_hosts": [{
                "name": "mcp",
                "domains": ["*"],
                "routes": [{
                    "match": { "prefix": "/" },
                    "route": route,
                    "request_headers_to_remove": ["x-toolgate-cluster"],
                }],
            }],
        },
        "http_filters": filters(dir, index, gateway),
    });
    if gateway.route.is_object() {
        merge(
            &mut manager["route_config"]["virtual_hosts"][0]["routes"][0],
            gateway.route.clone(),
        );
    }
    if gateway.trailers {
        manager["http_protocol_options"] = json!({ "enable_trailers": true });
    }
    manager
}

fn log_format(gateway: &Gateway) -> &'static str {
    match gateway.filter {
        Some(_) => concat!(
            r#"{"time":"%START_TIME%","status":%RESPONSE_CODE%,"#,
            r#""toolgate":%FILTER_STATE(wasm.toolgate:PLAIN)%}"#,
            "\n"
        ),
        None => concat!(r#"{"time":"%START_TIME%","status":%RESPONSE_CODE%}"#, "\n"),
    }
}

fn filters(dir: &Path, index: usize, gateway: &Gateway) -> Vec<Value> {
    let mut filters = Vec::new();
    if !gateway.issuers.is_empty() {
        filters.push(jwt_authn(&gateway.issuers));
    }
    if gateway.decompress {
        filters.push(http_filter(
            "decompressor",
            "envoy.extensions.filters.http.decompressor.v3.Decompressor",
            json!({ "decompressor_library": {
                "name": "gzip",
                "typed_config":
                    typed("envoy.extensions.compression.gzip.decompressor.v3.Gzip", json!({})),
            } }),
        ));
    }
    let extra = |before: bool| {
        gateway
            .extra
            .iter()
            .filter(move |(place, _)| *place == before)
            .map(|(_, f)| f.clone())
    };
    filters.extend(extra(true));
    if let Some(filter) = &gateway.filter {
        filters.push(if filter.live {
            json!({
                "name": format!("toolgate-{index}"),
                "config_discovery": {
                    "config_source": {
                        "resource_api_version": "V3",
                        "path_config_source": {
                            "path": dir.join(discovery_file(index)),
                            "watched_directory": { "path": dir },
                        },
                    },
                    "type_urls":
                        ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
                },
            })
        } else {
            json!({ "name": "toolgate", "typed_config": wasm(filter) })
        });
    }
    filters.extend(extra(false));
    filters.push(http_filter(
        "router",
        "envoy.extensions.filters.http.router.v3.Router",
        json!({ "suppress_envoy_headers": true }),
    ));
    filters
}

fn wasm(filter: &Filter) -> Value {
    let mut plugin = json!({
        "name": "toolgate",
        "vm_config": {
            "vm_id": filter.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": filter.wasm } },
        },
        "configuration": typed("google.protobuf.StringValue", json!({ "value": filter.bundle })),
    });
    if let Some(secret) = &filter.secret {
        plugin["vm_config"]["environment_variables"] =
            json!({ "key_values": { "TOOLGATE_SEAL_KEY": secret } });
    }
    if filter.hold_head {
        plugin["allow_on_headers_stop_iteration"] = json!(true);
    }
    if filter.reload {
        plugin["failure_policy"] = json!("FAIL_RELOAD");
        plugin["reload_config"] = json!({ "backoff": { "base_interval": "1s" } });
    }
    typed(
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({ "config": plugin }),
    )
}

fn jwt_authn(issuers: &[(String, Vec<String>, Value)]) -> Value {
    let mut providers = json!({});
    let mut any = Vec::new();
    for (index, (issuer, audiences, keys)) in issuers.iter().enumerate() {
        let name = format!("issuer-{index}");
        let mut provider = json!({
            "issuer": issuer,
            "from_headers": [{ "name": "Authorization", "value_prefix": "Bearer " }],
            "payload_in_metadata": "jwt_payload",
            "require_expiration": true,
            "local_jwks": { "inline_string": keys.to_string() },
        });
        if !audiences.is_empty() {
            provider["audiences"] = json!(audiences);
        }
        any.push(json!({ "provider_name": name }));
        providers[name] = provider;
    }
    any.push(json!({ "allow_missing_or_failed": {} }));
    http_filter(
        "envoy.filters.http.jwt_authn",
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        json!({
            "providers": providers,
            "rules": [{
                "match": { "prefix": "/" },
                "requires": { "requires_any": { "requirements": any } },
            }],
        }),
    )
}

fn cluster(cluster: &Cluster) -> Value {
    let (host, port) = (cluster.addr.ip().to_string(), cluster.addr.port());
    let protocol = if cluster.h2 {
        "http2_protocol_options"
    } else {
        "http_protocol_options"
    };
    let mut protocols = json!({ "explicit_http_config": { protocol: options(cluster.h2) } });
    if cluster.bearer.is_some() {
        protocols["http_filters"] = json!([credential(&cluster.name), upstream_codec()]);
    }
    json!({
        "name": cluster.name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": cluster.name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": {
                "socket_address": { "address": host, "port_value": port },
            } } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                protocols,
            ),
        },
    })
}

/// Adds the cluster's secret on the way to it; the filter never holds it.
fn credential(cluster: &str) -> Value {
    let injected = typed(
        "envoy.extensions.http.injected_credentials.generic.v3.Generic",
        json!({ "credential": { "name": cluster } }),
    );
    http_filter(
        "envoy.filters.http.credential_injector",
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
        json!({
            "overwrite": true,
            "credential": {
                "name": "envoy.http.injected_credentials.generic",
                "typed_config": injected,
            },
        }),
    )
}

fn upstream_codec() -> Value {
    http_filter(
        "envoy.filters.http.upstream_codec",
        "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        json!({}),
    )
}

fn secret(cluster: &Cluster) -> Option<Value> {
    let bearer = cluster.bearer.as_ref()?;
    Some(json!({
        "name": cluster.name,
        "generic_secret": { "secret": { "inline_string": format!("Bearer {bearer}") } },
    }))
}

/// Trailers that reach the router go on to the server.
fn options(h2: bool) -> Value {
    if h2 {
        json!({})
    } else {
        json!({ "enable_trailers": true })
    }
}

/// The filter writes tags into the names of its metrics; these cut them out as labels.
fn stats_tags() -> Vec<Value> {
    [
        "server", "tool", "method", "decision", "reason", "outcome", "result", "live", "shadow",
        "tenant", "app", "agent", "user", "breaker", "to", "what", "action", "rule",
    ]
    .iter()
    .map(|tag| {
        json!({
            "tag_name": format!("toolgate_{tag}"),
            "regex": format!(r"^wasmcustom\.toolgate_.*?(;{tag}=([^;]*))"),
        })
    })
    .collect()
}

fn http_filter(name: &str, kind: &str, config: Value) -> Value {
    json!({ "name": name, "typed_config": typed(kind, config) })
}

fn typed(kind: &str, mut value: Value) -> Value {
    value["@type"] = format!("type.googleapis.com/{kind}").into();
    value
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn loopback(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
