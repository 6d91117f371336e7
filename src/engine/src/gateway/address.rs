//! Hosts and paths, each the one tenant's that has it.

use std::{collections::BTreeMap, net::Ipv6Addr};

/// Which tenant has which requests. No request is two tenants'.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<Host, BTreeMap<String, usize>>);

/// Hosts that requests name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    /// All, and none.
    Any,
    /// This one.
    Named(String),
    /// Every one whose name ends so: `.example.com`.
    Below(String),
}

impl Addresses {
    /// Gives a tenant a path, and all below it, at a host.
    ///
    /// # Errors
    /// The tenant who has some of it already.
    pub(super) fn add(&mut self, host: Host, path: &str, tenant: usize) -> Result<(), usize> {
        let path = format!("{path}/");
        let met = self.0.iter().filter(|(other, _)| other.meets(&host));
        let mut taken = met.flat_map(|(_, paths)| paths);
        let overlap = taken.find(|(other, owner)| {
            **owner != tenant && (path.starts_with(*other) || other.starts_with(&path))
        });
        if let Some((_, owner)) = overlap {
            return Err(*owner);
        }
        self.0.entry(host).or_default().insert(path, tenant);
        Ok(())
    }

    /// Whose a request to this authority and path is.
    pub(super) fn tenant(&self, authority: Option<&str>, path: &str) -> Option<usize> {
        let path = format!("{path}/");
        let at = |host: &Host| {
            // No path here is below another: if one begins this path, it is the last before it.
            let mut before = self.0.get(host)?.range::<String, _>(..=&path);
            let (prefix, tenant) = before.next_back()?;
            path.starts_with(prefix.as_str()).then_some(*tenant)
        };
        let name = authority.and_then(name);
        let named = name.and_then(|name| {
            let dots: Vec<_> = name.match_indices('.').map(|(dot, _)| dot).collect();
            let ends = dots.into_iter().filter_map(|dot| name.get(dot..));
            let mut hosts = ends.map(|end| Host::Below(end.to_owned()));
            at(&Host::Named(name.clone())).or_else(|| hosts.find_map(|host| at(&host)))
        });
        named.or_else(|| at(&Host::Any))
    }
}

impl Host {
    /// A host as people write it; `None`: it is none.
    pub(super) fn written(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix('*') {
            Some(end) => is_name(end.strip_prefix('.')?).then(|| Self::Below(end.to_owned())),
            None => is_name(&text).then_some(Self::Named(text)),
        }
    }

    /// Whether some host is of both.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Named(one), Self::Named(other)) => one == other,
            (Self::Named(name), Self::Below(end)) | (Self::Below(end), Self::Named(name)) => {
                name.ends_with(end)
            }
            (Self::Below(one), Self::Below(other)) => one.ends_with(other) || other.ends_with(one),
        }
    }
}

/// The name of the host in an authority: without a port, and without the dot that ends a name from
/// the root (RFC 3986, section 3.2.2). Names are the same in every case.
fn name(authority: &str) -> Option<String> {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        Some(_) | None => authority,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    is_name(name).then(|| name.to_ascii_lowercase())
}

/// Whether it is a name or an address, and nothing that only ends like one.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let address = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            text.len() <= LONGEST
                && text
                    .split('.')
                    .all(|label| !label.is_empty() && label.bytes().all(fits))
        }
    }
}

/// The longest name of a host (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;
