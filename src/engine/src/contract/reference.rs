//! Where the subschemas of a schema are, and where its references lead: never out of it.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::{
    headers::escape,
    keyword::{self, Draft},
    program::Id,
    uri,
};
use crate::problem::Problem;

/// All subschemas of a schema, itself the first.
pub(super) struct Sites<'a> {
    pub(super) list: Vec<Site<'a>>,
    pub(super) resources: Vec<Resource<'a>>,
    /// What is wrong with keywords on the way.
    pub(super) problems: Vec<Problem>,
    /// Resources by their URI.
    uris: BTreeMap<String, usize>,
    /// Subschemas by the address of their value.
    known: BTreeMap<usize, Id>,
    /// By resource and name; `$recursiveAnchor` has no name.
    anchors: BTreeMap<(usize, &'a str), Id>,
    dynamic: BTreeMap<(usize, &'a str), Id>,
}

/// One subschema.
#[derive(Clone)]
pub(super) struct Site<'a> {
    pub(super) value: &'a Value,
    pub(super) resource: usize,
    /// JSON Pointer.
    pub(super) at: String,
}

/// A schema with a URI of its own, and what lies in it.
pub(super) struct Resource<'a> {
    uri: String,
    root: &'a Value,
    pub(super) draft: Draft,
}

/// Where a reference leads.
pub(super) struct Target {
    pub(super) id: Id,
    /// The name of the dynamic anchor that it found there.
    pub(super) dynamic: Option<String>,
}

impl<'a> Sites<'a> {
    /// # Errors
    /// The dialect is not known.
    pub(super) fn new(schema: &'a Value) -> Result<Self, Problem> {
        let draft = match schema.get("$schema").and_then(Value::as_str) {
            Some(name) => Draft::named(name).ok_or_else(|| {
                Problem::new("/$schema", UNKNOWN_DIALECT).help("leave `$schema` out for 2020-12")
            })?,
            None => Draft::Draft2020,
        };
        let mut sites = Self {
            list: Vec::new(),
            resources: vec![Resource {
                uri: BASE.to_owned(),
                root: schema,
                draft,
            }],
            problems: Vec::new(),
            uris: BTreeMap::from([(BASE.to_owned(), 0)]),
            known: BTreeMap::new(),
            anchors: BTreeMap::new(),
            dynamic: BTreeMap::new(),
        };
        sites.add(schema, 0, String::new());
        sites.follow(0);
        Ok(sites)
    }

    /// The subschema at a place of the source.
    pub(super) fn id(&self, value: &'a Value) -> Option<Id> {
        self.known.get(&address(value)).copied()
    }

    /// Dynamic anchors: resource, name and subschema.
    pub(super) fn dynamic_anchors(&self) -> impl Iterator<Item = (usize, &'a str, Id)> {
        self.dynamic
            .iter()
            .map(|((resource, name), id)| (*resource, *name, *id))
    }

