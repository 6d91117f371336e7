//! Small values that a JSON Schema takes, made up to have something to judge.
//!
//! Nothing relies on them: the engine says whether one is valid.

use engine::condition::Step;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Number, Value as Json, json};

/// A schema with all that it refers to.
#[derive(Clone, Copy)]
pub(super) struct Contract<'s> {
    pub(super) root: &'s Json,
}

impl Contract<'_> {
    /// The smallest value that fits the whole schema, as far as that is easily found.
    pub(super) fn sample(self) -> Json {
        self.make(&self.flat(self.root), &mut MAX_PARTS.clone())
    }

    /// A value for the place that `path` leads to.
    pub(super) fn sample_at(self, path: &[Step]) -> Json {
        self.make(&self.at(path), &mut MAX_PARTS.clone())
    }

    /// What the schema says of the place that `path` leads to.
    pub(super) fn at(self, path: &[Step]) -> Map<String, Json> {
        path.iter()
            .fold(self.flat(self.root), |schema, step| match step {
                Step::Member(name) => {
                    let own = schema.get("properties").and_then(|all| all.get(name));
                    own.or_else(|| schema.get("additionalProperties"))
                        .map_or_else(Map::new, |found| self.flat(found))
                }
                Step::Item => {
                    let items = ["items", "additionalProperties"];
                    let found = items.iter().find_map(|keyword| schema.get(*keyword));
                    found.map_or_else(Map::new, |found| self.flat(found))
                }
            })
    }

    /// The keywords of a schema, with those of what it refers to and of its first alternative.
    pub(super) fn flat(self, schema: &Json) -> Map<String, Json> {
        let mut flat = Map::new();
        self.gather(schema, &mut flat, MAX_DEPTH);
        flat
    }

    fn gather(self, schema: &Json, into: &mut Map<String, Json>, depth: usize) {
        let (Some(members), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else {
            return;
        };
        for (keyword, value) in members {
            match (into.get_mut(keyword), value) {
                (Some(Json::Object(known)), Json::Object(more)) if keyword == "properties" => {
                    for (name, property) in more {
                        known.entry(name).or_insert_with(|| property.clone());
                    }
                }
                (Some(Json::Array(known)), Json::Array(more)) if keyword == "required" => {
                    known.extend(more.iter().cloned());
                }
                (Some(_), _) => {}
                (None, _) => {
                    into.insert(keyword.clone(), value.clone());
                }
            }
        }
        let target = members.get("$ref").and_then(Json::as_str);
        let target = target.and_then(|target| self.root.pointer(target.strip_prefix('#')?));
        let every = members.get("allOf").and_then(Json::as_array);
        let first = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| {
            let branches = members.get(keyword)?.as_array()?;
            branches.first()
        });
        for part in target
            .into_iter()
            .chain(every.into_iter().flatten())
            .chain(first)
        {
            self.gather(part, into, depth);
        }
    }

    fn make(self, schema: &Map<String, Json>, parts: &mut usize) -> Json {
        let listed = schema.get("enum").and_then(Json::as_array);
        let listed = listed.and_then(|values| values.first());
        if let Some(value) = schema.get("const").or(listed) {
            return value.clone();
        }
        let Some(left) = parts.checked_sub(1) else {
            return Json::Null;
        };
        *parts = left;
        match kind(schema) {
            "object" => {
                let required = schema.get("required").and_then(Json::as_array);
                let names = required.into_iter().flatten().filter_map(Json::as_str);
                let properties = schema.get("properties");
                let members = names.map(|name| {
                    let property = properties.and_then(|all| all.get(name));
                    let value = property.map_or(Json::Null, |property| {
                        self.make(&self.flat(property), parts)
                    });
                    (name.to_owned(), value)
                });
                Json::Object(members.collect())
            }
            "array" => {
                let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
                let item = schema.get("items").map(|items| self.flat(items));
                let mut item = || {
                    item.as_ref()
                        .map_or(Json::Null, |item| self.make(item, parts))
                };
                (0..least.min(MAX_ITEMS)).map(|_| item()).collect()
            }
            "boolean" => Json::Bool(false),
            "null" => Json::Null,
            "integer" | "number" => number(schema),
            _ => Json::String(text(schema)),
        }
    }
}

/// The first type that a schema names, or the one that its keywords are about.
pub(super) fn kind(schema: &Map<String, Json>) -> &str {
    let named = match schema.get("type") {
        Some(Json::Array(names)) => names.first().and_then(Json::as_str),
        other => other.and_then(Json::as_str),
    };
    let about = [
        ("properties", "object"),
        ("items", "array"),
        ("minimum", "number"),
        ("maximum", "number"),
    ];
    named.unwrap_or_else(|| {
        let found = about.iter().find(|(word, _)| schema.contains_key(*word));
        found.map_or("string", |(_, kind)| kind)
    })
}

