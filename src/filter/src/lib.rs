//! Toolgate as an Envoy filter: carries bytes between Envoy and the engine.
//!
//! What this crate does not do: parse, judge, or word an answer. `host` calls Envoy, `stream`
//! turns its callbacks into the engine's events; this module loads the policy.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::{
    config::Bundle,
    cx::{Owner, Store as _},
    digest::sha256,
    gateway::Gateway,
    limit::{self, Ledger},
    problem::Problem,
    seal::Seal,
};
use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::{ContextType, LogLevel},
};

use crate::{
    host::{Clock, Level, Shared, metric},
    stream::Stream,
};

mod host;
mod secret;
mod stream;

/// Envoy's entry point.
mod start {
    use super::{LogLevel, Plugin};

    proxy_wasm::main! {{
        // Also has panics logged, with the place where they happened.
        proxy_wasm::set_log_level(LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(Plugin { live: None }));
    }}
}

/// The filter as it is configured: Envoy makes a new one for each configuration, and drops the old
/// one once its streams are done.
struct Plugin {
    live: Option<Live>,
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
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.live.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
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
const LOADED: &str = "toolgate_config_loaded";
const REJECTED: &str = "toolgate_config_rejected";
