//! A request reduced to what policy can see.

use std::collections::BTreeSet;

use crate::{cx::Timestamp, json::Node, registry::Entry};

/// Who calls, as far as verified sources say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The person on whose behalf the agent acts.
    pub user: Option<String>,
    /// The agent that calls.
    pub agent: Option<String>,
    /// The application the agent belongs to.
    pub app: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// Roles of the user.
    pub roles: BTreeSet<String>,
    /// Scopes of the token.
    pub scopes: BTreeSet<String>,
    /// Delegation chain, outermost actor first (RFC 8693 `act`).
    pub chain: Vec<String>,
}

impl Principal {
    /// Who it is, however its token is renewed: user, agent, app and tenant, as far as they are
    /// known. What is bound to a caller is bound to these.
    #[must_use]
    pub fn who(&self) -> [&str; 4] {
        let facts = [&self.user, &self.agent, &self.app, &self.tenant];
        facts.map(|fact| fact.as_deref().unwrap_or_default())
    }
}

/// A value that is known now, or only once the call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial<T> {
    /// It is this.
    Known(T),
    /// It is not known yet (`tools/list` asks before there are arguments).
    Unknown,
}

/// One use of something registered, by somebody, now.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// What: a registered tool, resource or prompt.
    pub entry: &'a Entry,
    /// `params.arguments`; for a resource, its `params` (with `uri`). `None`: the member is absent.
    pub args: Partial<Option<Node<'a>>>,
    /// `params._meta`.
    pub meta: Partial<Option<Node<'a>>>,
    /// `Mcp-Session-Id` of the legacy protocol.
    pub session: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}
