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
    pub(super) fn stage(&self, version: u64) -> Stage {
        let Some(stats) = self.ask("/stats?filter=%5Elistener_manager%5C.") else {
            return Stage::Loading;
        };
        let value = |name: &str| {
            stats
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let count = |name: &str| {
            value(name)
                .and_then(|n| n.trim().parse::<u64>().ok())
                .unwrap_or(0)
        };
        let live = format!("\"{version}\"");
        if value("listener_manager.lds.version_text").is_some_and(|text| text.trim() == live)
            && count("listener_manager.total_listeners_warming") == 0
            && count("listener_manager.workers_started") == 1
        {
            return Stage::Live;
        }
        // Every version before this one was taken or refused: one answer each.
        let answers = ["update_success", "update_rejected"]
            .map(|name| count(&format!("listener_manager.lds.{name}")));
        if answers.iter().sum::<u64>() >= version {
            Stage::Refused
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

const LOG: &str = "envoy.log";
const ADMIN: &str = "admin";
const GRACE: Duration = Duration::from_secs(5);
