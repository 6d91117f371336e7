//! The files that people hand to a command: read, joined, compiled; problems led back to them.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use engine::{
    config::{Config, Provenance},
    policy::Policy,
    problem::Problem,
    tenancy::Tenancy,
};

use crate::{
    report::{Finding, Findings},
    source::Source,
};

mod commit;
mod gateway;

pub(crate) use gateway::{Gateway, Given, schema};

/// The files that a configuration is made of.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Files {
    /// Registry files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required_unless_present = "bundle")]
    pub(crate) registry: Vec<PathBuf>,
    /// Policy files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required_unless_present = "bundle")]
    pub(crate) policy: Vec<PathBuf>,
    /// A bundle, in place of registry and policy files.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["registry", "policy"])]
    pub(crate) bundle: Option<PathBuf>,
}

/// Files that hold together.
pub(crate) struct Loaded {
    /// The files, in the order of [`Files::paths`].
    pub(crate) sources: Vec<Source>,
    /// How many of them are registries.
    registries: usize,
    /// What they say.
    pub(crate) config: Config,
    /// What it means.
    pub(crate) policy: Arc<Policy>,
    /// The folder of the file that names the issuers: relative key set paths start there.
    pub(crate) base: PathBuf,
}

impl Files {
    /// Reads, joins and compiles.
    ///
    /// # Errors
    /// A file cannot be read. Problems in what was read are the inner result's.
    pub(crate) fn load(&self) -> anyhow::Result<Result<Loaded, Findings>> {
        self.load_with(Source::read)
    }

    /// As [`Files::load`], from where `read` finds the files.
    ///
    /// # Errors
    /// A file cannot be read. Problems in what was read are the inner result's.
    pub(crate) fn load_with(
        &self,
        read: impl Fn(&Path) -> anyhow::Result<(Source, Option<Finding>)>,
    ) -> anyhow::Result<Result<Loaded, Findings>> {
        self.load_of(None, read)
    }

    fn load_of(
        &self,
        tenancy: Option<Tenancy>,
        read: impl Fn(&Path) -> anyhow::Result<(Source, Option<Finding>)>,
    ) -> anyhow::Result<Result<Loaded, Findings>> {
        let mut sources = Vec::new();
        let mut list = Vec::new();
        for path in self.paths() {
            let (source, finding) = read(path)?;
            list.extend(finding.map(|finding| Finding {
                source: Some(sources.len()),
                ..finding
            }));
            sources.push(source);
        }
        if !list.is_empty() {
            return Ok(Err(Findings { sources, list }));
        }
        let values: Vec<_> = sources.iter().map(Source::value).collect();
        let mut config = match self.bundle {
            Some(_) => Config::from_value(values.into_iter().next().unwrap_or_default()),
            None => {
                let mut registries = values;
                let policies = registries.split_off(self.registry.len());
                Config::join(registries, policies)
            }
        };
        config.tenancy = tenancy;
        let registries = self.registry.len();
        Ok(match Policy::compile(config.clone()) {
            Ok(policy) => Ok(Loaded {
                base: self.base(&sources),
                sources,
                registries,
                config,
                policy: Arc::new(policy),
            }),
            Err(problems) => {
                let more = problems.len().saturating_sub(MAX_PROBLEMS);
                let mut list: Vec<_> = problems
                    .into_iter()
                    .take(MAX_PROBLEMS)
                    .map(|problem| place(&sources, registries, problem))
                    .collect();
                if more > 0 {
                    let message = format!("{more} more problems are not shown");
                    list.push(Finding::error(Problem::new("", message)));
                }
                Err(Findings { sources, list })
            }
        })
    }

    /// All files, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.registry.iter().chain(&self.policy).chain(&self.bundle)
    }

    fn base(&self, sources: &[Source]) -> PathBuf {
        let names_issuers = |source: &Source| {
            let value = source.value();
            value.get("identity").is_some() || value.get("policy").is_some()
        };
        self.paths()
            .zip(sources)
            .skip(self.registry.len())
            .find(|(_, source)| names_issuers(source))
            .and_then(|(path, _)| path.parent())
            .map_or_else(PathBuf::new, Path::to_path_buf)
    }
}

impl Loaded {
    /// The bundle as JSON.
    pub(crate) fn bundle(&self) -> String {
        let mut config = self.config.clone();
        config.bundle = Some(self.provenance());
        config.to_json()
    }

    /// Where something is written, as editors and terminals follow it: `file:line:column`.
    pub(crate) fn written_at(&self, path: &str) -> String {
        let found = self.place(Problem::new(path, ""));
        let source = found.source.and_then(|source| self.sources.get(source));
        source.map_or_else(String::new, |source| source.place(found.at.as_ref()))
    }

    /// Where it comes from: as the bundle says that was read, or as it is with the files.
    pub(crate) fn provenance(&self) -> Provenance {
        if let Some(provenance) = &self.config.bundle {
            return provenance.clone();
        }
        let names = || self.sources.iter().map(|source| &source.name);
        let commit = commit::commit(names().map(Path::new));
        Provenance {
            digest: self.policy.digest().to_owned(),
            dirty: commit.as_ref().is_some_and(|commit| commit.dirty),
            commit: commit.map(|commit| commit.id),
            files: names().cloned().collect(),
        }
    }

    /// An error of what the files say, at its place.
    pub(crate) fn place(&self, problem: Problem) -> Finding {
        place(&self.sources, self.registries, problem)
    }

    /// Problems, each at its place.
    pub(crate) fn findings(self, problems: Vec<Problem>) -> Findings {
        let problems = problems.into_iter();
        Findings {
            list: problems.map(|problem| self.place(problem)).collect(),
            sources: self.sources,
        }
    }
}

/// Leads a problem back to its file.
fn place(sources: &[Source], registries: usize, mut problem: Problem) -> Finding {
    let index = match owner(&problem.path, registries) {
        Some((index, rest)) => {
            problem.path = rest;
            Some(index)
        }
        // A bundle is one file, and what is wrong with several files is wrong with none.
        None => (sources.len() == 1).then_some(0),
    };
    let source = index.and_then(|index| sources.get(index));
    Finding {
        at: source.and_then(|source| source.locate(&problem)),
        source: index.filter(|_| source.is_some()),
        ..Finding::error(problem)
    }
}

/// The index of the source, and the path within it: `policy[1]:rules[0].when`.
fn owner(path: &str, registries: usize) -> Option<(usize, String)> {
    let (file, rest) = path.split_once(':').unwrap_or((path, ""));
    let (kind, index) = file.split_once('[')?;
    let index: usize = index.strip_suffix(']')?.parse().ok()?;
    match kind {
        "registry" => Some((index, rest.to_owned())),
        "policy" => Some((registries.saturating_add(index), rest.to_owned())),
        _ => None,
    }
}

/// Problems that are told: whoever has more has the wrong file.
const MAX_PROBLEMS: usize = 1_000;

/// Writes a document to a file or to standard output.
pub(crate) fn write(output: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match output {
        Some(path) => fs::write(path, format!("{text}\n"))
            .with_context(|| format!("cannot write `{}`", path.display())),
        None => writeln!(stdout(), "{text}").context("cannot write to standard output"),
    }
}
