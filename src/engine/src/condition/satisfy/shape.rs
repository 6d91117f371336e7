//! What a JSON Schema lets a value be.
//!
//! A keyword that is not understood here lets everything through.

use std::cell::Cell;

use serde_json::{Map, Value as Json};

use super::{
    range::Range,
    set::{List, Set},
    text::Texts,
};

/// A schema that references are followed in.
pub(super) struct Shape<'s> {
    pub(super) root: &'s Json,
    /// Schemas that may still be looked at.
    budget: Cell<usize>,
}

impl<'s> Shape<'s> {
    pub(super) const fn new(root: &'s Json) -> Self {
        Self {
            root,
            budget: Cell::new(MAX_SCHEMAS),
        }
    }

    /// What fulfils `schema`.
    pub(super) fn values(&self, schema: &'s Json, hops: usize) -> Set<'s> {
        let (Some(hops), Some(left)) = (hops.checked_sub(1), self.budget.get().checked_sub(1))
        else {
            return Set::any();
        };
        self.budget.set(left);
        let members = match schema {
            Json::Bool(false) => return Set::default(),
            Json::Object(members) => members,
            _ => return Set::any(),
        };
        let mut set = self.own(schema, members, hops);
        if let Some(constant) = members.get("const") {
            set = set.meet(&Set::of_value(constant));
        }
        if let Some(values) = list(members, "enum") {
            let listed = values.iter().map(Set::of_value).reduce(Set::join);
            set = set.meet(&listed.unwrap_or_default());
        }
        if let Some(target) = self.target(members) {
            set = set.meet(&self.values(target, hops));
        }
        for branch in list(members, "allOf").into_iter().flatten() {
            set = set.meet(&self.values(branch, hops));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = list(members, keyword) {
                let any = branches.iter().map(|branch| self.values(branch, hops));
                set = set.meet(&any.reduce(Set::join).unwrap_or_default());
            }
        }
        set
    }

    /// What its own keywords let through, by type.
    fn own(&self, schema: &'s Json, members: &'s Map<String, Json>, hops: usize) -> Set<'s> {
        let names: Option<Vec<&str>> = match members.get("type") {
            Some(Json::String(name)) => Some(vec![name]),
            Some(Json::Array(names)) => Some(names.iter().filter_map(Json::as_str).collect()),
            _ => None,
        };
        let is = |name: &str| names.as_ref().is_none_or(|names| names.contains(&name));
        let length = |least: &str, most: &str| {
            let bound = |keyword: &str| members.get(keyword).and_then(Json::as_f64);
            let (low, high) = (bound(least).unwrap_or(0.0), bound(most));
            Range::whole(low, high.unwrap_or(f64::INFINITY)).meet(&Range::COUNT)
        };
        let mut set = Set {
            null: is("null"),
            truth: [is("boolean"); 2],
            ..Set::default()
        };
        if is("number") || is("integer") {
            set.number = numbers(members, !is("number"));
        }
        if is("string") {
            set.text = length("minLength", "maxLength").map(|length| Texts {
                only: None,
                length,
                patterns: members
                    .get("pattern")
                    .and_then(Json::as_str)
                    .into_iter()
                    .collect(),
            });
        }
        if is("array") {
            let items = members
                .get("items")
                .filter(|_| !members.contains_key("prefixItems"));
            set.list = length("minItems", "maxItems").map(|length| List {
                length,
                item: items.map(|items| Box::new(self.values(items, hops))),
            });
        }
        if is("object") {
            set.objects.push(schema);
        }
        set
    }

    /// What an object that fulfils `schema` has under `name`.
    pub(super) fn field(&self, schema: &'s Json, name: &str, hops: usize) -> Set<'s> {
        let anything = Set::any().faulty();
        let (Some(hops), Some(left)) = (hops.checked_sub(1), self.budget.get().checked_sub(1))
        else {
            return anything;
        };
        self.budget.set(left);
        let Some(members) = schema.as_object() else {
            return anything;
        };
        let mut set = anything;
        let own = members.get("properties").and_then(|all| all.get(name));
        let rest = members
            .get("additionalProperties")
            .filter(|_| !members.contains_key("patternProperties"));
        if let Some(schema) = own.or(rest) {
            set = set.meet(&self.values(schema, hops).faulty());
        }
        let required = list(members, "required");
        set.fault &= !required.is_some_and(|names| names.iter().any(|one| one == name));
        if let Some(target) = self.target(members) {
            set = set.meet(&self.field(target, name, hops));
        }
        for branch in list(members, "allOf").into_iter().flatten() {
            set = set.meet(&self.field(branch, name, hops));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = list(members, keyword) {
                let any = branches.iter().map(|branch| self.field(branch, name, hops));
                set = set.meet(&any.reduce(Set::join).unwrap_or_default());
            }
        }
        set
    }

    fn target(&self, members: &Map<String, Json>) -> Option<&'s Json> {
        let pointer = members.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }
}

fn numbers(members: &Map<String, Json>, whole: bool) -> Option<Range> {
    let bound = |keyword: &str| match members.get(keyword)? {
        // Beyond 2^53 a bound is not kept exactly: none is safer.
        Json::Number(number) => number.as_f64().filter(|at| at.abs() <= EXACT),
        _ => None,
    };
    let mut range = Range::ALL;
    if whole {
        range = Range::whole(f64::NEG_INFINITY, f64::INFINITY);
    }
    for (keyword, or_equal) in [("minimum", true), ("exclusiveMinimum", false)] {
        if let Some(at) = bound(keyword) {
            range = range.meet(&Range::one(at).above(or_equal))?;
        }
    }
    for (keyword, or_equal) in [("maximum", true), ("exclusiveMaximum", false)] {
        if let Some(at) = bound(keyword) {
            range = range.meet(&Range::one(at).below(or_equal))?;
        }
    }
    Some(range)
}

fn list<'s>(members: &'s Map<String, Json>, keyword: &str) -> Option<&'s Vec<Json>> {
    members.get(keyword).and_then(Json::as_array)
}

/// References, branches and items that are followed one into the other, at most.
pub(super) const MAX_HOPS: usize = 12;

/// Schemas that one question looks at, at most.
const MAX_SCHEMAS: usize = 20_000;

const EXACT: f64 = 9_007_199_254_740_992.0;
