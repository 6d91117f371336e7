//! The form in which header maps cross the border: a count, the sizes, then names and values, each
//! ended by a zero byte; numbers are 32 bits, little-endian.

use super::Pair;

/// Writes pairs.
pub(super) fn encode<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let mut out = number(pairs.clone().count()).to_vec();
    for (name, value) in pairs.clone() {
        out.extend(number(name.len()));
        out.extend(number(value.len()));
    }
    for (name, value) in pairs {
        out.extend(name);
        out.push(0);
        out.extend(value);
        out.push(0);
    }
    out
}

/// Reads pairs; `None` where the bytes are not in that form.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Pair>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = take(bytes)?;
    let (sizes, mut rest) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut text = |size: usize| {
        let (text, tail) = rest.split_at_checked(size)?;
        rest = tail.split_at_checked(1)?.1;
        Some(text.to_vec())
    };
    let mut pairs = Vec::with_capacity(count);
    for size in sizes.chunks_exact(8) {
        let (name, size) = take(size)?;
        let (value, _) = take(size)?;
        pairs.push((text(name)?, text(value)?));
    }
    Some(pairs)
}

fn take(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// What is too long for the form cannot exist in 32 bits of memory.
fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}
