//! SHA-256, as text.

use sha2::{Digest, Sha256};

/// SHA-256 (FIPS 180-4) of `bytes` in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
