//! Sign-in for trying things out: whoever opens it says who they are, and is believed.
//!
//! An OpenID provider with as much as the page's login and a person with `curl` need. It never
//! leaves this machine, its key lives as long as the process, and nothing trusts it that is not told
//! to.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::ensure;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Router,
    extract::{Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

/// The provider.
pub struct Issuer {
    /// Its `iss`, which is where it listens.
    url: String,
    audience: String,
    /// What the form offers.
    roles: Vec<String>,
    key: EncodingKey,
    public: Jwk,
    grants: Mutex<BTreeMap<String, Grant>>,
}

/// Somebody on the way through the sign-in.
struct Grant {
    wanted: Wanted,
    person: Option<Person>,
    began: Instant,
}

/// What the page asks for (RFC 6749, section 4.1.1; RFC 7636, section 4.3).
#[derive(Deserialize)]
struct Wanted {
    client_id: String,
    redirect_uri: String,
    code_challenge: String,
    code_challenge_method: String,
    state: Option<String>,
    nonce: Option<String>,
}

/// Who somebody says they are.
#[derive(Deserialize)]
struct Person {
    user: String,
    /// Words.
    #[serde(default)]
    roles: String,
}

/// The form, filled in.
#[derive(Deserialize)]
struct SignIn {
    code: String,
    user: String,
    roles: String,
}

/// A code for a token (RFC 6749, section 4.1.3).
#[derive(Deserialize)]
struct Redeem {
    code: String,
    code_verifier: String,
    redirect_uri: String,
}

impl Issuer {
    /// An issuer at that address, with a new key; `roles` are offered, `audience` is who its tokens
    /// are for.
    ///
    /// # Errors
    /// The address is open to other machines, or a role cannot be one.
    pub fn new(address: SocketAddr, audience: &str, roles: &[String]) -> anyhow::Result<Self> {
        ensure!(
            address.ip().is_loopback(),
            "`{address}` can be reached by others, and here anybody may be anybody: use 127.0.0.1"
        );
        for role in roles {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@".contains(c);
            ensure!(
                !role.is_empty() && role.chars().all(plain),
                "`{role}` is not a role: letters, digits and `_-.:/@`"
            );
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1()?.as_ref());
        let mut public = Jwk::from_encoding_key(&key, ALGORITHM)?;
        public.common.key_id = Some(KEY.to_owned());
        Ok(Self {
            url: format!("http://{address}"),
            audience: audience.to_owned(),
            roles: roles.to_vec(),
            key,
            public,
            grants: Mutex::default(),
        })
    }

    /// The issuer as something that answers requests.
    pub fn app(self) -> Router {
        let issuer = Arc::new(self);
        Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/authorize", get(ask).post(sign_in))
            .route("/token", get(token).post(redeem))
            .layer(middleware::from_fn_with_state(Arc::clone(&issuer), guard))
            .with_state(issuer)
    }

    fn sign(&self, person: &Person, audience: &str, nonce: Option<&str>) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let roles: Vec<&str> = person.roles.split([' ', ',']).collect();
        let roles: Vec<_> = roles.into_iter().filter(|role| !role.is_empty()).collect();
        let mut claims = json!({
            "iss": self.url,
            "aud": audience,
            "sub": person.user.trim(),
            "groups": roles,
            "iat": now,
            "exp": now.saturating_add(LIFETIME.as_secs()),
        });
        if let (Some(nonce), Some(claims)) = (nonce, claims.as_object_mut()) {
            claims.insert("nonce".into(), nonce.into());
        }
        let mut head = Header::new(ALGORITHM);
        head.kid = Some(KEY.to_owned());
        encode(&head, &claims, &self.key).ok()
    }

    /// Does something with the sign-ins that are under way.
    fn grants<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Grant>) -> T) -> T {
        // A map that somebody panicked beside is a map.
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.retain(|_, grant| grant.began.elapsed() < PATIENCE);
        work(&mut grants)
    }
}

