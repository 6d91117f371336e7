//! Logging in: OpenID Connect, authorization code flow with PKCE. The session is the ID token
//! itself, in a cookie, so that any replica knows who comes.

mod provider;

use std::sync::Arc;

use anyhow::Context as _;
use askama::Template;
use aws_lc_rs::rand;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::{
    fault::Fault,
    filters, render,
    view::{Frame, query},
    visitor::{SESSION, cookie, keep},
};
use crate::{Service, config, error::Error, service::now};
use provider::Provider;

/// The way to the issuer and back.
pub(crate) struct Login {
    /// What the issuer knows us as.
    pub(super) client: String,
    scope: String,
    provider: Provider,
}

/// One attempt, kept by the browser until it returns. Its cookie is named by its `state`, so that
/// two tabs do not disturb each other, and nobody can finish what another browser has begun.
struct Attempt {
    nonce: String,
    verifier: String,
    to: String,
}

impl Login {
    pub(crate) fn new(login: &config::Login, issuer: &str) -> anyhow::Result<Self> {
        let secret = login.client_secret.as_ref().map(config::Secret::text);
        let secret = secret.transpose().context("`login`")?;
        let secret = secret.map(|(secret, _)| secret);
        Ok(Self {
            client: login.client_id.clone(),
            scope: login.scopes.join(" "),
            provider: Provider::new(issuer, secret)?,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Wish {
    to: Option<String>,
}

/// Sends the browser to the issuer.
pub(super) async fn begin(
    State(service): State<Arc<Service>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Fault> {
    let Some(login) = &service.login else {
        return Err(Error::unauthenticated().into());
    };
    let Query(wish) = wish?;
    let Some(endpoints) = login.provider.endpoints().await else {
        return Ok(unreachable());
    };
    let state = random()?;
    let attempt = Attempt {
        nonce: random()?,
        verifier: random()?,
        to: local(wish.to.as_deref().unwrap_or("/")).to_owned(),
    };
    let back = back(&service);
    let challenge = provider::challenge(&attempt.verifier);
    let url = endpoints.authorization(&[
        ("response_type", "code"),
        ("client_id", &login.client),
        ("redirect_uri", &back),
        ("scope", &login.scope),
        ("state", &state),
        ("nonce", &attempt.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let Some(url) = url else {
        return Ok(unreachable());
    };
    let cookie = keep(&service, &attempt_name(&state), attempt.pack(), PATIENCE);
    let mut response = Redirect::to(&url).into_response();
    set(&mut response, &cookie);
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct Return {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Takes the browser back from the issuer.
pub(super) async fn finish(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    said: Result<Query<Return>, QueryRejection>,
) -> Result<Response, Fault> {
    let Some(login) = &service.login else {
        return Err(Error::unauthenticated().into());
    };
    let Query(said) = said?;
    let name = attempt_name(said.state.as_deref().unwrap_or_default());
    let Some(attempt) = cookie(&headers, &service, &name).and_then(|text| Attempt::unpack(&text))
    else {
        let told = "this login was begun in another browser, or too long ago: log in again";
        return Ok(Fault::login(StatusCode::BAD_REQUEST, told));
    };
    if let Some(error) = said.error {
        let told = said.error_description.unwrap_or(error);
        let told = format!("the identity provider says: {told}");
        return Ok(Fault::login(StatusCode::FORBIDDEN, told));
    }
    // RFC 9207: whose answer it is.
    let ours = said.iss.is_none_or(|iss| iss == login.provider.issuer);
    let Some(code) = said.code.filter(|_| ours) else {
        let told = "this is no answer of the identity provider: log in again";
        return Ok(Fault::login(StatusCode::BAD_REQUEST, told));
    };
    let token = login
        .provider
        .redeem(&login.client, &code, &back(&service), &attempt.verifier)
        .await;
    let Some(token) = token else {
        return Ok(unreachable());
    };
    let known = service.door.login(&token, &login.client).await;
    let known = known.filter(|(_, claims)| {
        claims.get("nonce").and_then(Value::as_str) == Some(attempt.nonce.as_str())
    });
    let Some((_, claims)) = known else {
        tracing::warn!("an ID token does not hold: issuer, audience, keys, time, nonce or user");
        let told = "what the identity provider says of you is not what was agreed: tell who runs this service";
        return Ok(Fault::login(StatusCode::FORBIDDEN, told));
    };
    if token.len() > COOKIE {
        let told = format!(
            "the identity provider says more of you than a cookie holds ({} of {COOKIE} bytes): it has to send fewer claims",
            token.len()
        );
        return Ok(Fault::login(StatusCode::FORBIDDEN, told));
    }
    let until = claims
        .get("exp")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let seconds = until.saturating_sub(now().utc().timestamp()).max(1);
    let mut response = Redirect::to(local(&attempt.to)).into_response();
    set(&mut response, &keep(&service, SESSION, token, seconds));
    set(&mut response, &keep(&service, &name, String::new(), 0));
    Ok(response)
}

/// Logs out of this page; the issuer may still know the browser.
pub(super) async fn leave(State(service): State<Arc<Service>>) -> Response {
    let mut response = Redirect::to("/logout").into_response();
    set(&mut response, &keep(&service, SESSION, String::new(), 0));
    response
}

#[derive(Template)]
#[template(path = "left.html")]
struct Left {
    frame: Frame,
}

pub(super) async fn left() -> Response {
    let frame = Frame::empty();
    render(StatusCode::OK, &Left { frame })
}

/// Where to log in, to return `to`.
pub(super) fn path(to: &str) -> String {
    format!("/login?{}", query(&[("to", to)]))
}

/// `to` if it is a path of ours, else the first page. Browsers read `\` as `/`, drop tabs and line
/// breaks, and read `//` as the beginning of a host.
pub(super) fn local(to: &str) -> &str {
    let plain = to
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && to.starts_with('/') && !to.starts_with("//") && to.len() <= LONGEST {
        to
    } else {
        "/"
    }
}

impl Attempt {
    fn pack(&self) -> String {
        let to = URL_SAFE_NO_PAD.encode(&self.to);
        format!("{}.{}.{to}", self.nonce, self.verifier)
    }

    fn unpack(text: &str) -> Option<Self> {
        let (nonce, rest) = text.split_once('.')?;
        let (verifier, to) = rest.split_once('.')?;
        Some(Self {
            nonce: nonce.to_owned(),
            verifier: verifier.to_owned(),
            to: String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok()?,
        })
    }
}

fn attempt_name(state: &str) -> String {
    format!("login-{state}")
}

fn back(service: &Service) -> String {
    format!("{}/login/callback", service.url)
}

fn unreachable() -> Response {
    let told = "the identity provider does not answer as it should: try again, or tell who runs this service";
    Fault::login(StatusCode::BAD_GATEWAY, told)
}

/// 256 bits that nobody guesses.
fn random() -> Result<String, Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::out_of_order())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Seconds that a login may take.
const PATIENCE: i64 = 600;
/// Browsers drop cookies of more than 4096 bytes, name and attributes included.
const COOKIE: usize = 3_900;
/// A longer path is not worth a cookie.
const LONGEST: usize = 1_000;
