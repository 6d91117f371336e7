//! `toolgate render`: registry and policy as a complete configuration of a host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ValueEnum;
use engine::{config::Jwks as KeySource, problem::Problem};

use crate::{
    envoy::{self, Address, Issuer, Jwks, Setup, Upstream},
    inputs::{self, Files, Loaded},
    report::Findings,
};

/// Write a complete configuration for the proxy that runs Toolgate.
///
/// Servers of the registry that have a `url` become clusters; issuers of the policy become token
/// verification. What is left to you is said on standard error.
///
/// Examples:
///   toolgate render --for envoy -r registry.yaml -p policy.yaml > envoy.yaml
///   toolgate render --for envoy --bundle bundle.json --listen 0.0.0.0:8080 -o envoy.yaml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The host.
    #[arg(long = "for", value_name = "HOST")]
    host: Host,
    #[command(flatten)]
    files: Files,
    /// Where agents connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:10000")]
    listen: Address,
    /// Envoy's administration interface.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
    admin: Address,
    /// Where Envoy finds the filter.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/etc/toolgate/toolgate.wasm"
    )]
    wasm: String,
    /// Where Envoy finds the certificates to verify https servers against.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/etc/ssl/certs/ca-certificates.crt"
    )]
    trusted_ca: String,
    /// Where Envoy writes its access log, with one audit record a line.
    #[arg(long, value_name = "PATH", default_value = "/dev/stdout")]
    access_log: String,
    /// Write here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Host {
    /// Envoy 1.35 or later, as a static bootstrap.
    Envoy,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    let listen = arguments.listen.clone();
    let setup = match setup(&loaded, listen, arguments.admin.clone()) {
        Ok(setup) => Setup {
            wasm: arguments.wasm.clone(),
            access_log: arguments.access_log.clone(),
            roots: arguments.trusted_ca.clone(),
            ..setup
        },
        Err(problems) => return Ok(Findings::unplaced(problems).refuse()),
    };
    for server in loaded
        .policy
        .registry()
        .servers()
        .filter(|server| server.url.is_none())
    {
        eprintln!(
            "note: server `{}` has no url: add a cluster named `{}` yourself",
            server.id, server.cluster
        );
    }
    let document = match arguments.host {
        Host::Envoy => envoy::bootstrap(&setup),
    };
    let text = serde_saphyr::to_string(&document).context("cannot write YAML")?;
    inputs::write(arguments.output.as_deref(), text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// What Envoy must know; the paths of filter, access log and
/// certificates are the caller's to fill in.
///
/// # Errors
/// Everything about servers and issuers that no configuration can be made from.
pub(crate) fn setup(
    loaded: &Loaded,
    listen: Address,
    admin: Address,
) -> Result<Setup, Vec<Problem>> {
    let policy = &loaded.policy;
    let mut problems = Vec::new();
    let mut upstreams: Vec<Upstream> = Vec::new();
    for server in policy.registry().servers() {
        let Some(url) = &server.url else { continue };
        let at = |problem: Problem| Problem {
            path: format!("servers.{}.url", server.id),
            ..problem
        };
        match envoy::upstream(server.cluster.clone(), url) {
            Err(problem) => problems.push(at(problem)),
            Ok(upstream) => match upstreams.iter().find(|u| u.cluster == upstream.cluster) {
                None => upstreams.push(upstream),
                Some(other) if *other == upstream => {}
                Some(other) => problems.push(at(Problem::new(
                    "",
                    format!(
                        "cluster `{}` is already at `{}`: one cluster is one place",
                        other.cluster, other.address
                    ),
                ))),
            },
        }
    }
    let mut issuers = Vec::new();
    for (index, issuer) in policy.identity().issuers.iter().enumerate() {
        let jwks = match &issuer.jwks {
            KeySource::Url(url) => envoy::upstream(format!("toolgate-jwks-{index}"), url)
                .map(|upstream| Jwks::Url(url.clone(), upstream)),
            KeySource::File(path) => key_file(&loaded.base, path),
            KeySource::Inline(keys) => Ok(Jwks::Inline(keys.to_string())),
        };
        match jwks {
            Ok(jwks) => issuers.push(Issuer {
                issuer: issuer.issuer.clone(),
                audiences: issuer.audiences.clone(),
                jwks,
            }),
            Err(problem) => problems.push(Problem {
                path: format!("identity.issuers[{index}].jwks"),
                ..problem
            }),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Setup {
        listen,
        admin,
        wasm: String::new(),
        access_log: String::new(),
        roots: String::new(),
        bundle: loaded.bundle(),
        max_body: u64::try_from(
            policy
                .bounds()
                .max_request_bytes
                .max(policy.bounds().max_response_bytes),
        )
        .unwrap_or(u64::MAX),
        issuers,
        upstreams,
    })
}

/// The key sets whose content [`setup`] takes in.
pub(crate) fn key_files(loaded: &Loaded) -> impl Iterator<Item = PathBuf> {
    loaded
        .policy
        .identity()
        .issuers
        .iter()
        .filter_map(|issuer| match &issuer.jwks {
            KeySource::File(path) if !Path::new(path).is_absolute() => Some(loaded.base.join(path)),
            KeySource::File(_) | KeySource::Url(_) | KeySource::Inline(_) => None,
        })
}

/// An absolute path is one on Envoy's machine. A relative one starts at the policy file, and its
/// content goes into the configuration.
fn key_file(base: &Path, path: &str) -> Result<Jwks, Problem> {
    if Path::new(path).is_absolute() {
        return Ok(Jwks::File(path.to_owned()));
    }
    let wrong = |what: String| Problem::new("", format!("key set `{path}` {what}"));
    let text = fs::read_to_string(base.join(path))
        .map_err(|error| wrong(format!("is not readable: {error}")))?;
    let keys: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    if keys.get("keys").is_none_or(|keys| !keys.is_array()) {
        return Err(wrong("has no list `keys` (RFC 7517, section 5)".to_owned()));
    }
    Ok(Jwks::Inline(keys.to_string()))
}
