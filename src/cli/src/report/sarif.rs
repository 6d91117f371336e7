//! Findings as SARIF 2.1.0 (OASIS), the format of code scanning.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Finding, Findings, Region};

/// The whole document.
pub(super) fn document(findings: &Findings) -> Value {
    let codes: BTreeSet<_> = findings.list.iter().map(rule).collect();
    let rules: Vec<_> = codes.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<_> = findings
        .list
        .iter()
        .map(|finding| result(findings, finding))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "toolgate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(findings: &Findings, finding: &Finding) -> Value {
    let mut text = finding.title();
    if let Some(help) = &finding.problem.help {
        text.push_str(". ");
        text.push_str(help);
    }
    let location = findings.source(finding).map(|source| {
        // A URI reference: what a path may hold and a URI may not is rare, and starts with this.
        let uri = source.name.replace('%', "%25").replace(' ', "%20");
        let mut physical = json!({ "artifactLocation": { "uri": uri } });
        if let (Some(region), Some(members)) = (findings.region(finding), physical.as_object_mut())
        {
            members.insert("region".to_owned(), region_of(&region));
        }
        json!({ "physicalLocation": physical })
    });
    json!({
        "ruleId": rule(finding),
        "level": finding.level.name(),
        "message": { "text": text },
        "locations": location.into_iter().collect::<Vec<_>>(),
    })
}

fn rule(finding: &Finding) -> &'static str {
    finding.code.unwrap_or("invalid")
}

fn region_of(region: &Region) -> Value {
    region
        .members()
        .map(|(name, n)| (name.to_owned(), Value::from(n)))
        .collect()
}
