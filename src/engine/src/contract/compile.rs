//! From the keywords of a schema to a program.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{
    assertion::{Assertion, Limit, Measure, Options, Types},
    format,
    headers::escape,
    keyword::Draft,
    pattern::Pattern,
    program::{Dependent, Id, Keyword, Part, Program, Rule},
    reference::{Site, Sites, Target},
};
use crate::problem::Problem;

/// Compiles a schema.
///
/// # Errors
/// Everything that keeps it from meaning something.
pub(super) fn compile(schema: &Value) -> Result<Program, Vec<Problem>> {
    let mut compiler = Compiler {
        sites: Sites::new(schema).map_err(|problem| vec![problem])?,
        names: BTreeMap::new(),
        shared: Vec::new(),
    };
    let mut parts = Vec::new();
    // A reference may lead to where no keyword is known to hold a schema, and add to the list.
    while let Some(site) = compiler.sites.list.get(parts.len()).cloned() {
        parts.push(compiler.part(site));
    }
    for id in compiler.shared {
        if let Some(part) = parts.get_mut(id) {
            part.shared = true;
        }
    }
    let anchors = compiler.sites.dynamic_anchors();
    let names = &compiler.names;
    let anchors = anchors
        .filter_map(|(resource, name, id)| Some(((resource, *names.get(name)?), id)))
        .collect();
    let mut problems = compiler.sites.problems;
    if problems.is_empty() {
        return Ok(Program { parts, anchors });
    }
    problems.sort_by(|one, other| one.path.cmp(&other.path));
    Err(problems)
}

struct Compiler<'a> {
    sites: Sites<'a>,
    /// Dynamic anchors that are referred to, numbered.
    names: BTreeMap<String, usize>,
    shared: Vec<Id>,
}

/// One subschema on its way.
struct Source<'a> {
    draft: Draft,
    resource: usize,
    at: String,
    keywords: &'a Map<String, Value>,
}

impl<'a> Compiler<'a> {
    fn part(&mut self, site: Site<'a>) -> Part {
        let mut part = Part {
            at: site.at.clone(),
            resource: site.resource,
            ..Part::default()
        };
        let Value::Object(keywords) = site.value else {
            if site.value == &Value::Bool(false) {
                let rule = Rule::Assert(Assertion::Never);
                part.keywords.push(Keyword {
                    name: "false",
                    rule,
                });
            }
            return part;
        };
        let Some(resource) = self.sites.resources.get(site.resource) else {
            return part;
        };
        let source = Source {
            draft: resource.draft,
            resource: site.resource,
            at: site.at,
            keywords,
        };
        part.mirrored = keywords.contains_key("x-mcp-header");
        let alone = source.draft.ref_stands_alone() && keywords.contains_key("$ref");
        let known = |(name, value)| {
            let rank = NAMES.iter().position(|known| known == name)?;
            Some((rank, *NAMES.get(rank)?, value))
        };
        let mut known: Vec<_> = keywords.iter().filter_map(known).collect();
        known.retain(|(_, name, _)| !alone || *name == "$ref");
        known.sort_unstable_by_key(|(rank, ..)| *rank);
        for (_, name, value) in known {
            if let Some(rule) = self.rule(&source, name, value) {
                part.looks_back |= matches!(
                    rule,
                    Rule::UnevaluatedItems(_) | Rule::UnevaluatedProperties(_)
                );
                part.keywords.push(Keyword { name, rule });
            }
        }
        part
    }

