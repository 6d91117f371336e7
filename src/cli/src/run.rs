//! `toolgate run`: the registry's servers behind a real Envoy on this machine.

mod child;
mod follow;

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
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use self::{
    child::{Child, Stage},
    follow::Follower,
};
use crate::{
    COULD_NOT_RUN,
    envoy::{self, Address, Module, Setup},
    inputs::{Files, Loaded},
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
///
/// Envoy is the one of --envoy, $TOOLGATE_ENVOY, .tools/bin/envoy or the PATH, in this order.
/// A changed file with problems is reported, and what was live stays live. Ctrl-C ends both.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
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
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let binary = find_envoy(arguments.envoy.as_deref())?;
    let wasm = find_wasm(arguments.wasm.as_deref())?;
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
    };
    let setup = match place.setup(&loaded) {
        Ok(setup) => setup,
        Err(findings) => return Ok(findings.refuse()),
    };
    // Watched from before the files are used, so that no change between is lost.
    let watch = Watch::new(watched(arguments, &loaded));
    let follower = Follower::new(&access_log)?;
    place.write(&setup, 1)?;
    let config = folder.0.join("envoy.json");
    fs::write(
        &config,
        envoy::following(&setup, place.folder()?).to_string(),
    )?;
    let size = fs::metadata(&wasm)?.len();
    eprintln!(
        "starting Envoy; it compiles the filter ({:.1} MB) first, which takes some seconds",
        size as f64 / 1e6
    );
    let mut child = Child::start(&binary, &config, &folder.0)?;
    let outcome = Session {
        place,
        watch,
        follower,
        stop: &stop,
        version: 1,
    }
    .follow(&mut child, &loaded, &setup);
    child.stop();
    outcome
}

/// One run, from start to stop.
struct Session<'a> {
    place: Place<'a>,
    watch: Watch,
    follower: Follower,
    stop: &'a AtomicBool,
    /// Counts the configurations handed to Envoy.
    version: u64,
}

impl Session<'_> {
    fn follow(
        mut self,
        child: &mut Child,
        loaded: &Loaded,
        setup: &Setup,
    ) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let mut live = false;
        // Handed to Envoy, which has not said yet whether it takes it.
        let mut pending = Some(name(loaded));
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(status) = child.ended()? {
                eprintln!("{}", child.last_words());
                eprintln!("error: Envoy ended ({status})");
                return Ok(ExitCode::from(COULD_NOT_RUN));
            }
            if let Some(named) = &pending {
                match child.stage(self.version) {
                    Stage::Loading if began.elapsed() > PATIENCE && !live => {
                        bail!("Envoy was not ready within {} s", PATIENCE.as_secs());
                    }
                    Stage::Loading => {}
                    Stage::Live => {
                        if live {
                            eprintln!("reloaded: {named}");
                        } else {
                            greet(loaded, setup, child, &self.place, began.elapsed());
                        }
                        live = true;
                        pending = None;
                    }
                    Stage::Refused => {
                        eprintln!("{}", child.last_words());
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
        self.watch.follow(watched(self.place.arguments, &loaded));
        match self.place.setup(&loaded) {
            Ok(setup) => {
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
}

impl Place<'_> {
    fn setup(&self, loaded: &Loaded) -> Result<Setup, Findings> {
        let (listen, admin) = (self.arguments.listen.clone(), self.arguments.admin.clone());
        let setup = render::setup(loaded, listen, admin).map_err(Findings::unplaced)?;
        Ok(Setup {
            wasm: Module::File(self.wasm.clone()),
            access_log: self.access_log.clone(),
            roots: roots(),
            ..setup
        })
    }

    /// Envoy takes a file when it is renamed into place.
    fn write(&self, setup: &Setup, version: u64) -> anyhow::Result<()> {
        for (file, content) in envoy::followed(setup, self.folder()?, version) {
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

fn greet(loaded: &Loaded, setup: &Setup, child: &Child, place: &Place<'_>, took: Duration) {
    eprintln!("ready after {:.1} s: {}", took.as_secs_f64(), name(loaded));
    for server in loaded.policy.registry().servers() {
        match &server.url {
            Some(url) => {
                eprintln!("  http://{}{}  ->  {url}", setup.listen, server.endpoint);
            }
            None => eprintln!("  server `{}` has no url: not governed here", server.id),
        }
    }
    if let Some(admin) = child.admin() {
        eprintln!("  metrics: http://{admin}/stats/prometheus");
    }
    if place.arguments.access_log.is_some() {
        eprintln!("  audit:   {}", place.access_log);
    }
    eprintln!("each decision follows; Ctrl-C stops\n");
}

/// The version, and the digest where that says more.
fn name(loaded: &Loaded) -> String {
    let (version, digest) = (loaded.policy.version(), loaded.policy.digest());
    if digest.starts_with(version) {
        return format!("policy {version}");
    }
    format!("policy {version} ({})", digest.get(..12).unwrap_or(digest))
}

fn watched(arguments: &Arguments, loaded: &Loaded) -> Vec<PathBuf> {
    arguments
        .files
        .paths()
        .cloned()
        .chain(render::key_files(loaded))
        .collect()
}

fn free(listen: &Address) -> anyhow::Result<()> {
    match TcpListener::bind((listen.host.as_str(), listen.port)) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot listen on {listen}: {error} (choose another with --listen)"),
    }
}

fn find_envoy(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        if path.is_file() {
            return Ok(path.to_path_buf());
        }
        bail!("no Envoy at `{}`", path.display());
    }
    let named = env::var_os("TOOLGATE_ENVOY").map(PathBuf::from);
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        if path.is_file() {
            return Ok(path);
        }
        bail!(
            "no Envoy at `{}`, which $TOOLGATE_ENVOY names",
            path.display()
        );
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).map(|folder| folder.join("envoy"));
    std::iter::once(PathBuf::from(".tools/bin/envoy"))
        .chain(folders)
        .find(|candidate| candidate.is_file())
        .context("no Envoy found: name one with --envoy or $TOOLGATE_ENVOY, or run `make setup`")
}

/// In the build's own folders, next to this program.
fn find_wasm(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let found = match given {
        Some(path) => path.to_path_buf(),
        None => {
            let program = env::current_exe().context("cannot tell where this program is")?;
            let folder = program.parent().unwrap_or_else(|| Path::new("."));
            [
                folder.join("toolgate.wasm"),
                folder.join("../wasm32-wasip1/release/toolgate.wasm"),
            ]
            .into_iter()
            .find(|candidate| candidate.is_file())
            .context("no toolgate.wasm beside this program: run `make build`, or use --wasm")?
        }
    };
    fs::canonicalize(&found).with_context(|| format!("no filter at `{}`", found.display()))
}

/// Where this machine keeps the certificates it trusts.
fn roots() -> String {
    let known = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    env::var("SSL_CERT_FILE")
        .ok()
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| {
            let found = known.into_iter().find(|path| Path::new(path).is_file());
            found
                .unwrap_or("/etc/ssl/certs/ca-certificates.crt")
                .to_owned()
        })
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
