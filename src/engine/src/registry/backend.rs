//! How a server is kept within reach, and how the gateway proves itself to it: what generated
//! configurations of Envoy say.

use std::time::Duration;

use super::{
    build::Build,
    text::{duration, is_path, url_path},
};
use crate::config;

/// How Envoy finds out whether a server is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The path that answers with 200.
    pub path: String,
    /// How often it is asked.
    pub interval: Duration,
}

/// How the gateway proves itself to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Not at all, and that is meant.
    None,
    /// By a secret in a header.
    Secret {
        /// Its name.
        secret: String,
        /// The header, in lower case.
        header: String,
        /// What stands before it there.
        prefix: String,
    },
    /// By a token that Envoy fetches with client credentials.
    OAuth2(config::OAuth2),
}

impl Credential {
    /// The name of the secret that it needs.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Secret { secret, .. } => Some(secret),
            Self::OAuth2(oauth2) => Some(&oauth2.secret),
        }
    }
}

impl Build {
    /// The URL of what answers in place of the server at `url`, under `path`.
    pub(super) fn failover(
        &mut self,
        at: &str,
        failover: Option<config::Failover>,
        url: Option<&str>,
        path: &str,
    ) -> Option<String> {
        let other = failover?.url;
        let scheme = |url: &str| url.starts_with("https:");
        let message = match (url, url_path(&other)) {
            (None, _) => {
                "the server has no `url`: its cluster is yours, and so is what it fails over to"
            }
            (_, None) => "expected a URL that begins with `http://` or `https://`",
            (_, Some(Some(other))) if other != path => {
                "its path is not that of the server: it is another instance of the same"
            }
            (Some(url), _) if scheme(url) != scheme(&other) => {
                "one cluster speaks either `http` or `https`, and the server's `url` says which"
            }
            (Some(_), Some(_)) => return Some(other),
        };
        self.wrong(at, "failover.url", message);
        None
    }

    /// What Envoy asks a server for, and how often.
    pub(super) fn health(
        &mut self,
        at: &str,
        health: Option<config::Health>,
        url: Option<&str>,
    ) -> Option<Health> {
        let config::Health { path, interval } = health?;
        if url.is_none() {
            let message = "the server has no `url`: its cluster is yours, and so are its checks";
            self.wrong(at, "health", message);
        }
        if !is_path(&path) {
            self.wrong(at, "health.path", "expected a path that begins with `/`");
        }
        let every = interval.as_deref().map_or(Some(EVERY), duration);
        let Some(interval) = every.filter(|every| *every >= Duration::from_secs(1)) else {
            let message = "expected a duration of at least `1s`: `10s`, `1m`";
            self.wrong(at, "health.interval", message);
            return None;
        };
        Some(Health { path, interval })
    }

    /// How the gateway proves itself.
    pub(super) fn credential(
        &mut self,
        at: &str,
        credential: Option<config::Credential>,
    ) -> Option<Credential> {
        let proof = match credential? {
            config::Credential::Without(_) => return Some(Credential::None),
            config::Credential::Proof(proof) => proof,
        };
        let at = &format!("{at}.credential");
        let config::Proof {
            secret,
            header,
            prefix,
            oauth2,
        } = proof;
        let credential = match (secret, oauth2) {
            (Some(secret), None) => {
                let header = header.map_or_else(|| AUTHORIZATION.to_owned(), |h| h.to_lowercase());
                let bearer = if header == AUTHORIZATION {
                    "Bearer "
                } else {
                    ""
                };
                if !is_free(&header) {
                    let message = format!("`{header}` is no header for a credential");
                    self.wrong(at, "header", message);
                }
                let prefix = prefix.unwrap_or_else(|| bearer.to_owned());
                if !prefix.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
                    self.wrong(at, "prefix", "expected visible ASCII characters");
                }
                Credential::Secret {
                    secret,
                    header,
                    prefix,
                }
            }
            (None, Some(oauth2)) => {
                for (field, written) in [("header", header), ("prefix", prefix)] {
                    if written.is_some() {
                        let message = "is for `secret`: a token goes into `authorization`";
                        self.wrong(at, field, message);
                    }
                }
                if url_path(&oauth2.token_url).is_none() {
                    let message = "expected a URL that begins with `http://` or `https://`";
                    self.wrong(at, "oauth2.tokenUrl", message);
                }
                if oauth2.client_id.is_empty() {
                    self.wrong(at, "oauth2.clientId", "expected the gateway's name there");
                }
                Credential::OAuth2(oauth2)
            }
            (Some(_), Some(_)) | (None, None) => {
                self.wrong(at, "", "expected either `secret` or `oauth2`");
                return None;
            }
        };
        if !credential.secret().is_none_or(is_name) {
            let message = "expected the name of a secret: letters, digits, `-`, `_`, `.`";
            let field = match credential {
                Credential::OAuth2(_) => "oauth2.secret",
                Credential::Secret { .. } | Credential::None => "secret",
            };
            self.wrong(at, field, message);
        }
        Some(credential)
    }
}

/// Secrets are files, and variables of the environment.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(plain)
}

/// Whether a header is neither one of HTTP's, nor of MCP's, nor of Envoy's, nor ours.
fn is_free(header: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^`|~".contains(c);
    let taken = [
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "upgrade",
    ];
    let families = ["mcp-", "x-envoy-", "x-toolgate-"];
    !header.is_empty()
        && header.chars().all(token)
        && !taken.contains(&header)
        && !families.iter().any(|family| header.starts_with(family))
}

const AUTHORIZATION: &str = "authorization";
const EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
