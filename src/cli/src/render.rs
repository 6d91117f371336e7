//! `toolgate render`: registry and policy as a complete configuration of a host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ValueEnum;
use engine::{
    config::{self, Jwks as KeySource},
    problem::Problem,
};
use serde_json::Value;

use crate::{
    envoy::{
        self, Address, Approver, Issuer, Jwks, Module, Setup,
        gateway::{self, Place},
        istio::{self, Pods},
    },
    inputs::{self, Gateway, Given, Loaded},
    report::Findings,
};

mod limits;
mod servers;

pub(crate) use servers::documents as secrets;

/// Write a complete configuration for the proxy that runs Toolgate, or for the service that counts
/// limits of a whole fleet.
///
/// Servers of the registry that have a `url` become clusters; issuers of the policy become token
/// verification. What is left to you is said on standard error, and at the head of the document.
///
/// Examples:
///   toolgate render --for envoy -r registry.yaml -p policy.yaml > envoy.yaml
///   toolgate render --for envoy --bundle bundle.json --listen 0.0.0.0:8080 -o envoy.yaml
///   toolgate render --for istio -b bundle.json --namespace agents --selector istio=agent-gateway \
///     --wasm-url oci://images.example.com/toolgate:0.1.0 --wasm-sha256 9f86d0... | \
///     kubectl apply --server-side -f -
///   toolgate render --for envoy-gateway -b bundle.json --namespace agents --gateway mcp
///   toolgate render --for limitador -b bundle.json -o limits.yaml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The host.
    #[arg(long = "for", value_name = "HOST")]
    host: Host,
    #[command(flatten)]
    files: Given,
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
    /// The folder where Envoy finds what it adds to requests to servers; what is written says the form.
    #[arg(long, value_name = "PATH", default_value = "/etc/toolgate/secrets")]
    secrets: String,
    /// Where Envoy finds the secret that the approval service expects; what is written says its form.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/etc/toolgate/approvals-secret.yaml"
    )]
    approvals_secret: String,
    /// Where Envoy writes its access log, with one audit record a line.
    #[arg(long, value_name = "PATH", default_value = "/dev/stdout")]
    access_log: String,
    /// Write here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten, next_help_heading = "With --for envoy")]
    envoy: Bootstrap,
    #[command(flatten, next_help_heading = "With --for istio or envoy-gateway")]
    kubernetes: Kubernetes,
}

#[derive(clap::Args)]
struct Bootstrap {
    /// Where agents connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:10000")]
    listen: Address,
    /// Envoy's administration interface.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
    admin: Address,
}

