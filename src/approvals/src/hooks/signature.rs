//! Signatures as the Standard Webhooks specification (1.0.0) has them.

use anyhow::{Context as _, bail};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::cx::Timestamp;

/// Signs with one secret, or with two while one replaces the other.
pub(super) struct Signer {
    keys: Vec<hmac::Key>,
}

impl Signer {
    /// `None` without a secret.
    pub(super) fn new(secrets: &[String]) -> anyhow::Result<Option<Self>> {
        let keys = secrets.iter().map(|secret| key(secret));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok((!keys.is_empty()).then_some(Self { keys }))
    }

    /// The headers that go with `body`. The id stays the same when it is sent again; the time does
    /// not, so that a receiver can refuse what somebody else repeats.
    pub(super) fn sign(&self, id: &str, now: Timestamp, body: &str) -> [(&'static str, String); 3] {
        let seconds = now.0.div_euclid(1_000_000_000);
        let signed = format!("{id}.{seconds}.{body}");
        let signatures = self.keys.iter().map(|key| {
            let tag = hmac::sign(key, signed.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(tag))
        });
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            (
                "webhook-signature",
                signatures.collect::<Vec<_>>().join(" "),
            ),
        ]
    }
}

fn key(secret: &str) -> anyhow::Result<hmac::Key> {
    let bytes = match secret.strip_prefix("whsec_") {
        Some(encoded) => BASE64_STANDARD
            .decode(encoded)
            .context("a `secret` after `whsec_` is not base64")?,
        None => secret.as_bytes().to_vec(),
    };
    if bytes.len() < 24 {
        bail!("a `secret` holds less than 24 bytes");
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}
