//! The keys of the approvers' issuer, as it publishes them.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use tokio::sync::Mutex;

use crate::config::Jwks;

/// A JWK set (RFC 7517), read again when it is old or lacks a key.
pub(super) struct Keys {
    from: Jwks,
    client: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    set: Option<(JwkSet, Instant)>,
    tried: Option<Instant>,
}

impl Keys {
    pub(super) fn new(from: Jwks) -> anyhow::Result<Self> {
        // A file has to be there from the beginning; an issuer may start after us.
        if let Jwks::File(path) = &from {
            let place = || format!("cannot read the approvers' keys in `{}`", path.display());
            let text = fs::read(path).with_context(place)?;
            serde_json::from_slice::<JwkSet>(&text).with_context(place)?;
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            // Keys come from where the operator wrote, and from nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            from,
            client,
            known: Mutex::default(),
        })
    }

    /// The key that a token names; where it names none, the only one there is.
    pub(super) async fn find(&self, kid: Option<&str>) -> Option<DecodingKey> {
        let mut known = self.known.lock().await;
        if let Some(key) = known.find(kid, FRESH) {
            return Some(key);
        }
        // Forged key ids must not make us knock at the issuer's door each time.
        if known.tried.is_none_or(|tried| tried.elapsed() > PAUSE) {
            known.tried = Some(Instant::now());
            match self.read().await {
                Ok(set) => known.set = Some((set, Instant::now())),
                Err(error) => tracing::warn!("cannot read the approvers' keys: {error}"),
            }
        }
        known.find(kid, STALE)
    }

    async fn read(&self) -> Result<JwkSet, Box<dyn std::error::Error + Send + Sync>> {
        let text = match &self.from {
            Jwks::File(path) => tokio::fs::read(path).await?,
            Jwks::Url(url) => {
                let answer = self.client.get(url).send().await?.error_for_status()?;
                if answer.content_length().is_none_or(|length| length > LENGTH) {
                    return Err("the answer says no length, or is too long".into());
                }
                answer.bytes().await?.to_vec()
            }
        };
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Known {
    fn find(&self, kid: Option<&str>, age: Duration) -> Option<DecodingKey> {
        let (set, read) = self.set.as_ref()?;
        if read.elapsed() > age {
            return None;
        }
        let key = match (kid, set.keys.as_slice()) {
            (Some(kid), _) => set.find(kid)?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        DecodingKey::from_jwk(key).ok()
    }
}

const FRESH: Duration = Duration::from_secs(300);
/// For how long keys count when the issuer cannot be reached.
const STALE: Duration = Duration::from_secs(3_600);
const PAUSE: Duration = Duration::from_secs(10);
const LENGTH: u64 = 1 << 20;

#[cfg(test)]
mod tests;
