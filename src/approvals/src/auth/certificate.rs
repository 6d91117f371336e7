//! The certificate of a peer, as the Envoy in front of this service tells it.

use axum::http::HeaderMap;

/// Whether Envoy has verified a certificate for this URI, and for no other.
///
/// The header is Envoy's `x-forwarded-client-cert`: pairs, `;` between them, and one such element
/// for each proxy, `,` between those. With `forward_client_cert_details: SANITIZE_SET` there is the
/// one that Envoy itself has written; more of them, or another form, prove nothing.
pub(super) fn proves(headers: &HeaderMap, uri: &str) -> bool {
    let mut values = headers.get_all("x-forwarded-client-cert").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Some(pairs) = value.to_str().ok().and_then(pairs) else {
        return false;
    };
    let known = |(key, _): &(&str, _)| KEYS.contains(key);
    let uris: Vec<_> = pairs.iter().filter(|(key, _)| *key == "URI").collect();
    pairs.iter().all(known) && matches!(uris.as_slice(), [(_, only)] if only == uri)
}

/// The pairs of the only element.
fn pairs(text: &str) -> Option<Vec<(&str, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = after.find([';', ',', '"']).unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.to_owned(), after)
            }
        };
        pairs.push((key, value));
        if after.is_empty() {
            return Some(pairs);
        }
        rest = after.strip_prefix(';')?;
    }
}

/// A value whose quote is open, and what follows its end.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => value.push(rest.next()?),
            c => value.push(c),
        }
    }
}

/// What Envoy writes.
const KEYS: [&str; 7] = ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"];

#[cfg(test)]
mod tests;
