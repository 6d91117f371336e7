//! `toolgate schema`: the JSON Schema of a file that people write.

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
};

use clap::ValueEnum;
use engine::config;

use crate::{inputs, test::table};

/// Print the JSON Schema of a registry, a policy, a test file or a list of tenants.
///
/// Example:
///   toolgate schema policy > policies/policy.schema.json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Which file.
    file: File,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum File {
    /// What exists: servers, tools, resources, prompts.
    Registry,
    /// What may happen: identity and rules.
    Policy,
    /// What must come of calls: tests of a policy.
    Test,
    /// Who shares a filter: tenants, each with files of its own.
    Tenants,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    writeln!(stdout(), "{}", text(arguments.file)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The schema as it is published.
pub(crate) fn text(file: File) -> serde_json::Result<String> {
    let schema = match file {
        File::Registry => config::registry_schema(),
        File::Policy => config::policy_schema(),
        File::Test => table::schema(),
        File::Tenants => inputs::schema(),
    };
    // By way of a value, whose members have one order.
    Ok(format!("{:#}", serde_json::to_value(&schema)?))
}

#[cfg(test)]
mod tests;
