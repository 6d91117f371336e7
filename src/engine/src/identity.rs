//! Who calls: facts from the sources that the policy names, each verified by Envoy beforehand.
//!
//! What this module does not do: verify signatures. Claims come from the dynamic metadata that
//! Envoy's `jwt_authn` filter writes, which no client can reach.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::{
    call::Principal,
    config::{Identity, Mtls, Source},
    http::{Headers, Peer},
};

/// Why the caller could not be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A token is required and none was sent.
    NoToken,
    /// A token was sent and Envoy did not accept it, or it is not meant for this gateway.
    BadToken,
    /// What says whose tenant the caller is of says another.
    OtherTenant,
}

/// Reads the caller's identity, at the gateway of `tenant` if it is one's.
///
/// # Errors
/// [`Fault`] when a required token is missing, or one that was sent is bad, or another tenant's.
pub fn principal(
    identity: &Identity,
    tenant: Option<&str>,
    headers: &Headers,
    peer: &Peer,
) -> Result<Principal, Fault> {
    let claims = claims(identity, headers, peer)?;
    let facts = Facts {
        claims,
        headers,
        peer,
    };
    let said = facts.text(identity.tenant.as_ref());
    if tenant.is_some() && facts.tell_tenants(identity) && said.as_deref() != tenant {
        return Err(Fault::OtherTenant);
    }
    Ok(Principal {
        user: facts.text(identity.user.as_ref()),
        agent: facts.text(identity.agent.as_ref()),
        app: facts.text(identity.app.as_ref()),
        tenant: tenant.map(str::to_owned).or(said),
        roles: facts.list(identity.roles.as_ref(), roles),
        scopes: facts.list(identity.scopes.as_ref(), scopes),
        chain: facts.claims.as_ref().map(chain).unwrap_or_default(),
    })
}

/// Envoy's metadata of a request whose token has these claims, as `jwt_authn` writes it.
#[must_use]
pub fn metadata(claims: &Map<String, Json>) -> Vec<u8> {
    let payload = BTreeMap::from([("jwt_payload".to_owned(), Value::object(claims))]);
    let filter = Struct { fields: payload };
    prost::Message::encode_to_vec(&Metadata {
        filter_metadata: BTreeMap::from([(JWT_AUTHN.to_owned(), filter)]),
    })
}

/// The verified claims of the token, if one is there and meant for this gateway.
fn claims(identity: &Identity, headers: &Headers, peer: &Peer) -> Result<Option<Struct>, Fault> {
    if identity.issuers.is_empty() {
        return Ok(None);
    }
    let payload = peer.metadata.as_deref().and_then(jwt_payload);
    let Some(claims) = payload else {
        return match (headers.has("authorization"), identity.token_required()) {
            (true, _) => Err(Fault::BadToken),
            (false, true) => Err(Fault::NoToken),
            (false, false) => Ok(None),
        };
    };
    // Envoy checked both against its own configuration; the policy's word is the one that counts.
    let issuer = claims.claim("iss").and_then(Value::text);
    let audiences = claims.claim("aud").map(Value::texts).unwrap_or_default();
    let meant_for_us = identity.issuers.iter().any(|known| {
        issuer.as_deref() == Some(known.issuer.as_str())
            && (known.audiences.is_empty() || known.audiences.iter().any(|a| audiences.contains(a)))
    });
    if meant_for_us {
        Ok(Some(claims))
    } else {
        Err(Fault::BadToken)
    }
}

struct Facts<'a> {
    claims: Option<Struct>,
    headers: &'a Headers,
    peer: &'a Peer,
}

impl Facts<'_> {
    /// Whether something says of which tenant the caller is. Of nobody, no token does.
    const fn tell_tenants(&self, identity: &Identity) -> bool {
        match identity.tenant {
            Some(Source::Jwt(_)) => self.claims.is_some(),
            Some(Source::Mtls(_) | Source::Header(_)) => true,
            None => false,
        }
    }

    fn text(&self, source: Option<&Source>) -> Option<String> {
        let text = match source? {
            Source::Jwt(path) => self.claim(path).and_then(Value::text),
            Source::Mtls(Mtls::Spiffe) => self.peer.uri_san.clone(),
            Source::Header(name) => self.header(name).map(str::to_owned),
        };
        text.filter(|text| !text.is_empty())
    }

    /// A list; one text stands for the items that `split` finds in it.
    fn list(&self, source: Option<&Source>, split: fn(&str) -> Vec<&str>) -> BTreeSet<String> {
        let parts = |text: &str| split(text).into_iter().map(str::to_owned).collect();
        let Some(source) = source else {
            return BTreeSet::new();
        };
        match source {
            Source::Jwt(path) => match self.claim(path) {
                Some(value) => match value.text() {
                    Some(text) => parts(&text),
                    None => value.texts().into_iter().collect(),
                },
                None => BTreeSet::new(),
            },
            Source::Mtls(Mtls::Spiffe) => self.peer.uri_san.iter().cloned().collect(),
            Source::Header(name) => self.header(name).map(parts).unwrap_or_default(),
        }
    }

    fn claim(&self, path: &str) -> Option<&Value> {
        self.claims.as_ref()?.claim(path)
    }

    /// A trusted header; that it is there once and is text was checked with the head.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.one(name).ok().flatten()
    }
}

