//! How much of something may be had, and how much was.
//!
//! Counters live in memory that all workers of one Envoy share, and survive whatever happens to a
//! configuration. They are exact: a change that somebody else's change overtook is made again, and
//! where that does not succeed nothing is had. The memory is bounded, whoever calls: see [`Ledger`].
//!
//! What this module does not do: know what is counted, or for whom.

mod ledger;
mod period;
mod roll;
mod slot;

pub use ledger::{Key, Ledger, Taken};
pub use period::Period;
pub use roll::enroll;

/// How much of something may be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So much in each period; periods begin with the clock's, in UTC.
    Window {
        /// How much.
        amount: u64,
        /// In which time.
        period: Period,
    },
    /// So much over a period, coming back evenly.
    Bucket {
        /// How much comes back.
        amount: u64,
        /// In which time.
        period: Period,
        /// How much can be had at once, after a while of nothing.
        burst: u64,
    },
    /// So much at the same time.
    Concurrent {
        /// How much.
        amount: u64,
    },
}

/// Why nothing is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The bound is reached.
    Bound {
        /// What is left of it; less than what was wanted.
        left: u64,
        /// In how many nanoseconds what was wanted can be had; `None`: nobody knows, or never.
        wait: Option<i64>,
    },
    /// Others change the same counter so often that this change could not be made.
    Contended,
    /// More is being counted at once than the memory has room for.
    Crowded {
        /// In how many nanoseconds there is room for sure.
        wait: i64,
    },
}

/// Far more than there are workers that could be quicker.
const TRIES: usize = 100;

#[cfg(test)]
mod tests;
