//! What a schema says of one place in the arguments.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::Pointer;

/// The schema of the arguments.
pub(super) struct Shape<'a>(pub(super) &'a Value);

/// A place that the schema knows.
#[derive(Debug)]
pub(super) struct Place {
    /// There is a value, always.
    pub(super) required: bool,
    /// A single value may be there,
    pub(super) scalar: bool,
    /// or a list.
    pub(super) list: bool,
}

impl<'a> Shape<'a> {
    /// What is known of a place; `None`: the schema does not name it.
    pub(super) fn find(&self, pointer: &Pointer) -> Option<Place> {
        let mut sites = vec![self.0];
        let mut required = true;
        for part in pointer.parts() {
            required &= sites.iter().any(|site| self.requires(site, part, MAX_HOPS));
            let mut below = Vec::new();
            for site in sites {
                self.children(site, part, MAX_HOPS, &mut below);
            }
            sites = below;
        }
        let may_be = |name| sites.iter().any(|site| self.allows(site, name, MAX_HOPS));
        (!sites.is_empty()).then(|| Place {
            required,
            scalar: ["string", "number", "integer", "boolean"]
                .into_iter()
                .any(may_be),
            list: may_be("array"),
        })
    }

    /// The names of arguments.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let mut names = BTreeSet::new();
        self.each(self.0, MAX_HOPS, &mut |schema| {
            let properties = schema.get("properties").and_then(Value::as_object);
            names.extend(
                properties
                    .into_iter()
                    .flat_map(|it| it.keys().map(String::as_str)),
            );
        });
        names
    }

    /// Whether there can be arguments that it does not name.
    pub(super) fn is_open(&self) -> bool {
        let mut open = true;
        self.each(self.0, MAX_HOPS, &mut |schema| {
            let closes = |keyword| schema.get(keyword) == Some(&Value::Bool(false));
            open &= !closes("additionalProperties") && !closes("unevaluatedProperties");
        });
        open
    }

    /// The schema, and all that it joins or chooses from.
    fn each(&self, schema: &'a Value, hops: usize, look: &mut impl FnMut(&'a Value)) {
        let Some(hops) = hops.checked_sub(1) else {
            return;
        };
        look(schema);
        let joined = JOINING.iter().flat_map(|keyword| branches(schema, keyword));
        for joined in self.target(schema).into_iter().chain(joined) {
            self.each(joined, hops, look);
        }
    }

    fn children(&self, schema: &'a Value, part: &str, hops: usize, found: &mut Vec<&'a Value>) {
        self.each(schema, hops, &mut |schema| {
            let map = ["additionalProperties", "unevaluatedProperties"];
            let property = schema.get("properties").and_then(|it| it.get(part));
            let mut other = map.into_iter().filter_map(|keyword| schema.get(keyword));
            let child = property.or_else(|| other.find(|it| it.is_object()));
            let item = part.parse::<usize>().ok().and_then(|place| {
                let first = schema.get("prefixItems").and_then(|it| it.get(place));
                first.or_else(|| schema.get("items"))
            });
            found.extend(child.into_iter().chain(item));
        });
    }

    /// Whether a schema requires a member.
    fn requires(&self, schema: &'a Value, name: &str, hops: usize) -> bool {
        let Some(hops) = hops.checked_sub(1) else {
            return false;
        };
        let all = |keyword| {
            let branches = branches(schema, keyword);
            !branches.is_empty() && branches.iter().all(|it| self.requires(it, name, hops))
        };
        let own = schema.get("required").and_then(Value::as_array);
        own.is_some_and(|own| own.iter().any(|it| it == name))
            || self
                .target(schema)
                .is_some_and(|it| self.requires(it, name, hops))
            || branches(schema, "allOf")
                .iter()
                .any(|branch| self.requires(branch, name, hops))
            || all("anyOf")
            || all("oneOf")
    }

    /// Whether a schema leaves room for values of a type.
    fn allows(&self, schema: &'a Value, name: &str, hops: usize) -> bool {
        let Some(hops) = hops.checked_sub(1) else {
            return true;
        };
        let some = |keyword| {
            let branches = branches(schema, keyword);
            branches.is_empty() || branches.iter().any(|it| self.allows(it, name, hops))
        };
        let typed = match schema.get("type") {
            Some(Value::String(one)) => one == name,
            Some(Value::Array(some)) => some.iter().any(|it| it == name),
            _ => true,
        };
        typed
            && self
                .target(schema)
                .is_none_or(|it| self.allows(it, name, hops))
            && branches(schema, "allOf")
                .iter()
                .all(|branch| self.allows(branch, name, hops))
            && some("anyOf")
            && some("oneOf")
    }

    /// What a reference within the schema leads to.
    fn target(&self, schema: &Value) -> Option<&'a Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.0.pointer(pointer)
    }
}

/// The subschemas of a keyword.
fn branches<'a>(schema: &'a Value, keyword: &str) -> &'a [Value] {
    match schema.get(keyword) {
        Some(Value::Array(branches)) => branches,
        Some(branch) => std::slice::from_ref(branch),
        None => &[],
    }
}

/// Keywords whose subschemas speak of the same value.
const JOINING: [&str; 5] = ["allOf", "anyOf", "oneOf", "then", "else"];

/// References and branches that are followed one after the other, at most.
const MAX_HOPS: usize = 8;
