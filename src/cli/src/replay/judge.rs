//! One recorded call under other rules.

use std::{collections::HashMap, rc::Rc};

use engine::{
    call::{Call, Partial},
    cx::Timestamp,
    policy::{Foresight, Policy, Reads},
    record::{Past, Text},
    registry::{Entry, Kind},
};

/// Judges recorded calls. Calls that are alike in all that the rules look at are judged once.
pub(super) struct Judge<'p> {
    policy: &'p Policy,
    known: HashMap<Vec<u8>, Rc<Judged>>,
    /// The facts that decide about the call at hand, one after another.
    key: Vec<u8>,
    reads: HashMap<*const Entry, Reads>,
}

/// What the rules say of a recorded call.
pub(super) enum Judged {
    /// It is this, or depends on values that records do not hold.
    Foreseen(Foresight),
    /// What is called is not registered.
    Unregistered,
    /// The record does not tell facts that the rules look at.
    Untold(Vec<&'static str>),
}

impl<'p> Judge<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            known: HashMap::new(),
            key: Vec::new(),
            reads: HashMap::new(),
        }
    }

    /// Whether these very rules made the decision that is recorded.
    pub(super) fn made(&self, past: &Past<'_>) -> bool {
        past.policy_digest.as_deref() == Some(self.policy.digest())
    }

    /// What the rules say of the use of `name`.
    pub(super) fn judge(&mut self, past: &Past<'_>, kind: Kind, name: &str) -> Rc<Judged> {
        let Some(entry) = self.entry(past, kind, name) else {
            return Rc::new(Judged::Unregistered);
        };
        let reads = *self
            .reads
            .entry(std::ptr::from_ref(entry))
            .or_insert_with(|| self.policy.reads(entry));
        // Where the time counts, no two calls are alike.
        if reads.now {
            return Rc::new(self.foresee(past, entry, reads));
        }
        self.key.clear();
        let address = std::ptr::from_ref(entry).addr().to_ne_bytes();
        self.key.extend_from_slice(&address);
        self.key.push(u8::from(past.arguments.is_some()));
        let facts = [
            (reads.user, &past.user_id),
            (reads.agent, &past.agent_id),
            (reads.app, &past.app_id),
            (reads.tenant, &past.tenant),
            (reads.session, &past.session_id),
        ];
        for (_, fact) in facts.into_iter().filter(|(read, _)| *read) {
            add(&mut self.key, fact.as_ref());
        }
        for (_, list) in [(reads.roles, &past.roles), (reads.scopes, &past.scopes)]
            .into_iter()
            .filter(|(read, _)| *read)
        {
            for item in list.iter().flatten() {
                add(&mut self.key, Some(item));
            }
            self.key.push(if list.is_some() { END } else { UNTOLD });
        }
        if let Some(known) = self.known.get(&self.key) {
            return Rc::clone(known);
        }
        let judged = Rc::new(self.foresee(past, entry, reads));
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(self.key.clone(), Rc::clone(&judged));
        judged
    }

    fn entry(&self, past: &Past<'_>, kind: Kind, name: &str) -> Option<&'p Entry> {
        let registry = self.policy.registry();
        let server = past.server.as_deref()?;
        let entry = match kind {
            Kind::Tool => registry.tool(name),
            Kind::Prompt => registry.prompt(name),
            Kind::Resource => registry.resource(server, name),
        };
        entry.filter(|entry| entry.server == server)
    }

    fn foresee(&self, past: &Past<'_>, entry: &Entry, reads: Reads) -> Judged {
        let (principal, mut untold) = past.caller();
        untold.retain(|fact| match *fact {
            "roles" => reads.roles,
            "scopes" => reads.scopes,
            _ => true,
        });
        if reads.session && past.session_id.as_ref().is_some_and(|id| !id.is_whole()) {
            untold.push("sessionId");
        }
        let now = past.moment();
        if now.is_none() && reads.now {
            untold.push("timestamp");
        }
        if !untold.is_empty() {
            return Judged::Untold(untold);
        }
        Judged::Foreseen(self.policy.foresee(&Call {
            principal: &principal,
            entry,
            args: match past.arguments {
                Some(_) => Partial::Unknown,
                None => Partial::Known(None),
            },
            meta: Partial::Unknown,
            session: past.session_id.as_deref(),
            now: now.unwrap_or(Timestamp(0)),
        }))
    }
}

/// Adds a fact to a key, so that no two ways to add facts give the same.
fn add(key: &mut Vec<u8>, fact: Option<&Text<'_>>) {
    match fact {
        Some(fact) => {
            key.push(TOLD);
            key.extend_from_slice(&fact.len().to_ne_bytes());
            key.extend_from_slice(fact.as_bytes());
        }
        None => key.push(UNTOLD),
    }
}

const UNTOLD: u8 = 0;
const TOLD: u8 = 1;
const END: u8 = 2;
/// Judgements that are kept: some tens of megabytes.
const MAX_KNOWN: usize = 65_536;
