//! A real Envoy on loopback: any number of gateways, each with a bundle and knobs of its own.
//!
//! The filter chain has the shape that `toolgate render --for envoy` gives. Every knob departs
//! from it in one way, so that a test can show what that one way costs.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{self, Request};
use crate::tools;

mod config;

/// A running Envoy; it is killed when this is dropped.
pub struct Envoy {
    child: Child,
    dir: PathBuf,
    admin: SocketAddr,
    gateways: Vec<SocketAddr>,
    started: Duration,
}

/// What one Envoy is to run.
#[derive(Clone)]
pub struct Setup {
    /// Listeners, each with its own filter chain.
    pub gateways: Vec<Gateway>,
    /// Worker threads.
    pub concurrency: u32,
}

/// One listener: a filter chain, and the servers behind it.
#[derive(Clone)]
pub struct Gateway {
    /// Its port; 0 for any.
    pub port: u16,
    /// The servers behind it; routes without Toolgate go to the first.
    pub clusters: Vec<Cluster>,
    /// The wasm filter and its configuration; none: plain Envoy.
    pub filter: Option<Filter>,
    /// Issuers whose tokens Envoy verifies: issuer, audiences, key set.
    pub issuers: Vec<(String, Vec<String>, Value)>,
    /// Let trailers of HTTP/1.1 requests and responses through.
    pub trailers: bool,
    /// Put Envoy's decompressor before the filter.
    pub decompress: bool,
    /// Further HTTP filters before (`true`) or after the wasm filter, as Envoy configures them.
    pub extra: Vec<(bool, Value)>,
    /// What the route says beyond where it leads to.
    pub route: Value,
    /// Further clusters, as Envoy configures them.
    pub others: Vec<Value>,
    /// How many bytes Envoy holds for one message.
    pub buffer: u32,
}

/// A cluster of one endpoint.
#[derive(Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub addr: SocketAddr,
    /// Speak HTTP/2 to it.
    pub h2: bool,
    /// The bearer token that Envoy adds on the way to it.
    pub bearer: Option<String>,
}

/// A wasm filter.
#[derive(Clone)]
pub struct Filter {
    /// The module.
    pub wasm: PathBuf,
    /// Its configuration: a bundle.
    pub bundle: String,
    /// `allow_on_headers_stop_iteration`: hold the head until the body is judged.
    pub hold_head: bool,
    /// `failure_policy: FAIL_RELOAD`, in place of Envoy's default.
    pub reload: bool,
    /// Read the filter's configuration from a file, for [`Envoy::update`].
    pub live: bool,
    /// Share a VM with every filter of the same id.
    pub vm_id: String,
    /// With which it marks what clients carry for it; without one, it draws its own.
    pub secret: Option<String>,
}

impl Setup {
    /// One gateway, one worker.
    pub fn one(gateway: Gateway) -> Self {
        Self {
            gateways: vec![gateway],
            concurrency: 1,
        }
    }
}

impl Gateway {
    /// Plain Envoy before one server.
    pub fn plain(server: SocketAddr) -> Self {
        Self {
            port: 0,
            clusters: vec![Cluster {
                name: "upstream".into(),
                addr: server,
                h2: false,
                bearer: None,
            }],
            filter: None,
            issuers: Vec::new(),
            trailers: false,
            decompress: false,
            extra: Vec::new(),
            route: Value::Null,
            others: Vec::new(),
            buffer: 8 << 20,
        }
    }

    /// Toolgate before the named servers.
    pub fn toolgate(bundle: String, servers: &[(&str, SocketAddr)]) -> Self {
        let clusters = servers
            .iter()
            .map(|(name, addr)| Cluster {
                name: (*name).to_owned(),
                addr: *addr,
                h2: false,
                bearer: None,
            })
            .collect();
        let filter = Filter {
            wasm: tools::filter(),
            bundle,
            hold_head: true,
            reload: true,
            live: false,
            vm_id: "toolgate".into(),
            // That of the engine's tests: the corpus is of both.
            secret: Some("only for tests and trials: known to all".into()),
        };
        Self {
            clusters,
            filter: Some(filter),
            ..Self::plain(SocketAddr::from(([127, 0, 0, 1], 1)))
        }
    }

    /// Changes how the filter is run.
    #[must_use]
    pub fn with_filter(mut self, change: impl FnOnce(&mut Filter)) -> Self {
        if let Some(filter) = &mut self.filter {
            change(filter);
        }
        self
    }
}

impl Envoy {
    /// Starts Envoy and waits until every listener serves.
    ///
    /// # Panics
    /// Where it does not start; with the end of its log.
    pub async fn start(setup: &Setup) -> Self {
        match Self::try_start(setup).await {
            Ok(envoy) => envoy,
            Err(log) => panic!("envoy did not start:\n{log}"),
        }
    }

