//! Who may see and decide what, whoever carries the words: the API or the page.

use std::collections::BTreeSet;

use engine::approval::{Approver, Ask};

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
        // Who may not decide at all hears that first, and not what is wrong with their words.
        if approval.rights(person.sight()).is_empty() {
            return Err(lack(person, &approval));
        }
        let reason = words(reason)?;
        if reason.is_none() && verdict != Verdict::Approve {
            return Err(Error::malformed("say why, in `reason`: the agent is told"));
        }
        let ruling = Ruling {
            verdict,
            sight: person.sight(),
            reason,
        };
        let decided = self.store.decide(&approval.id, ruling, now()).await?;
        let approval = decided.map_err(|refused| refusal(person, &approval, refused))?;
        self.metrics.decided(verdict);
        self.announce(&approval.id);
        Ok(approval)
    }

    /// Whether `person` may see what is masked before others.
    pub(crate) fn may_unmask(&self, person: &Person) -> bool {
        let mut roles = person.roles.iter();
        roles.any(|role| self.unmask.roles.contains(role))
    }

    /// One approval with all its values, if `person` may see them. It is recorded before.
    pub(crate) async fn unmask(&self, person: &Person, id: &str) -> Result<Approval, Error> {
        let approval = self.see(person, id).await?;
        if !self.may_unmask(person) {
            return Err(Error::forbidden(
                "none of your roles may see what is masked",
            ));
        }
        let arguments = self.store.unmask(id, &person.id, now()).await?;
        let arguments = arguments.ok_or_else(|| {
            Error::conflict("nothing in it is masked, or it is closed, and the values are gone")
        })?;
        let ask = Ask {
            arguments,
            ..approval.ask
        };
        Ok(Approval { ask, ..approval })
    }
}

/// What somebody gives as a reason, unless it is blank.
pub(super) fn words(reason: Option<&str>) -> Result<Option<&str>, Error> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(Error::malformed(format!(
            "`reason` is longer than {LONGEST_REASON} bytes"
        )));
    }
    Ok(reason)
}

/// Whether `person`, who sees an approval, may decide so about it as it stands.
pub(crate) fn may_decide(
    person: &Person,
    approval: &Approval,
    verdict: Verdict,
) -> Result<(), Error> {
    let ruling = Ruling {
        verdict,
        sight: person.sight(),
        reason: None,
    };
    let right = approval.right(ruling);
    right.map_err(|refused| refusal(person, approval, refused))?;
    Ok(())
}

/// Why a decision is not taken.
fn refusal(person: &Person, approval: &Approval, refused: Refused) -> Error {
    match refused {
        Refused::Unknown => Error::unknown(),
        Refused::State(State::Pending) => Error::conflict("nobody has approved it yet: deny it"),
        Refused::State(State::Approved) => Error::conflict("it is approved already: revoke it"),
        Refused::State(state) => Error::conflict(format!("it is {} already", state.name())),
        Refused::Again => Error::conflict(
            "you have approved it already, or somebody on your behalf: somebody else has to",
        ),
        Refused::Met => Error::conflict(format!(
            "what you can approve for is approved already: it waits for {}",
            missing(approval)
        )),
        Refused::Right => lack(person, approval),
    }
}

/// What keeps `person` from deciding.
fn lack(person: &Person, approval: &Approval) -> Error {
    let deciders = approval.deciders.iter();
    let roles: BTreeSet<_> = deciders
        .filter_map(|decider| decider.approver.role())
        .collect();
    if roles.is_empty() {
        return Error::forbidden("only the user of the call can confirm it");
    }
    let own = approval.ask.user.as_deref() == Some(person.id.as_str());
    // Whoever has the role all the same has it from the one who asked.
    if own || person.sight().holds().any(|role| roles.contains(role)) {
        return Error::forbidden("nobody decides about what they asked for");
    }
    let roles: Vec<_> = roles.iter().map(|role| format!("`{role}`")).collect();
    Error::forbidden(format!("this needs the role {}", roles.join(" or ")))
}

/// Who still has to approve.
fn missing(approval: &Approval) -> String {
    let missing = approval.unmet().map(|(need, _)| match &need.approver {
        Approver::Role(role) => format!("the role `{role}`"),
        Approver::User => "the user of the call".to_owned(),
    });
    missing.collect::<Vec<_>>().join(" and ")
}

const LONGEST_REASON: usize = 2_000;
