//! The files that people hand to a command: read, joined, compiled; problems led back to them.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use engine::{
    config::{Config, Provenance},
    policy::Policy,
    problem::Problem,
};

use crate::{
    FINDINGS, report,
    source::{Finding, Source},
};

/// Registries and policies, any number of each.
#[derive(clap::Args, Clone)]
pub(crate) struct Files {
    /// Registry files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) registry: Vec<PathBuf>,
    /// Policy files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) policy: Vec<PathBuf>,
}

/// Files that hold together.
pub(crate) struct Loaded {
    pub(crate) policy: Policy,
    /// The bundle as JSON.
    pub(crate) bundle: String,
    /// The folder of the file that names the issuers: relative key set paths start there.
    pub(crate) base: PathBuf,
}

/// Files with problems.
pub(crate) struct Refused {
    sources: Vec<Source>,
    /// Each with the index of its source, where it has one.
    findings: Vec<(Option<usize>, Finding)>,
}

impl Files {
    /// Reads, joins and compiles.
    ///
    /// # Errors
    /// A file cannot be read. Problems in what was read are the inner result's.
    pub(crate) fn load(&self) -> anyhow::Result<Result<Loaded, Refused>> {
        let mut sources = Vec::new();
        let mut findings = Vec::new();
        for path in self.registry.iter().chain(&self.policy) {
            let (source, finding) = Source::read(path)?;
            findings.extend(finding.map(|finding| (Some(sources.len()), finding)));
            sources.push(source);
        }
        if !findings.is_empty() {
            return Ok(Err(Refused { sources, findings }));
        }
        let (registries, policies) = sources
            .split_at_checked(self.registry.len())
            .unwrap_or_default();
        let values = |sources: &[Source]| sources.iter().map(Source::value).collect::<Vec<_>>();
        let policies = values(policies);
        let base = policies
            .iter()
            .zip(&self.policy)
            .find(|(value, _)| value.get("identity").is_some())
            .and_then(|(_, path)| path.parent())
            .map_or_else(PathBuf::new, Path::to_path_buf);
        let files = self
            .paths()
            .map(|path| path.display().to_string())
            .collect();
        let mut config = Config::join(values(registries), policies);
        let compiled = Policy::compile(config.clone()).map(|policy| {
            config.bundle = Some(Provenance {
                digest: policy.digest().to_owned(),
                files,
            });
            Loaded {
                policy,
                bundle: config.to_json(),
                base,
            }
        });
        Ok(compiled.map_err(|problems| Refused::new(sources, self.registry.len(), problems)))
    }

    /// All files, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.registry.iter().chain(&self.policy)
    }
}

impl Refused {
    fn new(sources: Vec<Source>, registries: usize, problems: Vec<Problem>) -> Self {
        let findings = problems
            .into_iter()
            .map(|mut problem| {
                let Some((source, rest)) = owner(&problem.path, registries) else {
                    return (None, Finding { problem, at: None });
                };
                problem.path = rest;
                match sources.get(source) {
                    Some(found) => (Some(source), found.locate(problem)),
                    None => (None, Finding { problem, at: None }),
                }
            })
            .collect();
        Self { sources, findings }
    }

    /// Problems that no single file has.
    pub(crate) fn unplaced(problems: Vec<Problem>) -> Self {
        let findings = problems
            .into_iter()
            .map(|problem| (None, Finding { problem, at: None }))
            .collect();
        Self {
            sources: Vec::new(),
            findings,
        }
    }

    /// Prints every finding to standard error.
    pub(crate) fn print(&self) -> ExitCode {
        report::print(self.findings.iter().map(|(source, finding)| {
            (source.and_then(|source| self.sources.get(source)), finding)
        }));
        ExitCode::from(FINDINGS)
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

/// Writes a document to a file or to standard output.
pub(crate) fn write(output: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match output {
        Some(path) => fs::write(path, format!("{text}\n"))
            .with_context(|| format!("cannot write `{}`", path.display())),
        None => writeln!(stdout(), "{text}").context("cannot write to standard output"),
    }
}
