//! Addresses of the Internet Protocol.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use super::text::{Text, is_word};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let before = text.before(at, 1);
    if is_word(before) || before == b'.' {
        return None;
    }
    let end = four(text, at).or_else(|| six(text, at).filter(|_| before != b':'))?;
    Some(at..end)
}

fn four(text: Text<'_>, at: usize) -> Option<usize> {
    let end = text.run(at, 16, |b| b.is_ascii_digit() || b == b'.');
    // A dot may end the sentence.
    let end = text.run_back(end, 1, |b| b == b'.');
    let written = str::from_utf8(text.slice(at..end)).ok()?;
    let address: Ipv4Addr = written.parse().ok()?;
    let [first, ..] = address.octets();
    // From 224 on: groups, masks and what is reserved.
    let nobody = matches!(first, 0 | 224..) || address.is_loopback();
    (!nobody && !is_version(text, at) && ends(text, end)).then_some(end)
}

/// Whether four numbers tell an issue of something rather than a place.
fn is_version(text: Text<'_>, at: usize) -> bool {
    let (before, second) = (text.before(at, 1), text.before(at, 2));
    let compared = before == b'=' && matches!(second, b'=' | b'<' | b'>' | b'~' | b'!')
        || matches!(before, b'~' | b'^' | b'>');
    let named = before == b'-' && second.is_ascii_alphabetic();
    let word = text.word_before(at);
    compared
        || named
        || VERSIONS
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

fn six(text: Text<'_>, at: usize) -> Option<usize> {
    let end = text.run(at, 46, |b| {
        b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
    });
    let end = text.run_back(end, 1, |b| b == b'.');
    // A port or a sentence may follow with a colon; `::` at the end is a part of the address.
    let last = text.before(end, 1) == b':' && text.before(end, 2) != b':';
    let end = end - usize::from(last);
    let written = text.slice(at..end);
    let colons = written.iter().filter(|b| **b == b':').count();
    if colons < 2 || !written.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let address: Ipv6Addr = str::from_utf8(written).ok()?.parse().ok()?;
    // What is given out: global unicast, unique local, link local, and IPv4 within. So the paths of
    // programs (`abc::def`) are none.
    let given = match address.segments() {
        [0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf, ..] | [0x64, 0xff9b, ..] => true,
        [0, 0, 0, 0, 0, 0xffff, high, _] => high >> 8 != 127 && high != 0,
        _ => false,
    };
    (given && ends(text, end)).then_some(end)
}

/// Whether nothing goes on behind it: a zone, a port, a prefix or a range may.
fn ends(text: Text<'_>, end: usize) -> bool {
    let (next, second) = (text.at(end), text.at(end + 1));
    let joined = next == b'.' && second.is_ascii_alphanumeric()
        || next == b'-' && second.is_ascii_alphabetic();
    !is_word(next) && !joined
}

const VERSIONS: [&str; 12] = [
    "version", "versions", "ver", "v", "release", "build", "firmware", "chapter", "section",
    "clause", "oid", "driver",
];
