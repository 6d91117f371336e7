//! The official conformance suite, run against a server.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::{envoy, tools};

/// What a run came to.
pub struct Outcome {
    /// Whether everything passed that the revision requires.
    pub passed: bool,
    /// By scenario: each check's id and status, in the suite's order.
    pub checks: BTreeMap<String, Vec<(String, String)>>,
    /// What the suite printed.
    pub printed: String,
}

/// Runs every scenario that a revision requires of a server, and those it reports unscored.
pub async fn run(server: SocketAddr, revision: &str) -> Outcome {
    let out = envoy::fresh_dir();
    let output = Command::new(tools::node())
        .arg(tools::client(
            "node_modules/@modelcontextprotocol/conformance/dist/index.js",
        ))
        .args(["server", "--url", &format!("http://{server}/mcp")])
        .args(["--requirements", revision, "-o"])
        .arg(&out)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node is executable");
    let mut checks = BTreeMap::new();
    for entry in fs::read_dir(&out).expect("just made").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let listed = fs::read_to_string(entry.path().join("checks.json")).unwrap_or_default();
        let listed: Vec<Value> = serde_json::from_str(&listed).unwrap_or_default();
        let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let listed = listed
            .iter()
            .map(|check| (text(check, "id"), text(check, "status")));
        checks.insert(scenario(&name), listed.collect());
    }
    let _ = fs::remove_dir_all(&out);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Outcome {
        passed: output.status.success(),
        checks,
        printed,
    }
}

/// `server-ping-2026-01-02T03-04-05-678Z` is a run of `ping`.
fn scenario(folder: &str) -> String {
    let name = folder.strip_prefix("server-").unwrap_or(folder);
    let stamp = "-2026-01-02T03-04-05-678Z".len();
    name.get(..name.len().saturating_sub(stamp))
        .unwrap_or(name)
        .to_owned()
}
