//! E-mail addresses.

use std::ops::Range;

use super::text::Text;

/// At the `@`.
pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let mut start = text.run_back(at, 65, is_local);
    // A quote or a hyphen before an address belongs to the sentence.
    start = text.run(start, 65, |b| {
        !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'@')
    });
    let local = text.slice(start..at);
    let dots = local.windows(2).any(|pair| pair == b"..") || local.last() == Some(&b'.');
    if local.is_empty() || local.len() > 64 || dots {
        return None;
    }
    let far = text.run(at + 1, 255, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')
    });
    let end = text.run_back(far, far - at - 1, |b| matches!(b, b'.' | b'-'));
    let domain = text.slice(at + 1..end);
    // `git@host:path` names a repository.
    let repository = local == b"git" && text.at(end) == b':';
    let apart = !matches!(text.at(end), b'_' | b'@') && text.before(start, 1) != b'@';
    let found = is_domain(domain) && apart && !repository && !in_authority(text, start);
    found.then_some(start..end)
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'~')
}

fn is_domain(domain: &[u8]) -> bool {
    let mut labels = domain.split(|byte| *byte == b'.');
    let Some(top) = labels.next_back() else {
        return false;
    };
    let top_level = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic)
        || top.to_ascii_lowercase().starts_with(b"xn--");
    let file = FILES
        .iter()
        .any(|end| end.as_bytes().eq_ignore_ascii_case(top));
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len()) && !label.starts_with(b"-") && !label.ends_with(b"-")
    };
    let named = labels.clone().next().is_some();
    domain.len() <= 253 && top_level && !file && named && label(top) && labels.all(label)
}

/// Whether this is the user and password of a URL, which is no address.
fn in_authority(text: Text<'_>, start: usize) -> bool {
    let inside =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'"' | b'<' | b'>');
    let start = text.run_back(start, 256, inside);
    text.before(start, 1) == b'/' && text.before(start, 2) == b'/'
}

/// Endings of files that are not top-level domains: `logo@2x.png`.
const FILES: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "json", "html", "xml",
    "yaml", "yml", "txt",
];
