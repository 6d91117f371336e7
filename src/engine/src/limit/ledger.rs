//! Counters in a store, in bounded memory.

use super::{
    Bound, Full, TRIES,
    roll::{self, Roll},
    slot::{SHARED, Slot},
};
use crate::{
    cx::{Owner, Store, Timestamp},
    digest::short,
};

/// What a counter counts and for whom, in 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub(super) [u8; 16]);

/// What was had, to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    amount: u64,
    /// The end of the window it was taken from.
    expires: i64,
}

/// Counters in a store.
///
/// They lie in a bounded number of values of a bounded size: a million counters is the most
/// there can be. A new one finds room where an old one has expired; where all of a slot are
/// still needed, whoever needs one more has to wait.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    store: &'a dyn Store,
    owner: Owner,
}

impl Key {
    /// Of a limit's name, and the values of what it is counted by. Different lists of parts have
    /// different keys.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut text = Vec::new();
        for part in parts {
            // Length before content: no part can pass for two.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            text.extend_from_slice(&length.to_le_bytes());
            text.extend_from_slice(part.unwrap_or_default().as_bytes());
        }
        Self(short(&text))
    }

    pub(super) fn slot(self) -> String {
        let [low, high, ..] = self.0;
        let number = u16::from_le_bytes([low, high]) % SLOTS;
        format!("toolgate.limit.1.{number}")
    }
}

impl<'a> Ledger<'a> {
    /// How often an owner has to show that it is alive, in nanoseconds.
    pub const BEAT: i64 = 5_000_000_000;

    /// The ledger in `store`, as `owner` writes in it.
    #[must_use]
    pub fn new(store: &'a dyn Store, owner: Owner) -> Self {
        Self { store, owner }
    }

    /// Takes `amount`, or nothing.
    ///
    /// # Errors
    /// [`Full`]: why nothing was taken.
    pub fn take(
        &self,
        key: Key,
        bound: &Bound,
        amount: u64,
        now: Timestamp,
    ) -> Result<Taken, Full> {
        self.change(key, now, |slot| match *bound {
            Bound::Window {
                amount: most,
                period,
            } => {
                let entry = slot.window(key, period)?;
                let left = most.saturating_sub(entry.value);
                if amount > left {
                    let wait = (amount <= most).then(|| entry.expires - now.0);
                    return Err(Full::Bound { left, wait });
                }
                entry.value = entry.value.saturating_add(amount);
                Ok(Taken {
                    amount,
                    expires: entry.expires,
                })
            }
            Bound::Bucket {
                amount: most,
                period,
                burst,
            } => {
                let time = |count: u64| time(count, most, period.length());
                let depth = time(burst);
                let empty_until = slot.bucket(key, depth, period)?.expires;
                let after = empty_until.saturating_add(time(amount));
                let over = after.saturating_sub(now.0.saturating_add(depth));
                if over > 0 {
                    let free = now.0.saturating_add(depth).saturating_sub(empty_until);
                    let wait = (amount <= burst).then_some(over);
                    return Err(Full::Bound {
                        left: count(free, most, period.length()),
                        wait,
                    });
                }
                slot.bucket(key, depth, period)?.expires = after;
                Ok(Taken {
                    amount,
                    expires: after,
                })
            }
            Bound::Concurrent { amount: most } => {
                let mut left = most.saturating_sub(slot.used(key, |_| true));
                if amount > left {
                    // Only now it matters who has gone without a word.
                    let roll = Roll::load(self.store);
                    let counts = |owner| owner == self.owner.0 || roll.has(owner, now);
                    left = most.saturating_sub(slot.used(key, counts));
                }
                if amount > left {
                    return Err(Full::Bound { left, wait: None });
                }
                let expires = now.0.saturating_add(LONGEST_USE);
                let entry = slot.entry(key, self.owner.0, expires)?;
                entry.value = entry.value.saturating_add(amount);
                entry.expires = expires;
                Ok(Taken { amount, expires })
            }
        })
    }

    /// Counts what was had already, whether or not there was so much left.
    pub fn charge(&self, key: Key, bound: &Bound, amount: u64, now: Timestamp) {
        // What cannot be counted now is not counted: whoever had it has had it.
        let _: Result<(), Full> = self.change(key, now, |slot| {
            match *bound {
                Bound::Window { period, .. } => {
                    let entry = slot.window(key, period)?;
                    entry.value = entry.value.saturating_add(amount);
                }
                Bound::Bucket {
                    amount: most,
                    period,
                    burst,
                } => {
                    let time = |count: u64| time(count, most, period.length());
                    let entry = slot.bucket(key, time(burst), period)?;
                    entry.expires = entry.expires.saturating_add(time(amount));
                }
                Bound::Concurrent { .. } => {}
            }
            Ok(())
        });
    }

    /// Gives back what was taken.
    pub fn give_back(&self, key: Key, bound: &Bound, taken: Taken, now: Timestamp) {
        let _: Result<(), Full> = self.change(key, now, |slot| {
            let owner = match bound {
                Bound::Window { .. } | Bound::Bucket { .. } => SHARED,
                Bound::Concurrent { .. } => self.owner.0,
            };
            let Some(entry) = slot.find(key, owner) else {
                return Ok(());
            };
            match *bound {
                // Of a window that is over there is nothing to give back.
                Bound::Window { .. } if entry.expires != taken.expires => {}
                Bound::Window { .. } | Bound::Concurrent { .. } => {
                    entry.value = entry.value.saturating_sub(taken.amount);
                }
                Bound::Bucket { amount, period, .. } => {
                    entry.expires -= time(taken.amount, amount, period.length());
                }
            }
            Ok(())
        });
    }

    /// Shows that this owner is alive, and has to be called every [`Self::BEAT`] nanoseconds: what an
    /// owner has who is silent for longer than a few of them does not count.
    pub fn beat(&self, now: Timestamp) {
        roll::beat(self.store, self.owner, now);
    }

    /// Changes a slot; again, if somebody else did so meanwhile.
    fn change<T>(
        &self,
        key: Key,
        now: Timestamp,
        change: impl Fn(&mut Slot) -> Result<T, Full>,
    ) -> Result<T, Full> {
        let name = key.slot();
        for _ in 0..TRIES {
            let (bytes, version) = self.store.load(&name);
            let bytes = bytes.unwrap_or_default();
            let mut slot = Slot::read(&bytes, now);
            let result = change(&mut slot);
            let after = slot.write();
            if after == bytes || self.store.store(&name, &after, version).is_ok() {
                return result;
            }
        }
        Err(Full::Contended)
    }
}

/// How long it takes for `count` to come back, at `amount` in each `period`.
fn time(count: u64, amount: u64, period: i64) -> i64 {
    let product = u128::from(count) * u128::from(period.unsigned_abs());
    let time = match amount {
        0 => return i64::MAX,
        amount => product.div_ceil(u128::from(amount)),
    };
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// How much comes back in `time`.
fn count(time: i64, amount: u64, period: i64) -> u64 {
    let product = u128::from(time.max(0).unsigned_abs()) * u128::from(amount);
    let count = product / u128::from(period.max(1).unsigned_abs());
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// How many values the counters lie in.
const SLOTS: u16 = 16_384;
/// How long a concurrent use is remembered that nobody ends and nobody adds to.
const LONGEST_USE: i64 = 86_400_000_000_000;
