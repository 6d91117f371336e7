//! Who may have concurrent uses, and who has been silent for too long.

use crate::cx::{Owner, Store, Timestamp};

/// All owners that were heard of lately.
pub(super) struct Roll {
    /// The last number that an owner was given.
    last: u64,
    /// Owners, and when each was heard of.
    heard: Vec<(u64, i64)>,
}

/// A new owner, with a number that no other had or will have; `None` where the store takes nothing.
#[must_use]
pub fn enroll(store: &dyn Store, now: Timestamp) -> Option<Owner> {
    Roll::change(store, now, |roll| {
        roll.last = roll.last.saturating_add(1);
        roll.last
    })
    .map(Owner)
}

/// Notes that an owner is alive, and forgets who is not.
pub(super) fn beat(store: &dyn Store, owner: Owner, now: Timestamp) {
    // Where this does not succeed the next beat will do.
    let _ = Roll::change(store, now, |_| owner.0);
}

impl Roll {
    /// The roll as it is now.
    pub(super) fn load(store: &dyn Store) -> Self {
        Self::read(&store.load(OWNERS).0.unwrap_or_default())
    }

    /// Whether the owner was heard of lately.
    pub(super) fn has(&self, owner: u64, now: Timestamp) -> bool {
        let mut heard = self.heard.iter();
        heard.any(|(other, at)| *other == owner && is_recent(*at, now))
    }

    /// Notes the owner that `change` names.
    fn change(store: &dyn Store, now: Timestamp, change: impl Fn(&mut Self) -> u64) -> Option<u64> {
        store.change(OWNERS, |bytes| {
            let mut roll = Self::read(bytes);
            let owner = change(&mut roll);
            roll.heard
                .retain(|(other, at)| *other != owner && is_recent(*at, now));
            for (_, at) in &mut roll.heard {
                // The clock went back: whoever is gone must not count until it is there again.
                *at = now.0.min(*at);
            }
            roll.heard.push((owner, now.0));
            (owner, roll.write())
        })
    }

    fn read(bytes: &[u8]) -> Self {
        let (last, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let heard = rest.chunks_exact(16).filter_map(|entry| {
            let (owner, at) = entry.split_first_chunk()?;
            let at = i64::from_le_bytes(*at.first_chunk()?);
            Some((u64::from_le_bytes(*owner), at))
        });
        Self {
            last: u64::from_le_bytes(*last),
            heard: heard.collect(),
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = self.last.to_le_bytes().to_vec();
        for (owner, at) in &self.heard {
            bytes.extend_from_slice(&owner.to_le_bytes());
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        bytes
    }
}

fn is_recent(at: i64, now: Timestamp) -> bool {
    now.0.saturating_sub(at) < SILENCE
}

/// Where the roll is kept.
pub const OWNERS: &str = "toolgate.owners";
/// After so long without a beat, an owner counts as gone.
const SILENCE: i64 = 4 * super::Ledger::BEAT;
