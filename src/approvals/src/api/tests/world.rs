//! A service with a database of its own, an issuer, and people.

use std::{fs, path::Path, time::SystemTime};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::{config::Config, store::Store};

pub(super) struct World {
    app: Router,
    pub(super) issuer: Issuer,
    folder: Arc<TempDir>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// The text as JSON, where it is.
    pub(super) body: Value,
}

/// Somebody who signs tokens.
pub(super) struct Issuer {
    pub(super) key: EncodingKey,
    pub(super) algorithm: Algorithm,
    pub(super) kid: &'static str,
}

async fn serve(folder: &Path) -> Router {
    let config = Config::read(&folder.join("config")).unwrap();
    let store = open(folder).await;
    app(Arc::new(Service::new(&config, store).unwrap()))
}

async fn open(folder: &Path) -> Store {
    let database = format!("sqlite:{}", folder.join("db").display());
    Store::open(&database).await.unwrap()
}

impl World {
    pub(super) async fn new() -> Self {
        let issuer = Issuer::ed("ed");
        Self::with(&[&issuer]).await.of(issuer)
    }

    pub(super) async fn with(issuers: &[&Issuer]) -> Self {
        Self::configured(issuers, &json!({})).await
    }

    /// With some of the configuration in place of what is usual.
    pub(super) async fn configured(issuers: &[&Issuer], other: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name| folder.path().join(name);
        let keys: Vec<_> = issuers.iter().map(|issuer| issuer.public()).collect();
        fs::write(at("jwks.json"), json!({ "keys": keys }).to_string()).unwrap();
        fs::write(at("secret"), SECRET).unwrap();
        let mut config = json!({
            "public_url": "https://approvals.example.com/",
            "filter": { "secret": { "file": at("secret") } },
            "approvers": {
                "issuer": "https://idp.example.com",
                "audience": "approvals",
                "jwks": { "file": at("jwks.json") },
                "claims": { "roles": "realm.roles", "tenant": "tenant" },
            },
            "unmask": { "roles": ["auditor"] },
            "automatic": [
                { "id": "trifles", "when": "args.amount < 0", "decision": "approve", "reason": "a trifle" },
                { "id": "frozen", "when": "tool.name == 'wipe'", "decision": "deny", "reason": "frozen" },
            ],
        });
        for (name, value) in other.as_object().unwrap() {
            config[name] = value.clone();
        }
        // JSON is YAML.
        fs::write(at("config"), config.to_string()).unwrap();
        Self {
            app: serve(folder.path()).await,
            issuer: Issuer::ed("unused"),
            folder: Arc::new(folder),
        }
    }

    /// What it keeps.
    pub(super) async fn store(&self) -> Store {
        open(self.folder.path()).await
    }

    /// The same through another replica, which hears nothing of what is decided here.
    pub(super) async fn replica(&self, issuer: Issuer) -> Self {
        Self {
            app: serve(self.folder.path()).await,
            issuer,
            folder: Arc::clone(&self.folder),
        }
    }

    pub(super) fn of(self, issuer: Issuer) -> Self {
        Self { issuer, ..self }
    }

    pub(super) fn token(&self, person: &str, roles: &[&str], tenant: &str) -> String {
        self.issuer.token(&claims(person, roles, tenant))
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Said {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        Said {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// How a request is answered, whose answer may have no end.
    pub(super) async fn status(&self, request: Request<Body>) -> StatusCode {
        self.app.clone().oneshot(request).await.unwrap().status()
    }

    pub(super) async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Said {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Said {
        self.call("GET", path, token, &Value::Null).await
    }

    /// The filter asks; the answer.
    pub(super) async fn ask(&self, ask: &Value) -> Value {
        let said = self.call("POST", "/v1/asks", SECRET, ask).await;
        assert_eq!(said.status, StatusCode::OK, "{said:?}");
        said.body
    }

    /// Somebody lends their role of finance; the delegation.
    pub(super) async fn lend(&self, giver: &str, to: &str) -> Value {
        let said = self.call("POST", "/v1/delegations", giver, &loan(to)).await;
        assert_eq!(said.status, StatusCode::OK, "{said:?}");
        said.body
    }

    pub(super) async fn decide(
        &self,
        id: &Value,
        verdict: &str,
        token: &str,
        reason: Value,
    ) -> Said {
        let path = format!("/v1/asks/{}/{verdict}", id.as_str().unwrap());
        self.call("POST", &path, token, &json!({ "reason": reason }))
            .await
    }
}

impl Issuer {
    pub(super) fn ed(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self {
            key,
            algorithm: Algorithm::EdDSA,
            kid,
        }
    }

    pub(super) fn es(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self {
            key,
            algorithm: Algorithm::ES256,
            kid,
        }
    }

    pub(super) fn rs(kid: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // PKCS#8 wraps the PKCS#1 that is wanted here, behind a head of fixed length.
        let key = EncodingKey::from_rsa_der(&pair.as_der().unwrap().as_ref()[26..]);
        Self {
            key,
            algorithm: Algorithm::RS256,
            kid,
        }
    }

    fn public(&self) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        key.common.key_id = Some(self.kid.to_owned());
        key
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        let mut head = Header::new(self.algorithm);
        head.kid = Some(self.kid.to_owned());
        encode(&head, claims, &self.key).unwrap()
    }
}

pub(super) fn claims(person: &str, roles: &[&str], tenant: &str) -> Value {
    json!({
        "iss": "https://idp.example.com",
        "aud": ["approvals"],
        "exp": seconds() + 300,
        "sub": person,
        "realm": { "roles": roles },
        "tenant": tenant,
    })
}

pub(super) fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
