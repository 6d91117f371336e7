//! What a value can be: always a superset of what it is, so that nothing is called impossible that
//! happens.

use serde_json::Value as Json;

use super::{super::ast::Literal, range::Range, text::Texts};

/// Values, kind by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set<'s> {
    pub(super) null: bool,
    /// Whether it can be `false`, and `true`.
    pub(super) truth: [bool; 2],
    pub(super) number: Option<Range>,
    /// Moments, in microseconds since 1970.
    pub(super) time: Option<Range>,
    pub(super) text: Option<Texts<'s>>,
    pub(super) list: Option<List<'s>>,
    /// Schemas: an object fulfils one of them.
    pub(super) objects: Vec<&'s Json>,
    /// Durations, types, and what is not told apart.
    pub(super) other: bool,
    /// Whether there may be no value: to ask for it is an error.
    pub(super) fault: bool,
}

/// Lists by what is in them; `None`: anything.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List<'s> {
    pub(super) length: Range,
    pub(super) item: Option<Box<Set<'s>>>,
}

impl<'s> Set<'s> {
    /// Anything.
    pub(super) fn any() -> Self {
        Self {
            null: true,
            truth: [true; 2],
            number: Some(Range::ALL),
            time: Some(Range::ALL),
            text: Some(Texts::ANY),
            list: Some(List::ANY),
            objects: vec![ANYTHING],
            other: true,
            fault: false,
        }
    }

    pub(super) const fn faulty(mut self) -> Self {
        self.fault = true;
        self
    }

    pub(super) fn bool(truth: [bool; 2]) -> Self {
        Self {
            truth,
            ..Self::default()
        }
    }

    pub(super) fn number(range: Range) -> Self {
        Self {
            number: Some(range),
            ..Self::default()
        }
    }

    pub(super) fn texts(texts: Texts<'s>) -> Self {
        Self {
            text: Some(texts),
            ..Self::default()
        }
    }

    pub(super) fn time(range: Range) -> Self {
        Self {
            time: Some(range),
            ..Self::default()
        }
    }

    pub(super) fn list(list: List<'s>) -> Self {
        Self {
            list: Some(list),
            ..Self::default()
        }
    }

    pub(super) fn object(schema: &'s Json) -> Self {
        Self {
            objects: vec![schema],
            ..Self::default()
        }
    }

    /// Null, nothing else.
    pub(super) fn null() -> Self {
        Self {
            null: true,
            ..Self::default()
        }
    }

    pub(super) fn of_literal(literal: &'s Literal) -> Self {
        match literal {
            Literal::Null => Self::null(),
            Literal::Bool(value) => Self::bool([!value, *value]),
            Literal::Int(value) => Self::number(Range::integer(i128::from(*value))),
            Literal::Uint(value) => Self::number(Range::integer(i128::from(*value))),
            Literal::Double(value) if value.is_nan() => Self::any(),
            Literal::Double(value) => Self::number(Range::one(*value)),
            Literal::Str(text) => Self::texts(Texts::one(text)),
            Literal::Timestamp(moment) => {
                Self::time(Range::integer(i128::from(moment.timestamp_micros())))
            }
            Literal::Duration(_) | Literal::Type(_) => Self {
                other: true,
                ..Self::default()
            },
            Literal::List(items) => {
                let length = Range::one(items.len() as f64);
                let item = items.iter().map(Self::of_literal).reduce(Self::join);
                Self::list(List {
                    length,
                    item: item.map(Box::new),
                })
            }
        }
    }

