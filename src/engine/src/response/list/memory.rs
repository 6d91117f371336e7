//! Which entries their servers announced otherwise than they were reviewed, for calls to know: lists
//! and calls are requests apart.

use crate::{cx::Store, digest::sha256, registry::Entry};

/// Whether the entry was announced otherwise when it was last listed to anybody.
#[must_use]
pub fn drifted(entry: &Entry, store: &dyn Store) -> bool {
    let (kept, _) = store.load(&key(entry));
    kept.is_some_and(|kept| !kept.is_empty())
}

/// Remembers how the entry was announced.
pub(super) fn keep(entry: &Entry, drifted: bool, store: &dyn Store) {
    let mark: &[u8] = if drifted { b"1" } else { b"" };
    // Where the store would not take it, the list that showed it is filtered all the same.
    let _: Option<()> = store.change(&key(entry), |_| ((), mark.to_vec()));
}

/// One value for each entry and review: who reviews it again begins anew.
fn key(entry: &Entry) -> String {
    let pin = entry.pin.as_deref().unwrap_or_default();
    let parts = [entry.kind.as_str(), &entry.server, &entry.backend_name, pin];
    // No name has a line break.
    format!("toolgate.drift.1.{}", sha256(parts.join("\n").as_bytes()))
}
