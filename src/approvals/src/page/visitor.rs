//! Who looks: by the cookie of their login, or by a bearer token that a proxy in front adds.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use cookie::{Cookie, SameSite, time::Duration};

use super::fault::Fault;
use crate::{
    Service,
    auth::{Person, count_stranger, welcome},
};

/// Somebody who looks.
pub(super) struct Visitor {
    pub(super) person: Person,
    /// Whether we have logged them in, and can log them out.
    pub(super) here: bool,
}

impl FromRequestParts<Arc<Service>> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Fault> {
        let login = match &service.login {
            Some(login) if !parts.headers.contains_key(header::AUTHORIZATION) => login,
            Some(_) | None => {
                let person = Person::from_request_parts(parts, service).await?;
                return Ok(Self {
                    person,
                    here: false,
                });
            }
        };
        let known = match cookie(&parts.headers, service, SESSION) {
            Some(token) => service.door.login(&token, &login.client).await,
            None => None,
        };
        if let Some((person, _)) = known {
            let person = welcome(person, service).await?;
            return Ok(Self { person, here: true });
        }
        count_stranger(parts, service)?;
        let to = parts.uri.path_and_query().map_or("/", |to| to.as_str());
        Err(if parts.method == Method::GET {
            Fault::Stranger(to.to_owned())
        } else {
            Fault::Late(parts.uri.path().to_owned())
        })
    }
}

/// What a browser keeps under `name`.
pub(super) fn cookie(headers: &HeaderMap, service: &Service, name: &str) -> Option<String> {
    let name = full(service, name);
    let headers = headers.get_all(header::COOKIE).iter();
    let mut cookies = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse);
    cookies.find_map(|cookie| {
        let cookie = cookie.ok()?;
        (cookie.name() == name).then(|| cookie.value().to_owned())
    })
}

/// What a browser is to keep: for us alone, out of scripts' sight, and not sent along when another
/// site loads or sends something.
pub(super) fn keep(service: &Service, name: &str, value: String, seconds: i64) -> String {
    Cookie::build((full(service, name), value))
        .path("/")
        .http_only(true)
        .secure(is_secure(service))
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .to_string()
}

/// Browsers take a `__Host-` cookie from the very host only, over TLS.
fn full(service: &Service, name: &str) -> String {
    let prefix = if is_secure(service) { "__Host-" } else { "" };
    format!("{prefix}toolgate-{name}")
}

fn is_secure(service: &Service) -> bool {
    service.url.starts_with("https://")
}

pub(super) const SESSION: &str = "session";
