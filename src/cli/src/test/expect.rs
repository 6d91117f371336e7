//! What was expected, beside what came.

use std::collections::BTreeSet;

use engine::{config::OneOrMany, problem::Problem};
use serde_json::Value;

use crate::trial::{Decision, Expect, Outcome, Trial};

/// What is not as expected, if anything is; its path is that of the first such member.
pub(super) fn failure(test: &Trial, outcome: &Outcome) -> Option<Problem> {
    let differences = differences(test.expect.as_ref()?, outcome);
    let (member, _) = differences.first()?;
    let path = format!("{}.expect.{member}", test.at);
    let said: Vec<_> = differences.iter().map(|(_, said)| said.as_str()).collect();
    let problem = Problem::new(
        path,
        format!("{}: {}", test.name.as_deref()?, said.join("; ")),
    );
    Some(problem.help(came(outcome)))
}

/// Each member that differs, and how.
fn differences(expect: &Expect, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut differences = Vec::new();
    let decision = expect.decision.map(Decision::as_str);
    let mut compare = |member: &'static str, expected: Option<&str>, came: Option<&str>| {
        if expected.is_some() && expected != came {
            differences.push((
                member,
                format!(
                    "{} is {}, not {}",
                    member.replace('.', " "),
                    quoted(came),
                    quoted(expected)
                ),
            ));
        }
    };
    compare("decision", decision, outcome.text("decision"));
    compare("rule", expect.rule.as_deref(), outcome.text("rule"));
    compare("reason", expect.reason.as_deref(), outcome.text("reason"));
    compare("limit", expect.limit.as_deref(), outcome.text("limit"));
    let expected = expect.approver.as_ref().map(|names| {
        let mut names: Vec<_> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    });
    let mut approvers = outcome.approvers();
    approvers.sort_unstable();
    let approvers = (!approvers.is_empty()).then(|| approvers.join(", "));
    compare("approver", expected.as_deref(), approvers.as_deref());
    if let Some(shadow) = &expect.shadow {
        let came = |member: &str| outcome.record.get("shadow")?.get(member)?.as_str();
        let decision = shadow.decision.map(Decision::as_str);
        compare("shadow.decision", decision, came("decision"));
        compare("shadow.rule", shadow.rule.as_deref(), came("rule"));
        compare("shadow.reason", shadow.reason.as_deref(), came("reason"));
    }
    if let Some(part) = &expect.message
        && !outcome.said.contains(part)
    {
        differences.push(("message", format!("the agent is not told `{part}`")));
    }
    let visible = &outcome.visible;
    let mut list = |member, shown: bool, names: Vec<&String>| {
        if !names.is_empty() {
            let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
            let verb = if shown { "shows" } else { "does not show" };
            differences.push((member, format!("the list {verb} {}", names.join(", "))));
        }
    };
    if let Some(names) = &expect.visible {
        let expected: BTreeSet<_> = names.iter().cloned().collect();
        list("visible", false, expected.difference(visible).collect());
        list("visible", true, visible.difference(&expected).collect());
    }
    let (shows, hides) = (names(expect.shows.as_ref()), names(expect.hides.as_ref()));
    list(
        "shows",
        false,
        shows.filter(|name| !visible.contains(*name)).collect(),
    );
    list(
        "hides",
        true,
        hides.filter(|name| visible.contains(*name)).collect(),
    );
    differences
}

fn names(names: Option<&OneOrMany<String>>) -> impl Iterator<Item = &String> {
    names.into_iter().flat_map(OneOrMany::iter)
}

/// What came, in one line.
fn came(outcome: &Outcome) -> String {
    let member = |name: &str| outcome.record.get(name).and_then(Value::as_str);
    let mut parts = vec![quoted(member("decision"))];
    parts.extend(member("rule").map(|rule| format!("rule `{rule}`")));
    parts.extend(member("reason").map(|reason| format!("reason `{reason}`")));
    let told = outcome.said.lines().next().unwrap_or_default();
    let told = match told {
        "" => String::new(),
        told => format!("; the agent is told: {told}"),
    };
    format!("it was decided {}{told}", parts.join(", "))
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"))
}
