//! `toolgate diff`: what got wider, what got narrower, and what breaks callers.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use anyhow::Context as _;
use engine::{
    config::Config,
    cx::Timestamp,
    policy::Policy,
    registry::{Entry, Kind},
};
use serde_json::Value as Json;

use crate::{
    FINDINGS,
    inputs::{Files, Loaded},
    report::{Findings, Format},
};

mod callers;
mod change;
mod contract;
mod effect;
mod facts;
mod limits;
mod moments;
mod redactions;
mod rules;
mod sample;
mod side;
mod space;
mod witness;

use change::{Change, Direction};
use effect::{Pair, Side};
use facts::{Versions, of_bounds, of_identity, of_server, of_service, written};
use rules::Rules;

/// Compare two configurations: what got wider, what got narrower, what breaks callers.
///
/// Calls on both sides of everything that the rules mention are judged by both policies, for each
/// way in which they tell callers apart. A difference is shown with a call that makes it; what no
/// such call shows is not found. Contracts and what the registry says are compared field by field.
///
/// Examples:
///   toolgate diff old.json new.json
///       two bundles
///   toolgate diff --base main -r registry.yaml -p policy.yaml
///       the files against what they are on the branch `main`, in CI
///   toolgate diff --from-policy live.yaml -r registry.yaml -p policy.yaml
///       two policies over one registry
///
/// Exit status: 0 nothing of --fail-on was found, 1 it was, 2 could not compare.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The old bundle and the new one.
    #[arg(value_names = ["OLD", "NEW"], num_args = 2, conflicts_with_all = ["registry", "policy", "base", "from_registry", "from_policy"])]
    bundles: Vec<PathBuf>,
    /// New registry files.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required_unless_present = "bundles")]
    registry: Vec<PathBuf>,
    /// New policy files.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required_unless_present = "bundles")]
    policy: Vec<PathBuf>,
    /// Old registry files; without them, the new ones.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from_registry: Vec<PathBuf>,
    /// Old policy files; without them, the new ones.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from_policy: Vec<PathBuf>,
    /// The same files as this commit of git has them are the old ones.
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["from_registry", "from_policy"])]
    base: Option<String>,
    /// What makes the exit status 1; `any` is every difference at all.
    #[arg(
        long,
        value_name = "KIND,..",
        value_enum,
        value_delimiter = ',',
        default_value = "wider,narrower,breaking"
    )]
    fail_on: Vec<Direction>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let new = match arguments.new_files().load()? {
        Ok(loaded) => loaded,
        Err(findings) => return findings.refuse_as(arguments.format),
    };
    let old = match &arguments.base {
        Some(commit) => side::load_commit(&arguments.new_files(), commit)?,
        None => arguments.old_files().load()?,
    };
    let old = match old {
        Ok(loaded) => loaded,
        Err(findings) => return findings.refuse_as(arguments.format),
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let minutes = since.unwrap_or_default().as_secs() / 60;
    let minutes = i64::try_from(minutes).unwrap_or_default();
    let now = Timestamp(minutes.saturating_mul(60_000_000_000));
    let comparison = compare(&old, &new, now);
    comparison.print(new, arguments)
}

impl Arguments {
    fn new_files(&self) -> Files {
        Files {
            registry: self.registry.clone(),
            policy: self.policy.clone(),
            bundle: self.bundles.get(1).cloned(),
        }
    }

    fn old_files(&self) -> Files {
        let or =
            |old: &Vec<PathBuf>, new: &Vec<PathBuf>| if old.is_empty() { new } else { old }.clone();
        Files {
            registry: or(&self.from_registry, &self.registry),
            policy: or(&self.from_policy, &self.policy),
            bundle: self.bundles.first().cloned(),
        }
    }

    fn fails(&self, change: &Change) -> bool {
        let any = self.fail_on.contains(&Direction::Changed);
        any || self.fail_on.contains(&change.direction)
    }
}

/// What was found.
#[derive(Default)]
struct Comparison {
    changes: Vec<Change>,
    /// Calls that were judged by both.
    judged: usize,
    /// Entries of which not all calls were judged.
    capped: BTreeSet<String>,
}

