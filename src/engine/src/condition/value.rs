//! Values while a condition is evaluated: views of the call, or built by the condition.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeSet, ops::Deref, rc::Rc};

use chrono::{DateTime, Utc};

use super::{Fault, Fuel, Tool, ast::Literal, function::Kind};
use crate::json::{self, Member, Node};

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

/// A list; a clone shares it.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Json(Node<'a>),
    Names(&'a BTreeSet<String>),
    Constant(&'a [Literal]),
    Built(Rc<[Value<'a>]>),
}

/// A map; a clone shares it.
#[derive(Clone, Debug)]
pub(super) enum Map<'a> {
    Empty,
    Json(Node<'a>),
    Tool(Tool<'a>),
    Built(Rc<[(Value<'a>, Value<'a>)]>),
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
            json::Kind::Number => match (node.i64(), node.f64()) {
                (Some(number), _) => Self::Int(number),
                (None, Some(number)) => Self::Double(number),
                (None, None) => return Err(Fault::Overflow),
            },
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

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(node) => node.len(),
            Self::Names(names) => names.len(),
            Self::Constant(items) => items.len(),
            Self::Built(items) => items.len(),
        }
    }

    pub(super) fn item(&self, index: usize, fuel: &mut Fuel) -> Result<Option<Value<'a>>, Fault> {
        fuel.spend(1)?;
        match self {
            Self::Json(node) => {
                fuel.spend(index.min(node.len()) / 4)?;
                node.items()
                    .nth(index)
                    .map(|item| Value::of(item, fuel))
                    .transpose()
            }
            Self::Names(names) => {
                fuel.spend(index.min(names.len()))?;
                Ok(names
                    .iter()
                    .nth(index)
                    .map(|name| Value::Str(Text::Borrowed(name))))
            }
            Self::Constant(items) => Ok(items.get(index).map(Value::constant)),
            Self::Built(items) => Ok(items.get(index).cloned()),
        }
    }

    /// The items, one unit of fuel each.
    pub(super) fn items(&self) -> Items<'a> {
        match self {
            Self::Json(node) => Items::Nodes(Box::new(node.items())),
            Self::Names(names) => Items::Values(Box::new(
                names.iter().map(|name| Value::Str(Text::Borrowed(name))),
            )),
            Self::Constant(items) => Items::Values(Box::new(items.iter().map(Value::constant))),
            Self::Built(items) => {
                let items = Rc::clone(items);
                let length = items.len();
                Items::Values(Box::new(
                    (0..length).filter_map(move |at| items.get(at).cloned()),
                ))
            }
        }
    }

    pub(super) fn contains(&self, wanted: &Value<'a>, fuel: &mut Fuel) -> Result<bool, Fault> {
        let mut items = self.items();
        while let Some(item) = items.next(fuel)? {
            if item.equals(wanted, fuel)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equals(&self, other: &Self, fuel: &mut Fuel) -> Result<bool, Fault> {
        if self.len() != other.len() {
            return Ok(false);
        }
        let (mut ours, mut theirs) = (self.items(), other.items());
        while let (Some(a), Some(b)) = (ours.next(fuel)?, theirs.next(fuel)?) {
            if !a.equals(&b, fuel)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Items of a list or keys of a map, one after the other.
pub(super) enum Items<'a> {
    Nodes(Box<dyn Iterator<Item = Node<'a>> + 'a>),
    Members(Box<dyn Iterator<Item = Member<'a>> + 'a>),
    Values(Box<dyn Iterator<Item = Value<'a>> + 'a>),
}

impl<'a> Items<'a> {
    pub(super) fn next(&mut self, fuel: &mut Fuel) -> Result<Option<Value<'a>>, Fault> {
        fuel.spend(1)?;
        match self {
            Self::Nodes(nodes) => nodes.next().map(|node| Value::of(node, fuel)).transpose(),
            Self::Members(members) => {
                let Some(member) = members.next() else {
                    return Ok(None);
                };
                Ok(Some(Value::Str(match member.key() {
                    Cow::Borrowed(key) => Text::Borrowed(key),
                    Cow::Owned(key) => {
                        fuel.spend_bytes(key.len())?;
                        key.into()
                    }
                })))
            }
            Self::Values(values) => Ok(values.next()),
        }
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Json(node) => node.len(),
            Self::Tool(_) => Tool::FIELDS.len(),
            Self::Built(entries) => entries.len(),
        }
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str, fuel: &mut Fuel) -> Result<Option<Value<'a>>, Fault> {
        match self {
            Self::Empty => Ok(None),
            Self::Json(node) => {
                fuel.spend(node.len() / 4)?;
                for member in node.members() {
                    let key = member.key();
                    if let Cow::Owned(unescaped) = &key {
                        fuel.spend_bytes(unescaped.len())?;
                    }
                    if key == name {
                        return Value::of(member.value(), fuel).map(Some);
                    }
                }
                Ok(None)
            }
            Self::Tool(tool) => Ok(tool.field(name)),
            Self::Built(_) => self.get(&Value::text(name), fuel),
        }
    }

    /// The value of a key of any type.
    pub(super) fn get(&self, key: &Value<'a>, fuel: &mut Fuel) -> Result<Option<Value<'a>>, Fault> {
        if let Self::Built(entries) = self {
            for (known, value) in entries.iter() {
                if known.equals(key, fuel)? {
                    return Ok(Some(value.clone()));
                }
            }
            return Ok(None);
        }
        let Value::Str(name) = key else {
            return Ok(None);
        };
        self.field(name, fuel)
    }

    pub(super) fn keys(&self) -> Items<'a> {
        match self {
            Self::Empty => Items::Values(Box::new(std::iter::empty())),
            Self::Json(node) => Items::Members(Box::new(node.members())),
            Self::Tool(_) => Items::Values(Box::new(
                Tool::FIELDS
                    .iter()
                    .map(|name| Value::Str(Text::Borrowed(name))),
            )),
            Self::Built(entries) => {
                let entries = Rc::clone(entries);
                let length = entries.len();
                Items::Values(Box::new(
                    (0..length).filter_map(move |at| entries.get(at).map(|(key, _)| key.clone())),
                ))
            }
        }
    }

    fn equals(&self, other: &Self, fuel: &mut Fuel) -> Result<bool, Fault> {
        if self.len() != other.len() {
            return Ok(false);
        }
        let mut keys = self.keys();
        while let Some(key) = keys.next(fuel)? {
            let (ours, theirs) = (self.get(&key, fuel)?, other.get(&key, fuel)?);
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                return Ok(false);
            };
            if !ours.equals(&theirs, fuel)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<'a> Tool<'a> {
    pub(super) const FIELDS: [&'static str; 6] = [
        "name",
        "server",
        "kind",
        "riskTier",
        "access",
        "dataClassification",
    ];

    fn field(&self, name: &str) -> Option<Value<'a>> {
        let text = match name {
            "name" => self.name,
            "server" => self.server,
            "kind" => self.kind,
            "riskTier" => self.risk_tier,
            "access" => self.access,
            "dataClassification" => return Some(Value::optional(self.data_classification)),
            _ => return None,
        };
        Some(Value::Str(Text::Borrowed(text)))
    }
}
