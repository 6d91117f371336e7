//! Everything that one filter governs by: one registry and policy, or those of each tenant.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use engine::{
    config::{self, Bundle, OneOrMany, Provenance, Tenant, Tenants},
    gateway,
    policy::Policy,
    problem::Problem,
    tenancy::Tenancy,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::Value;

use super::{Files, Loaded, commit};
use crate::{
    report::{Finding, Findings},
    source::Source,
};

/// The files that a gateway is made of.
#[derive(clap::Args, Clone, Default)]
#[command(
    mut_arg("registry", |registry| registry.required_unless_present("tenants")),
    mut_arg("policy", |policy| policy.required_unless_present("tenants")),
)]
pub(crate) struct Given {
    #[command(flatten)]
    files: Files,
    /// A list of tenants who share the filter, YAML or JSON: each with files of its own.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["registry", "policy", "bundle"])]
    tenants: Option<PathBuf>,
}

/// Everything that one filter governs by, as it was read.
pub(crate) struct Gateway {
    /// What governs all, or one for each tenant.
    pub(crate) parts: Vec<Loaded>,
    /// Who they are, and where that is written.
    list: Option<(Source, Tenants)>,
}

/// A list of tenants who share a filter, and nothing else.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct List {
    /// The tenants. No request may be two tenants'.
    tenants: Vec<Written>,
}

/// A tenant, with its files: registry and policy files, or a bundle.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["id"]))]
struct Written {
    /// Its name: the fact `tenant` of all its callers. Letters, digits, `-`, `_`, `.`.
    id: String,
    /// The hosts that are its own, `a.example.com` or `*.example.com`. Without it, all.
    hosts: Vec<String>,
    /// The path that is its own, with all below it: `/a`. Its servers are there: `/a/crm/mcp`.
    path: Option<String>,
    /// Its registry files, relative to this file.
    registry: Option<OneOrMany<String>>,
    /// Its policy files, relative to this file.
    policy: Option<OneOrMany<String>>,
    /// Its bundle, in place of registry and policy files.
    bundle: Option<String>,
}

/// The JSON Schema of a list of tenants.
pub(crate) fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<List>();
    schema.insert("title".to_owned(), "Toolgate tenants".into());
    schema.to_value()
}

impl Given {
    /// Whether any file was given.
    pub(crate) fn any(&self) -> bool {
        self.tenants.is_some() || self.files.paths().next().is_some()
    }

    /// Whether it was given as a bundle.
    pub(crate) const fn is_bundle(&self) -> bool {
        self.files.bundle.is_some()
    }

    /// Reads, joins and compiles.
    ///
    /// # Errors
    /// A file cannot be read. Problems in what was read are the inner result's.
    pub(crate) fn load(&self) -> anyhow::Result<Result<Gateway, Findings>> {
        let Some(path) = self.tenants.as_ref().or(self.files.bundle.as_ref()) else {
            return self.one();
        };
        let (source, malformed) = Source::read(path)?;
        if let Some(finding) = malformed {
            let finding = Finding {
                source: Some(0),
                ..finding
            };
            return Ok(Err(Findings {
                sources: vec![source],
                list: vec![finding],
            }));
        }
        let value = source.value();
        match (&self.tenants, value.get("tenants")) {
            (Some(_), _) => tenants(path, source),
            (None, Some(_)) => Ok(bundle(path, source, value)),
            (None, None) => self.one(),
        }
    }

    fn one(&self) -> anyhow::Result<Result<Gateway, Findings>> {
        let loaded = self.files.load()?;
        Ok(loaded.map(|loaded| Gateway {
            parts: vec![loaded],
            list: None,
        }))
    }
}

/// Tenants whose files are listed.
fn tenants(path: &Path, source: Source) -> anyhow::Result<Result<Gateway, Findings>> {
    let (written, mut problems) = read(&source.value());
    let heads: Vec<Tenant> = written.iter().map(Written::head).collect();
    problems.extend(gateway::problems(&heads));
    let mut findings = Findings::of(source, problems);
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (mut parts, mut tenants) = (Vec::new(), Vec::new());
    for (one, head) in written.iter().zip(heads) {
        if !one.has_files() {
            continue;
        }
        let tenancy = Tenancy::new(head.id.clone(), head.path.clone().unwrap_or_default());
        match one.files(folder).load_of(Some(tenancy), Source::read)? {
            Ok(loaded) => {
                tenants.push(Tenant {
                    config: loaded.config.clone(),
                    ..head
                });
                parts.push(loaded);
            }
            Err(found) => findings.append(found),
        }
    }
    if !findings.list.is_empty() {
        return Ok(Err(findings));
    }
    let Some(source) = findings.sources.into_iter().next() else {
        return Ok(Err(Findings::default()));
    };
    let mut tenants = Tenants::new(tenants);
    tenants.bundle = Some(provenance(&source, &parts, &tenants));
    Ok(Ok(Gateway {
        parts,
        list: Some((source, tenants)),
    }))
}

/// Tenants of a bundle.
fn bundle(path: &Path, source: Source, value: Value) -> Result<Gateway, Findings> {
    let bundle = Bundle::from_value(value);
    let policies = match engine::Gateway::compile(bundle.clone()) {
        Ok(gateway) => gateway.policies().cloned().collect::<Vec<_>>(),
        Err(problems) => return Err(Findings::of(source, problems)),
    };
    let Bundle::Tenants(tenants) = bundle else {
        return Err(Findings::default());
    };
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let parts = tenants.tenants.iter().zip(policies);
    let parts = parts.map(|(tenant, policy)| Loaded {
        sources: Vec::new(),
        registries: 0,
        config: tenant.config.clone(),
        policy,
        base: base.clone(),
    });
    Ok(Gateway {
        parts: parts.collect(),
        list: Some((source, tenants)),
    })
}

