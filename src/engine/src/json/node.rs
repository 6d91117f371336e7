//! Reading a parsed document.

use std::{borrow::Cow, fmt, ops::Range};

use serde_json::Value;

use super::{Doc, Entry};

/// Types of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value in a [`Doc`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    doc: &'a Doc,
    at: usize,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    key: Node<'a>,
    value: Node<'a>,
}

impl<'a> Node<'a> {
    pub(super) const fn new(doc: &'a Doc, at: usize) -> Self {
        Self { doc, at }
    }

    fn entry(self) -> Entry {
        self.doc.entry(self.at)
    }

    /// Its type.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.entry().kind
    }

    /// Where it lies in the document's bytes, without surrounding white space.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        let entry = self.entry();
        entry.start as usize..entry.end as usize
    }

    /// Its text as written.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.doc.text.get(self.span()).unwrap_or_default()
    }

    /// The boolean it is.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// The string it is, unescaped.
    #[must_use]
    pub fn str(self) -> Option<Cow<'a, str>> {
        let entry = self.entry();
        if entry.kind != Kind::String {
            return None;
        }
        let inner = self
            .doc
            .text
            .get(entry.start as usize + 1..entry.end as usize - 1)?;
        Some(if entry.escaped {
            unescape(inner)
        } else {
            Cow::Borrowed(inner)
        })
    }

    /// The number it is, as written.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The integer it is, if it is written as one and fits.
    #[must_use]
    pub fn i64(self) -> Option<i64> {
        self.number()?.parse().ok()
    }

    /// The number it is, rounded to binary64.
    #[must_use]
    pub fn f64(self) -> Option<f64> {
        self.number()?.parse().ok()
    }

    /// How many members or items it has; 0 for a scalar.
    #[must_use]
    pub fn len(self) -> usize {
        self.entry().len as usize
    }

    /// Whether it has no members or items.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of the member `key`, compared after unescaping.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.member(key).map(Member::value)
    }

    /// The member `key`, compared after unescaping.
    #[must_use]
    pub fn member(self, key: &str) -> Option<Member<'a>> {
        self.members().find(|member| member.is(key))
    }

    /// The value at the end of a path of members.
    #[must_use]
    pub fn pointer(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Its members in order of writing; none where it is no object.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> + Clone {
        let (doc, mut at) = (self.doc, self.at + 1);
        let mut left = if self.kind() == Kind::Object {
            self.len()
        } else {
            0
        };
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let member = Member {
                key: Node { doc, at },
                value: Node { doc, at: at + 1 },
            };
            at = member.value.entry().next as usize;
            Some(member)
        })
    }

    /// Its items in order; none where it is no array.
    pub fn items(self) -> impl Iterator<Item = Self> + Clone {
        let (doc, mut at) = (self.doc, self.at + 1);
        let mut left = if self.kind() == Kind::Array {
            self.len()
        } else {
            0
        };
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let item = Node { doc, at };
            at = item.entry().next as usize;
            Some(item)
        })
    }

    /// A copy as a `serde_json` value; its depth is bounded by [`Doc::MAX_DEPTH`].
    #[must_use]
    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.raw() == "true"),
            Kind::Number => number(self.raw()),
            Kind::String => Value::String(self.str().unwrap_or_default().into_owned()),
            Kind::Array => self.items().map(Self::to_value).collect(),
            Kind::Object => {
                let pairs = self
                    .members()
                    .map(|m| (m.key().into_owned(), m.value().to_value()));
                Value::Object(pairs.collect())
            }
        }
    }
}

/// A number as `serde_json` itself reads it.
fn number(raw: &str) -> Value {
    if !raw.contains(['.', 'e', 'E']) {
        if let Ok(integer) = raw.parse::<u64>() {
            return integer.into();
        }
        // `-0` is a float to serde_json: as an integer it would lose its sign.
        if let Some(integer) = raw.parse::<i64>().ok().filter(|integer| *integer != 0) {
            return integer.into();
        }
    }
    raw.parse::<f64>().map_or(Value::Null, Value::from)
}

impl PartialEq for Node<'_> {
    /// Whether it is the same value of the same document.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.doc, other.doc) && self.at == other.at
    }
}

impl Eq for Node<'_> {}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

impl<'a> Member<'a> {
    /// The key, unescaped.
    #[must_use]
    pub fn key(self) -> Cow<'a, str> {
        self.key.str().unwrap_or_default()
    }

    /// Where the key lies, quotes included.
    #[must_use]
    pub fn key_span(self) -> Range<usize> {
        self.key.span()
    }

    /// The value.
    #[must_use]
    pub const fn value(self) -> Node<'a> {
        self.value
    }

    fn is(self, key: &str) -> bool {
        let raw = self.key.raw();
        if self.key.entry().escaped {
            self.key() == key
        } else {
            raw.get(1..raw.len() - 1) == Some(key)
        }
    }
}

/// The text of a string's inside; the parser has checked its escapes.
pub(super) fn unescape(inner: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let high = hex(&mut chars);
                let code = if (0xD800..0xDC00).contains(&high) {
                    chars.nth(1);
                    let low = hex(&mut chars);
                    0x1_0000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00)
                } else {
                    high
                };
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

fn hex(chars: &mut std::str::Chars<'_>) -> u32 {
    chars
        .by_ref()
        .take(4)
        .fold(0, |code, c| code * 16 + c.to_digit(16).unwrap_or_default())
}
