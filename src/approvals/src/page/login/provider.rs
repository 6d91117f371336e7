//! The issuer, as it describes itself (OpenID Connect Discovery 1.0).

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, RequestBuilder, Url, header::CONTENT_TYPE, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::page::view::query;

/// Who knows the people.
pub(super) struct Provider {
    pub(super) issuer: String,
    secret: Option<String>,
    client: Client,
    /// What it said last, and when.
    known: Mutex<Option<(Endpoints, Instant)>>,
}

/// Where it does what.
#[derive(Clone, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Provider {
    pub(super) fn new(issuer: &str, secret: Option<String>) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(Duration::from_secs(10))
            // A code goes to the issuer and to nobody else.
            .redirect(Policy::none())
            .build()?;
        Ok(Self {
            issuer: issuer.to_owned(),
            secret,
            client,
            known: Mutex::default(),
        })
    }

    pub(super) async fn endpoints(&self) -> Option<Endpoints> {
        let mut known = self.known.lock().await;
        if let Some((endpoints, read)) = &*known
            && read.elapsed() < FRESH
        {
            return Some(endpoints.clone());
        }
        let issuer = self.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        match read::<Endpoints>(self.client.get(url)).await {
            Ok(endpoints) if endpoints.issuer == self.issuer => {
                *known = Some((endpoints.clone(), Instant::now()));
                Some(endpoints)
            }
            Ok(endpoints) => {
                tracing::error!("the issuer calls itself `{}`", endpoints.issuer);
                None
            }
            Err(error) => {
                tracing::error!(%error, "cannot read the issuer's configuration");
                // Better what it said an hour ago than nobody who can decide.
                known.as_ref().map(|(endpoints, _)| endpoints.clone())
            }
        }
    }

    /// The ID token for a code.
    pub(super) async fn redeem(
        &self,
        client: &str,
        code: &str,
        back: &str,
        verifier: &str,
    ) -> Option<String> {
        let endpoint = self.endpoints().await?.token_endpoint;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", verifier),
        ];
        let mut request = self.client.post(endpoint);
        match &self.secret {
            // RFC 6749, section 2.3.1: both are form-encoded first.
            Some(secret) => request = request.basic_auth(encode(client), Some(encode(secret))),
            None => form.push(("client_id", client)),
        }
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(query(&form));
        match read::<Tokens>(request).await {
            Ok(tokens) => Some(tokens.id_token),
            Err(error) => {
                tracing::error!(%error, "the issuer gives no token for a code");
                None
            }
        }
    }
}

impl Endpoints {
    /// Where a browser is to go.
    pub(super) fn authorization(&self, parameters: &[(&str, &str)]) -> Option<String> {
        let mut url = Url::parse(&self.authorization_endpoint).ok()?;
        url.query_pairs_mut().extend_pairs(parameters);
        Some(url.into())
    }
}

/// RFC 7636, `S256`.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failure> {
    let mut answer = request.send().await?;
    let status = answer.status();
    let mut text = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        text.extend_from_slice(&piece);
        if text.len() > LENGTH {
            return Err("the answer is too long".into());
        }
    }
    if !status.is_success() {
        let told = String::from_utf8_lossy(&text);
        let told: String = told.chars().take(300).collect();
        return Err(format!("it answers {status}: {}", told.escape_debug()).into());
    }
    Ok(serde_json::from_slice(&text)?)
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

const FRESH: Duration = Duration::from_secs(3_600);
const LENGTH: usize = 1 << 20;

#[cfg(test)]
mod tests;
