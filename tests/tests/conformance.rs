//! The official suite: our server passes it, and through Envoy and Toolgate nothing changes.

use std::net::SocketAddr;

use tests::conformance::Fixtures;
use tests::envoy::{Envoy, Gateway, Setup};
use tests::serve::{self, Served};
use tests::{bundle, suite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_envoy_is_the_same_as_direct() {
    let server = fixtures().await;
    check(server.addr(), Gateway::plain(server.addr())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toolgate_is_the_same_as_direct() {
    let server = fixtures().await;
    let gateway = Gateway::toolgate(bundle::fixtures(), &[("fixtures", server.addr())]);
    check(server.addr(), gateway).await;
}

async fn fixtures() -> Served {
    Served::start(serve::mcp(Fixtures::default()), 0).expect("loopback has ports")
}

/// Check by check, for both requirement sets.
async fn check(server: SocketAddr, gateway: Gateway) {
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let mut differences = String::new();
    for (revision, scenarios) in [("2025-11-25", 33), ("2026-07-28", 50)] {
        let direct = suite::run(server, revision).await;
        assert!(direct.passed, "{revision} direct:\n{}", direct.printed);
        assert_eq!(direct.checks.len(), scenarios, "{:?}", direct.checks.keys());
        // Those of tasks are not scored, and pass all the same.
        let failed = direct.checks.iter().filter(|(_, checks)| {
            let mut statuses = checks.iter().map(|(_, status)| status);
            statuses.any(|status| status == "FAILURE")
        });
        let failed: Vec<_> = failed.map(|(scenario, _)| scenario).collect();
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
    let refused = envoy
        .access_log(0)
        .into_iter()
        .filter(|line| line["toolgate"]["decision"] == "deny");
    let refused: Vec<String> = refused.map(|line| line["toolgate"].to_string()).collect();
    assert!(
        differences.is_empty(),
        "{differences}\nrefused:\n{}",
        refused.join("\n")
    );
}
