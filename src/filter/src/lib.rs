//! Carries bytes between Envoy and the engine, as a proxy-wasm filter.
//!
//! `host` is all that is known of Envoy, `stream` maps callbacks to events and steps to host
//! calls, and this file loads the policy. What may pass is decided by the engine alone.

mod host;
mod stream;

use std::{rc::Rc, sync::Arc};

use engine::{
    config::Config,
    digest::sha256,
    policy::Policy,
    problem::Problem,
    record::{Metric, MetricKind},
};
use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::ContextType,
};

use host::{Level, Metrics};
use stream::Stream;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One configuration in one VM. An update makes a new one; streams keep the policy they began with.
#[derive(Default)]
struct Root {
    policy: Option<Arc<Policy>>,
    metrics: Rc<Metrics>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match load(&host::configuration(size)) {
            Ok(policy) => {
                self.count("toolgate_config_loaded");
                let (version, registry) = (policy.version(), policy.registry_version());
                let digest = policy.digest();
                host::log(
                    Level::Info,
                    &format!("policy {version}, registry {registry} ({digest}) is live"),
                );
                self.policy = Some(Arc::new(policy));
                true
            }
            Err(problems) => {
                self.count("toolgate_config_rejected");
                for problem in &problems {
                    host::log(Level::Error, &format!("configuration refused: {problem}"));
                }
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let policy = Arc::clone(self.policy.as_ref()?);
        Some(Box::new(Stream::new(policy, Rc::clone(&self.metrics))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Root {
    fn count(&self, name: &str) {
        self.metrics.record(&Metric {
            name: name.to_owned(),
            kind: MetricKind::Counter,
            value: 1,
        });
    }
}

/// Compiles a bundle. Envoy configures the main thread first, then every worker: what the first
/// has proven, the workers take for granted, because a worker that proves serves nobody.
fn load(bundle: &[u8]) -> Result<Policy, Vec<Problem>> {
    let key = format!("toolgate.proven.{}", sha256(bundle));
    let config = Config::from_json(bundle)?;
    if host::remembered(&key) {
        return Policy::compile_proven(config);
    }
    let policy = Policy::compile(config)?;
    host::remember(&key);
    Ok(policy)
}
