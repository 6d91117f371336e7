//! What reading a configuration does not show: contradictions, and conditions on arguments that
//! no contract has.

use std::collections::BTreeSet;

use super::{
    Policy,
    rule::{Requirement, Rule},
};
use crate::{
    config::{Effect, Source},
    limit::{Limit, Scope},
    problem::Problem,
    registry::{Entry, Kind},
};

/// A policy under examination.
pub(super) struct Check<'p> {
    pub(super) policy: &'p Policy,
    pub(super) problems: Vec<Problem>,
}

impl Check<'_> {
    /// Where facts come from, and whether something supplies all that rules ask for.
    pub(super) fn identity(&mut self) {
        let identity = self.policy.identity();
        // Without an identity section callers are nobody: whatever asks for somebody is denied.
        if identity.at.is_empty() {
            return;
        }
        let at = &identity.at;
        for (i, issuer) in identity.issuers.iter().enumerate() {
            if issuer.audiences.is_empty() {
                let message = "without audiences, tokens meant for anybody would be accepted";
                self.problems.push(Problem::new(
                    format!("{at}.issuers[{i}].audiences"),
                    message,
                ));
            }
            if identity
                .issuers
                .iter()
                .take(i)
                .any(|other| other.issuer == issuer.issuer)
            {
                let message = format!("`{}` is listed twice", issuer.issuer);
                self.problems
                    .push(Problem::new(format!("{at}.issuers[{i}].issuer"), message));
            }
        }
        if let Some(uri) = &identity.resource
            && !(uri.starts_with("http://") || uri.starts_with("https://")) | uri.contains('#')
        {
            let message = "expected an `http://` or `https://` URI without a fragment";
            self.problems
                .push(Problem::new(format!("{at}.resource"), message));
        }
        for (name, source) in identity.sources() {
            match source {
                Some(Source::Jwt(_)) if identity.issuers.is_empty() => {
                    let message = "no issuer is named, so there is never a verified token";
                    self.problems
                        .push(Problem::new(format!("{at}.{name}"), message));
                }
                Some(Source::Jwt(_) | Source::Mtls(_) | Source::Header(_)) => {}
                // Whose gateway it is.
                None if name == "tenant" && self.policy.tenancy.is_some() => {}
                None => self.unsupplied(name),
            }
        }
    }

    /// Tells who asks for a fact that nothing supplies.
    fn unsupplied(&mut self, fact: &str) {
        let policy = self.policy;
        let rule = policy
            .rules
            .iter()
            .find_map(|rule| asks(rule, fact).map(|field| (rule.at.clone(), field)));
        let scoped = |entry: &&Entry| fact == "scopes" && entry.auth_scope.is_some();
        let entry = policy.registry.entries().find(scoped);
        let entry = entry.map(|entry| (policy.place_of(entry).to_owned(), "authScope"));
        let dry_run = policy.dry_run.as_ref();
        let dry_run = dry_run.and_then(|whom| {
            let field = asks(whom, fact)?.trim_start_matches("require.");
            Some((whom.at.clone(), field))
        });
        if let Some((at, field)) = rule.or(entry).or(dry_run) {
            let message = format!("nothing supplies `{fact}`, so this never holds");
            let help = format!("name its source: `identity.{fact}`");
            self.problems
                .push(Problem::new(format!("{at}.{field}"), message).help(help));
        }
    }

    /// Whether somebody counts what is to be counted for all Envoys.
    pub(super) fn service(&mut self) {
        let policy = self.policy;
        if policy.rate_limit_service.is_some() {
            return;
        }
        let limits = policy.limits().into_values();
        for limit in limits.filter(|limit| limit.scope == Scope::Global) {
            let message = "nobody counts for all Envoys: the policy has no `rate_limit_service`";
            let help = "add `rate_limit_service: { url: .. }`, or let each Envoy count for itself";
            let at = format!("{}.scope", limit.at);
            self.problems.push(Problem::new(at, message).help(help));
        }
    }

    /// Whether the service can be asked about all limits that one call may count for.
    fn questions(&mut self, entry: &Entry, at: &str) {
        let rules = self.policy.about(entry);
        let rules = rules.filter(|rule| rule.live && rule.effect != Effect::Deny);
        let limits = entry
            .limits
            .iter()
            .chain(rules.flat_map(|rule| &rule.limits));
        let global = limits.filter(|limit| limit.scope == Scope::Global);
        let global: BTreeSet<_> = global.map(|limit| &limit.name).collect();
        if global.len() > Limit::MOST_GLOBAL {
            let message = format!(
                "{} limits of `scope: global` may apply to one call, and a rate-limit service is \
                 asked about {} at once",
                global.len(),
                Limit::MOST_GLOBAL
            );
            let help = "give limits that are the same one `id`, or let Envoys count for themselves";
            self.problems.push(Problem::new(at, message).help(help));
        }
    }

    /// Each entry beside the rules that are about it.
    pub(super) fn entries(&mut self) {
        let policy = self.policy;
        let mut told = BTreeSet::new();
        let registry = &policy.registry;
        for entry in registry.entries().chain(registry.versions()) {
            let at = policy.place_of(entry);
            self.schemas(entry, at);
            self.questions(entry, at);
            if let Some(formula) = policy.formulas.get(&entry.tool) {
                let found = formula.check(entry.input.source());
                let below = |problem: Problem| problem.below(&format!("{at}.cost"));
                self.problems.extend(found.into_iter().map(below));
            }
            for rule in policy.about(entry) {
                self.approver(entry, at, rule, &mut told);
                let Some(condition) = rule.when.as_ref().filter(|when| when.reads_args()) else {
                    continue;
                };
                for problem in condition.check(entry.input.source()) {
                    // The same of many tools is told of the first.
                    if told.insert((rule.place, problem.message.clone())) {
                        let message = format!(
                            "{} ({} `{}`)",
                            problem.message,
                            entry.kind.as_str(),
                            entry.name
                        );
                        self.problems.push(
                            Problem { message, ..problem }.below(&format!("{}.when", rule.at)),
                        );
                    }
                }
            }
        }
    }

    fn schemas(&mut self, entry: &Entry, at: &str) {
        if entry.kind != Kind::Tool {
            return;
        }
        let schemas = [
            ("inputSchema", Some(&entry.input)),
            ("outputSchema", entry.output.as_ref()),
        ];
        for (field, schema) in schemas
            .into_iter()
            .filter_map(|(f, schema)| Some((f, schema?)))
        {
            let at = format!("{at}.{field}");
            if schema.source().get("type").and_then(|kind| kind.as_str()) != Some("object") {
                let message = "expected an object schema: `type: object`";
                self.problems.push(Problem::new(&at, message));
            }
            self.problems
                .extend(schema.check().into_iter().map(|problem| problem.below(&at)));
        }
    }

    /// Tells where an approval is required that nobody can give.
    fn approver(
        &mut self,
        entry: &Entry,
        at: &str,
        rule: &Rule,
        told: &mut BTreeSet<(usize, String)>,
    ) {
        if rule.effect == Effect::Deny
            || rule.approver_role.is_some()
            || entry.approver_role.is_some()
        {
            return;
        }
        let name = &entry.name;
        if entry.approval_required {
            let message = format!(
                "rule `{}` lets `{name}` through, and nobody can approve it",
                rule.id
            );
            if told.insert((rule.place, message.clone())) {
                let help = "name an `approverRole` here, or an `approver_role` in the rule";
                self.problems
                    .push(Problem::new(format!("{at}.approvalRequired"), message).help(help));
            }
        } else if rule.effect == Effect::ApprovalRequired && !rule.confirmed_by_user {
            let message = "nobody can approve what this rule asks for".to_owned();
            if told.insert((rule.place, message.clone())) {
                let help = "name an `approver_role`";
                self.problems
                    .push(Problem::new(&rule.at, message).help(help));
            }
        }
    }
}

/// The field with which a rule asks for a fact about the caller.
fn asks(rule: &Rule, fact: &str) -> Option<&'static str> {
    let required = |requirement: &Requirement| !matches!(requirement, Requirement::None);
    let (asked, field) = match fact {
        "user" if rule.confirmed_by_user => (true, "requires_user_confirmation"),
        "user" => (required(&rule.user), "require.user"),
        "agent" => (required(&rule.agent), "require.agent"),
        "app" => (required(&rule.app), "require.app"),
        "tenant" if required(&rule.tenant) => (true, "require.tenant"),
        "tenant" => (rule.tenants.is_some(), "tenants"),
        "roles" => (rule.roles.is_some(), "require.roles"),
        "scopes" => (!rule.scopes.is_empty(), "require.scopes"),
        _ => (false, ""),
    };
    asked.then_some(field)
}
