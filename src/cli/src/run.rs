//! `toolgate run`: the registry's servers behind a real Envoy on this machine.

mod approvals;
mod envoy;
mod find;
mod follow;
mod process;
mod secrets;

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use engine::{policy::Policy, tenancy::Tenancy};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use self::{
    approvals::Approvals,
    envoy::{Envoy, Stage},
    follow::Follower,
    secrets::Secrets,
};
use crate::{
    COULD_NOT_RUN,
    envoy::{Address, Module, Setup, followed, following},
    inputs::{Gateway, Given},
    render,
    report::Findings,
    watch::Watch,
};

/// Govern MCP servers on this machine: start Envoy with the filter in front of every server of the
/// registry that has a `url`, follow each decision in one line, and reload when a file changes.
///
/// Examples:
///   toolgate run -r registry.yaml -p policy.yaml
///   toolgate run -r registry.yaml -p policy.yaml --listen 127.0.0.1:8080 --access-log audit.log
///   toolgate run -r registry.yaml -p policy.yaml --approvals
///       with the approval service: calls that need an approval wait for it on its page
///   toolgate run --tenants tenants.yaml
///       several tenants, each with files of its own
///
/// Envoy is the one of --envoy, $TOOLGATE_ENVOY, .tools/bin/envoy or the PATH, in this order.
/// A changed file with problems is reported, and what was live stays live. Ctrl-C ends all it started.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Given,
    /// Where agents connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:10000")]
    listen: Address,
    /// Envoy's administration interface; port 0: any free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    admin: Address,
    /// The Envoy to start, 1.35 or later.
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// The filter; otherwise the one built beside this program.
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
    /// Keep the access log, with one audit record a line, in this file.
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,
    /// A folder with the secrets that servers know this gateway by, one file each, named as in
    /// `credential`; otherwise they are in the environment: TOOLGATE_SECRET_NAME.
    #[arg(long, value_name = "FOLDER")]
    secrets: Option<PathBuf>,
    /// Start the approval service too, with this configuration. Without one it is for trying out:
    /// whoever signs in is who they say, and nothing is kept.
    #[arg(long, value_name = "CONFIG", num_args = 0..=1)]
    approvals: Option<Option<PathBuf>>,
    /// The secret for an approval service that runs already, in the form of `toolgate render`.
    #[arg(long, value_name = "PATH", conflicts_with = "approvals")]
    approvals_secret: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let binary = find::envoy(arguments.envoy.as_deref())?;
    let wasm = find::wasm(arguments.wasm.as_deref())?;
    let loaded = match arguments.files.load()? {
        Ok(loaded) => loaded,
        Err(findings) => return Ok(findings.refuse()),
    };
    free(&arguments.listen)?;
    let folder = Folder::create()?;
    let access_log = arguments
        .access_log
        .clone()
        .unwrap_or_else(|| folder.0.join("access.log"));
    let place = Place {
        arguments,
        folder: &folder,
        wasm: text(&wasm)?,
        access_log: text(&access_log)?,
        secret: match (&arguments.approvals, &arguments.approvals_secret) {
            (Some(_), _) => Some(text(&folder.0.join("approvals.secret.json"))?),
            (None, Some(path)) => Some(text(path)?),
            (None, None) => None,
        },
    };
    let setup = match place.setup(&loaded) {
        Ok(setup) => setup,
        Err(findings) => return Ok(findings.refuse()),
    };
    // Watched from before the files are used, so that no change between is lost.
    let watch = Watch::new(place.watched(&loaded, &setup));
    if let Err(findings) = place.write_secrets(&setup)? {
        return Ok(findings.refuse());
    }
    let follower = Follower::new(&access_log)?;
    place.write(&setup, 1)?;
    let config = folder.0.join("envoy.json");
    fs::write(&config, following(&setup, place.folder()?).to_string())?;
    let approvals = match (&arguments.approvals, &place.secret) {
        (Some(config), Some(secret)) => {
            let parts = loaded.parts.iter();
            let policies: Vec<_> = parts.map(|part| &*part.policy).collect();
            Some(Approvals::start(
                config.as_deref(),
                &policies,
                &folder.0,
                Path::new(secret),
            )?)
        }
        (Some(_), None) | (None, _) => None,
    };
    let size = fs::metadata(&wasm)?.len();
    eprintln!(
        "starting Envoy; it compiles the filter ({:.1} MB) first, which takes some seconds",
        size as f64 / 1e6
    );
    Session {
        place,
        envoy: Envoy::start(&binary, &config, &folder.0)?,
        approvals,
        watch,
        follower,
        stop: &stop,
        version: 1,
    }
    .follow(&loaded, &setup)
}

