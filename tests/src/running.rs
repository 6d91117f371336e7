//! `toolgate run`, as an operator has it: an Envoy of its own before the servers of a registry.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::envoy::{free_port, within};
use crate::tools;

/// It runs until this is dropped.
pub struct Running {
    addr: SocketAddr,
    child: Child,
}

impl Running {
    /// Starts it with `registry.yaml` and `policy.yaml` of a folder, and waits until it serves.
    ///
    /// # Panics
    /// Where it does not; with what it says.
    pub async fn start(folder: &Path) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let said = folder.join("run.log");
        let mut run = Command::new(tools::toolgate());
        run.args(["run", "-r", "registry.yaml", "-p", "policy.yaml"]);
        run.args(["--listen", &addr.to_string()]);
        run.arg("--access-log").arg(folder.join("access.jsonl"));
        run.arg("--wasm").arg(absolute(tools::filter()));
        run.arg("--envoy").arg(absolute(tools::envoy()));
        run.current_dir(folder).stdout(Stdio::null());
        run.stderr(File::create(&said).expect("a file"));
        let mut running = Self {
            addr,
            child: run.spawn().expect("it starts"),
        };
        within(PATIENCE, "toolgate runs", async || {
            let said = fs::read_to_string(&said).unwrap_or_default();
            let over = running.child.try_wait().expect("own child");
            assert!(over.is_none(), "{over:?}: {said}");
            said.contains("each decision follows").then_some(())
        })
        .await;
        running
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to end, it ends its Envoy.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.child.wait();
    }
}

fn absolute(path: std::path::PathBuf) -> std::path::PathBuf {
    path.canonicalize().expect("it is there")
}

/// An Envoy on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
