//! Versions of a tool: who has which.

use std::collections::BTreeSet;

use super::{Entry, Registry, build::Build};
use crate::{config, digest::short};

/// A version of a tool, and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Callers, out of [`WHOLE`].
    pub part: u32,
    /// The tenants whose callers these are; `None`: all.
    pub tenants: Option<BTreeSet<String>>,
    /// Its place in the registry.
    pub(crate) slot: usize,
}

/// All callers.
pub const WHOLE: u32 = 1_000_000;

impl Registry {
    /// The version of a tool that this caller has: of `entry`'s tool, whichever version that is. At
    /// the endpoint of one server, which has no other, a version of another one is nobody's.
    ///
    /// Nothing is remembered: a caller's facts, or the session of one who is not known, always come
    /// to the same. Who is not known at all has the tool itself.
    #[must_use]
    pub fn chosen<'a>(
        &'a self,
        entry: &'a Entry,
        who: [&str; 4],
        session: Option<&str>,
        server: Option<&str>,
    ) -> &'a Entry {
        let tool = self.entries.get(entry.tool).unwrap_or(entry);
        if tool.shares.is_empty() {
            return tool;
        }
        let Some(mut point) = point(&tool.name, who, session) else {
            return tool;
        };
        let [_, _, _, tenant] = who;
        for share in tool.shares.iter().filter(|share| share.is_of(tenant)) {
            let Some(beyond) = point.checked_sub(share.part) else {
                let version = self.entries.get(share.slot);
                let here = |it: &&Entry| server.is_none_or(|server| it.server == server);
                return version.filter(here).unwrap_or(tool);
            };
            point = beyond;
        }
        tool
    }

    /// Every version of every tool beside the tools themselves.
    pub fn versions(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.tool != entry.slot)
    }
}

impl Share {
    fn is_of(&self, tenant: &str) -> bool {
        let among = |tenants: &BTreeSet<String>| tenants.contains(tenant);
        self.tenants.as_ref().is_none_or(among)
    }
}

/// Where a caller stands among all that there may be, for one tool.
fn point(tool: &str, who: [&str; 4], session: Option<&str>) -> Option<u32> {
    let known = who.iter().any(|fact| !fact.is_empty());
    let facts = if known {
        who.join("\n")
    } else {
        session?.to_owned()
    };
    let [a, b, c, d, ..] = short(format!("toolgate.version.1\n{tool}\n{facts}").as_bytes());
    let fraction = u64::from(u32::from_be_bytes([a, b, c, d]));
    u32::try_from((fraction * u64::from(WHOLE)) >> 32).ok()
}

impl Build {
    /// Files a version of the tool at `tool` by its name at its server; tells whether that was
    /// another tool's. Two versions of one tool may share it: the caller tells which is meant.
    pub(super) fn file_version(&mut self, entry: &Entry, tool: usize) -> bool {
        let at_server = self.registry.tools.backend.entry(entry.server.clone());
        let slot = *at_server
            .or_default()
            .entry(entry.backend_name.clone())
            .or_insert(entry.slot);
        let known = self.registry.entries.get(slot);
        known.is_some_and(|known| known.tool != tool)
    }

    /// Registers the versions of the tool at `slot`.
    pub(super) fn versions(
        &mut self,
        tool: &config::Tool,
        versions: Vec<config::Version>,
        slot: usize,
    ) {
        let mut named: BTreeSet<_> = tool.contract_version.iter().cloned().collect();
        let mut shares = Vec::new();
        for (i, version) in versions.into_iter().enumerate() {
            let at = format!("{}.versions[{i}]", tool.at);
            let of = &version.contract_version;
            if of.is_empty() {
                self.wrong(&at, "contractVersion", "a version has a name: `2.1.0`");
            } else if !named.insert(of.clone()) {
                let message = format!("`{of}` is another version already");
                self.wrong(&at, "contractVersion", message);
            }
            if !(0.0..=100.0).contains(&version.share) {
                self.wrong(&at, "share", "expected a part of 100");
            }
            let share = Share {
                part: (version.share / 100.0 * f64::from(WHOLE)).round() as u32,
                tenants: self.set(&at, "tenants", version.tenants.clone()),
                slot: self.places.len(),
            };
            shares.push(share);
            self.registered(version.of(tool, at), Some(slot));
        }
        let tenants = shares.iter().flat_map(|share| &share.tenants).flatten();
        let all = BTreeSet::from([""]).into_iter();
        for tenant in all.chain(tenants.map(String::as_str)) {
            let parts = shares.iter().filter(|share| share.is_of(tenant));
            let sum: u64 = parts.map(|share| u64::from(share.part)).sum();
            if sum > WHOLE.into() {
                let whose = if tenant.is_empty() {
                    String::new()
                } else {
                    format!(" of tenant `{tenant}`")
                };
                let message = format!("shares{whose} come to more than 100");
                self.wrong(&tool.at, "versions", message);
                break;
            }
        }
        let limits = self
            .registry
            .entries
            .get(slot)
            .map(|tool| tool.limits.clone());
        for share in &shares {
            if let (Some(version), Some(limits)) =
                (self.registry.entries.get_mut(share.slot), &limits)
            {
                version.limits.clone_from(limits);
            }
        }
        if let Some(tool) = self.registry.entries.get_mut(slot) {
            tool.shares = shares;
        }
    }
}

#[cfg(test)]
mod tests;
