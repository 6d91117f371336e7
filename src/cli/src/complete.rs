//! `toolgate completions`: what a shell needs to complete commands, options and file names.

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
};

use clap_complete::{Shell, generate};

/// Print the completion script of a shell.
///
/// Examples:
///   toolgate completions bash > ~/.local/share/bash-completion/completions/toolgate
///   toolgate completions zsh > ~/.zfunc/_toolgate
///   toolgate completions fish > ~/.config/fish/completions/toolgate.fish
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, "toolgate", &mut script);
    stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
