//! `toolgate lint`: what holds together, and is unwise all the same.
//!
//! A family of lints is a file of `lint/`: its lints, and one function that looks. What a rule means
//! and what a condition can be is asked of the engine.

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::bail;
use engine::{
    cx::Timestamp,
    policy::Policy,
    problem::{Problem, closest},
};

use crate::{
    FINDINGS,
    inputs::{Gateway, Given, Loaded},
    report::{Finding, Findings, Format, Level},
};

mod allow;
mod approvals;
mod descriptions;
mod envoy;
mod lifecycle;
mod limits;
mod names;
mod rules;
mod schemas;
mod secrets;
mod tenants;

/// Judge registry and policy files: what loads, and is unwise all the same.
///
/// Rules that never decide, tools that nobody may use, writes that nobody approves or limits, schemas
/// that take anything, names that agents mistake for each other, descriptions that give orders. Files that do
/// not load are refused with every problem at once, as by `toolgate bundle`.
///
/// A finding is silenced where it stands, with the reason, by a comment on its line or above it:
///
///   # lint: allow unreachable-rule - kept until the migration ends
///
/// Examples:
///   toolgate lint -r registry.yaml -p policy.yaml
///   toolgate lint -r registry.yaml -p policy.yaml --format github
///   toolgate lint --explain unreachable-rule
///   toolgate lint --envoy envoy.yaml -r registry.yaml -p policy.yaml
///       does this configuration of Envoy, Istio or Envoy Gateway give the filter what it needs?
///
/// Exit status: 0 nothing but notes was found, 1 errors or warnings were, 2 the files do not load.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    mut_arg("registry", |registry| registry.required_unless_present("envoy")),
    mut_arg("policy", |policy| policy.required_unless_present("envoy")),
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Given,
    /// Judge these files in their place: a configuration of Envoy, Istio or Envoy Gateway. Registry
    /// and policy, or else the bundle in it, say what it is for.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    envoy: Vec<PathBuf>,
    /// How findings are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Leave out this lint everywhere; for JSON files, which have no comments.
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
    /// Make findings of this lint errors.
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
    /// Exit with 0 whatever is found.
    #[arg(long)]
    exit_zero: bool,
    /// Print the page of a lint: what it finds, and what to do.
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
    /// List all lints.
    #[arg(long, exclusive = true)]
    list: bool,
}

/// One judgement.
pub(crate) struct Lint {
    /// The name under which it is explained and silenced.
    pub(crate) code: &'static str,
    /// How much its findings matter.
    pub(crate) level: Level,
    /// Its page of `policies/lints`.
    pub(crate) page: &'static str,
}

/// The files under review, and what was found so far.
pub(crate) struct Review<'l> {
    loaded: &'l Loaded,
    /// For what goes at a date.
    now: Timestamp,
    list: Vec<Finding>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list();
    }
    if let Some(code) = &arguments.explain {
        write!(anstream::stdout(), "{}", named(code)?.page)?;
        return Ok(ExitCode::SUCCESS);
    }
    for code in arguments.allow.iter().chain(&arguments.deny) {
        named(code)?;
    }
    let loaded = match arguments.files.any() {
        false => None,
        true => match arguments.files.load()? {
            Ok(loaded) => Some(loaded),
            Err(refused) => return refused.refuse_as(arguments.format),
        },
    };
    let findings = match loaded {
        Some(loaded) if arguments.envoy.is_empty() => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let now = Timestamp(i64::try_from(now.as_nanos())?);
            let policies = loaded.policies();
            loaded.review(|part| review(part, &policies, now))
        }
        loaded => {
            let policies = loaded.as_ref().map(Gateway::policies).unwrap_or_default();
            let mut found = envoy::review(&arguments.envoy, policies.first())?;
            for policy in policies.iter().skip(1) {
                let more = envoy::review(&arguments.envoy, Some(policy))?;
                let more = more
                    .list
                    .into_iter()
                    .filter(|one| !found.list.contains(one));
                let more: Vec<_> = more.collect();
                found.list.extend(more);
            }
            if found.list.iter().any(|finding| finding.code.is_none()) {
                return found.refuse_as(arguments.format);
            }
            found
        }
    };
    tell(arguments, findings)
}

