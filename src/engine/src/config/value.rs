//! Takes typed values out of JSON values, and says in the writer's words where that fails.
//!
//! Stricter than `serde_json`, which reads a list as a structure by position.

use std::fmt::Display;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess, Unexpected,
        VariantAccess, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, map};

use crate::problem::closest;

/// What is wrong, and the way to it.
#[derive(Debug)]
pub(super) struct Fault {
    /// From the inside out.
    path: Vec<Step>,
    pub(super) what: What,
}

/// What can be wrong.
#[derive(Debug)]
pub(super) enum What {
    /// A member that nobody knows.
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    /// A member that is not there.
    Missing(&'static str),
    /// Anything else, in words, with advice.
    Other(String, Option<String>),
}

/// One step into a value.
#[derive(Debug)]
pub(super) enum Step {
    Member(String),
    Item(usize),
}

/// Reads a value.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, Fault> {
    T::deserialize(At(value))
}

impl Fault {
    /// The way from the outside in.
    pub(super) fn path(&self) -> impl Iterator<Item = &Step> {
        self.path.iter().rev()
    }

    /// Takes what is wrong out of `value`; false where nothing can be taken out.
    pub(super) fn cut(&self, value: &mut Value) -> bool {
        let mut steps: Vec<&Step> = self.path().collect();
        let name = match &self.what {
            What::Unknown { name, .. } => name,
            // What lacks something goes as a whole. So does a list, so that places in it stay true.
            What::Missing(_) | What::Other(..) => loop {
                match steps.pop() {
                    Some(Step::Member(name)) => break name,
                    Some(Step::Item(_)) => {}
                    None => return false,
                }
            },
        };
        let parent = steps.into_iter().try_fold(value, |value, step| match step {
            Step::Member(name) => value.get_mut(name),
            Step::Item(place) => value.get_mut(*place),
        });
        parent
            .and_then(Value::as_object_mut)
            .and_then(|parent| parent.remove(name))
            .is_some()
    }

    fn at(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    fn new(what: What) -> Self {
        Self {
            path: Vec::new(),
            what,
        }
    }

    fn unexpected(found: &Value, expected: &str) -> Self {
        Self::new(What::Other(
            format!("expected {expected}, found {}", shape(found)),
            None,
        ))
    }

    fn variant(name: &str, known: &'static [&'static str]) -> Self {
        let help =
            closest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{name}` is not one of {}", quoted(known));
        Self::new(What::Other(message, help))
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(What::Other(message.to_string(), None))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = match expected.to_string().as_str() {
            "a string" | "a borrowed string" => "a text".to_owned(),
            "a sequence" => "a list".to_owned(),
            "a map" => "an object".to_owned(),
            "a boolean" => "true or false".to_owned(),
            "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
            other => other.to_owned(),
        };
        let found = match found {
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("`{value}`"),
            Unexpected::Signed(value) => format!("`{value}`"),
            Unexpected::Float(value) => format!("`{value}`"),
            Unexpected::Str(value) => format!("`{value}`"),
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "an object".to_owned(),
            other => other.to_string(),
        };
        Self::new(What::Other(
            format!("expected {expected}, found {found}"),
            None,
        ))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::variant(name, known)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::Unknown {
            name: name.to_owned(),
            known,
        })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(What::Missing(name))
    }
}

impl de::StdError for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            What::Unknown { name, .. } => write!(f, "unknown field `{name}`"),
            What::Missing(name) => write!(f, "missing field `{name}`"),
            What::Other(message, _) => write!(f, "{message}"),
        }
    }
}

/// A value to be read.
#[derive(Clone, Copy)]
struct At<'a>(&'a Value);

impl<'de> Deserializer<'de> for At<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Value::Object(members) => visitor.visit_map(Members(members.iter(), None)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Object(members) = self.0 else {
            return Err(Fault::unexpected(self.0, "an object"));
        };
        match members.keys().find(|name| !fields.contains(&name.as_str())) {
            Some(name) => Err(de::Error::unknown_field(name, fields)),
            None => visitor.visit_map(Members(members.iter(), None)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let one = match self.0 {
            Value::String(name) if !variants.contains(&name.as_str()) => {
                return Err(Fault::variant(name, variants));
            }
            Value::String(name) => Some((name.as_str(), None)),
            Value::Object(members) if members.len() == 1 => members
                .iter()
                .next()
                .map(|(name, value)| (name.as_str(), Some(value))),
            _ => None,
        };
        let Some((name, value)) = one else {
            return Err(Fault::unexpected(
                self.0,
                &format!("one of {}", quoted(variants)),
            ));
        };
        visitor.visit_enum(Variant { name, value })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a>(std::iter::Enumerate<std::slice::Iter<'a, Value>>);

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((place, value)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(At(value))
            .map(Some)
            .map_err(|fault| fault.at(Step::Item(place)))
    }
}

struct Members<'a>(map::Iter<'a>, Option<(&'a str, &'a Value)>);

impl<'a> MapAccess<'a> for Members<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((name, value)) = self.0.next() else {
            return Ok(None);
        };
        self.1 = Some((name, value));
        seed.deserialize(BorrowedStrDeserializer::new(name))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (name, value) = self.1.take().unwrap_or(("", &Value::Null));
        seed.deserialize(At(value))
            .map_err(|fault| fault.at(Step::Member(name.to_owned())))
    }
}

struct Variant<'a> {
    name: &'a str,
    value: Option<&'a Value>,
}

impl<'a> EnumAccess<'a> for Variant<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = StrDeserializer::new(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'a> VariantAccess<'a> for Variant<'a> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            None => Ok(()),
            Some(value) => Err(Fault::unexpected(value, "nothing")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(At(self.value.unwrap_or(&Value::Null)))
            .map_err(|fault| fault.at(Step::Member(self.name.to_owned())))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        At(self.value.unwrap_or(&Value::Null)).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        At(self.value.unwrap_or(&Value::Null)).deserialize_struct("", fields, visitor)
    }
}

/// What a value is, in a word; texts and numbers as they are.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(value) => format!("`{value}`"),
        Value::String(value) => format!("`{value}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
