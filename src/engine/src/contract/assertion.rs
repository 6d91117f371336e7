//! Keywords that look at one value and at nothing within it: what they ask, and whether it holds.

use std::cmp::Ordering;

use serde_json::Value;

use super::{format::Format, pattern::Pattern};
use crate::json::{Decimal, Doc, Kind, Node};

/// What is asked of a value. Values of other kinds than it is about pass.
pub(super) enum Assertion {
    /// The schema `false`.
    Never,
    Type(Types),
    /// `const` and `enum`.
    Among(Options),
    /// A number that compares so with the limit.
    Bound(fn(Ordering) -> bool, String),
    MultipleOf(String),
    Size(Measure, Limit),
    Unique,
    Pattern(Pattern),
    Format(Format, String),
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Characters,
    Items,
    Members,
}

/// The count that is asked for.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    Least(u64),
    Most(u64),
}

impl Limit {
    pub(super) fn holds(self, count: usize) -> bool {
        match self {
            Self::Least(limit) => count as u64 >= limit,
            Self::Most(limit) => count as u64 <= limit,
        }
    }
}

impl Assertion {
    pub(super) fn holds(&self, node: Node<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::Type(types) => types.hold(node),
            Self::Among(options) => options.hold(node),
            Self::Bound(side, limit) => {
                number(node).is_none_or(|number| side(number.cmp(&Decimal::new(limit))))
            }
            Self::MultipleOf(divisor) => {
                number(node).is_none_or(|number| number.is_multiple_of(Decimal::new(divisor)))
            }
            Self::Size(measure, limit) => {
                let count = match measure {
                    Measure::Characters => node.str().map(|text| text.chars().count()),
                    Measure::Items => (node.kind() == Kind::Array).then(|| node.len()),
                    Measure::Members => (node.kind() == Kind::Object).then(|| node.len()),
                };
                count.is_none_or(|count| limit.holds(count))
            }
            Self::Unique => node.kind() != Kind::Array || is_unique(node),
            Self::Pattern(pattern) => node.str().is_none_or(|text| pattern.is_match(&text)),
            Self::Format(format, _) => node.str().is_none_or(|text| format(&text)),
        }
    }

    /// Steps that it takes, above one.
    pub(super) fn cost(&self, node: Node<'_>) -> u64 {
        let kind = node.kind();
        let bytes = node.span().len();
        match self {
            Self::Pattern(pattern) if kind == Kind::String => pattern.cost(bytes),
            Self::Format(..) if kind == Kind::String => bytes as u64 / 4,
            Self::Size(Measure::Characters, _) if kind == Kind::String => bytes as u64 / 32,
            Self::MultipleOf(_) | Self::Bound(..) if kind == Kind::Number => 2 + bytes as u64 / 4,
            Self::Unique if kind == Kind::Array => bytes as u64 / 2 + 4 * node.len() as u64,
            Self::Among(options) => options.cost(node),
            Self::Never
            | Self::Type(_)
            | Self::Bound(..)
            | Self::MultipleOf(_)
            | Self::Size(..)
            | Self::Unique
            | Self::Pattern(_)
            | Self::Format(..) => 0,
        }
    }
}

fn number(node: Node<'_>) -> Option<Decimal<'_>> {
    node.number().map(Decimal::new)
}

/// Sorts the exact forms; most differ in their first bytes, which compare as one number.
fn is_unique(array: Node<'_>) -> bool {
    let mut text = String::with_capacity(array.span().len());
    let mut ends = Vec::with_capacity(array.len());
    for item in array.items() {
        item.write_exact(&mut text);
        ends.push(text.len());
    }
    let mut start = 0;
    let form = |end| {
        let form = text.as_bytes().get(start..end).unwrap_or_default();
        start = end;
        let mut first = [0; 8];
        first
            .iter_mut()
            .zip(form)
            .for_each(|(to, from)| *to = *from);
        (u64::from_be_bytes(first), form)
    };
    let mut forms: Vec<_> = ends.into_iter().map(form).collect();
    forms.sort_unstable();
    forms
        .windows(2)
        .all(|pair| !matches!(pair, [one, other] if one == other))
}

/// Values to choose from.
pub(super) struct Options {
    /// As the schema has them.
    pub(super) written: Vec<Value>,
    /// Texts, sorted.
    texts: Vec<String>,
    /// Exact forms of what is no text, sorted.
    others: Vec<String>,
    /// Whether an array or object is among the others.
    nested: bool,
}

impl Options {
    pub(super) fn new(written: Vec<Value>) -> Self {
        let texts = written.iter().filter_map(Value::as_str);
        let mut texts: Vec<_> = texts.map(str::to_owned).collect();
        let others = written.iter().filter(|value| !value.is_string());
        let mut others: Vec<_> = others.filter_map(exact).collect();
        texts.sort_unstable();
        others.sort_unstable();
        Self {
            texts,
            others,
            nested: written
                .iter()
                .any(|value| value.is_array() || value.is_object()),
            written,
        }
    }

    fn hold(&self, node: Node<'_>) -> bool {
        if let Some(text) = node.str() {
            let known = self
                .texts
                .binary_search_by(|known| known.as_str().cmp(&text));
            return known.is_ok();
        }
        if !self.nested && matches!(node.kind(), Kind::Array | Kind::Object) {
            return false;
        }
        let mut form = String::new();
        node.write_exact(&mut form);
        self.others.binary_search(&form).is_ok()
    }

    fn cost(&self, node: Node<'_>) -> u64 {
        match node.kind() {
            Kind::Array | Kind::Object if self.nested => node.span().len() as u64,
            Kind::Array | Kind::Object => 0,
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {
                4 + node.span().len() as u64 / 32
            }
        }
    }
}

/// The exact form of a value of the schema; `None` where no document can hold it.
fn exact(value: &Value) -> Option<String> {
    let doc = Doc::parse(value.to_string().into_bytes()).ok()?;
    let mut form = String::new();
    doc.root().write_exact(&mut form);
    Some(form)
}

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NAMES: [&str; 7] = [
        "array", "boolean", "integer", "null", "number", "object", "string",
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << at))
    }

    /// The types in a `type`.
    pub(super) fn read(value: &Value) -> Self {
        let one = |value: &Value| value.as_str().and_then(Self::named).unwrap_or_default();
        match value {
            Value::Array(list) => Self(list.iter().fold(0, |set, value| set | one(value).0)),
            value => one(value),
        }
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let within = move |(at, _): &(usize, &&str)| self.0 & (1 << at) != 0;
        Self::NAMES
            .iter()
            .enumerate()
            .filter(within)
            .map(|(_, name)| *name)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn hold(self, node: Node<'_>) -> bool {
        let at = match node.kind() {
            Kind::Array => 0,
            Kind::Bool => 1,
            Kind::Null => 3,
            Kind::Number => {
                let integer = || Decimal::new(node.raw()).is_integer();
                return self.0 & (1 << 4) != 0 || (self.0 & (1 << 2) != 0 && integer());
            }
            Kind::Object => 5,
            Kind::String => 6,
        };
        self.0 & (1 << at) != 0
    }
}
