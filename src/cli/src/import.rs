//! `toolgate import`: what a live server offers, as entries of a registry, for review.

mod client;
mod compare;
mod drift;
mod greeting;
mod offer;
mod report;

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use engine::{
    config::Config,
    json::{Doc, quote},
    policy::Policy,
    registry::{Registry, Server},
};
use serde_json::json;

use self::{
    client::{Address, Client},
    compare::compare,
    report::Report,
};
use crate::{
    FINDINGS,
    inputs::{Files, Loaded},
    report::{Findings, Form},
    source::{Edit, Member, Source},
};

/// Write what a live MCP server offers into a registry, for review, and tell what has changed since.
///
/// Tools, resources and prompts become entries as careful as can be: `riskTier: high`, `access:
/// write`, the schemas as announced, and a pin, which is the digest of all that was announced. No
/// rule allows them by that. Whatever the server says of itself proves nothing: who reviews an entry
/// says how risky it is, and whether it only reads.
///
/// Asked again, it adds what is new and reports what has changed or vanished. It never deletes an
/// entry, and never touches a comment or a field that was edited by hand.
///
/// Examples:
///   toolgate import http://127.0.0.1:8000/mcp --into registry.yaml
///   toolgate import https://crm.example.com/mcp --token-env CRM_TOKEN --into registry.yaml
///   toolgate import http://127.0.0.1:8000/mcp --into registry.yaml --check    # in CI
///   toolgate import http://127.0.0.1:8000/mcp --into registry.yaml --accept   # after a review
///
/// Exit status: 0 the registry says what the server announces, 1 it does not, 2 could not run.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    address: Address,
    /// The registry to bring up to date, or to begin; without it, a new one goes to standard output.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// The server's id in the registry; by default that of the server with this URL, or else the
    /// name that the server gives itself.
    #[arg(long, value_name = "ID")]
    server: Option<String>,
    /// Write nothing; only tell what is different.
    #[arg(long, requires = "into")]
    check: bool,
    /// Take over what the server has changed, and pin it: it was reviewed. What was edited by hand
    /// stays.
    #[arg(long, requires = "into", conflicts_with = "check")]
    accept: bool,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t, requires = "into")]
    format: Form,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (source, policy) = match read(arguments.into.as_deref())? {
        Ok(read) => read,
        Err(findings) => return Ok(findings.refuse()),
    };
    let registry = policy.registry();
    let url = &arguments.address.url;
    let mut client = Client::connect(&arguments.address)?;
    let items = offer::ask(&mut client)?;
    let server = match &arguments.server {
        Some(id) => id.clone(),
        None => server(registry, url, client.name())?,
    };
    let mut edit = Edit::new(&source);
    if registry.server(&server).is_none() {
        let alone = json!({ "servers": { &server: { "url": url } } });
        if let Err(problems) = Policy::compile(Config::join(vec![alone], Vec::new())) {
            let said: Vec<_> = problems
                .into_iter()
                .map(|problem| problem.message)
                .collect();
            bail!("{}", said.join("; "));
        }
        let value = Doc::parse(quote(url).into()).map_err(|(fault, _)| fault)?;
        let url = Member {
            key: "url",
            value,
            comment: None,
        };
        let mut members = vec![url];
        members.extend(greeting::members(client.greeting()));
        edit.insert("servers", &server, &members);
    }
    let known = registry.server(&server);
    let greeting = client.greeting();
    let greeting = greeting::compare(known, &server, greeting, arguments.accept, &mut edit);
    let items = compare(
        registry,
        &source.value(),
        &server,
        &items,
        arguments.accept,
        &mut edit,
    );
    let report = Report {
        entries: greeting.into_iter().chain(items).collect(),
        server,
        url: url.clone(),
        version: client.version().to_owned(),
        accepted: arguments.accept,
        checked: arguments.check,
    };
    client.close();
    let text = edit.finish().with_context(|| {
        let name = &source.name;
        format!(
            "`{name}` cannot be edited without loss: write it as an object whose lists are blocks, \
             without anchors"
        )
    })?;
    match &arguments.into {
        Some(path) => {
            if !arguments.check && text != source.text {
                fs::write(path, &text)
                    .with_context(|| format!("cannot write `{}`", path.display()))?;
            }
            match arguments.format {
                Form::Text => write!(anstream::stdout().lock(), "{}", report.text(path))?,
                Form::Json => writeln!(stdout(), "{:#}", report.json())?,
            }
        }
        None => {
            write!(stdout(), "{text}")?;
            write!(anstream::stderr().lock(), "{}", report.complaints())?;
        }
    }
    Ok(if report.agrees() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FINDINGS)
    })
}

/// The registry that is there, or the beginning of one.
fn read(path: Option<&Path>) -> anyhow::Result<Result<(Source, Arc<Policy>), Findings>> {
    if let Some(path) = path.filter(|path| path.exists()) {
        let files = Files {
            registry: vec![path.to_owned()],
            ..Files::default()
        };
        return Ok(match files.load()? {
            Ok(Loaded {
                mut sources,
                policy,
                ..
            }) => {
                let source = sources.pop().context("a registry is one file")?;
                Ok((source, policy))
            }
            Err(findings) => Err(findings),
        });
    }
    let name = path.map_or_else(String::new, |path| path.display().to_string());
    let text = if name.ends_with(".json") {
        r#"{"servers": {}, "tools": [], "resources": [], "prompts": []}"#
    } else {
        BEGINNING
    };
    let (source, _) = Source::new(name, text.to_owned());
    let policy = Policy::compile(Config::default());
    Ok(policy
        .map(|policy| (source, Arc::new(policy)))
        .map_err(Findings::unplaced))
}

/// The id of the server at `url`.
fn server(registry: &Registry, url: &str, name: Option<String>) -> anyhow::Result<String> {
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    let is_here = |server: &&Server| server.url.as_deref().map(plain) == Some(plain(url));
    if let Some(server) = registry.servers().find(is_here) {
        return Ok(server.id.clone());
    }
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let id: String = words
        .collect::<Vec<_>>()
        .join("-")
        .chars()
        .take(40)
        .collect();
    if id.is_empty() {
        bail!("`{url}` gives itself no name: give it one with --server");
    }
    if let Some(other) = registry.server(&id) {
        let place = other
            .url
            .as_deref()
            .unwrap_or("an address that the registry does not name");
        bail!("`{url}` calls itself `{id}`, which is the server at {place}: name it with --server");
    }
    Ok(id)
}

const BEGINNING: &str = "\
# yaml-language-server: $schema=registry.schema.json
# What exists. What is not here does not exist for agents.
";
