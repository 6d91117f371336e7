//! Where a server is, and the cluster that reaches it.

use std::{fmt, net::IpAddr, str::FromStr};

use engine::problem::Problem;
use serde_json::{Value, json};

use super::{
    credential::{self, OPTIONS},
    typed,
};

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// An IP address or a host name, without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Its name.
    pub(crate) cluster: String,
    /// Where it is.
    pub(crate) address: Address,
    /// Whether to speak TLS to it.
    pub(crate) tls: bool,
}

impl Upstream {
    pub(super) fn value(&self, roots: &str) -> Value {
        let mut cluster = json!({
            "name": self.cluster,
            "type": if self.by_name() { "STRICT_DNS" } else { "STATIC" },
            "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": self.cluster,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": self.endpoint() }] }],
            },
        });
        let Some(members) = cluster.as_object_mut() else {
            return cluster;
        };
        if self.by_name() {
            members.insert("dns_lookup_family".into(), "V4_PREFERRED".into());
        }
        if self.tls {
            members.insert("transport_socket".into(), self.socket(roots));
            let options = json!({ OPTIONS: typed(OPTIONS, credential::options(self, None)) });
            members.insert("typed_extension_protocol_options".into(), options);
        }
        cluster
    }

    /// Whether its host is a name, and no IP address.
    pub(super) fn by_name(&self) -> bool {
        self.address.host.parse::<IpAddr>().is_err()
    }

    pub(super) fn endpoint(&self) -> Value {
        json!({
            "address": self.address.value(),
            // What `auto_host_rewrite` sends as the Host.
            "hostname": self.authority(),
        })
    }

    /// TLS to this host and no other.
    pub(super) fn socket(&self, roots: &str) -> Value {
        let host = &self.address.host;
        let kind = if self.by_name() { "DNS" } else { "IP_ADDRESS" };
        let mut context = json!({
            "common_tls_context": {
                "validation_context": {
                    "trusted_ca": { "filename": roots },
                    "match_typed_subject_alt_names":
                        [{ "san_type": kind, "matcher": { "exact": host } }],
                },
            },
        });
        if let (true, Some(context)) = (self.by_name(), context.as_object_mut()) {
            context.insert("sni".into(), host.as_str().into());
        }
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                context,
            ),
        })
    }

    pub(super) fn authority(&self) -> String {
        let port = if self.tls { 443 } else { 80 };
        if self.address.port == port {
            self.address.bracketed()
        } else {
            self.address.to_string()
        }
    }
}

impl Address {
    pub(super) fn value(&self) -> Value {
        json!({ "socket_address": { "address": self.host, "port_value": self.port } })
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.bracketed(), self.port)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not host:port, such as 127.0.0.1:10000");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            host: host.into(),
            port,
        })
    }
}

/// A cluster named `cluster` for a URL.
///
/// # Errors
/// What is wrong with the URL.
pub(crate) fn upstream(cluster: String, url: &str) -> Result<Upstream, Problem> {
    let wrong = |what: &str| Problem::new("", format!("`{url}` {what}"));
    let uri: http::Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong("is neither http nor https")),
    };
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| wrong("has no host"))?;
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    Ok(Upstream {
        cluster,
        address: Address {
            host: host.into(),
            port,
        },
        tls,
    })
}
