//! `toolgate init`: a policy and its tests to begin with, for a registry that is there.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{ErrorKind, Write as _, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use engine::{
    call::{Call, Partial, Principal},
    config::{Config, Effect},
    json::Doc,
    policy::Policy,
    registry::{Access, Entry, Kind, Registry, RiskTier},
};
use serde_json::{Value, json};

use crate::{
    inputs::Files,
    report::Findings,
    schema::{self, File},
    source::{Edit, Member, Source},
    trial::present,
};

mod sample;

/// Write a policy and its tests to begin with, beside a registry.
///
/// The policy lets harmless reads through, and has somebody approve what may do much harm; nothing
/// else may happen. Change it to what you need. Files that are there already stay as they are.
///
/// Examples:
///   toolgate init
///   toolgate init policies/crm
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The folder of `registry.yaml`, which `toolgate import` writes.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // What is printed is to be typed again.
    let here = Path::new(".");
    let folder = arguments
        .folder
        .strip_prefix(here)
        .unwrap_or(&arguments.folder);
    let registry = folder.join("registry.yaml");
    if !registry.exists() {
        let path = registry.display();
        bail!("there is no `{path}`: begin with `toolgate import URL --into {path}`");
    }
    let files = Files {
        registry: vec![registry],
        ..Files::default()
    };
    let loaded = match files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    let text = policy_text(loaded.policy.registry());
    let (source, _) = Source::new(String::new(), text.clone());
    let registries = loaded.sources.iter().map(Source::value).collect();
    let policy = match Policy::compile(Config::join(registries, vec![source.value()])) {
        Ok(policy) => policy,
        Err(problems) => return Ok(Findings::unplaced(problems).refuse()),
    };
    let mut out = stdout().lock();
    let mut begun = false;
    for (name, text) in [
        ("registry.schema.json", schema::text(File::Registry)? + "\n"),
        ("policy.schema.json", schema::text(File::Policy)? + "\n"),
        ("test.schema.json", schema::text(File::Test)? + "\n"),
        ("policy.yaml", text),
        ("policy.test.yaml", tests(&policy)?),
    ] {
        // Tests of somebody's own policy are theirs to write.
        let ours = name != "policy.test.yaml" || begun;
        let path = folder.join(name);
        let written = ours && write(&path, &text)?;
        begun = written && name == "policy.yaml";
        let what = if written { "wrote" } else { "kept " };
        if written || path.exists() {
            writeln!(out, "{what} {}", path.display())?;
        }
    }
    let of = |name| folder.join(name).display().to_string();
    let files = format!("-r {} -p {}", of("registry.yaml"), of("policy.yaml"));
    let tests = of("policy.test.yaml");
    writeln!(
        out,
        "\nnext:\n  toolgate lint {files}\n  toolgate test {tests}\n  \
         toolgate run {files} --approvals"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is not there yet; tells whether it was so.
fn write(path: &Path, text: &str) -> anyhow::Result<bool> {
    let failed = || format!("cannot write `{}`", path.display());
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(failed)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error).with_context(failed),
    }
    Ok(true)
}

/// A policy about every kind of thing that is registered.
fn policy_text(registry: &Registry) -> String {
    let kinds: BTreeSet<_> = registry.entries().map(|entry| entry.kind).collect();
    let about = |tools, others| {
        let line = |kind: &Kind| match kind {
            Kind::Tool => format!("  tools: {tools}\n"),
            Kind::Resource => format!("  resources: {others}\n"),
            Kind::Prompt => format!("  prompts: {others}\n"),
        };
        kinds.iter().map(line).collect::<String>()
    };
    let harmless = |entry: &Entry| entry.access == Access::Read && entry.risk_tier == RiskTier::Low;
    // A rule that is about nothing is a mistake, but for one that waits.
    let waits = if registry.entries().any(harmless) {
        ""
    } else {
        WAITS
    };
    format!(
        "{HEAD}\n{HARMLESS}{waits}- id: harmless-reads\n{}  decision: allow\n\n\
         {RISKY}- id: risky-uses\n{}  decision: approval_required\n  approver_role: approver\n",
        about("{ access: read, riskTier: low }", "{ riskTier: low }"),
        about("{ riskTier: high }", "{ riskTier: high }"),
    )
}

