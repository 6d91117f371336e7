//! One change: what happens to an ask and its entry in the trail, or neither.

use engine::{
    approval::{Ask, Payload},
    cx::Timestamp,
    digest::sha256,
};
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use uuid::{NoContext, Uuid};

use super::{
    Approval, Automatic, Entry, Event, Key, Refused, Ruling, State, Terms, Verdict, Vote, right,
    trail::canonical,
    writer::{End, Savepoint},
};

/// A turn of the writer (`writer.rs`), and the time at which it is made.
pub(super) struct Change {
    turn: Savepoint,
    now: Timestamp,
}

impl Change {
    pub(super) const fn new(turn: Savepoint, now: Timestamp) -> Self {
        Self { turn, now }
    }

    pub(super) fn tx(&mut self) -> &mut AnyConnection {
        &mut self.turn.tx
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns when the change is durable. Without it, nothing of it is kept.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.turn.keep().await
    }

    pub(super) async fn read(&mut self, id: &str) -> Result<Option<Approval>, sqlx::Error> {
        Approval::find(self.tx(), id).await
    }

    pub(super) async fn open(
        &mut self,
        ask: &Ask,
        key: &Key,
        terms: Terms,
    ) -> Result<String, sqlx::Error> {
        let id = id(self.now);
        let lifetime = ask.expires_in.map_or(terms.lifetime, |seconds| {
            i64::from(seconds)
                .saturating_mul(SECOND)
                .min(terms.lifetime)
        });
        // What people see, search and are sent is masked from the beginning. The values themselves
        // stand apart, for the recorded look of who may see them, and only while somebody has to
        // decide: later the fingerprint proves what they were.
        let masked = ask
            .masked()
            .ok_or_else(|| sqlx::Error::Encode("a sensitive value is missing".into()))?;
        let payload = (!ask.sensitive.is_empty()).then(|| ask.arguments.text());
        let sql = "INSERT INTO asks (id, fingerprint, needs, state, tool, asker, tenant, ask, \
                   payload, lifetime, created_at, expires_at) \
                   VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11)";
        sqlx::query(sql)
            .bind(&id)
            .bind(&key.fingerprint)
            .bind(&key.needs)
            .bind(&ask.tool)
            .bind(ask.user.as_deref())
            .bind(ask.tenant.as_deref())
            .bind(json(&masked)?)
            .bind(payload)
            .bind(lifetime)
            .bind(self.now.0)
            .bind(self.now.0.saturating_add(lifetime))
            .execute(self.tx())
            .await?;
        for need in &ask.needs {
            sqlx::query("INSERT INTO deciders (ask, need, approver) VALUES ($1, $2, $2)")
                .bind(&id)
                .bind(right::name(&need.approver))
                .execute(self.tx())
                .await?;
        }
        let entry = Entry {
            fingerprint: Some(key.fingerprint.clone()),
            ask: Some(masked),
            ..self.step(&id, Event::Opened, State::Pending)
        };
        self.append(entry).await?;
        Ok(id)
    }

    /// Uses up an approval. The conditions hold already; they are written again where they count.
    pub(super) async fn redeem(&mut self, id: &str) -> Result<(), sqlx::Error> {
        let sql = "UPDATE asks SET state = 'used', used_at = $1, payload = NULL \
                   WHERE id = $2 AND state = 'approved' AND used_at IS NULL AND expires_at > $1";
        let done = sqlx::query(sql)
            .bind(self.now.0)
            .bind(id)
            .execute(self.tx())
            .await?;
        if done.rows_affected() != 1 {
            return Err(sqlx::Error::RowNotFound);
        }
        self.append(self.step(id, Event::Used, State::Used)).await
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
        let open = match ruling.verdict {
            Verdict::Approve | Verdict::Deny => State::Pending,
            Verdict::Revoke => State::Approved,
        };
        if approval.state != open {
            return Ok(Some(Refused::State(approval.state)));
        }
        let right = match approval.right(ruling) {
            Ok(right) => right,
            Err(refused) => return Ok(Some(refused)),
        };
        let vote = Vote {
            verdict: ruling.verdict,
            person: ruling.sight.person.to_owned(),
            right,
            at: self.now,
            reason: ruling.reason.map(str::to_owned),
        };
        self.cast(&approval, vote).await?;
        Ok(None)
    }

    /// Takes what rules decide, as far as there is still something to decide.
    pub(super) async fn apply(
        &mut self,
        id: &str,
        decided: Vec<Automatic>,
    ) -> Result<State, sqlx::Error> {
        for automatic in decided {
            let approval = self.read(id).await?.ok_or(sqlx::Error::RowNotFound)?;
            let Some(right) = approval.automatic_right(&automatic) else {
                continue;
            };
            let vote = Vote {
                verdict: automatic.verdict,
                person: automatic.rule,
                right,
                at: self.now,
                reason: automatic.reason,
            };
            let state = self.cast(&approval, vote).await?;
            if state != State::Pending {
                return Ok(state);
            }
        }
        Ok(State::Pending)
    }

