//! The compiled policy: decides what may happen, and names the rule that decided.
//!
//! What this module does not do: check arguments against a tool's contract, ask approvers, or say
//! no to a client.

mod check;
mod compile;
mod cost;
mod cover;
mod explain;
mod findings;
mod index;
mod lower;
mod named;
mod reads;
mod redactions;
mod rule;
mod sight;
mod verdict;

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use crate::{
    call::{Call, Principal},
    condition::Fuel,
    config::{Bounds, Drift, Effect, FailureMode, Identity},
    inject::Scan,
    limit::Limit,
    registry::{Endpoint, Entry, Registry},
    tenancy::Tenancy,
};
use cost::Formulas;
use findings::{Findings, scopes};
use index::Index;
use named::Named;
use rule::{Demand, Found};

pub use explain::{Considered, Foresight, Obstacles, Outcome, Part};
pub use reads::Reads;
pub use redactions::Redactions;
pub use rule::{Attributes, Requirement, Rule};
pub use sight::Sight;
pub use verdict::{Cause, Decision, HiddenBy, Permit, Summary, Verdict};

/// A configuration that compiled: what exists and what may happen.
#[derive(Debug)]
pub struct Policy {
    tenancy: Option<Tenancy>,
    digest: String,
    version: String,
    shadow_version: String,
    /// Some rules decide that are not tried, or are tried and do not decide.
    shadowed: bool,
    registry_version: String,
    environment: Option<String>,
    identity: Identity,
    bounds: Bounds,
    drift: Drift,
    scan: Scan,
    /// Whoever it matches may make dry runs.
    dry_run: Option<Rule>,
    approvals: Option<Approvals>,
    rate_limit_service: Option<RateLimitService>,
    registry: Registry,
    rules: Vec<Rule>,
    index: Index,
    formulas: Formulas,
    named: Named,
    /// By entry, the rules that may apply to it: found on first use, so that loading many of both
    /// costs nothing, and a call costs the same beside many of either.
    applicable: Vec<OnceLock<Box<[usize]>>>,
    /// By entry, where it is written.
    places: Vec<String>,
}

/// The service that is asked for approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    /// How long it may take, beyond the time for which it is to wait.
    pub timeout: Duration,
    /// Where it is, for configurations that are generated.
    pub url: Option<String>,
}

/// The service that counts limits of all Envoys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitService {
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    /// Where it is, for configurations that are generated.
    pub url: Option<String>,
    /// The domain under which it keeps them.
    pub domain: String,
    /// How long it may take.
    pub timeout: Duration,
    /// What becomes of calls that it does not count.
    pub failure_mode: FailureMode,
}

impl Policy {
    /// Whose it is; `None`: everybody's.
    #[must_use]
    pub const fn tenancy(&self) -> Option<&Tenancy> {
        self.tenancy.as_ref()
    }

