//! The official clients, as scripts under `tests/clients`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

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

/// A client that hears what servers say by themselves.
pub const LIVE: Client = Client {
    runtime: Runtime::Node,
    script: "live-v1.mjs",
    era: "legacy",
};

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
    /// Whether it is told to find out what the server speaks, and so speaks 2026-07-28.
    pub fn modern(self) -> bool {
        self.era == "auto"
    }

    /// Makes the calls at `url`; gives what the client told, line by line: the listed tools, then
    /// one outcome for each call.
    ///
    /// # Panics
    /// Where the client fails as a whole.
    pub async fn run(self, url: &str, calls: &Value, token: Option<&str>) -> Vec<Value> {
        let mut session = self.open(url, token, false).await;
        let mut told = vec![session.listed.clone()];
        for call in calls.as_array().expect("a list of calls") {
            told.push(session.say(call).await);
        }
        told.extend(session.close().await);
        told
    }

    /// Opens a session and lists the tools; a client that `elicits` shows URLs to its user.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn open(self, url: &str, token: Option<&str>, elicits: bool) -> Session {
        let runtime: PathBuf = match self.runtime {
            Runtime::Node => tools::node(),
            Runtime::Python(major) => tools::python(major),
        };
        let mut command = Command::new(runtime);
        command
            .arg(tools::client(self.script))
            .args([url, self.era])
            .env_remove("TOKEN")
            .env_remove("ELICITS")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = token {
            command.env("TOKEN", token);
        }
        if elicits {
            command.env("ELICITS", "1");
        }
        let mut child = command.spawn().expect("the runtime is executable");
        let printed = child.stdout.take().expect("piped");
        let mut session = Session {
            client: self,
            input: child.stdin.take(),
            lines: BufReader::new(printed).lines(),
            child,
            listed: Value::Null,
        };
        session.listed = session.next().await;
        session
    }
}

/// A client at work on one session; it ends when this is dropped.
pub struct Session {
    /// The tools it was listed.
    pub listed: Value,
    client: Client,
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Session {
    /// Calls a tool; gives `{"result": ..}`, `{"error": ..}`, or `{"elicitation": ..}`, which is to
    /// be answered with [`Session::say`].
    ///
    /// # Panics
    /// Where the client fails as a whole.
    pub async fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let call = json!({ "name": tool, "arguments": arguments });
        self.say(&call).await
    }

    /// Says a line to the script; gives its answer.
    ///
    /// # Panics
    /// Where the client fails as a whole.
    pub async fn say(&mut self, line: &Value) -> Value {
        let input = self.input.as_mut().expect("open");
        let written = input.write_all(format!("{line}\n").as_bytes()).await;
        if let Err(fault) = written {
            self.fail(&fault.to_string()).await;
        }
        self.next().await
    }

    /// Ends the session; gives what the client told last.
    ///
    /// # Panics
    /// Where the client fails as a whole.
    pub async fn close(mut self) -> Vec<Value> {
        self.input = None;
        let mut told = Vec::new();
        while let Some(line) = self.line().await {
            told.push(line);
        }
        let status = self.child.wait().await.expect("own child");
        if !status.success() {
            self.fail(&status.to_string()).await;
        }
        told
    }

    async fn next(&mut self) -> Value {
        match self.line().await {
            Some(line) => line,
            None => self.fail("it ended").await,
        }
    }

    async fn line(&mut self) -> Option<Value> {
        let line = match tokio::time::timeout(PATIENCE, self.lines.next_line()).await {
            Ok(line) => line.expect("a pipe")?,
            Err(_) => self.fail("it hangs").await,
        };
        match serde_json::from_str(&line) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fail(&format!("it printed no JSON: {fault}\n{line}"))
                    .await
            }
        }
    }

    async fn fail(&mut self, why: &str) -> ! {
        let _ = self.child.start_kill();
        let mut said = String::new();
        if let Some(errors) = &mut self.child.stderr {
            let _ = errors.read_to_string(&mut said).await;
        }
        panic!("{:?}: {why}\n{said}", self.client)
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
