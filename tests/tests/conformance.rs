//! The official suite: our server passes it, through Envoy and Toolgate nothing changes, and three
//! servers at one address pass it as one.

use std::fs;
use std::net::SocketAddr;

use serde_json::json;
use tempfile::TempDir;
use tests::client::{self, Request};
use tests::conformance::{Fixtures, Part};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::message::{legacy, modern};
use tests::running::Running;
use tests::serve::{self, Served};
use tests::suite::Outcome;
use tests::{bundle, suite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_envoy_is_the_same_as_direct() {
    let server = server(Part::Whole);
    check(server.addr(), Gateway::plain(server.addr())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toolgate_is_the_same_as_direct() {
    let server = server(Part::Whole);
    let gateway = Gateway::toolgate(bundle::fixtures(), &[("fixtures", server.addr())]);
    check(server.addr(), gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_at_one_address_pass_as_one() {
    let servers = Part::SPREAD.map(|part| (part.name(), server(part)));
    let addresses = servers
        .each_ref()
        .map(|(name, server)| (*name, server.addr()));
    let folder = TempDir::new().expect("a folder");
    let (registry, policy) = bundle::spread(&addresses);
    for (file, value) in [("registry.yaml", registry), ("policy.yaml", policy)] {
        fs::write(folder.path().join(file), value.to_string()).expect("written");
    }
    let running = Running::start(folder.path()).await;
    for (revision, scenarios) in REVISIONS {
        let run = suite::run(running.addr(), revision).await;
        assert_eq!(run.checks.len(), scenarios, "{:?}", run.checks.keys());
        let failed = failed(&run);
        // Neither is scored: one is about an extension, the other pending.
        let unscored = ["http-header-validation", "tasks-capability-negotiation"];
        let scored = failed
            .iter()
            .find(|name| !unscored.contains(&name.as_str()));
        assert!(
            run.passed && scored.is_none(),
            "{revision}: {failed:?}\n{}",
            run.printed
        );
    }
}

#[tokio::test]
async fn each_server_speaks_its_own_era() {
    let discover = Request::modern("/mcp", &modern("server/discover", json!({})));
    let initialize = legacy(
        "initialize",
        &json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "rig", "version": "1" },
        }),
    );
    let initialize = Request::post("/mcp", initialize.to_string());
    for (part, speaks_legacy, speaks_modern) in [
        (Part::Whole, true, true),
        (Part::Legacy, true, false),
        (Part::Modern, false, true),
        (Part::Dual, true, true),
    ] {
        let server = server(part);
        for (request, speaks) in [(&initialize, speaks_legacy), (&discover, speaks_modern)] {
            let answer = client::send(server.addr(), request)
                .await
                .expect("an answer");
            let answer = answer.json();
            assert_eq!(answer["result"].is_object(), speaks, "{part:?}: {answer}");
        }
    }
    let count = |part: Part| part.tools().len() + part.prompts().len() + part.resources().len();
    let spread: usize = Part::SPREAD.into_iter().map(count).sum();
    assert_eq!(spread, count(Part::Whole));
}

fn server(part: Part) -> Served {
    Served::start(serve::mcp(Fixtures::new(part)), 0).expect("loopback has ports")
}

/// Check by check, for both requirement sets.
async fn check(server: SocketAddr, gateway: Gateway) {
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let mut differences = String::new();
    for (revision, scenarios) in REVISIONS {
        let direct = suite::run(server, revision).await;
        assert!(direct.passed, "{revision} direct:\n{}", direct.printed);
        assert_eq!(direct.checks.len(), scenarios, "{:?}", direct.checks.keys());
        // Those of tasks are not scored, and pass all the same.
        let failed = failed(&direct);
        assert!(failed.is_empty(), "{revision} direct: {failed:?}");
        let through = suite::run(envoy.addr(), revision).await;
        for (scenario, expected) in &direct.checks {
            let found = through.checks.get(scenario).cloned().unwrap_or_default();
            if *expected != found {
                differences += &format!(
                    "{revision} {scenario}\n  direct: {expected:?}\n  through: {found:?}\n"
                );
            }
        }
    }
    let refused = refused(&envoy);
    assert!(differences.is_empty(), "{differences}\nrefused:\n{refused}");
}

/// The scenarios with a check that failed.
fn failed(run: &Outcome) -> Vec<&String> {
    let failed = run.checks.iter().filter(|(_, checks)| {
        let mut statuses = checks.iter().map(|(_, status)| status);
        statuses.any(|status| status == "FAILURE")
    });
    failed.map(|(scenario, _)| scenario).collect()
}

/// The records of what Toolgate refused.
fn refused(envoy: &Envoy) -> String {
    let lines = envoy.access_log(0).into_iter();
    let refused = lines.filter(|line| line["toolgate"]["decision"] == "deny");
    let refused: Vec<String> = refused.map(|line| line["toolgate"].to_string()).collect();
    refused.join("\n")
}

/// With the number of scenarios that concern servers.
const REVISIONS: [(&str, usize); 2] = [("2025-11-25", 33), ("2026-07-28", 50)];
