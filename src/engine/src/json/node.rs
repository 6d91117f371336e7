//! Reading values.

use std::{borrow::Cow, fmt, ops::Range};

use serde_json::Value;

use super::{Doc, tape::Entry, text};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, of any form.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value in a [`Doc`]. Two are equal when they are the same place in the same document.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    doc: &'a Doc,
    at: usize,
    entry: Entry,
}

/// A member of an object.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    key: Node<'a>,
    value: Node<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn root(doc: &'a Doc) -> Self {
        Self::at(doc, 0).unwrap_or(Self {
            doc,
            at: 0,
            entry: Entry::NULL,
        })
    }

    #[inline(always)]
    fn at(doc: &'a Doc, at: usize) -> Option<Self> {
        Some(Self {
            doc,
            at,
            entry: doc.tape.entry(at)?,
        })
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.entry.kind()
    }

    /// The bytes of the value, without white space around it.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.entry.start()..self.entry.end()
    }

    /// The value's source text.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.doc.text.get(self.span()).unwrap_or_default()
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// A boolean's value.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// A string's text, unescaped; borrowed when nothing was escaped.
    #[must_use]
    pub fn str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then(|| self.text())
    }

    /// A number as written.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// An integer written without fraction and exponent, if it fits.
    #[must_use]
    pub fn i64(self) -> Option<i64> {
        self.number()?.parse().ok()
    }

    /// The double nearest to a number; always finite.
    #[must_use]
    pub fn f64(self) -> Option<f64> {
        self.number()?.parse().ok()
    }

    /// How many members or items there are; 0 for scalars.
    #[must_use]
    pub fn len(self) -> usize {
        self.entry.len()
    }

    /// Whether there are no members or items.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of an object's member.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.member(key).map(Member::value)
    }

    /// An object's member, its key compared after unescaping.
    #[must_use]
    pub fn member(self, key: &str) -> Option<Member<'a>> {
        self.members().find(|member| member.key.is(key))
    }

    /// An object's members in the order of the text; none for anything else.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> + Clone {
        self.children(Kind::Object).pairs()
    }

    /// An array's items; none for anything else.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> + Clone {
        self.children(Kind::Array)
    }

    /// What lies directly within a value of this kind; nothing for any other.
    #[inline(always)]
    fn children(self, kind: Kind) -> Siblings<'a> {
        let end = self.entry.next();
        let at = if self.kind() == kind {
            self.at + 1
        } else {
            end
        };
        Siblings {
            doc: self.doc,
            at,
            end,
        }
    }

    /// Follows `path` along object keys.
    #[must_use]
    pub fn pointer(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The same value for libraries that take one. Integers keep 64 bits; what is longer becomes a
    /// double.
    #[must_use]
    pub fn to_value(self) -> Value {
        // Recursion is bounded by the depth of the document.
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.raw() == "true"),
            Kind::Number => self.to_number(),
            Kind::String => Value::String(self.text().into_owned()),
            Kind::Array => self.items().map(Self::to_value).collect(),
            Kind::Object => self
                .members()
                .map(|member| (member.key().into_owned(), member.value.to_value()))
                .collect(),
        }
    }

    fn to_number(self) -> Value {
        let token = self.raw();
        // `-0` is a double, since an integer would lose its sign.
        if token != "-0" {
            if let Ok(integer) = token.parse::<i64>() {
                return integer.into();
            }
            if let Ok(integer) = token.parse::<u64>() {
                return integer.into();
            }
        }
        self.f64().into()
    }

    /// A string's text.
    fn text(self) -> Cow<'a, str> {
        text::unescape(self.literal(), self.entry.escaped())
    }

    #[inline(always)]
    fn is(self, key: &str) -> bool {
        if self.entry.escaped() {
            self.text() == key
        } else {
            self.literal() == key
        }
    }

    /// A string without its quotes, still escaped.
    #[inline(always)]
    fn literal(self) -> &'a str {
        let raw = self.raw();
        raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.doc, other.doc) && self.at == other.at
    }
}

impl Eq for Node<'_> {}

impl<'a> Member<'a> {
    /// The key, unescaped.
    #[must_use]
    pub fn key(self) -> Cow<'a, str> {
        self.key.text()
    }

    /// The key as a value of its own: a string.
    #[must_use]
    pub fn name(self) -> Node<'a> {
        self.key
    }

    /// The bytes of the key, quotes included.
    #[must_use]
    pub fn key_span(self) -> Range<usize> {
        self.key.span()
    }

    /// The value.
    #[must_use]
    pub fn value(self) -> Node<'a> {
        self.value
    }

    /// The bytes of the whole member.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.key.entry.start()..self.value.entry.end()
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.key, self.value)
    }
}

/// The values inside one container; in an object, keys and values take turns.
#[derive(Clone)]
struct Siblings<'a> {
    doc: &'a Doc,
    at: usize,
    end: usize,
}

impl<'a> Siblings<'a> {
    fn pairs(mut self) -> impl Iterator<Item = Member<'a>> + Clone {
        std::iter::from_fn(move || {
            Some(Member {
                key: self.next()?,
                value: self.next()?,
            })
        })
    }
}

impl<'a> Iterator for Siblings<'a> {
    type Item = Node<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Node<'a>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node::at(self.doc, self.at)?;
        self.at = node.entry.next();
        Some(node)
    }
}