fn provenance(source: &Source, parts: &[Loaded], tenants: &Tenants) -> Provenance {
    let sources = parts.iter().flat_map(|part| &part.sources);
    let names = || {
        std::iter::once(source)
            .chain(sources.clone())
            .map(|source| &source.name)
    };
    let commit = commit::commit(names().map(Path::new));
    Provenance {
        digest: tenants.digest(),
        dirty: commit.as_ref().is_some_and(|commit| commit.dirty),
        commit: commit.map(|commit| commit.id),
        files: names().cloned().collect(),
    }
}

fn read(value: &Value) -> (Vec<Written>, Vec<Problem>) {
    let mut problems = Vec::new();
    let items = match value.get("tenants").and_then(Value::as_array) {
        Some(items) if !items.is_empty() => items.as_slice(),
        Some(_) | None => {
            let message = "a list of tenants is an object with `tenants`, which has some";
            problems.push(Problem::new("", message));
            &[]
        }
    };
    let others = value.as_object().into_iter().flatten();
    for (name, _) in others.filter(|(name, _)| *name != "tenants") {
        problems.push(Problem::new(name, format!("unknown field `{name}`")));
    }
    let mut written = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("tenants[{i}]");
        let (one, found) = config::read::<Written>(item, &at, &["id"]);
        problems.extend(found);
        let one = one.unwrap_or_default();
        if !one.has_files() {
            let message = "a tenant has `registry` and `policy` files, or a `bundle`";
            problems.push(Problem::new(at, message));
        }
        written.push(one);
    }
    (written, problems)
}

impl Written {
    fn head(&self) -> Tenant {
        Tenant {
            id: self.id.clone(),
            hosts: self.hosts.clone(),
            path: self.path.clone(),
            ..Tenant::default()
        }
    }

    const fn has_files(&self) -> bool {
        match (&self.registry, &self.policy, &self.bundle) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => true,
            (_, _, Some(_)) | (None, _, None) | (_, None, None) => false,
        }
    }

    fn files(&self, folder: &Path) -> Files {
        let paths = |names: &Option<OneOrMany<String>>| {
            let names = names.iter().flat_map(OneOrMany::iter);
            names.map(|name| folder.join(name)).collect()
        };
        Files {
            registry: paths(&self.registry),
            policy: paths(&self.policy),
            bundle: self.bundle.as_ref().map(|name| folder.join(name)),
        }
    }
}

impl Gateway {
    /// The bundle as JSON.
    pub(crate) fn bundle(&self) -> String {
        match (&self.list, self.parts.first()) {
            (Some((_, tenants)), _) => tenants.to_json(),
            (None, Some(part)) => part.bundle(),
            (None, None) => String::new(),
        }
    }

    /// Where it comes from, if that is known.
    pub(crate) fn provenance(&self) -> Option<Provenance> {
        match &self.list {
            Some((_, tenants)) => tenants.bundle.clone(),
            None => self.parts.first().map(Loaded::provenance),
        }
    }

    /// Whether nothing says that it is as it was made.
    pub(crate) fn is_unproven(&self) -> bool {
        match &self.list {
            Some((_, tenants)) => tenants.bundle.is_none(),
            None => self.parts.iter().any(|part| part.config.bundle.is_none()),
        }
    }

    /// Each configuration, with what the paths of its problems begin with.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (String, &Loaded)> {
        let listed = self.list.is_some();
        let parts = self.parts.iter().enumerate();
        parts.map(move |(i, part)| match listed {
            true => (format!("tenants[{i}]."), part),
            false => (String::new(), part),
        })
    }

    /// What governs each.
    pub(crate) fn policies(&self) -> Vec<Arc<Policy>> {
        let parts = self.parts.iter();
        parts.map(|part| Arc::clone(&part.policy)).collect()
    }

    /// All files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let list = self.list.iter().map(|(source, _)| source);
        let sources = self.parts.iter().flat_map(|part| &part.sources);
        list.chain(sources)
            .map(|source| PathBuf::from(&source.name))
    }

    /// Problems, each at its place, if they are of one configuration for all.
    pub(crate) fn findings(self, problems: Vec<Problem>) -> Findings {
        match (self.list, self.parts.into_iter().next()) {
            (None, Some(part)) => part.findings(problems),
            (Some(_), _) | (None, None) => Findings::unplaced(problems),
        }
    }

    /// What is found in each configuration, with all files.
    pub(crate) fn review(self, mut each: impl FnMut(&Loaded) -> Vec<Finding>) -> Findings {
        let mut findings = Findings::default();
        for part in self.parts {
            let list = each(&part);
            findings.append(Findings {
                sources: part.sources,
                list,
            });
        }
        findings
    }
}

impl Findings {
    /// Adds what was found in other files.
    fn append(&mut self, others: Self) {
        let known = self.sources.len();
        self.sources.extend(others.sources);
        self.list
            .extend(others.list.into_iter().map(|finding| Finding {
                source: finding.source.map(|index| index.saturating_add(known)),
                ..finding
            }));
    }
}

#[cfg(test)]
mod tests;
