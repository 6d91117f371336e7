//! What a hook is told, and what came of it.

use engine::{approval::Ask, cx::Timestamp};
use sqlx::{Row as _, any::AnyRow};

use crate::store::Entry;

/// Something that a hook is still to be told, or could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The hook.
    pub hook: String,
    /// What happened.
    pub entry: Entry,
    /// The entry's hash: nothing else that ever happens has the same.
    pub hash: String,
    /// What was asked.
    pub ask: Ask,
    /// When the attempts began.
    pub since: Timestamp,
    /// How many there were.
    pub attempts: i64,
    /// When the next one is; `None`: nobody tries any more.
    pub due_at: Option<Timestamp>,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The hook has taken it.
    Delivered,
    /// Not yet.
    Retry {
        /// When to try again.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// Never: it becomes a dead letter.
    Dead {
        /// Why it failed.
        error: String,
    },
}

/// Which deliveries to look at.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Only dead letters, or only what waits.
    pub dead: Option<bool>,
    /// Only of this hook.
    pub hook: Option<String>,
    /// How many at once.
    pub limit: usize,
}

/// How much of one hook is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The hook.
    pub hook: String,
    /// How many deliveries are still tried.
    pub waiting: i64,
    /// How many are not.
    pub dead: i64,
    /// Since when the oldest is tried.
    pub oldest: Option<Timestamp>,
}

impl Delivery {
    /// The hook and the number of the entry.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}.{}", self.hook, self.entry.seq)
    }

    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            hook: row.try_get("hook")?,
            entry: parse(row, "entry")?,
            hash: row.try_get("hash")?,
            ask: asked(row)?,
            since: Timestamp(row.try_get("since")?),
            attempts: row.try_get("attempts")?,
            due_at: row.try_get::<Option<_>, _>("due_at")?.map(Timestamp),
            error: row.try_get("error")?,
        })
    }
}

/// What was asked, as the first entry about it keeps it.
pub(super) fn asked(row: &AnyRow) -> Result<Ask, sqlx::Error> {
    let opened = parse(row, "opened")?;
    opened.ask.ok_or(sqlx::Error::RowNotFound)
}

pub(super) fn parse(row: &AnyRow, column: &str) -> Result<Entry, sqlx::Error> {
    let text = row.try_get::<&str, _>(column)?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
