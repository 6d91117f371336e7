//! What Envoy knows of a stream.

use engine::{http::Peer, record::Attempts};

use crate::host;

/// Who calls, as the connection says.
pub(super) fn peer() -> Peer {
    Peer {
        metadata: host::property(&["metadata"]),
        uri_san: text(&["connection", "uri_san_peer_certificate"]).filter(|san| !san.is_empty()),
        address: text(&["source", "address"]),
    }
}

/// How often a server was tried.
pub(super) fn attempts() -> Option<Attempts> {
    Some(Attempts {
        count: number(&["upstream", "request_attempt_count"])?,
        connected: number(&["upstream", "cx_pool_ready_duration"]).is_some(),
    })
}

/// An attribute of the stream that is a text.
pub(super) fn text(path: &[&str]) -> Option<String> {
    String::from_utf8(host::property(path)?).ok()
}

/// Numbers and durations alike are 64 bits, little-endian, and never negative here.
pub(super) fn number(path: &[&str]) -> Option<u64> {
    let bytes = host::property(path)?;
    u64::try_from(i64::from_le_bytes(*bytes.first_chunk()?)).ok()
}
