//! The values of a file, each with the place where it stands.

use std::{fmt, ops::Range};

use engine::json::{Kind, Node};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Location, Spanned};

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) at: Range<usize>,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Leaf(Value),
    List(Vec<Tree>),
    Map(Vec<(String, Range<usize>, Tree)>),
}

pub(super) fn span(place: &Location) -> Range<usize> {
    let start = place.span().byte_offset().unwrap_or_default();
    let length = place.span().byte_len().unwrap_or_default();
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    number(start)..number(start.saturating_add(length))
}

impl Tree {
    pub(super) const fn leaf(at: Range<usize>, value: Value) -> Self {
        Self {
            at,
            shape: Shape::Leaf(value),
        }
    }

    pub(super) fn placed(spanned: Spanned<Self>, end: usize) -> Self {
        let at = span(&spanned.referenced);
        Self {
            at: at.start.min(end)..at.end.min(end),
            shape: spanned.value.shape,
        }
    }

    pub(super) fn from_json(node: Node<'_>) -> Self {
        let shape = match node.kind() {
            Kind::Array => Shape::List(node.items().map(Self::from_json).collect()),
            Kind::Object => Shape::Map(
                node.members()
                    .map(|m| {
                        (
                            m.key().into_owned(),
                            m.key_span(),
                            Self::from_json(m.value()),
                        )
                    })
                    .collect(),
            ),
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => Shape::Leaf(node.to_value()),
        };
        Self {
            at: node.span(),
            shape,
        }
    }

    /// Whether a key or a scalar spans a byte.
    pub(super) fn holds(&self, at: usize) -> bool {
        match &self.shape {
            Shape::Leaf(_) => self.at.contains(&at),
            Shape::List(items) => items.iter().any(|item| item.holds(at)),
            Shape::Map(members) => members
                .iter()
                .any(|(_, key_at, value)| key_at.contains(&at) || value.holds(at)),
        }
    }

    pub(super) fn value(&self) -> Value {
        match &self.shape {
            Shape::Leaf(value) => value.clone(),
            Shape::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Shape::Map(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, _, value)| (key.clone(), value.value()))
                    .collect(),
            ),
        }
    }

    /// The deepest place along `path` (`rules[2].when`, `tools[0].inputSchema/properties/a`), or
    /// its member `about`. Keys may hold dots and slashes themselves, so the tree is asked what
    /// comes next.
    pub(super) fn find(&self, path: &str, about: Option<&str>) -> Range<usize> {
        let path = path.strip_prefix(['.', '/']).unwrap_or(path);
        match &self.shape {
            Shape::Leaf(_) => self.at.clone(),
            Shape::List(items) => next_index(path)
                .and_then(|(index, rest)| items.get(index).map(|item| item.find(rest, about)))
                .unwrap_or_else(|| self.at.clone()),
            Shape::Map(members) if path.is_empty() => members
                .iter()
                .find(|(key, ..)| about == Some(key))
                .map_or_else(|| self.at.clone(), |(_, key_at, _)| key_at.clone()),
            Shape::Map(members) => members
                .iter()
                .filter_map(|(key, key_at, value)| {
                    let rest = path.strip_prefix(key.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '[', '/']))
                        .then_some((key, key_at, value, rest))
                })
                .max_by_key(|(key, ..)| key.len())
                .map_or_else(
                    || self.at.clone(),
                    |(_, key_at, value, rest)| {
                        let found = value.find(rest, about);
                        // A block's own span starts below its key: the key says more. The only
                        // item of a list spans as much as the list.
                        let of_item = match &value.shape {
                            Shape::List(items) => next_index(rest.trim_start_matches(['.', '/']))
                                .is_some_and(|(index, _)| index < items.len()),
                            Shape::Leaf(_) => true,
                            Shape::Map(_) => false,
                        };
                        if found == value.at && !of_item {
                            return key_at.clone();
                        }
                        found
                    },
                ),
        }
    }
}

/// What a message names first: a problem of an object quotes the member that it is about.
pub(super) fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// `[3].rest` or `3/rest`.
fn next_index(path: &str) -> Option<(usize, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (index, rest) = inner.split_once(']')?;
        return Some((index.parse().ok()?, rest));
    }
    let end = path.find(['.', '/', '[']).unwrap_or(path.len());
    let (index, rest) = path.split_at_checked(end)?;
    Some((index.parse().ok()?, rest))
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

/// Builds a tree without places; `Spanned` around each value brings them.
struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has, too")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::leaf(0..0, Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::leaf(0..0, Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::leaf(0..0, Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::leaf(0..0, Value::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number is not finite"))?;
        Ok(Tree::leaf(0..0, Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::leaf(0..0, Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Tree>>()? {
            items.push(Tree::placed(item, usize::MAX));
        }
        Ok(Tree {
            at: 0..0,
            shape: Shape::List(items),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Spanned<Tree>>()?;
            members.push((
                key.value,
                span(&key.referenced),
                Tree::placed(value, usize::MAX),
            ));
        }
        Ok(Tree {
            at: 0..0,
            shape: Shape::Map(members),
        })
    }
}
