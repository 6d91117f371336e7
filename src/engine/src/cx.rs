//! Everything ambient, passed in: the engine has no clock and no memory between requests.

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// What surrounds one event.
#[derive(Clone, Copy, Debug)]
pub struct Cx {
    /// The time of the event.
    pub now: Timestamp,
}

impl Timestamp {
    /// The same moment as a calendar date in UTC.
    #[must_use]
    pub const fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// RFC 3339 in UTC with milliseconds: `2026-04-30T14:18:03.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}
