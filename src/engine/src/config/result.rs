//! What is done to results, as it is written in the registry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How structured results are brought into the form that agents know: first members are renamed,
/// then some are picked, then some are dropped. What is left has to keep the `outputSchema`.
///
/// Places are JSON Pointers into `structuredContent`, or into the JSON that is a result's only text;
/// `*` stands for every member or item: `/items/*/id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Normalize {
    /// Members as the server calls them, and where they are from then on, in the same object:
    /// `{ /cust_nm: /customerName }`. What is there already stays, and the renamed one goes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// What alone is left, by its new name. Without it, everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pick: Vec<String>,
    /// What goes, by its new name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
}

/// How large a result may be, and what may be in it. Where the policy has a bound as well, the
/// smaller one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ResultBounds {
    /// The largest result, in bytes of its JSON. Text behind it is cut, with a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// The most tokens that a result may take, as they are estimated: one for four bytes, base64 not
    /// counted. Text behind them is cut, with a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The media types of images, audio, embedded and linked resources that may pass: `image/png`,
    /// `text/*`. Without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<String>>,
    /// The largest image, audio or binary resource, in bytes once it is decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_media_bytes: Option<u64>,
}
