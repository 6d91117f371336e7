//! Test files run one after another, and what is known after all of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use engine::{
    cx::Timestamp,
    policy::{self, Policy},
    problem::Problem,
};
use serde_json::Value;

use super::{expect, table::Table};
use crate::{
    inputs::Files,
    report::{Finding, Findings, Level},
    source::Source,
    trial::{Outcome, Request, Setting, Trial, present},
};

/// A run over test files.
pub(super) struct Session<'a> {
    /// Only tests whose name holds this are run.
    filter: Option<&'a str>,
    /// The time for calls that do not say it.
    present: Timestamp,
    results: Results,
    /// Configurations by their files, so that each is loaded once; `None`: it does not hold together.
    subjects: BTreeMap<Vec<PathBuf>, Option<Subject>>,
}

/// What tests are about.
struct Subject {
    policy: Arc<Policy>,
    /// The files of the policy.
    files: Vec<String>,
    /// Its rules that matched no call yet: their places among all rules, their ids, and where they
    /// are written.
    unreached: Vec<(usize, String, Finding)>,
}

/// What is known after all tests.
#[derive(Default)]
pub(super) struct Results {
    /// Every file that was read.
    pub(super) files: Findings,
    /// What does not hold together.
    pub(super) problems: Vec<Finding>,
    /// The tests that were run.
    pub(super) tests: Vec<Tested>,
    /// What they reach.
    pub(super) coverage: Vec<Coverage>,
    /// Policies of which they reach too little.
    pub(super) short: Vec<Finding>,
}

/// A test that was run.
pub(super) struct Tested {
    /// Its name.
    pub(super) name: String,
    /// Where it is written.
    pub(super) place: Finding,
    /// The audit record of its call.
    pub(super) record: Value,
    /// What is not as expected.
    pub(super) failure: Option<Finding>,
}

/// How much of a policy the tests reach.
pub(super) struct Coverage {
    /// The policy's files.
    pub(super) policies: Vec<String>,
    /// How many rules it has.
    pub(super) rules: usize,
    /// The rules that matched no call: their ids, and where they are written.
    pub(super) unreached: Vec<(String, Finding)>,
}

impl<'a> Session<'a> {
    pub(super) fn new(filter: Option<&'a str>) -> Self {
        Self {
            filter,
            present: present(),
            results: Results::default(),
            subjects: BTreeMap::new(),
        }
    }

    /// Runs the tests of one file.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let (source, malformed) = Source::read(path)?;
        let place = self.results.files.sources.len();
        if let Some(malformed) = malformed {
            self.results.files.sources.push(source);
            let source = Some(place);
            self.results.problems.push(Finding {
                source,
                ..malformed
            });
            return Ok(());
        }
        let (table, mut problems) = Table::read(&source);
        self.results.files.sources.push(source);
        let now = table.now(self.present).unwrap_or_else(|problem| {
            problems.push(problem);
            self.present
        });
        let key = match table.files(path) {
            Ok(files) => self.load(&files)?,
            Err(found) => {
                problems.extend(found);
                Vec::new()
            }
        };
        let subject = self.subjects.get_mut(&key).and_then(Option::as_mut);
        if let Some(subject) = subject {
            let setting = Setting {
                callers: &table.callers,
                now,
            };
            let mut requests = Vec::new();
            for test in &table.tests {
                match test.request(&subject.policy, &setting) {
                    Ok(request) => requests.push((test, request)),
                    Err(found) => problems.extend(found),
                }
            }
            // What is left of a file with problems is not what its author wrote.
            if problems.is_empty() {
                let wanted = |name: &str| self.filter.is_none_or(|text| name.contains(text));
                for (test, request) in &requests {
                    if test.name.as_deref().is_some_and(wanted) {
                        let tested = subject.run(test, request, place, &self.results);
                        self.results.tests.push(tested);
                    }
                }
            }
        }
        for problem in problems {
            let placed = self.results.at(place, problem);
            self.results.problems.push(placed);
        }
        Ok(())
    }

    /// Loads these files, if that has not been done; gives their key among the subjects.
    fn load(&mut self, files: &Files) -> anyhow::Result<Vec<PathBuf>> {
        let key: Vec<_> = files.paths().cloned().collect();
        if self.subjects.contains_key(&key) {
            return Ok(key);
        }
        let first = self.results.files.sources.len();
        let loaded = match files.load()? {
            Ok(loaded) => loaded,
            Err(findings) => {
                let placed = findings.list.into_iter().map(|found| moved(found, first));
                self.results.problems.extend(placed);
                self.results.files.sources.extend(findings.sources);
                self.subjects.insert(key.clone(), None);
                return Ok(key);
            }
        };
        let rules = loaded.policy.rules().iter();
        let unreached = rules.map(|rule| {
            let problem = Problem::new(&rule.at, format!("no test reaches rule `{}`", rule.id));
            let note = Finding {
                level: Level::Note,
                code: Some("unreached-rule"),
                ..titled(moved(loaded.place(problem), first))
            };
            (rule.place, rule.id.clone(), note)
        });
        let subject = Subject {
            unreached: unreached.collect(),
            files: files
                .policy
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            policy: loaded.policy,
        };
        self.results.files.sources.extend(loaded.sources);
        self.subjects.insert(key.clone(), Some(subject));
        Ok(key)
    }

    /// What is known after all files.
    pub(super) fn finish(self, least: Option<u8>) -> Results {
        let mut results = self.results;
        if self.filter.is_some() || !results.problems.is_empty() {
            // Some tests say nothing about what all of them reach.
            return results;
        }
        for subject in self.subjects.into_values().flatten() {
            let unreached = subject
                .unreached
                .into_iter()
                .map(|(_, id, note)| (id, note));
            let coverage = Coverage {
                rules: subject.policy.rules().len(),
                policies: subject.files,
                unreached: unreached.collect(),
            };
            if let Some(least) = least
                && coverage.percent() < usize::from(least)
            {
                results.short.push(Finding {
                    code: Some("coverage"),
                    ..Finding::error(coverage.short_of(least))
                });
            }
            results.coverage.push(coverage);
        }
        results
    }
}