#[derive(clap::Args)]
struct Kubernetes {
    /// The namespace of the gateway.
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Istio: a label of the gateway's pods.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, default_value = "istio=ingressgateway")]
    selector: Vec<(String, String)>,
    /// Istio: where its agent fetches the filter, `oci://` or `https://`, in place of a path.
    #[arg(long, value_name = "URL", requires = "wasm_sha256")]
    wasm_url: Option<String>,
    /// Istio: the SHA-256 of what is fetched.
    #[arg(long, value_name = "HEX", requires = "wasm_url", value_parser = sha256)]
    wasm_sha256: Option<String>,
    /// Envoy Gateway: the name of the Gateway.
    #[arg(long, value_name = "NAME", default_value = "toolgate")]
    gateway: String,
    /// Envoy Gateway: the listener within the Gateway.
    #[arg(long, value_name = "NAME", default_value = "http")]
    listener: String,
    /// Envoy Gateway: the listener terminates TLS.
    #[arg(long)]
    tls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Host {
    /// Envoy 1.35 or later: a static bootstrap.
    Envoy,
    /// Istio 1.28 or later: an EnvoyFilter for the pods of a gateway.
    Istio,
    /// Envoy Gateway 1.6 or later: an EnvoyPatchPolicy for a listener, and an EnvoyProxy.
    EnvoyGateway,
    /// Limitador: its limits file, from the limits of `scope: global`.
    Limitador,
    /// envoyproxy/ratelimit: its configuration, from the limits of `scope: global`.
    Ratelimit,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    if let Some(limits) = limits::of_all(arguments.host, &loaded) {
        let limits = match limits {
            Ok(limits) => serde_saphyr::to_string(&limits).context("cannot write YAML")?,
            Err(problems) => return Ok(loaded.findings(problems).refuse()),
        };
        inputs::write(arguments.output.as_deref(), limits.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let bootstrap = &arguments.envoy;
    let secret = Some(arguments.approvals_secret.clone());
    let setup = match setup(
        &loaded,
        bootstrap.listen.clone(),
        bootstrap.admin.clone(),
        secret,
    ) {
        Ok(setup) => Setup {
            wasm: arguments.module()?,
            access_log: arguments.access_log.clone(),
            roots: arguments.trusted_ca.clone(),
            secrets: arguments.secrets.clone(),
            ..setup
        },
        Err(problems) => return Ok(Findings::unplaced(problems).refuse()),
    };
    let servers = loaded.parts.iter();
    let servers = servers.flat_map(|part| part.policy.registry().servers());
    for server in servers.filter(|server| server.url.is_none()) {
        eprintln!(
            "note: server `{}` has no url: add a cluster named `{}` yourself",
            server.id, server.cluster
        );
    }
    let mut approvals = loaded
        .parts
        .iter()
        .filter_map(|part| part.policy.approvals());
    if let (Some(approvals), None) = (approvals.next(), &setup.approver) {
        eprintln!(
            "note: `approvals` has no url: add a cluster named `{}` yourself, with the secret",
            approvals.cluster
        );
    }
    if let Some(note) = setup.rate_limits.as_ref().and_then(limits::note) {
        eprintln!("note: {note}");
    }
    let (mut header, documents) = arguments.documents(&setup);
    header.push_str(&servers::secrets_text(&setup));
    if setup.approver.is_some() {
        header.push_str(&secret_text(&arguments.approvals_secret));
    }
    let mut texts = Vec::new();
    if !header.is_empty() {
        let lines = header.trim_start().lines().map(|line| format!("# {line}"));
        let lines: Vec<_> = lines.collect();
        texts.push(format!("{}\n", lines.join("\n").replace("# \n", "#\n")));
    }
    for document in documents {
        texts.push(serde_saphyr::to_string(&document).context("cannot write YAML")?);
    }
    if arguments.host != Host::Envoy && texts.iter().any(|text| text.len() > LARGEST_OBJECT) {
        eprintln!("note: Kubernetes refuses objects of this size: make a gateway for each team");
    }
    inputs::write(arguments.output.as_deref(), texts.join("---\n").trim_end())?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn module(&self) -> anyhow::Result<Module> {
        let Kubernetes {
            wasm_url: Some(url),
            wasm_sha256: Some(sha256),
            ..
        } = &self.kubernetes
        else {
            return Ok(Module::File(self.wasm.clone()));
        };
        anyhow::ensure!(
            self.host == Host::Istio,
            "only Istio fetches the filter: use --wasm with the path where Envoy finds it"
        );
        Ok(Module::Fetched {
            url: url.clone(),
            sha256: sha256.clone(),
        })
    }

    /// The documents, and what stands before them as a comment.
    fn documents(&self, setup: &Setup) -> (String, Vec<Value>) {
        let kubernetes = &self.kubernetes;
        let namespace = kubernetes.namespace.clone();
        match self.host {
            Host::Envoy => (String::new(), vec![envoy::bootstrap(setup)]),
            Host::Istio => {
                let labels = kubernetes.selector.iter().cloned().collect();
                let pods = Pods { namespace, labels };
                (
                    istio::HEADER.to_owned(),
                    vec![istio::envoy_filter(setup, &pods)],
                )
            }
            // Written by then.
            Host::Limitador | Host::Ratelimit => (String::new(), Vec::new()),
            Host::EnvoyGateway => {
                let place = Place {
                    namespace,
                    gateway: kubernetes.gateway.clone(),
                    listener: kubernetes.listener.clone(),
                    tls: kubernetes.tls,
                };
                let documents = gateway::documents(setup, &place).into();
                (gateway::HEADER.to_owned(), documents)
            }
        }
    }
}

/// What has to be where Envoy looks for the approval service's secret.
fn secret_text(path: &str) -> String {
    let form = serde_saphyr::to_string(&envoy::secret("SECRET")).unwrap_or_default();
    format!(
        "\n\nFor the approval service: Envoy adds its secret from {path}, and takes up a new one as \
         the\nfile is replaced. There must be\n{form}"
    )
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is not KEY=VALUE, such as app=gateway")),
    }
}

fn sha256(text: &str) -> Result<String, String> {
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| text.to_ascii_lowercase())
        .ok_or_else(|| format!("`{text}` is not 64 hexadecimal digits"))
}

/// What Envoy must know; `secret` is the path of the approval service's, the paths of filter, access
/// log, certificates and other secrets are the caller's to fill in.
///
/// # Errors
/// Everything about servers and issuers that no configuration can be made from.
pub(crate) fn setup(
    gateway: &Gateway,
    listen: Address,
    admin: Address,
    secret: Option<String>,
) -> Result<Setup, Vec<Problem>> {
    let mut problems = Vec::new();
    let servers = servers::of(gateway, &mut problems);
    let (mut issuers, mut approver, mut rate_limits) = (Vec::new(), None, None);
    let mut max_body = 0;
    for (at, part) in gateway.parts() {
        let mut wrong = |path: &str, problem: Problem| {
            let path = format!("{at}{path}");
            problems.push(Problem { path, ..problem });
        };
        for (index, issuer) in part.policy.identity().issuers.iter().enumerate() {
            if let Err(problem) = add_issuer(&mut issuers, issuer, &part.base) {
                wrong(&format!("identity.issuers[{index}].jwks"), problem);
            }
        }
        if let Some(approvals) = part.policy.approvals()
            && let Some(url) = &approvals.url
        {
            let secret = secret.clone();
            let found = envoy::upstream(approvals.cluster.clone(), url)
                .map(|upstream| Approver { upstream, secret })
                .and_then(|found| only(&mut approver, found, "approval service"));
            found.unwrap_or_else(|problem| wrong("approvals.url", problem));
        }
        let limits = limits::asked(&part.policy).and_then(|found| match found {
            Some(found) => only(&mut rate_limits, found, "rate-limit service"),
            None => Ok(()),
        });
        limits.unwrap_or_else(|problem| wrong("rate_limit_service", problem));
        let bounds = part.policy.bounds();
        max_body = max_body.max(bounds.max_request_bytes.max(bounds.max_response_bytes));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let merged = gateway
        .parts()
        .any(|(_, part)| part.policy.registry().virtual_server().is_some());
    Ok(Setup {
        listen,
        admin,
        wasm: Module::File(String::new()),
        access_log: String::new(),
        roots: String::new(),
        bundle: gateway.bundle(),
        max_body: u64::try_from(max_body).unwrap_or(u64::MAX),
        issuers,
        secrets: String::new(),
        servers,
        approver,
        rate_limits,
        merged,
    })
}

/// Adds an issuer, or to one that is known already who else its tokens may be for: the policy of
/// each tenant says which of them it takes.
fn add_issuer(
    known: &mut Vec<Issuer>,
    issuer: &config::Issuer,
    base: &Path,
) -> Result<(), Problem> {
    let jwks = match &issuer.jwks {
        KeySource::Url(url) => envoy::upstream(format!("toolgate-jwks-{}", known.len()), url)
            .map(|upstream| Jwks::Url(url.clone(), upstream)),
        KeySource::File(path) => key_file(base, path),
        KeySource::Inline(keys) => Ok(Jwks::Inline(keys.to_string())),
    }?;
    let Some(same) = known.iter_mut().find(|one| one.issuer == issuer.issuer) else {
        known.push(Issuer {
            issuer: issuer.issuer.clone(),
            audiences: issuer.audiences.clone(),
            jwks,
        });
        return Ok(());
    };
    if !same.jwks.is_same(&jwks) {
        let message = format!(
            "another tenant has other keys for issuer `{}`",
            issuer.issuer
        );
        let help = "who names the keys of an issuer can sign as it, for all tenants: name the same";
        return Err(Problem::new("", message).help(help));
    }
    let new = issuer
        .audiences
        .iter()
        .filter(|one| !same.audiences.contains(one));
    let new: Vec<_> = new.cloned().collect();
    same.audiences.extend(new);
    Ok(())
}

/// Takes what a gateway has one of, from whoever names it first.
fn only<T: PartialEq>(known: &mut Option<T>, found: T, what: &str) -> Result<(), Problem> {
    match known {
        Some(known) if *known != found => {
            let message = format!("another tenant has another {what}: one gateway asks one");
            Err(Problem::new("", message))
        }
        Some(_) => Ok(()),
        None => {
            *known = Some(found);
            Ok(())
        }
    }
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
    let keys: Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    if keys.get("keys").is_none_or(|keys| !keys.is_array()) {
        return Err(wrong("has no list `keys` (RFC 7517, section 5)".to_owned()));
    }
    Ok(Jwks::Inline(keys.to_string()))
}

/// What etcd takes of one request, by default.
const LARGEST_OBJECT: usize = 1_572_864;
