//! What decisions about an entry depend on.

use super::{Policy, Requirement, Rule};
use crate::registry::Entry;

/// Whether decisions about an entry depend on a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// On the arguments.
    pub args: bool,
    /// On `_meta`.
    pub meta: bool,
    /// On the user.
    pub user: bool,
    /// On the agent.
    pub agent: bool,
    /// On the application.
    pub app: bool,
    /// On the tenant.
    pub tenant: bool,
    /// On roles.
    pub roles: bool,
    /// On scopes.
    pub scopes: bool,
    /// On the session.
    pub session: bool,
    /// On the time.
    pub now: bool,
}

impl Policy {
    /// What decisions about `entry` depend on.
    #[must_use]
    pub fn reads(&self, entry: &Entry) -> Reads {
        let of_entry = Reads {
            tenant: entry.tenants.is_some(),
            scopes: entry.auth_scope.is_some(),
            now: entry.sunset.is_some(),
            ..Reads::default()
        };
        let live = self.about(entry).filter(|rule| rule.live);
        live.map(Rule::reads).fold(of_entry, Reads::or)
    }
}

impl Rule {
    fn reads(&self) -> Reads {
        let when = |name| self.when.as_ref().is_some_and(|when| when.reads(name));
        let asks = |requirement: &Requirement| !matches!(requirement, Requirement::None);
        Reads {
            args: when("args"),
            meta: when("meta"),
            user: asks(&self.user) || when("user"),
            agent: asks(&self.agent) || when("agent"),
            app: asks(&self.app) || when("app"),
            tenant: asks(&self.tenant) || self.tenants.is_some() || when("tenant"),
            roles: self.roles.is_some() || when("roles"),
            scopes: !self.scopes.is_empty() || when("scopes"),
            session: when("session"),
            now: when("now"),
        }
    }
}

impl Reads {
    const fn or(self, other: Self) -> Self {
        Self {
            args: self.args || other.args,
            meta: self.meta || other.meta,
            user: self.user || other.user,
            agent: self.agent || other.agent,
            app: self.app || other.app,
            tenant: self.tenant || other.tenant,
            roles: self.roles || other.roles,
            scopes: self.scopes || other.scopes,
            session: self.session || other.session,
            now: self.now || other.now,
        }
    }
}