/// Bounds that numbers of this schema keep to.
pub(super) fn bounds(schema: &Map<String, Json>) -> impl Iterator<Item = Json> {
    let step = schema.get("multipleOf").and_then(Json::as_f64);
    let inside = [
        ("minimum", 0.0),
        ("exclusiveMinimum", 1.0),
        ("maximum", 0.0),
        ("exclusiveMaximum", -1.0),
    ];
    inside.into_iter().filter_map(move |(keyword, sign)| {
        let bound = schema.get(keyword)?;
        Some(match sign {
            0.0 => bound.clone(),
            sign => add(bound, sign * step.unwrap_or(1.0)),
        })
    })
}

fn number(schema: &Map<String, Json>) -> Json {
    let least = bounds(schema).next();
    let given = |keyword: &str| schema.get(keyword).and_then(Json::as_f64);
    match (least, given("multipleOf")) {
        (Some(bound), Some(step)) if step > 0.0 => {
            let value = bound.as_f64().unwrap_or_default();
            add(&json!(0), (value / step).ceil() * step)
        }
        (Some(bound), _) => bound,
        (None, step) => add(&json!(0), step.unwrap_or(1.0)),
    }
}

/// A number a little larger or smaller; a whole one stays whole where it can.
pub(super) fn add(number: &Json, delta: f64) -> Json {
    let whole = (delta.fract() == 0.0).then_some(delta as i64);
    match number.as_i64().zip(whole) {
        Some((number, delta)) => number.saturating_add(delta).into(),
        None => {
            // Rounded, so that 0.8 less 0.01 reads 0.79.
            let sum = number.as_f64().unwrap_or_default() + delta;
            let sum = (sum * 1e6).round() / 1e6;
            Number::from_f64(sum).map_or(Json::Null, Json::Number)
        }
    }
}

/// A text of about this many characters, or the shortest.
pub(super) fn text(schema: &Map<String, Json>) -> String {
    let length = |keyword: &str| schema.get(keyword).and_then(Json::as_u64);
    let least = length("minLength").unwrap_or(0).min(MAX_TEXT);
    if let Some(pattern) = schema.get("pattern").and_then(Json::as_str)
        && let Some(text) = matching(pattern, least)
    {
        return text;
    }
    let format = schema.get("format").and_then(Json::as_str);
    let formatted = FORMATS.iter().find(|(name, _)| format == Some(name));
    match formatted {
        Some((_, text)) => (*text).to_owned(),
        None => "x".repeat(usize::try_from(least.max(1)).unwrap_or(1)),
    }
}

/// A short text that a pattern matches, of at least so many characters where it can be.
pub(super) fn matching(pattern: &str, least: u64) -> Option<String> {
    let pattern = regex_syntax::parse(pattern).ok()?;
    let candidates = (0..=16).map(|extra| {
        let mut text = String::new();
        spell(&pattern, extra, &mut text);
        text
    });
    let long = |text: &String| text.chars().count() as u64 >= least;
    let mut candidates = candidates.skip_while(|text| !long(text));
    candidates.next()
}

/// Writes what a pattern matches, each repetition so many times more than it has to be.
fn spell(pattern: &Hir, extra: u32, into: &mut String) {
    if into.len() as u64 > MAX_TEXT {
        return;
    }
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => into.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            // Letters read better than what sorts before them.
            let mut starts = class.ranges().iter().map(|range| range.start());
            let letter = starts.clone().find(char::is_ascii_alphanumeric);
            into.extend(letter.or_else(|| starts.next()));
        }
        HirKind::Class(Class::Bytes(class)) => {
            into.extend(
                class
                    .ranges()
                    .first()
                    .map(|range| char::from(range.start())),
            );
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let times = repetition.min.saturating_add(extra).min(most).min(256);
            (0..times).for_each(|_| spell(&repetition.sub, extra, into));
        }
        HirKind::Capture(capture) => spell(&capture.sub, extra, into),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, extra, into)),
        HirKind::Alternation(parts) => {
            if let Some(first) = parts.first() {
                spell(first, extra, into);
            }
        }
    }
}

/// Levels of a schema that are looked into.
const MAX_DEPTH: usize = 12;
/// Values within one that is made up: schemas may refer to themselves.
const MAX_PARTS: usize = 500;
/// Items of a list that is made up.
const MAX_ITEMS: u64 = 100;
/// Characters of a text that is made up.
const MAX_TEXT: u64 = 10_000;

const FORMATS: [(&str, &str); 9] = [
    ("date", "2026-01-01"),
    ("date-time", "2026-01-01T00:00:00Z"),
    ("time", "00:00:00Z"),
    ("duration", "P1D"),
    ("email", "x@example.com"),
    ("uri", "https://example.com/"),
    ("uuid", "00000000-0000-0000-0000-000000000000"),
    ("ipv4", "192.0.2.1"),
    ("hostname", "example.com"),
];