/// One run, from start to stop.
struct Session<'a> {
    place: Place<'a>,
    /// Ends before the service that its filter asks.
    envoy: Envoy,
    approvals: Option<Approvals>,
    watch: Watch,
    follower: Follower,
    stop: &'a AtomicBool,
    /// Counts the configurations handed to Envoy.
    version: u64,
}

impl Session<'_> {
    fn follow(mut self, loaded: &Gateway, setup: &Setup) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let mut live = false;
        // Handed to Envoy, which has not said yet whether it takes it.
        let mut pending = Some(name(loaded));
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(status) = self.envoy.process.ended()? {
                eprintln!("{}", self.envoy.process.last_words());
                eprintln!("error: Envoy ended ({status})");
                return Ok(ExitCode::from(COULD_NOT_RUN));
            }
            if let Some(words) = self.approvals.as_mut().map_or(Ok(None), Approvals::ended)? {
                eprintln!("error: {words}");
                return Ok(ExitCode::from(COULD_NOT_RUN));
            }
            if let Some(named) = &pending {
                match self.envoy.stage(self.version) {
                    Stage::Loading if began.elapsed() > PATIENCE && !live => {
                        bail!("Envoy was not ready within {} s", PATIENCE.as_secs());
                    }
                    Stage::Loading => {}
                    Stage::Live => {
                        if live {
                            eprintln!("reloaded: {named}");
                        } else {
                            self.greet(loaded, setup, began.elapsed());
                        }
                        live = true;
                        pending = None;
                    }
                    Stage::Refused => {
                        eprintln!("{}", self.envoy.process.last_words());
                        if !live {
                            eprintln!("error: Envoy refused the configuration");
                            return Ok(ExitCode::from(COULD_NOT_RUN));
                        }
                        eprintln!("Envoy refused {named}; what was live stays live");
                        pending = None;
                    }
                }
            }
            self.follower.print_new()?;
            if live && pending.is_none() && self.watch.changed() {
                pending = self.reload()?;
            }
            thread::sleep(TICK);
        }
        self.follower.print_new()?;
        eprintln!("stopped");
        Ok(ExitCode::SUCCESS)
    }

    fn greet(&self, loaded: &Gateway, setup: &Setup, took: Duration) {
        eprintln!("ready after {:.1} s: {}", took.as_secs_f64(), name(loaded));
        for part in &loaded.parts {
            reached(&part.policy, setup);
        }
        if let Some(admin) = self.envoy.admin() {
            eprintln!("  metrics:   http://{admin}/stats/prometheus");
        }
        if self.place.arguments.access_log.is_some() {
            eprintln!("  audit:     {}", self.place.access_log);
        }
        match (&self.approvals, &setup.approver) {
            (Some(approvals), _) => approvals.greet(),
            (None, Some(approver)) if approver.secret.is_none() => {
                eprintln!(
                    "  approvals: nobody answers: start with --approvals or --approvals-secret"
                );
            }
            (None, Some(approver)) => eprintln!("  approvals: at {}", approver.upstream.address),
            (None, None) => {}
        }
        eprintln!("each decision follows; Ctrl-C stops\n");
    }

    /// Reads the files again and hands them to Envoy, or says what is wrong with them.
    fn reload(&mut self) -> anyhow::Result<Option<String>> {
        let loaded = match self.place.arguments.files.load() {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(findings)) => {
                findings.refuse();
                eprintln!("not reloaded; what was live stays live");
                return Ok(None);
            }
            Err(error) => {
                eprintln!("{error:#}\nnot reloaded; what was live stays live");
                return Ok(None);
            }
        };
        let setup = self.place.setup(&loaded);
        if let Ok(setup) = &setup {
            self.watch.follow(self.place.watched(&loaded, setup));
        }
        let setup = match setup {
            Ok(setup) => self.place.write_secrets(&setup)?.map(|()| setup),
            Err(findings) => Err(findings),
        };
        match setup {
            Ok(setup) => {
                if let Some(approvals) = &self.approvals {
                    approvals.stays(&setup);
                }
                self.version = self.version.saturating_add(1);
                self.place.write(&setup, self.version)?;
                Ok(Some(name(&loaded)))
            }
            Err(findings) => {
                findings.refuse();
                eprintln!("not reloaded; what was live stays live");
                Ok(None)
            }
        }
    }
}

