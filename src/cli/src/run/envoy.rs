//! The Envoy that belongs to this run: started, and asked how far it is.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::process::Process;

pub(super) struct Envoy {
    pub(super) process: Process,
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

impl Envoy {
    pub(super) fn start(binary: &Path, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(folder.join(ADMIN))
            // A second run on this machine would otherwise end without a word.
            .arg("--disable-hot-restart")
            .args(["--log-level", "warning"])
            .args(["--component-log-level", "wasm:info"])
            // Decisions are followed live.
            .args(["--file-flush-interval-msec", "100"])
            // A new listener, as after a change of issuers, soon has every connection.
            .args(["--drain-time-s", "2", "--drain-strategy", "immediate"]);
        Ok(Self {
            process: Process::start("Envoy", command, folder.join("envoy.log"))?,
            folder: folder.to_path_buf(),
            refused: 0,
        })
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

/// What Envoy counts about each of the files it follows.
const SOURCES: [&str; 3] = [
    "cluster_manager.cds",
    "extension_config_discovery.http_filter.toolgate",
    "listener_manager.lds",
];
const STATS: &str =
    "/stats?filter=%5E(cluster_manager.cds|extension_config_discovery|listener_manager)%5C.";
const ADMIN: &str = "admin";
