//! `toolgate test`: the tests that lie beside policies.

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write as _, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use ignore::WalkBuilder;

use crate::{FINDINGS, watch::Watch};

mod expect;
mod output;
mod session;
pub(crate) mod table;

use session::Session;

/// Run the tests beside policies: calls, and what must come of each.
///
/// A test file is named `NAME.test.yaml` and tests the policy `NAME.yaml` with the registry
/// `registry.yaml` beside it, unless it names others. Each call goes through the code that the
/// filter runs. `toolgate schema test` has every field; this is a start:
///
///   callers:
///     alice: { user: alice, roles: [support_agent] }
///   tests:
///   - name: a small refund passes
///     caller: alice
///     call: refund_customer
///     arguments: { amount: 50 }
///     expect: { decision: allow, rule: small-refunds }
///   - name: what support sees
///     caller: alice
///     list: tools
///     expect: { visible: [refund_customer] }
///
/// After the tests it lists the rules that matched none of their calls.
///
/// Examples:
///   toolgate test
///   toolgate test policies --coverage 100
///   toolgate test policies/policy.test.yaml --filter refund --watch
///   toolgate test --format junit > tests.xml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Test files, or folders to look for them in: `*.test.yaml`, `*.test.yml`, `*.test.json`.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Run only tests whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Fail where tests reach less than this percentage of a policy's rules.
    #[arg(long, value_name = "PERCENT", conflicts_with = "filter",
          value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage: Option<u8>,
    /// How to write the results.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Run again whenever a file changes.
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: what failed, and the rules that no test reaches.
    #[default]
    Text,
    /// One JSON object: every test, and the coverage of each policy.
    Json,
    /// Workflow commands, which GitHub shows beside the changed lines.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI that collects test results.
    Junit,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (code, paths) = once(arguments)?;
    if !arguments.watch {
        return Ok(code);
    }
    let mut watch = Watch::new(paths);
    loop {
        thread::sleep(PAUSE);
        if !watch.changed() {
            continue;
        }
        if stdout().is_terminal() {
            // Clears the screen, so that what is seen is of now.
            write!(stdout(), "\x1b[2J\x1b[H")?;
        }
        match once(arguments) {
            Ok((_, paths)) => watch.follow(paths),
            // A file may be away for a moment.
            Err(error) => eprintln!("error: {error:#}"),
        }
    }
}

/// One run over all files; gives the files that it depends on.
fn once(arguments: &Arguments) -> anyhow::Result<(ExitCode, Vec<PathBuf>)> {
    let mut session = Session::new(arguments.filter.as_deref());
    for path in find(&arguments.paths)? {
        session.file(&path)?;
    }
    let mut results = session.finish(arguments.coverage);
    output::write(&mut results, arguments.format)?;
    let code = match (results.problems.is_empty(), results.failed()) {
        (true, false) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(FINDINGS),
        (false, _) => {
            let problems = std::mem::take(&mut results.problems);
            results.about(problems).refuse()
        }
    };
    let sources = results.files.sources.iter();
    Ok((
        code,
        sources.map(|source| PathBuf::from(&source.name)).collect(),
    ))
}

/// The test files that are named, and those in folders that are named; what git ignores is none.
fn find(paths: &[PathBuf]) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for path in paths {
        if !path.is_dir() {
            found.insert(path.clone());
            continue;
        }
        for entry in WalkBuilder::new(path).require_git(false).build() {
            let entry = entry.with_context(|| format!("cannot look into `{}`", path.display()))?;
            if is_test(entry.path()) && entry.file_type().is_some_and(|kind| kind.is_file()) {
                let plain = entry.path().strip_prefix("./");
                found.insert(plain.unwrap_or_else(|_| entry.path()).to_path_buf());
            }
        }
    }
    if found.is_empty() {
        let places: Vec<_> = paths
            .iter()
            .map(|path| format!("`{}`", path.display()))
            .collect();
        bail!(
            "no test files (`*.test.yaml`) in {}; `toolgate test --help` shows one",
            places.join(", ")
        );
    }
    Ok(found)
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".test.yaml", ".test.yml", ".test.json"]
        .iter()
        .any(|end| name.ends_with(end))
}

const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
