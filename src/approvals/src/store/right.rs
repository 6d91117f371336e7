//! Who may decide about an ask, and for which of its needs a decision counts.

use std::collections::BTreeSet;

use engine::approval::{Approver, Need};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Approval, Automatic, Refused, Ruling, Sight, Verdict};
use crate::auth::AUTOMATIC;

/// Who may decide for a need: whom the policy names, or whom an escalation has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// The need, by the approver that the policy names.
    pub need: Approver,
    /// Who may decide for it.
    pub approver: Approver,
}

/// By what right somebody decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The need that the decision counts for.
    pub need: Approver,
    /// The role that gives the right; a confirmation needs none.
    pub role: Option<String>,
    /// Who has lent them the role.
    pub on_behalf_of: Option<String>,
}

impl Approval {
    /// The needs that are not met yet, each with how many more people have to approve.
    pub fn unmet(&self) -> impl Iterator<Item = (&Need, usize)> {
        self.ask.needs.iter().filter_map(|need| {
            let given = self
                .approvals()
                .filter(|(right, _)| right.need == need.approver);
            let missing = (need.approvals as usize).saturating_sub(given.count());
            (missing > 0).then_some((need, missing))
        })
    }

    /// The rights by which somebody may decide: their own first, otherwise in the order of needs.
    #[must_use]
    pub fn rights(&self, sight: Sight<'_>) -> Vec<Right> {
        let asker = self.ask.user.as_deref();
        let own = asker == Some(sight.person);
        let deciders = self.ask.needs.iter().flat_map(|need| {
            let deciders = self.deciders.iter();
            deciders.filter(|decider| decider.need == need.approver)
        });
        let mut rights = Vec::new();
        for Decider { need, approver } in deciders {
            let right = |role, on_behalf_of| Right {
                need: need.clone(),
                role,
                on_behalf_of,
            };
            match approver {
                Approver::User if own => rights.push(right(None, None)),
                // Nobody decides about what they asked for, nor has it decided on their behalf.
                Approver::Role(role) if !own => {
                    if sight.roles.contains(role) {
                        rights.push(right(Some(role.clone()), None));
                    }
                    let lent = sight.lent.iter().filter(|lent| lent.role == *role);
                    rights.extend(
                        lent.filter(|lent| asker != Some(lent.giver.as_str()))
                            .map(|lent| right(Some(role.clone()), Some(lent.giver.clone()))),
                    );
                }
                Approver::User | Approver::Role(_) => {}
            }
        }
        rights.sort_by_key(|right| right.on_behalf_of.is_some());
        rights
    }

    /// The right by which `ruling` is made: for an approval, one that counts.
    pub(crate) fn right(&self, ruling: Ruling<'_>) -> Result<Right, Refused> {
        let mut rights = self.rights(ruling.sight);
        if ruling.verdict == Verdict::Approve && !rights.is_empty() {
            // Whoever lends a role has spoken by the one who holds it.
            let heard: BTreeSet<_> = self
                .approvals()
                .flat_map(|(right, person)| [Some(person), right.on_behalf_of.as_deref()])
                .flatten()
                .collect();
            let again = |name: &str| heard.contains(name);
            rights.retain(|right| !right.on_behalf_of.as_deref().is_some_and(again));
            if rights.is_empty() || again(ruling.sight.person) {
                return Err(Refused::Again);
            }
            rights.retain(|right| self.unmet().any(|(need, _)| need.approver == right.need));
            return rights.into_iter().next().ok_or(Refused::Met);
        }
        rights.into_iter().next().ok_or(Refused::Right)
    }

    /// The right by which a rule of the configuration decides. Rules count as one person for a need.
    pub(super) fn automatic_right(&self, automatic: &Automatic) -> Option<Right> {
        let meant = |need: &Approver| {
            let only = automatic.role.as_deref();
            only.is_none_or(|only| need.role() == Some(only))
        };
        let wants = |need: &Approver| {
            let mut given = self.approvals().filter(|(right, _)| right.need == *need);
            need.role().is_some()
                && self.unmet().any(|(unmet, _)| unmet.approver == *need)
                && !given.any(|(_, person)| person.starts_with(AUTOMATIC))
        };
        let mut needs = self.ask.needs.iter().map(|need| &need.approver);
        let need = needs
            .find(|need| meant(need) && (automatic.verdict != Verdict::Approve || wants(need)))?;
        Some(Right {
            need: need.clone(),
            role: None,
            on_behalf_of: None,
        })
    }

    fn approvals(&self) -> impl Iterator<Item = (&Right, &str)> {
        let votes = self.votes.iter();
        let given = votes.filter(|vote| vote.verdict == Verdict::Approve);
        given.map(|vote| (&vote.right, vote.person.as_str()))
    }
}

impl Decider {
    pub(super) async fn of(
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let sql = "SELECT need, approver FROM deciders WHERE ask = $1 ORDER BY need, approver";
        let rows = sqlx::query(sql).bind(id).fetch_all(connection).await?;
        let read = |row: &AnyRow| {
            Ok(Self {
                need: approver(row.try_get("need")?),
                approver: approver(row.try_get("approver")?),
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Right {
    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            need: approver(row.try_get("need")?),
            role: row.try_get("role")?,
            on_behalf_of: row.try_get("on_behalf_of")?,
        })
    }
}

/// An approver as the database names it.
pub(super) fn name(approver: &Approver) -> String {
    match approver {
        Approver::Role(role) => format!("{ROLE}{role}"),
        Approver::User => "user".to_owned(),
    }
}

fn approver(name: &str) -> Approver {
    let role = name.strip_prefix(ROLE);
    role.map_or(Approver::User, |role| Approver::Role(role.to_owned()))
}

const ROLE: &str = "role:";
