//! What has changed between what was reviewed and what is announced now.

use engine::{
    json::Node,
    registry::{Kind, changed},
};
use serde_json::Value;

/// A part of an entry that is announced otherwise than it stands in the registry.
pub(super) struct Part {
    /// The member.
    pub(super) key: &'static str,
    /// What the registry says.
    pub(super) was: Option<Value>,
    /// What the server announces.
    pub(super) is: Option<Value>,
    /// It may be that it was changed in the registry by hand.
    pub(super) by_hand: bool,
}

/// The parts that the server has changed since `reviewed` was pinned; where they cannot be told from
/// those that somebody edited, all that are different.
pub(super) fn parts(kind: Kind, reviewed: &str, written: &Value, announced: Node<'_>) -> Vec<Part> {
    let changed = changed(kind, reviewed, written, announced);
    let parts = kind.pinned().iter().map(|key| Part {
        key,
        was: written.get(key).cloned(),
        is: announced.get(key).map(Node::to_value),
        by_hand: changed.is_none(),
    });
    let told = |part: &Part| changed.as_ref().is_none_or(|it| it.contains(&part.key));
    parts
        .filter(|part| part.was != part.is && told(part))
        .collect()
}

#[cfg(test)]
mod tests;
