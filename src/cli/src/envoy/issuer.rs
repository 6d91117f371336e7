//! Token issuers, and the filter that verifies what they sign.

use serde_json::{Value, json};

use super::{Upstream, typed};

/// A token issuer.
pub(crate) struct Issuer {
    /// The `iss` claim.
    pub(crate) issuer: String,
    /// Accepted `aud` claims; empty: any.
    pub(crate) audiences: Vec<String>,
    /// Its public keys.
    pub(crate) jwks: Jwks,
}

/// Where an issuer's public keys are.
pub(crate) enum Jwks {
    /// Fetched by Envoy, through a cluster of its own.
    Url(String, Upstream),
    /// A file that Envoy reads.
    File(String),
    /// The key set itself.
    Inline(String),
}

impl Jwks {
    /// Whether the keys are the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Url(one, _), Self::Url(other, _))
            | (Self::File(one), Self::File(other))
            | (Self::Inline(one), Self::Inline(other)) => one == other,
            (Self::Url(..) | Self::File(_) | Self::Inline(_), _) => false,
        }
    }
}

/// Tokens are verified here and missing or bad ones let pass: the filter answers those itself,
/// with the challenge that MCP clients follow. Without issuers there is nothing to verify.
pub(super) fn jwt_authn(issuers: &[Issuer]) -> Option<Value> {
    if issuers.is_empty() {
        return None;
    }
    let name = |index: usize| format!("issuer-{index}");
    let providers: serde_json::Map<String, Value> = issuers
        .iter()
        .enumerate()
        .map(|(index, issuer)| (name(index), provider(issuer)))
        .collect();
    let mut any: Vec<Value> = (0..issuers.len())
        .map(|index| json!({ "provider_name": name(index) }))
        .collect();
    any.push(json!({ "allow_missing_or_failed": {} }));
    Some(json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", json!({
            "providers": providers,
            "rules": [{
                "match": { "prefix": "/" },
                "requires": { "requires_any": { "requirements": any } },
            }],
        })),
    }))
}

fn provider(issuer: &Issuer) -> Value {
    let mut provider = json!({
        "issuer": issuer.issuer,
        // The header only: a token in a query string would end up in logs.
        "from_headers": [{ "name": "Authorization", "value_prefix": "Bearer " }],
        "payload_in_metadata": "jwt_payload",
        "require_expiration": true,
    });
    if let Some(members) = provider.as_object_mut() {
        if !issuer.audiences.is_empty() {
            members.insert("audiences".into(), json!(issuer.audiences));
        }
        let (key, value) = match &issuer.jwks {
            Jwks::Url(url, upstream) => (
                "remote_jwks",
                json!({
                    "http_uri": { "uri": url, "cluster": upstream.cluster, "timeout": "5s" },
                    "cache_duration": "300s",
                    "async_fetch": { "fast_listener": true },
                }),
            ),
            Jwks::File(path) => ("local_jwks", json!({ "filename": path })),
            Jwks::Inline(keys) => ("local_jwks", json!({ "inline_string": keys })),
        };
        members.insert(key.into(), value);
    }
    provider
}
