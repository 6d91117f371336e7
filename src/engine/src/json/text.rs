//! String literals: scanning, unescaping, quoting.

use std::borrow::Cow;

use super::FaultKind;

/// What a scan found: the offset behind the closing quote, and whether there were escapes.
pub(super) struct Scanned {
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// Scans a string literal whose opening quote is just before `at`. Refuses with the offset.
pub(super) fn scan(bytes: &[u8], mut at: usize) -> Result<Scanned, (FaultKind, usize)> {
    let mut escaped = false;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => {
                return Ok(Scanned {
                    end: at + 1,
                    escaped,
                });
            }
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            // A control character, or the end.
            _ => return Err((FaultKind::Syntax, at)),
        }
    }
}

/// The offset of the next quote, backslash or control character, or the end. The text is UTF-8
/// already.
#[inline(always)]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * 0x22);
        let slash = word ^ (LOW * 0x5c);
        // The lowest high bit that remains marks the first such byte; higher ones may be false
        // alarms.
        let found = ((quote.wrapping_sub(LOW) & !quote)
            | (slash.wrapping_sub(LOW) & !slash)
            | (word.wrapping_sub(LOW * 0x20) & !word))
            & HIGH;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|&byte| matches!(byte, b'"' | b'\\' | ..0x20))
        .unwrap_or(rest.len())
}

/// How much of a scanned literal, of whole characters, fits into `max` bytes.
pub(crate) fn fit(literal: &str, max: usize) -> usize {
    let bytes = literal.as_bytes();
    let mut at = 0;
    loop {
        let next = plain(bytes, at);
        if next >= max.min(bytes.len()) {
            return literal.floor_char_boundary(max.min(next).max(at));
        }
        // What is no escape was refused when the literal was scanned.
        let end = escape(bytes, next).unwrap_or(bytes.len());
        if end > max {
            return next;
        }
        at = end;
    }
}

/// Checks the escape at `at` (a pair of them for a surrogate pair), and gives the offset behind it.
fn escape(bytes: &[u8], at: usize) -> Result<usize, (FaultKind, usize)> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(bytes, at).ok_or((FaultKind::Syntax, at))? {
            0xd800..=0xdbff => match unit(bytes, at + 6) {
                Some(0xdc00..=0xdfff) => Ok(at + 12),
                _ => Err((FaultKind::LoneSurrogate, at)),
            },
            0xdc00..=0xdfff => Err((FaultKind::LoneSurrogate, at)),
            _ => Ok(at + 6),
        },
        _ => Err((FaultKind::Syntax, at)),
    }
}

/// The UTF-16 code unit of the `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..at + 6)? else {
        return None;
    };
    digits.iter().try_fold(0, |unit, &digit| {
        Some(unit << 4 | char::from(digit).to_digit(16)?)
    })
}

/// Whether a letter, a digit, `_` or `-` of a scanned literal is written as an escape: no serializer
/// does that.
pub(super) fn is_odd(literal: &str) -> bool {
    let bytes = literal.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'\\' => match unit(bytes, at).map(char::from_u32) {
                Some(Some('0'..='9' | 'A'..='Z' | 'a'..='z' | '_' | '-')) => return true,
                Some(_) => 6,
                None => 2,
            },
            _ => 1,
        };
    }
    false
}

/// The text that a scanned literal (without its quotes) stands for.
pub(super) fn unescape(literal: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(literal);
    }
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some((plain, tail)) = rest.split_once('\\') {
        text.push_str(plain);
        let bytes = tail.as_bytes();
        let (character, used) = match bytes.first() {
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => code_point(rest.as_bytes(), plain.len()),
            Some(&other) => (char::from(other), 1),
            None => break,
        };
        text.push(character);
        rest = tail.get(used..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of the escape (or the pair) at `at`, and its length without the first backslash.
fn code_point(bytes: &[u8], at: usize) -> (char, usize) {
    let high = unit(bytes, at).unwrap_or_default();
    if let Some(character) = char::from_u32(high) {
        return (character, 5);
    }
    let low = unit(bytes, at + 6).unwrap_or_default();
    let joined = 0x1_0000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
    (
        char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER),
        11,
    )
}

/// `text` as a JSON string literal, quotes included, with the escapes that RFC 8785 asks for and no
/// others.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_into(&mut out, text);
    out
}

pub(super) fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let at = plain(rest.as_bytes(), 0);
        let Some((clean, tail)) = rest.split_at_checked(at) else {
            break;
        };
        out.push_str(clean);
        let mut characters = tail.chars();
        match characters.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(control) => {
                out.push_str(if control < '\u{10}' {
                    "\\u000"
                } else {
                    "\\u001"
                });
                out.extend(char::from_digit(control as u32 & 0xf, 16));
            }
        }
        rest = characters.as_str();
    }
    out.push('"');
}
