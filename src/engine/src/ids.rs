//! Ids of servers in the hands of clients: of requests, progress, events and tasks.
//!
//! What a client holds is closed for it: it says to this gateway which server it belongs to and what
//! that server calls it, cannot be made up, and is of use to nobody else. Nothing has to be kept.

use crate::{call::Principal, seal::Seal};

/// For whom ids are.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    /// What closes them.
    pub seal: &'a Seal,
    /// Who calls.
    pub principal: &'a Principal,
    /// The name of the session; empty where there is none.
    pub session: &'a str,
}

/// What an id is of, and its parts, of which the first is the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A request that a server makes of the client: its id, as the JSON that was written.
    Request,
    /// Such a request's token for progress, as the JSON that was written.
    Progress,
    /// An event in a stream.
    Event,
    /// A task: the tool by which it was made, and its id. It outlives the session.
    Task,
}

impl Ids<'_> {
    /// The id by which the client knows what a server knows by these parts.
    #[must_use]
    pub fn wrap<const N: usize>(&self, purpose: Purpose, parts: [&str; N]) -> String {
        let contents = serde_json::to_vec(parts.as_slice()).unwrap_or_default();
        let (purpose, bound) = self.bound(purpose);
        self.seal.close(purpose, &bound, &contents, "")
    }

    /// The parts of an id that this client was given.
    #[must_use]
    pub fn unwrap<const N: usize>(&self, purpose: Purpose, id: &str) -> Option<[String; N]> {
        let (purpose, bound) = self.bound(purpose);
        let contents = self.seal.open(purpose, &bound, id)?;
        let parts: Vec<String> = serde_json::from_slice(&contents).ok()?;
        parts.try_into().ok()
    }

    fn bound(&self, purpose: Purpose) -> (&'static str, [&str; 5]) {
        let [user, agent, app, tenant] = self.principal.who();
        let (purpose, session) = match purpose {
            Purpose::Request => ("request", self.session),
            Purpose::Progress => ("progress", self.session),
            Purpose::Event => ("event", self.session),
            Purpose::Task => ("task", ""),
        };
        (purpose, [user, agent, app, tenant, session])
    }
}

#[cfg(test)]
mod tests;
