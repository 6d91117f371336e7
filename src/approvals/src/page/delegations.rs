//! Roles that the visitor lends to others, or is lent.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State as Extract, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use engine::cx::Timestamp;
use serde::Deserialize;

use super::{
    fault::Fault,
    filters, render,
    view::{Frame, When},
    visitor::Visitor,
};
use crate::{Service, error::Error, service::now, store::Delegation};

#[derive(Template)]
#[template(path = "delegations.html")]
struct Page {
    frame: Frame,
    roles: Vec<String>,
    rows: Vec<Row>,
    /// Why nothing was lent, and what was wanted.
    fault: Option<String>,
    lending: Lending,
}

struct Row {
    id: String,
    role: String,
    /// Whom the visitor lends it; `None`: it is lent to the visitor.
    to: Option<String>,
    giver: String,
    reason: String,
    from: Option<When>,
    until: Option<When>,
}

/// The form, filled in.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Lending {
    role: String,
    to: String,
    /// The last day, in UTC.
    until: String,
    reason: String,
}

pub(super) async fn show(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
) -> Result<Response, Fault> {
    let page = Page::new(&service, &visitor).await?;
    Ok(render(StatusCode::OK, &page))
}

pub(super) async fn lend(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    lending: Result<Form<Lending>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(lending) = lending?;
    // The whole of the last day.
    let until = Timestamp::parse(lending.until.trim())
        .map(|day| Timestamp(day.0.saturating_add(DAY)).rfc3339());
    let until = until.as_deref().unwrap_or_default();
    let Lending {
        role, to, reason, ..
    } = &lending;
    let lent = service
        .lend(&visitor.person, role, to.trim(), (None, until), reason)
        .await;
    let Err(error) = lent else {
        return Ok(Redirect::to("/delegations").into_response());
    };
    let mut page = Page::new(&service, &visitor).await?;
    let (status, told, _) = error.into_parts();
    page.fault = Some(told);
    page.lending = lending;
    Ok(render(status, &page))
}

pub(super) async fn withdraw(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    service.withdraw(&visitor.person, &id).await?;
    Ok(Redirect::to("/delegations").into_response())
}

impl Page {
    async fn new(service: &Service, visitor: &Visitor) -> Result<Self, Error> {
        let person = &visitor.person;
        let now = now();
        let delegations = service.store.delegations(person.sight(), now).await?;
        Ok(Self {
            frame: Frame::new(service, visitor, "delegations"),
            roles: person.roles.clone(),
            rows: delegations
                .into_iter()
                .map(|delegation| Row::new(delegation, &person.id, now))
                .collect(),
            fault: None,
            lending: Lending::default(),
        })
    }
}

impl Row {
    fn new(delegation: Delegation, person: &str, now: Timestamp) -> Self {
        let when = |text: &str| Timestamp::parse(text).map(|at| When::new(at, now));
        Self {
            from: when(&delegation.from),
            until: when(&delegation.until),
            to: (delegation.giver == person).then_some(delegation.to),
            id: delegation.id,
            role: delegation.role,
            giver: delegation.giver,
            reason: delegation.reason,
        }
    }
}

const DAY: i64 = 86_400_000_000_000;
