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

/// The subschemas in a keyword's value, with their paths below the keyword.
pub(super) fn subschemas(shape: Shape, value: &Value) -> Vec<(String, &Value)> {
    match shape {
        Shape::SchemaOrSchemas if value.is_array() => subschemas(Shape::Schemas, value),
        Shape::Schema | Shape::SchemaOrSchemas => vec![(String::new(), value)],
        Shape::Schemas => {
            let schemas = value.as_array().into_iter().flatten().enumerate();
            schemas
                .map(|(index, schema)| (format!("/{index}"), schema))
                .collect()
        }
        Shape::SchemaByName | Shape::SchemaOrNamesByName => {
            let names = |part: &Value| shape == Shape::SchemaOrNamesByName && part.is_array();
            let parts = value.as_object().into_iter().flatten();
            parts
                .filter(|(_, part)| !names(part))
                .map(|(name, part)| (format!("/{}", escape(name)), part))
                .collect()
        }
        Shape::Any
        | Shape::Text
        | Shape::Flag
        | Shape::Number
        | Shape::Positive
        | Shape::Count
        | Shape::List
        | Shape::Names
        | Shape::NamesByName
        | Shape::Type => Vec::new(),
    }
}

/// What is wrong with a keyword's value, with paths below the keyword; its subschemas aside.
pub(super) fn misuses(shape: Shape, value: &Value) -> Vec<Problem> {
    let must = |holds: bool, message: &str| {
        let problem = (!holds).then(|| Problem::new("", message));
        problem.into_iter().collect()
    };
    let by_name = |is_list: fn(&Value) -> bool| {
        let Value::Object(parts) = value else {
            return must(false, "must be of type object");
        };
        let lists = parts.iter().filter(|(_, part)| is_list(part));
        lists
            .flat_map(|(name, list)| below(names(list), escape(name)))
            .collect()
    };
    match shape {
        Shape::Any | Shape::Schema | Shape::SchemaOrSchemas => Vec::new(),
        Shape::Text => must(value.is_string(), "must be of type string"),
        Shape::Flag => must(value.is_boolean(), "must be of type boolean"),
        Shape::Number => must(value.is_number(), "must be of type number"),
        Shape::Positive => match value.as_f64() {
            Some(number) => must(number > 0.0, "must be greater than 0"),
            None => must(false, "must be of type number"),
        },
        Shape::Count if value.is_u64() => Vec::new(),
        Shape::Count => {
            let token = value.to_string();
            let integer = value.is_number() && Decimal::new(&token).is_integer();
            if integer {
                must(!token.starts_with('-'), "must be at least 0")
            } else {
                must(false, "must be of type integer")
            }
        }
        Shape::List => must(value.is_array(), "must be of type array"),
        Shape::Names => names(value),
        Shape::NamesByName => by_name(|_| true),
        Shape::SchemaOrNamesByName => by_name(Value::is_array),
        Shape::SchemaByName => must(value.is_object(), "must be of type object"),
        Shape::Schemas => match value {
            Value::Array(list) => must(!list.is_empty(), "must have at least 1 item"),
            _ => must(false, "must be of type array"),
        },
        Shape::Type => match value {
            Value::Array(list) if list.is_empty() => must(false, "must have at least 1 item"),
            Value::Array(list) => {
                let each = list.iter().enumerate();
                each.flat_map(|(index, name)| below(type_name(name), index.to_string()))
                    .collect()
            }
            name => type_name(name),
        },
    }
}

fn names(value: &Value) -> Vec<Problem> {
    let Value::Array(list) = value else {
        return vec![Problem::new("", "must be of type array")];
    };
    let others = list
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_string());
    let mut found: Vec<_> = others
        .map(|(index, _)| Problem::new(format!("/{index}"), "must be of type string"))
        .collect();
    let texts: BTreeSet<_> = list.iter().filter_map(Value::as_str).collect();
    if texts.len() + found.len() < list.len() {
        found.push(Problem::new("", "must not have equal items"));
    }
    found
}

fn type_name(value: &Value) -> Vec<Problem> {
    match value.as_str().and_then(Types::named) {
        Some(_) => Vec::new(),
        None => {
            let message = format!("must be one of: {}", Types::NAMES.join(", "));
            vec![Problem::new("", message)]
        }
    }
}

fn below(problems: Vec<Problem>, name: String) -> impl Iterator<Item = Problem> {
    problems
        .into_iter()
        .map(move |problem| problem.below(&format!("/{name}")))
}
