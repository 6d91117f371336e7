//! The keywords of JSON Schema, as its dialects have them: what their values look like.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{assertion::Types, headers::escape};
use crate::{json::Decimal, problem::Problem};

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Draft4,
    Draft6,
    Draft7,
    Draft2019,
    Draft2020,
}

impl Draft {
    /// The dialect that a `$schema` names.
    pub(super) fn named(uri: &str) -> Option<Self> {
        let name = uri.trim_end_matches('#');
        let name = name
            .strip_prefix("https://")
            .or_else(|| name.strip_prefix("http://"))?;
        Some(match name.strip_prefix("json-schema.org/")? {
            "draft/2020-12/schema" | "schema" => Self::Draft2020,
            "draft/2019-09/schema" => Self::Draft2019,
            "draft-07/schema" => Self::Draft7,
            "draft-06/schema" => Self::Draft6,
            "draft-04/schema" => Self::Draft4,
            _ => return None,
        })
    }

    /// The keyword that names a schema.
    pub(super) fn id_keyword(self) -> &'static str {
        if self == Self::Draft4 { "id" } else { "$id" }
    }

    /// Whether `$ref` hides all that stands beside it.
    pub(super) fn ref_stands_alone(self) -> bool {
        self <= Self::Draft7
    }
}

/// What a keyword's value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    Text,
    Flag,
    Number,
    /// A number above zero.
    Positive,
    /// An integer of at least zero.
    Count,
    List,
    Names,
    NamesByName,
    Type,
    Schema,
    Schemas,
    SchemaByName,
    SchemaOrSchemas,
    SchemaOrNamesByName,
}

/// The shape of a keyword; `None` for what the dialect does not know, which says nothing.
pub(super) fn shape(draft: Draft, keyword: &str) -> Option<Shape> {
    let (since, shape) = match keyword {
        "id" if draft == Draft::Draft4 => (Draft::Draft4, Shape::Text),
        "exclusiveMaximum" | "exclusiveMinimum" if draft == Draft::Draft4 => {
            (Draft::Draft4, Shape::Flag)
        }
        "items" if draft < Draft::Draft2020 => (Draft::Draft4, Shape::SchemaOrSchemas),
        "additionalItems" if draft == Draft::Draft2020 => return None,
        "$recursiveRef" if draft == Draft::Draft2019 => (draft, Shape::Text),
        "$recursiveAnchor" if draft == Draft::Draft2019 => (draft, Shape::Flag),
        "$ref" | "$schema" | "title" | "description" | "format" | "pattern" => {
            (Draft::Draft4, Shape::Text)
        }
        "$id" | "$comment" | "contentEncoding" | "contentMediaType" => (Draft::Draft6, Shape::Text),
        "$anchor" => (Draft::Draft2019, Shape::Text),
        "$dynamicAnchor" | "$dynamicRef" => (Draft::Draft2020, Shape::Text),
        "const" | "default" => (Draft::Draft4, Shape::Any),
        "enum" | "examples" => (Draft::Draft4, Shape::List),
        "type" => (Draft::Draft4, Shape::Type),
        "uniqueItems" => (Draft::Draft4, Shape::Flag),
        "deprecated" | "readOnly" | "writeOnly" => (Draft::Draft7, Shape::Flag),
        "multipleOf" => (Draft::Draft4, Shape::Positive),
        "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" => {
            (Draft::Draft4, Shape::Number)
        }
        "maxItems" | "maxLength" | "maxProperties" | "minItems" | "minLength" | "minProperties" => {
            (Draft::Draft4, Shape::Count)
        }
        "maxContains" | "minContains" => (Draft::Draft2019, Shape::Count),
        "required" => (Draft::Draft4, Shape::Names),
        "dependentRequired" => (Draft::Draft2019, Shape::NamesByName),
        // Kept by 2019-09 and later for schemas that are older.
        "definitions" => (Draft::Draft4, Shape::SchemaByName),
        "dependencies" => (Draft::Draft4, Shape::SchemaOrNamesByName),
        "patternProperties" | "properties" => (Draft::Draft4, Shape::SchemaByName),
        "$defs" | "dependentSchemas" => (Draft::Draft2019, Shape::SchemaByName),

        "allOf" | "anyOf" | "oneOf" => (Draft::Draft4, Shape::Schemas),
        "prefixItems" => (Draft::Draft2020, Shape::Schemas),
        "items" | "additionalItems" | "additionalProperties" | "not" => {
            (Draft::Draft4, Shape::Schema)
        }
        "contains" | "propertyNames" => (Draft::Draft6, Shape::Schema),
        "if" | "then" | "else" => (Draft::Draft7, Shape::Schema),
        "contentSchema" | "unevaluatedItems" | "unevaluatedProperties" => {
            (Draft::Draft2019, Shape::Schema)
        }
        _ => return None,
    };
    (draft >= since).then_some(shape)
}