    /// Starts Envoy, or gives its log where it ends instead, as it does over a bad bundle.
    ///
    /// # Errors
    /// The end of the log.
    pub async fn try_start(setup: &Setup) -> Result<Self, String> {
        let dir = fresh_dir();
        config::write(&dir, setup);
        let began = Instant::now();
        let admin_file = dir.join("admin.txt");
        let mut child = Command::new(tools::envoy())
            .arg("--config-path")
            .arg(dir.join("envoy.json"))
            .args(["--disable-hot-restart", "--drain-time-s", "1"])
            // Filters say at `info` what they took over; the rest of Envoy's `info` is noise.
            .args([
                "--log-level",
                "warning",
                "--component-log-level",
                "wasm:info,config:info",
            ])
            .args(["--file-flush-interval-msec", "50"])
            .args(["--concurrency", &setup.concurrency.to_string()])
            .arg("--admin-address-path")
            .arg(&admin_file)
            .arg("--log-path")
            .arg(dir.join("envoy.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("envoy is executable");
        let admin = loop {
            if let Some(status) = child.try_wait().expect("own child") {
                return Err(format!("{status}\n{}", tail(&dir)));
            }
            if began.elapsed() > START {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("not ready in {START:?}\n{}", tail(&dir)));
            }
            let admin = fs::read_to_string(&admin_file).ok();
            if let Some(admin) = admin.and_then(|text| text.trim().parse().ok())
                && ready(admin).await
            {
                break admin;
            }
            poll().await;
        };
        let mut envoy = Self {
            child,
            dir,
            admin,
            gateways: Vec::new(),
            started: began.elapsed(),
        };
        let listeners = envoy.admin("GET", "/listeners?format=json").await;
        let listeners: Value = serde_json::from_str(&listeners).expect("the admin speaks JSON");
        for index in 0..setup.gateways.len() {
            let name = config::listener_name(index);
            let port = listeners["listener_statuses"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|listener| listener["name"] == name)
                .and_then(|listener| {
                    listener["local_address"]["socket_address"]["port_value"].as_u64()
                })
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or_else(|| panic!("no listener {name} in {listeners}"));
            envoy
                .gateways
                .push(SocketAddr::from(([127, 0, 0, 1], port)));
        }
        Ok(envoy)
    }

    /// Where the first gateway listens.
    pub fn addr(&self) -> SocketAddr {
        self.gateways[0]
    }

    /// Where the gateway listens that was `index`th in the setup.
    pub fn gateway(&self, index: usize) -> SocketAddr {
        self.gateways[index]
    }

    /// How long it took until every listener served.
    pub fn started_in(&self) -> Duration {
        self.started
    }

    /// The operating system's id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that the process ever had, in kB.
    ///
    /// # Panics
    /// Where it is gone.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a number")
    }

    /// Whether the process still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the administration interface.
    pub async fn admin(&self, method: &str, path: &str) -> String {
        let request = Request::new(method, path).header("host", "admin");
        let response = client::send(self.admin, &request)
            .await
            .expect("the admin answers");
        response.text()
    }

    /// Counters and gauges by name, as `/stats` gives them.
    pub async fn stats(&self) -> BTreeMap<String, u64> {
        let stats = self.admin("GET", "/stats").await;
        stats
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
            .collect()
    }

    /// Waits until the named counter is at least `least`; gives it.
    ///
    /// # Panics
    /// Where that takes too long.
    pub async fn wait_stat(&self, name: &str, least: u64) -> u64 {
        let what = format!("{name} is {least}");
        eventually(&what, async || {
            self.stats()
                .await
                .get(name)
                .copied()
                .filter(|value| *value >= least)
        })
        .await
    }

    /// What Prometheus would scrape.
    pub async fn prometheus(&self) -> String {
        self.admin("GET", "/stats/prometheus").await
    }

    /// Envoy's own log.
    pub fn log(&self) -> String {
        tail(&self.dir)
    }

    /// The access log of a gateway so far, one JSON value for each line.
    pub fn access_log(&self, index: usize) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join(config::access_log(index))).unwrap_or_default();
        let parse = |line| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(fault) => panic!("an access log line is not JSON: {fault}\n{line}"),
        };
        // The last line may still be under way.
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(parse)
            .collect()
    }

    /// Waits until a gateway's access log has at least `least` lines; gives them.
    ///
    /// # Panics
    /// Where that takes too long.
    pub async fn wait_access_log(&self, index: usize, least: usize) -> Vec<Value> {
        let what = format!("access log {index} has {least} lines");
        eventually(&what, async || {
            Some(self.access_log(index)).filter(|lines| lines.len() >= least)
        })
        .await
    }

    /// Replaces a live gateway's bundle, as an operator's file does; returns at once.
    pub fn update(&self, setup: &Setup, index: usize, bundle: &str) {
        let mut gateway = setup.gateways[index].clone();
        gateway = gateway.with_filter(|filter| bundle.clone_into(&mut filter.bundle));
        config::write_filter(&self.dir, index, &gateway);
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A failed test's logs are worth keeping.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A port that is free now, for what has to know its own URL before it starts.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.local_addr().expect("bound").port()
}

/// A new directory below the target directory.
pub fn fresh_dir() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = tools::target()
        .join("rig")
        .join(format!("{}-{next}", std::process::id()));
    fs::create_dir_all(&dir).expect("the target directory is writable");
    dir.canonicalize().expect("just made")
}

async fn ready(admin: SocketAddr) -> bool {
    let request = Request::new("GET", "/ready").header("host", "admin");
    matches!(client::send(admin, &request).await, Ok(response) if response.status == 200)
}

/// Looks again and again until there is something to see in another process.
///
/// # Panics
/// Where that takes more than ten seconds.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

/// The same with patience of its own: the one place that waits for the clock.
///
/// # Panics
/// Where it takes longer.
pub async fn within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < patience, "not in {patience:?}: {what}");
        poll().await;
    }
}

async fn poll() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn tail(dir: &Path) -> String {
    let log = fs::read(dir.join("envoy.log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// A large module on a busy machine takes its time to compile.
const START: Duration = Duration::from_secs(90);

const PATIENCE: Duration = Duration::from_secs(10);