impl Subject {
    /// Runs one test, of the file at this place among those of `results`.
    fn run(&mut self, test: &Trial, request: &Request, file: usize, results: &Results) -> Tested {
        let outcome = request.run(&self.policy);
        self.reach(request, &outcome);
        let failure = expect::failure(test, &outcome).map(|problem| Finding {
            code: Some("failed-test"),
            ..titled(results.at(file, problem))
        });
        Tested {
            name: test.name.clone().unwrap_or_default(),
            place: results.at(file, Problem::new(&test.at, "")),
            record: outcome.record,
            failure,
        }
    }

    /// Notes the rules that matched a call.
    fn reach(&mut self, request: &Request, outcome: &Outcome) {
        // Otherwise something else decided before the rules had a say.
        let ruled = outcome.text("rule").is_some()
            || outcome.text("limit").is_some()
            || matches!(outcome.text("reason"), Some("no_rule" | "hidden_no_rule"));
        if !ruled {
            return;
        }
        request.calls(&self.policy, |call| {
            for one in self.policy.explain(call) {
                if one.outcome == policy::Outcome::Applies {
                    self.unreached
                        .retain(|(place, ..)| *place != one.rule.place);
                }
            }
        });
    }
}

impl Results {
    /// A problem of a file, at its place there.
    fn at(&self, source: usize, problem: Problem) -> Finding {
        Finding {
            at: self
                .files
                .sources
                .get(source)
                .and_then(|source| source.locate(&problem)),
            source: Some(source),
            ..Finding::error(problem)
        }
    }

    /// These findings, about the files that were read.
    pub(super) fn about(&mut self, list: Vec<Finding>) -> &Findings {
        self.files.list = list;
        &self.files
    }

    /// Whether a test failed, or too few rules are reached.
    pub(super) fn failed(&self) -> bool {
        !self.short.is_empty() || self.tests.iter().any(|test| test.failure.is_some())
    }
}

impl Coverage {
    /// How many rules of a hundred are reached.
    pub(super) fn percent(&self) -> usize {
        match self.rules {
            0 => 100,
            rules => self.reached() * 100 / rules,
        }
    }

    /// How many rules are reached.
    pub(super) fn reached(&self) -> usize {
        self.rules.saturating_sub(self.unreached.len())
    }

    fn short_of(&self, least: u8) -> Problem {
        let (files, percent) = (self.policies.join(", "), self.percent());
        Problem::new(
            "",
            format!("{files}: tests reach {percent} % of the rules, not {least} %"),
        )
    }
}

/// A finding whose message says what it is about, in place of a path.
fn titled(finding: Finding) -> Finding {
    let path = String::new();
    let problem = Problem {
        path,
        ..finding.problem
    };
    Finding { problem, ..finding }
}

/// A finding whose file has a place among others.
fn moved(finding: Finding, first: usize) -> Finding {
    Finding {
        source: finding.source.map(|source| source.saturating_add(first)),
        ..finding
    }
}
