//! `toolgate explain`: one call, and why it is decided as it is.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::ArgGroup;

use crate::{inputs::Files, report::Form};

mod ending;
mod input;
mod past;
mod story;
mod touched;
mod usage;

use story::Story;

/// Tell why a call is decided as it is, rule by rule.
///
/// First the decision; then every rule about what is called, with what it asks for, what is there,
/// and what each part of its condition came to; then what would have to change for the call to be
/// allowed.
///
/// The call goes through the code that the filter runs. It is written as options, or in a file in the
/// form of one test, or it is a test. Facts about the caller are sent in the way that `identity`
/// names. Or it is a call of the past, told by its audit record: what that does not hold is unknown,
/// and never guessed.
///
/// Examples:
///   toolgate explain -r registry.yaml -p policy.yaml \
///       --tool refund_customer --args '{ "amount": 250 }' --user alice --role support_agent
///   toolgate explain -b bundle.json --call call.yaml
///   toolgate explain --test 'policies/policy.test.yaml#a refund of 100'
///   grep req-4711 access.log | toolgate explain -b bundle.json --record -
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group = ArgGroup::new("policies").args(["registry", "bundle", "test"]).required(true))]
#[command(group = ArgGroup::new("what").args(["tool", "read", "prompt", "call", "test", "record"]).required(true))]
pub(crate) struct Arguments {
    /// Registry files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., requires = "policy")]
    registry: Vec<PathBuf>,
    /// Policy files, YAML or JSON.
    #[arg(short, long, value_name = "FILE", num_args = 1.., requires = "registry")]
    policy: Vec<PathBuf>,
    /// A bundle, in place of registry and policy files.
    #[arg(short, long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// A file that holds one call in the form of a test: YAML or JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = input::WRITTEN)]
    call: Option<PathBuf>,
    /// A test, by its file and its name.
    #[arg(long, value_name = "FILE#NAME", conflicts_with_all = input::WRITTEN)]
    test: Option<String>,
    /// A file that holds one audit record, or the line of an access log with it; `-`: what comes in.
    #[arg(long, value_name = "FILE", conflicts_with_all = input::WRITTEN)]
    record: Option<PathBuf>,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Form,

    #[command(flatten)]
    written: input::Written,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let files = Files {
        registry: arguments.registry.clone(),
        policy: arguments.policy.clone(),
        bundle: arguments.bundle.clone(),
    };
    let question = match arguments {
        Arguments {
            test: Some(test), ..
        } => input::from_test(test)?,
        Arguments {
            call: Some(call), ..
        } => input::from_file(call, files)?,
        Arguments {
            record: Some(record),
            ..
        } => Ok(input::from_record(record, files)?),
        _ => Ok(arguments.written.question(files)?),
    };
    let asked = match question {
        Ok(question) => question.ask()?,
        Err(findings) => Err(findings),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(findings) => return Ok(findings.refuse()),
    };
    let story = Story::of(&asked);
    let text = match arguments.format {
        Form::Text => story.text(),
        Form::Json => format!("{:#}\n", story.json()),
    };
    write!(anstream::stdout().lock(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
