//! One ask in full, and the decision about it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State as Extract, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use engine::{approval::Kind, cx::Timestamp};
use serde::Deserialize;

use super::{
    fault::Fault,
    filters,
    payload::Tree,
    queue, render,
    view::{Frame, Risk, Row, When, Who},
    visitor::Visitor,
};
use crate::{
    Service,
    error::Error,
    service::{may_decide, now},
    store::{Approval, Entry, Event, Filter, State, Verdict},
};

#[derive(Template)]
#[template(path = "ask.html")]
struct Page {
    frame: Frame,
    approval: Approval,
    who: Who,
    risk: Option<Risk>,
    tree: Tree,
    secret: Secret,
    input: Option<Tree>,
    created: When,
    expires: Option<When>,
    needs: Vec<Need>,
    /// What the visitor can do now.
    verdicts: Vec<Verdict>,
    /// Why they can do nothing, while somebody could.
    hindrance: Option<String>,
    timeline: Vec<Happening>,
    similar: Vec<Row>,
    /// What comes next for the visitor, and how much.
    next: Option<(String, usize)>,
    /// Why the decision that was sent was not taken, and what was written with it.
    fault: Option<String>,
    reason: String,
}

/// What stands of the values that are masked.
#[derive(PartialEq, Eq)]
enum Secret {
    /// Nothing is masked, or nothing is left of it.
    None,
    /// Not for this visitor.
    Kept,
    /// The visitor may see them.
    Offered,
    /// The visitor sees them.
    Shown,
}

/// Approvals that are needed, and given.
struct Need {
    role: Option<String>,
    /// Roles that may as well, by now.
    others: Vec<String>,
    needed: usize,
    /// By whom, and on whose behalf.
    given: Vec<(String, Option<String>)>,
}

/// An entry of the trail.
struct Happening {
    event: &'static str,
    by: Option<String>,
    on_behalf_of: Option<String>,
    /// The role that may decide as well, since then.
    to: Option<String>,
    reason: Option<String>,
    at: Option<When>,
}

pub(super) async fn show(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let approval = service.see(&visitor.person, &id).await?;
    let page = Page::new(&service, &visitor, approval).await?;
    Ok(render(StatusCode::OK, &page))
}

/// The same with what is masked, shown once: a page that is loaded again masks it again.
pub(super) async fn unmask(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let approval = service.unmask(&visitor.person, &id).await?;
    let mut page = Page::new(&service, &visitor, approval).await?;
    page.tree = Tree::new(page.approval.ask.arguments.text(), &[]);
    page.secret = Secret::Shown;
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
pub(super) struct Decision {
    verdict: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn decide(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
    decision: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(Decision { verdict, reason }) = decision?;
    let mut all = Verdict::ALL.into_iter();
    let Some(verdict) = all.find(|known| known.name() == verdict) else {
        return Err(Error::malformed("this is not a form of this page").into());
    };
    let done = service
        .decide(&visitor.person, &id, verdict, Some(&reason))
        .await;
    let Err(error) = done else {
        return Ok(Redirect::to(&format!("/asks/{id}")).into_response());
    };
    // What it has become meanwhile, if it may be seen at all.
    let approval = service.see(&visitor.person, &id).await?;
    let mut page = Page::new(&service, &visitor, approval).await?;
    let (status, told, _) = error.into_parts();
    page.fault = Some(told);
    page.reason = reason;
    Ok(render(status, &page))
}

impl Page {
    async fn new(service: &Service, visitor: &Visitor, approval: Approval) -> Result<Self, Fault> {
        let person = &visitor.person;
        let now = now();
        let filter = Filter {
            tool: Some(approval.ask.tool.clone()),
            user: approval.ask.user.clone(),
            before: Some(approval.id.clone()),
            limit: SIMILAR,
            ..Filter::default()
        };
        let similar = service.store.list(person.sight(), &filter).await?.items;
        let trail = service.store.trail(&approval.id).await?;
        let mut waiting = queue::waiting(service, person).await?.yours;
        waiting.retain(|other| other.id != approval.id);
        let next = waiting
            .first()
            .map(|first| (first.id.clone(), waiting.len()));
        let possible: &[Verdict] = match approval.state {
            State::Pending => &[Verdict::Approve, Verdict::Deny],
            State::Approved => &[Verdict::Revoke],
            State::Denied | State::Revoked | State::Expired | State::Used => &[],
        };
        let (mut verdicts, mut hindrance) = (Vec::new(), None);
        for verdict in possible {
            match may_decide(person, &approval, *verdict) {
                Ok(()) => verdicts.push(*verdict),
                Err(error) => hindrance = hindrance.or_else(|| Some(error.into_parts().1)),
            }
        }
        let open = !possible.is_empty();
        let masked = &approval.ask.sensitive;
        let secret = match (masked.is_empty() || !open, service.may_unmask(person)) {
            (true, _) => Secret::None,
            (false, false) => Secret::Kept,
            (false, true) => Secret::Offered,
        };
        let input = approval.ask.input_responses.as_ref();
        Ok(Self {
            frame: Frame::new(service, visitor, "queue"),
            who: Who::new(&approval.ask),
            risk: Risk::new(&approval.ask),
            tree: Tree::new(approval.ask.arguments.text(), masked),
            secret,
            input: input.map(|input| Tree::new(input.text(), &[])),
            created: When::new(approval.created_at, now),
            expires: open.then(|| When::new(approval.expires_at, now)),
            needs: needs(&approval),
            verdicts,
            hindrance,
            timeline: trail
                .into_iter()
                .map(|entry| Happening::new(entry, now))
                .collect(),
            similar: similar.into_iter().map(|ask| Row::new(ask, now)).collect(),
            next,
            fault: None,
            reason: String::new(),
            approval,
        })
    }

    fn may(&self, verdict: Verdict) -> bool {
        self.verdicts.contains(&verdict)
    }

    /// Who decided, in the end.
    fn last(&self) -> Option<(&str, Option<&str>)> {
        let vote = self.approval.votes.last()?;
        Some((&vote.person, vote.reason.as_deref()))
    }
}

fn needs(approval: &Approval) -> Vec<Need> {
    let needs = approval.ask.needs.iter().map(|need| {
        let votes = approval.votes.iter();
        let given = votes
            .filter(|vote| vote.verdict == Verdict::Approve && vote.right.need == need.approver);
        let others = approval
            .deciders
            .iter()
            .filter(|decider| decider.need == need.approver && decider.approver != decider.need);
        Need {
            role: need.approver.role().map(str::to_owned),
            others: others
                .filter_map(|decider| decider.approver.role())
                .map(str::to_owned)
                .collect(),
            needed: need.approvals as usize,
            given: given
                .map(|vote| (vote.person.clone(), vote.right.on_behalf_of.clone()))
                .collect(),
        }
    });
    needs.collect()
}

impl Happening {
    fn new(entry: Entry, now: Timestamp) -> Self {
        Self {
            event: entry.event.told(),
            to: entry.role.filter(|_| entry.event == Event::Escalated),
            on_behalf_of: entry.on_behalf_of,
            by: entry.by,
            reason: entry.reason,
            at: Timestamp::parse(&entry.at).map(|at| When::new(at, now)),
        }
    }
}

/// How many decisions of the same kind are shown.
const SIMILAR: usize = 5;