/// Where this run keeps and finds its files.
struct Place<'a> {
    arguments: &'a Arguments,
    folder: &'a Folder,
    wasm: String,
    access_log: String,
    /// Where Envoy finds the approval service's secret.
    secret: Option<String>,
}

impl Place<'_> {
    fn setup(&self, loaded: &Gateway) -> Result<Setup, Findings> {
        let (listen, admin) = (self.arguments.listen.clone(), self.arguments.admin.clone());
        let setup = render::setup(loaded, listen, admin, self.secret.clone());
        let setup = setup.map_err(Findings::unplaced)?;
        Ok(Setup {
            wasm: Module::File(self.wasm.clone()),
            access_log: self.access_log.clone(),
            roots: find::roots(),
            secrets: format!("{}/secrets", self.folder.0.display()),
            ..setup
        })
    }

    fn write_secrets(&self, setup: &Setup) -> anyhow::Result<Result<(), Findings>> {
        let written = self.secrets().write(setup, Path::new(&setup.secrets))?;
        Ok(written.map_err(Findings::unplaced))
    }

    fn secrets(&self) -> Secrets<'_> {
        Secrets {
            folder: self.arguments.secrets.as_deref(),
        }
    }

    /// The files that a change of anything means.
    fn watched(&self, loaded: &Gateway, setup: &Setup) -> Vec<PathBuf> {
        let keys = loaded.parts.iter().flat_map(render::key_files);
        let paths = loaded.paths();
        paths
            .chain(keys)
            .chain(self.secrets().files(setup))
            .collect()
    }

    /// Envoy takes a file when it is renamed into place.
    fn write(&self, setup: &Setup, version: u64) -> anyhow::Result<()> {
        for (file, content) in followed(setup, self.folder()?, version) {
            let new = self.folder.0.join(format!("{file}.new"));
            fs::write(&new, content.to_string())?;
            fs::rename(&new, self.folder.0.join(file))?;
        }
        Ok(())
    }

    fn folder(&self) -> anyhow::Result<&str> {
        self.folder
            .0
            .to_str()
            .context("the temporary folder's path is not UTF-8")
    }
}

/// Says where what a policy governs is reached.
fn reached(policy: &Policy, setup: &Setup) {
    let (listen, registry) = (&setup.listen, policy.registry());
    let path = policy.tenancy().map_or("", Tenancy::path);
    if let Some(tenancy) = policy.tenancy() {
        eprintln!("  tenant {}", tenancy.id());
    }
    if let Some(server) = registry.virtual_server() {
        eprintln!("  http://{listen}{path}{}  ->  all of these:", server.path);
    }
    for server in registry.servers() {
        match &server.url {
            Some(url) => eprintln!("  http://{listen}{path}{}  ->  {url}", server.endpoint),
            None => eprintln!("  server `{}` has no url: not governed here", server.id),
        }
    }
}

/// The versions, and the digests where they say more.
fn name(loaded: &Gateway) -> String {
    let names = loaded.parts.iter().map(|part| {
        let policy = &part.policy;
        let tenant = policy.tenancy();
        let of = tenant.map_or_else(String::new, |tenant| format!(" of {}", tenant.id()));
        let (version, digest) = (policy.version(), policy.digest());
        match digest.starts_with(version) {
            true => format!("policy {version}{of}"),
            false => format!(
                "policy {version}{of} ({})",
                digest.get(..12).unwrap_or(digest)
            ),
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

fn free(listen: &Address) -> anyhow::Result<()> {
    match TcpListener::bind((listen.host.as_str(), listen.port)) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot listen on {listen}: {error} (choose another with --listen)"),
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path)?;
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("`{}` is not UTF-8", path.display()))
}

/// A folder of this run alone, gone when the run is over.
struct Folder(PathBuf);

impl Folder {
    fn create() -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("toolgate-{}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it: a temporary folder that stays harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TICK: Duration = Duration::from_millis(200);
/// Compiling the filter takes seconds on an idle machine and may take many on a busy one.
const PATIENCE: Duration = Duration::from_secs(180);
