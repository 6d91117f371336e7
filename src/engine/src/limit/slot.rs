//! Counters that lie together in one value of the store.

use super::{Full, Key, Period};
use crate::cx::Timestamp;

/// Counters at one moment.
pub(super) struct Slot {
    entries: Vec<Entry>,
    now: Timestamp,
}

/// One counter; of concurrent uses, one for each owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    key: Key,
    owner: u64,
    /// When nothing of it matters any more.
    pub(super) expires: i64,
    /// How much was had. Of a bucket `expires` says it all, and this is 1.
    pub(super) value: u64,
}

impl Slot {
    /// What is still of matter in a value of the store. Bytes that are no counters are none: nobody
    /// else writes under such a name.
    pub(super) fn read(bytes: &[u8], now: Timestamp) -> Self {
        let entries = bytes.chunks_exact(SIZE).filter_map(Entry::read);
        Self {
            entries: entries.filter(|entry| entry.is_needed(now)).collect(),
            now,
        }
    }

    /// The value to store.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * SIZE);
        for entry in &self.entries {
            if entry.is_needed(self.now) {
                bytes.extend_from_slice(&entry.key.0);
                bytes.extend_from_slice(&entry.owner.to_le_bytes());
                bytes.extend_from_slice(&entry.expires.to_le_bytes());
                bytes.extend_from_slice(&entry.value.to_le_bytes());
            }
        }
        bytes
    }

    /// Whether there is no room for one more key.
    pub(super) const fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES
    }

    /// Forgets what owners have who are gone.
    pub(super) fn forget(&mut self, is_gone: impl Fn(u64) -> bool) {
        self.entries
            .retain(|entry| entry.owner == SHARED || !is_gone(entry.owner));
    }

    /// The counter of `key` and `owner`, if there is one.
    pub(super) fn find(&mut self, key: Key, owner: u64) -> Option<&mut Entry> {
        let mut entries = self.entries.iter_mut();
        entries.find(|entry| entry.key == key && entry.owner == owner)
    }

    /// The counter of `key` and `owner`; a new one that expires then, if there is none.
    pub(super) fn entry(&mut self, key: Key, owner: u64, expires: i64) -> Result<&mut Entry, Full> {
        if self.find(key, owner).is_none() {
            // Whoever is counted finds room for one more owner: there are few.
            if self.is_full() && !self.entries.iter().any(|entry| entry.key == key) {
                let first = self.entries.iter().map(|entry| entry.expires).min();
                let wait = first.unwrap_or_default().saturating_sub(self.now.0);
                return Err(Full::Crowded { wait });
            }
            self.entries.push(Entry {
                key,
                owner,
                expires,
                value: 0,
            });
        }
        // There is room for it, so it is there.
        self.find(key, owner).ok_or(Full::Contended)
    }

    /// The counter of `key` in the period that is now. Where the clock went back, time stands still
    /// for it until the clock is there again; but not for longer than a period.
    pub(super) fn window(&mut self, key: Key, period: Period) -> Result<&mut Entry, Full> {
        let end = period.end(self.now).0;
        let entry = self.entry(key, SHARED, end)?;
        if entry.expires.saturating_sub(end) > period.length() {
            (entry.expires, entry.value) = (end, 0);
        }
        Ok(entry)
    }

    /// The bucket of `key`, which is empty until it expires. Nobody waits for longer than it takes to
    /// fill it and a period: neither after a charge nor because the clock went back.
    pub(super) fn bucket(
        &mut self,
        key: Key,
        depth: i64,
        period: Period,
    ) -> Result<&mut Entry, Full> {
        let now = self.now.0;
        let entry = self.entry(key, SHARED, now)?;
        let longest = now.saturating_add(depth).saturating_add(period.length());
        entry.expires = entry.expires.clamp(now, longest);
        entry.value = 1;
        Ok(entry)
    }

    /// How much of `key` those owners have that are counted.
    pub(super) fn used(&self, key: Key, counts: impl Fn(u64) -> bool) -> u64 {
        let entries = self.entries.iter();
        let counted = entries.filter(|entry| entry.key == key && counts(entry.owner));
        counted.fold(0, |sum, entry| sum.saturating_add(entry.value))
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        Some(Self {
            key: Key(*key),
            owner: u64::from_le_bytes(*owner),
            expires: i64::from_le_bytes(*expires),
            value: u64::from_le_bytes(*rest.first_chunk()?),
        })
    }

    const fn is_needed(&self, now: Timestamp) -> bool {
        self.expires > now.0 && self.value > 0
    }
}

/// The owner of what has none.
pub(super) const SHARED: u64 = 0;
/// A million keys, spread over all slots, leave less than one in ten thousand without room.
const ENTRIES: usize = 96;
const SIZE: usize = 40;
