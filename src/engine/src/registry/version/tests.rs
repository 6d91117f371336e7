use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Build, Registry};
use crate::config::Config;

/// A registry with a tool of server `a` that has these versions.
fn build(versions: &Value) -> Result<Registry, String> {
    let registry = json!({
        "servers": {"a": {}, "b": {}},
        "tools": [
            {"name": "pay", "mcpServer": "a", "contractVersion": "1.0.0",
             "inputSchema": {"type": "object"}, "versions": versions},
            {"name": "look", "mcpServer": "b", "inputSchema": {"type": "object"}},
        ],
    });
    let config = Config::join(vec![registry], vec![]);
    let faults = config.faults.clone();
    let mut build = Build::new(config.registry);
    build.problems.splice(0..0, faults);
    let problems: Vec<_> = build.problems.iter().map(ToString::to_string).collect();
    if problems.is_empty() {
        return Ok(build.registry);
    }
    Err(problems
        .join("; ")
        .replace("registry[0]:tools[0].versions", ""))
}

#[track_caller]
fn check(versions: &Value, problem: &str) {
    let found = build(versions).err().unwrap_or_default();
    assert_eq!(found, problem);
}

#[test]
fn versions_are_told_apart() {
    let next = |share: Value| json!({"contractVersion": "2.0.0", "share": share});
    check(&json!([next(json!(0.1))]), "");
    check(&json!([next(json!(100))]), "");
    check(
        &json!([next(json!(101))]),
        "[0].share: expected a part of 100; : shares come to more than 100",
    );
    check(
        &json!([next(json!(1)), next(json!(1))]),
        "[1].contractVersion: `2.0.0` is another version already",
    );
    check(
        &json!([{"contractVersion": "1.0.0", "share": 1}, {"share": 1}]),
        "[0].contractVersion: `1.0.0` is another version already; \
         [1].contractVersion: a version has a name: `2.1.0`",
    );
    check(
        &json!([{"contractVersion": "2.0.0", "share": 1, "mcpServer": "c", "mcpTool": "pay it"}]),
        "[0].mcpTool: `pay it` is no name: not empty, no white space, `*` or `?`; \
         [0].mcpServer: no server `c` is declared \
         (declare it under `servers`)",
    );
    check(
        &json!([{"contractVersion": "2.0.0", "share": 1, "mcpServer": "b", "mcpTool": "look"}]),
        "registry[0]:tools[1].mcpTool: `look` of server `b` is registered twice",
    );
    let of = |version: &str, share: u32, tenant: &str| json!({"contractVersion": version, "share": share, "tenants": [tenant]});
    check(&json!([of("2", 60, "x"), of("3", 60, "y")]), "");
    check(
        &json!([of("2", 60, "x"), of("3", 30, "y"), {"contractVersion": "4", "share": 50}]),
        ": shares of tenant `x` come to more than 100",
    );
}

/// How many of 10,000 callers of a tenant have which version.
fn shares(registry: &Registry, tenant: &str, server: Option<&str>) -> BTreeMap<String, usize> {
    let tool = registry.tool("pay").unwrap();
    let mut counts = BTreeMap::new();
    for caller in 0..10_000 {
        let user = format!("user-{caller}");
        let who = [user.as_str(), "", "", tenant];
        let chosen = registry.chosen(tool, who, None, server);
        // Asked twice, of whichever version, it is the same.
        assert_eq!(
            registry.chosen(chosen, who, Some("s"), server).slot,
            chosen.slot
        );
        let version = chosen.contract_version.clone().unwrap();
        *counts.entry(version).or_default() += 1;
    }
    counts
}

#[test]
fn callers_have_their_share() {
    let registry = build(&json!([
        {"contractVersion": "2.1.0", "share": 5, "tenants": ["x"], "mcpServer": "b"},
        {"contractVersion": "3.0.0", "share": 2.5, "description": "Pays."},
    ]))
    .unwrap();
    let near = |found: Option<&usize>, expected: usize| {
        let found = found.copied().unwrap_or_default();
        assert!(
            found.abs_diff(expected) * 5 < expected,
            "{found}, not {expected}"
        );
    };
    let x = shares(&registry, "x", None);
    near(x.get("2.1.0"), 500);
    near(x.get("3.0.0"), 250);
    let y = shares(&registry, "y", None);
    assert_eq!(y.get("2.1.0"), None);
    near(y.get("3.0.0"), 250);
    // At the endpoint of a server only what is there.
    let at_a = shares(&registry, "x", Some("a"));
    assert_eq!(at_a.get("2.1.0"), None);
    assert_eq!(at_a.get("3.0.0"), x.get("3.0.0"));
    assert_eq!(
        shares(&registry, "x", Some("b")).get("2.1.0"),
        x.get("2.1.0")
    );

    let version = registry.versions().next().unwrap();
    assert_eq!(
        (version.server.as_str(), version.backend_name.as_str()),
        ("b", "pay")
    );
    assert_eq!(registry.entries().count(), 2);
}

fn version(registry: &Registry, who: [&str; 4], session: Option<&str>) -> String {
    let tool = registry.tool("pay").unwrap();
    let chosen = registry.chosen(tool, who, session, None);
    chosen.contract_version.clone().unwrap()
}

#[test]
fn a_larger_share_takes_nothing_away() {
    let of = |share: u32| build(&json!([{"contractVersion": "2", "share": share}])).unwrap();
    let (small, large, all) = (of(5), of(20), of(100));
    for caller in 0..1_000 {
        let agent = format!("agent-{caller}");
        let who = ["", agent.as_str(), "", ""];
        assert_eq!(version(&all, who, None), "2");
        if version(&small, who, None) == "2" {
            assert_eq!(version(&large, who, None), "2");
        }
    }
    // Nobody's session decides; nobody without one has the tool itself.
    let nobody = [""; 4];
    assert_eq!(version(&all, nobody, Some("s")), "2");
    assert_eq!(version(&all, nobody, None), "1.0.0");
    let sessions: Vec<_> = (0..1_000).map(|i| format!("session-{i}")).collect();
    let some = sessions
        .iter()
        .filter(|s| version(&large, nobody, Some(s)) == "2");
    let some = some.count();
    assert!((120..280).contains(&some), "{some}");
}
