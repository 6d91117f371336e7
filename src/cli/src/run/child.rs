//! The Envoy that belongs to this run: started, asked, ended by its own process id.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

pub(super) struct Child {
    process: std::process::Child,
    folder: PathBuf,
    /// How many configurations it has refused so far.
    refused: u64,
}

/// How far Envoy is with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Loading,
    Live,
    Refused,
}

impl Child {
    pub(super) fn start(binary: &Path, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        let log = File::create(folder.join(LOG))?;
        let process = Command::new(binary)
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(folder.join(ADMIN))
            // A second run on this machine would otherwise end without a word.
            .arg("--disable-hot-restart")
            .args([
                "--log-level",
                "warning",
                "--component-log-level",
                "wasm:info",
            ])
            // Decisions are followed live.
            .args(["--file-flush-interval-msec", "100"])
            // A new listener, as after a change of issuers, soon has every connection.
            .args(["--drain-time-s", "2", "--drain-strategy", "immediate"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in the terminal is for this program, which ends Envoy in its turn.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", binary.display()))?;
        Ok(Self {
            process,
            folder: folder.to_path_buf(),
            refused: 0,
        })
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.try_wait().context("cannot wait for Envoy")
    }

    /// The address of its administration interface, once it is known.
    pub(super) fn admin(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(ADMIN)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether it serves this version of its configuration, has refused it, or is still at it.
    pub(super) fn stage(&mut self, version: u64) -> Stage {
        let Some(stats) = self.ask(STATS) else {
            return Stage::Loading;
        };
        let value = |name: &str| {
            let mut lines = stats.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let count = |name: &str| value(name).and_then(|n| n.trim().parse::<u64>().ok());
        let refused = SOURCES
            .iter()
            .filter_map(|source| count(&format!("{source}.update_rejected")));
        let refused = refused.sum();
        if refused > self.refused {
            self.refused = refused;
            return Stage::Refused;
        }
        let wanted = format!("\"{version}\"");
        let taken = SOURCES.iter().all(|source| {
            value(&format!("{source}.version_text")).is_some_and(|text| text.trim() == wanted)
        });
        let serves = count("listener_manager.workers_started") == Some(1)
            && count("listener_manager.total_listeners_warming") == Some(0);
        if taken && serves {
            Stage::Live
        } else {
            Stage::Loading
        }
    }

    /// The end of its log, without the prefixes that only Envoy's developers need.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read(self.folder.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(20);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    pub(super) fn stop(&mut self) {
        let signal = |child: &std::process::Child, signal| {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
        };
        let asked = Instant::now();
        if matches!(self.process.try_wait(), Ok(None)) && signal(&self.process, Signal::TERM) {
            while asked.elapsed() < GRACE && matches!(self.process.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(20));
            }
        }
        // Both fail only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn ask(&self, path: &str) -> Option<String> {
        let admin = self.admin()?;
        let mut stream = TcpStream::connect(&admin).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What Envoy counts about each of the files it follows.
const SOURCES: [&str; 3] = [
    "cluster_manager.cds",
    "extension_config_discovery.http_filter.toolgate",
    "listener_manager.lds",
];
const STATS: &str =
    "/stats?filter=%5E(cluster_manager.cds|extension_config_discovery|listener_manager)%5C.";
const LOG: &str = "envoy.log";
const ADMIN: &str = "admin";
const GRACE: Duration = Duration::from_secs(5);
