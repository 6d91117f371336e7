//! What a client carries for this gateway: it cannot make it up, and, where it is closed, not read
//! it either.

use std::{array, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// A secret, and what is marked and closed with it.
pub struct Seal {
    /// As long as a block of SHA-256.
    key: [u8; 64],
    cipher: XChaCha20Poly1305,
}

impl Seal {
    /// A seal with this secret: at least 32 bytes that nobody guesses.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; 64];
        for (to, from) in key.iter_mut().zip(Sha256::digest(secret)) {
            *to = from;
        }
        // Whatever is marked begins with a length, and never reads so.
        let cipher = hmac(&key, b"encryption").finalize().into_bytes();
        let cipher = XChaCha20Poly1305::new(&<[u8; 32]>::from(cipher).into());
        Self { key, cipher }
    }

    /// The seal of tests and trials, whose secret everybody knows.
    pub(crate) fn known() -> Self {
        Self::new(b"only for tests and trials: known to all")
    }

    /// A seal of its own for one of several; it tells nothing of this one's secret.
    #[must_use]
    pub fn derive(&self, purpose: &str, of: &str) -> Self {
        Self::new(
            &hmac(&self.key, &frame(purpose, &[of]))
                .finalize()
                .into_bytes(),
        )
    }

    /// The mark of `parts` for one purpose: 128 bits of HMAC-SHA-256 (RFC 2104), in 22 characters
    /// that need no escape anywhere. Marks for two purposes have nothing to do with each other.
    #[must_use]
    pub fn tag(&self, purpose: &str, parts: &[&str]) -> String {
        let mac = hmac(&self.key, &frame(purpose, parts)).finalize();
        URL_SAFE_NO_PAD.encode(mac.into_bytes().get(..TAG).unwrap_or_default())
    }

    /// Whether `tag` is the mark of `parts`; how long that takes does not tell how near it is.
    #[must_use]
    pub fn check(&self, tag: &str, purpose: &str, parts: &[&str]) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(tag).unwrap_or_default();
        let mac = hmac(&self.key, &frame(purpose, parts));
        tag.len() == TAG && mac.verify_truncated_left(&tag).is_ok()
    }

    /// `contents`, readable by this gateway alone, for one purpose and these `parts`: visible ASCII
    /// that needs no escape anywhere. Who gives the same gets the same, so that nothing else has to
    /// be known to say it again; `unique` sets apart what must not be.
    ///
    /// XChaCha20-Poly1305 with a nonce that is the mark of all that goes in (as in RFC 5297, "SIV"):
    /// the engine has no randomness, and no two different things have the same nonce.
    #[must_use]
    pub fn close(&self, purpose: &str, parts: &[&str], contents: &[u8], unique: &str) -> String {
        let bound = frame(purpose, parts);
        let mut mac = hmac(&self.key, &frame("nonce", &[unique]));
        mac.update(&(bound.len() as u64).to_be_bytes());
        mac.update(&bound);
        mac.update(contents);
        let mac = mac.finalize().into_bytes();
        let nonce: [u8; NONCE] = array::from_fn(|at| mac.get(at).copied().unwrap_or_default());
        let (msg, aad) = (contents, bound.as_slice());
        // Nothing that fits into memory is too long.
        let encrypted = self.cipher.encrypt(&nonce.into(), Payload { msg, aad });
        URL_SAFE_NO_PAD.encode([&nonce, &*encrypted.unwrap_or_default()].concat())
    }

    /// What was closed for this purpose and these `parts`.
    #[must_use]
    pub fn open(&self, purpose: &str, parts: &[&str], closed: &str) -> Option<Vec<u8>> {
        let closed = URL_SAFE_NO_PAD.decode(closed).ok()?;
        let (nonce, msg) = closed.split_first_chunk::<NONCE>()?;
        let aad = &frame(purpose, parts);
        self.cipher.decrypt(nonce.into(), Payload { msg, aad }).ok()
    }
}

fn hmac(key: &[u8; 64], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new(key.into());
    mac.update(bytes);
    mac
}

/// Each part behind its length: no two lists of parts are the same bytes.
fn frame(purpose: &str, parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [purpose].iter().chain(parts) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// Bytes of a mark.
const TAG: usize = 16;
/// Bytes of a nonce of XChaCha20.
const NONCE: usize = 24;

#[cfg(test)]
mod tests;