    /// Counts a decision, and closes or grants what it decides.
    async fn cast(&mut self, approval: &Approval, vote: Vote) -> Result<State, sqlx::Error> {
        let sql = "INSERT INTO votes (ask, verdict, person, need, role, on_behalf_of, at, reason) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(sql)
            .bind(&approval.id)
            .bind(vote.verdict.name())
            .bind(&vote.person)
            .bind(right::name(&vote.right.need))
            .bind(vote.right.role.as_deref())
            .bind(vote.right.on_behalf_of.as_deref())
            .bind(vote.at.0)
            .bind(vote.reason.as_deref())
            .execute(self.tx())
            .await?;
        let missing: usize = approval.unmet().map(|(_, missing)| missing).sum();
        let (event, state) = match vote.verdict {
            Verdict::Approve if missing > 1 => (Event::Approved, State::Pending),
            Verdict::Approve => (Event::Approved, State::Approved),
            Verdict::Deny => (Event::Denied, State::Denied),
            Verdict::Revoke => (Event::Revoked, State::Revoked),
        };
        if state != State::Pending {
            // What was granted at the last moment can still be used: the approval lives anew.
            let sql = "UPDATE asks SET state = $1, decided_at = $2, \
                       expires_at = CASE WHEN $1 = 'approved' THEN $2 + lifetime ELSE expires_at END, \
                       payload = CASE WHEN $1 = 'approved' THEN payload END \
                       WHERE id = $3";
            sqlx::query(sql)
                .bind(state.name())
                .bind(vote.at.0)
                .bind(&approval.id)
                .execute(self.tx())
                .await?;
        }
        let entry = Entry {
            by: Some(vote.person),
            need: Some(vote.right.need),
            role: vote.right.role,
            on_behalf_of: vote.right.on_behalf_of,
            reason: vote.reason,
            ..self.step(&approval.id, event, state)
        };
        self.append(entry).await?;
        Ok(state)
    }

    /// The arguments of an open ask with all their values, for `person`, who is recorded. `None`:
    /// nothing in it is masked, or it is closed.
    pub(super) async fn unmask(
        &mut self,
        id: &str,
        person: &str,
    ) -> Result<Option<Payload>, sqlx::Error> {
        let sql = "SELECT payload, state FROM asks WHERE id = $1 AND payload IS NOT NULL";
        let row = sqlx::query(sql).bind(id);
        let Some(row) = row.fetch_optional(self.tx()).await? else {
            return Ok(None);
        };
        let payload = Payload::try_from(row.try_get::<String, _>("payload")?);
        let payload = payload.map_err(|error| sqlx::Error::Decode(error.into()))?;
        let entry = Entry {
            by: Some(person.to_owned()),
            ..self.step(id, Event::Unmasked, State::read(&row)?)
        };
        self.append(entry).await?;
        Ok(Some(payload))
    }

    /// Closes an ask if its time is over.
    pub(super) async fn expire(&mut self, id: &str) -> Result<bool, sqlx::Error> {
        let sql = "UPDATE asks SET state = 'expired', payload = NULL \
                   WHERE id = $1 AND state IN ('pending', 'approved') AND expires_at <= $2";
        let done = sqlx::query(sql)
            .bind(id)
            .bind(self.now.0)
            .execute(self.tx())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.append(self.step(id, Event::Expired, State::Expired))
            .await?;
        Ok(true)
    }

    /// Something that happens to an approval.
    pub(super) fn step(&self, id: &str, event: Event, state: State) -> Entry {
        Entry {
            approval: Some(id.to_owned()),
            state: Some(state),
            ..self.entry(event)
        }
    }

    pub(super) fn entry(&self, event: Event) -> Entry {
        Entry {
            seq: self.turn.end.seq + 1,
            at: self.now.rfc3339(),
            approval: None,
            event,
            state: None,
            by: None,
            need: None,
            role: None,
            on_behalf_of: None,
            reason: None,
            fingerprint: None,
            ask: None,
            delegation: None,
            previous: self.turn.end.hash.clone(),
        }
    }

    pub(super) async fn append(&mut self, entry: Entry) -> Result<(), sqlx::Error> {
        let text = canonical(&entry)?;
        let hash = sha256(text.as_bytes());
        sqlx::query("INSERT INTO trail (seq, ask, entry, hash) VALUES ($1, $2, $3, $4)")
            .bind(entry.seq)
            .bind(entry.approval.as_deref())
            .bind(text)
            .bind(&hash)
            .execute(self.tx())
            .await?;
        self.turn.end = End {
            seq: entry.seq,
            hash,
        };
        Ok(())
    }
}

/// A new id: a UUIDv7, so that ids sort by time.
pub(super) fn id(now: Timestamp) -> String {
    let since = now.utc();
    Uuid::new_v7(uuid::Timestamp::from_unix(
        NoContext,
        since.timestamp().unsigned_abs(),
        since.timestamp_subsec_nanos(),
    ))
    .to_string()
}

/// A value as it stands in the database.
pub(super) fn json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

const SECOND: i64 = 1_000_000_000;
