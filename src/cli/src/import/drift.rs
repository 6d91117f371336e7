//! What has changed between what was reviewed and what is announced now.

use engine::{
    json::{Doc, Node, quote},
    registry::{Kind, pin},
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

/// The parts that the server has changed since `reviewed` was pinned.
///
/// The pin is one digest, and it tells the parts apart all the same: what was announced then stands
/// in the registry, unless somebody edited it there, or is announced today, unless the server
/// changed it. The mixture of both that has this pin is what was reviewed. There is none where a
/// part was edited here and changed there: then no part can be told from the others.
pub(super) fn parts(kind: Kind, reviewed: &str, written: &Value, announced: Node<'_>) -> Vec<Part> {
    let different: Vec<_> = kind
        .pinned()
        .iter()
        .map(|key| {
            let was = written.get(key).cloned();
            let is = announced.get(key).map(Node::to_value);
            Part {
                key,
                was,
                is,
                by_hand: false,
            }
        })
        .filter(|part| part.was != part.is)
        .collect();
    let mixtures = 0..1_u32 << different.len();
    let changed = mixtures.into_iter().find(|changed| {
        let text = mixture(kind, announced, &different, *changed);
        Doc::parse(text.into_bytes()).is_ok_and(|doc| pin(kind, doc.root()) == reviewed)
    });
    let Some(changed) = changed else {
        let by_hand = |part| Part {
            by_hand: true,
            ..part
        };
        return different.into_iter().map(by_hand).collect();
    };
    let marked = different.into_iter().enumerate();
    marked
        .filter_map(|(place, part)| (changed >> place & 1 == 1).then_some(part))
        .collect()
}

/// What is announced, with the marked parts as they stand in the registry.
fn mixture(kind: Kind, announced: Node<'_>, different: &[Part], marked: u32) -> String {
    let members = kind.pinned().iter().filter_map(|key| {
        let place = different.iter().position(|part| part.key == *key);
        let value = match place.filter(|place| marked >> place & 1 == 1) {
            Some(place) => different.get(place)?.was.as_ref()?.to_string(),
            None => announced.get(key)?.raw().to_owned(),
        };
        Some(format!("{}:{value}", quote(key)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests;
