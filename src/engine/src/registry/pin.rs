//! What a server announced of an entry, as one digest: a tool that is described anew, or takes other
//! arguments, is not the tool that somebody reviewed.

use serde_json::{Map, Value};

use super::{Entry, Kind};
use crate::{
    digest::sha256,
    json::{Doc, Node, quote},
    visible::hidden,
};

impl Kind {
    /// The members that a pin is about, as far as they are announced: what a model is told, and the
    /// contracts.
    #[must_use]
    pub const fn pinned(self) -> &'static [&'static str] {
        match self {
            Self::Tool => &[
                "annotations",
                "description",
                "inputSchema",
                "outputSchema",
                "title",
            ],
            Self::Resource => &["description", "title"],
            Self::Prompt => &["arguments", "description", "title"],
        }
    }
}

/// The pin of an announced tool, resource or prompt: `sha256:` and, in lower-case hexadecimal, the
/// digest of the canonical form (RFC 8785) of its [pinned](Kind::pinned) members.
#[must_use]
pub fn pin(kind: Kind, announced: Node<'_>) -> String {
    of_members(kind.pinned(), announced)
}

/// The pin of what a server says of itself when it is greeted: its `instructions`.
#[must_use]
pub fn greeting_pin(greeting: Node<'_>) -> String {
    of_members(&["instructions"], greeting)
}

fn of_members(keys: &[&str], announced: Node<'_>) -> String {
    let members = keys.iter();
    digest(members.filter_map(|key| Some((*key, announced.get(key)?.canonical()))))
}

/// The pinned members that the server has changed since `reviewed` was pinned, beside what is
/// `written` in the registry; `None`: no member can be told from the others.
///
/// The pin is one digest, and it tells the members apart all the same: what was announced then stands
/// in the registry, unless somebody edited it there, or is announced today, unless the server
/// changed it. The mixture of both that has this pin is what was reviewed. There is none where a
/// member was edited here and changed there.
#[must_use]
pub fn changed(
    kind: Kind,
    reviewed: &str,
    written: &Value,
    announced: Node<'_>,
) -> Option<Vec<&'static str>> {
    let sides = kind.pinned().iter().map(|key| Sides {
        key,
        was: written.get(key).and_then(canonical),
        is: announced.get(key).map(Node::canonical),
    });
    let sides: Vec<_> = sides.collect();
    let different: Vec<_> = sides.iter().filter(|it| it.was != it.is).collect();
    let bytes: usize = sides.iter().map(Sides::len).sum();
    let mixtures = 0..1_usize << different.len();
    if bytes.saturating_mul(mixtures.len()) > MAX_WORK {
        return None;
    }
    let marked = |mixture: usize| {
        let marks = different.iter().enumerate();
        let marks = marks.filter(move |(place, _)| mixture >> place & 1 == 1);
        marks.map(|(_, sides)| sides.key)
    };
    let mixture = mixtures.into_iter().find(|mixture| {
        let members = sides.iter().filter_map(|sides| {
            let was = marked(*mixture).any(|key| key == sides.key);
            let side = if was { &sides.was } else { &sides.is };
            Some((sides.key, side.as_ref()?))
        });
        digest(members) == reviewed
    })?;
    Some(marked(mixture).collect())
}

/// Whether anything in what is announced does not show: a text or a member's name.
#[must_use]
pub fn hides(announced: Node<'_>) -> bool {
    announced.str().is_some_and(|text| hidden(&text).is_some())
        || announced.items().any(hides)
        || announced
            .members()
            .any(|member| hidden(&member.key()).is_some() || hides(member.value()))
}

impl Entry {
    /// What its server announces otherwise than it was reviewed, as [`changed`] tells it, or
    /// [`CONTRACT`] where no member can be told from the others; nothing where it has no pin.
    #[must_use]
    pub fn drift(&self, announced: Node<'_>) -> Vec<&'static str> {
        match &self.pin {
            Some(reviewed) if *reviewed != pin(self.kind, announced) => {
                let changed = changed(self.kind, reviewed, &self.written(), announced);
                let told = changed.filter(|parts| !parts.is_empty());
                told.unwrap_or_else(|| vec![CONTRACT])
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// The pinned members, as far as the registry has them.
    fn written(&self) -> Value {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let schemas = match self.kind {
            Kind::Tool => [Some(&self.input), self.output.as_ref()],
            Kind::Resource | Kind::Prompt => [None, None],
        };
        let [input, output] = schemas.map(|schema| Some(schema?.source().clone()));
        let own = [
            ("title", text(&self.title)),
            ("description", text(&self.description)),
            ("inputSchema", input),
            ("outputSchema", output),
        ];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let members = own.chain(
            self.members
                .iter()
                .map(|(key, value)| (*key, value.clone())),
        );
        Value::Object(Map::from_iter(
            members.map(|(key, it)| (key.to_owned(), it)),
        ))
    }
}

/// A member as it stands in the registry, and as it is announced: canonical forms.
struct Sides {
    key: &'static str,
    was: Option<Vec<u8>>,
    is: Option<Vec<u8>>,
}

impl Sides {
    fn len(&self) -> usize {
        let len = |side: &Option<Vec<u8>>| side.as_ref().map_or(0, Vec::len);
        len(&self.was).max(len(&self.is))
    }
}

fn canonical(value: &Value) -> Option<Vec<u8>> {
    let doc = Doc::parse(value.to_string().into_bytes()).ok()?;
    Some(doc.root().canonical())
}

/// The digest of an object with these members, which are in order.
fn digest<'a>(members: impl Iterator<Item = (&'a str, impl AsRef<[u8]>)>) -> String {
    let mut canonical = b"{".to_vec();
    for (key, value) in members {
        if canonical.len() > 1 {
            canonical.push(b',');
        }
        canonical.extend(quote(key).into_bytes());
        canonical.push(b':');
        canonical.extend(value.as_ref());
    }
    canonical.push(b'}');
    format!("{PREFIX}{}", sha256(&canonical))
}

/// Whether this could be a pin.
pub(crate) fn is_pin(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|digest| {
        digest.len() == 64
            && digest
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// What has changed where no member can be told from the others.
pub const CONTRACT: &str = "contract";
const PREFIX: &str = "sha256:";
/// Bytes to hash in search of a mixture.
const MAX_WORK: usize = 4_194_304;