    /// A value of a document.
    pub(super) fn of_value(value: &'s Json) -> Self {
        match value {
            Json::Null => Self::null(),
            Json::Bool(value) => Self::bool([!value, *value]),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::number(Range::integer(i128::from(whole))),
                (None, Some(number)) => Self::number(Range::one(number)),
                (None, None) => Self::number(Range::ALL),
            },
            Json::String(text) => Self::texts(Texts::one(text)),
            Json::Array(_) => Self::list(List::ANY),
            Json::Object(_) => Self::object(ANYTHING),
        }
    }

    /// Whether there is no value that it can be.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            null,
            truth,
            number,
            time,
            text,
            list,
            objects,
            other,
            fault: _,
        } = self;
        let scalar = *null || *other || truth.contains(&true);
        let rest = number.is_some() || time.is_some() || text.is_some() || list.is_some();
        !scalar && !rest && objects.is_empty()
    }

    pub(super) fn is_number(&self) -> bool {
        let rest = Self {
            number: None,
            ..self.clone()
        };
        rest.is_empty()
    }

    pub(super) fn is_time(&self) -> bool {
        let rest = Self {
            time: None,
            ..self.clone()
        };
        rest.is_empty()
    }

    pub(super) fn is_text(&self) -> bool {
        let rest = Self {
            text: None,
            ..self.clone()
        };
        rest.is_empty()
    }

    pub(super) fn is_list(&self) -> bool {
        let rest = Self {
            list: None,
            ..self.clone()
        };
        rest.is_empty()
    }

    pub(super) fn is_object(&self) -> bool {
        let rest = Self {
            objects: Vec::new(),
            ..self.clone()
        };
        rest.is_empty()
    }

    /// The values of both.
    pub(super) fn meet(&self, other: &Self) -> Self {
        Self {
            null: self.null && other.null,
            truth: [0, 1].map(|i| of(self.truth, i) && of(other.truth, i)),
            number: both(&self.number, &other.number, Range::meet),
            time: both(&self.time, &other.time, Range::meet),
            text: both(&self.text, &other.text, Texts::meet),
            list: both(&self.list, &other.list, List::meet),
            // Either side is a superset; the one that says more is the more useful.
            objects: match (self.objects.as_slice(), other.objects.as_slice()) {
                ([], _) | (_, []) => Vec::new(),
                (mine, _) if mine.iter().any(|schema| schema.is_object()) => mine.to_vec(),
                (_, others) => others.to_vec(),
            },
            other: self.other && other.other,
            fault: self.fault && other.fault,
        }
    }

    /// The values of either.
    pub(super) fn join(self, other: Self) -> Self {
        let mut objects = self.objects;
        for schema in other.objects {
            if !objects.iter().any(|known| std::ptr::eq(*known, schema)) {
                objects.push(schema);
            }
        }
        Self {
            null: self.null || other.null,
            truth: [0, 1].map(|i| of(self.truth, i) || of(other.truth, i)),
            number: either(self.number, other.number, |a, b| a.join(&b)),
            time: either(self.time, other.time, |a, b| a.join(&b)),
            text: either(self.text, other.text, Texts::join),
            list: either(self.list, other.list, List::join),
            objects,
            other: self.other || other.other,
            fault: self.fault || other.fault,
        }
    }

    /// What has an order with something in `other`, its numbers and moments narrowed.
    pub(super) fn ordered(
        &self,
        other: &Self,
        narrow: impl Fn(&Range, &Range) -> Option<Range>,
    ) -> Self {
        Self {
            truth: self.truth.map(|can| can && other.truth.contains(&true)),
            number: both(&self.number, &other.number, &narrow),
            time: both(&self.time, &other.time, &narrow),
            text: self.text.clone().filter(|_| other.text.is_some()),
            other: self.other && other.other,
            ..Self::default()
        }
    }

    /// Without the values of a set that holds only one.
    pub(super) fn without(mut self, other: &Self) -> Self {
        let kinds = usize::from(other.null)
            + other.truth.iter().filter(|can| **can).count()
            + usize::from(other.number.is_some())
            + usize::from(other.text.is_some());
        let open = other.time.is_some() || other.list.is_some() || other.other;
        if kinds != 1 || open || !other.objects.is_empty() {
            return self;
        }
        self.null &= !other.null;
        self.truth = [0, 1].map(|i| of(self.truth, i) && !of(other.truth, i));
        if let Some(number) = other.number.as_ref().and_then(Range::single) {
            self.number = self.number.and_then(|range| range.without(number));
        }
        if let Some(text) = other.text.as_ref().and_then(Texts::single) {
            self.text = self.text.and_then(|texts| texts.filter(|one| *one != text));
        }
        self
    }
}

impl List<'_> {
    const ANY: Self = Self {
        length: Range::COUNT,
        item: None,
    };

    fn meet(&self, other: &Self) -> Option<Self> {
        let length = self.length.meet(&other.length)?;
        let item = match (&self.item, &other.item) {
            (Some(one), Some(two)) => Some(Box::new(one.meet(two))),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        Some(Self { length, item })
    }

    fn join(self, other: Self) -> Self {
        let item = match (self.item, other.item) {
            (Some(one), Some(two)) => Some(Box::new(one.join(*two))),
            _ => None,
        };
        Self {
            length: self.length.join(&other.length),
            item,
        }
    }
}

fn of(truth: [bool; 2], index: usize) -> bool {
    truth.get(index).copied().unwrap_or_default()
}

fn both<T>(one: &Option<T>, two: &Option<T>, meet: impl Fn(&T, &T) -> Option<T>) -> Option<T> {
    meet(one.as_ref()?, two.as_ref()?)
}

fn either<T>(one: Option<T>, two: Option<T>, join: impl Fn(T, T) -> T) -> Option<T> {
    match (one, two) {
        (Some(one), Some(two)) => Some(join(one, two)),
        (one, two) => one.or(two),
    }
}

/// A schema that says nothing.
pub(super) const ANYTHING: &Json = &Json::Bool(true);
