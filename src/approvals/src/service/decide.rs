//! Who may see and decide what, whoever carries the words: the API or the page.

use engine::approval::Approver;

use super::{Service, now};
use crate::{
    auth::Person,
    error::Error,
    store::{Approval, Refused, Ruling, State, Verdict},
};

impl Service {
    /// One approval, if `person` may see it.
    pub(crate) async fn see(&self, person: &Person, id: &str) -> Result<Approval, Error> {
        let approval = self.store.find(id).await?;
        approval
            .filter(|approval| person.sight().reaches(approval))
            .ok_or_else(Error::unknown)
    }

    /// Takes a decision, if `person` may make it.
    pub(crate) async fn decide(
        &self,
        person: &Person,
        id: &str,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<Approval, Error> {
        let approval = self.see(person, id).await?;
        may_decide(person, &approval)?;
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        if reason.is_none() && verdict != Verdict::Approve {
            return Err(Error::malformed("say why, in `reason`: the agent is told"));
        }
        if reason.is_some_and(|reason| reason.len() > LONGEST_REASON) {
            return Err(Error::malformed(format!(
                "`reason` is longer than {LONGEST_REASON} bytes"
            )));
        }
        let ruling = Ruling {
            verdict,
            person: &person.id,
            reason,
        };
        let approval = self.store.decide(&approval.id, ruling, now()).await?;
        let approval = approval.map_err(|refused| match refused {
            Refused::Unknown => Error::unknown(),
            Refused::State(State::Pending) => {
                Error::conflict("nobody has approved it yet: deny it")
            }
            Refused::State(State::Approved) => Error::conflict("it is approved already: revoke it"),
            Refused::State(state) => Error::conflict(format!("it is {} already", state.name())),
            Refused::Again => Error::conflict("you have approved it already: somebody else has to"),
        })?;
        self.metrics.decided(verdict);
        self.announce(&approval.id);
        Ok(approval)
    }
}

/// Whether `person`, who sees an approval, may decide about it.
pub(crate) fn may_decide(person: &Person, approval: &Approval) -> Result<(), Error> {
    let ask = &approval.ask;
    let own = ask.user.as_deref() == Some(person.id.as_str());
    match ask.needs.first().map(|need| &need.approver) {
        Some(Approver::User) if own => Ok(()),
        Some(Approver::User) | None => {
            Err(Error::forbidden("only the user of the call can confirm it"))
        }
        Some(Approver::Role(_)) if own => {
            Err(Error::forbidden("nobody decides about what they asked for"))
        }
        Some(Approver::Role(role)) if person.roles.contains(role) => Ok(()),
        Some(Approver::Role(role)) => {
            Err(Error::forbidden(format!("this needs the role `{role}`")))
        }
    }
}

const LONGEST_REASON: usize = 2_000;
