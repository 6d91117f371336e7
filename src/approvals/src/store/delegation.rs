//! Roles that people lend to others for a time.

use engine::cx::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, any::AnyRow};

use super::{Change, Entry, Event, Sight, Store, change::id};

/// A role that somebody lends to somebody else for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delegation {
    /// UUIDv7.
    pub id: String,
    /// Who lends it.
    pub giver: String,
    /// The role.
    pub role: String,
    /// Who may decide by it.
    pub to: String,
    /// The tenant in which it holds: the giver's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when (RFC 3339).
    pub from: String,
    /// Until when (RFC 3339).
    pub until: String,
}

/// A delegation to be made.
#[derive(Clone, Copy, Debug)]
pub struct Loan<'a> {
    /// The role.
    pub role: &'a str,
    /// Who may decide by it.
    pub to: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A role that somebody holds by delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lent {
    /// The role.
    pub role: String,
    /// Who lends it.
    pub giver: String,
}

impl Store {
    /// Lends a role. That the giver holds it is checked before.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn delegate(
        &self,
        giver: Sight<'_>,
        loan: Loan<'_>,
        now: Timestamp,
    ) -> Result<Delegation, sqlx::Error> {
        let mut change = self.change(now).await?;
        let delegation = change.delegate(giver, loan).await?;
        change.commit().await?;
        Ok(delegation)
    }

    /// Takes a delegation of one's own back, or does nothing: there is none, or it is over.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn withdraw(
        &self,
        id: &str,
        giver: Sight<'_>,
        now: Timestamp,
    ) -> Result<Option<Delegation>, sqlx::Error> {
        let mut change = self.change(now).await?;
        let delegation = change.withdraw(id, giver).await?;
        change.commit().await?;
        Ok(delegation)
    }

    /// Forgets delegations that were over before `then`.
    pub(super) async fn forget_delegations(&self, then: Timestamp) -> Result<(), sqlx::Error> {
        let mut turn = self.writer.begin().await?;
        sqlx::query("DELETE FROM delegations WHERE until_at < $1")
            .bind(then.0)
            .execute(&mut *turn.tx)
            .await?;
        turn.keep().await
    }

    /// What somebody lends or is lent, and is not over: the newest hundred.
    ///
    /// # Errors
    /// The database fails.
    pub async fn delegations(
        &self,
        sight: Sight<'_>,
        now: Timestamp,
    ) -> Result<Vec<Delegation>, sqlx::Error> {
        let sql = "SELECT * FROM delegations WHERE (giver = $1 OR delegate = $1) \
                   AND coalesce(tenant, '') = $2 AND until_at > $3 ORDER BY id DESC LIMIT 100";
        let rows = sqlx::query(sql)
            .bind(sight.person)
            .bind(tenant(sight).unwrap_or_default())
            .bind(now.0)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(Delegation::read).collect()
    }

    /// The roles that `person` of `tenant` is lent at `now`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lent(
        &self,
        person: &str,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Lent>, sqlx::Error> {
        let sql = "SELECT DISTINCT role, giver FROM delegations WHERE delegate = $1 \
                   AND coalesce(tenant, '') = $2 AND from_at <= $3 AND until_at > $3 \
                   ORDER BY role, giver";
        let rows = sqlx::query(sql)
            .bind(person)
            .bind(tenant.unwrap_or_default())
            .bind(now.0)
            .fetch_all(&self.pool)
            .await?;
        let read = |row: &AnyRow| {
            Ok(Lent {
                role: row.try_get("role")?,
                giver: row.try_get("giver")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Change {
    async fn delegate(
        &mut self,
        giver: Sight<'_>,
        loan: Loan<'_>,
    ) -> Result<Delegation, sqlx::Error> {
        let delegation = Delegation {
            id: id(self.now()),
            giver: giver.person.to_owned(),
            role: loan.role.to_owned(),
            to: loan.to.to_owned(),
            tenant: tenant(giver).map(str::to_owned),
            reason: loan.reason.to_owned(),
            from: loan.from.rfc3339(),
            until: loan.until.rfc3339(),
        };
        let sql = "INSERT INTO delegations (id, giver, role, delegate, tenant, reason, from_at, \
                   until_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(sql)
            .bind(&delegation.id)
            .bind(&delegation.giver)
            .bind(&delegation.role)
            .bind(&delegation.to)
            .bind(delegation.tenant.as_deref())
            .bind(&delegation.reason)
            .bind(loan.from.0)
            .bind(loan.until.0)
            .execute(self.tx())
            .await?;
        self.tell(Event::Delegated, &delegation).await?;
        Ok(delegation)
    }

    async fn withdraw(
        &mut self,
        id: &str,
        giver: Sight<'_>,
    ) -> Result<Option<Delegation>, sqlx::Error> {
        let sql = "UPDATE delegations SET until_at = $1 WHERE id = $2 AND giver = $3 \
                   AND coalesce(tenant, '') = $4 AND until_at > $1 RETURNING *";
        let row = sqlx::query(sql)
            .bind(self.now().0)
            .bind(id)
            .bind(giver.person)
            .bind(tenant(giver).unwrap_or_default())
            .fetch_optional(self.tx())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let delegation = Delegation::read(&row)?;
        self.tell(Event::Withdrawn, &delegation).await?;
        Ok(Some(delegation))
    }

    async fn tell(&mut self, event: Event, delegation: &Delegation) -> Result<(), sqlx::Error> {
        let entry = Entry {
            by: Some(delegation.giver.clone()),
            delegation: Some(delegation.clone()),
            ..self.entry(event)
        };
        self.append(entry).await
    }
}

impl Delegation {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            giver: row.try_get("giver")?,
            role: row.try_get("role")?,
            to: row.try_get("delegate")?,
            tenant: row.try_get("tenant")?,
            reason: row.try_get("reason")?,
            from: Timestamp(row.try_get("from_at")?).rfc3339(),
            until: Timestamp(row.try_get("until_at")?).rfc3339(),
        })
    }
}

/// Where nothing tells tenants apart, everybody is of none.
fn tenant(sight: Sight<'_>) -> Option<&str> {
    sight.tenant.flatten()
}
