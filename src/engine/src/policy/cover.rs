//! What rules are to each other and to what they are about, whatever the call: for those who read a
//! policy. Deciding needs none of it.

use std::{collections::BTreeSet, time::Duration};

use super::{Policy, Requirement, Rule, rule::tool};
use crate::{
    condition::{Given, Possible, Supply},
    config::{Effect, Source},
    registry::Entry,
};

impl Policy {
    /// Whether the condition of `rule` can hold for a call of `entry` that the rule matches
    /// otherwise.
    #[must_use]
    pub fn possible(&self, rule: &Rule, entry: &Entry) -> Possible {
        let Some(condition) = &rule.when else {
            return Possible::Always;
        };
        let identity = self.identity();
        let tenant = fact(identity.tenant.as_ref(), &rule.tenant);
        condition.possible(&Given {
            input: entry.input.source(),
            tool: tool(entry),
            env: self.environment(),
            user: fact(identity.user.as_ref(), &rule.user),
            agent: fact(identity.agent.as_ref(), &rule.agent),
            app: fact(identity.app.as_ref(), &rule.app),
            tenant: match rule.tenants.as_ref().or(entry.tenants.as_ref()) {
                Some(tenants) if identity.tenant.is_some() => Supply::OneOf(tenants),
                Some(_) | None => tenant,
            },
            roles: identity.roles.is_some(),
            scopes: identity.scopes.is_some(),
        })
    }
}

impl Rule {
    /// The field that keeps this rule from ever matching a call of `entry`: one of `tenants`,
    /// `require.tenant`, `environments`.
    #[must_use]
    pub fn contradicts(&self, entry: &Entry) -> Option<&'static str> {
        let apart = |mine: Option<&BTreeSet<String>>, its: Option<&BTreeSet<String>>| matches!((mine, its), (Some(mine), Some(its)) if mine.is_disjoint(its));
        let required = match &self.tenant {
            Requirement::OneOf(tenants) => Some(tenants),
            Requirement::Known | Requirement::None => None,
        };
        if apart(self.environments.as_ref(), entry.environments.as_ref()) {
            Some("environments")
        } else if apart(self.tenants.as_ref(), entry.tenants.as_ref()) {
            Some("tenants")
        } else if apart(required, entry.tenants.as_ref()) || apart(required, self.tenants.as_ref())
        {
            Some("require.tenant")
        } else {
            None
        }
    }

    /// Whether this rule matches whatever `other` matches, of what both are about, wherever that
    /// counts, and is at least as strict: then `other` never decides.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let wider = |mine: &Option<BTreeSet<String>>, its: &Option<BTreeSet<String>>| {
            mine.as_ref()
                .is_none_or(|mine| its.as_ref().is_some_and(|its| its.is_subset(mine)))
        };
        let condition = self.when.as_ref().is_none_or(|mine| {
            let its = other.when.as_ref();
            its.is_some_and(|its| its.source() == mine.source())
        });
        condition
            && self.live >= other.live
            && self.shadow >= other.shadow
            && self.at_least_as_strict(other)
            && self.user.admits(&other.user)
            && self.agent.admits(&other.agent)
            && self.app.admits(&other.app)
            && self.tenant.admits(&other.tenant)
            && wider(&self.roles, &other.roles)
            && wider(&self.tenants, &other.tenants)
            && wider(&self.environments, &other.environments)
            && self.scopes.iter().all(|scope| other.scopes.contains(scope))
    }

    fn at_least_as_strict(&self, other: &Self) -> bool {
        match (self.effect, other.effect) {
            // What two rules ask for adds up, unless it is the same.
            (Effect::ApprovalRequired, Effect::ApprovalRequired) => {
                let time = |rule: &Self| rule.expires.unwrap_or(Duration::MAX);
                self.confirmed_by_user == other.confirmed_by_user
                    && self.approver_role == other.approver_role
                    && self.approvals >= other.approvals
                    && self.wait >= other.wait
                    && time(self) <= time(other)
            }
            (mine, its) => mine >= its,
        }
    }
}

impl Requirement {
    /// Whether it lets through whatever `other` lets through.
    fn admits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, _) | (Self::Known, Self::Known | Self::OneOf(_)) => true,
            (Self::OneOf(mine), Self::OneOf(its)) => its.is_subset(mine),
            (Self::Known, Self::None) | (Self::OneOf(_), Self::None | Self::Known) => false,
        }
    }
}

fn fact<'a>(source: Option<&Source>, required: &'a Requirement) -> Supply<'a> {
    match (source, required) {
        (None, _) => Supply::Absent,
        (Some(_), Requirement::None) => Supply::Optional,
        (Some(_), Requirement::Known) => Supply::Known,
        (Some(_), Requirement::OneOf(these)) => Supply::OneOf(these),
    }
}

#[cfg(test)]
mod tests;
