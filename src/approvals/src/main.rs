//! The approval service on the command line.
#![forbid(unsafe_code)]

use std::{
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use approvals::{
    Service, app,
    config::{self, Config},
    deliver,
    issuer::Issuer,
    serve::{self, Limits},
    store::Store,
    tick,
};
use clap::{Args, Parser, Subcommand};
use tokio::{net::TcpListener, signal::unix};
use tracing_subscriber::EnvFilter;

/// Keep what agents ask people for: Toolgate's filter asks, people decide, and an approval is used
/// once.
#[derive(Parser)]
#[command(name = "toolgate-approvals", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer the filter and the people who decide, until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Prove that no entry of the audit trail was changed, left out or cut off
    Verify(Database),
    /// Write the audit trail to standard output, one JSON object in each line
    #[command(after_help = "\
Each line is in canonical form (RFC 8785). Its SHA-256 stands in the next line as `previous`.")]
    Export(Export),
    /// Write the JSON Schema of the configuration to standard output, for your editor
    Schema,
    /// Sign people in who try things out: whatever they say is believed
    #[command(after_help = "\
An OpenID provider on this machine alone, with a key of its own that ends with it. A service trusts it
where its configuration says so:
  approvers:
    issuer: http://127.0.0.1:8182
    audience: toolgate-approvals
    jwks: { url: http://127.0.0.1:8182/jwks }
A token without a browser:
  curl 'http://127.0.0.1:8182/token?user=fiona&roles=finance_approver'")]
    Issuer(Trial),
}

#[derive(Args)]
struct Serve {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "approvals.yaml")]
    config: PathBuf,
    /// Listen here, whatever the configuration says
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Use this database, whatever the configuration says
    #[arg(
        long,
        value_name = "URL",
        env = "TOOLGATE_APPROVALS_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
}

#[derive(Args)]
struct Database {
    /// `sqlite:FILE` or `postgres://..`
    #[arg(
        long,
        value_name = "URL",
        env = "TOOLGATE_APPROVALS_DATABASE",
        hide_env_values = true
    )]
    database: String,
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    database: Database,
    /// Only entries after this one
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: i64,
}

#[derive(Args)]
struct Trial {
    /// Listen here, and be called so: an address of this machine alone
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8182")]
    listen: SocketAddr,
    /// Whom its tokens are for
    #[arg(long, value_name = "NAME", default_value = "toolgate-approvals")]
    audience: String,
    /// Offer this role
    #[arg(long, value_name = "NAME")]
    role: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn")))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.into()),
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Serve(arguments) => serve(arguments).await,
            Command::Verify(database) => verify(&database).await,
            Command::Export(arguments) => export(&arguments).await,
            Command::Schema => schema(),
            Command::Issuer(arguments) => issue(&arguments).await,
        }
    });
    // Who still waits for a decision after the time to leave is not waited for.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| refuse(&error))
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    let pipe = error.downcast_ref::<io::Error>();
    if pipe.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        // Whoever reads our output has seen enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error:#}");
    ExitCode::from(COULD_NOT_RUN)
}