/// Tests of that policy: what agents see, and a use for each rule.
fn tests(policy: &Policy) -> anyhow::Result<String> {
    let (source, _) = Source::new(String::new(), TESTS.to_owned());
    let mut tests = Vec::new();
    for server in policy.registry().servers() {
        let of_server = |entry: &&Entry| entry.server == server.id && entry.kind == Kind::Tool;
        let tools = policy.registry().entries().filter(of_server);
        let visible: Vec<_> = tools.filter(|entry| is_visible(policy, entry)).collect();
        let visible: Vec<_> = visible.iter().map(|entry| entry.name.as_str()).collect();
        tests.push(vec![
            member("name", json!(format!("what agents see of {}", server.id)))?,
            member("list", json!("tools"))?,
            member("server", json!(server.id))?,
            member("expect", json!({ "visible": visible }))?,
        ]);
        tests.push(vec![
            member(
                "name",
                json!(format!(
                    "what is not registered of {} does not exist",
                    server.id
                )),
            )?,
            member("call", json!("no_such_tool"))?,
            member("server", json!(server.id))?,
            member(
                "expect",
                json!({ "decision": "deny", "reason": "unregistered" }),
            )?,
        ]);
    }
    for rule in policy.rules() {
        let entries = policy.registry().entries();
        let mut entries = entries.filter(|entry| policy.about(entry).any(|it| it.id == rule.id));
        let Some((entry, arguments)) = entries.find_map(|entry| Some((entry, arguments(entry)?)))
        else {
            continue;
        };
        let decision = match rule.effect {
            Effect::Allow => "allow",
            Effect::ApprovalRequired => "approval_required",
            Effect::Deny => "deny",
        };
        let mut test = vec![member(
            "name",
            json!(format!("{} decides of {}", rule.id, entry.name)),
        )?];
        test.push(match entry.kind {
            Kind::Tool => member("call", json!(entry.name))?,
            Kind::Prompt => member("prompt", json!(entry.name))?,
            Kind::Resource => member("read", json!(entry.name))?,
        });
        if entry.kind == Kind::Resource {
            test.push(member("server", json!(entry.server))?);
        } else {
            test.push(member("arguments", arguments)?);
        }
        test.push(member(
            "expect",
            json!({ "decision": decision, "rule": rule.id }),
        )?);
        tests.push(test);
    }
    let mut edit = Edit::new(&source);
    edit.append("tests", &tests);
    edit.finish()
        .context("the tests of this registry cannot be written as YAML")
}

fn member(key: &'static str, value: Value) -> anyhow::Result<Member> {
    let value = Doc::parse(value.to_string().into()).map_err(|(fault, _)| fault)?;
    Ok(Member {
        key,
        value,
        comment: None,
    })
}

/// Whether nobody in particular sees an entry.
fn is_visible(policy: &Policy, entry: &Entry) -> bool {
    policy.visible(&Call {
        principal: &Principal::default(),
        entry,
        args: Partial::Unknown,
        meta: Partial::Unknown,
        session: None,
        now: present(),
    })
}

/// Arguments that an entry takes, where some can be guessed.
fn arguments(entry: &Entry) -> Option<Value> {
    if entry.kind == Kind::Resource {
        return (!entry.name.contains(['*', '?'])).then_some(Value::Null);
    }
    let guess = sample::value(entry.input.source());
    let guess = if guess.is_object() { guess } else { json!({}) };
    let doc = Doc::parse(guess.to_string().into()).ok()?;
    entry.input.violations(Some(doc.root()), 1).ok()?;
    Some(guess)
}

const HEAD: &str = "\
# yaml-language-server: $schema=policy.schema.json
# What may happen. The strictest decision of all rules that match wins, in any order; what no rule
# allows is denied.
version: 1

# Who is asked for approvals; `toolgate run --approvals` starts it.
approvals: { url: \"http://127.0.0.1:8181\" }

rules:";

const HARMLESS: &str = "\
# What only reads and does little harm, for everybody who reaches the gateway. Once `identity` says
# where facts about callers come from, say who: `require: { user: true, roles: [support] }`.
";

const WAITS: &str = "\
# lint: allow rule-about-nothing - the registry calls nothing harmless yet
";

const RISKY: &str = "\
# What may do much harm: somebody with this role approves each use.
";

const TESTS: &str = "\
# yaml-language-server: $schema=test.schema.json
# What must come of calls. Run by `toolgate test`, which also lists the rules that no test reaches.
";