/// A page of another origin may send a browser here, under a name of its own (DNS rebinding): what is
/// not asked for by our address is not answered, so that it reads nothing.
async fn guard(State(issuer): State<Arc<Issuer>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    if issuer.url.strip_prefix("http://") != Some(host) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            format!("this is {}\n", issuer.url),
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn metadata(State(issuer): State<Arc<Issuer>>) -> Response {
    let at = |path: &str| format!("{}{path}", issuer.url);
    json_of(&json!({
        "issuer": issuer.url,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(issuer): State<Arc<Issuer>>) -> Response {
    json_of(&json!({ "keys": [issuer.public] }))
}

/// The form. Nothing of the request stands in it but a code of our own.
async fn ask(State(issuer): State<Arc<Issuer>>, Query(wanted): Query<Wanted>) -> Response {
    if wanted.code_challenge_method != "S256" {
        return refuse("`code_challenge_method` has to be `S256`");
    }
    if !is_local(&wanted.redirect_uri) {
        return refuse("`redirect_uri` has to be on this machine");
    }
    let mut code = [0; 16];
    if rand::fill(&mut code).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let code = URL_SAFE_NO_PAD.encode(code);
    let page = FORM
        .replace("{code}", &code)
        .replace("{roles}", &issuer.roles.join(" "));
    let grant = Grant {
        wanted,
        person: None,
        began: Instant::now(),
    };
    issuer.grants(|grants| grants.insert(code, grant));
    Html(page).into_response()
}

/// Back to the page, with the code.
async fn sign_in(State(issuer): State<Arc<Issuer>>, Form(form): Form<SignIn>) -> Response {
    if form.user.trim().is_empty() {
        return refuse("say who you are: `user` is empty");
    }
    let target = issuer.grants(|grants| {
        let grant = grants.get_mut(&form.code)?;
        let mut target = Url::parse(&grant.wanted.redirect_uri).ok()?;
        target
            .query_pairs_mut()
            .append_pair("code", &form.code)
            .append_pair("iss", &issuer.url)
            .extend_pairs(grant.wanted.state.iter().map(|state| ("state", state)));
        grant.person = Some(Person {
            user: form.user,
            roles: form.roles,
        });
        Some(target)
    });
    match target {
        Some(target) => Redirect::to(target.as_str()).into_response(),
        None => refuse("this sign-in took too long: begin again at the page you came from"),
    }
}

async fn redeem(State(issuer): State<Arc<Issuer>>, Form(redeem): Form<Redeem>) -> Response {
    let challenge = digest(&SHA256, redeem.code_verifier.as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    let grant = issuer.grants(|grants| grants.remove(&redeem.code));
    let Some(Grant {
        wanted,
        person: Some(person),
        ..
    }) = grant
    else {
        return refuse("invalid_grant");
    };
    if wanted.code_challenge != challenge || wanted.redirect_uri != redeem.redirect_uri {
        return refuse("invalid_grant");
    }
    let Some(token) = issuer.sign(&person, &wanted.client_id, wanted.nonce.as_deref()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    json_of(&json!({
        "id_token": token,
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": LIFETIME.as_secs(),
    }))
}

/// A token without a browser: `curl 'http://127.0.0.1:8182/token?user=fiona&roles=finance_approver'`.
async fn token(State(issuer): State<Arc<Issuer>>, Query(person): Query<Person>) -> Response {
    match issuer.sign(&person, &issuer.audience, None) {
        Some(token) => token.into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn is_local(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn json_of(value: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, value.to_string()).into_response()
}

/// RFC 6749, section 5.2.
fn refuse(why: &str) -> Response {
    let body = json_of(&json!({ "error": why }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

const ALGORITHM: Algorithm = Algorithm::ES256;
const KEY: &str = "trial";
/// As long as one tries things out.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);
/// How long a sign-in may take.
const PATIENCE: Duration = Duration::from_secs(600);
const FORM: &str = include_str!("issuer/form.html");

#[cfg(test)]
mod tests;
