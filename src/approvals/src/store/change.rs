//! One change: what happens to an ask and its entry in the trail, or neither.

use engine::{approval::Ask, cx::Timestamp, digest::sha256};
use sqlx::{Any, AnyConnection, Row as _, Transaction};
use tokio::sync::MutexGuard;
use uuid::{NoContext, Uuid};

use super::{
    Approval, Entry, Event, Key, Refused, Ruling, State, Terms, Verdict, trail::canonical,
};

/// A transaction that holds the end of the trail.
pub(super) struct Change<'a> {
    tx: Transaction<'static, Any>,
    _turn: MutexGuard<'a, ()>,
    now: Timestamp,
    /// The end of the trail.
    seq: i64,
    hash: String,
}

impl<'a> Change<'a> {
    pub(super) async fn begin(
        mut tx: Transaction<'static, Any>,
        turn: MutexGuard<'a, ()>,
        now: Timestamp,
    ) -> Result<Self, sqlx::Error> {
        // A write comes first: in PostgreSQL it takes the row, in SQLite the database, and what is
        // read after it is what all changes before have left.
        let end = sqlx::query("UPDATE chain SET seq = seq RETURNING seq, hash")
            .fetch_one(&mut *tx)
            .await?;
        Ok(Self {
            seq: end.try_get("seq")?,
            hash: end.try_get("hash")?,
            tx,
            _turn: turn,
            now,
        })
    }

    pub(super) fn tx(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE chain SET seq = $1, hash = $2")
            .bind(self.seq)
            .bind(&self.hash)
            .execute(&mut *self.tx)
            .await?;
        self.tx.commit().await
    }

    pub(super) async fn read(&mut self, id: &str) -> Result<Option<Approval>, sqlx::Error> {
        Approval::find(&mut self.tx, id).await
    }

    pub(super) async fn open(
        &mut self,
        ask: &Ask,
        key: &Key,
        terms: Terms,
    ) -> Result<String, sqlx::Error> {
        let since = self.now.utc();
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(
            NoContext,
            since.timestamp().unsigned_abs(),
            since.timestamp_subsec_nanos(),
        ))
        .to_string();
        let lifetime = ask.expires_in.map_or(terms.lifetime, |seconds| {
            i64::from(seconds)
                .saturating_mul(SECOND)
                .min(terms.lifetime)
        });
        let text = serde_json::to_string(ask).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let sql = "INSERT INTO asks (id, fingerprint, approver, needed, state, tool, asker, tenant, \
                   ask, lifetime, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11)";
        sqlx::query(sql)
            .bind(&id)
            .bind(&key.fingerprint)
            .bind(&key.approver)
            .bind(key.needed)
            .bind(&ask.tool)
            .bind(ask.user.as_deref())
            .bind(ask.tenant.as_deref())
            .bind(text)
            .bind(lifetime)
            .bind(self.now.0)
            .bind(self.now.0.saturating_add(lifetime))
            .execute(&mut *self.tx)
            .await?;
        let entry = Entry {
            fingerprint: Some(key.fingerprint.clone()),
            ask: Some(ask.clone()),
            ..self.entry(&id, Event::Opened, State::Pending)
        };
        self.append(entry).await?;
        Ok(id)
    }

    /// Uses up an approval. The conditions hold already; they are written again where they count.
    pub(super) async fn redeem(&mut self, id: &str) -> Result<(), sqlx::Error> {
        let sql = "UPDATE asks SET state = 'used', used_at = $1 \
                   WHERE id = $2 AND state = 'approved' AND used_at IS NULL AND expires_at > $1";
        let done = sqlx::query(sql)
            .bind(self.now.0)
            .bind(id)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() != 1 {
            return Err(sqlx::Error::RowNotFound);
        }
        self.append(self.entry(id, Event::Used, State::Used)).await
    }

    /// Takes a decision, or says why not.
    pub(super) async fn decide(
        &mut self,
        id: &str,
        ruling: Ruling<'_>,
    ) -> Result<Option<Refused>, sqlx::Error> {
        let Some(approval) = self.read(id).await? else {
            return Ok(Some(Refused::Unknown));
        };
        let (event, open) = match ruling.verdict {
            Verdict::Approve => (Event::Approved, State::Pending),
            Verdict::Deny => (Event::Denied, State::Pending),
            Verdict::Revoke => (Event::Revoked, State::Approved),
        };
        if approval.state != open {
            return Ok(Some(Refused::State(approval.state)));
        }
        if approval.votes.iter().any(|vote| vote.is_by(ruling)) {
            return Ok(Some(Refused::Again));
        }
        let sql =
            "INSERT INTO votes (ask, verdict, person, at, reason) VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(sql)
            .bind(id)
            .bind(ruling.verdict.name())
            .bind(ruling.person)
            .bind(self.now.0)
            .bind(ruling.reason)
            .execute(&mut *self.tx)
            .await?;
        let state = match ruling.verdict {
            Verdict::Approve if approval.missing() > 1 => State::Pending,
            Verdict::Approve => State::Approved,
            Verdict::Deny => State::Denied,
            Verdict::Revoke => State::Revoked,
        };
        if state != State::Pending {
            // What was granted at the last moment can still be used: the approval lives anew.
            let sql = "UPDATE asks SET state = $1, decided_at = $2, \
                       expires_at = CASE WHEN $1 = 'approved' THEN $2 + lifetime ELSE expires_at END \
                       WHERE id = $3";
            sqlx::query(sql)
                .bind(state.name())
                .bind(self.now.0)
                .bind(id)
                .execute(&mut *self.tx)
                .await?;
        }
        let entry = Entry {
            by: Some(ruling.person.to_owned()),
            reason: ruling.reason.map(str::to_owned),
            ..self.entry(id, event, state)
        };
        self.append(entry).await?;
        Ok(None)
    }

    /// Closes everything whose time is over.
    pub(super) async fn expire(&mut self) -> Result<u64, sqlx::Error> {
        let sql = "UPDATE asks SET state = 'expired' \
                   WHERE state IN ('pending', 'approved') AND expires_at <= $1 RETURNING id";
        let closed = sqlx::query_scalar::<_, String>(sql)
            .bind(self.now.0)
            .fetch_all(&mut *self.tx)
            .await?;
        for id in &closed {
            self.append(self.entry(id, Event::Expired, State::Expired))
                .await?;
        }
        Ok(closed.len() as u64)
    }

    fn entry(&self, id: &str, event: Event, state: State) -> Entry {
        Entry {
            seq: self.seq + 1,
            at: self.now.rfc3339(),
            approval: id.to_owned(),
            event,
            state,
            by: None,
            reason: None,
            fingerprint: None,
            ask: None,
            previous: self.hash.clone(),
        }
    }

    async fn append(&mut self, entry: Entry) -> Result<(), sqlx::Error> {
        let text = canonical(&entry)?;
        let hash = sha256(text.as_bytes());
        sqlx::query("INSERT INTO trail (seq, ask, entry, hash) VALUES ($1, $2, $3, $4)")
            .bind(entry.seq)
            .bind(&entry.approval)
            .bind(text)
            .bind(&hash)
            .execute(&mut *self.tx)
            .await?;
        (self.seq, self.hash) = (entry.seq, hash);
        Ok(())
    }
}

const SECOND: i64 = 1_000_000_000;
