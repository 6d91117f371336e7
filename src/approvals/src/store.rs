//! What is asked, decided and used, in SQLite or PostgreSQL.
//!
//! Changes queue (`writer.rs`), and take the end of the trail first, so they come one after the other
//! whatever the number of replicas. Each is in the trail exactly if it happened, and is told of when
//! it is durable.
//! The store has no clock: the time comes in with each call.

mod approval;
mod change;
mod delegation;
mod escalation;
mod filter;
mod outbox;
mod postgres;
mod right;
mod sqlite;
mod trail;
mod writer;

use std::{sync::Once, time::Duration};

use engine::{
    approval::{Ask, Payload},
    cx::Timestamp,
};
use sqlx::{
    AnyConnection, AnyPool, Connection as _, Executor as _,
    any::AnyPoolOptions,
    migrate::{Migration, MigrationType, Migrator},
};

pub use approval::{Approval, State, Verdict, Vote};
pub use delegation::{Delegation, Lent, Loan};
pub use escalation::Escalation;
pub use filter::{Filter, Page, Sight, Whose};
pub use outbox::{Backlog, Delivery, Outcome, Search, Subscription};
pub use right::{Decider, Right};
pub use trail::{Broken, Entry, Event};

use change::{Change, json};
use writer::Writer;

/// A database, open.
#[derive(Debug)]
pub struct Store {
    pool: AnyPool,
    writer: Writer,
}

/// How long things stand, where an ask does not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Nanoseconds that an ask waits to be decided, and again that its approval waits to be used.
    pub lifetime: i64,
    /// Nanoseconds that a refusal is repeated to whoever asks the same again.
    pub denial: i64,
}

/// Why a decision was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such approval.
    Unknown,
    /// Its state does not allow that any more.
    State(State),
    /// The same person has approved already, or somebody on their behalf.
    Again,
    /// They may decide, but what they could approve for is approved already.
    Met,
    /// They may not decide.
    Right,
}

/// A decision that a rule of the configuration makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automatic {
    /// What is decided.
    pub verdict: Verdict,
    /// By which rule, under a name that no person can have.
    pub rule: String,
    /// Only where this role has to approve.
    pub role: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A decision that somebody makes.
#[derive(Clone, Copy, Debug)]
pub struct Ruling<'a> {
    /// What is decided.
    pub verdict: Verdict,
    /// By whom.
    pub sight: Sight<'a>,
    /// Why.
    pub reason: Option<&'a str>,
}

/// What differs between the databases; statements are the same text for both.
struct Dialect {
    scheme: &'static str,
    /// What each connection begins with.
    session: &'static [&'static str],
    migrations: &'static [&'static str],
}

