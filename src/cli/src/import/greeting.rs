//! What a server says of itself, beside what the registry knows of it.

use engine::{
    json::{Doc, Node, quote},
    registry::{Server, greeting_pin, hides},
};

use super::{
    compare::{Change, Entry},
    drift::Part,
};
use crate::source::{Edit, Entry as Place, Member};

/// The members of a new server that tell what it says of itself.
pub(super) fn members(greeting: Node<'_>) -> Vec<Member> {
    let Some(said) = greeting.get(INSTRUCTIONS) else {
        return Vec::new();
    };
    let texts = [
        (
            INSTRUCTIONS,
            said.raw().to_owned(),
            Some("new: nobody has reviewed it"),
        ),
        ("pin", quote(&greeting_pin(greeting)), None),
    ];
    let member = |(key, text, comment)| {
        own(text).map(|value| Member {
            key,
            value,
            comment,
        })
    };
    texts.into_iter().filter_map(member).collect()
}

/// Holds what a server says of itself against what is known, and takes it over if that is accepted;
/// `None`: there is nothing to tell.
pub(super) fn compare(
    known: Option<&Server>,
    id: &str,
    greeting: Node<'_>,
    accept: bool,
    edit: &mut Edit<'_>,
) -> Option<Entry> {
    let said = greeting.get(INSTRUCTIONS);
    let pin = greeting_pin(greeting);
    let written = known.and_then(|server| server.instructions.as_deref());
    let part = |by_hand| Part {
        key: INSTRUCTIONS,
        was: written.map(Into::into),
        is: said.map(Node::to_value),
        by_hand,
    };
    let change = match known.map(|server| server.pin.as_deref()) {
        None => said.map(|_| Change::New)?,
        Some(Some(reviewed)) if reviewed == pin => Change::AsReviewed,
        Some(Some(reviewed)) => Change::Changed(vec![part(pin_of(written)? != reviewed)]),
        Some(None) => match (said, written) {
            (None, _) => return None,
            (Some(_), None) => Change::Changed(vec![part(false)]),
            (Some(_), Some(_)) => Change::Unpinned,
        },
    };
    if accept && let Change::Changed(_) | Change::Unpinned = change {
        let place = Place::Member(id);
        if matches!(&change, Change::Changed(parts) if parts.iter().all(|part| !part.by_hand)) {
            let said = said.and_then(|said| own(said.raw().to_owned()));
            edit.set(SERVERS, place, INSTRUCTIONS, said);
        }
        edit.set(SERVERS, place, "pin", own(quote(&pin)));
    }
    Some(Entry {
        kind: "server",
        name: id.to_owned(),
        change,
        hides: said.is_some_and(hides),
    })
}

/// The pin of a server that says this.
fn pin_of(instructions: Option<&str>) -> Option<String> {
    let said = instructions.map(|text| format!("{}:{}", quote(INSTRUCTIONS), quote(text)));
    let greeting = own(format!("{{{}}}", said.unwrap_or_default()))?;
    Some(greeting_pin(greeting.root()))
}

fn own(text: String) -> Option<Doc> {
    Doc::parse(text.into_bytes()).ok()
}

const INSTRUCTIONS: &str = "instructions";
const SERVERS: &str = "servers";