/// Writes what was found, as far as it is wanted.
fn tell(arguments: &Arguments, findings: Findings) -> anyhow::Result<ExitCode> {
    let Findings {
        mut sources,
        mut list,
    } = findings;
    let named = |codes: &[String], finding: &Finding| {
        finding
            .code
            .is_some_and(|code| codes.iter().any(|one| one == code))
    };
    list.retain(|finding| !named(&arguments.allow, finding));
    for finding in &mut list {
        if named(&arguments.deny, finding) {
            finding.level = Level::Error;
        }
    }
    let matters = list.iter().any(|finding| match finding.level {
        Level::Error | Level::Warning => true,
        Level::Note => false,
    });
    for secret in list
        .iter()
        .filter(|one| one.code == Some(secrets::SECRET.code))
    {
        // The finding shows its line, and is read in logs.
        if let (Some(at), Some(source)) =
            (&secret.at, secret.source.and_then(|i| sources.get_mut(i)))
        {
            source.mask(at);
        }
    }
    let findings = Findings { sources, list };
    findings.print(arguments.format)?;
    if findings.list.is_empty() && arguments.format == Format::Text {
        eprintln!("nothing found");
    }
    Ok(if matters && !arguments.exit_zero {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}

/// Everything found that no comment allows, in the order of the files.
fn review(loaded: &Loaded, all: &[Arc<Policy>], now: Timestamp) -> Vec<Finding> {
    let mut review = Review {
        loaded,
        now,
        list: Vec::new(),
    };
    rules::review(&mut review);
    approvals::review(&mut review);
    limits::review(&mut review);
    schemas::review(&mut review);
    names::review(&mut review);
    descriptions::review(&mut review);
    lifecycle::review(&mut review);
    secrets::review(&mut review);
    tenants::review(&mut review, all);
    let mut list = allow::apply(&loaded.sources, review.list);
    list.sort_by_key(|finding| {
        let at = finding.at.as_ref().map(|at| at.start);
        (finding.source, at, finding.code)
    });
    list.dedup();
    list
}

/// All lints, family by family.
fn lints() -> impl Iterator<Item = &'static Lint> {
    let [own, arguments, keywords] = schemas::LINTS;
    let [filter, chain, around, approver, credential, ratelimit] = envoy::LINTS;
    let families = [
        allow::LINTS,
        rules::LINTS,
        approvals::LINTS,
        limits::LINTS,
        own,
        arguments,
        keywords,
        names::LINTS,
        descriptions::LINTS,
        lifecycle::LINTS,
        secrets::LINTS,
        tenants::LINTS,
        filter,
        chain,
        around,
        approver,
        credential,
        ratelimit,
    ];
    families.into_iter().flatten().copied()
}

fn named(code: &str) -> anyhow::Result<&'static Lint> {
    if let Some(lint) = lints().find(|lint| lint.code == code) {
        return Ok(lint);
    }
    match closest(code, lints().map(|lint| lint.code)) {
        Some(close) => bail!("no lint is called `{code}`; did you mean `{close}`?"),
        None => bail!("no lint is called `{code}`; `toolgate lint --list` lists them"),
    }
}

fn list() -> anyhow::Result<ExitCode> {
    let mut to = anstream::stdout().lock();
    for lint in lints() {
        writeln!(
            to,
            "{:24} {:8} {}",
            lint.code,
            lint.level.name(),
            lint.summary()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Lint {
    /// What it finds, in a sentence: the first below the title of its page.
    fn summary(&self) -> &'static str {
        let mut lines = self.page.lines().skip(1);
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// A finding without a place.
    pub(crate) const fn finding(&self, problem: Problem) -> Finding {
        let mut finding = Finding::error(problem);
        finding.level = self.level;
        finding.code = Some(self.code);
        finding
    }
}

impl Review<'_> {
    /// Tells a finding; its path begins with the file's place, as the engine writes it.
    fn tell(&mut self, lint: &Lint, problem: Problem) {
        let found = self.loaded.place(problem);
        self.list.push(Finding {
            source: found.source,
            at: found.at,
            ..lint.finding(found.problem)
        });
    }
}

/// One step further down a JSON Pointer (RFC 6901).
fn below(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
