//! Stretches of time, as people count them.

use chrono::{Datelike as _, Months, NaiveTime, Utc};

use crate::cx::Timestamp;

/// A stretch of time, as clocks and calendars in UTC have it: there is no daylight saving in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, from midnight.
    Day,
    /// A month of the calendar, from its first midnight.
    Month,
}

impl Period {
    /// All of them, from the shortest.
    pub const ALL: [Self; 5] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Month,
    ];

    /// When the period that `now` is in ends and the next one begins.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::Day => {
                let begin = now.0 - now.0.rem_euclid(self.length());
                Timestamp(begin.saturating_add(self.length()))
            }
            Self::Month => next_month(now).unwrap_or(Timestamp(i64::MAX)),
        }
    }

    /// How long it is, in nanoseconds; a month is counted as 31 days.
    #[must_use]
    pub const fn length(self) -> i64 {
        match self {
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3_600 * SECOND,
            Self::Day => DAY,
            Self::Month => 31 * DAY,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// `None` beyond the year 2262, where nanoseconds end.
fn next_month(now: Timestamp) -> Option<Timestamp> {
    let first = now.utc().date_naive().with_day(1)?;
    let next = first.checked_add_months(Months::new(1))?;
    let midnight = next.and_time(NaiveTime::MIN).and_local_timezone(Utc);
    midnight.single()?.timestamp_nanos_opt().map(Timestamp)
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
