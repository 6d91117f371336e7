//! `toolgate bundle`: registry and policy files as one JSON document.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    FINDINGS,
    inputs::{self, Gateway, Given},
    report::Finding,
};

/// Check registry and policy files and join them into the one JSON document that the filter loads.
///
/// Every problem is listed at once, with its file, line and column. The bundle says where it comes
/// from: its digest, the files, and, in a git work tree, the commit. The same files at the same
/// commit give the same bytes.
///
/// Examples:
///   toolgate bundle -r registry.yaml -p policy.yaml
///   toolgate bundle -r crm.yaml payments.json -p base.yaml team.yaml -o bundle.json
///   toolgate bundle --tenants tenants.yaml -o bundle.json
///       several tenants behind one filter, each with files of its own
///   toolgate bundle --check -b bundle.json
///       is it as it was made, and what was it made from?
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Given,
    /// Write no bundle: say whether one is whole, and where it comes from.
    #[arg(long, conflicts_with = "output")]
    check: bool,
    /// Write here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => {
            let refused = findings.refuse();
            let changed = |one: &Finding| one.problem.path == "bundle.digest";
            // It was read, and the answer is no.
            let answered = arguments.check && findings.list.iter().all(changed);
            return Ok(if answered {
                ExitCode::from(FINDINGS)
            } else {
                refused
            });
        }
    };
    let output = arguments.output.as_deref();
    if !arguments.check {
        inputs::write(output, &loaded.bundle())?;
        return Ok(ExitCode::SUCCESS);
    }
    inputs::write(output, &origin(&loaded))?;
    if arguments.files.is_bundle() && loaded.is_unproven() {
        eprintln!("error: it has no `bundle.digest`: nothing says whether it was changed");
        return Ok(ExitCode::from(FINDINGS));
    }
    Ok(ExitCode::SUCCESS)
}

/// Versions and provenance, a line each.
fn origin(gateway: &Gateway) -> String {
    let provenance = gateway.provenance().unwrap_or_default();
    let commit = provenance.commit.map(|id| match provenance.dirty {
        true => format!("{id}, with files changed since"),
        false => id,
    });
    let versions = gateway.parts.iter().flat_map(|part| {
        let policy = &part.policy;
        let tenant = policy.tenancy().map(|tenant| tenant.id().to_owned());
        [
            ("tenant", tenant),
            ("registry", Some(policy.registry_version().to_owned())),
            ("policy", Some(policy.version().to_owned())),
        ]
    });
    let rest = [
        ("digest", Some(provenance.digest)),
        ("commit", commit),
        ("files", Some(provenance.files.join(", "))),
    ];
    versions
        .chain(rest)
        .filter_map(|(name, value)| value.map(|value| format!("{name:<9} {value}")))
        .collect::<Vec<_>>()
        .join("\n")
}
