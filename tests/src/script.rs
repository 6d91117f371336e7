//! The official clients, as scripts under `tests/clients`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::tools;

/// A client: what runs it, its script, the era it is told to speak.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    runtime: Runtime,
    script: &'static str,
    era: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Runtime {
    Node,
    Python(u8),
}

/// Every official client in every era it speaks: calls on one session.
pub const CALLS: [Client; 6] = [
    Client {
        runtime: Runtime::Node,
        script: "calls-v1.mjs",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Node,
        script: "calls-v2.mjs",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Node,
        script: "calls-v2.mjs",
        era: "auto",
    },
    Client {
        runtime: Runtime::Python(1),
        script: "calls_v1.py",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Python(2),
        script: "calls_v2.py",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Python(2),
        script: "calls_v2.py",
        era: "auto",
    },
];

/// The TypeScript clients with OAuth.
pub const OAUTH: [Client; 3] = [
    Client {
        runtime: Runtime::Node,
        script: "oauth-v1.mjs",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Node,
        script: "oauth-v2.mjs",
        era: "legacy",
    },
    Client {
        runtime: Runtime::Node,
        script: "oauth-v2.mjs",
        era: "auto",
    },
];

impl Client {
    /// Makes the calls at `url`; gives what the client told, line by line: the listed tools, then
    /// one outcome for each call.
    ///
    /// # Panics
    /// Where the client fails as a whole.
    pub async fn run(self, url: &str, calls: &Value, token: Option<&str>) -> Vec<Value> {
        let runtime: PathBuf = match self.runtime {
            Runtime::Node => tools::node(),
            Runtime::Python(major) => tools::python(major),
        };
        let mut command = Command::new(runtime);
        command
            .arg(tools::client(self.script))
            .args([url, &calls.to_string(), self.era])
            .env_remove("TOKEN")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(token) = token {
            command.env("TOKEN", token);
        }
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .unwrap_or_else(|_| panic!("{self:?} hangs"))
            .expect("the runtime is executable");
        let printed = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{self:?} failed:\n{printed}\n{said}"
        );
        let parse = |line| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(fault) => panic!("{self:?} printed no JSON: {fault}\n{line}"),
        };
        printed.lines().map(parse).collect()
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
