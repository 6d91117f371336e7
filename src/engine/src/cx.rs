//! Everything ambient, passed in: the engine has no clock and no memory between requests.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// What surrounds one event.
#[derive(Clone, Copy, Debug)]
pub struct Cx {
    /// The time of the event.
    pub now: Timestamp,
}

/// Memory that outlives a request and is shared with others who change it at the same time: Envoy's
/// shared data in production, a map in tests.
pub trait Store {
    /// What is kept under `key`, and its version, with which it can be replaced.
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version);

    /// Keeps `value` under `key`, if what is there is still of `version`.
    ///
    /// # Errors
    /// [`Conflict`]: somebody else was quicker, or the store would not do it.
    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict>;
}

/// A version of a value in a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

/// The value is of another version by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Timestamp {
    /// A date, from its beginning in UTC, or a time as in RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = match text.parse::<NaiveDate>() {
            Ok(date) => date.and_time(NaiveTime::MIN).and_utc(),
            Err(_) => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
        };
        time.timestamp_nanos_opt().map(Self)
    }

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
