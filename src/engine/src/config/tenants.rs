//! What the filter loads: one registry and policy, or those of several tenants.

use serde::Serialize;
use serde_json::Value;

use super::{Config, Provenance, read, strict};
use crate::{digest::sha256, problem::Problem};

/// What the filter loads.
#[derive(Clone, Debug, PartialEq)]
pub enum Bundle {
    /// What exists and what may happen, for everybody.
    One(Box<Config>),
    /// The same for each tenant.
    Tenants(Tenants),
}

/// Tenants who share a filter, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tenants {
    /// They, in order.
    pub tenants: Vec<Tenant>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Provenance>,
    /// What could not be read.
    #[serde(skip)]
    pub(crate) faults: Vec<Problem>,
}

/// One of several tenants.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tenant {
    /// Its name: the fact `tenant` of all its callers.
    pub id: String,
    /// The hosts that are its own, `a.example.com` or `*.example.com`; none: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The path that is its own, with all below it: `/a`; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What exists for it, and what may happen.
    #[serde(flatten)]
    pub config: Config,
}

impl Bundle {
    /// Reads a bundle as strictly as [`Config::from_json`].
    ///
    /// # Errors
    /// The text is not strict JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        strict(bytes).map(Self::from_value)
    }

    /// Reads a bundle from a JSON value that was read strictly.
    #[must_use]
    pub fn from_value(bundle: Value) -> Self {
        read::any(bundle)
    }
}

impl Tenants {
    /// These tenants, from nowhere that is known.
    #[must_use]
    pub const fn new(tenants: Vec<Tenant>) -> Self {
        Self {
            tenants,
            bundle: None,
            faults: Vec::new(),
        }
    }

    /// Hex SHA-256 of all tenants, as [`Config::digest`] of one.
    #[must_use]
    pub fn digest(&self) -> String {
        let tenants = self.tenants.iter();
        let parts: Vec<_> = tenants
            .map(|it| (&it.id, &it.hosts, &it.path, it.config.digest()))
            .collect();
        sha256(&serde_json::to_vec(&parts).unwrap_or_default())
    }

    /// The bundle as JSON: the same text for the same tenants, always.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with text keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Provenance {
    /// The problem, where a bundle is not what it was when it was made.
    pub(crate) fn changed(&self, digest: &str) -> Option<Problem> {
        let message = "the bundle was changed after it was made";
        let problem = || Problem::new("bundle.digest", message);
        (self.digest != digest).then(|| problem().help("make it again, or leave out `bundle`"))
    }
}
