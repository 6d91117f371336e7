//! One compiled rule, and whether it matches a call.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::Redactions;
use crate::{
    call::{Call, Principal},
    condition::{Condition, Facts, Fault, Tool, Truth},
    config::{Access, Effect, RiskTier},
    limit::Limit,
    registry::{Entry, Kind},
};

/// A rule as it is run: for reading. Only a policy makes one.
#[derive(Debug, Default)]
pub struct Rule {
    /// Its place among all rules.
    pub place: usize,
    /// The name under which decisions are recorded.
    pub id: String,
    /// Where it is written: `policy[0]:rules[2]`.
    pub at: String,
    /// Whether it decides.
    pub live: bool,
    /// Whether it takes part in the verdict that is tried beside the live one.
    pub shadow: bool,
    /// What it decides.
    pub effect: Effect,
    /// Whether the user is the one who approves.
    pub confirmed_by_user: bool,
    /// The role that approves.
    pub approver_role: Option<String>,
    /// How many different people have to approve.
    pub approvals: u32,
    /// How long a call is held for their decision.
    pub wait: Duration,
    /// How long an approval may be pending and be used; `None`: as long as the service lets it.
    pub expires: Option<Duration>,
    /// How much of what it lets through may be had.
    pub limits: Vec<Arc<Limit>>,
    /// What is taken out of arguments and results.
    pub redactions: Redactions,
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
    /// Whether that reads `tool`: entries that it is about alike are told apart by it.
    pub(super) reads_tool: bool,
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
    /// Whether the rule matches; its index has already found it to be about the entry. What its
    /// condition comes to is what `evaluate` says.
    ///
    /// # Errors
    /// What went wrong in its condition, where everything else holds.
    pub(super) fn matches(
        &self,
        call: &Call<'_>,
        environment: Option<&str>,
        evaluate: impl FnOnce(&Condition, &Facts<'_>) -> Result<Truth, Fault>,
    ) -> Result<Match, Fault> {
        let who = call.principal;
        if !self.demands(who, environment).iter().all(Demand::holds) {
            return Ok(Match::No);
        }
        let scoped = self.demanded_scopes(who).holds();
        let truth = match &self.when {
            None => Truth::True,
            Some(condition) => match evaluate(condition, &facts(call, environment)) {
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

    /// All that it asks of the place and the caller, scopes apart.
    pub(super) fn demands<'a>(
        &'a self,
        who: &'a Principal,
        environment: Option<&'a str>,
    ) -> [Demand<'a>; 7] {
        let one = |field, wanted: Wanted<'a>, found: &'a Option<String>| Demand {
            field,
            wanted,
            found: Found::One(found.as_deref()),
        };
        let (tenants, roles) = (self.tenants.as_ref(), self.roles.as_ref());
        [
            Demand {
                field: "environments",
                wanted: self.environments.as_ref().into(),
                found: Found::One(environment),
            },
            one("require.user", (&self.user).into(), &who.user),
            one("require.agent", (&self.agent).into(), &who.agent),
            one("require.app", (&self.app).into(), &who.app),
            one("require.tenant", (&self.tenant).into(), &who.tenant),
            one("tenants", tenants.into(), &who.tenant),
            Demand {
                field: "require.roles",
                wanted: roles.into(),
                found: Found::Many(&who.roles),
            },
        ]
    }

    /// The scopes that it asks for.
    pub(super) fn demanded_scopes<'a>(&'a self, who: &'a Principal) -> Demand<'a> {
        Demand {
            field: "require.scopes",
            wanted: Wanted::AllOf(&self.scopes),
            found: Found::Many(&who.scopes),
        }
    }

    /// Whether it asks for nothing that this caller is not; whatever its condition.
    pub(super) fn accepts(&self, who: &Principal) -> bool {
        self.demands(who, None).iter().all(Demand::holds) && self.demanded_scopes(who).holds()
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

/// Something that is asked for, and what is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand<'a> {
    /// The field that asks for it.
    pub(super) field: &'static str,
    pub(super) wanted: Wanted<'a>,
    pub(super) found: Found<'a>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    Anything,
    Known,
    OneOf(&'a BTreeSet<String>),
    AllOf(&'a [String]),
}

/// What is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    One(Option<&'a str>),
    Many(&'a BTreeSet<String>),
}

impl Demand<'_> {
    pub(super) fn holds(&self) -> bool {
        match self.wanted {
            Wanted::Anything => true,
            Wanted::Known => self.found.any(|_| true),
            Wanted::OneOf(wanted) => self.found.any(|fact| wanted.contains(fact)),
            Wanted::AllOf(wanted) => wanted
                .iter()
                .all(|wanted| self.found.any(|fact| fact == wanted)),
        }
    }
}

impl Found<'_> {
    fn any(self, fits: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(fact) => fact.is_some_and(fits),
            Self::Many(facts) => facts.iter().any(|fact| fits(fact)),
        }
    }
}

impl<'a> From<&'a Requirement> for Wanted<'a> {
    fn from(requirement: &'a Requirement) -> Self {
        match requirement {
            Requirement::None => Self::Anything,
            Requirement::Known => Self::Known,
            Requirement::OneOf(known) => Self::OneOf(known),
        }
    }
}

impl<'a> From<Option<&'a BTreeSet<String>>> for Wanted<'a> {
    fn from(list: Option<&'a BTreeSet<String>>) -> Self {
        list.map_or(Self::Anything, Self::OneOf)
    }
}

/// What the condition of a rule may read of `call`.
pub(super) fn facts<'a>(call: &Call<'a>, environment: Option<&'a str>) -> Facts<'a> {
    let entry = call.entry;
    Facts {
        args: call.args,
        meta: call.meta,
        principal: call.principal,
        tool: tool(entry),
        env: environment,
        session: call.session,
        now: call.now,
    }
}

/// Whether `value` is known and one of `allowed`; without a list, everything is.
fn among(allowed: Option<&BTreeSet<String>>, value: Option<&str>) -> bool {
    allowed.is_none_or(|allowed| value.is_some_and(|value| allowed.contains(value)))
}

/// What a condition sees of `entry`.
pub(super) fn tool(entry: &Entry) -> Tool<'_> {
    Tool {
        name: &entry.name,
        server: &entry.server,
        kind: entry.kind.as_str(),
        risk_tier: entry.risk_tier.as_str(),
        access: entry.access.as_str(),
        data_classification: entry.data_classification.as_deref(),
    }
}
