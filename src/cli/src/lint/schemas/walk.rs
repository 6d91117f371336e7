//! Every schema within a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::lint::below;

/// A schema where it stands.
pub(super) struct Site<'s> {
    pub(super) schema: &'s Map<String, Value>,
    /// `registry[0]:tools[2].inputSchema/properties/a`.
    pub(super) path: String,
    /// The argument that it is about: the nearest property.
    pub(super) name: Option<&'s str>,
    /// Whether it is all that is said of a value.
    pub(super) is_whole: bool,
}

/// What a schema says of the values at its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    /// All there is.
    Whole,
    /// A part: others beside it say more.
    Part,
    /// A question, or the opposite.
    Other,
}

/// All schemas of a document. A definition counts where it is used.
pub(super) fn walk<'s>(root: &'s Value, at: &str) -> Vec<Site<'s>> {
    let mut walk = Walk {
        root,
        left: Vec::new(),
    };
    walk.add(root, String::new(), None, Share::Whole);
    let mut seen = BTreeSet::new();
    let mut sites = Vec::new();
    // References can lead further than the stack goes.
    while let Some((schema, pointer, name, share)) = walk.left.pop() {
        let fresh = seen.insert((pointer.clone(), share));
        if let (Some(schema), true) = (schema.as_object(), fresh) {
            walk.children(schema, &pointer, name, share);
            sites.push(Site {
                schema,
                path: format!("{at}{pointer}"),
                name,
                is_whole: share == Share::Whole,
            });
        }
    }
    sites
}

struct Walk<'s> {
    root: &'s Value,
    /// Schemas to look at: each with its JSON Pointer and the property that it is about.
    left: Vec<(&'s Value, String, Option<&'s str>, Share)>,
}

impl<'s> Walk<'s> {
    fn add(&mut self, schema: &'s Value, pointer: String, name: Option<&'s str>, share: Share) {
        self.left.push((schema, pointer, name, share));
    }

    fn children(
        &mut self,
        schema: &'s Map<String, Value>,
        pointer: &str,
        name: Option<&'s str>,
        share: Share,
    ) {
        let target = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|target| target.strip_prefix('#'))
            && let Some(found) = self.root.pointer(target)
        {
            self.add(found, target.to_owned(), name, share);
        }
        // A branch says all there is where nothing stands beside the branches.
        let alone = !["type", "properties", "$ref"]
            .into_iter()
            .any(|keyword| schema.contains_key(keyword));
        let branch = if alone { share } else { share.max(Share::Part) };
        for (keyword, value) in schema {
            let at = below(pointer, keyword);
            match (keyword.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(all)) => {
                    for (property, schema) in all {
                        let share = member(schema, share);
                        self.add(schema, below(&at, property), Some(property), share);
                    }
                }
                ("additionalProperties" | "unevaluatedProperties" | "items", _) => {
                    self.add(value, at, name, member(value, share));
                }
                ("prefixItems", Value::Array(all)) => self.each(all, &at, name, share),
                ("anyOf" | "oneOf", Value::Array(all)) => self.each(all, &at, name, branch),
                ("allOf", Value::Array(all)) if all.len() == 1 => {
                    self.each(all, &at, name, branch);
                }
                ("allOf", Value::Array(all)) => {
                    self.each(all, &at, name, share.max(Share::Part));
                }
                ("then" | "else", _) => self.add(value, at, name, share.max(Share::Part)),
                ("not" | "if" | "contains" | "propertyNames", _) => {
                    self.add(value, at, name, Share::Other);
                }
                ("$defs" | "definitions" | "dependentSchemas", Value::Object(all)) => {
                    for (key, schema) in all {
                        self.add(schema, below(&at, key), name, Share::Other);
                    }
                }
                _ => {}
            }
        }
    }

    fn each(&mut self, all: &'s [Value], at: &str, name: Option<&'s str>, share: Share) {
        for (place, schema) in all.iter().enumerate() {
            self.add(schema, below(at, &place.to_string()), name, share);
        }
    }
}

/// What a schema says of a member: all, where it is its type that is said.
fn member(schema: &Value, share: Share) -> Share {
    match share {
        Share::Part if schema.get("type").is_some() => Share::Whole,
        Share::Whole | Share::Part | Share::Other => share,
    }
}
