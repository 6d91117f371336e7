//! How long a server may take, and whether Envoy may try again.
//!
//! Clients say nothing about it: at the edge their `x-envoy-*` headers are removed.

use crate::{http::HeaderEdit, registry::Entry};

/// What Envoy's router reads, and takes off.
pub(super) fn headers(entry: &Entry) -> impl Iterator<Item = HeaderEdit> {
    let timeout = entry.timeout.map(|timeout| {
        let millis = timeout.as_millis().to_string();
        HeaderEdit::Set("x-envoy-upstream-rq-timeout-ms".into(), millis)
    });
    let again = entry.idempotent.then(|| {
        [
            HeaderEdit::Set("x-envoy-retry-on".into(), WHEN.to_owned()),
            HeaderEdit::Set("x-envoy-max-retries".into(), MOST.to_owned()),
        ]
    });
    timeout.into_iter().chain(again.into_iter().flatten())
}

/// No answer began, or one that tells of the way there and not of the call: 502, 503 and 504.
const WHEN: &str = "reset,connect-failure,gateway-error";
const MOST: &str = "2";
