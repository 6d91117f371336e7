//! What one of several tenants has for itself of what all share: a path, memory, marks.
//!
//! What this module does not do: choose a tenant.

use crate::{
    cx::{Conflict, Cx, Store, Version},
    limit::OWNERS,
    seal::Seal,
};

/// A tenant, and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenancy {
    id: String,
    path: String,
}

/// What surrounds an event of a tenant, without that of others.
pub struct Surroundings<'a> {
    store: Own<'a>,
    seal: &'a Seal,
    all: Cx<'a>,
}

/// The part of a store that is a tenant's.
struct Own<'a> {
    all: &'a dyn Store,
    prefix: String,
}

impl Tenancy {
    /// The tenant of this id, at this path of its hosts: `/a`; empty: at all paths.
    #[must_use]
    pub const fn new(id: String, path: String) -> Self {
        Self { id, path }
    }

    /// Its id, which is the fact `tenant` of all its callers.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The path at which all of its endpoints are; empty where it has all paths.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A path of the gateway, as the tenant's registry knows it.
    #[must_use]
    pub fn within<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&self.path)?;
        rest.starts_with('/').then_some(rest)
    }

    /// A name among those of all tenants: an id has no slash.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.id)
    }

    /// The tenant's own seal: what is marked with it means nothing to another tenant.
    #[must_use]
    pub fn seal(&self, seal: &Seal) -> Seal {
        seal.derive("tenant", &self.id)
    }

    /// What surrounds an event, with `seal` as [`Tenancy::seal`] gives it.
    #[must_use]
    pub fn surroundings<'a>(&self, all: &Cx<'a>, seal: &'a Seal) -> Surroundings<'a> {
        let prefix = format!("tenant/{}/", self.id);
        let store = Own {
            all: all.store,
            prefix,
        };
        Surroundings {
            store,
            seal,
            all: *all,
        }
    }
}

impl Surroundings<'_> {
    /// They, as everything takes them.
    #[must_use]
    pub fn cx(&self) -> Cx<'_> {
        Cx {
            store: &self.store,
            seal: self.seal,
            ..self.all
        }
    }
}

impl Own<'_> {
    fn key(&self, key: &str) -> String {
        match key {
            // Who is alive is a matter of VMs, which carry the calls of all tenants.
            OWNERS => key.to_owned(),
            key => format!("{}{key}", self.prefix),
        }
    }
}

impl Store for Own<'_> {
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version) {
        self.all.load(&self.key(key))
    }

    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict> {
        self.all.store(&self.key(key), value, version)
    }
}

#[cfg(test)]
mod tests;