    /// What agents reach at this path of the gateway.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Option<Endpoint<'_>> {
        match &self.tenancy {
            Some(tenancy) => self.registry.endpoint(tenancy.within(path)?),
            None => self.registry.endpoint(path),
        }
    }

    /// The name of a limit among those that all Envoys count.
    #[must_use]
    pub fn counted_as(&self, limit: &Limit) -> String {
        match &self.tenancy {
            Some(tenancy) => tenancy.name(&limit.name),
            None => limit.name.clone(),
        }
    }

    /// Hex SHA-256 of the canonical configuration.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The version as written, joined by `+` where there are several files; without one, the
    /// beginning of the digest.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version of what is tried beside it, as [`Policy::version`].
    #[must_use]
    pub fn shadow_version(&self) -> &str {
        &self.shadow_version
    }

    /// The registry's version, as [`Policy::version`].
    #[must_use]
    pub fn registry_version(&self) -> &str {
        &self.registry_version
    }

    /// Where this gateway runs.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Where facts about callers come from.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What exists.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is done about text that wants to steer models.
    #[must_use]
    pub const fn scan(&self) -> &Scan {
        &self.scan
    }

    /// Sizes that are not exceeded.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// What becomes of what a server announces otherwise than it was reviewed.
    #[must_use]
    pub fn drift(&self) -> Drift {
        self.drift
    }

    /// Where approvals are asked for; `None`: nobody can be asked.
    #[must_use]
    pub fn approvals(&self) -> Option<&Approvals> {
        self.approvals.as_ref()
    }

    /// Where limits of all Envoys are counted; `None`: there are none.
    #[must_use]
    pub fn rate_limit_service(&self) -> Option<&RateLimitService> {
        self.rate_limit_service.as_ref()
    }

    /// All limits of what is registered and of rules that decide, by name.
    #[must_use]
    pub fn limits(&self) -> BTreeMap<&str, &Limit> {
        let entries = self.registry.entries().flat_map(|entry| &entry.limits);
        let rules = self.rules.iter().filter(|rule| rule.live);
        let limits = entries.chain(rules.flat_map(|rule| &rule.limits));
        limits
            .map(|limit| (limit.name.as_str(), &**limit))
            .collect()
    }

    /// Whether this caller may ask what would be decided.
    #[must_use]
    pub fn permits_dry_run(&self, who: &Principal) -> bool {
        self.dry_run.as_ref().is_some_and(|whom| whom.accepts(who))
    }

    /// Decides one call: first whether the entry exists for the caller, then scopes, then rules.
    ///
    /// Arguments that are not known count against the call: a rule that might deny it or ask for
    /// an approval does, one that might allow it does not.
    pub fn decide(&self, call: &Call<'_>) -> Verdict {
        self.judge(call).0
    }

    /// Decides one call, and tells what the shadow rules would have decided, where that differs.
    pub fn judge(&self, call: &Call<'_>) -> (Verdict, Option<Summary>) {
        let (mut live, shadow) = match self.findings(call) {
            Ok(findings) => findings,
            Err(cause) => return (Verdict::deny(Decision::default(), cause), None),
        };
        let verdict = live.assume_the_worst().verdict(call.entry);
        let shadow = shadow.map(|mut it| it.assume_the_worst().verdict(call.entry).summary());
        let differs = |shadow: &Summary| !shadow.agrees(&verdict.summary());
        let shadow = shadow.filter(differs);
        (verdict, shadow)
    }

    /// The permit of what is about nothing registered: handshake, ping, notifications, lists.
    /// Whoever is authenticated may send it.
    #[must_use]
    pub fn plumbing(&self) -> Permit {
        Permit::new(Decision::default(), Vec::new())
    }

    /// Whether some call like this one could be allowed, or be asked for: the same evaluation, for
    /// lists, with the arguments unknown.
    ///
    /// Scopes that the caller lacks do not hide an entry: a client must see what it may ask scopes
    /// for, and be told so when it tries.
    #[must_use]
    pub fn visible(&self, call: &Call<'_>) -> bool {
        let obtainable = self.identity.scopes.is_some();
        let scoped = call
            .entry
            .scopes()
            .all(|scope| call.principal.scopes.contains(scope));
        if self.hidden(call).is_some() || !(scoped || obtainable) {
            return false;
        }
        let (findings, _) = self.sort(call);
        let denied = findings.fault.is_some()
            || findings
                .matched
                .iter()
                .any(|rule| rule.effect == Effect::Deny);
        let granted = findings.matched.iter().chain(&findings.possible);
        !denied
            && (granted.clone().any(|rule| rule.effect != Effect::Deny)
                || (obtainable && findings.unscoped.is_some()))
    }

    /// The permit of what comes of a call that was made before: its task, looked at or answered.
    /// What it was called with is not known any more.
    #[must_use]
    pub fn aftermath(&self, call: &Call<'_>) -> Permit {
        self.sort(call).0.aftermath(call.entry)
    }

    fn hidden(&self, call: &Call<'_>) -> Option<HiddenBy> {
        let closed = |(by, demand): (HiddenBy, Demand<'_>)| (!demand.holds()).then_some(by);
        let sunset = || gone(call).then_some(HiddenBy::Sunset);
        self.audience(call)
            .into_iter()
            .find_map(closed)
            .or_else(sunset)
    }

    /// Whom and where the entry of a call exists for.
    fn audience<'a>(&'a self, call: &Call<'a>) -> [(HiddenBy, Demand<'a>); 2] {
        let tenants = Demand {
            field: "tenants",
            wanted: call.entry.tenants.as_ref().into(),
            found: Found::One(call.principal.tenant.as_deref()),
        };
        let environments = Demand {
            field: "environments",
            wanted: call.entry.environments.as_ref().into(),
            found: Found::One(self.environment()),
        };
        [
            (HiddenBy::Tenant, tenants),
            (HiddenBy::Environment, environments),
        ]
    }

    /// How the rules see a call, live and in shadow; or what is decided before them.
    fn findings(&self, call: &Call<'_>) -> Result<(Findings<'_>, Option<Findings<'_>>), Cause> {
        if let Some(by) = self.hidden(call) {
            return Err(Cause::Hidden(by));
        }
        let held = &call.principal.scopes;
        if call.entry.scopes().any(|scope| !held.contains(scope)) {
            return Err(Cause::MissingScope(scopes(call.entry, None)));
        }
        Ok(self.sort(call))
    }

    /// Each rule is evaluated once. What is only tried has fuel of its own, so that it cannot
    /// change what is decided.
    fn sort(&self, call: &Call<'_>) -> (Findings<'_>, Option<Findings<'_>>) {
        let (mut live_fuel, mut shadow_fuel) = (Fuel::default(), Fuel::default());
        let mut live = Findings::default();
        let mut shadow = self.shadowed.then(Findings::default);
        for rule in self.about(call.entry) {
            let fuel = match rule.live {
                true => &mut live_fuel,
                false => &mut shadow_fuel,
            };
            let matches = rule.matches(call, self.environment(), |condition, facts| {
                condition.eval(facts, fuel)
            });
            if let (true, Some(shadow)) = (rule.shadow, &mut shadow) {
                shadow.add(rule, &matches);
            }
            if rule.live {
                live.add(rule, &matches);
            }
        }
        (live, shadow)
    }

    /// All rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Where an entry is written: `registry[0]:tools[3]`.
    #[must_use]
    pub fn place_of(&self, entry: &Entry) -> &str {
        self.places.get(entry.slot).map_or("", String::as_str)
    }

    /// The rules that are about `entry`, in order.
    pub fn about(&self, entry: &Entry) -> impl Iterator<Item = &Rule> {
        let places = self.places_about(entry).iter();
        places.filter_map(|place| self.rules.get(*place))
    }

    /// Their places. Rules speak of the tool: they hold for all its versions.
    fn places_about(&self, entry: &Entry) -> &[usize] {
        let tool = self.registry.entry(entry.tool).unwrap_or(entry);
        match self.applicable.get(tool.slot) {
            Some(known) => known.get_or_init(|| self.index.find(tool, &self.rules)),
            None => &[],
        }
    }
}

/// Whether the sunset of what is called has passed.
fn gone(call: &Call<'_>) -> bool {
    call.entry.sunset.is_some_and(|sunset| sunset <= call.now)
}

#[cfg(test)]
mod tests;
