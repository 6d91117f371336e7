//! The registry's words in place of the server's.

use crate::{
    config::Drift,
    json::{Node, Splice},
    registry::{CONTRACT, Entry, Word, hides},
    visible::hidden,
};

/// The registry's words for an entry, some members of which `drift`, where its server's `own` item
/// of that name is listed, or else one of those that its pattern stands for.
pub(super) fn of(entry: &Entry, own: bool, mode: Drift, drift: &[&str]) -> Vec<Word> {
    let mut words = match own {
        true => entry.words(),
        false => entry.words_for_many(),
    };
    for key in entry.kind.pinned().iter().filter(|key| is_in(drift, key)) {
        let known = words.iter().position(|(word, _)| word == key);
        match (mode, known) {
            (Drift::Allow, Some(place)) if !is_contract(key) => {
                words.remove(place);
            }
            (Drift::Hide | Drift::Replace, None) => words.push((key, None)),
            (Drift::Allow, None) if is_contract(key) => words.push((key, None)),
            (Drift::Hide | Drift::Replace | Drift::Allow, _) => {}
        }
    }
    words
}

/// Puts the words into an item.
pub(super) fn edits(words: &[Word], item: Node<'_>) -> Vec<Splice> {
    let edit = |(key, text): &Word| match text {
        Some(text) => {
            let same = item.get(key).is_some_and(|old| old.raw() == text);
            (!same).then(|| item.set(key, text))
        }
        None => item.remove(key),
    };
    words.iter().filter_map(edit).collect()
}

/// Whether something that does not show would stay in an item.
pub(super) fn leave_hidden(words: &[Word], item: Node<'_>) -> bool {
    let stays = |key: &str| words.iter().all(|(word, _)| *word != key);
    let mut members = item.members().filter(|member| stays(&member.key()));
    members.any(|it| hidden(&it.key()).is_some() || hides(it.value()))
}

/// Whether calls are held to this member.
pub(super) fn is_contract(member: &str) -> bool {
    matches!(member, "arguments" | "inputSchema" | "outputSchema")
}

/// Whether a member is among those that drift.
fn is_in(drift: &[&str], member: &str) -> bool {
    drift.iter().any(|it| *it == member || *it == CONTRACT)
}
