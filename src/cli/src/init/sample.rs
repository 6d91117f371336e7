//! Arguments that a contract takes, as an example to begin with.

use serde_json::{Map, Value, json};

/// A value for a schema: what it names itself, or else the least of its type. What comes out is a
/// guess, to be held against the schema.
pub(super) fn value(schema: &Value) -> Value {
    let named = ["const", "default"].iter().find_map(|key| schema.get(key));
    let listed = ["enum", "examples"]
        .iter()
        .find_map(|key| schema.get(key)?.get(0));
    if let Some(named) = named.or(listed) {
        return named.clone();
    }
    let bound = |key| schema.get(key).and_then(Value::as_u64);
    let kind = schema.get("type");
    let kind = kind
        .and_then(|kind| kind.get(0))
        .or(kind)
        .and_then(Value::as_str);
    match kind {
        Some("object") => object(schema),
        Some("array") => {
            let least = bound("minItems").unwrap_or_default().min(MAX_LENGTH);
            let item = schema.get("items").map_or(Value::Null, value);
            (0..least).map(|_| item.clone()).collect()
        }
        Some("string") => {
            let least = bound("minLength").unwrap_or(1).clamp(1, MAX_LENGTH);
            (0..least).map(|_| 'x').collect::<String>().into()
        }
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        Some(_) | None => Value::Null,
    }
}

/// An object with the members that are required.
fn object(schema: &Value) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let member = |name: &str| {
        let of = schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        (name.to_owned(), of.map_or(Value::Null, value))
    };
    Value::Object(names.map(member).collect::<Map<_, _>>())
}

const MAX_LENGTH: u64 = 100;

#[cfg(test)]
mod tests;
