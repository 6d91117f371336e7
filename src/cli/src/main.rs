//! The command line: arguments and exit codes. One command, one module, one `run`.
#![forbid(unsafe_code)]
#![expect(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "docstrings of arguments are help texts: a terminal shows them as they are"
)]

mod bundle;
mod complete;
mod diff;
mod envoy;
mod explain;
mod import;
mod init;
mod inputs;
mod lint;
mod render;
mod replay;
mod report;
mod run;
mod schema;
mod source;
mod test;
mod trial;
mod visible;
mod watch;

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand};

/// Govern MCP traffic inside Envoy: write a registry of what exists and a policy of what may
/// happen, see them at work on this machine, and ship them as Envoy configuration.
#[derive(Parser)]
#[command(name = "toolgate", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    color: colorchoice_clap::Color,
}

#[derive(Subcommand)]
enum Command {
    Import(import::Arguments),
    Init(init::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Explain(Box<explain::Arguments>),
    Diff(diff::Arguments),
    Replay(replay::Arguments),
    Lint(lint::Arguments),
    Bundle(bundle::Arguments),
    Render(render::Arguments),
    Schema(schema::Arguments),
    Completions(complete::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    let result = match arguments.command {
        Command::Import(arguments) => import::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => complete::run(&arguments, Arguments::command()),
    };
    result.unwrap_or_else(|error| {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
        {
            // Whoever reads our output has seen enough.
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {error:#}");
        ExitCode::from(COULD_NOT_RUN)
    })
}

/// The answer is no: something was found, failed, or differs.
const FINDINGS: u8 = 1;
/// There is no answer: the input does not hold together, or something is missing.
const COULD_NOT_RUN: u8 = 2;

const EXAMPLES: &str = "\
From nothing to a governed server:
  toolgate import http://127.0.0.1:8000/mcp --into registry.yaml
      write down what your MCP server offers; then say in the file what is harmless:
      `riskTier: low`, and `access: read` for a tool
  toolgate init
      write a policy for it, and its tests
  toolgate lint -r registry.yaml -p policy.yaml
      see what is unwise
  toolgate test
      see whether what must come of calls does, and which rules no test reaches
  toolgate run -r registry.yaml -p policy.yaml --approvals
      govern the server on http://127.0.0.1:10000, watch each decision, and approve what waits
      on the page that it names

More:
  toolgate explain --test 'policies/policy.test.yaml#a refund above 100'
      tell why a call is decided as it is, rule by rule
  toolgate diff --base main -r registry.yaml -p policy.yaml
      tell what a branch makes wider or narrower, and which contracts it breaks
  toolgate bundle -r registry.yaml -p base.yaml team.yaml -o bundle.json
      check the files and join them into the one document that the filter loads
  toolgate render --for envoy -r registry.yaml -p policy.yaml -o envoy.yaml
      the same as a complete Envoy configuration
  toolgate schema policy > policy.schema.json
      for completion and checks in an editor

Exit status: 0 fine, 1 something was found, 2 could not run.";
