//! The cluster of the approval service, and the secret by which the filter's asks are known there.

use serde_json::{Value, json};

use super::{Upstream, typed};

/// Where approvals are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approver {
    /// The service.
    pub(crate) upstream: Upstream,
    /// Path, as Envoy sees it, of the document with the secret (see [`secret`]); without one, asks
    /// carry none.
    pub(crate) secret: Option<String>,
}

impl Approver {
    pub(super) fn value(&self, roots: &str) -> Value {
        let mut cluster = self.upstream.value(roots);
        let Some(members) = cluster.as_object_mut() else {
            return cluster;
        };
        members.insert("connect_timeout".into(), "1s".into());
        // A call that waits for a decision holds one of each. Beyond, calls are refused at once, so
        // that an approver that hangs takes no more than this. Nothing is sent twice: the answer to
        // an ask may have used its approval up.
        members.insert(
            "circuit_breakers".into(),
            json!({ "thresholds": [{
                "max_connections": HELD,
                "max_pending_requests": HELD,
                "max_requests": HELD,
                "max_retries": 0,
            }] }),
        );
        let (protocol, choice) = if self.upstream.tls {
            ("auto_config", json!({}))
        } else {
            (
                "explicit_http_config",
                json!({ "http_protocol_options": {} }),
            )
        };
        // The service closes what was idle for a minute: Envoy has to be first, or an ask is lost on
        // a connection that is just being closed.
        let mut options = json!({
            "common_http_protocol_options": { "idle_timeout": "30s" },
            protocol: choice,
        });
        if let (Some(options), Some(secret)) = (options.as_object_mut(), &self.secret) {
            let filters = json!([injector(secret), codec()]);
            options.insert("http_filters".into(), filters);
        }
        members.insert(
            "typed_extension_protocol_options".into(),
            json!({ OPTIONS: typed(OPTIONS, options) }),
        );
        cluster
    }
}

/// Puts the secret on requests as they leave, so that neither the filter nor its bundle holds it.
fn injector(secret: &str) -> Value {
    let generic = typed(
        "envoy.extensions.http.injected_credentials.generic.v3.Generic",
        json!({ "credential": {
            "name": SECRET,
            "sds_config": {
                "resource_api_version": "V3",
                "path_config_source": { "path": secret },
            },
        } }),
    );
    json!({
        "name": "envoy.filters.http.credential_injector",
        "typed_config": typed(
            "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
            json!({
                "overwrite": true,
                "credential": {
                    "name": "envoy.http.injected_credentials.generic",
                    "typed_config": generic,
                },
            }),
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

/// The document that [`Approver::secret`] names. Envoy before 1.37 adds no `Bearer` by itself, so
/// it is the whole header's value that stands there.
pub(crate) fn secret(secret: &str) -> Value {
    let resource = typed(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        json!({
            "name": SECRET,
            "generic_secret": { "secret": { "inline_string": format!("Bearer {secret}") } },
        }),
    );
    json!({ "resources": [resource] })
}

const SECRET: &str = "toolgate-approvals";
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// How many calls of one Envoy may wait for the approval service at a time.
const HELD: u32 = 512;
