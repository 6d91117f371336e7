//! One compiled rule, and whether it matches a call.

use std::collections::BTreeSet;

use crate::{
    call::{Call, Principal},
    condition::{Condition, Facts, Fault, Fuel, Tool, Truth},
    config::{Access, Effect, RiskTier},
    registry::{Entry, Kind},
};

use super::among;

/// A rule as it is run: for reading. Only a policy makes one.
#[derive(Debug)]
pub struct Rule {
    /// Its place among all rules.
    pub place: usize,
    /// The name under which decisions are recorded.
    pub id: String,
    /// Where it is written: `policy[0]:rules[2]`.
    pub at: String,
    /// What it decides.
    pub effect: Effect,
    /// Whether the user is the one who approves.
    pub confirmed_by_user: bool,
    /// The role that approves.
    pub approver_role: Option<String>,
    /// Why, for those who are denied.
    pub reason: Option<String>,
    /// Only what belongs to these servers.
    pub servers: Option<BTreeSet<String>>,
    /// By kind, what an entry has to be, beside its name.
    pub attributes: Vec<(Kind, Attributes)>,
    /// The user it matches.
    pub user: Requirement,
    /// The agent it matches.
    pub agent: Requirement,
    /// The application it matches.
    pub app: Requirement,
    /// The tenant it matches.
    pub tenant: Requirement,
    /// Any of these.
    pub roles: Option<BTreeSet<String>>,
    /// All of these.
    pub scopes: Vec<String>,
    /// Only callers of these tenants.
    pub tenants: Option<BTreeSet<String>>,
    /// Only in these environments.
    pub environments: Option<BTreeSet<String>>,
    /// Its condition.
    pub when: Option<Condition>,
}

/// What an entry has to be, beside its name; what is absent may be anything.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Its server.
    pub servers: Option<BTreeSet<String>>,
    /// Its risk tier.
    pub risk_tiers: Option<BTreeSet<RiskTier>>,
    /// Whether it changes anything.
    pub access: Option<BTreeSet<Access>>,
    /// Its data classification.
    pub data_classifications: Option<BTreeSet<String>>,
}

/// What one fact about the caller has to be.
#[derive(Debug, Default)]
pub enum Requirement {
    /// Anything.
    #[default]
    None,
    /// Known.
    Known,
    /// One of these.
    OneOf(BTreeSet<String>),
}

/// Whether a rule matches a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    No,
    /// It would, if the token had the scopes that the rule requires.
    Unscoped,
    /// That depends on what is not known yet.
    Possible,
    Yes,
}

impl Rule {
    /// Whether the rule matches; its index has already found it to be about the entry.
    ///
    /// # Errors
    /// What went wrong in its condition, where everything else holds.
    pub(super) fn matches(
        &self,
        call: &Call<'_>,
        environment: Option<&str>,
        fuel: &mut Fuel,
    ) -> Result<Match, Fault> {
        let who = call.principal;
        if !among(self.environments.as_ref(), environment) || !self.accepts(who) {
            return Ok(Match::No);
        }
        let scoped = self.scopes.iter().all(|scope| who.scopes.contains(scope));
        let truth = match &self.when {
            None => Truth::True,
            Some(condition) => match condition.eval(&facts(call, environment), fuel) {
                Ok(truth) => truth,
                Err(_) if !scoped => return Ok(Match::No),
                Err(fault) => return Err(fault),
            },
        };
        Ok(match (truth, scoped) {
            (Truth::False, _) => Match::No,
            (Truth::True | Truth::Unknown, false) => Match::Unscoped,
            (Truth::Unknown, true) => Match::Possible,
            (Truth::True, true) => Match::Yes,
        })
    }

    /// Whether the rule is about `entry`, as far as its attributes and server say.
    pub(super) fn selects(&self, entry: &Entry) -> bool {
        let of_kind = self
            .attributes
            .iter()
            .filter(|(kind, _)| *kind == entry.kind);
        among(self.servers.as_ref(), Some(&entry.server))
            && of_kind
                .map(|(_, attributes)| attributes)
                .all(|attributes| attributes.hold(entry))
    }

    fn accepts(&self, who: &Principal) -> bool {
        self.user.holds(who.user.as_deref())
            && self.agent.holds(who.agent.as_deref())
            && self.app.holds(who.app.as_deref())
            && self.tenant.holds(who.tenant.as_deref())
            && among(self.tenants.as_ref(), who.tenant.as_deref())
            && self
                .roles
                .as_ref()
                .is_none_or(|roles| !roles.is_disjoint(&who.roles))
    }
}

impl Attributes {
    fn hold(&self, entry: &Entry) -> bool {
        among(self.servers.as_ref(), Some(&entry.server))
            && among(
                self.data_classifications.as_ref(),
                entry.data_classification.as_deref(),
            )
            && self
                .risk_tiers
                .as_ref()
                .is_none_or(|tiers| tiers.contains(&entry.risk_tier))
            && self
                .access
                .as_ref()
                .is_none_or(|access| access.contains(&entry.access))
    }
}

impl Requirement {
    fn holds(&self, fact: Option<&str>) -> bool {
        match self {
            Self::None => true,
            Self::Known => fact.is_some(),
            Self::OneOf(known) => fact.is_some_and(|fact| known.contains(fact)),
        }
    }
}

fn facts<'a>(call: &Call<'a>, environment: Option<&'a str>) -> Facts<'a> {
    let entry = call.entry;
    Facts {
        args: call.args,
        meta: call.meta,
        principal: call.principal,
        tool: Tool {
            name: &entry.name,
            server: &entry.server,
            kind: entry.kind.as_str(),
            risk_tier: entry.risk_tier.as_str(),
            access: entry.access.as_str(),
            data_classification: entry.data_classification.as_deref(),
        },
        env: environment,
        session: call.session,
        now: call.now,
    }
}