impl Comparison {
    fn print(&self, new: Loaded, arguments: &Arguments) -> anyhow::Result<ExitCode> {
        if arguments.format == Format::Text {
            let text = change::text(&self.changes);
            write!(anstream::stdout().lock(), "{text}")
                .context("cannot write to standard output")?;
            let calls = self.judged;
            if calls > 0 {
                eprintln!("judged {calls} calls by both; what no such call shows is not found");
            }
        } else {
            let of = |change: &Change| change.finding(&new, arguments.fails(change));
            let list = self.changes.iter().map(of).collect();
            let sources = new.sources;
            Findings { sources, list }.print(arguments.format)?;
        }
        for name in &self.capped {
            eprintln!("note: `{name}` has more calls worth judging than were judged");
        }
        let failed = self.changes.iter().any(|change| arguments.fails(change));
        Ok(if failed {
            ExitCode::from(FINDINGS)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn compare(old: &Loaded, new: &Loaded, now: Timestamp) -> Comparison {
    let mut comparison = Comparison::default();
    let [old_entries, new_entries] = [old, new].map(|side| entries(&side.policy));
    let [old_written, new_written] = [old, new].map(|side| entries_written(&side.config));
    let rules = Rules::new(old, new);
    let mut moved = BTreeSet::new();
    let names: BTreeSet<_> = old_entries.keys().chain(new_entries.keys()).collect();
    for name in names {
        let pair = Pair {
            subject: match name.0 {
                Kind::Tool => name.1.clone(),
                Kind::Resource | Kind::Prompt => format!("{} {}", name.0.as_str(), name.1),
            },
            old: Side {
                policy: &old.policy,
                entry: old_entries.get(name).copied(),
            },
            new: Side {
                policy: &new.policy,
                entry: new_entries.get(name).copied(),
            },
            now,
        };
        let versions = Versions {
            subject: &pair.subject,
            old: old_written.get(name),
            new: new_written.get(name),
            at: pair.new.entry.map(|entry| new.policy.place_of(entry)),
        };
        comparison.changes.extend(versions.entry());
        if let (Some(old), Some(new)) = (pair.old.entry, pair.new.entry) {
            let changes = limits::limits(&pair.subject, &old.limits, &new.limits);
            comparison.changes.extend(changes);
        }
        if rules.same_beside && versions.old == versions.new && rules.same_about(&pair) {
            continue;
        }
        let effects = pair.compare();
        comparison.judged = comparison.judged.saturating_add(effects.judged);
        if effects.capped {
            comparison.capped.insert(pair.subject.clone());
        }
        comparison.changes.extend(effects.changes);
        moved.extend(effects.rules);
    }
    comparison.changes.extend(rules.without_effect(&moved));
    comparison.changes.extend(rules::limited(old, new));
    comparison.changes.extend(redactions::redacted(old, new));
    comparison.changes.extend(surroundings(old, new));
    comparison
}

/// What entries are told apart by: kind, name, and for resources the server.
type Name = (Kind, String, String);

fn entries(policy: &Policy) -> BTreeMap<Name, &Entry> {
    let name = |entry: &Entry| {
        let server = match entry.kind {
            Kind::Resource => entry.server.clone(),
            Kind::Tool | Kind::Prompt => String::new(),
        };
        (entry.kind, entry.name.clone(), server)
    };
    policy
        .registry()
        .entries()
        .map(|entry| (name(entry), entry))
        .collect()
}

fn entries_written(config: &Config) -> BTreeMap<Name, Json> {
    let registry = &config.registry;
    let name = |kind, name: &String| (kind, name.clone(), String::new());
    let tools = registry.tools.iter();
    let tools = tools.map(|tool| (name(Kind::Tool, &tool.name), written(tool)));
    let prompts = registry.prompts.iter();
    let prompts = prompts.map(|prompt| (name(Kind::Prompt, &prompt.name), written(prompt)));
    let resources = registry.resources.iter().map(|resource| {
        let name = (
            Kind::Resource,
            resource.uri.clone(),
            resource.mcp_server.clone(),
        );
        (name, written(resource))
    });
    tools.chain(prompts).chain(resources).collect()
}

/// What is neither an entry nor a rule: servers, identity, bounds, and what else a policy says.
fn surroundings(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let servers = |side: &Loaded| -> BTreeMap<String, Json> {
        let servers = side.config.registry.servers.iter();
        servers
            .map(|(id, server)| (id.clone(), written(server)))
            .collect()
    };
    let (old_servers, new_servers) = (servers(old), servers(new));
    let ids: BTreeSet<_> = old_servers.keys().chain(new_servers.keys()).collect();
    let mut changes = Vec::new();
    for id in ids {
        let subject = format!("server {id}");
        let versions = Versions {
            subject: &subject,
            old: old_servers.get(id),
            new: new_servers.get(id),
            at: None,
        };
        match (versions.old, versions.new) {
            (Some(_), Some(_)) => changes.extend(versions.fields(of_server)),
            (_, new) => {
                let verb = if new.is_some() { "is new" } else { "is gone" };
                changes.push(Change::new(
                    Direction::Changed,
                    subject.as_str(),
                    verb,
                    None,
                ));
            }
        }
    }
    let [old_shadow, new_shadow] = [old, new].map(|side| written(&side.config.shadow));
    if old_shadow != new_shadow {
        let message = "changed; it decides nothing";
        changes.push(Change::new(
            Direction::Changed,
            "shadow policy",
            message,
            None,
        ));
    }
    let policies = [old, new].map(|side| rules::beside(&side.config));
    let part = |side: &'_ Json, name: &str| side.get(name).cloned();
    let [old, new] = &policies;
    for (name, direction) in PARTS {
        let (old, new) = (part(old, name), part(new, name));
        let versions = Versions {
            subject: name,
            old: old.as_ref(),
            new: new.as_ref(),
            at: None,
        };
        changes.extend(versions.fields(direction));
    }
    let rest = policies.map(|mut policy| {
        if let Some(members) = policy.as_object_mut() {
            members.retain(|name, _| PARTS.iter().all(|(part, _)| part != name));
        }
        policy
    });
    let [old, new] = &rest;
    let versions = Versions {
        subject: "policy",
        old: Some(old),
        new: Some(new),
        at: None,
    };
    changes.extend(versions.fields(|_, _, _| Direction::Changed));
    changes
}

type Meaning = fn(&str, Option<&Json>, Option<&Json>) -> Direction;

/// Parts of a policy that are told field by field.
const PARTS: [(&str, Meaning); 3] = [
    ("identity", of_identity),
    ("bounds", of_bounds),
    ("rate_limit_service", of_service),
];

#[cfg(test)]
mod tests;
