//! Which of the two wire eras a message speaks.

use std::fmt;

use crate::{
    json::{Kind, Node},
    rpc::{
        fault::{Fault, Mismatch, Shape},
        header::{self, mismatch},
        message::MessageKind,
        method::Method,
    },
};

/// The two ways to speak MCP over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// `initialize` handshake, sessions, `GET` streams: up to 2025-11-25.
    Legacy,
    /// Stateless; each request describes itself in `params._meta`: from 2026-07-28.
    Modern,
}

impl Era {
    /// Its protocol versions that are served, newest first.
    #[must_use]
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Legacy => LEGACY_VERSIONS,
            Self::Modern => MODERN_VERSIONS,
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "MCP 2025-11-25 or before",
            Self::Modern => "MCP 2026-07-28",
        })
    }
}

/// Protocol versions of the modern era that are served, newest first.
pub const MODERN_VERSIONS: &[&str] = &["2026-07-28"];

/// Protocol versions of the legacy era that are served, newest first.
pub const LEGACY_VERSIONS: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The era of a message and the version it states; the body decides, the header is compared.
///
/// Whether the version is one that is served is [`check_version`]'s to say: the official servers
/// look at the other headers first.
pub(super) fn classify(
    kind: MessageKind,
    method: Method,
    meta: Option<Node<'_>>,
    header: Option<&str>,
) -> Result<(Era, Option<String>), Fault> {
    let claim = match kind {
        MessageKind::Request | MessageKind::Notification => meta.and_then(|m| m.get(VERSION)),
        MessageKind::Response => None,
    };
    if let Some(claim) = claim {
        let Some(claim) = claim.str() else {
            return Err(Fault::Meta(VERSION_PROBLEM));
        };
        if kind == MessageKind::Request {
            check_meta(meta)?;
        }
        return match header {
            None => Err(mismatch(header::VERSION, Mismatch::Missing)),
            Some(stated) if stated != claim => Err(mismatch(header::VERSION, Mismatch::Differs)),
            Some(_) => Ok((Era::Modern, Some(claim.into_owned()))),
        };
    }
    if !header.is_some_and(is_modern) {
        return Ok((Era::Legacy, header.map(str::to_owned)));
    }
    match kind {
        // Never served as legacy: the server behind might go by the header.
        MessageKind::Request if method == Method::Initialize => {
            Err(mismatch(header::VERSION, Mismatch::Differs))
        }
        MessageKind::Request => {
            check_meta(meta)?;
            Err(Fault::Meta(VERSION_PROBLEM))
        }
        MessageKind::Notification => Ok((Era::Modern, header.map(str::to_owned))),
        MessageKind::Response => Err(Fault::Envelope(Shape::ModernResponse)),
    }
}

/// Refuses versions that are not served. A legacy client that states none speaks 2025-03-26.
pub(super) fn check_version(era: Era, version: Option<&str>) -> Result<(), Fault> {
    match version {
        Some(version) if !era.versions().contains(&version) => Err(Fault::Version {
            requested: version.to_owned(),
            era,
        }),
        _ => Ok(()),
    }
}

/// Whether this names a version of the modern era, known or yet to come. Versions are dates.
pub(super) fn is_modern(version: &str) -> bool {
    let is_date = version.len() == FIRST_MODERN.len()
        && version
            .bytes()
            .zip(FIRST_MODERN.bytes())
            .all(|(have, like)| {
                if like == b'-' {
                    have == b'-'
                } else {
                    have.is_ascii_digit()
                }
            });
    is_date && version >= FIRST_MODERN
}

/// What `_meta` must carry besides the version, and in what form.
fn check_meta(meta: Option<Node<'_>>) -> Result<(), Fault> {
    let Some(meta) = meta else {
        return Err(Fault::Meta("`_meta` is required"));
    };
    if meta.get(CAPABILITIES).map(Node::kind) != Some(Kind::Object) {
        return Err(Fault::Meta(
            "`_meta` must carry `io.modelcontextprotocol/clientCapabilities`, an object",
        ));
    }
    if meta
        .get(CLIENT)
        .is_some_and(|client| client.kind() != Kind::Object)
    {
        return Err(Fault::Meta(
            "`io.modelcontextprotocol/clientInfo` must be an object",
        ));
    }
    Ok(())
}

pub(crate) const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const VERSION_PROBLEM: &str =
    "`_meta` must carry `io.modelcontextprotocol/protocolVersion`, a string";
const FIRST_MODERN: &str = "2026-07-28";
