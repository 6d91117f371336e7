//! Every schema within a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A schema where it stands.
pub(super) struct Site<'s> {
    pub(super) schema: &'s Map<String, Value>,
    /// `registry[0]:tools[2].inputSchema/properties/a`.
    pub(super) path: String,
    /// The argument that it is about: the nearest property.
    pub(super) name: Option<&'s str>,
    /// Whether values are held to it alone: not to a part of what another schema says, nor to its
    /// opposite.
    pub(super) judged: bool,
}

/// All schemas of a document, from the top down. A definition counts where it is used first.
pub(super) fn walk<'s>(root: &'s Value, at: &str) -> Vec<Site<'s>> {
    let mut walk = Walk {
        root,
        at,
        seen: BTreeSet::new(),
        sites: Vec::new(),
    };
    walk.visit(root, String::new(), None, true);
    walk.sites
}

struct Walk<'s, 'a> {
    root: &'s Value,
    at: &'a str,
    /// Pointers of schemas, and whether they were judged there.
    seen: BTreeSet<(String, bool)>,
    sites: Vec<Site<'s>>,
}

impl<'s> Walk<'s, '_> {
    fn visit(&mut self, schema: &'s Value, pointer: String, name: Option<&'s str>, judged: bool) {
        let Some(members) = schema.as_object() else {
            return;
        };
        if !self.seen.insert((pointer.clone(), judged)) {
            return;
        }
        if !judged && self.seen.contains(&(pointer.clone(), true)) {
            return;
        }
        let below =
            |step: &str| format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
        let target = members.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|target| target.strip_prefix('#'))
            && let Some(schema) = self.root.pointer(target)
        {
            self.visit(schema, target.to_owned(), name, judged);
        }
        for (keyword, value) in members {
            let within = below(keyword);
            // A part of what another schema says says nothing by itself, unless it is all of it.
            let alone = !["type", "properties", "$ref"]
                .iter()
                .any(|keyword| members.contains_key(*keyword));
            match (keyword.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(all)) => {
                    for (property, schema) in all {
                        let within =
                            format!("{within}{}", below(property).replacen(&pointer, "", 1));
                        self.visit(schema, within, Some(property), true);
                    }
                }
                ("additionalProperties" | "unevaluatedProperties" | "items", _) => {
                    self.visit(value, within, name, true);
                }
                ("prefixItems", Value::Array(all)) => self.each(all, &within, name, true),
                ("anyOf" | "oneOf", Value::Array(all)) => {
                    self.each(all, &within, name, judged && alone);
                }
                ("allOf", Value::Array(all)) => {
                    let only = judged && alone && all.len() == 1;
                    self.each(all, &within, name, only);
                }
                ("not" | "if" | "then" | "else" | "contains" | "propertyNames", _) => {
                    self.visit(value, within, name, false);
                }
                ("$defs" | "definitions" | "dependentSchemas", Value::Object(all)) => {
                    for (key, schema) in all {
                        let within = format!("{within}{}", below(key).replacen(&pointer, "", 1));
                        self.visit(schema, within, name, false);
                    }
                }
                _ => {}
            }
        }
        self.sites.push(Site {
            schema: members,
            path: format!("{}{pointer}", self.at),
            name,
            judged,
        });
    }

    fn each(&mut self, all: &'s [Value], within: &str, name: Option<&'s str>, judged: bool) {
        for (place, schema) in all.iter().enumerate() {
            self.visit(schema, format!("{within}/{place}"), name, judged);
        }
    }
}
