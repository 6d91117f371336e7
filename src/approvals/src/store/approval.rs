//! An ask and what became of it.

use engine::{approval::Ask, cx::Timestamp};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Decider, Right};

/// An ask and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// UUIDv7.
    pub id: String,
    /// What it is bound to.
    pub fingerprint: String,
    /// What became of it.
    pub state: State,
    /// What was asked, as everybody may see it: sensitive values are masked, so that its fingerprint
    /// is another.
    pub ask: Ask,
    /// When it was asked first.
    pub created_at: Timestamp,
    /// Until when it can be decided; once approved, until when it can be used.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// Who may decide for which need.
    pub deciders: Vec<Decider>,
    /// What each person said, in order.
    pub votes: Vec<Vote>,
}

/// What one person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub person: String,
    /// By what right.
    pub right: Right,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// What became of an ask.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody, or not enough people, have decided.
    Pending,
    /// Granted, not used yet.
    Approved,
    /// Refused.
    Denied,
    /// Granted, and taken back before it was used.
    Revoked,
    /// Not decided in time, or not used in time.
    Expired,
    /// Granted and executed.
    Used,
}

/// What an approver can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may happen, once.
    Approve,
    /// It may not.
    Deny,
    /// It may not any more.
    Revoke,
}

impl Approval {
    pub(super) async fn find(
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM asks WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        Self::whole(connection, row).await
    }

    /// A row of `asks`, if there is one, with all that belongs to it.
    pub(super) async fn whole(
        connection: &mut AnyConnection,
        row: Option<AnyRow>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(row) = row else { return Ok(None) };
        let mut approval = Self::read(&row)?;
        approval.complete(connection).await?;
        Ok(Some(approval))
    }

    /// A row of `asks` alone.
    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let ask = row.try_get::<&str, _>("ask")?;
        Ok(Self {
            id: row.try_get("id")?,
            fingerprint: row.try_get("fingerprint")?,
            state: State::read(row)?,
            ask: serde_json::from_str(ask).map_err(|error| sqlx::Error::Decode(error.into()))?,
            created_at: Timestamp(row.try_get("created_at")?),
            expires_at: Timestamp(row.try_get("expires_at")?),
            decided_at: row.try_get::<Option<_>, _>("decided_at")?.map(Timestamp),
            used_at: row.try_get::<Option<_>, _>("used_at")?.map(Timestamp),
            deciders: Vec::new(),
            votes: Vec::new(),
        })
    }

    /// Reads what belongs to it.
    pub(super) async fn complete(
        &mut self,
        connection: &mut AnyConnection,
    ) -> Result<(), sqlx::Error> {
        self.deciders = Decider::of(&mut *connection, &self.id).await?;
        self.votes = Vote::of(connection, &self.id).await?;
        Ok(())
    }
}

impl Vote {
    async fn of(connection: &mut AnyConnection, id: &str) -> Result<Vec<Self>, sqlx::Error> {
        let rows = sqlx::query("SELECT * FROM votes WHERE ask = $1 ORDER BY at, verdict, person")
            .bind(id)
            .fetch_all(connection)
            .await?;
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            verdict: named(&Verdict::ALL, Verdict::name, row.try_get("verdict")?)?,
            person: row.try_get("person")?,
            right: Right::read(row)?,
            at: Timestamp(row.try_get("at")?),
            reason: row.try_get("reason")?,
        })
    }
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Revoked,
        Self::Expired,
        Self::Used,
    ];

    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        named(&Self::ALL, Self::name, row.try_get("state")?)
    }

    /// Its name in the database and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Deny, Self::Revoke];

    /// Its name in the database and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Revoke => "revoke",
        }
    }
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, sqlx::Error> {
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown word `{text}`").into()))
}
