//! The registry's words in place of the server's.

use super::List;
use crate::{
    config::Drift,
    json::{Node, Splice, quote},
    registry::{CONTRACT, Entry, hides},
    visible::hidden,
};

/// A member of an item, and what it is to be; `None`: nothing. What is not named stays.
type Word = (&'static str, Option<String>);

/// The registry's words for an entry, some members of which `drift`.
///
/// Where the registry has no description there is none: nobody has read what the server would say.
/// That of a resource stays, since one pattern stands for many.
pub(super) fn of(list: List, entry: &Entry, mode: Drift, drift: &[&str]) -> Vec<Word> {
    let description = entry.description.as_deref().map(quote);
    let mut words = match list {
        List::Tools => {
            let output = entry.output.as_ref();
            vec![
                ("name", Some(quote(&entry.name))),
                ("description", description),
                ("inputSchema", Some(entry.input.source().to_string())),
                ("outputSchema", output.map(|it| it.source().to_string())),
            ]
        }
        List::Prompts => vec![
            ("name", Some(quote(&entry.name))),
            ("description", description),
        ],
        List::Resources | List::Templates => {
            let own = |text: String| ("description", Some(text));
            description.into_iter().map(own).collect()
        }
    };
    let members = entry.members.iter();
    words.extend(members.map(|(key, value)| (*key, Some(value.to_string()))));
    let title = entry.title.as_deref();
    words.extend(title.map(|title| ("title", Some(quote(title)))));
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
