//! Several files as one, and what contradicts between them.

use super::{Reading, below, trimmed};
use crate::{
    config::{
        Approvals, Config, Effect, Identity, Mode, OneOrMany, Policy, RateLimitService, Registry,
        Require, Rule, Selector,
    },
    problem::Problem,
};

impl Reading {
    pub(super) fn finish(mut self, registries: Vec<Registry>, policies: Vec<Policy>) -> Config {
        let registry = self.join_registries(registries);
        let (live, shadow): (Vec<_>, Vec<_>) = policies
            .into_iter()
            .partition(|file| file.mode == Mode::Enforce);
        if let (true, Some(file)) = (live.is_empty(), shadow.first()) {
            let message = "only shadow policies are here, so every call would be denied";
            let problem = Problem::new(below(&file.at, "mode"), message);
            self.problems
                .push(problem.help("add the policy that decides, or leave `mode` out"));
        }
        let policy = self.join_policies(live);
        let shadow = (!shadow.is_empty()).then(|| self.join_shadow(shadow, &policy));
        Config {
            registry,
            policy,
            shadow,
            bundle: None,
            tenancy: None,
            faults: self.problems.into_iter().map(trimmed).collect(),
        }
    }

    fn join_registries(&mut self, files: Vec<Registry>) -> Registry {
        let version = versions(files.iter().map(|file| file.version.as_deref()));
        let mut joined = Registry {
            version,
            ..Registry::default()
        };
        for file in files {
            if let (Some(_), Some(again)) = (&joined.virtual_server, &file.virtual_server) {
                let message = "another registry file has a virtual server already";
                self.problems.push(Problem::new(&again.at, message));
            }
            joined.virtual_server = joined.virtual_server.or(file.virtual_server);
            for (id, server) in file.servers {
                if joined.servers.contains_key(&id) {
                    let message = format!("server `{id}` is declared twice");
                    self.problems.push(Problem::new(&server.at, message));
                }
                joined.servers.insert(id, server);
            }
            joined.tools.extend(file.tools);
            joined.resources.extend(file.resources);
            joined.prompts.extend(file.prompts);
        }
        for id in std::mem::take(&mut self.implied) {
            joined.servers.entry(id).or_default();
        }
        joined
    }

    fn join_policies(&mut self, files: Vec<Policy>) -> Policy {
        let version = versions(files.iter().map(|file| file.version.as_deref()));
        let mut joined = Policy {
            version,
            ..Policy::default()
        };
        let mut denials = Vec::new();
        for file in files {
            let at = &file.at;
            self.once(&mut joined.environment, file.environment, at, "environment");
            self.once(&mut joined.identity, file.identity, at, "identity");
            self.once(&mut joined.bounds, file.bounds, at, "bounds");
            self.once(&mut joined.drift, file.drift, at, "drift");
            self.once(&mut joined.scan, file.scan, at, "scan");
            self.once(&mut joined.dry_run, file.dry_run, at, "dry_run");
            self.once(&mut joined.approvals, file.approvals, at, "approvals");
            let service = &mut joined.rate_limit_service;
            self.once(service, file.rate_limit_service, at, "rate_limit_service");
            for (name, detector) in file.detectors {
                if joined.detectors.contains_key(&name) {
                    let message = format!("another policy file has a detector `{name}` already");
                    self.problems.push(Problem::new(&detector.at, message));
                }
                joined.detectors.insert(name, detector);
            }
            joined.rules.extend(file.rules);
            if !file.denied_tools.is_empty() {
                denials.push((below(at, "denied_tools"), file.denied_tools));
            }
        }
        for (i, (at, names)) in denials.into_iter().enumerate() {
            let nth = if i == 0 {
                String::new()
            } else {
                format!("-{}", i + 1)
            };
            joined.rules.push(Rule {
                id: Some(format!("denied_tools{nth}")),
                tools: Some(Selector::Names(OneOrMany::Many(names))),
                decision: Some(Effect::Deny),
                at,
                ..Rule::default()
            });
        }
        joined
    }

    /// Joins files that are tried beside `live`: all but rules is as there.
    fn join_shadow(&mut self, mut files: Vec<Policy>, live: &Policy) -> Policy {
        for file in &mut files {
            let at = &file.at;
            self.same(
                file.environment.take(),
                live.environment.as_ref(),
                at,
                "environment",
            );
            self.same(file.bounds.take(), live.bounds.as_ref(), at, "bounds");
            self.same(file.drift.take(), live.drift.as_ref(), at, "drift");
            self.same(file.scan.take(), live.scan.as_ref(), at, "scan");
            let dry_run = file.dry_run.take().map(|dry_run| Require {
                at: live
                    .dry_run
                    .as_ref()
                    .map_or_else(String::new, |live| live.at.clone()),
                ..dry_run
            });
            self.same(dry_run, live.dry_run.as_ref(), at, "dry_run");
            let approvals = file.approvals.take().map(|approvals| Approvals {
                at: live
                    .approvals
                    .as_ref()
                    .map_or_else(String::new, |live| live.at.clone()),
                ..approvals
            });
            self.same(approvals, live.approvals.as_ref(), at, "approvals");
            let known = live.rate_limit_service.as_ref();
            let service = file.rate_limit_service.take();
            let service = service.map(|service| RateLimitService {
                at: known.map_or_else(String::new, |live| live.at.clone()),
                ..service
            });
            self.same(service, known, at, "rate_limit_service");
            for (name, detector) in std::mem::take(&mut file.detectors) {
                let known = live.detectors.get(&name);
                if known.is_none_or(|known| known.pattern != detector.pattern) {
                    let message = "the detectors of a shadow policy are those of the live one";
                    self.problems.push(Problem::new(&detector.at, message));
                }
            }
            let identity = file.identity.take().map(|identity| Identity {
                at: live
                    .identity
                    .as_ref()
                    .map_or_else(String::new, |live| live.at.clone()),
                ..identity
            });
            self.same(identity, live.identity.as_ref(), at, "identity");
        }
        self.join_policies(files)
    }

    /// Tells what a shadow file says otherwise than the live policy.
    fn same<T: PartialEq>(&mut self, value: Option<T>, live: Option<&T>, at: &str, name: &str) {
        if value.is_some() && value.as_ref() != live {
            let message = format!("the `{name}` of a shadow policy is that of the live one");
            let problem = Problem::new(below(at, name), message);
            self.problems
                .push(problem.help("leave it out, or write the same"));
        }
    }

    /// Keeps what only one file may say.
    fn once<T>(&mut self, slot: &mut Option<T>, value: Option<T>, at: &str, name: &str) {
        if slot.is_some() && value.is_some() {
            let message = format!("another policy file has `{name}` already");
            self.problems.push(Problem::new(below(at, name), message));
        }
        if value.is_some() {
            *slot = value;
        }
    }
}

/// The versions of several files as one.
fn versions<'a>(all: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let all: Vec<&str> = all.flatten().collect();
    (!all.is_empty()).then(|| all.join("+"))
}
