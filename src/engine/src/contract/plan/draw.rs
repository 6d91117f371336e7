//! Reads the keywords of a schema into the parts of a plan.

use std::collections::BTreeMap;

use jsonschema::{Registry, Uri};
use serde_json::Value;

use super::{
    super::{headers::escape, pattern},
    Part, SHARE,
};

/// The parts of a schema that compiles, itself the first.
pub(super) fn draw(registry: &Registry<'_>, base: Uri<String>, source: &Value) -> Vec<Part> {
    let mut drawing = Drawing {
        registry,
        parts: Vec::new(),
        known: BTreeMap::new(),
        open: Vec::new(),
    };
    drawing.part(source, &base, String::new);
    while let Some((id, value, base)) = drawing.open.pop() {
        drawing.read(id, value, base);
    }
    drawing.parts
}

/// A plan being drawn.
struct Drawing<'a, 'r> {
    registry: &'a Registry<'r>,
    parts: Vec<Part>,
    /// Parts by the address of their value.
    known: BTreeMap<usize, usize>,
    open: Vec<(usize, &'a Value, Uri<String>)>,
}

impl<'a> Drawing<'a, '_> {
    /// The part of a subschema, to be read later where it is new.
    fn part(&mut self, value: &'a Value, base: &Uri<String>, at: impl FnOnce() -> String) -> usize {
        let address = std::ptr::from_ref(value) as usize;
        if let Some(id) = self.known.get(&address) {
            return *id;
        }
        let id = self.parts.len();
        self.parts.push(Part {
            at: at(),
            ..Part::default()
        });
        self.known.insert(address, id);
        self.open.push((id, value, base.clone()));
        id
    }

    fn read(&mut self, id: usize, value: &'a Value, mut base: Uri<String>) {
        let at = self
            .parts
            .get(id)
            .map(|part| part.at.clone())
            .unwrap_or_default();
        let mut part = Part {
            cost: 1,
            ..Part::default()
        };
        let Value::Object(keywords) = value else {
            part.at = at;
            self.put(id, part);
            return;
        };
        if let Some(own) = keywords.get("$id").and_then(Value::as_str)
            && let Ok(own) = self.registry.resolve_uri(&base.borrow(), own)
        {
            base = (*own).clone();
        }
        for (keyword, value) in keywords {
            part.cost += 1;
            let child = || format!("{at}/{keyword}");
            match keyword.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    if let Some(to) = value.as_str().and_then(|to| self.target(&base, to)) {
                        part.here.push(to);
                    }
                }
                "not" | "if" | "then" | "else" => part.here.push(self.part(value, &base, child)),
                "allOf" => part.here.extend(self.list(value, &base, child)),
                "anyOf" | "oneOf" => part.forms.extend(self.list(value, &base, child)),
                "dependentSchemas" | "dependencies" => {
                    part.here
                        .extend(self.named(value, &base, child).into_values());
                }
                "properties" => part.members = self.named(value, &base, child),
                "patternProperties" => {
                    let found = self.named(value, &base, child);
                    part.text += found.keys().map(|p| text_cost(p)).sum::<u64>();
                    part.patterns = found.into_values().collect();
                }
                "additionalProperties" | "unevaluatedProperties" => {
                    part.others.push(self.part(value, &base, child));
                }
                "propertyNames" => part.names.push(self.part(value, &base, child)),
                "prefixItems" => part.prefix = self.list(value, &base, child),
                "items" if value.is_array() => part.prefix = self.list(value, &base, child),
                "items" | "contains" | "unevaluatedItems" | "additionalItems" => {
                    part.items.push(self.part(value, &base, child));
                }
                "enum" | "const" => part.cost += comparison(value),
                "pattern" => part.text += value.as_str().map_or(0, text_cost),
                "format" if value == "regex" => part.text += REGEX_FORMAT,
                "multipleOf" => part.multiple = true,
                "uniqueItems" => part.unique = value == true,
                "x-mcp-header" => part.mirrored = true,
                _ => {}
            }
        }
        // What is left unevaluated is found by judging the rest a second time.
        if keywords.contains_key("unevaluatedProperties")
            || keywords.contains_key("unevaluatedItems")
        {
            part.here.extend_from_within(..);
            part.forms.extend_from_within(..);
        }
        part.at = at;
        self.put(id, part);
    }

    fn put(&mut self, id: usize, part: Part) {
        if let Some(slot) = self.parts.get_mut(id) {
            *slot = part;
        }
    }

    /// What a reference leads to; nothing where it leads nowhere, which does not compile.
    fn target(&mut self, base: &Uri<String>, to: &str) -> Option<usize> {
        let found = self.registry.resolver(base.clone());
        let found = found.lookup(to).ok()?;
        let base = found.resolver().base_uri();
        Some(self.part(found.contents(), &base, || {
            to.trim_start_matches('#').to_owned()
        }))
    }

    fn list(
        &mut self,
        value: &'a Value,
        base: &Uri<String>,
        at: impl Fn() -> String,
    ) -> Vec<usize> {
        let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let part = |(index, value)| self.part(value, base, || format!("{}/{index}", at()));
        values.iter().enumerate().map(part).collect()
    }

    fn named(
        &mut self,
        value: &'a Value,
        base: &Uri<String>,
        at: impl Fn() -> String,
    ) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for (name, value) in value.as_object().into_iter().flatten() {
            // Before 2019-09, `dependencies` also held lists of names.
            if !value.is_array() {
                let part = self.part(value, base, || format!("{}/{}", at(), escape(name)));
                found.insert(name.clone(), part);
            }
        }
        found
    }
}

/// Steps of comparing a value with those of `enum` or `const`.
fn comparison(options: &Value) -> u64 {
    match options {
        // Found by hashing, or by comparing words.
        Value::Array(options) if !options.iter().any(|o| o.is_array() || o.is_object()) => {
            options.len() as u64 / 32
        }
        Value::Array(options) => options.iter().map(comparison).sum::<u64>(),
        Value::Object(members) => 4 + members.values().map(comparison).sum::<u64>() * 4,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// Steps of a pattern for each byte.
fn text_cost(pattern: &str) -> u64 {
    SHARE / 2 + pattern::weight(pattern).saturating_mul(SHARE)
}

/// Text cost of checking that a text is a regular expression.
const REGEX_FORMAT: u64 = 8 * SHARE;
