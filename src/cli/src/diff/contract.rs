//! Two JSON Schemas: what the new one takes that the old one does not, and the reverse.
//!
//! Judged keyword by keyword. A change of a keyword that may go either way counts as both.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

mod members;

/// One difference between two schemas.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shift {
    /// JSON Pointer into the new schema.
    pub(super) pointer: String,
    pub(super) message: String,
    /// Whether it refuses something that the old one takes.
    pub(super) refuses: bool,
    /// Whether it takes something that the old one refuses.
    pub(super) takes: bool,
}

/// All differences between two schemas.
pub(super) fn shifts(old: &Json, new: &Json) -> Vec<Shift> {
    let mut comparison = Comparison {
        roots: [old, new],
        seen: BTreeSet::new(),
        shifts: Vec::new(),
    };
    comparison.schema(old, new, &mut String::new(), MAX_DEPTH);
    comparison.shifts
}

struct Comparison<'s> {
    roots: [&'s Json; 2],
    /// Pairs of references that were followed: schemas may refer to themselves.
    seen: BTreeSet<[String; 2]>,
    shifts: Vec<Shift>,
}

/// What a change does to what is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Narrowed,
    Widened,
    Either,
}

impl Comparison<'_> {
    fn add(&mut self, way: Way, at: &str, keyword: &str, message: String) {
        self.shifts.push(Shift {
            pointer: format!("{at}/{keyword}"),
            message,
            refuses: way != Way::Widened,
            takes: way != Way::Narrowed,
        });
    }

    fn schema(&mut self, old: &Json, new: &Json, at: &mut String, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let reference = |schema: &Json| Some(schema.get("$ref")?.as_str()?.to_owned());
        if let (Some(old), Some(new)) = (reference(old), reference(new))
            && !self.seen.insert([old, new])
        {
            return;
        }
        let [old, new] = [(old, 0), (new, 1)].map(|(schema, side)| {
            let root = self.roots.get(side).copied();
            root.map_or(schema, |root| resolve(root, schema))
        });
        if old == new {
            return;
        }
        let (Some(before), Some(after)) = (members(old), members(new)) else {
            let way = if *new == Json::Bool(false) {
                Way::Narrowed
            } else {
                Way::Widened
            };
            let message = format!("{} -> {}", told(Some(old)), told(Some(new)));
            self.shifts.push(Shift {
                pointer: at.clone(),
                message,
                refuses: way != Way::Widened,
                takes: way != Way::Narrowed,
            });
            return;
        };
        self.values(&before, &after, at);
        self.limits(&before, &after, at);
        self.properties(&before, &after, at, depth);
        self.parts(&before, &after, at, depth);
        for keyword in OPAQUE {
            let (old, new) = (before.get(keyword), after.get(keyword));
            let way = match (old, new) {
                (old, new) if old == new => continue,
                (None, _) => Way::Narrowed,
                (_, None) => Way::Widened,
                _ => Way::Either,
            };
            self.add(way, at, keyword, change(old, new));
        }
    }

    /// `type`, `enum` and `const`: sets of what there may be.
    fn values(&mut self, old: &Map<String, Json>, new: &Map<String, Json>, at: &str) {
        let types = |schema: &Map<String, Json>| -> BTreeSet<String> {
            let mut names = match schema.get("type") {
                Some(Json::String(name)) => BTreeSet::from([name.clone()]),
                Some(Json::Array(names)) => names
                    .iter()
                    .filter_map(|n| Some(n.as_str()?.to_owned()))
                    .collect(),
                _ => TYPES.map(str::to_owned).into(),
            };
            if names.contains("number") {
                names.insert("integer".to_owned());
            }
            names
        };
        self.sets(
            &types(old),
            &types(new),
            at,
            "type",
            change(old.get("type"), new.get("type")),
        );
        let listed = |schema: &Map<String, Json>| -> Option<BTreeSet<String>> {
            let values = match (schema.get("const"), schema.get("enum")) {
                (Some(value), _) => vec![value.clone()],
                (None, Some(Json::Array(values))) => values.clone(),
                (None, _) => return None,
            };
            Some(values.iter().map(Json::to_string).collect())
        };
        let keyword = match new.contains_key("const") {
            true => "const",
            false => "enum",
        };
        match (listed(old), listed(new)) {
            (None, None) => {}
            (Some(old), Some(new)) => {
                let gone = difference(&old, &new, "-");
                let more = difference(&new, &old, "+");
                let message = [gone, more]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", ");
                self.sets(&old, &new, at, keyword, message);
            }
            (old, new) => {
                let way = if new.is_some() {
                    Way::Narrowed
                } else {
                    Way::Widened
                };
                let list = |set: Option<BTreeSet<String>>| {
                    set.map_or_else(|| "anything".to_owned(), |set| joined(set.iter()))
                };
                self.add(way, at, keyword, format!("{} -> {}", list(old), list(new)));
            }
        }
    }

    fn sets(
        &mut self,
        old: &BTreeSet<String>,
        new: &BTreeSet<String>,
        at: &str,
        keyword: &str,
        message: String,
    ) {
        let way = match (new.is_subset(old), new.is_superset(old)) {
            (true, true) => return,
            (true, false) => Way::Narrowed,
            (false, true) => Way::Widened,
            (false, false) => Way::Either,
        };
        self.add(way, at, keyword, message);
    }

    /// Bounds on numbers and sizes.
    fn limits(&mut self, old: &Map<String, Json>, new: &Map<String, Json>, at: &str) {
        for (keyword, lower) in LIMITS {
            let (was, is) = (old.get(keyword), new.get(keyword));
            let number = |value: Option<&Json>| value.and_then(Json::as_f64);
            let way = match (number(was), number(is)) {
                (None, None) => continue,
                (None, Some(_)) => Way::Narrowed,
                (Some(_), None) => Way::Widened,
                (Some(was), Some(is)) if was == is => continue,
                (Some(was), Some(is)) if (is > was) == lower => Way::Narrowed,
                (Some(_), Some(_)) => Way::Widened,
            };
            self.add(way, at, keyword, change(was, is));
        }
    }

    fn within(&mut self, old: &Json, new: &Json, at: &mut String, keyword: &str, depth: usize) {
        let length = at.len();
        at.push('/');
        at.push_str(keyword);
        self.schema(old, new, at, depth);
        at.truncate(length);
    }

    /// Schemas within this one: of items, and alternatives.
    fn parts(
        &mut self,
        old: &Map<String, Json>,
        new: &Map<String, Json>,
        at: &mut String,
        depth: usize,
    ) {
        let part = |schema: &Map<String, Json>| schema.get("items").cloned();
        if let (was, is) = (part(old), part(new))
            && was != is
        {
            let [was, is] = [was, is].map(|items| items.unwrap_or(Json::Bool(true)));
            self.within(&was, &is, at, "items", depth);
        }
        for (keyword, more) in BRANCHES {
            let (was, is) = (old.get(keyword), new.get(keyword));
            if was == is {
                continue;
            }
            let branches =
                |value: Option<&Json>| -> Option<Vec<Json>> { Some(value?.as_array()?.clone()) };
            let way = match (branches(was), branches(is)) {
                (Some(was), Some(is)) if was.len() == is.len() => {
                    for (place, (was, is)) in was.iter().zip(&is).enumerate() {
                        self.within(was, is, at, &format!("{keyword}/{place}"), depth);
                    }
                    continue;
                }
                (Some(was), Some(is)) => {
                    let kept = |all: &[Json], of: &[Json]| of.iter().all(|one| all.contains(one));
                    match (kept(&is, &was), kept(&was, &is)) {
                        (true, _) => more,
                        (_, true) => more.reverse(),
                        _ => Way::Either,
                    }
                }
                (None, _) => Way::Narrowed,
                (_, None) => Way::Widened,
            };
            self.add(way, at, keyword, change(was, is));
        }
    }
}

