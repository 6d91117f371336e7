//! Who may lend which role to whom, and for how long.

use engine::cx::Timestamp;

use super::{Service, decide::words, now};
use crate::{
    auth::{Person, is_person},
    error::Error,
    store::{Delegation, Loan},
};

impl Service {
    /// Lends a role of `giver`'s own.
    pub(crate) async fn lend(
        &self,
        giver: &Person,
        role: &str,
        to: &str,
        (from, until): (Option<&str>, &str),
        reason: &str,
    ) -> Result<Delegation, Error> {
        // What is lent is not lent on.
        if !giver.roles.iter().any(|held| held == role) {
            return Err(Error::forbidden(format!(
                "you do not hold the role `{role}` yourself"
            )));
        }
        if to == giver.id || !is_person(to) || to.len() > LONGEST_NAME {
            return Err(Error::malformed("`to` is not somebody else"));
        }
        let Some(reason) = words(Some(reason))? else {
            return Err(Error::malformed("say why, in `reason`"));
        };
        let now = now();
        let from = from.map_or(Ok(now), |text| time("from", text))?.max(now);
        let until = time("until", until)?;
        if until <= from {
            return Err(Error::malformed("`until` is over, or not after `from`"));
        }
        if until.0.saturating_sub(now.0) > LONGEST {
            return Err(Error::malformed(
                "a role is lent for at most 90 days from now",
            ));
        }
        let loan = Loan {
            role,
            to,
            reason,
            from,
            until,
        };
        Ok(self.store.delegate(giver.sight(), loan, now).await?)
    }

    /// Takes back what `giver` has lent.
    pub(crate) async fn withdraw(&self, giver: &Person, id: &str) -> Result<Delegation, Error> {
        let delegation = self.store.withdraw(id, giver.sight(), now()).await?;
        delegation.ok_or_else(|| Error::absent("no such delegation of yours, or it is over"))
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).ok_or_else(|| {
        Error::malformed(format!(
            "`{name}` is not a time like `2026-12-24T18:00:00Z`: `{text}`"
        ))
    })
}

const LONGEST_NAME: usize = 256;
/// 90 days in nanoseconds.
const LONGEST: i64 = 90 * 86_400 * 1_000_000_000;
