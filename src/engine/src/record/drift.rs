//! What servers announce otherwise than it was reviewed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{MAX_ITEMS, Metric, MetricKind, clip};
use crate::config::Drift;

/// Something that a server announced otherwise than it was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// `tool`, `resource` or `prompt`; `server` where it is about the server as a whole.
    pub kind: &'static str,
    /// As the server calls it; at most 256 characters.
    pub name: String,
    /// The member that is new, or `contract` where that cannot be told; or `new`, `vanished`,
    /// `duplicate`, `shadowing`, `confusable`, `hidden_characters`.
    pub what: &'static str,
    /// What became of it; absent where nothing could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Drift>,
}

/// All that was announced otherwise in one exchange: the first 64 in full, the others by number.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Drifts {
    told: Vec<Drifted>,
    #[serde(skip)]
    counts: BTreeMap<(&'static str, Option<Drift>), u64>,
}

impl Drifts {
    /// Adds one.
    pub fn add(
        &mut self,
        kind: &'static str,
        name: &str,
        what: &'static str,
        action: Option<Drift>,
    ) {
        *self.counts.entry((what, action)).or_default() += 1;
        if self.told.len() < MAX_ITEMS {
            let name = clip(name);
            self.told.push(Drifted {
                kind,
                name,
                what,
                action,
            });
        }
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// How many there were of each sort, in what `server` announced.
    pub(super) fn metrics(&self, server: &str) -> impl Iterator<Item = Metric> {
        self.counts.iter().map(move |((what, action), count)| {
            let action = action.map_or("-", Drift::as_str);
            Metric {
                name: format!("toolgate_drift_total;server={server};what={what};action={action}"),
                kind: MetricKind::Counter,
                value: *count,
            }
        })
    }
}