impl Store {
    /// Opens `url` (`sqlite:FILE` or `postgres://..`) and brings its tables up to date.
    ///
    /// # Errors
    /// The database cannot be reached, opened or migrated.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let (dialect, url) = if url.starts_with(sqlite::DIALECT.scheme) {
            (&sqlite::DIALECT, sqlite::url(url))
        } else if url.starts_with(postgres::DIALECT.scheme) {
            (&postgres::DIALECT, url.to_owned())
        } else {
            let message = "the database is neither `sqlite:FILE` nor `postgres://..`";
            return Err(sqlx::Error::Configuration(message.into()));
        };
        // A pool only says that it waited; a connection says why it cannot be.
        AnyConnection::connect(&url).await?.close().await?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for statement in dialect.session {
                        connection.execute(*statement).await?;
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        let migrations = dialect.migrations.iter().zip(1..).map(|(sql, version)| {
            let sql = sqlx::SqlSafeStr::into_sql_str(*sql);
            Migration::new(
                version,
                "approvals".into(),
                MigrationType::Simple,
                sql,
                false,
            )
        });
        Migrator::with_migrations(migrations.collect())
            .run(&pool)
            .await?;
        Ok(Self {
            writer: Writer::start(pool.clone()),
            pool,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        self.pool.execute("SELECT seq FROM chain").await.map(drop)
    }

    /// The one verb of the filter. `judge` tells what rules decide about an ask that is opened. What
    /// comes back is
    /// - used: it was granted, and this very ask has used it up. It happens once;
    /// - denied or revoked: by somebody, less than [`Terms::denial`] ago;
    /// - pending: it waits, since now or since the first of these asks.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn ask(
        &self,
        ask: &Ask,
        terms: Terms,
        judge: impl FnOnce() -> Vec<Automatic>,
        now: Timestamp,
    ) -> Result<Approval, sqlx::Error> {
        let key = Key::of(ask)?;
        // Most asks are repeats while people think: they need not queue.
        let mut reader = self.pool.acquire().await?;
        let found = key.find(&mut reader, terms, now).await?;
        drop(reader);
        if let Some(found) = found.filter(|found| found.state != State::Approved) {
            return Ok(found);
        }
        // Before the turn: others wait for it.
        let decided = judge();
        let mut change = self.change(now).await?;
        let id = match key.find(change.tx(), terms, now).await? {
            Some(found) if found.state == State::Approved => {
                change.redeem(&found.id).await?;
                found.id
            }
            Some(found) => {
                // Somebody was quicker, perhaps in this very transaction: it has to be durable too.
                change.commit().await?;
                return Ok(found);
            }
            None => {
                if let Some(old) = key.over(change.tx(), now).await? {
                    change.expire(&old).await?;
                }
                let id = change.open(ask, &key, terms).await?;
                if change.apply(&id, decided).await? == State::Approved {
                    change.redeem(&id).await?;
                }
                id
            }
        };
        let approval = change.read(&id).await?;
        change.commit().await?;
        approval.ok_or(sqlx::Error::RowNotFound)
    }

    /// Takes a decision. That they may see the ask is checked before; that they may decide, here.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn decide(
        &self,
        id: &str,
        ruling: Ruling<'_>,
        now: Timestamp,
    ) -> Result<Result<Approval, Refused>, sqlx::Error> {
        let mut change = self.change(now).await?;
        change.expire(id).await?;
        let refused = change.decide(id, ruling).await?;
        let approval = change.read(id).await?;
        // What expired stays so, whatever becomes of the decision.
        change.commit().await?;
        Ok(match (refused, approval) {
            (Some(refused), _) => Err(refused),
            (None, approval) => approval.ok_or(Refused::Unknown),
        })
    }

    /// The arguments of an open ask with all their values. That `person` may see them is checked
    /// before; that they did is recorded. `None`: nothing in it is masked, or it is closed.
    ///
    /// # Errors
    /// The database fails; then nothing is shown.
    pub async fn unmask(
        &self,
        id: &str,
        person: &str,
        now: Timestamp,
    ) -> Result<Option<Payload>, sqlx::Error> {
        let mut change = self.change(now).await?;
        let payload = change.unmask(id, person).await?;
        change.commit().await?;
        Ok(payload)
    }

    /// Closes what nobody decided or used in time, and says how many.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn expire(&self, now: Timestamp) -> Result<u64, sqlx::Error> {
        // What is found by state has to be looked through: not while others wait for their turn.
        let sql = "SELECT id FROM asks WHERE state IN ('pending', 'approved') AND expires_at <= $1 \
                   LIMIT 100";
        let mut count = 0;
        loop {
            let due = sqlx::query_scalar::<_, String>(sql).bind(now.0);
            let due = due.fetch_all(&self.pool).await?;
            if due.is_empty() {
                return Ok(count);
            }
            let mut change = self.change(now).await?;
            for id in &due {
                count += u64::from(change.expire(id).await?);
            }
            change.commit().await?;
        }
    }

    /// Forgets asks that were opened before `then` and are closed, and delegations and dead letters as
    /// old. The trail keeps what happened.
    ///
    /// # Errors
    /// The database fails; then some are left.
    pub async fn prune(&self, then: Timestamp) -> Result<u64, sqlx::Error> {
        // A few at a time, and looked for before the turn, so that nobody who asks waits for long.
        let find = "SELECT MAX(id) FROM (SELECT id FROM asks WHERE created_at < $1 \
                    AND state NOT IN ('pending', 'approved') ORDER BY id LIMIT 100) AS old";
        let forget = "DELETE FROM asks WHERE id <= $1 AND created_at < $2 \
                      AND state NOT IN ('pending', 'approved')";
        let mut count = 0;
        loop {
            let last = sqlx::query_scalar::<_, Option<String>>(find).bind(then.0);
            let Some(last) = last.fetch_one(&self.pool).await? else {
                break;
            };
            let mut turn = self.writer.begin().await?;
            let query = sqlx::query(forget).bind(last).bind(then.0);
            count += query.execute(&mut *turn.tx).await?.rows_affected();
            turn.keep().await?;
        }
        self.forget_delegations(then).await?;
        self.bury(then).await?;
        Ok(count)
    }

    async fn change(&self, now: Timestamp) -> Result<Change, sqlx::Error> {
        Ok(Change::new(self.writer.begin().await?, now))
    }
}

/// Which asks are the same: the same payload, to be decided by the same people.
struct Key {
    fingerprint: String,
    needs: String,
}

impl Key {
    fn of(ask: &Ask) -> Result<Self, sqlx::Error> {
        let mut needs = ask.needs.clone();
        needs.sort_unstable();
        Ok(Self {
            fingerprint: ask.fingerprint().to_string(),
            needs: json(&needs)?,
        })
    }

    /// What stands for such an ask at `now`.
    async fn find(
        &self,
        connection: &mut AnyConnection,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Option<Approval>, sqlx::Error> {
        let sql = "SELECT * FROM asks WHERE fingerprint = $1 AND needs = $2 \
                   AND (state IN ('pending', 'approved') AND expires_at > $3 \
                        OR state IN ('denied', 'revoked') AND decided_at > $4) \
                   ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(sql)
            .bind(&self.fingerprint)
            .bind(&self.needs)
            .bind(now.0)
            .bind(now.0.saturating_sub(terms.denial))
            .fetch_optional(&mut *connection)
            .await?;
        Approval::whole(connection, row).await
    }

    /// What stood for such an ask until its time was over, if nobody has noticed yet.
    async fn over(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<Option<String>, sqlx::Error> {
        let sql = "SELECT id FROM asks WHERE fingerprint = $1 AND needs = $2 \
                   AND state IN ('pending', 'approved') AND expires_at <= $3";
        sqlx::query_scalar(sql)
            .bind(&self.fingerprint)
            .bind(&self.needs)
            .bind(now.0)
            .fetch_optional(connection)
            .await
    }
}

const CONNECTIONS: u32 = 8;
/// How long a reader waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
