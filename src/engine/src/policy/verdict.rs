//! What a policy says of a call.

use std::{sync::Arc, time::Duration};

use super::Redactions;
use crate::{approval::Need, condition, config::Effect, limit::Limit};

/// What was decided for one call.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may happen.
    Allow(Permit),
    /// It may happen once somebody has approved it.
    Ask {
        /// With which it may happen then.
        permit: Permit,
        /// Who has to approve it.
        needs: Vec<Need>,
        /// How long the call is held for their decision.
        wait: Duration,
        /// How long the approval may be pending and be used; `None`: as long as the service lets it.
        expires: Option<Duration>,
    },
    /// It may not happen.
    Deny {
        /// What is known of the rule that decided.
        decision: Decision,
        /// Why.
        cause: Cause,
    },
}

/// Proof that a rule let a call through. Only a policy makes one.
#[derive(Debug)]
pub struct Permit {
    decision: Decision,
    limits: Vec<Arc<Limit>>,
}

/// The rule that decided, and those that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The id of the rule that decided; `None` where no rule did.
    pub rule: Option<String>,
    /// The reason that its author gave.
    pub reason: Option<String>,
    /// The ids of all rules that matched, in order.
    pub matched: Vec<String>,
    /// What these, and what is called, take out of arguments and results.
    pub redactions: Arc<Redactions>,
}

/// Why a call is denied.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// For this caller, here and now, the entry does not exist.
    Hidden(HiddenBy),
    /// The token lacks scopes; these are all that the call needs.
    MissingScope(Vec<String>),
    /// No rule allows it.
    NoRule,
    /// A rule denies it.
    Rule,
    /// The condition of a rule that matched otherwise could not be evaluated.
    ConditionFailed {
        /// The id of the rule.
        rule: String,
        /// What went wrong.
        fault: condition::Fault,
    },
}

/// What hides an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenBy {
    /// It is not for the caller's tenant.
    Tenant,
    /// It is not for this environment.
    Environment,
    /// Its sunset has passed.
    Sunset,
}

/// A verdict without its proofs: what is compared and told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What was decided.
    pub effect: Effect,
    /// Why, as a code.
    pub reason: &'static str,
    /// Who has to approve; nobody where no approval is required.
    pub needs: Vec<Need>,
    /// The rule that decided; `None` where no rule did.
    pub rule: Option<String>,
}

impl Permit {
    pub(super) const fn new(decision: Decision, limits: Vec<Arc<Limit>>) -> Self {
        Self { decision, limits }
    }

    /// What it may be had within: all limits of what is called, and of the rules that match.
    #[must_use]
    pub fn limits(&self) -> &[Arc<Limit>] {
        &self.limits
    }

    /// What is taken out of it and its result.
    #[must_use]
    pub fn redactions(&self) -> &Arc<Redactions> {
        &self.decision.redactions
    }

    /// The rule that let the call through.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl Verdict {
    pub(super) const fn deny(decision: Decision, cause: Cause) -> Self {
        Self::Deny { decision, cause }
    }

    /// The rule that decided.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Allow(permit) | Self::Ask { permit, .. } => &permit.decision,
            Self::Deny { decision, .. } => decision,
        }
    }

    /// The proof that it may happen, at once or once it is approved.
    #[must_use]
    pub const fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Allow(permit) | Self::Ask { permit, .. } => Some(permit),
            Self::Deny { .. } => None,
        }
    }

    /// The gist of it.
    pub fn summary(&self) -> Summary {
        let (effect, needs, reason) = match self {
            Self::Allow(_) => (Effect::Allow, Vec::new(), "rule"),
            Self::Ask { needs, .. } => (Effect::ApprovalRequired, needs.clone(), "rule"),
            Self::Deny { cause, .. } => (Effect::Deny, Vec::new(), cause.code()),
        };
        Summary {
            effect,
            reason,
            needs,
            rule: self.decision().rule.clone(),
        }
    }
}

impl Summary {
    /// Whether it decides the same, for whatever reason.
    #[must_use]
    pub fn decides_like(&self, other: &Self) -> bool {
        (self.effect, &self.needs) == (other.effect, &other.needs)
    }

    /// Whether the caller would meet the same: everything but the name of the rule.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.effect, self.reason, &self.needs) == (other.effect, other.reason, &other.needs)
    }
}

impl Cause {
    /// The reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Hidden(HiddenBy::Tenant) => "hidden_tenant",
            Self::Hidden(HiddenBy::Environment) => "hidden_environment",
            Self::Hidden(HiddenBy::Sunset) => "hidden_sunset",
            Self::MissingScope(_) => "insufficient_scope",
            Self::NoRule => "no_rule",
            Self::Rule => "rule",
            Self::ConditionFailed {
                fault: condition::Fault::Fuel,
                ..
            } => "condition_out_of_fuel",
            Self::ConditionFailed { .. } => "condition_failed",
        }
    }
}

impl HiddenBy {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Environment => "environment",
            Self::Sunset => "sunset",
        }
    }
}
