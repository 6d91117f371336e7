//! Everything ambient, passed in: the engine has no clock and no memory between requests.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

use crate::seal::Seal;

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// What surrounds one event.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The time of the event.
    pub now: Timestamp,
    /// What outlives the request.
    pub store: &'a dyn Store,
    /// As whom concurrent uses are written down there.
    pub owner: Owner,
    /// With what is marked what clients carry for this gateway.
    pub seal: &'a Seal,
}

/// One instance of the filter: what it holds in a [`Store`] is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub u64);

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

impl dyn Store + '_ {
    /// Changes the value under `key`, which is empty where there is none; again, where somebody else
    /// did so meanwhile. `change` gives a result and the new value. `None`: nothing was changed.
    pub fn change<T>(&self, key: &str, change: impl Fn(&[u8]) -> (T, Vec<u8>)) -> Option<T> {
        for _ in 0..TRIES {
            let (before, version) = self.load(key);
            let before = before.unwrap_or_default();
            let (result, after) = change(&before);
            if after == before || self.store(key, &after, version).is_ok() {
                return Some(result);
            }
        }
        None
    }
}

/// A version of a value in a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

/// The value is of another version by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

/// A [`Store`] that one thread has for itself: for tests, and for trying things out.
#[derive(Debug)]
pub struct Memory {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    seal: Seal,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            values: RefCell::default(),
            seal: Seal::known(),
        }
    }
}

impl Store for Memory {
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version) {
        match self.values.borrow().get(key) {
            Some((value, version)) => (Some(value.clone()), Version(*version)),
            None => (None, Version(0)),
        }
    }

    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict> {
        let mut values = self.values.borrow_mut();
        let found = values.get(key).map_or(0, |(_, version)| *version);
        if found != version.0 {
            return Err(Conflict);
        }
        values.insert(key.to_owned(), (value.to_vec(), found.saturating_add(1)));
        Ok(())
    }
}

impl Memory {
    /// What surrounds an event at this time, with this memory.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Cx<'_> {
        Cx {
            now,
            store: self,
            owner: Owner(1),
            seal: &self.seal,
        }
    }

    /// All that is kept, by key.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Vec<u8>> {
        let values = self.values.borrow();
        values
            .iter()
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }
}

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

/// Far more than there are workers that could be quicker.
const TRIES: usize = 100;
