//! `toolgate replay`: what other rules would have decided of calls that were recorded.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use crate::{FINDINGS, inputs::Files, report::Form};

mod judge;
mod log;
mod tally;

use judge::Judge;
use log::{Lines, Progress};
use tally::Tally;

/// Judge calls that were recorded by other rules: what would change, and for whom.
///
/// Reads Envoy's access log, one JSON object a line: with the audit record under `toolgate`, as in
/// envoy/envoy.yaml, or records alone; plain or compressed with gzip. A record tells who called what
/// and when, and of the arguments no values. Where a decision turns on those, the call is reported as
/// undecidable with the rules that make it so, never guessed. Whether arguments match a contract, and
/// whether limits have room, is not asked again: `toolgate diff` tells what has changed there.
///
/// Examples:
///   toolgate replay access.log -r registry.yaml -p policy.yaml
///       what the files here would have made of yesterday
///   toolgate replay access.log.*.gz -b next.json --format json
///   kubectl logs deploy/gateway | toolgate replay -r registry.yaml -p policy.yaml
///
/// Exit status: 0 no decision would change, 1 some would, 2 could not replay.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = USAGE)]
pub(crate) struct Arguments {
    /// Access logs; `-`, or none: standard input.
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    files: Files,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Exit with 0 also where decisions would change.
    #[arg(long)]
    exit_zero: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    let logs = match arguments.logs.as_slice() {
        [] => vec![PathBuf::from("-")],
        logs => logs.to_vec(),
    };
    let progress = Progress::new(&logs);
    let mut judge = Judge::new(&loaded.policy);
    let mut tally = Tally::default();
    for path in &logs {
        let log = progress.open(path)?;
        tally.begin(path);
        let mut lines = Lines::new(log);
        while let Some(line) = lines
            .next()
            .with_context(|| format!("cannot read `{}`", path.display()))?
        {
            tally.line(line, &mut judge);
            progress.count();
        }
    }
    progress.finish();
    let text = match arguments.format {
        Form::Text => tally.text(&loaded.policy),
        Form::Json => tally.json(),
    };
    write!(anstream::stdout().lock(), "{text}").context("cannot write to standard output")?;
    Ok(match tally.changed() > 0 && !arguments.exit_zero {
        true => ExitCode::from(FINDINGS),
        false => ExitCode::SUCCESS,
    })
}

/// What takes several files would swallow the logs behind it.
const USAGE: &str = "toolgate replay [LOG]... -r <FILE>... -p <FILE>... [OPTIONS]
       toolgate replay [LOG]... -b <FILE> [OPTIONS]";

#[cfg(test)]
mod tests;
