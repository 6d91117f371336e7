//! What Envoy adds to requests as they leave, so that whoever they are for knows the gateway.
//!
//! A cluster's own filters do that, not the listener's: what the filter itself asks passes no
//! listener. Neither the filter nor its bundle holds a secret.

use engine::registry::{Credential, OAuth2};
use serde_json::{Value, json};

use super::{Upstream, typed};

/// The key and the type of a cluster's HTTP settings.
pub(super) const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The cluster of an authorization server, for the servers behind `cluster`.
pub(crate) fn token_cluster(cluster: &str) -> String {
    format!("toolgate-token-{cluster}")
}

/// A cluster's HTTP settings: TLS settles the version, and `credential` is added to requests.
pub(super) fn options(upstream: &Upstream, credential: Option<Value>) -> Value {
    let (protocol, choice) = if upstream.tls {
        ("auto_config", json!({}))
    } else {
        let plain = json!({ "http_protocol_options": {} });
        ("explicit_http_config", plain)
    };
    let mut options = json!({ protocol: choice });
    if let (Some(options), Some(credential)) = (options.as_object_mut(), credential) {
        let filters = json!([injector(credential), codec()]);
        options.insert("http_filters".into(), filters);
    }
    options
}

/// What the registry says of a server, for the filter that adds it; `secrets` is the folder with
/// the documents of [`document`].
pub(super) fn of_server(
    credential: &Credential,
    upstream: &Upstream,
    secrets: &str,
) -> Option<Value> {
    let source = |secret: &str| {
        json!({
            "path": format!("{secrets}/{secret}.yaml"),
            // What Kubernetes mounts changes by its folder.
            "watched_directory": { "path": secrets },
        })
    };
    match credential {
        Credential::None => None,
        Credential::Secret { secret, header, .. } => Some(generic(secret, header, &source(secret))),
        Credential::OAuth2(oauth2) => Some(token(oauth2, upstream, &source(&oauth2.secret))),
    }
}

/// A secret, as it stands in its document.
pub(super) fn generic(name: &str, header: &str, source: &Value) -> Value {
    json!({
        "name": "envoy.http.injected_credentials.generic",
        "typed_config": typed(
            "envoy.extensions.http.injected_credentials.generic.v3.Generic",
            json!({ "credential": discovered(name, source), "header": header }),
        ),
    })
}

fn token(oauth2: &OAuth2, upstream: &Upstream, source: &Value) -> Value {
    json!({
        "name": "envoy.http.injected_credentials.oauth2",
        "typed_config": typed(
            "envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2",
            json!({
                "token_endpoint": {
                    "uri": oauth2.token_url,
                    "cluster": token_cluster(&upstream.cluster),
                    "timeout": "5s",
                },
                "scopes": oauth2.scopes,
                "token_fetch_retry_interval": "1s",
                "client_credentials": {
                    "client_id": oauth2.client_id,
                    "client_secret": discovered(&oauth2.secret, source),
                },
            }),
        ),
    })
}

fn discovered(name: &str, source: &Value) -> Value {
    json!({
        "name": name,
        "sds_config": { "resource_api_version": "V3", "path_config_source": source },
    })
}

/// Puts it on requests, in place of whatever a client wrote there. Where Envoy has none, the
/// request goes nowhere.
fn injector(credential: Value) -> Value {
    json!({
        "name": "envoy.filters.http.credential_injector",
        "typed_config": typed(
            "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
            json!({ "overwrite": true, "credential": credential }),
        ),
    })
}

/// Ends a cluster's own filters.
fn codec() -> Value {
    json!({
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": typed(
            "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
            json!({}),
        ),
    })
}

/// The document that Envoy finds a secret in. Envoy before 1.37 puts nothing before it by itself:
/// it is the whole header's value that stands there.
pub(crate) fn document(name: &str, value: &str) -> Value {
    let resource = typed(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        json!({ "name": name, "generic_secret": { "secret": { "inline_string": value } } }),
    );
    json!({ "resources": [resource] })
}
