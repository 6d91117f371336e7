//! URIs (RFC 3986) as far as schemas need them: one resolved against another, and whether a text
//! is one.

use std::net::Ipv6Addr;

/// A reference in its parts, without its fragment.
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

/// `reference` against `base`, neither with a fragment (section 5.2).
pub(super) fn resolve(base: &str, reference: &str) -> String {
    let base = split(base);
    let mut to = split(reference);
    let mut path = to.path.to_owned();
    if to.scheme.is_none() {
        to.scheme = base.scheme;
        if to.authority.is_none() {
            to.authority = base.authority;
            if to.path.is_empty() {
                path = base.path.to_owned();
                to.query = to.query.or(base.query);
            } else if !to.path.starts_with('/') {
                path = merge(base, to.path);
            }
        }
    }
    // An opaque path (`urn:…`) has no folders.
    if path.starts_with('/') {
        path = without_dots(&path);
    }
    let scheme = to.scheme.map(|scheme| format!("{scheme}:"));
    let authority = to.authority.map(|authority| format!("//{authority}"));
    let query = to.query.map(|query| format!("?{query}"));
    [scheme, authority, Some(path), query]
        .into_iter()
        .flatten()
        .collect()
}

/// A reference and its fragment; empty where it has none.
pub(super) fn cut_fragment(reference: &str) -> (&str, &str) {
    reference.split_once('#').unwrap_or((reference, ""))
}

/// A text without its percent-encoding; `None` where that is broken.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? << 4 | digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whether a text is a URI (`absolute`: with a scheme) or, with `international`, an IRI.
pub(super) fn is_valid(text: &str, absolute: bool, international: bool) -> bool {
    let (reference, fragment) = cut_fragment(text);
    let parts = split(reference);
    let legal = |part: &str, more: &str| {
        let known = |c: char| {
            c.is_ascii_alphanumeric()
                || "-._~!$&'()*+,;=:@%".contains(c)
                || more.contains(c)
                || (international && !c.is_ascii() && !c.is_control())
        };
        part.chars().all(known) && is_encoded(part)
    };
    // What looks like a scheme but is none: a first segment with a colon.
    let first = parts.path.split('/').next().unwrap_or_default();
    if parts.scheme.is_none() && (absolute || (parts.authority.is_none() && first.contains(':'))) {
        return false;
    }
    let authority = parts.authority.is_none_or(|authority| {
        let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match place.strip_prefix('[').and_then(|ip| ip.split_once(']')) {
            Some((ip, port)) => {
                if ip.parse::<Ipv6Addr>().is_err() && !is_future_address(ip) {
                    return false;
                }
                ("", port)
            }
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let digits = port.strip_prefix(':').unwrap_or(port);
        legal(user, "")
            && !user.contains('@')
            && legal(host, "")
            && !host.contains(['@', ':'])
            && (port.is_empty() || port.starts_with(':'))
            && digits.bytes().all(|b| b.is_ascii_digit())
    });
    authority
        && legal(parts.path, "/")
        && legal(parts.query.unwrap_or_default(), "/?")
        && legal(fragment, "/?")
}

/// Whether each percent sign is followed by two hexadecimal digits.
pub(super) fn is_encoded(part: &str) -> bool {
    part.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    })
}

/// `IPvFuture`
fn is_future_address(text: &str) -> bool {
    let Some((version, address)) = text
        .strip_prefix(['v', 'V'])
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b);
    !version.is_empty()
        && version.bytes().all(|b| b.is_ascii_hexdigit())
        && !address.is_empty()
        && address.bytes().all(legal)
}

fn split(reference: &str) -> Parts<'_> {
    let (rest, query) = match reference.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (reference, None),
    };
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let at = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(at);
            (Some(authority), path)
        }
        None => (None, rest),
    };
    Parts {
        scheme,
        authority,
        path,
        query,
    }
}

/// Section 5.2.3.
fn merge(base: Parts<'_>, path: &str) -> String {
    match base.path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None if base.authority.is_some() => format!("/{path}"),
        None => path.to_owned(),
    }
}

/// Section 5.2.4, for a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}
