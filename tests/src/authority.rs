//! An authorization server that says yes to everybody: discovery, registration, codes with PKCE,
//! ES256 tokens. And tokens without asking, for tests that only need one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Form, Query};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::serve::Served;

/// The server; it ends when this is dropped.
pub struct Authority {
    served: Served,
    state: Arc<State>,
}

struct State {
    issuer: String,
    key: SigningKey,
    codes: Mutex<BTreeMap<String, Parameters>>,
    grants: Mutex<Vec<String>>,
}

type Parameters = BTreeMap<String, String>;
type Reply = (StatusCode, [(HeaderName, String); 1], String);

impl Authority {
    /// Starts it on loopback.
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr: SocketAddr = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            issuer: format!("http://{addr}"),
            key: key(1),
            codes: Mutex::default(),
            grants: Mutex::default(),
        });
        let served = Served::on(listener, router(&state)).expect("loopback has ports");
        Self { served, state }
    }

    /// Its issuer, which is also its URL.
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.served.addr()
    }

    /// Its key set.
    pub fn keys(&self) -> Value {
        jwks(&self.state.key)
    }

    /// A token with these claims, beside issuer and times; they may be overridden too.
    pub fn token(&self, claims: &Value) -> String {
        self.state.sign(&self.state.key, claims)
    }

    /// The same from a key that is in no key set.
    pub fn forged(&self, claims: &Value) -> String {
        self.state.sign(&key(2), claims)
    }

    /// The scopes of every token that clients got by a code, in order.
    pub fn grants(&self) -> Vec<String> {
        self.state.grants.lock().expect("no holder panics").clone()
    }
}

impl State {
    fn sign(&self, key: &SigningKey, claims: &Value) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let mut payload =
            json!({ "iss": self.issuer, "iat": now, "exp": now + 3_600, "jti": now.to_string() });
        for (claim, value) in claims.as_object().into_iter().flatten() {
            payload[claim] = value.clone();
        }
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": "rig" });
        let signed = format!(
            "{}.{}",
            encode(head.to_string()),
            encode(payload.to_string())
        );
        let signature: Signature = key.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// Says yes at once, as a user would.
    fn authorize(&self, request: Parameters) -> Reply {
        let missing = ["client_id", "redirect_uri", "code_challenge", "resource"]
            .into_iter()
            .find(|name| !request.contains_key(*name));
        if let Some(missing) = missing {
            return refuse(&format!("{missing} is missing"));
        }
        let code = {
            let mut codes = self.codes.lock().expect("no holder panics");
            let code = format!("code-{}", codes.len());
            codes.insert(code.clone(), request.clone());
            code
        };
        let mut target = format!(
            "{}?code={code}&iss={}",
            request["redirect_uri"], self.issuer
        );
        if let Some(state) = request.get("state") {
            target += &format!("&state={state}");
        }
        (StatusCode::FOUND, [(LOCATION, target)], String::new())
    }

    fn redeem(&self, request: &Parameters) -> Reply {
        let said = |name: &str| request.get(name).map_or("", String::as_str);
        let Some(granted) = self
            .codes
            .lock()
            .expect("no holder panics")
            .remove(said("code"))
        else {
            return refuse("invalid_grant");
        };
        let challenge = encode(Sha256::digest(said("code_verifier")));
        if challenge != granted["code_challenge"] || said("resource") != granted["resource"] {
            return refuse("invalid_grant");
        }
        let scope = granted.get("scope").cloned().unwrap_or_default();
        self.grants
            .lock()
            .expect("no holder panics")
            .push(scope.clone());
        let claims = json!({
            "sub": "alice", "aud": granted["resource"], "client_id": granted["client_id"],
            "azp": granted["client_id"], "scope": scope,
        });
        let token = self.sign(&self.key, &claims);
        reply(&json!({
            "access_token": token, "token_type": "Bearer", "expires_in": 3_600, "scope": scope,
        }))
    }
}

fn router(state: &Arc<State>) -> Router {
    let metadata = reply(&state.metadata());
    let keys = reply(&jwks(&state.key));
    let (authorizing, redeeming) = (state.clone(), state.clone());
    Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(move || async move { metadata.clone() }),
        )
        .route("/jwks", get(move || async move { keys.clone() }))
        .route("/register", post(register))
        .route(
            "/authorize",
            get(move |Query(request): Query<Parameters>| async move {
                authorizing.authorize(request)
            }),
        )
        .route(
            "/token",
            post(move |Form(request): Form<Parameters>| async move { redeeming.redeem(&request) }),
        )
}

async fn register(body: String) -> Reply {
    let mut client: Value = serde_json::from_str(&body).unwrap_or_default();
    client["client_id"] = json!("registered-client");
    client["token_endpoint_auth_method"] = json!("none");
    let (_, headers, body) = reply(&client);
    (StatusCode::CREATED, headers, body)
}

fn reply(body: &Value) -> Reply {
    (
        StatusCode::OK,
        [(CONTENT_TYPE, "application/json".into())],
        body.to_string(),
    )
}

fn refuse(error: &str) -> Reply {
    let (_, headers, body) = reply(&json!({ "error": error }));
    (StatusCode::BAD_REQUEST, headers, body)
}

/// Fixed keys: nothing of worth is signed with them, and runs are alike.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).expect("a scalar below the order")
}

fn jwks(key: &SigningKey) -> Value {
    let point = key.verifying_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| encode(bytes.expect("not at infinity"));
    json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "rig", "use": "sig", "alg": "ES256",
        "x": coordinate(point.x()), "y": coordinate(point.y()),
    }] })
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
