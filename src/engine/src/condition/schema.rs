//! Types read from a tool's `inputSchema`, as far as it says.
//!
//! What a schema leaves open, or says in a way that is not understood here, is `Dyn`: it is judged
//! when the call is.

use serde_json::Value as Json;

use super::{Tool, types::Type};

/// What a type has under a name.
pub(super) enum Field<'s> {
    Is(Type<'s>),
    /// There is none; these are there.
    Missing(Vec<&'s str>),
    /// It is nothing that has fields.
    Scalar,
}

/// A tool's `inputSchema`.
#[derive(Clone, Copy)]
pub(super) struct Schema<'s> {
    root: &'s Json,
}

impl<'s> Schema<'s> {
    pub(super) const fn new(root: &'s Json) -> Self {
        Self { root }
    }

    /// The type of the arguments: always an object, if the schema says anything.
    pub(super) fn arguments(self) -> Type<'s> {
        match self.root.as_object() {
            Some(members) if !members.is_empty() => Type::Object(self.root),
            _ => Type::Dyn,
        }
    }

    /// Looks at a type that was put off.
    pub(super) fn settle(self, of: &Type<'s>) -> Type<'s> {
        match of {
            Type::Later(schema) => self.read(schema, MAX_HOPS),
            Type::Either(types) => Type::either(types.iter().map(|one| self.settle(one)).collect()),
            other => other.clone(),
        }
    }

    fn read(self, schema: &'s Json, hops: usize) -> Type<'s> {
        let (Some(members), Some(hops)) = (schema.as_object(), hops.checked_sub(1)) else {
            return Type::Dyn;
        };
        if let Some(constant) = members.get("const") {
            return of_values(std::slice::from_ref(constant));
        }
        if let Some(values) = members.get("enum").and_then(Json::as_array) {
            return of_values(values);
        }
        match members.get("type") {
            Some(Json::String(name)) => return of_name(name, schema),
            Some(Json::Array(names)) => {
                let names = names.iter().filter_map(Json::as_str);
                return Type::either(names.map(|name| of_name(name, schema)).collect());
            }
            _ => {}
        }
        if let Some(target) = self.target(schema) {
            return self.read(target, hops);
        }
        let branches = |keyword: &str| {
            let branches = members.get(keyword).and_then(Json::as_array)?;
            Some(
                branches
                    .iter()
                    .map(|branch| self.read(branch, hops))
                    .collect::<Vec<_>>(),
            )
        };
        if let Some(every) = branches("allOf") {
            return every
                .into_iter()
                .find(|one| *one != Type::Dyn)
                .unwrap_or(Type::Dyn);
        }
        match branches("anyOf").or_else(|| branches("oneOf")) {
            Some(any) => Type::either(any),
            None if members.contains_key("properties") => Type::Object(schema),
            None => Type::Dyn,
        }
    }

    /// What a schema's local `$ref` points to.
    fn target(self, schema: &'s Json) -> Option<&'s Json> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// What `of` has under `name`.
    pub(super) fn field(self, of: &Type<'s>, name: &str) -> Field<'s> {
        match of {
            Type::Dyn => Field::Is(Type::Dyn),
            Type::Map(values) => Field::Is(self.settle(values)),
            Type::Tool if name == "dataClassification" => {
                Field::Is(Type::Either(vec![Type::TEXT, Type::Null]))
            }
            Type::Tool if Tool::FIELDS.contains(&name) => Field::Is(Type::TEXT),
            Type::Tool => Field::Missing(Tool::FIELDS.to_vec()),
            Type::Object(schema) => {
                let mut search = Search {
                    name,
                    types: Vec::new(),
                    names: Vec::new(),
                    open: false,
                };
                self.search(schema, &mut search, MAX_HOPS);
                if !search.types.is_empty() {
                    // What `properties` itself says holds whatever the branches say.
                    let first = search
                        .types
                        .first()
                        .map_or(Type::Dyn, |one| self.settle(one));
                    let own = schema
                        .get("properties")
                        .is_some_and(|p| p.get(name).is_some());
                    return Field::Is(if own && first != Type::Dyn {
                        first
                    } else {
                        self.settle(&Type::either(search.types))
                    });
                }
                if search.open {
                    Field::Is(Type::Dyn)
                } else {
                    Field::Missing(search.names)
                }
            }
            _ => Field::Scalar,
        }
    }

    fn search(self, schema: &'s Json, search: &mut Search<'s, '_>, hops: usize) {
        let (Some(members), Some(hops)) = (schema.as_object(), hops.checked_sub(1)) else {
            search.open |= schema.as_bool() != Some(false);
            return;
        };
        let properties = members.get("properties").and_then(Json::as_object);
        let own = properties.and_then(|properties| properties.get(search.name));
        search.names.extend(
            properties
                .into_iter()
                .flat_map(|p| p.keys().map(String::as_str)),
        );
        search.types.extend(own.map(Type::Later));
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            match members.get(keyword) {
                Some(rest @ Json::Object(_)) if own.is_none() => {
                    search.types.push(Type::Later(rest));
                }
                Some(Json::Bool(true)) => search.open = true,
                _ => {}
            }
        }
        search.open |= members.contains_key("patternProperties");
        search.open |= members.contains_key("$dynamicRef");
        if members.contains_key("$ref") {
            match self.target(schema) {
                Some(target) => self.search(target, search, hops),
                None => search.open = true,
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in members
                .get(keyword)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                self.search(branch, search, hops);
            }
        }
        for keyword in ["then", "else"] {
            if let Some(branch) = members.get(keyword) {
                self.search(branch, search, hops);
            }
        }
        let dependent = members.get("dependentSchemas").and_then(Json::as_object);
        for branch in dependent.into_iter().flat_map(|branches| branches.values()) {
            self.search(branch, search, hops);
        }
    }
}

/// A search for a property through all that a schema joins.
struct Search<'s, 'n> {
    name: &'n str,
    types: Vec<Type<'s>>,
    names: Vec<&'s str>,
    /// It allows properties that it does not declare.
    open: bool,
}

fn of_name<'s>(name: &str, schema: &'s Json) -> Type<'s> {
    match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "integer" => Type::Int,
        "number" => Type::Either(vec![Type::Int, Type::Double]),
        "string" => Type::TEXT,
        "array" => Type::List(Box::new(schema.get("items").map_or(Type::Dyn, Type::Later))),
        "object"
            if STRUCTURE
                .iter()
                .any(|keyword| schema.get(keyword).is_some()) =>
        {
            Type::Object(schema)
        }
        "object" => {
            let values = schema
                .get("additionalProperties")
                .map_or(Type::Dyn, Type::Later);
            Type::Map(Box::new(values))
        }
        _ => Type::Dyn,
    }
}

/// The type of values that a schema lists.
fn of_values(values: &[Json]) -> Type<'_> {
    let texts: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
    let mut types: Vec<Type<'_>> = values
        .iter()
        .filter(|value| !value.is_string())
        .map(|value| match value {
            Json::Null => Type::Null,
            Json::Bool(_) => Type::Bool,
            Json::Number(number) if number.is_i64() => Type::Int,
            Json::Number(_) => Type::Double,
            Json::String(_) | Json::Array(_) | Json::Object(_) => Type::Dyn,
        })
        .collect();
    if !texts.is_empty() {
        types.push(Type::Str(Some(texts)));
    }
    Type::either(types)
}

/// Keywords that say what properties an object has.
const STRUCTURE: [&str; 8] = [
    "properties",
    "patternProperties",
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "then",
    "dependentSchemas",
];

/// References and branches that are followed one after the other, at most.
const MAX_HOPS: usize = 16;
