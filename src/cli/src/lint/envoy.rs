//! `toolgate lint --envoy`: whether a configuration of Envoy, Istio or Envoy Gateway gives the filter
//! what it needs.
//!
//! All files are one configuration. What Envoy itself refuses is Envoy's to tell
//! (`envoy --mode validate`); here is what it takes without a word.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use engine::{policy::Policy, problem::Problem};

use super::{Lint, allow};
use crate::{
    report::{Finding, Findings},
    source::Source,
};

mod approver;
mod around;
mod at;
mod chain;
mod credential;
mod filter;
mod ratelimit;

use at::At;

pub(super) const LINTS: [&[&Lint]; 6] = [
    filter::LINTS,
    chain::LINTS,
    around::LINTS,
    approver::LINTS,
    credential::LINTS,
    ratelimit::LINTS,
];

/// One configuration under review.
struct Review<'v> {
    /// Every document of it.
    documents: Vec<At<'v>>,
    /// The policy that it is for, where that is known.
    policy: Option<Arc<Policy>>,
    list: Vec<(usize, Finding)>,
}

/// Reads files and tells what is found; `policy` is what they should be for.
///
/// # Errors
/// A file cannot be read. One that is not well-formed is a finding, without a code.
pub(super) fn review(files: &[PathBuf], policy: Option<&Arc<Policy>>) -> anyhow::Result<Findings> {
    let mut sources = Vec::new();
    let mut malformed = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let text = fs::read(path).with_context(|| format!("cannot read `{name}`"))?;
        let text = String::from_utf8(text).with_context(|| format!("cannot read `{name}`"))?;
        for document in documents(&name, &text) {
            let (source, finding) = Source::new(name.clone(), document);
            malformed.extend(finding.map(|finding| Finding {
                source: Some(sources.len()),
                ..finding
            }));
            sources.push(source);
        }
    }
    if !malformed.is_empty() {
        return Ok(Findings {
            sources,
            list: malformed,
        });
    }
    let values: Vec<_> = sources.iter().map(Source::value).collect();
    let roots = values.iter().enumerate();
    let mut review = Review {
        documents: roots.map(|(index, value)| At::root(index, value)).collect(),
        policy: policy.cloned(),
        list: Vec::new(),
    };
    filter::review(&mut review);
    chain::review(&mut review);
    around::review(&mut review);
    approver::review(&mut review);
    credential::review(&mut review);
    ratelimit::review(&mut review);
    let list = review.list.into_iter().map(|(index, mut finding)| {
        let source = sources.get(index);
        finding.at = source.and_then(|source| source.locate(&finding.problem));
        finding.source = Some(index);
        // Ten steps into a listener tell nobody more than the line does.
        finding.problem.path.clear();
        finding
    });
    let mut list = allow::apply(&sources, list.collect());
    list.sort_by_key(|finding| {
        let at = finding.at.as_ref().map(|at| at.start);
        (finding.source, at, finding.code)
    });
    list.dedup();
    Ok(Findings { sources, list })
}

/// The documents of a stream, each on the lines where it stands.
fn documents(name: &str, text: &str) -> Vec<String> {
    if name.ends_with(".json") {
        return vec![text.to_owned()];
    }
    let mut documents = vec![String::new()];
    let mut above = 0_usize;
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            documents.push("\n".repeat(above));
        }
        if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
        above = above.saturating_add(1);
    }
    // What stands before the first document is mostly nothing, or comments.
    documents.retain(|document| {
        let mut lines = document.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#') && line != "---")
    });
    if documents.is_empty() {
        documents.push(text.to_owned());
    }
    documents
}

impl<'v> Review<'v> {
    fn tell(&mut self, lint: &Lint, at: &At<'_>, field: &str, message: String, help: &str) {
        let path = match (at.path.as_str(), field) {
            (path, "") => path.to_owned(),
            ("", field) => field.to_owned(),
            (path, field) => format!("{path}.{field}"),
        };
        let problem = Problem::new(path, message).help(help);
        self.list.push((at.source, lint.finding(problem)));
    }

    /// Everything of it, from the outside in.
    fn everything(&self) -> Vec<At<'v>> {
        self.documents.iter().flat_map(At::everything).collect()
    }
}