    /// What a keyword says; nothing where it has no say here, or is misused.
    fn rule(&mut self, source: &Source<'a>, name: &str, value: &'a Value) -> Option<Rule> {
        let draft = source.draft;
        let modern = draft >= Draft::Draft2019;
        Some(match name {
            "allOf" => Rule::AllOf(self.list(value)),
            "anyOf" => Rule::AnyOf(self.list(value)),
            "oneOf" => Rule::OneOf(self.list(value)),
            "not" => Rule::Not(self.sites.id(value)?),
            "if" if draft >= Draft::Draft7 => Rule::If {
                test: self.sites.id(value)?,
                then: self.beside(source, "then"),
                otherwise: self.beside(source, "else"),
            },
            "$ref" => self.reference(source, name, value.as_str()?)?,
            "$dynamicRef" if draft == Draft::Draft2020 => {
                self.reference(source, name, value.as_str()?)?
            }
            "$recursiveRef" if draft == Draft::Draft2019 => {
                let target = self.sites.recursive(source.resource)?;
                self.dynamic(target)
            }
            "required" => Rule::Required(texts(value)),
            "dependentRequired" | "dependentSchemas" if modern => self.dependent(value)?,
            // What 2019-09 split in two.
            "dependencies" => self.dependent(value)?,
            "properties" | "patternProperties" | "additionalProperties" => {
                return self.members(source, name);
            }
            "propertyNames" if draft >= Draft::Draft6 => Rule::PropertyNames(self.sites.id(value)?),
            "prefixItems" | "items" | "additionalItems" => return self.items(source, name),
            "contains" if draft >= Draft::Draft6 => {
                let limit = |name: &str| {
                    source
                        .keywords
                        .get(name)
                        .filter(|_| modern)
                        .and_then(number)
                };
                let least = Limit::Least(limit("minContains").unwrap_or(1));
                let most = limit("maxContains").map(Limit::Most);
                Rule::Contains {
                    item: self.sites.id(value)?,
                    limits: [Some(least), most].into_iter().flatten().collect(),
                    evaluates: draft == Draft::Draft2020,
                }
            }
            "unevaluatedItems" if modern => Rule::UnevaluatedItems(self.sites.id(value)?),
            "unevaluatedProperties" if modern => Rule::UnevaluatedProperties(self.sites.id(value)?),
            _ => Rule::Assert(self.assertion(source, name, value)?),
        })
    }

    fn assertion(&mut self, source: &Source<'_>, name: &str, value: &Value) -> Option<Assertion> {
        let draft4 = source.draft == Draft::Draft4;
        let strict =
            |keyword: &str| draft4 && source.keywords.get(keyword) == Some(&Value::Bool(true));
        let bound = |side| {
            value
                .is_number()
                .then(|| Assertion::Bound(side, value.to_string()))
        };
        let size = |measure, limit: fn(u64) -> Limit| {
            Some(Assertion::Size(measure, limit(number(value)?)))
        };
        match name {
            "type" => Some(Assertion::Type(Types::read(value))),
            "const" if !draft4 => Some(Assertion::Among(Options::new(vec![value.clone()]))),
            "enum" => Some(Assertion::Among(Options::new(value.as_array()?.clone()))),
            "minimum" if strict("exclusiveMinimum") => bound(Ordering::is_gt),
            "maximum" if strict("exclusiveMaximum") => bound(Ordering::is_lt),
            "minimum" => bound(Ordering::is_ge),
            "maximum" => bound(Ordering::is_le),
            "exclusiveMinimum" => bound(Ordering::is_gt),
            "exclusiveMaximum" => bound(Ordering::is_lt),
            "multipleOf" => value
                .is_number()
                .then(|| Assertion::MultipleOf(value.to_string())),
            "minLength" => size(Measure::Characters, Limit::Least),
            "maxLength" => size(Measure::Characters, Limit::Most),
            "minItems" => size(Measure::Items, Limit::Least),
            "maxItems" => size(Measure::Items, Limit::Most),
            "minProperties" => size(Measure::Members, Limit::Least),
            "maxProperties" => size(Measure::Members, Limit::Most),
            "uniqueItems" => (value == true).then_some(Assertion::Unique),
            "pattern" => {
                let at = format!("{}/pattern", source.at);
                Some(Assertion::Pattern(self.pattern(value.as_str()?, at)?))
            }
            "format" => {
                let name = value.as_str()?;
                Some(Assertion::Format(format::named(name)?, name.to_owned()))
            }
            _ => None,
        }
    }

    fn pattern(&mut self, pattern: &str, at: String) -> Option<Pattern> {
        let compiled = Pattern::new(pattern);
        if compiled.is_none() {
            let message = "is not a regular expression, or not one that matches in linear time";
            self.sites.problems.push(Problem::new(at, message));
        }
        compiled
    }

