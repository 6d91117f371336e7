//! Values while a condition is evaluated: views of the call, or built by the condition.

use std::{borrow::Cow, cmp::Ordering, ops::Deref, rc::Rc};

use chrono::{DateTime, Utc};

use super::{
    Fault, Fuel,
    ast::Literal,
    collection::{List, Map},
    function::Kind,
};
use crate::json::{self, Node};

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(Text<'a>),
    Timestamp(DateTime<Utc>),
    /// Nanoseconds.
    Duration(i64),
    /// The name of a type.
    Type(&'static str),
    List(List<'a>),
    Map(Map<'a>),
    /// It depends on what is not known yet. Never inside a list or map.
    Unknown,
}

/// A text; a clone shares it.
#[derive(Clone, Debug)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl<'a> Value<'a> {
    /// A value of a document; text is unescaped, all else stays where it is.
    pub(super) fn of(node: Node<'a>, fuel: &mut Fuel) -> Result<Self, Fault> {
        Ok(match node.kind() {
            json::Kind::Null => Self::Null,
            json::Kind::Bool => Self::Bool(node.bool().unwrap_or_default()),
            json::Kind::Number => {
                fuel.spend_bytes(node.span().len())?;
                match node.i64() {
                    Some(number) => Self::Int(number),
                    None => node.f64().map(Self::Double).ok_or(Fault::Overflow)?,
                }
            }
            json::Kind::String => {
                fuel.spend_bytes(node.span().len())?;
                match node.str() {
                    Some(Cow::Borrowed(text)) => Self::Str(Text::Borrowed(text)),
                    Some(Cow::Owned(text)) => Self::Str(text.into()),
                    None => return Err(Fault::Invalid("text")),
                }
            }
            json::Kind::Array => Self::List(List::Json(node)),
            json::Kind::Object => Self::Map(Map::Json(node)),
        })
    }

    pub(super) fn constant(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Int(value) => Self::Int(*value),
            Literal::Uint(value) => Self::Uint(*value),
            Literal::Double(value) => Self::Double(*value),
            Literal::Str(text) => Self::Str(Text::Borrowed(text)),
            Literal::Timestamp(moment) => Self::Timestamp(*moment),
            Literal::Duration(length) => Self::Duration(*length),
            Literal::Type(name) => Self::Type(name),
            Literal::List(items) => Self::List(List::Constant(items)),
        }
    }

    /// A text, or null.
    pub(super) fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Str(Text::Borrowed(text)))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Str(Text::from(text.into()))
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::Str(_) => Kind::Str,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::Type(_) => Kind::Type,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Unknown => Kind::Any,
        }
    }

    /// Whether it can be asked for in a map.
    pub(super) fn is_key(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Bool | Kind::Int | Kind::Uint | Kind::Double | Kind::Str
        )
    }

    /// CEL's equality: of numbers by what they are worth, of different types never.
    pub(super) fn equals(&self, other: &Self, fuel: &mut Fuel) -> Result<bool, Fault> {
        fuel.spend(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => {
                fuel.spend_bytes(a.len().min(b.len()))?;
                **a == **b
            }
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::List(a), Self::List(b)) => return a.equals(b, fuel),
            (Self::Map(a), Self::Map(b)) => return a.equals(b, fuel),
            _ => self.number_order(other) == Some(Some(Ordering::Equal)),
        })
    }

    /// How two numbers compare, exactly; the inner `None` is a comparison with NaN.
    pub(super) fn number_order(&self, other: &Self) -> Option<Option<Ordering>> {
        Some(match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), b) => order_double(*a, b.integer()?),
            (a, Self::Double(b)) => order_double(*b, a.integer()?).map(Ordering::reverse),
            (a, b) => Some(a.integer()?.cmp(&b.integer()?)),
        })
    }

    fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(i128::from(*number)),
            Self::Uint(number) => Some(i128::from(*number)),
            _ => None,
        }
    }
}

/// `a` against `b`, which is within 64 bits.
fn order_double(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    // Within 2^65 the whole part converts exactly; beyond, the cast keeps the order.
    let whole = a.clamp(-BEYOND, BEYOND).trunc();
    let order = (whole as i128).cmp(&b);
    Some(order.then(a.partial_cmp(&whole).unwrap_or(Ordering::Equal)))
}

const BEYOND: f64 = 36_893_488_147_419_103_232.0;
