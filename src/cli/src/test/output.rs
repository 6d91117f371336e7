//! Results for people, editors and CI.

use std::{fmt::Write as _, io::Write as _};

use anyhow::Context as _;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::{
    Format,
    session::{Coverage, Results, Tested},
};
use crate::report::{self, Finding};

/// Writes results to standard output.
pub(super) fn write(results: &mut Results, format: Format) -> anyhow::Result<()> {
    let findings = match format {
        Format::Text => return say(&text(results)),
        Format::Json => return say(&format!("{:#}\n", json(results))),
        Format::Junit => return say(&junit(results)?),
        Format::Github => report::Format::Github,
        Format::Sarif => report::Format::Sarif,
    };
    let unreached = results.coverage.iter().flat_map(|one| &one.unreached);
    let unreached = unreached.map(|(_, finding)| finding);
    let list: Vec<_> = failures(results).chain(unreached).cloned().collect();
    results.about(list).print(findings)
}

fn say(text: &str) -> anyhow::Result<()> {
    write!(anstream::stdout().lock(), "{text}").context("cannot write to standard output")
}

/// What is not as it should be.
fn failures(results: &Results) -> impl Iterator<Item = &Finding> {
    let tests = results.tests.iter();
    tests
        .filter_map(|test| test.failure.as_ref())
        .chain(&results.short)
}

/// The failures, the rules that no test reaches, and how many tests there were.
pub(super) fn text(results: &mut Results) -> String {
    let list = failures(results).cloned().collect();
    let findings = results.about(list);
    let mut text = findings.snippets();
    for coverage in &results.coverage {
        let (files, reached, rules) = (
            coverage.policies.join(", "),
            coverage.reached(),
            coverage.rules,
        );
        let _ = write!(text, "{files}: {reached} of {rules} rules reached");
        if !coverage.unreached.is_empty() {
            let _ = write!(text, " ({} %); no test reaches", coverage.percent());
        }
        text.push('\n');
        let width = coverage
            .unreached
            .iter()
            .map(|(id, _)| id.chars().count())
            .max();
        for (id, finding) in &coverage.unreached {
            let place = results.files.place(finding);
            let _ = writeln!(
                text,
                "  {id:width$}  {place}",
                width = width.unwrap_or_default()
            );
        }
    }
    if results.tests.is_empty() && !results.problems.is_empty() {
        return text;
    }
    let failed = results
        .tests
        .iter()
        .filter(|test| test.failure.is_some())
        .count();
    let tests = results.tests.len();
    let (plural, passed) = (if tests == 1 { "" } else { "s" }, tests - failed);
    let _ = writeln!(
        text,
        "{tests} test{plural}, {passed} passed, {failed} failed"
    );
    text
}

/// Every test with what came of it, and the coverage of each policy.
pub(super) fn json(results: &Results) -> Value {
    let files = &results.files;
    let test = |test: &Tested| {
        json!({
            "name": test.name,
            "place": files.place(&test.place),
            "passed": test.failure.is_none(),
            "failure": test.failure.as_ref().map(|finding| files.json(finding)),
            "record": test.record,
        })
    };
    let coverage = |coverage: &Coverage| {
        let unreached = coverage.unreached.iter();
        json!({
            "policies": coverage.policies,
            "rules": coverage.rules,
            "reached": coverage.reached(),
            "percent": coverage.percent(),
            "unreached": unreached
                .map(|(id, finding)| json!({ "rule": id, "place": files.place(finding) }))
                .collect::<Vec<_>>(),
        })
    };
    json!({
        "tests": results.tests.iter().map(test).collect::<Vec<_>>(),
        "coverage": results.coverage.iter().map(coverage).collect::<Vec<_>>(),
    })
}

/// JUnit XML: a suite for each file.
pub(super) fn junit(results: &Results) -> anyhow::Result<String> {
    let mut report = Report::new("toolgate");
    for (place, source) in results.files.sources.iter().enumerate() {
        let tests = results
            .tests
            .iter()
            .filter(|test| test.place.source == Some(place));
        let mut suite = TestSuite::new(&*source.name);
        suite.add_test_cases(tests.map(|test| {
            let status = match &test.failure {
                None => TestCaseStatus::success(),
                Some(finding) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(&*finding.problem.message);
                    let help = finding.problem.help.as_deref().unwrap_or_default();
                    status.set_description(format!("{}\n{help}", results.files.place(finding)));
                    status
                }
            };
            let mut case = TestCase::new(&*test.name, status);
            case.set_classname(&*source.name);
            case
        }));
        if suite.tests > 0 {
            report.add_test_suite(suite);
        }
    }
    report.to_string().context("cannot write JUnit XML")
}
