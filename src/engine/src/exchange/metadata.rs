//! What the gateway says of itself as an OAuth resource server (RFC 9728), and which web origins
//! may call it.

use serde_json::json;

use crate::{
    gateway::RESOURCE_METADATA as WELL_KNOWN,
    http::{Headers, Reply},
    policy::Policy,
    refusal::{Refusal, json_reply},
};

/// The answer to a request for protected-resource metadata; `None` where it asks for something else.
pub(super) fn serve(policy: &Policy, headers: &Headers) -> Option<Reply> {
    let identity = policy.identity();
    if identity.issuers.is_empty() || headers.one(":method").ok()?? != "GET" {
        return None;
    }
    let path = headers.one(":path").ok()??;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let endpoint = match path.strip_prefix(WELL_KNOWN)? {
        // RFC 9728, section 3: without a path the document is that of the origin's one resource.
        "" => resource_path(identity.resource.as_deref()?),
        endpoint => endpoint,
    };
    policy.endpoint(endpoint)?;
    let servers: Vec<_> = identity
        .issuers
        .iter()
        .map(|issuer| &issuer.issuer)
        .collect();
    let document = json!({
        "resource": format!("{}{endpoint}", origin(policy, headers)?),
        "authorization_servers": servers,
        "bearer_methods_supported": ["header"],
    });
    let mut reply = json_reply(200, document.to_string());
    reply
        .headers
        .push(("cache-control", "max-age=300".to_owned()));
    reply
        .headers
        .push(("access-control-allow-origin", "*".to_owned()));
    reply.details = "toolgate_resource_metadata".to_owned();
    Some(reply)
}

/// Where the metadata of the endpoint at `path` is found.
pub(super) fn url(policy: &Policy, headers: &Headers, path: &str) -> Option<String> {
    if policy.identity().issuers.is_empty() {
        return None;
    }
    Some(format!("{}{WELL_KNOWN}{path}", origin(policy, headers)?))
}

/// Refuses a browser's request from an origin that nobody allowed (MCP transports, "Security
/// Warning": DNS rebinding). Requests without `Origin` come from no browser.
pub(super) fn check_origin(policy: &Policy, headers: &Headers) -> Result<(), Refusal> {
    if !headers.has("origin") {
        return Ok(());
    }
    let Ok(Some(sent)) = headers.one("origin") else {
        return Err(Refusal::Origin);
    };
    let identity = policy.identity();
    let listed = identity.origins.iter().any(|allowed| allowed == sent);
    let own = identity
        .resource
        .as_deref()
        .is_some_and(|resource| split(resource).0 == sent);
    // A developer's machine: both ends must be loopback, or a rebound name would pass.
    let host = headers.one(":authority").ok().flatten().unwrap_or_default();
    let local = is_loopback(authority(sent)) && is_loopback(host);
    if listed || own || local {
        Ok(())
    } else {
        Err(Refusal::Origin)
    }
}

/// Scheme and authority under which clients reach the gateway: as configured, or else as asked.
fn origin(policy: &Policy, headers: &Headers) -> Option<String> {
    if let Some(resource) = &policy.identity().resource {
        return Some(split(resource).0.to_owned());
    }
    let scheme = headers.one(":scheme").ok()??;
    let host = headers.one(":authority").ok()??;
    Some(format!("{scheme}://{host}"))
}

fn resource_path(resource: &str) -> &str {
    split(resource).1
}

/// A URI's origin and its path.
fn split(uri: &str) -> (&str, &str) {
    let authority = uri.find("://").map_or(0, |at| at + 3);
    let rest = uri.get(authority..).unwrap_or_default();
    let path = rest.find('/').map_or(uri.len(), |at| authority + at);
    (
        uri.get(..path).unwrap_or_default(),
        uri.get(path..).unwrap_or_default(),
    )
}

fn authority(origin: &str) -> &str {
    origin
        .split_once("://")
        .map_or(origin, |(_, authority)| authority)
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority
            .split_once(':')
            .map_or(authority, |(host, _)| host),
    };
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}
