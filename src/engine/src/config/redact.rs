//! What is taken out of arguments and results, and what the audit record holds.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{OneOrMany, is_default};
use crate::redact::By;

/// An own kind of sensitive values: a regular expression. What it matches has a bound, so that a
/// search takes linear time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Detector {
    /// The expression.
    pub pattern: String,
    #[serde(skip)]
    pub(crate) at: String,
}

/// Values that are taken out of what a rule lets through: a kind, or kinds and places with what is
/// done to them.
///
/// What all rules that match a call take out adds up; where they differ about a kind or a place, the
/// stricter way holds: `block`, then `drop`, `hash`, `mask`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Redact {
    /// Values of this kind in results. Short for `{ find: KIND }`.
    Kind(String),
    /// As it says.
    Item(RedactItem),
}

/// Kinds and places, and what is done to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RedactItem {
    /// Kinds of values, wherever they stand: built in, or of `detectors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<OneOrMany<String>>,
    /// Places, as JSON Pointers into the structured result or the arguments: `/customer/ssn`. `*`
    /// stands for every member or item: `/items/*/card`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<OneOrMany<String>>,
    /// What is done to them. By default, `mask`.
    #[serde(skip_serializing_if = "is_default")]
    pub by: By,
    /// Where. By default, in `results`.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub within: Option<OneOrMany<Within>>,
}

/// Where values are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// In what comes back, before the client sees it.
    Results,
    /// In arguments, as approvers and the audit record see them.
    Arguments,
    /// In arguments, also as the server gets them.
    Upstream,
}

/// What the audit record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// How much of the arguments.
    pub level: AuditLevel,
}

/// How much of the arguments the audit record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AuditLevel {
    /// Names, sizes and a digest; never values.
    Metadata,
    /// Values too, up to 8 KiB, without all that any matching rule takes out of arguments or results
    /// and what the tool says is sensitive.
    Full,
}

impl<'de> Deserialize<'de> for Redact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Redact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind, or an object with `find` or `at`")
            }

            fn visit_str<E: de::Error>(self, kind: &str) -> Result<Redact, E> {
                Ok(Redact::Kind(kind.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Redact, A::Error> {
                RedactItem::deserialize(MapAccessDeserializer::new(members)).map(Redact::Item)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl Redact {
    /// In full.
    #[must_use]
    pub fn item(self) -> RedactItem {
        match self {
            Self::Kind(kind) => RedactItem {
                find: Some(OneOrMany::One(kind)),
                ..RedactItem::default()
            },
            Self::Item(item) => item,
        }
    }
}
