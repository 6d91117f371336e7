//! Tokens that say what they are.

use std::ops::Range;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    LONGEST,
    text::{Text, is_filler, is_word},
};

/// JSON Web Tokens: a header with an algorithm and two more parts (RFC 7515), the last empty where
/// nothing is signed, or four more where the header names an encryption (RFC 7516).
pub(super) fn jwt(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.has(at, b"eyJ") || is_base64(text.before(at, 1)) {
        return None;
    }
    let mut parts = Vec::new();
    let mut end = at;
    loop {
        let part = end..text.run(end, LONGEST, is_base64);
        end = part.end;
        parts.push(text.slice(part));
        // No token has more.
        if text.at(end) != b'.' || parts.len() == 5 {
            break;
        }
        end += 1;
    }
    if parts.last().is_some_and(|last| last.is_empty()) && parts.len() > 3 {
        // The dot ends the sentence.
        parts.pop();
        end -= 1;
    }
    if end - at > LONGEST || text.at(end) == b'.' && is_base64(text.at(end + 1)) {
        return None;
    }
    let (header, rest) = parts.split_first()?;
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
    let algorithm = header.get("alg")?.as_str()?;
    let whole = match rest {
        [payload, signature] => {
            !payload.is_empty() && (!signature.is_empty() || algorithm == "none")
        }
        // The key is empty where it is agreed on (section 4.5 of RFC 7518).
        [_, vector, sealed, tag] => {
            header.contains_key("enc") && ![vector, sealed, tag].iter().any(|part| part.is_empty())
        }
        _ => false,
    };
    whole.then_some(at..end)
}

const fn is_base64(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// GitHub's tokens. The older ones end in a checksum of what is random in them; the fine-grained
/// ones have a form of their own.
pub(super) fn github(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if is_word(text.before(at, 1)) {
        return None;
    }
    let token = at..text.run(at, 94, is_word);
    let bytes = text.slice(token.clone());
    let alphanumeric = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
    let known = if let Some(rest) = bytes.strip_prefix(b"github_pat_") {
        let (id, rest) = rest.split_at_checked(22)?;
        let secret = rest.strip_prefix(b"_")?;
        secret.len() == 59 && alphanumeric(id) && alphanumeric(secret) && !is_filler(secret)
    } else {
        let (prefix, rest) = bytes.split_at_checked(4)?;
        let (random, check) = rest.split_at_checked(30)?;
        matches!(prefix, b"ghp_" | b"gho_" | b"ghu_" | b"ghs_" | b"ghr_")
            && alphanumeric(random)
            && checksum(random) == check
    };
    (known && text.closes(token.end)).then_some(token)
}

/// CRC-32 in six digits to the base 62.
fn checksum(random: &[u8]) -> Vec<u8> {
    let mut crc = !random.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.extend(BASE_62.get((crc % 62) as usize));
        crc /= 62;
    }
    digits.reverse();
    digits
}

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Slack's tokens, and the addresses of its webhooks, which are secrets too.
pub(super) fn slack(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if is_word(text.before(at, 1)) {
        return None;
    }
    if text.at(at) == b'h' {
        return webhook(text, at);
    }
    // A token that refreshes another says so first.
    let first = if text.has(at, b"xoxe.") { at + 5 } else { at };
    let prefix = text.slice(first..first + 5);
    let known = match prefix {
        [b'x', b'o', b'x', kind, b'-'] => b"abcdeoprs".contains(kind),
        _ => prefix == b"xapp-",
    };
    if !known {
        return None;
    }
    let start = first + 5;
    let end = text.run(start, 400, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'%')
    });
    let end = text.run_back(end, end - start, |b| b == b'-');
    let rest = text.slice(start..end);
    let digits = rest.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = rest.iter().any(u8::is_ascii_alphabetic);
    // The last part is the secret.
    let secret = rest.rsplit(|byte| *byte == b'-').next()?;
    let whole = rest.len() >= 24 && digits >= 4 && letters && secret.len() >= 16;
    (whole && !is_filler(secret) && !is_word(text.at(end))).then_some(at..end)
}

fn webhook(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    const HOST: &[u8] = b"hooks.slack.com/";
    if !text.has(at, HOST) {
        return None;
    }
    let end = text.run(at + HOST.len(), 200, |b| is_word(b) || b == b'/');
    let path = text.slice(at + HOST.len()..end);
    let parts: Vec<_> = path.split(|byte| *byte == b'/').collect();
    let [
        b"services" | b"workflows" | b"triggers",
        team,
        ids @ ..,
        secret,
    ] = &*parts
    else {
        return None;
    };
    let named = team.len() >= 9 && matches!(team.first(), Some(b'T' | b'E'));
    let whole = named && !ids.is_empty() && secret.len() >= 20 && !is_filler(secret);
    whole.then_some(at..end)
}
