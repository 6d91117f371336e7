//! Which policy governs a request: the only one, or that of the tenant whose address it has.
//!
//! What this module does not do: ask who calls. An address is no proof of anything; the policy that
//! it leads to says which tokens it takes.

mod address;

use std::sync::Arc;

use crate::{
    config::{Bundle, Config, Tenant, Tenants},
    http::Headers,
    policy::Policy,
    problem::Problem,
    tenancy::Tenancy,
};
use address::{Addresses, Host};

/// Everything that one filter governs by.
#[derive(Debug)]
pub struct Gateway {
    tenants: Vec<Arc<Policy>>,
    addresses: Addresses,
    /// For what is no tenant's: the only policy, or one by which nothing exists.
    rest: Arc<Policy>,
}

impl Gateway {
    /// Compiles a bundle, whole.
    ///
    /// # Errors
    /// Every problem of every tenant, each with its path.
    pub fn compile(bundle: Bundle) -> Result<Self, Vec<Problem>> {
        match bundle {
            Bundle::One(config) => Policy::compile(*config).map(Self::from),
            Bundle::Tenants(tenants) => Self::of_tenants(tenants, Policy::compile),
        }
    }

    /// Compiles a bundle that [`Gateway::compile`] has accepted before, with this [`Gateway::proof`],
    /// without the work that cost more than reading it does.
    ///
    /// # Errors
    /// Every problem that is found all the same.
    pub fn compile_proven(bundle: Bundle, proof: &str) -> Result<Self, Vec<Problem>> {
        let mut digests = proof.split(' ').map(str::to_owned);
        let mut next = move || digests.next().unwrap_or_default();
        match bundle {
            Bundle::One(config) => Policy::compile_proven(*config, next()).map(Self::from),
            Bundle::Tenants(tenants) => Self::of_tenants(tenants, move |config| {
                Policy::compile_proven(config, next())
            }),
        }
    }

    /// What [`Gateway::compile_proven`] has to be told: the digests of all policies, in order.
    #[must_use]
    pub fn proof(&self) -> String {
        let digests: Vec<_> = self.policies().map(|policy| policy.digest()).collect();
        digests.join(" ")
    }

    /// The policies, in order.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        let only = self.tenants.is_empty().then_some(&self.rest);
        self.tenants.iter().chain(only)
    }

    /// The policy that governs the request with this head. By that of a request of no tenant nothing
    /// exists.
    #[must_use]
    pub fn policy(&self, headers: &Headers) -> &Arc<Policy> {
        let tenant = || {
            let path = headers.one(":path").ok()??;
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let host = headers.one(":authority").ok().flatten();
            self.tenants.get(self.addresses.tenant(host, meant(path))?)
        };
        tenant().unwrap_or(&self.rest)
    }

    /// The policy of requests whose head was never seen.
    #[must_use]
    pub const fn unseen(&self) -> &Arc<Policy> {
        &self.rest
    }

    fn of_tenants(
        tenants: Tenants,
        mut compile: impl FnMut(Config) -> Result<Policy, Vec<Problem>>,
    ) -> Result<Self, Vec<Problem>> {
        let digest = tenants.digest();
        let readable = tenants.faults.is_empty()
            && tenants
                .tenants
                .iter()
                .all(|tenant| tenant.config.faults.is_empty());
        let (mut problems, mut policies) = (tenants.faults, Vec::new());
        let changed = tenants.bundle.and_then(|bundle| bundle.changed(&digest));
        // What could not be read is missing in the digest.
        problems.extend(changed.filter(|_| readable));
        let addresses = addresses(&tenants.tenants, &mut problems);
        for (
            i,
            Tenant {
                id, path, config, ..
            },
        ) in tenants.tenants.into_iter().enumerate()
        {
            let tenancy = Some(Tenancy::new(id, path.unwrap_or_default()));
            match compile(Config { tenancy, ..config }) {
                Ok(policy) => policies.push(Arc::new(policy)),
                Err(found) => {
                    let at = format!("tenants[{i}]");
                    problems.extend(found.into_iter().map(|problem| problem.below(&at)));
                }
            }
        }
        let rest = Policy::compile_proven(Config::default(), digest)?;
        if problems.is_empty() {
            Ok(Self {
                tenants: policies,
                addresses,
                rest: Arc::new(rest),
            })
        } else {
            Err(problems)
        }
    }
}

impl From<Policy> for Gateway {
    fn from(policy: Policy) -> Self {
        Self {
            tenants: Vec::new(),
            addresses: Addresses::default(),
            rest: Arc::new(policy),
        }
    }
}

/// Everything that is wrong with how tenants are told apart.
#[must_use]
pub fn problems(tenants: &[Tenant]) -> Vec<Problem> {
    let mut problems = Vec::new();
    addresses(tenants, &mut problems);
    problems
}

/// The path that a request is about: of protected-resource metadata, the resource's.
fn meant(path: &str) -> &str {
    match path.strip_prefix(RESOURCE_METADATA) {
        Some("") => "/",
        Some(resource) if resource.starts_with('/') => resource,
        Some(_) | None => path,
    }
}

/// Which requests are whose, and everything that is wrong with how tenants are told apart.
fn addresses(tenants: &[Tenant], problems: &mut Vec<Problem>) -> Addresses {
    let mut addresses = Addresses::default();
    let mut wrong = |at: String, message: String, help: &str| {
        problems.push(Problem::new(at, message).help(help));
    };
    for (i, tenant) in tenants.iter().enumerate() {
        if *tenant == Tenant::default() {
            // It could not be read.
            continue;
        }
        let at = |field: &str| format!("tenants[{i}].{field}");
        let Tenant { id, hosts, .. } = tenant;
        if !is_id(id) {
            let message = format!("`{id}` is no tenant id");
            wrong(
                at("id"),
                message,
                "letters, digits, `-`, `_`, `.`, at most 64",
            );
        } else if let Some(other) = tenants.iter().take(i).position(|other| other.id == *id) {
            let message = format!("`{id}` is the id of `tenants[{other}]` already");
            wrong(
                at("id"),
                message,
                "a tenant has one entry, with all of its hosts",
            );
        }
        let path = tenant.path.as_deref().unwrap_or_default();
        if !is_path(path) {
            let message = format!("`{path}` is no path that a tenant can be told by");
            let help = "segments of letters, digits, `-`, `_`, `.`, `~`, each after a slash: `/a`";
            wrong(at("path"), message, help);
        }
        let mut parts: Vec<(String, Host)> = Vec::new();
        for (j, host) in hosts.iter().enumerate() {
            let at = at(&format!("hosts[{j}]"));
            match Host::written(host) {
                Some(host) => parts.push((at, host)),
                None => {
                    let message = format!("`{host}` is no host that a tenant can be told by");
                    let help = "a name without a port, `a.example.com`, or all names below one, \
                                `*.example.com`";
                    wrong(at, message, help);
                }
            }
        }
        if hosts.is_empty() {
            parts.push((at("path"), Host::Any));
        }
        for (at, host) in parts {
            if let Err(other) = addresses.add(host, path, i) {
                let message = format!("requests here are `tenants[{other}]`'s already");
                let help = "no request can be two tenants': tell them apart by `hosts`, or by \
                            `path`s of which none is below another";
                wrong(at, message, help);
            }
        }
    }
    addresses
}

fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(fits)
}

/// Plain enough that no two parties can read it differently.
fn is_path(path: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut segments = path.split('/');
    segments.next() == Some("")
        && !path.starts_with("/.well-known")
        && segments.all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(fits))
}

/// Where protected-resource metadata is, before the path of the resource (RFC 9728, section 3).
pub const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests;
