//! `x-toolgate-sensitive`: where a schema says that values are nobody else's business.
//!
//! Found are properties, items and alternatives, also behind references within the schema: what has
//! a place that can be told. An annotation anywhere else is a problem.

use std::collections::BTreeSet;

use serde_json::Value;

use super::headers::escape;
use crate::{json::Pointer, problem::Problem, redact::By};

/// Places in what a schema describes, each with how its value is taken out.
pub(super) type Places = Vec<(Pointer, By)>;

/// The annotations of a schema, and what is wrong with others.
pub(super) fn read(schema: &Value) -> (Places, Vec<Problem>) {
    let mut all = Vec::new();
    annotated(schema, String::new(), &mut all);
    if all.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut walk = Walk {
        root: schema,
        open: Vec::new(),
        seen: BTreeSet::new(),
        places: Vec::new(),
        problems: Vec::new(),
        fuel: MAX_STEPS,
    };
    walk.schema(schema, String::new(), &[]);
    let Walk {
        seen,
        places,
        mut problems,
        ..
    } = walk;
    let missed = all.into_iter().filter(|at| !seen.contains(at));
    problems.extend(missed.map(|at| {
        let message = "it stands where no place can be told";
        let help = "annotate properties and items, or let a rule `find` the kind of value";
        Problem::new(format!("{at}/{KEYWORD}"), message).help(help)
    }));
    (places, problems)
}

/// Every subschema that has the annotation, as a JSON Pointer; examples and constants are none.
fn annotated(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if !VALUES.contains(&name.as_str()) {
                    annotated(value, format!("{at}/{}", escape(name)), found);
                }
            }
            if members.contains_key(KEYWORD) && !at.ends_with("/properties") {
                found.push(at);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                annotated(item, format!("{at}/{place}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Walk<'a> {
    root: &'a Value,
    /// References on the way here.
    open: Vec<&'a str>,
    /// Annotated subschemas that were met.
    seen: BTreeSet<String>,
    places: Places,
    problems: Vec<Problem>,
    fuel: usize,
}

impl<'a> Walk<'a> {
    /// A subschema at `at`, of what is at `place`.
    fn schema(&mut self, schema: &'a Value, at: String, place: &[&str]) {
        let Value::Object(keywords) = schema else {
            return;
        };
        let Some(fuel) = self.fuel.checked_sub(1) else {
            return;
        };
        self.fuel = fuel;
        if let Some(written) = keywords.get(KEYWORD) {
            self.annotation(written, &at, place);
        }
        for (keyword, value) in keywords {
            let at = format!("{at}/{}", escape(keyword));
            let below = |part: &'a str| [place, &[part]].concat();
            match (keyword.as_str(), value) {
                ("$ref", Value::String(reference)) => self.reference(reference, place),
                ("properties", Value::Object(properties)) => {
                    for (name, property) in properties {
                        let at = format!("{at}/{}", escape(name));
                        self.schema(property, at, &below(name));
                    }
                }
                ("items", Value::Object(_)) => self.schema(value, at, &below("*")),
                ("additionalProperties", Value::Object(_))
                    if !keywords.contains_key("properties") =>
                {
                    self.schema(value, at, &below("*"));
                }
                ("prefixItems" | "items", Value::Array(items)) => {
                    for (i, item) in items.iter().enumerate() {
                        let i = i.to_string();
                        self.schema(item, format!("{at}/{i}"), &[place, &[&i]].concat());
                    }
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    for (i, schema) in schemas.iter().enumerate() {
                        self.schema(schema, format!("{at}/{i}"), place);
                    }
                }
                ("then" | "else", _) => self.schema(value, at, place),
                _ => {}
            }
        }
    }

    /// Follows a reference within the schema; what refers to itself has no end of places.
    fn reference(&mut self, reference: &'a str, place: &[&str]) {
        let Some(at) = reference.strip_prefix('#') else {
            return;
        };
        let Some(target) = self.root.pointer(at) else {
            return;
        };
        if self.open.contains(&at) {
            let mut within = Vec::new();
            annotated(target, at.to_owned(), &mut within);
            for at in within {
                let message = "the schema refers to itself: there is no end of places";
                let problem = Problem::new(format!("{at}/{KEYWORD}"), message);
                if !self.problems.contains(&problem) {
                    let help = "let a rule `find` the kind of value";
                    self.problems.push(problem.help(help));
                }
            }
            return;
        }
        self.open.push(at);
        self.schema(target, at.to_owned(), place);
        self.open.pop();
    }

    fn annotation(&mut self, written: &Value, at: &str, place: &[&str]) {
        self.seen.insert(at.to_owned());
        let by = match written {
            Value::Bool(true) => Some(By::Mask),
            Value::String(by) => By::ALL.into_iter().find(|known| known.as_str() == by),
            _ => None,
        };
        let wrong = match (by, place) {
            (None, _) => "expected `true`, `mask`, `hash`, `drop` or `block`",
            (Some(_), []) => "the value as a whole has no place: annotate what is in it",
            (Some(by), _) => {
                let place = Pointer::new(place.iter().map(|part| (*part).to_owned()));
                self.places.push((place, by));
                return;
            }
        };
        let problem = Problem::new(format!("{at}/{KEYWORD}"), wrong);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

const KEYWORD: &str = "x-toolgate-sensitive";

/// Keywords that hold values, not schemas.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// Subschemas that are looked at, references followed: what is annotated beyond has been missed.
const MAX_STEPS: usize = 10_000;
