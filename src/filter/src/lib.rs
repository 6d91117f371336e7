//! Toolgate as an Envoy filter: carries bytes between Envoy and the engine.
//!
//! What this crate does not do: parse, judge, or word an answer. `host` calls Envoy, `stream`
//! turns its callbacks into the engine's events; this module loads the policy.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::{
    config::Bundle,
    cx::{Owner, Store as _},
    digest::sha256,
    gateway::Gateway,
    http::Headers,
    limit::{self, Ledger},
    problem::Problem,
    seal::Seal,
};
use proxy_wasm::{
    traits::{Context, HttpContext, RootContext, StreamContext},
    types::{ContextType, LogLevel},
};

use crate::{
    host::{Clock, Level, Shared, metric},
    merge::{Part, feed::Feed, source::Source},
    stream::Stream,
};

mod host;
mod merge;
mod secret;
mod stream;

/// Envoy's entry point.
mod start {
    use super::{LogLevel, Plugin};

    proxy_wasm::main! {{
        // Also has panics logged, with the place where they happened.
        proxy_wasm::set_log_level(LogLevel::Info);
        proxy_wasm::set_root_context(|id| Box::new(Plugin::new(id)));
    }}
}

/// The filter as it is configured: Envoy makes a new one for each configuration, and drops the old
/// one once its streams are done.
struct Plugin {
    id: u32,
    /// Its name, which the one that takes its place has too.
    name: String,
    /// What it is in merged streams, apart from their clients' side.
    part: Option<Part>,
    live: Option<Live>,
    beats: u32,
}

thread_local! {
    /// By name, the plugin that is live: those before it go on until their streams are done.
    static NEWEST: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

impl Plugin {
    const fn new(id: u32) -> Self {
        Self {
            id,
            name: String::new(),
            part: None,
            live: None,
            beats: 0,
        }
    }
}

/// What streams are governed by, and in whose name.
#[derive(Clone)]
struct Live {
    gateway: Arc<Gateway>,
    owner: Owner,
    seal: &'static Seal,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    /// `false` has Envoy refuse the configuration, whole, and keep the one that is live.
    fn on_configure(&mut self, _: usize) -> bool {
        self.part = host::configuration().ok().as_deref().and_then(Part::of);
        if self.part.is_some() {
            return true;
        }
        for name in [LOADED, REJECTED] {
            let _ = metric::define(metric::Kind::Counter, name);
        }
        let result = load().and_then(|gateway| {
            let seal = secret::seal().map_err(|problem| vec![problem])?;
            Ok(Live {
                gateway: Arc::new(gateway),
                owner: owner(),
                seal,
            })
        });
        let name = if result.is_ok() { LOADED } else { REJECTED };
        let _ = metric::record(metric::Kind::Counter, name, 1);
        match result {
            Ok(live) => {
                self.live = Some(live);
                let name = host::property(&["plugin_name"]).unwrap_or_default();
                self.name = String::from_utf8_lossy(&name).into_owned();
                NEWEST.with(|it| it.borrow_mut().insert(self.name.clone(), self.id));
                beat();
                if let Err(host::Refused(status)) = host::tick(BEAT) {
                    let line = format!("tick: refused with status {status}");
                    host::log(Level::Error, &line);
                }
                true
            }
            Err(problems) => {
                for problem in &problems {
                    host::log(Level::Error, &format!("configuration refused: {problem}"));
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        beat();
        let newest = NEWEST.with(|it| it.borrow().get(&self.name).copied());
        if let Some(live) = self.live.as_ref().filter(|_| newest == Some(self.id)) {
            self.beats = self.beats.wrapping_add(1);
            let due = self.beats.is_multiple_of(BEATS_OF_SILENCE);
            let newest = |head: &Headers| Arc::clone(live.gateway.policy(head));
            merge::tick(&self.name, newest, due, self.id);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match self.part {
            Some(_) => Box::new(Feed::new(id)),
            None => Box::new(Stream::new(id, self.id, self.live.clone())),
        })
    }

    fn create_stream_context(&self, id: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(Source::new(id)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(match self.part {
            Some(Part::Source) => ContextType::StreamContext,
            Some(Part::Feed) | None => ContextType::HttpContext,
        })
    }
}

/// As whom this VM writes down what its streams have at the same time: what dies with a VM is
/// known by it. A VM has many configurations, one after the other and beside each other.
fn owner() -> Owner {
    static OWNER: OnceLock<Owner> = OnceLock::new();
    *OWNER.get_or_init(|| {
        let owner = limit::enroll(&Shared, Clock::start().now());
        // Where nothing can be written down, nothing is had: any owner will do.
        owner.unwrap_or(Owner(u64::MAX))
    })
}

fn beat() {
    Ledger::new(&Shared, owner()).beat(Clock::start().now());
}

/// Compiles the configuration. Envoy configures a copy of the filter in its main thread first, and
/// then one in each worker, which must not be kept from its traffic: what is checked once is not
/// checked again.
fn load() -> Result<Gateway, Vec<Problem>> {
    let clock = Clock::start();
    let bytes = host::configuration().map_err(|host::Refused(status)| {
        vec![Problem::new(
            "",
            format!("the host refused it with status {status}"),
        )]
    })?;
    let bundle = Bundle::from_json(&bytes)?;
    let key = proven_key(&bytes);
    let (proven, version) = Shared.load(&key);
    if let Some(proof) = proven.and_then(|proof| String::from_utf8(proof).ok()) {
        return Gateway::compile_proven(bundle, &proof);
    }
    let gateway = Gateway::compile(bundle)?;
    // Without it the workers check again, which takes longer and is as good.
    let _ = Shared.store(&key, gateway.proof().as_bytes(), version);
    for policy in gateway.policies() {
        let tenant = policy.tenancy();
        let of = tenant.map_or_else(String::new, |tenant| format!(" of tenant {}", tenant.id()));
        let message = format!(
            "policy {}{of} with registry {} is live, digest {}, loaded in {} ms",
            policy.version(),
            policy.registry_version(),
            policy.digest(),
            clock.elapsed() / 1_000_000,
        );
        host::log(Level::Info, &message);
    }
    Ok(gateway)
}

/// Shared data outlives the module: what another version of it has checked may not pass here.
fn proven_key(config: &[u8]) -> String {
    format!(
        "toolgate.proven.{}.{}",
        env!("CARGO_PKG_VERSION"),
        sha256(config)
    )
}

const BEAT: Duration = Duration::from_nanos(Ledger::BEAT.unsigned_abs());
/// After so many, a stream is told that it lives: others in between end what is silent for a minute.
const BEATS_OF_SILENCE: u32 = 5;
const LOADED: &str = "toolgate_config_loaded";
const REJECTED: &str = "toolgate_config_rejected";
