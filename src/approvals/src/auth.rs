//! Who calls: the filter, by a secret that both know or by its certificate, or a person, by a token
//! of the approvers' issuer.

mod certificate;
mod keys;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::{
    Service, config,
    error::Error,
    service::now,
    store::{Lent, Sight},
};
use keys::Keys;

/// Envoy's filter.
pub(crate) struct Filter;

/// Somebody who reads and decides.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) roles: Vec<String>,
    /// What others have made them for a time.
    lent: Vec<Lent>,
    /// As [`Sight::tenant`].
    tenant: Option<Option<String>>,
}

/// What tells callers apart.
pub(crate) struct Door {
    proof: Proof,
    keys: Keys,
    validation: Validation,
    claims: config::Claims,
}

/// What the filter shows.
enum Proof {
    Secret(String),
    Certificate { uri: String },
}

enum Caller {
    Filter,
    Person(Person),
}

impl Door {
    pub(crate) fn new(
        filter: &config::Filter,
        approvers: &config::Approvers,
    ) -> anyhow::Result<Self> {
        let proof = match filter {
            config::Filter::Secret(secret) => Proof::Secret(secret.read()?),
            config::Filter::Certificate(certificate) => Proof::Certificate {
                uri: certificate.uri.clone(),
            },
        };
        let mut validation = Validation::new(Algorithm::RS256);
        // Signatures that only the issuer can make; a key of another family does not fit these.
        validation.algorithms = ALGORITHMS.to_vec();
        validation.set_issuer(&[&approvers.issuer]);
        validation.set_audience(&[&approvers.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss"]);
        validation.validate_nbf = true;
        validation.leeway = 30;
        Ok(Self {
            proof,
            keys: Keys::new(approvers.jwks.clone())?,
            validation,
            claims: approvers.claims.clone(),
        })
    }

    async fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let header = headers.get(header::AUTHORIZATION);
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = token.map(|(_, token)| token.trim());
        let filter = match (&self.proof, token) {
            (Proof::Secret(secret), Some(token)) => {
                bool::from(secret.as_bytes().ct_eq(token.as_bytes()))
            }
            (Proof::Certificate { uri }, None) => certificate::proves(headers, uri),
            (Proof::Secret(_), None) | (Proof::Certificate { .. }, Some(_)) => false,
        };
        if filter {
            return Some(Caller::Filter);
        }
        let token = token?;
        let claims = self.claims(token, self.validation.clone()).await?;
        Some(Caller::Person(self.person(&claims)?))
    }

    /// Who logged in to the page, by an ID token for `client`, and what it says. It opens no more
    /// than the page, as an access token's audience is another.
    pub(crate) async fn login(&self, token: &str, client: &str) -> Option<(Person, Value)> {
        let mut validation = self.validation.clone();
        validation.set_audience(&[client]);
        let claims = self.claims(token, validation).await?;
        // OpenID Connect Core 1.0, section 3.1.3.7: who it was issued to, where that is told apart.
        if claims.get("azp").is_some_and(|party| party != client) {
            return None;
        }
        Some((self.person(&claims)?, claims))
    }

    async fn claims(&self, token: &str, mut validation: Validation) -> Option<Value> {
        let head = decode_header(token).ok()?;
        if !ALGORITHMS.contains(&head.alg) {
            return None;
        }
        let key = self.keys.find(head.kid.as_deref()).await?;
        // The library wants one family at a time: the key's, which the header has to name.
        validation
            .algorithms
            .retain(|algorithm| algorithm.family() == key.family());
        Some(decode::<Value>(token, &key, &validation).ok()?.claims)
    }

    fn person(&self, claims: &Value) -> Option<Person> {
        let tenant = self.claims.tenant.as_deref();
        Some(Person {
            id: text(claims, &self.claims.user).filter(|id| is_person(id))?,
            roles: words(claims, &self.claims.roles),
            lent: Vec::new(),
            tenant: tenant.map(|path| text(claims, path)),
        })
    }
}

impl Person {
    pub(crate) fn sight(&self) -> Sight<'_> {
        Sight {
            person: &self.id,
            roles: &self.roles,
            lent: &self.lent,
            tenant: self.tenant.as_ref().map(Option::as_deref),
        }
    }
}

impl FromRequestParts<Arc<Service>> for Filter {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Error> {
        match admit(parts, service).await? {
            Caller::Filter => Ok(Self),
            Caller::Person(_) => Err(Error::forbidden("only the filter asks")),
        }
    }
}

impl FromRequestParts<Arc<Service>> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Error> {
        match admit(parts, service).await? {
            Caller::Filter => Err(Error::forbidden("only people read and decide")),
            Caller::Person(person) => Ok(person),
        }
    }
}

async fn admit(parts: &Parts, service: &Service) -> Result<Caller, Error> {
    match service.door.caller(&parts.headers).await {
        // The filter's own limits hold before it asks.
        Some(Caller::Filter) => Ok(Caller::Filter),
        Some(Caller::Person(person)) => Ok(Caller::Person(welcome(person, service).await?)),
        None => {
            count_stranger(parts, service)?;
            Err(Error::unauthenticated())
        }
    }
}

/// Whether a name can be a person's: rules of the configuration decide under names of their own.
pub(crate) fn is_person(name: &str) -> bool {
    !name.trim().is_empty() && !name.starts_with(AUTOMATIC)
}

/// Somebody who is known: not too often, and with what others have lent them.
pub(crate) async fn welcome(person: Person, service: &Service) -> Result<Person, Error> {
    service.limit(format!("person {}", person.id))?;
    let tenant = person.sight().tenant.flatten();
    let lent = service.store.lent(&person.id, tenant, now()).await?;
    Ok(Person { lent, ..person })
}

/// Whoever nobody knows may not come too often either.
pub(crate) fn count_stranger(parts: &Parts, service: &Service) -> Result<(), Error> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    service.limit(format!("peer {:?}", peer.map(|peer| peer.0.ip())))
}

/// A claim by its path: `sub`, `realm_access.roles`.
fn claim<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    // A name may itself hold dots, as URIs do.
    let whole = claims.get(path);
    whole.or_else(|| {
        path.split('.')
            .try_fold(claims, |value, name| value.get(name))
    })
}

fn text(claims: &Value, path: &str) -> Option<String> {
    let text = claim(claims, path)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A list, or words in one text.
fn words(claims: &Value, path: &str) -> Vec<String> {
    match claim(claims, path) {
        Some(Value::Array(items)) => {
            let items = items.iter().filter_map(Value::as_str);
            items.map(str::to_owned).collect()
        }
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}

/// What the name of a rule of the configuration begins with, where it decides.
pub(crate) const AUTOMATIC: &str = "automatic:";
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
