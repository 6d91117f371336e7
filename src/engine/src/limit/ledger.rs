//! Counters in a store, in bounded memory.

use super::{
    Bound, Full, Period,
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
    /// What is left after it.
    pub left: u64,
}

/// Counters in a store.
///
/// They lie in a bounded number of values of a bounded size: there is room for a million counters,
/// in 63 megabytes at most. A new one finds room where an old one has expired; where all of a slot are
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
        self.change(key, now, |slot| {
            let left = self.left(slot, key, bound, now)?;
            let Some(left) = left.checked_sub(amount) else {
                let wait = wait(slot, key, bound, amount, now)?;
                return Err(Full::Bound { left, wait });
            };
            let expires = self.add(slot, key, bound, amount, now)?;
            Ok(Taken {
                amount,
                expires,
                left,
            })
        })
    }

    /// What is left of a bound, if `amount` can be had of it now; nothing is taken.
    ///
    /// # Errors
    /// [`Full`]: why nothing could be taken.
    pub fn look(&self, key: Key, bound: &Bound, amount: u64, now: Timestamp) -> Result<u64, Full> {
        let (bytes, _) = self.store.load(&key.slot());
        let mut slot = self.read(&bytes.unwrap_or_default(), now);
        let left = self.left(&mut slot, key, bound, now)?;
        if amount > left {
            let wait = wait(&mut slot, key, bound, amount, now)?;
            return Err(Full::Bound { left, wait });
        }
        Ok(left)
    }

    /// Counts what was had already, whether or not there was so much left.
    pub fn charge(&self, key: Key, bound: &Bound, amount: u64, now: Timestamp) {
        // What cannot be counted now is not counted: whoever had it has had it.
        let _: Result<i64, Full> =
            self.change(key, now, |slot| self.add(slot, key, bound, amount, now));
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
                    entry.expires =
                        entry
                            .expires
                            .saturating_sub(time(taken.amount, amount, period));
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

    fn left(&self, slot: &mut Slot, key: Key, bound: &Bound, now: Timestamp) -> Result<u64, Full> {
        Ok(match *bound {
            Bound::Window { amount, period } => {
                amount.saturating_sub(slot.window(key, period)?.value)
            }
            Bound::Bucket {
                amount,
                period,
                burst,
            } => {
                let full = now.0.saturating_add(time(burst, amount, period));
                let empty_until = slot
                    .bucket(key, time(burst, amount, period), period)?
                    .expires;
                count(full.saturating_sub(empty_until), amount, period)
            }
            Bound::Concurrent { amount } => {
                let left = amount.saturating_sub(slot.used(key, |_| true));
                match left {
                    // Only now it matters who has gone without a word.
                    0 => amount.saturating_sub(slot.used(key, self.lives(now))),
                    left => left,
                }
            }
        })
    }

    /// Counts, and gives the end of the window it counts in.
    fn add(
        &self,
        slot: &mut Slot,
        key: Key,
        bound: &Bound,
        amount: u64,
        now: Timestamp,
    ) -> Result<i64, Full> {
        let entry = match *bound {
            Bound::Window { period, .. } => slot.window(key, period)?,
            Bound::Bucket {
                amount: most,
                period,
                burst,
            } => {
                let entry = slot.bucket(key, time(burst, most, period), period)?;
                entry.expires = entry.expires.saturating_add(time(amount, most, period));
                return Ok(entry.expires);
            }
            Bound::Concurrent { .. } => {
                let expires = now.0.saturating_add(LONGEST_USE);
                let entry = slot.entry(key, self.owner.0, expires)?;
                entry.expires = expires;
                entry
            }
        };
        entry.value = entry.value.saturating_add(amount);
        Ok(entry.expires)
    }

    /// A slot; where it is full, without what died with its owners.
    fn read(&self, bytes: &[u8], now: Timestamp) -> Slot {
        let mut slot = Slot::read(bytes, now);
        if slot.is_full() {
            let lives = self.lives(now);
            slot.forget(|owner| !lives(owner));
        }
        slot
    }

    fn lives(&self, now: Timestamp) -> impl Fn(u64) -> bool {
        let (own, roll) = (self.owner.0, Roll::load(self.store));
        move |owner| owner == own || roll.has(owner, now)
    }

    /// Changes a slot; again, if somebody else did so meanwhile.
    fn change<T>(
        &self,
        key: Key,
        now: Timestamp,
        change: impl Fn(&mut Slot) -> Result<T, Full>,
    ) -> Result<T, Full> {
        let changed = self.store.change(&key.slot(), |bytes| {
            let mut slot = self.read(bytes, now);
            (change(&mut slot), slot.write())
        });
        changed.unwrap_or(Err(Full::Contended))
    }
}

/// In how many nanoseconds `amount` can be had that is more than what is left.
fn wait(
    slot: &mut Slot,
    key: Key,
    bound: &Bound,
    amount: u64,
    now: Timestamp,
) -> Result<Option<i64>, Full> {
    Ok(match *bound {
        Bound::Window {
            amount: most,
            period,
        } => {
            let end = slot.window(key, period)?.expires;
            (amount <= most).then(|| end.saturating_sub(now.0))
        }
        Bound::Bucket {
            amount: most,
            period,
            burst,
        } => {
            let depth = time(burst, most, period);
            let after = slot.bucket(key, depth, period)?.expires;
            let after = after.saturating_add(time(amount, most, period));
            (amount <= burst).then(|| after.saturating_sub(now.0.saturating_add(depth)))
        }
        Bound::Concurrent { .. } => None,
    })
}

/// How long it takes for `count` to come back, at `amount` in each `period`.
fn time(count: u64, amount: u64, period: Period) -> i64 {
    let product = u128::from(count) * u128::from(period.length().unsigned_abs());
    let time = match amount {
        0 => return i64::MAX,
        amount => product.div_ceil(u128::from(amount)),
    };
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// How much comes back in `time`.
fn count(time: i64, amount: u64, period: Period) -> u64 {
    let product = u128::from(time.max(0).unsigned_abs()) * u128::from(amount);
    let count = product / u128::from(period.length().unsigned_abs());
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// How many values the counters lie in.
const SLOTS: u16 = 16_384;
/// How long a concurrent use is remembered that nobody ends and nobody adds to.
const LONGEST_USE: i64 = 86_400_000_000_000;