async fn serve(arguments: Serve) -> anyhow::Result<ExitCode> {
    let mut config = Config::read(&arguments.config)?;
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.database = arguments.database.unwrap_or(config.database);
    let listener = TcpListener::bind(&config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on `{}`", config.listen))?;
    config.listen = listener.local_addr()?.to_string();
    config.check_listen()?;
    let store = open(&config.database).await?;
    let service = Arc::new(Service::new(&config, store)?);
    let ticking = tokio::spawn(tick(Arc::clone(&service)));
    let telling = tokio::spawn(deliver(Arc::clone(&service)));
    tracing::info!("listening on http://{}", config.listen);

    let (stop, watched) = (stop()?, Arc::clone(&service));
    let stop = async move {
        stop.await;
        watched.leave();
    };
    serve::serve(listener, app(service), Limits::default(), stop).await;
    ticking.abort();
    telling.abort();
    Ok(ExitCode::SUCCESS)
}

fn schema() -> anyhow::Result<ExitCode> {
    io::stdout()
        .lock()
        .write_all(config::schema()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn issue(arguments: &Trial) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on `{}`", arguments.listen))?;
    let address = listener.local_addr()?;
    let issuer = Issuer::new(address, &arguments.audience, &arguments.role)?;
    tracing::warn!("signing in whoever says who they are, on http://{address}");
    axum::serve(listener, issuer.app())
        .with_graceful_shutdown(stop()?)
        .await?;
    Ok(ExitCode::SUCCESS)
}

/// Done when somebody wants us to end.
fn stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn verify(database: &Database) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    Ok(
        match open_existing(&database.database).await?.verify().await? {
            Ok((0, _)) => {
                writeln!(out, "the trail is empty")?;
                ExitCode::SUCCESS
            }
            Ok((count, hash)) => {
                writeln!(
                    out,
                    "the trail is whole: {count} entries, the last one is {hash}"
                )?;
                ExitCode::SUCCESS
            }
            Err(broken) => {
                writeln!(out, "the trail is broken: {broken}")?;
                ExitCode::from(FINDINGS)
            }
        },
    )
}

async fn export(arguments: &Export) -> anyhow::Result<ExitCode> {
    let store = open_existing(&arguments.database.database).await?;
    let mut out = io::stdout().lock();
    let mut after = arguments.after;
    loop {
        let entries = store.export(after).await?;
        let Some((last, _)) = entries.last() else {
            out.flush()?;
            return Ok(ExitCode::SUCCESS);
        };
        after = *last;
        for (_, entry) in &entries {
            writeln!(out, "{entry}")?;
        }
    }
}

async fn open(url: &str) -> anyhow::Result<Store> {
    // A URL may hold a password, so it is not repeated.
    let store = Store::open(url).await;
    store.map_err(|error| anyhow!("cannot open the database: {error}"))
}

/// A name that was mistyped must not become a new, empty database.
async fn open_existing(url: &str) -> anyhow::Result<Store> {
    if url.starts_with("sqlite:") && !url.contains('?') {
        return open(&format!("{url}?mode=rw")).await;
    }
    open(url).await
}

/// The trail is broken.
const FINDINGS: u8 = 1;
/// There is no answer: the input does not hold together, or something cannot be reached.
const COULD_NOT_RUN: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  toolgate-approvals serve --config approvals.yaml
      answer on http://127.0.0.1:8181 and keep everything in approvals.db
  toolgate-approvals serve --listen 0.0.0.0:8181 --database postgres://approvals@db/approvals
      one of several replicas on one database
  toolgate-approvals verify --database sqlite:approvals.db
      prove the audit trail whole, or name the first entry that is not
  toolgate-approvals export --database sqlite:approvals.db --after 1200 >> trail.jsonl
      continue a copy of the trail

A configuration needs no more than this:
  filter:
    secret: { env: TOOLGATE_APPROVALS_SECRET }   # or { file: .. }; the filter sends the same
  approvers:
    issuer: https://idp.example.com
    audience: toolgate-approvals
    jwks: { url: https://idp.example.com/jwks }   # or { file: .. }
    claims: { user: sub, roles: groups }          # and `tenant`, where people belong to one
It may hold `listen`, `database`, `public_url`, and the times `expiry` (1h), `denial` (10m), for
which a refusal is repeated to whoever asks the same again, and `retention` (90d) of closed asks;
and what spares people work:
  automatic:           # decided as soon as it is asked, by a condition as in a policy
  - { id: small, when: args.amount <= 20, decision: approve, reason: a trifle }
  escalation:          # who may decide as well when nobody does
  - { role: finance_approver, after: 30m, to: finance_head }
  unmask: { roles: [auditor] }                    # who may see what the registry calls sensitive
`toolgate-approvals schema` describes all of it to your editor.

Exit status: 0 fine, 1 the trail is broken, 2 could not run.";
