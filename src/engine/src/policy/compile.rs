//! A [`Config`] into a [`Policy`], with everything that is wrong with it.

use std::sync::OnceLock;

use super::{
    Policy,
    check::Check,
    cost::formulas,
    lower::{Lowering, Role},
    named::named,
};
use crate::{config::Config, inject::Scan, problem::Problem, registry::build::Build};

impl Policy {
    /// Compiles a configuration, and checks everything in it: every schema, and every condition
    /// against the contract of each tool that it is about.
    ///
    /// # Errors
    /// Every problem, each with its path.
    pub fn compile(config: Config) -> Result<Self, Vec<Problem>> {
        let digest = config.digest();
        Self::build(config, digest, true)
    }

    /// Compiles a configuration that [`Policy::compile`] has accepted before, under this digest,
    /// without the work that cost more than reading it does.
    ///
    /// # Errors
    /// Every problem that is found all the same.
    pub fn compile_proven(config: Config, digest: String) -> Result<Self, Vec<Problem>> {
        Self::build(config, digest, false)
    }

    fn build(config: Config, digest: String, thorough: bool) -> Result<Self, Vec<Problem>> {
        let Config {
            mut registry,
            policy,
            shadow,
            bundle,
            tenancy,
            faults,
        } = config;
        let short = || digest.chars().take(12).collect();
        let registry_version = registry.version.clone().unwrap_or_else(short);
        let version = policy.version.clone().unwrap_or_else(short);
        if let Some(tenancy) = &tenancy {
            for (id, server) in &mut registry.servers {
                // Servers of the same name are another one's.
                server.cluster.get_or_insert_with(|| tenancy.name(id));
            }
        }
        let Build {
            registry,
            places,
            limits,
            mut problems,
        } = Build::new(registry);
        // What could not be read is missing in the digest.
        let changed = bundle.and_then(|bundle| bundle.changed(&digest));
        problems.extend(changed.filter(|_| faults.is_empty()));
        let formulas = formulas(&registry, &places, &mut problems);
        let mut lowering =
            Lowering::new(&registry, policy.environment.as_deref(), limits, problems);
        lowering.detectors(policy.detectors);
        let role = shadow.as_ref().map_or(Role::Alone, |_| Role::Live);
        lowering.rules(policy.rules, role);
        let shadow_version = match shadow {
            None => version.clone(),
            Some(shadow) => {
                lowering.rules(shadow.rules, Role::Shadow);
                shadow.version.unwrap_or_else(short)
            }
        };
        let dry_run = policy.dry_run.map(|require| lowering.whom(require));
        let approvals = policy.approvals.map(|asked| lowering.approvals(asked));
        let rate_limit_service = policy.rate_limit_service;
        let rate_limit_service =
            rate_limit_service.map(|written| lowering.rate_limit_service(written));
        let Lowering {
            rules,
            index,
            problems,
            ..
        } = lowering;
        let applicable = places.iter().map(|_| OnceLock::new()).collect();
        let policy = Self {
            tenancy,
            digest,
            version,
            shadow_version,
            shadowed: rules.iter().any(|rule| rule.live != rule.shadow),
            registry_version,
            environment: policy.environment,
            identity: policy.identity.unwrap_or_default(),
            bounds: policy.bounds.unwrap_or_default(),
            drift: policy.drift.unwrap_or_default(),
            scan: Scan::new(policy.scan.unwrap_or_default().actions()),
            dry_run,
            approvals,
            named: named(&registry, &rules),
            rate_limit_service,
            registry,
            rules,
            index,
            formulas,
            applicable,
            places,
        };
        let mut check = Check {
            policy: &policy,
            problems,
        };
        check.identity();
        check.service();
        if thorough {
            check.entries();
        }
        let problems = together(faults, check.problems);
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(problems)
        }
    }
}

/// What could not be read, and what is wrong with the rest. An item that could not be read whole
/// says nothing certain about itself, and a file that could not be read says nothing at all.
fn together(faults: Vec<Problem>, mut found: Vec<Problem>) -> Vec<Problem> {
    let faulty: Vec<_> = faults.iter().map(|fault| item(&fault.path)).collect();
    found.retain(|problem| !faulty.contains(&None) && !faulty.contains(&item(&problem.path)));
    let mut problems = faults;
    problems.append(&mut found);
    problems
}

/// The item that a path leads into: `policy[0]:rules[2]` for `policy[0]:rules[2].when`.
fn item(path: &str) -> Option<&str> {
    let file = match path.split_once(':') {
        Some((file, _)) => file.len() + 1,
        None => path.find('.')? + 1,
    };
    let rest = path.get(file..)?;
    match rest.find(['.', ']']) {
        Some(end) => path.get(..file + end + usize::from(rest.as_bytes().get(end) == Some(&b']'))),
        None => None,
    }
}