    fn reference(&mut self, source: &Source<'_>, name: &str, reference: &str) -> Option<Rule> {
        match self.sites.resolve(source.resource, reference) {
            Ok(target) if name == "$dynamicRef" => Some(self.dynamic(target)),
            Ok(target) => {
                self.shared.push(target.id);
                Some(Rule::Ref(target.id))
            }
            Err(why) => {
                let message = format!("`{reference}` {why}");
                let at = format!("{}/{name}", source.at);
                self.sites.problems.push(Problem::new(at, message));
                None
            }
        }
    }

    fn dynamic(&mut self, target: Target) -> Rule {
        self.shared.push(target.id);
        let Some(name) = target.dynamic else {
            return Rule::Ref(target.id);
        };
        let next = self.names.len();
        Rule::DynamicRef(target.id, *self.names.entry(name).or_insert(next))
    }

    /// `properties`, `patternProperties` and `additionalProperties` as one, at the last of them.
    fn members(&mut self, source: &Source<'a>, name: &str) -> Option<Rule> {
        let keywords = source.keywords;
        let last = ["additionalProperties", "patternProperties", "properties"];
        if last.into_iter().find(|name| keywords.contains_key(*name)) != Some(name) {
            return None;
        }
        let mut patterns = Vec::new();
        if let Some(value) = keywords.get("patternProperties") {
            for (pattern, id) in self.named(value).collect::<Vec<_>>() {
                let at = format!("{}/patternProperties/{}", source.at, escape(&pattern));
                patterns.extend(self.pattern(&pattern, at).map(|pattern| (pattern, id)));
            }
        }
        let named = keywords.get("properties");
        Some(Rule::Members {
            named: named
                .map(|value| self.named(value).collect())
                .unwrap_or_default(),
            patterns,
            rest: self.beside(source, "additionalProperties"),
        })
    }

    /// `prefixItems`, `items` and `additionalItems` as one, at the last of them.
    fn items(&self, source: &Source<'a>, name: &str) -> Option<Rule> {
        let keywords = source.keywords;
        let list = keywords.get("items").filter(|items| items.is_array());
        let (prefix, rest) = match list {
            _ if source.draft == Draft::Draft2020 => (keywords.get("prefixItems"), "items"),
            Some(list) => (Some(list), "additionalItems"),
            None => (None, "items"),
        };
        let last = if keywords.contains_key(rest) {
            rest
        } else if list.is_some() {
            "items"
        } else {
            "prefixItems"
        };
        if name != last {
            return None;
        }
        Some(Rule::Items {
            prefix: prefix.map(|value| self.list(value)).unwrap_or_default(),
            rest: self.beside(source, rest),
        })
    }

    fn dependent(&self, value: &'a Value) -> Option<Rule> {
        let dependent = |(on, value): (&String, &'a Value)| Dependent {
            on: on.clone(),
            required: texts(value),
            schema: self.sites.id(value),
        };
        Some(Rule::Dependent(
            value.as_object()?.iter().map(dependent).collect(),
        ))
    }

    /// The subschema of a keyword.
    fn beside(&self, source: &Source<'a>, name: &str) -> Option<Id> {
        self.sites.id(source.keywords.get(name)?)
    }

    fn list(&self, value: &'a Value) -> Vec<Id> {
        let values = value.as_array().into_iter().flatten();
        values.filter_map(|value| self.sites.id(value)).collect()
    }

    fn named(&self, value: &'a Value) -> impl Iterator<Item = (String, Id)> {
        let values = value.as_object().into_iter().flatten();
        values.filter_map(|(name, value)| Some((name.clone(), self.sites.id(value)?)))
    }
}

fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// A count; a misused one has been told.
fn number(value: &Value) -> Option<u64> {
    let double = || value.as_f64().map(|number| number as u64);
    value.as_u64().or_else(double)
}

/// Keywords that judge, in the order in which they do: what is cheap comes first, what looks at what
/// others left comes last.
const NAMES: [&str; 39] = [
    "type",
    "const",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "pattern",
    "format",
    "uniqueItems",
    "dependentRequired",
    "propertyNames",
    "properties",
    "patternProperties",
    "additionalProperties",
    "prefixItems",
    "items",
    "additionalItems",
    "contains",
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "dependencies",
    "dependentSchemas",
    "if",
    "not",
    "anyOf",
    "oneOf",
    "unevaluatedItems",
    "unevaluatedProperties",
];
