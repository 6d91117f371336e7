//! Lists and maps: views of the call, or built by the condition.

use std::{borrow::Cow, collections::BTreeSet, rc::Rc};

use super::{
    Fault, Fuel, Tool,
    ast::Literal,
    value::{Text, Value},
};
use crate::json::{Member, Node};

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

    pub(super) fn equals(&self, other: &Self, fuel: &mut Fuel) -> Result<bool, Fault> {
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
            Self::Json(node) => match member(*node, name, fuel)? {
                Some(value) => Value::of(value, fuel).map(Some),
                None => Ok(None),
            },
            Self::Tool(tool) => Ok(tool.field(name)),
            Self::Built(entries) => entry(entries, &Value::text(name), fuel),
        }
    }

    /// The value of a key of any type.
    pub(super) fn get(&self, key: &Value<'a>, fuel: &mut Fuel) -> Result<Option<Value<'a>>, Fault> {
        match (self, key) {
            (Self::Built(entries), key) => entry(entries, key, fuel),
            (_, Value::Str(name)) => self.field(name, fuel),
            _ => Ok(None),
        }
    }

    /// Whether it has a key of any type; the value is not read.
    pub(super) fn has(&self, key: &Value<'a>, fuel: &mut Fuel) -> Result<bool, Fault> {
        match (self, key) {
            (Self::Json(node), Value::Str(name)) => Ok(member(*node, name, fuel)?.is_some()),
            _ => Ok(self.get(key, fuel)?.is_some()),
        }
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

    pub(super) fn equals(&self, other: &Self, fuel: &mut Fuel) -> Result<bool, Fault> {
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

fn member<'a>(object: Node<'a>, name: &str, fuel: &mut Fuel) -> Result<Option<Node<'a>>, Fault> {
    fuel.spend(object.len() / 2)?;
    for member in object.members() {
        let key = member.key();
        if let Cow::Owned(unescaped) = &key {
            fuel.spend(1)?;
            fuel.spend_bytes(unescaped.len())?;
        }
        if key == name {
            return Ok(Some(member.value()));
        }
    }
    Ok(None)
}

fn entry<'a>(
    entries: &[(Value<'a>, Value<'a>)],
    key: &Value<'a>,
    fuel: &mut Fuel,
) -> Result<Option<Value<'a>>, Fault> {
    for (known, value) in entries {
        if known.equals(key, fuel)? {
            return Ok(Some(value.clone()));
        }
    }
    Ok(None)
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
