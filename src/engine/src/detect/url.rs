//! Passwords in URLs: what stands between the colon and the last `@` of the authority (RFC 3986,
//! section 3.2.1).

use std::ops::Range;

use super::text::{Text, is_filler};

/// At the colon of `://`.
pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.has(at, b"://") || !text.before(at, 1).is_ascii_alphanumeric() {
        return None;
    }
    let start = at + 3;
    let authority = text.slice(start..text.run(start, MOST, is_inside));
    let sign = start + authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = start + authority.iter().position(|byte| *byte == b':')?;
    let host = text.at(sign + 1);
    if colon >= sign || !(host.is_ascii_alphanumeric() || host == b'[' || host >= 0x80) {
        return None;
    }
    let password = colon + 1..sign;
    (!is_placeholder(text.slice(password.clone()))).then_some(password)
}

/// Whether the authority goes on: everything but what ends it, and what ends a URL in a text.
const fn is_inside(byte: u8) -> bool {
    !matches!(
        byte,
        0..=b' ' | b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'\\' | 0x7f
    )
}

/// `***`, `xxxx`, `${PASSWORD}`, `$PASSWORD`, `{password}`, `[redacted]`, `%s`.
fn is_placeholder(password: &[u8]) -> bool {
    let variable = password.strip_prefix(b"$").is_some_and(|name| {
        let upper = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
        name.starts_with(b"{") || name.starts_with(b"(") || name.iter().all(upper)
    });
    let between =
        |open: u8, close: u8| password.first() == Some(&open) && password.last() == Some(&close);
    let filler = matches!(
        password.first(),
        None | Some(b'*' | b'x' | b'X' | b'.' | b'-')
    );
    filler && is_filler(password)
        || variable
        || between(b'{', b'}')
        || between(b'[', b']')
        || between(b'(', b')')
        || password == b"%s"
}

/// Bytes of an authority.
const MOST: usize = 768;
