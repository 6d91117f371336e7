//! What people write: registries and policies, as they are typed, and the bundle that joins them.
//!
//! What this module does not do: look anything up, compile anything, or decide. A field that
//! nothing enforces is refused as unknown, so that nobody relies on it.

mod approvals;
mod breaker;
mod cost;
mod drift;
mod http;
mod identity;
mod limit;
mod policy;
mod protocol;
mod ratelimit;
mod read;
mod redact;
mod registry;
mod resource;
mod result;
mod risk;
mod scan;
#[cfg(feature = "schema")]
mod schema;
mod server;
mod tenants;
mod value;
mod version;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, DeserializeOwned, IntoDeserializer, SeqAccess, Visitor, value::SeqAccessDeserializer,
    },
};
use serde_json::Value;

use crate::{digest::sha256, json::Doc, problem::Problem, tenancy::Tenancy};

pub use crate::{
    limit::{Dimension, Scope},
    redact::By,
};
pub use approvals::Approvals;
pub use breaker::{Breaker, Failure};
pub use cost::Cost;
pub use drift::Drift;
pub use http::{Http, HttpMethod, HttpResult};
pub use identity::{Identity, Issuer, Jwks, Mtls, ScopeDenials, Source, Token};
pub use limit::{Amount, Limit};
pub use policy::{
    Attributes, Bounds, Effect, Mode, Policy, Presence, Require, Rule, Selector, When,
};
pub use protocol::{Protocol, ServerRequest};
pub use ratelimit::{FailureMode, RateLimitService};
pub use redact::{Audit, AuditLevel, Detector, Redact, RedactItem, Within};
pub use registry::{Argument, Deprecated, Prompt, Registry, Tool, Virtual};
pub use resource::Resource;
pub use result::{Normalize, ResultBounds};
pub use risk::{Access, RiskTier};
pub use scan::Scan;
#[cfg(feature = "schema")]
pub use schema::{policy_schema, registry_schema};
pub use server::{Credential, Failover, Health, Nothing, OAuth2, Proof, Server};
pub use tenants::{Bundle, Tenant, Tenants};
pub use version::Version;

/// The bundle: one registry and one policy, joined from all files of each kind, as far as they
/// could be read. What could not be read is told when the policy is compiled, together with what
/// is wrong with the rest: a configuration with faults never compiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Config {
    /// What exists.
    pub registry: Registry,
    /// What may happen.
    pub policy: Policy,
    /// What is tried beside it, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Policy>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Provenance>,
    /// Whose it is, where it is one of several.
    #[serde(skip)]
    pub tenancy: Option<Tenancy>,
    /// What could not be read.
    #[serde(skip)]
    pub(crate) faults: Vec<Problem>,
}

/// Where a bundle comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Hex SHA-256 of the canonical registry and policies; a bundle that was changed is refused.
    pub digest: String,
    /// The commit that the files were at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether a file differed from that commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dirty: bool,
    /// The files it was made from, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// One value, or a list of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One value.
    One(T),
    /// Any number of values.
    Many(Vec<T>),
}

impl Config {
    /// Reads a bundle of one registry and policy, strictly: a repeated key or anything else that
    /// parsers could read differently is refused.
    ///
    /// # Errors
    /// The text is not strict JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        strict(bytes).map(Self::from_value)
    }

    /// Reads a bundle of one registry and policy from a JSON value that was read strictly.
    #[must_use]
    pub fn from_value(bundle: Value) -> Self {
        read::bundle(bundle)
    }

    /// Joins registries and policies that were read from several files, as JSON values. The path of
    /// a problem begins with the file's place in its list: `registry[0]:tools[1].name`,
    /// `policy[1]:rules[2].when`.
    #[must_use]
    pub fn join(registries: Vec<Value>, policies: Vec<Value>) -> Self {
        read::join(registries, policies)
    }

    /// Hex SHA-256 of the registry and the policies as [`Config::to_json`] writes them.
    #[must_use]
    pub fn digest(&self) -> String {
        let (registry, policy) = (&self.registry, &self.policy);
        let bytes = match &self.shadow {
            None => serde_json::to_vec(&(registry, policy)),
            Some(shadow) => serde_json::to_vec(&(registry, policy, shadow)),
        };
        sha256(&bytes.unwrap_or_default())
    }

    /// The bundle as JSON: the same text for the same configuration, always.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with text keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads a value of another kind of file as strictly as registries and policies are read: gives what
/// could be read, and every problem, whose paths begin with `at`.
#[must_use]
pub fn read<T: DeserializeOwned>(
    value: &Value,
    at: &str,
    required: &[&str],
) -> (Option<T>, Vec<Problem>) {
    read::value(value, at, required)
}

impl<T> OneOrMany<T> {
    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// The values, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Forms<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(text.into_deserializer()).map(OneOrMany::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany::Many)
            }
        }

        deserializer.deserialize_any(Forms(PhantomData))
    }
}

/// A JSON value that no two parsers could read differently.
fn strict(json: &[u8]) -> Result<Value, Vec<Problem>> {
    match Doc::parse(json.to_vec()) {
        Ok(doc) => Ok(doc.root().to_value()),
        Err((fault, _)) => Err(vec![Problem::new(
            "",
            format!("not acceptable as JSON: {fault}"),
        )]),
    }
}

/// A text; a number stands for its digits, since `version: 1.2` is a number in YAML.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(de::Error::custom("expected a text"))
        }
    }
}

/// Whether a value is what it would be if it were not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
