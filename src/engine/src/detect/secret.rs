//! Keys: AWS's, and private ones.

use std::ops::Range;

use super::{
    Kind,
    text::{Text, is_filler, is_word},
};

/// An access key id by its form, or 40 characters behind a word that calls them secret.
pub(super) fn aws(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if is_word(text.before(at, 1)) {
        return None;
    }
    let end = id(text, at).or_else(|| secret_key(text, at))?;
    (!matches!(text.at(end), b'_' | b'=')).then_some(at..end)
}

fn id(text: Text<'_>, at: usize) -> Option<usize> {
    let end = text.run(at, 21, |b| b.is_ascii_alphanumeric());
    let (prefix, rest) = text.slice(at..end).split_at_checked(4)?;
    let upper = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let known = matches!(prefix, b"AKIA" | b"ASIA" | b"ABIA")
        && rest.len() == 16
        && rest.iter().all(upper)
        && !is_filler(rest);
    known.then_some(end)
}

fn secret_key(text: Text<'_>, at: usize) -> Option<usize> {
    if is_secret(text.before(at, 1)) {
        return None;
    }
    let end = text.run(at, 41, is_secret);
    let key = text.slice(at..end);
    let has = |is: fn(&u8) -> bool| key.iter().any(is);
    // A digest is hexadecimal, in one case.
    let known = key.len() == 40
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && text.follows(at, &SECRET);
    known.then_some(end)
}

const fn is_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+')
}

const SECRET: [&str; 6] = [
    "secret",
    "secretkey",
    "secretaccesskey",
    "awssecretkey",
    "awssecretaccesskey",
    "aws_secret",
];

/// A private key in armour (RFC 7468, RFC 9580), with its first and last line. One that is cut off
/// is found as far as it goes.
pub(super) fn private_key(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let name = at + BEGIN.len();
    if !text.has(at, BEGIN) || text.before(at, 1) == b'-' {
        return None;
    }
    let label = name..text.run(name, 40, |b| {
        b.is_ascii_uppercase() || is_blank(b) || b.is_ascii_digit()
    });
    let bytes = text.slice(label.clone());
    if !bytes.ends_with(b"PRIVATE KEY") && !bytes.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    if !text.has(label.end, DASHES) {
        return None;
    }
    let start = label.end + DASHES.len();
    let most = Kind::PrivateKey.longest() - 2 * (start - at);
    // Five dashes are the next line of armour. Headers have single ones.
    let mut end = start;
    let mut body = 0;
    while end - start < most {
        let byte = text.at(end);
        let inside = byte.is_ascii_alphanumeric()
            || is_blank(byte)
            || matches!(
                byte,
                b'+' | b'/' | b'=' | b'\r' | b'\n' | b'\t' | b'\\' | b':' | b',' | b'.'
            )
            || byte == b'-' && !text.has(end, DASHES);
        if !inside {
            break;
        }
        body += usize::from(is_secret(byte));
        end += 1;
    }
    if body < 40 {
        return None;
    }
    let last = text.has(end, END).then_some(end + END.len());
    let last = last.filter(|last| text.has(*last, bytes));
    match last.map(|last| last + bytes.len()) {
        Some(last) if text.has(last, DASHES) => Some(at..last + DASHES.len()),
        _ => Some(at..end),
    }
}

const fn is_blank(byte: u8) -> bool {
    byte == b' '
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
