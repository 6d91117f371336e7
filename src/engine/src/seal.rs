//! Marks that only this gateway can make: what a client carries for it, it cannot make up.
//!
//! What this module does not do: hide anything. A mark stands beside what it marks.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// A secret, and what is marked with it.
pub struct Seal {
    /// As long as a block of SHA-256.
    key: [u8; 64],
}

impl Seal {
    /// A seal with this secret: at least 32 bytes that nobody guesses.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; 64];
        for (to, from) in key.iter_mut().zip(Sha256::digest(secret)) {
            *to = from;
        }
        Self { key }
    }

    /// The seal of tests and trials, whose secret everybody knows.
    pub(crate) fn known() -> Self {
        Self::new(b"only for tests and trials: known to all")
    }

    /// The mark of `parts` for one purpose: 128 bits of HMAC-SHA-256 (RFC 2104), in 22 characters
    /// that need no escape anywhere. Marks for two purposes have nothing to do with each other.
    #[must_use]
    pub fn tag(&self, purpose: &str, parts: &[&str]) -> String {
        let mac = self.mac(purpose, parts).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(mac.get(..TAG).unwrap_or_default())
    }

    /// Whether `tag` is the mark of `parts`; how long that takes does not tell how near it is.
    #[must_use]
    pub fn check(&self, tag: &str, purpose: &str, parts: &[&str]) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(tag).unwrap_or_default();
        tag.len() == TAG && self.mac(purpose, parts).verify_truncated_left(&tag).is_ok()
    }

    /// Each part behind its length: no two lists of parts are the same bytes.
    fn mac(&self, purpose: &str, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::new(&self.key.into());
        for part in [purpose].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// Bytes of a mark.
const TAG: usize = 16;

#[cfg(test)]
mod tests;