/// The headers that this policy trusts: they must be there once and be text.
#[must_use]
pub fn headers(identity: &Identity) -> Vec<&str> {
    let sources = [
        &identity.user,
        &identity.agent,
        &identity.app,
        &identity.tenant,
    ];
    let lists = [&identity.roles, &identity.scopes];
    let named = sources
        .into_iter()
        .chain(lists)
        .filter_map(|source| match source {
            Some(Source::Header(name)) => Some(name.as_str()),
            Some(Source::Jwt(_) | Source::Mtls(_)) | None => None,
        });
    named.collect()
}

/// Roles in a header are separated by commas (RFC 9110, section 5.6.1); a claim is one role.
fn roles(text: &str) -> Vec<&str> {
    text.split(',')
        .map(str::trim)
        .filter(|role| !role.is_empty())
        .collect()
}

/// Scopes are separated by spaces (RFC 6749, section 3.3).
fn scopes(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

/// The actors of nested `act` claims, outermost first (RFC 8693, section 4.1).
fn chain(claims: &Struct) -> Vec<String> {
    let mut actors = Vec::new();
    let mut claims = claims;
    while let Some(Some(Kind::Struct(actor))) = claims.fields.get("act").map(|v| v.kind.as_ref()) {
        actors.extend(actor.claim("sub").and_then(Value::text));
        claims = actor;
    }
    actors
}

/// The payload that `jwt_authn` wrote (`payload_in_metadata: jwt_payload`).
fn jwt_payload(metadata: &[u8]) -> Option<Struct> {
    let mut metadata = <Metadata as prost::Message>::decode(metadata).ok()?;
    let mut filter = metadata.filter_metadata.remove(JWT_AUTHN)?;
    match filter.fields.remove("jwt_payload")?.kind? {
        Kind::Struct(claims) => Some(claims),
        Kind::Null(_) | Kind::Number(_) | Kind::String(_) | Kind::Bool(_) | Kind::List(_) => None,
    }
}

impl Struct {
    /// The claim of exactly this name, or else the one at this dotted path.
    fn claim(&self, path: &str) -> Option<&Value> {
        if let Some(value) = self.fields.get(path) {
            return Some(value);
        }
        let (first, rest) = path.split_once('.')?;
        match self.fields.get(first)?.kind.as_ref()? {
            Kind::Struct(inner) => inner.claim(rest),
            Kind::Null(_) | Kind::Number(_) | Kind::String(_) | Kind::Bool(_) | Kind::List(_) => {
                None
            }
        }
    }
}

impl Value {
    fn object(members: &Map<String, Json>) -> Self {
        let fields = members
            .iter()
            .map(|(name, value)| (name.clone(), Self::from(value)))
            .collect();
        Self {
            kind: Some(Kind::Struct(Struct { fields })),
        }
    }

    fn text(&self) -> Option<String> {
        match self.kind.as_ref()? {
            Kind::String(text) => Some(text.clone()),
            // Some issuers use numeric subjects and tenants.
            Kind::Number(number) => Some(number.to_string()),
            Kind::Null(_) | Kind::Bool(_) | Kind::Struct(_) | Kind::List(_) => None,
        }
    }

    /// One text or a list of them, as `aud` and `groups` may be.
    fn texts(&self) -> Vec<String> {
        match &self.kind {
            Some(Kind::List(list)) => list.values.iter().filter_map(Self::text).collect(),
            Some(_) | None => self.text().into_iter().collect(),
        }
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        let kind = match json {
            Json::Null => Kind::Null(0),
            Json::Bool(bool) => Kind::Bool(*bool),
            Json::Number(number) => Kind::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Kind::String(text.clone()),
            Json::Array(items) => Kind::List(List {
                values: items.iter().map(Self::from).collect(),
            }),
            Json::Object(members) => return Self::object(members),
        };
        Self { kind: Some(kind) }
    }
}

/// `envoy.config.core.v3.Metadata`, as far as it is read here.
#[derive(Clone, PartialEq, prost::Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, prost::Message)]
struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, Value>,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

/// `google.protobuf.ListValue`
#[derive(Clone, PartialEq, prost::Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

/// The name under which the filter that verifies tokens keeps what it found.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

#[cfg(test)]
mod tests;