/// Calls `each` with the subschemas in a keyword's value, and their paths below the keyword.
pub(super) fn subschemas<'a>(
    shape: Shape,
    value: &'a Value,
    each: &mut dyn FnMut(String, &'a Value),
) {
    match (shape, value) {
        (Shape::Schema, value)
        | (Shape::SchemaOrSchemas, value @ (Value::Object(_) | Value::Bool(_))) => {
            each(String::new(), value);
        }
        (Shape::Schemas | Shape::SchemaOrSchemas, Value::Array(schemas)) => {
            for (index, schema) in schemas.iter().enumerate() {
                each(format!("/{index}"), schema);
            }
        }
        (Shape::SchemaByName | Shape::SchemaOrNamesByName, Value::Object(schemas)) => {
            for (name, schema) in schemas {
                if !(shape == Shape::SchemaOrNamesByName && schema.is_array()) {
                    each(format!("/{}", escape(name)), schema);
                }
            }
        }
        _ => {}
    }
}

/// What is wrong with a keyword's value, below `at`; its subschemas aside.
pub(super) fn misuses(shape: Shape, value: &Value, at: &str, out: &mut Vec<Problem>) {
    let mut wrong = |path: String, message: String| out.push(Problem::new(path, message));
    let mut must = |holds: bool, message: &str| {
        if !holds {
            wrong(at.to_owned(), message.to_owned());
        }
    };
    match shape {
        Shape::Any | Shape::Schema => {}
        Shape::Text => must(value.is_string(), "must be of type string"),
        Shape::Flag => must(value.is_boolean(), "must be of type boolean"),
        Shape::Number => must(value.is_number(), "must be of type number"),
        Shape::Positive => {
            must(value.is_number(), "must be of type number");
            let positive = value.as_f64().is_none_or(|number| number > 0.0);
            must(positive, "must be greater than 0");
        }
        Shape::Count => {
            let token = value.to_string();
            let integer = value.is_number() && Decimal::new(&token).is_integer();
            must(integer, "must be of type integer");
            must(!integer || !token.starts_with('-'), "must be at least 0");
        }
        Shape::List => must(value.is_array(), "must be of type array"),
        Shape::Names => names(value, at, &mut wrong),
        Shape::NamesByName => match value {
            Value::Object(lists) => {
                for (name, list) in lists {
                    names(list, &format!("{at}/{}", escape(name)), &mut wrong);
                }
            }
            _ => must(false, "must be of type object"),
        },
        Shape::Type => types(value, at, &mut wrong),
        Shape::Schemas => match value.as_array() {
            Some(list) => must(!list.is_empty(), "must have at least 1 item"),
            None => must(false, "must be of type array"),
        },
        Shape::SchemaOrSchemas => {}
        Shape::SchemaByName => must(value.is_object(), "must be of type object"),
        Shape::SchemaOrNamesByName => match value {
            Value::Object(parts) => {
                for (name, list) in parts.iter().filter(|(_, part)| part.is_array()) {
                    names(list, &format!("{at}/{}", escape(name)), &mut wrong);
                }
            }
            _ => must(false, "must be of type object"),
        },
    }
}

fn names(value: &Value, at: &str, wrong: &mut dyn FnMut(String, String)) {
    let Value::Array(list) = value else {
        return wrong(at.to_owned(), "must be of type array".to_owned());
    };
    for (index, _) in list
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_string())
    {
        wrong(format!("{at}/{index}"), "must be of type string".to_owned());
    }
    let names: BTreeSet<_> = list.iter().filter_map(Value::as_str).collect();
    if names.len() < list.iter().filter(|name| name.is_string()).count() {
        wrong(at.to_owned(), "must not have equal items".to_owned());
    }
}

fn types(value: &Value, at: &str, wrong: &mut dyn FnMut(String, String)) {
    let known = |value: &Value| {
        value
            .as_str()
            .is_some_and(|name| Types::named(name).is_some())
    };
    match value {
        Value::Array(list) => {
            for (index, _) in list.iter().enumerate().filter(|(_, name)| !known(name)) {
                wrong(format!("{at}/{index}"), types_to_choose());
            }
            if list.is_empty() {
                wrong(at.to_owned(), "must have at least 1 item".to_owned());
            }
        }
        value if known(value) => {}
        _ => wrong(at.to_owned(), types_to_choose()),
    }
}

fn types_to_choose() -> String {
    format!("must be one of: {}", Types::NAMES.join(", "))
}
