//! Who is to be told what happened.
//!
//! The trail is the outbox: it has no gaps, and what is in it is committed. A hook has a cursor in
//! it, so neither a restart nor another configuration loses an entry, a hook that is new hears what
//! comes from then on, and whoever asks or decides writes nothing for hooks. Behind the cursor, what
//! a hook wants is a row of `deliveries` until it has taken it.
//!
//! A delivery is leased while it is under way: when its replica dies, it comes due again.

mod delivery;

use engine::{approval::Ask, cx::Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _, any::AnyRow};

use super::{Entry, Event, Store};
use delivery::{asked, parse};

pub use delivery::{Backlog, Delivery, Outcome, Search};

/// What a hook wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The hook.
    pub hook: String,
    /// Only these events; empty: all.
    pub events: Vec<Event>,
    /// Only asks that one of these roles decides; empty: all.
    pub roles: Vec<String>,
}

impl Store {
    /// Makes these the hooks that there are. A new one hears what happens from now on; one that is
    /// not among them is forgotten, and its name comes back with the number of its deliveries.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn subscribe(&self, hooks: &[&str]) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let mut turn = self.writer.begin().await?;
        for hook in hooks {
            let sql = "INSERT INTO hooks (id, seq) SELECT $1, seq FROM chain WHERE true \
                       ON CONFLICT (id) DO NOTHING";
            sqlx::query(sql).bind(*hook).execute(&mut *turn.tx).await?;
        }
        let sql =
            "SELECT id, (SELECT COUNT(*) FROM deliveries WHERE hook = id) AS count FROM hooks";
        let mut forgotten = Vec::new();
        for row in sqlx::query(sql).fetch_all(&mut *turn.tx).await? {
            let hook: String = row.try_get("id")?;
            if hooks.contains(&hook.as_str()) {
                continue;
            }
            let sql = "DELETE FROM hooks WHERE id = $1";
            sqlx::query(sql).bind(&hook).execute(&mut *turn.tx).await?;
            forgotten.push((hook, row.try_get("count")?));
        }
        turn.keep().await?;
        Ok(forgotten)
    }

    /// What is due for a hook, leased until then: at most one delivery of each ask, the oldest, so
    /// that a hook hears in order what happens to it.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn claim(
        &self,
        wanted: &Subscription,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, sqlx::Error> {
        let mut reader = self.pool.acquire().await?;
        let news = "SELECT 1 FROM hooks WHERE id = $1 AND seq < (SELECT seq FROM chain)";
        let news = sqlx::query(news).bind(&wanted.hook);
        if news.fetch_optional(&mut *reader).await?.is_none()
            && due(&mut reader, &wanted.hook, now, 1).await?.is_empty()
        {
            return Ok(Vec::new());
        }
        drop(reader);
        loop {
            let mut turn = self.writer.begin().await?;
            let more = wanted.sort(&mut turn.tx, now).await?;
            let mut due = due(&mut turn.tx, &wanted.hook, now, BATCH).await?;
            for delivery in &mut due {
                delivery.attempts += 1;
                delivery.due_at = Some(until);
            }
            let sql = format!(
                "UPDATE deliveries SET attempts = attempts + 1, due_at = $1 \
                 WHERE hook = $2 AND seq IN ({})",
                list(due.iter().map(|delivery| delivery.entry.seq))
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(until.0)
                .bind(&wanted.hook)
                .execute(&mut *turn.tx)
                .await?;
            turn.keep().await?;
            if !(due.is_empty() && more) {
                return Ok(due);
            }
        }
    }

    /// Writes down what came of what was claimed. Where the lease was over and somebody else has
    /// claimed it since, it is theirs to say.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn settle(
        &self,
        hook: &str,
        outcomes: &[(Delivery, Outcome)],
    ) -> Result<(), sqlx::Error> {
        let mut turn = self.writer.begin().await?;
        for (delivery, outcome) in outcomes {
            let (sql, due_at, error) = match outcome {
                Outcome::Delivered => (TAKEN, None, None),
                Outcome::Retry { at, error } => (FAILED, Some(at.0), Some(error)),
                Outcome::Dead { error } => (FAILED, None, Some(error)),
            };
            let mut query = sqlx::query(sql)
                .bind(hook)
                .bind(delivery.entry.seq)
                .bind(delivery.attempts);
            if let Some(error) = error {
                query = query.bind(due_at).bind(error);
            }
            query.execute(&mut *turn.tx).await?;
            if let Some(due_at) = due_at {
                // What waits for it is not looked at before.
                sqlx::query(BEHIND)
                    .bind(hook)
                    .bind(delivery.entry.seq)
                    .bind(delivery.entry.approval.as_deref())
                    .bind(due_at)
                    .execute(&mut *turn.tx)
                    .await?;
            }
        }
        turn.keep().await
    }

    /// What is still to be told or could not be, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn deliveries(&self, search: &Search) -> Result<Vec<Delivery>, sqlx::Error> {
        let state = match search.dead {
            Some(true) => "d.due_at IS NULL",
            Some(false) => "d.due_at IS NOT NULL",
            None => "true",
        };
        let sql = format!(
            "{SELECT} WHERE {state} AND (d.hook = $1 OR $1 = '') \
             ORDER BY d.seq DESC, d.hook LIMIT {}",
            search.limit
        );
        // Nothing in it comes from outside but the number.
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(search.hook.as_deref().unwrap_or_default())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(Delivery::read).collect()
    }

    /// Tries a delivery again at once, a dead letter for as long as it was tried before.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn retry(&self, id: &str, now: Timestamp) -> Result<Option<Delivery>, sqlx::Error> {
        let id = id.split_once('.');
        let Some((hook, seq)) = id.and_then(|(hook, seq)| Some((hook, seq.parse::<i64>().ok()?)))
        else {
            return Ok(None);
        };
        let mut turn = self.writer.begin().await?;
        let sql = "UPDATE deliveries SET due_at = $1, since = CASE WHEN due_at IS NULL THEN $1 \
                   ELSE since END, attempts = CASE WHEN due_at IS NULL THEN 0 ELSE attempts END \
                   WHERE hook = $2 AND seq = $3";
        sqlx::query(sql)
            .bind(now.0)
            .bind(hook)
            .bind(seq)
            .execute(&mut *turn.tx)
            .await?;
        let sql = format!("{SELECT} WHERE d.hook = $1 AND d.seq = $2");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(hook)
            .bind(seq)
            .fetch_optional(&mut *turn.tx)
            .await?;
        turn.keep().await?;
        row.as_ref().map(Delivery::read).transpose()
    }

    /// How much is left, by hook.
    ///
    /// # Errors
    /// The database fails.
    pub async fn backlog(&self) -> Result<Vec<Backlog>, sqlx::Error> {
        let sql = "SELECT id, COUNT(due_at) AS waiting, COUNT(hook) AS every, \
                   MIN(CASE WHEN due_at IS NOT NULL THEN since END) AS oldest \
                   FROM hooks LEFT JOIN deliveries ON hook = id GROUP BY id";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        let read = |row: &AnyRow| {
            let waiting: i64 = row.try_get("waiting")?;
            Ok(Backlog {
                hook: row.try_get("id")?,
                waiting,
                dead: row.try_get::<i64, _>("every")? - waiting,
                oldest: row.try_get::<Option<_>, _>("oldest")?.map(Timestamp),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Forgets dead letters that nobody cared for since `then`.
    pub(super) async fn bury(&self, then: Timestamp) -> Result<(), sqlx::Error> {
        let sql = "DELETE FROM deliveries WHERE due_at IS NULL AND since < $1";
        let query = sqlx::query(sql).bind(then.0);
        query.execute(&self.pool).await.map(drop)
    }
}

impl Subscription {
    /// Moves the hook's cursor on, leaves what is wanted as deliveries, and says whether there is
    /// more.
    async fn sort(&self, tx: &mut AnyConnection, now: Timestamp) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "SELECT t.seq, t.ask, t.entry, (SELECT o.entry FROM trail o WHERE o.ask = t.ask \
             ORDER BY o.seq LIMIT 1) AS opened FROM trail t \
             WHERE t.seq > (SELECT seq FROM hooks WHERE id = $1) ORDER BY t.seq LIMIT {BATCH}"
        );
        let news = sqlx::query(AssertSqlSafe(sql));
        let news = news.bind(&self.hook).fetch_all(&mut *tx).await?;
        let (mut last, mut wanted) = (None, Vec::new());
        for row in &news {
            let seq: i64 = row.try_get("seq")?;
            last = Some(seq);
            // What concerns no ask is not told.
            let concerns = row.try_get::<Option<&str>, _>("ask")?.is_some();
            if concerns && self.covers(&parse(row, "entry")?, &asked(row)?) {
                wanted.push(seq);
            }
        }
        let Some(last) = last else {
            return Ok(false);
        };
        let sql = format!(
            "INSERT INTO deliveries (hook, seq, ask, since, due_at) \
             SELECT $1, seq, ask, $2, COALESCE((SELECT due_at FROM deliveries d \
             WHERE d.hook = $1 AND d.ask = trail.ask AND due_at IS NOT NULL \
             ORDER BY d.seq DESC LIMIT 1), $2) FROM trail WHERE seq IN ({})",
            list(wanted.into_iter())
        );
        let insert = sqlx::query(AssertSqlSafe(sql)).bind(&self.hook).bind(now.0);
        insert.execute(&mut *tx).await?;
        let cursor = sqlx::query("UPDATE hooks SET seq = $1 WHERE id = $2");
        let cursor = cursor.bind(last).bind(&self.hook);
        cursor.execute(tx).await?;
        Ok(news.len() as i64 == BATCH)
    }

    fn covers(&self, entry: &Entry, ask: &Ask) -> bool {
        let deciding = ask.needs.iter().filter_map(|need| need.approver.role());
        // Where it was escalated, the entry names the role that decides too.
        let mut deciding = deciding.chain(entry.role.as_deref());
        (self.events.is_empty() || self.events.contains(&entry.event))
            && (self.roles.is_empty()
                || deciding.any(|role| self.roles.iter().any(|wanted| wanted == role)))
    }
}

async fn due(
    connection: &mut AnyConnection,
    hook: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let sql = format!(
        "{SELECT} WHERE d.hook = $1 AND d.due_at <= $2 AND NOT EXISTS (SELECT 1 FROM deliveries e \
         WHERE e.hook = d.hook AND e.ask = d.ask AND e.seq < d.seq AND e.due_at IS NOT NULL) \
         ORDER BY d.due_at, d.seq LIMIT $3"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(hook)
        .bind(now.0)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(Delivery::read).collect()
}

/// `1, 2, 3`; `NULL` where there is none, since PostgreSQL knows no empty list.
fn list(numbers: impl Iterator<Item = i64>) -> String {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    if numbers.is_empty() {
        return "NULL".to_owned();
    }
    numbers.join(", ")
}

const SELECT: &str = "SELECT d.*, t.entry, t.hash, (SELECT o.entry FROM trail o WHERE o.ask = d.ask \
     ORDER BY o.seq LIMIT 1) AS opened FROM deliveries d JOIN trail t ON t.seq = d.seq";
const TAKEN: &str = "DELETE FROM deliveries WHERE hook = $1 AND seq = $2 AND attempts = $3";
const FAILED: &str = "UPDATE deliveries SET due_at = $4, error = $5 \
     WHERE hook = $1 AND seq = $2 AND attempts = $3";
const BEHIND: &str = "UPDATE deliveries SET due_at = $4 \
     WHERE hook = $1 AND seq > $2 AND ask = $3 AND due_at < $4";
/// How many deliveries of one hook are under way at once, and how many entries are looked at: others
/// wait for it.
const BATCH: i64 = 64;