impl Way {
    const fn reverse(self) -> Self {
        match self {
            Self::Narrowed => Self::Widened,
            Self::Widened => Self::Narrowed,
            Self::Either => Self::Either,
        }
    }
}

/// What a schema's local reference points to, where it says nothing else.
fn resolve<'s>(root: &'s Json, schema: &'s Json) -> &'s Json {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let target = schema.get("$ref").and_then(Json::as_str);
        let target = target.and_then(|target| root.pointer(target.strip_prefix('#')?));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// The keywords of a schema; `None`: nothing fits it.
fn members(schema: &Json) -> Option<Map<String, Json>> {
    match schema {
        Json::Object(members) => Some(members.clone()),
        Json::Bool(true) => Some(Map::new()),
        _ => None,
    }
}

/// `100 -> 150`, `none -> 5`.
pub(super) fn change(old: Option<&Json>, new: Option<&Json>) -> String {
    format!("{} -> {}", told(old), told(new))
}

fn told(value: Option<&Json>) -> String {
    let text = match value {
        None => return "none".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match text.chars().count() > MAX_TOLD {
        true => text.chars().take(MAX_TOLD).chain("..".chars()).collect(),
        false => text,
    }
}

/// What one set has and the other has not: `-low`, `+urgent`.
fn difference(of: &BTreeSet<String>, without: &BTreeSet<String>, sign: &str) -> Option<String> {
    let list: Vec<_> = of
        .difference(without)
        .map(|one| format!("{sign}{one}"))
        .collect();
    (!list.is_empty()).then(|| list.join(", "))
}

fn joined<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.cloned().collect::<Vec<_>>().join(", ")
}

/// Keywords with a number, and whether it is a lower bound.
const LIMITS: [(&str, bool); 12] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("minContains", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
    ("maxContains", false),
];

/// Keywords with schemas beside each other, and what one more of them does.
const BRANCHES: [(&str, Way); 4] = [
    ("anyOf", Way::Widened),
    ("allOf", Way::Narrowed),
    ("oneOf", Way::Either),
    ("prefixItems", Way::Narrowed),
];

/// Keywords that are not looked into.
const OPAQUE: [&str; 15] = [
    "multipleOf",
    "pattern",
    "format",
    "uniqueItems",
    "contains",
    "propertyNames",
    "patternProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentRequired",
    "dependentSchemas",
    "not",
    "if",
    "then",
    "else",
];

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Levels of schemas that are compared.
const MAX_DEPTH: usize = 24;

/// Characters of a value that are told.
const MAX_TOLD: usize = 60;

#[cfg(test)]
mod tests;
