//! What texts in a registry mean: URLs, paths, durations.

use std::time::Duration;

/// The path of a URL, if it has one; `None` where this is no URL that can be reached.
pub(crate) fn url_path(url: &str) -> Option<Option<&str>> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let plain = !rest.chars().any(|c| c.is_whitespace() || c.is_control());
    let host = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|host| !host.is_empty() && plain)?;
    let path = rest.strip_prefix(host)?.split(['?', '#']).next()?;
    Some((path.len() > 1).then_some(path))
}

pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !path
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '#')
}

/// `500ms`, `20s`, `2m`, `1h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    digits
        .parse()
        .ok()
        .and_then(|n: u64| n.checked_mul(unit))
        .map(Duration::from_millis)
}
