//! Who may decide as well when nobody does.

use std::time::Duration;

use engine::{approval::Approver, cx::Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Approval, Change, Entry, Event, State, Store, right};
use crate::config::{duration, nanoseconds, time};

/// Who may decide as well when nobody does for a while. It starts with the role that the policy
/// names: for a second step, name that again and a longer time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The role that the policy names.
    pub role: String,
    /// How long an ask waits for that role.
    #[serde(deserialize_with = "duration")]
    #[schemars(schema_with = "time")]
    pub after: Duration,
    /// The role that may decide in its place from then on.
    pub to: String,
    /// Only for these tools; absent or empty: for all.
    #[serde(default)]
    pub tools: Vec<String>,
}

impl Store {
    /// Lets others decide about what has waited for long enough, and says about how much.
    ///
    /// # Errors
    /// The database fails; then nothing has changed.
    pub async fn escalate(
        &self,
        escalation: &Escalation,
        now: Timestamp,
    ) -> Result<u64, sqlx::Error> {
        let mut reader = self.pool.acquire().await?;
        let due = escalation.due(&mut reader, now).await?;
        drop(reader);
        if due.is_empty() {
            return Ok(0);
        }
        let mut change = self.change(now).await?;
        let mut count = 0;
        for id in due {
            count += u64::from(change.escalate(&id, escalation).await?);
        }
        change.commit().await?;
        Ok(count)
    }
}

impl Change {
    /// Whether it has happened: another replica may have been quicker, or somebody has decided.
    async fn escalate(&mut self, id: &str, escalation: &Escalation) -> Result<bool, sqlx::Error> {
        let approval = self.read(id).await?;
        let waits = approval.is_some_and(|approval| escalation.waits(&approval, self.now()));
        let sql = "INSERT INTO deciders (ask, need, approver) VALUES ($1, $2, $3) \
                   ON CONFLICT (ask, need, approver) DO NOTHING";
        let done = sqlx::query(sql)
            .bind(id)
            .bind(right::name(&escalation.need()))
            .bind(right::name(&Approver::Role(escalation.to.clone())));
        if !waits || done.execute(self.tx()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let entry = Entry {
            need: Some(escalation.need()),
            role: Some(escalation.to.clone()),
            ..self.step(id, Event::Escalated, State::Pending)
        };
        self.append(entry).await?;
        Ok(true)
    }
}

impl Escalation {
    fn need(&self) -> Approver {
        Approver::Role(self.role.clone())
    }

    /// Whether `approval` still waits for the role.
    fn waits(&self, approval: &Approval, now: Timestamp) -> bool {
        approval.state == State::Pending
            && approval.expires_at > now
            && approval
                .unmet()
                .any(|(need, _)| need.approver == self.need())
    }

    async fn due(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<Vec<String>, sqlx::Error> {
        let places: Vec<_> = (5..5 + self.tools.len())
            .map(|at| format!("${at}"))
            .collect();
        let tools = match places.as_slice() {
            [] => String::new(),
            places => format!("AND tool IN ({})", places.join(", ")),
        };
        let sql = format!(
            "SELECT asks.* FROM asks JOIN deciders ON deciders.ask = id WHERE need = $1 AND approver = $1 \
             AND state = 'pending' AND created_at <= $2 AND expires_at > $3 {tools} \
             AND NOT EXISTS (SELECT 1 FROM deciders AS other \
                             WHERE other.ask = id AND other.need = $1 AND other.approver = $4)"
        );
        // Only the places of tools are put together; their names are bound.
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(right::name(&self.need()))
            .bind(now.0.saturating_sub(nanoseconds(self.after)))
            .bind(now.0)
            .bind(right::name(&Approver::Role(self.to.clone())));
        for tool in &self.tools {
            query = query.bind(tool);
        }
        let mut due = Vec::new();
        for row in query.fetch_all(&mut *connection).await? {
            let mut approval = Approval::read(&row)?;
            approval.complete(&mut *connection).await?;
            if self.waits(&approval, now) {
                due.push(approval.id);
            }
        }
        Ok(due)
    }
}