    /// Where a reference in `resource` leads.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub(super) fn resolve(
        &mut self,
        resource: usize,
        reference: &str,
    ) -> Result<Target, &'static str> {
        let (document, fragment) = uri::cut_fragment(reference);
        let document = uri::resolve(self.base(resource), document);
        let found = self.uris.get(&document).copied();
        let Some((resource, root)) = found.and_then(|at| Some((at, self.resources.get(at)?.root)))
        else {
            return Err("is outside of the schema, and nothing is fetched");
        };
        let fragment = uri::decode(fragment).ok_or(NOWHERE)?;
        if fragment.is_empty() || fragment.starts_with('/') {
            let id = self.point(resource, root, &fragment).ok_or(NOWHERE)?;
            return Ok(Target { id, dynamic: None });
        }
        let at = (resource, fragment.as_str());
        let id = self.anchors.get(&at).copied().ok_or(NOWHERE)?;
        let dynamic = self.dynamic.contains_key(&at);
        Ok(Target {
            id,
            dynamic: dynamic.then_some(fragment),
        })
    }

    /// Where `$recursiveRef` leads before it looks around.
    pub(super) fn recursive(&self, resource: usize) -> Option<Target> {
        let root = self.resources.get(resource)?.root;
        let dynamic = self.dynamic.contains_key(&(resource, "")).then(String::new);
        Some(Target {
            id: self.id(root)?,
            dynamic,
        })
    }

    /// Follows a JSON Pointer, also to where no keyword is known to hold a schema.
    fn point(&mut self, mut resource: usize, root: &'a Value, pointer: &str) -> Option<Id> {
        let mut at = self
            .site(root)
            .map(|site| site.at.clone())
            .unwrap_or_default();
        let mut value = root;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            value = match value {
                Value::Object(members) => members.get(&name)?,
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
            };
            at = format!("{at}/{}", escape(&name));
            if let Some(site) = self.site(value) {
                resource = site.resource;
            }
        }
        let from = self.list.len();
        let id = self.add(value, resource, at);
        self.follow(from);
        Some(id)
    }

    fn base(&self, resource: usize) -> &str {
        self.resources
            .get(resource)
            .map_or(BASE, |resource| &resource.uri)
    }

    fn site(&self, value: &'a Value) -> Option<&Site<'a>> {
        self.list.get(self.id(value)?)
    }

    fn add(&mut self, value: &'a Value, resource: usize, at: String) -> Id {
        let next = self.list.len();
        let id = *self.known.entry(address(value)).or_insert(next);
        if id == next {
            self.list.push(Site {
                value,
                resource,
                at,
            });
        }
        id
    }

    /// Finds what lies within the sites from the given one on.
    fn follow(&mut self, mut id: Id) {
        while let Some(site) = self.list.get(id).cloned() {
            match site.value {
                Value::Object(keywords) => self.read(id, site, keywords),
                Value::Bool(_) => {}
                Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    let problem = Problem::new(site.at, "must be of type boolean or object");
                    self.problems.push(problem);
                }
            }
            id += 1;
        }
    }

    fn read(&mut self, id: Id, site: Site<'a>, keywords: &'a Map<String, Value>) {
        let at = site.at.clone();
        let resource = self.identify(id, site, keywords);
        let Some(draft) = self.resources.get(resource).map(|resource| resource.draft) else {
            return;
        };
        let name = |keyword: &str, drafts: RangeInclusive<Draft>| {
            let name = keywords.get(keyword).filter(|_| drafts.contains(&draft));
            name.and_then(Value::as_str)
        };
        let anchor = name("$anchor", Draft::Draft2019..=Draft::Draft2020);
        let dynamic = name("$dynamicAnchor", Draft::Draft2020..=Draft::Draft2020);
        let recursive = keywords.get("$recursiveAnchor") == Some(&Value::Bool(true));
        let recursive = (recursive && draft == Draft::Draft2019).then_some("");
        self.anchors.extend(
            anchor
                .into_iter()
                .chain(dynamic)
                .map(|name| ((resource, name), id)),
        );
        self.dynamic.extend(
            dynamic
                .into_iter()
                .chain(recursive)
                .map(|name| ((resource, name), id)),
        );
        for (keyword, value) in keywords {
            let Some(shape) = keyword::shape(draft, keyword) else {
                continue;
            };
            for problem in keyword::misuses(shape, value) {
                let problem = problem.below(&format!("{at}/{keyword}"));
                self.problems.push(problem);
            }
            for (below, value) in keyword::subschemas(shape, value) {
                self.add(value, resource, format!("{at}/{keyword}{below}"));
            }
        }
    }

    /// The resource that a site belongs to: its own, where it names itself.
    fn identify(&mut self, id: Id, site: Site<'a>, keywords: &'a Map<String, Value>) -> usize {
        let mut resource = site.resource;
        let Some(mut draft) = self.resources.get(resource).map(|resource| resource.draft) else {
            return resource;
        };
        let text = |keyword: &str| keywords.get(keyword).and_then(Value::as_str);
        let hidden = draft.ref_stands_alone() && keywords.contains_key("$ref");
        let keyword = draft.id_keyword();
        let Some(name) = text(keyword).filter(|_| !hidden) else {
            return resource;
        };
        let mut wrong = |keyword: &str, message: String| {
            let path = format!("{}/{keyword}", site.at);
            self.problems.push(Problem::new(path, message));
        };
        let (document, fragment) = uri::cut_fragment(name);
        if !fragment.is_empty() && !draft.ref_stands_alone() {
            wrong(
                keyword,
                "must have no fragment: `$anchor` names a part of a schema".to_owned(),
            );
        }
        if !document.is_empty() {
            match text("$schema").map(Draft::named) {
                Some(Some(named)) => draft = named,
                Some(None) => wrong("$schema", UNKNOWN_DIALECT.to_owned()),
                None => {}
            }
            let uri = uri::resolve(self.base(resource), document);
            resource = if id == 0 { 0 } else { self.resources.len() };
            let known = self.uris.insert(uri.clone(), resource);
            if known.is_some_and(|known| known != resource) {
                let path = format!("{}/{keyword}", site.at);
                self.problems
                    .push(Problem::new(path, format!("`{name}` is used twice")));
            }
            self.resources.truncate(resource);
            self.resources.push(Resource {
                uri,
                root: site.value,
                draft,
            });
            if let Some(site) = self.list.get_mut(id) {
                site.resource = resource;
            }
        }
        if !fragment.is_empty() && draft.ref_stands_alone() {
            self.anchors.insert((resource, fragment), id);
        }
        resource
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

/// The schema's URI where it states none.
const BASE: &str = "json-schema:///contract";

const NOWHERE: &str = "leads nowhere";

const UNKNOWN_DIALECT: &str = "is not a known dialect of JSON Schema";
