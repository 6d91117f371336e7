//! The audit trail: append-only, each entry chained to the one before.

use std::fmt;

use engine::{
    approval::{Approver, Ask},
    digest::sha256,
    json::Doc,
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, any::AnyRow};

use super::{Delegation, State, Store};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// 1, 2, 3 ...
    pub seq: i64,
    /// When (RFC 3339).
    pub at: String,
    /// To which approval; a delegation concerns none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// What.
    pub event: Event,
    /// The approval's state after it: still `pending` where more people have to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Who did it: a person, or `automatic:` and the id of a rule of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// For which of its needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = crate::api::approver)]
    pub need: Option<Approver>,
    /// By which role; where it was escalated, to which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who has lent them the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the approval is bound to, where it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What was asked, where it was opened; sensitive values are masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub ask: Option<Ask>,
    /// What was lent, or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<Delegation>,
    /// The hash of the entry before; empty in the first one.
    pub previous: String,
}

/// What happened.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was asked for the first time.
    Opened,
    /// Somebody approved.
    Approved,
    /// Somebody refused.
    Denied,
    /// Somebody took an approval back.
    Revoked,
    /// Its time was over.
    Expired,
    /// The call went through.
    Used,
    /// Somebody has seen the sensitive values.
    Unmasked,
    /// Nobody had decided for a while, so that others may as well.
    Escalated,
    /// Somebody has lent a role.
    Delegated,
    /// Somebody has taken back what they lent.
    Withdrawn,
}

impl Event {
    /// Its name in the trail and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Unmasked => "unmasked",
            Self::Escalated => "escalated",
            Self::Delegated => "delegated",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The first entry of the trail that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number.
    pub seq: i64,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl Store {
    /// What happened to one approval.
    ///
    /// # Errors
    /// The database fails.
    pub async fn trail(&self, id: &str) -> Result<Vec<Entry>, sqlx::Error> {
        let rows =
            sqlx::query_scalar::<_, String>("SELECT entry FROM trail WHERE ask = $1 ORDER BY seq")
                .bind(id)
                .fetch_all(&self.pool)
                .await?;
        rows.iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
            })
            .collect()
    }

    /// The number of the last entry of the whole trail.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT seq FROM chain")
            .fetch_one(&self.pool)
            .await
    }

    /// Entries after `seq` as they are stored, some hundred at once: JSON in canonical form.
    ///
    /// # Errors
    /// The database fails.
    pub async fn export(&self, seq: i64) -> Result<Vec<(i64, String)>, sqlx::Error> {
        let rows = self.stored(seq).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("seq")?, row.try_get("entry")?)))
            .collect()
    }

    /// Proves that no entry was changed, left out or cut off, and says how many there are. Whoever
    /// rewrites the whole chain is found by comparing its last hash with a copy kept elsewhere, so
    /// that is told too.
    ///
    /// # Errors
    /// The database fails.
    pub async fn verify(&self) -> Result<Result<(i64, String), Broken>, sqlx::Error> {
        // The end first: entries that come meanwhile lie beyond it.
        let end = sqlx::query("SELECT seq, hash FROM chain")
            .fetch_one(&self.pool)
            .await?;
        let end: (i64, String) = (end.try_get("seq")?, end.try_get("hash")?);
        let mut last = (0, String::new());
        loop {
            let rows = self.stored(last.0).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let seq: i64 = row.try_get("seq")?;
                let hash: String = row.try_get("hash")?;
                if let Some(fault) = fault(
                    row.try_get("entry")?,
                    seq,
                    row.try_get("ask")?,
                    &hash,
                    &last,
                ) {
                    return Ok(Err(Broken {
                        seq: last.0 + 1,
                        fault,
                    }));
                }
                if seq == end.0 && hash != end.1 {
                    return Ok(Err(Broken {
                        seq,
                        fault: "it is not the end that was written",
                    }));
                }
                last = (seq, hash);
            }
        }
        if last.0 < end.0 {
            return Ok(Err(Broken {
                seq: last.0 + 1,
                fault: "it is missing",
            }));
        }
        Ok(Ok(last))
    }

    async fn stored(&self, seq: i64) -> Result<Vec<AnyRow>, sqlx::Error> {
        sqlx::query("SELECT * FROM trail WHERE seq > $1 ORDER BY seq LIMIT 500")
            .bind(seq)
            .fetch_all(&self.pool)
            .await
    }
}

/// What is wrong with a stored entry that follows `last`.
fn fault(
    text: &str,
    seq: i64,
    approval: Option<String>,
    hash: &str,
    last: &(i64, String),
) -> Option<&'static str> {
    if seq != last.0 + 1 {
        return Some("it is missing");
    }
    if sha256(text.as_bytes()) != hash {
        return Some("it does not have the hash that was written");
    }
    let Ok(entry) = serde_json::from_str::<Entry>(text) else {
        return Some("it is not an entry");
    };
    if entry.previous != last.1 {
        return Some("it does not follow the entry before it");
    }
    if entry.seq != seq || entry.approval != approval {
        return Some("it stands in another entry's place");
    }
    None
}

pub(super) fn canonical(entry: &Entry) -> Result<String, sqlx::Error> {
    let text = serde_json::to_vec(entry).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let doc =
        Doc::parse(text).map_err(|(fault, _)| sqlx::Error::Encode(fault.to_string().into()))?;
    String::from_utf8(doc.root().canonical()).map_err(|error| sqlx::Error::Encode(error.into()))
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of the trail: {}", self.seq, self.fault)
    }
}
