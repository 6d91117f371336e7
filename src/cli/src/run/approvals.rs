//! The approval service of this run, and where it has no configuration, a sign-in to try it with.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use engine::policy::Policy;
use serde_json::{Value, json};

use super::{find, process::Process};
use crate::envoy::{self, Address, Setup};

pub(super) struct Approvals {
    /// The service, and the sign-in.
    processes: Vec<Process>,
    address: Address,
    /// Where people sign in who try it out.
    issuer: Option<Address>,
}

impl Approvals {
    /// Starts the service where the policy says it is; without a configuration, one of its own that
    /// lasts as long as this run. Leaves its secret for Envoy at `secret`.
    ///
    /// # Errors
    /// It cannot be there, or does not start.
    pub(super) fn start(
        config: Option<&Path>,
        policies: &[&Policy],
        folder: &Path,
        secret: &Path,
    ) -> anyhow::Result<Self> {
        let asked = policies.iter().find(|policy| policy.approvals().is_some());
        let address = place(asked.copied())?;
        let program = find::approvals()?;
        free(&address)?;
        let mut run = Self {
            processes: Vec::new(),
            address,
            issuer: None,
        };
        let config = match config {
            Some(config) => {
                keep(secret, &envoy::secret(&secret_of(config)?))?;
                config.to_path_buf()
            }
            None => run.improvise(&program, policies, folder, secret)?,
        };
        let mut serve = Command::new(&program);
        serve.arg("serve").arg("--config").arg(config);
        serve.args(["--listen", &run.address.to_string()]);
        let log = folder.join("approvals.log");
        let service = Process::start("the approval service", serve, log)?;
        run.processes.push(service);
        run.wait(&run.address.clone())?;
        Ok(run)
    }

    /// Writes a configuration, and starts the sign-in that it trusts.
    fn improvise(
        &mut self,
        program: &Path,
        policies: &[&Policy],
        folder: &Path,
        secret: &Path,
    ) -> anyhow::Result<PathBuf> {
        let port = self.address.port.checked_add(1);
        let issuer = Address {
            port: port.context("the port beside `approvals.url` is none")?,
            ..self.address.clone()
        };
        free(&issuer)?;
        let shared = random()?;
        keep(secret, &envoy::secret(&shared))?;
        let bare = folder.join("approvals.secret");
        keep(&bare, &Value::String(shared))?;
        let config = json!({
            "database": format!("sqlite:{}", folder.join("approvals.db").display()),
            "filter": { "secret": { "file": bare } },
            "approvers": {
                "issuer": format!("http://{issuer}"),
                "audience": AUDIENCE,
                "jwks": { "url": format!("http://{issuer}/jwks") },
            },
            "login": { "client_id": AUDIENCE },
            "unmask": { "roles": approvers(policies) },
        });
        let path = folder.join("approvals.yaml");
        // JSON is YAML.
        keep(&path, &config)?;
        let mut sign_in = Command::new(program);
        sign_in.args(["issuer", "--listen", &issuer.to_string()]);
        sign_in.args(["--audience", AUDIENCE]);
        for role in approvers(policies) {
            sign_in.args(["--role", role]);
        }
        let log = folder.join("issuer.log");
        self.processes
            .push(Process::start("the sign-in", sign_in, log)?);
        self.wait(&issuer)?;
        self.issuer = Some(issuer);
        Ok(path)
    }

    /// Until somebody listens there.
    fn wait(&mut self, address: &Address) -> anyhow::Result<()> {
        let began = Instant::now();
        while TcpStream::connect((address.host.as_str(), address.port)).is_err() {
            if let Some(words) = self.ended()? {
                bail!("{words}");
            }
            ensure!(began.elapsed() < PATIENCE, "nothing listens on {address}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What is to be said of one that ended, though nobody wanted it to.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<String>> {
        for process in &mut self.processes {
            if let Some(status) = process.ended()? {
                let (words, name) = (process.last_words(), process.name);
                return Ok(Some(format!("{name} ended ({status}):\n{words}")));
            }
        }
        Ok(None)
    }

    /// Tells where the policy looks for the service elsewhere by now.
    pub(super) fn stays(&self, setup: &Setup) {
        let asked = setup
            .approver
            .as_ref()
            .map(|approver| &approver.upstream.address);
        if asked != Some(&self.address) {
            eprintln!(
                "the approval service stays on {}: start anew to move it",
                self.address
            );
        }
    }

    /// Where people go.
    pub(super) fn greet(&self) {
        eprintln!("  approvals: http://{}", self.address);
        if let Some(issuer) = &self.issuer {
            eprintln!(
                "    for trying out: whoever signs in is who they say, and nothing is kept;\n    \
                 a token without a browser: curl 'http://{issuer}/token?user=NAME&roles=ROLE'"
            );
        }
    }
}

/// Where the policy says the service is, which has to be on this machine.
fn place(policy: Option<&Policy>) -> anyhow::Result<Address> {
    let Some((approvals, url)) = policy
        .and_then(Policy::approvals)
        .and_then(|approvals| Some((approvals, approvals.url.as_deref()?)))
    else {
        bail!("the policy does not say where approvals are asked for: add {SAMPLE}");
    };
    let upstream = match envoy::upstream(approvals.cluster.clone(), url) {
        Ok(upstream) => upstream,
        Err(problem) => bail!("approvals.url: {}", problem.message),
    };
    let host = &upstream.address.host;
    let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    ensure!(
        here && !upstream.tls,
        "`approvals.url` is `{url}`: --approvals starts a service on this machine, as by {SAMPLE}"
    );
    Ok(upstream.address)
}

/// Everybody who may be asked.
fn approvers<'p>(policies: &[&'p Policy]) -> BTreeSet<&'p str> {
    let rules = policies.iter().flat_map(|policy| policy.rules());
    let entries = policies
        .iter()
        .flat_map(|policy| policy.registry().entries());
    let entries = entries.map(|entry| &entry.approver_role);
    let all = rules.map(|rule| &rule.approver_role).chain(entries);
    all.filter_map(Option::as_deref).collect()
}

/// The secret that a configuration names.
fn secret_of(config: &Path) -> anyhow::Result<String> {
    let name = config.display();
    let text = fs::read_to_string(config).with_context(|| format!("cannot read `{name}`"))?;
    let value: Value = serde_saphyr::from_str(&text)
        .map_err(|error| anyhow::anyhow!("`{name}` is not YAML: {error}"))?;
    let named = |kind: &str| value.pointer(&format!("/filter/secret/{kind}"))?.as_str();
    let secret = match (named("file"), named("env")) {
        (Some(file), _) => {
            fs::read_to_string(file).with_context(|| format!("cannot read `{file}`"))?
        }
        (None, Some(variable)) => match env::var(variable) {
            Ok(secret) => secret,
            Err(_) => bail!("the environment variable `{variable}` is not set"),
        },
        (None, None) => bail!("`{name}` has no `filter.secret`, by which Envoy would be known"),
    };
    Ok(secret.trim().to_owned())
}

fn free(address: &Address) -> anyhow::Result<()> {
    TcpListener::bind((address.host.as_str(), address.port))
        .map(drop)
        .with_context(|| format!("cannot listen on {address} for approvals"))
}

/// For nobody else to read. A text is written bare.
fn keep(path: &Path, value: &Value) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600);
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let written = file
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

const SAMPLE: &str = "`approvals: { url: \"http://127.0.0.1:8181\" }`";
const AUDIENCE: &str = "toolgate-approvals";
/// A new database takes its tables on first.
const PATIENCE: Duration = Duration::from_secs(30);
