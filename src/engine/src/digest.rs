//! SHA-256, as text or cut short.

use sha2::{Digest, Sha256};

/// SHA-256 (FIPS 180-4) of `bytes` in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The first 16 bytes of SHA-256 of `bytes`: enough to tell things apart, whoever chose them.
#[must_use]
pub fn short(bytes: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
}
