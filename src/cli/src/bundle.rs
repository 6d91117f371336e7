//! `toolgate bundle`: registry and policy files as one JSON document.

use std::{path::PathBuf, process::ExitCode};

use crate::inputs::{self, Files};

/// Check registry and policy files and join them into the one JSON document that the filter loads.
///
/// Every problem is listed at once, with its file, line and column. The same files give the same
/// bytes.
///
/// Examples:
///   toolgate bundle -r registry.yaml -p policy.yaml
///   toolgate bundle -r crm.yaml payments.json -p base.yaml team.yaml -o bundle.json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    /// Write here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    inputs::write(arguments.output.as_deref(), &loaded.bundle())?;
    Ok(ExitCode::SUCCESS)
}
