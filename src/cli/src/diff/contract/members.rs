//! What objects may hold.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{Comparison, Way};

impl Comparison<'_> {
    /// `properties`, `required` and `additionalProperties`.
    pub(super) fn properties(
        &mut self,
        old: &Map<String, Json>,
        new: &Map<String, Json>,
        at: &mut String,
        depth: usize,
    ) {
        let names = |schema: &Map<String, Json>| -> BTreeSet<String> {
            let names = schema.get("required").and_then(Json::as_array);
            let names = names.into_iter().flatten().filter_map(Json::as_str);
            names.map(str::to_owned).collect()
        };
        let (was, is) = (names(old), names(new));
        for name in was.symmetric_difference(&is) {
            let (way, verb) = match is.contains(name) {
                true => (Way::Narrowed, "is required"),
                false => (Way::Widened, "is not required any more"),
            };
            self.add(way, at, "required", format!("`{name}` {verb}"));
        }
        let properties = |schema: &Map<String, Json>| -> Map<String, Json> {
            let properties = schema.get("properties").and_then(Json::as_object);
            properties.cloned().unwrap_or_default()
        };
        let (was, is) = (properties(old), properties(new));
        let rest = |schema: &Map<String, Json>| {
            schema
                .get("additionalProperties")
                .cloned()
                .unwrap_or(Json::Bool(true))
        };
        let (closed, closes) = (
            rest(old) == Json::Bool(false),
            rest(new) == Json::Bool(false),
        );
        for (name, property) in &was {
            if is.contains_key(name) {
                continue;
            }
            let (way, message) = match closes {
                true => (Way::Narrowed, format!("`{name}` is gone")),
                false => (Way::Widened, format!("`{name}` is not described any more")),
            };
            if closes || *property != Json::Bool(true) {
                self.add(way, at, "properties", message);
            }
        }
        for (name, property) in &is {
            match was.get(name) {
                Some(before) => {
                    let length = at.len();
                    at.push_str("/properties/");
                    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.schema(before, property, at, depth);
                    at.truncate(length);
                }
                None if closed => {
                    self.add(Way::Widened, at, "properties", format!("`{name}` is new"));
                }
                // It could be anything before.
                None if *property == Json::Bool(true) => {}
                None => {
                    let message = format!("`{name}` is described now");
                    self.add(Way::Narrowed, at, "properties", message);
                }
            }
        }
        let (was, is) = (rest(old), rest(new));
        match (closed, closes) {
            (true, false) => {
                let message = "members that are not described are taken".to_owned();
                self.add(Way::Widened, at, "additionalProperties", message);
            }
            (false, true) => {
                let message = "members that are not described are refused".to_owned();
                self.add(Way::Narrowed, at, "additionalProperties", message);
            }
            _ => self.within(&was, &is, at, "additionalProperties", depth),
        }
    }
}
