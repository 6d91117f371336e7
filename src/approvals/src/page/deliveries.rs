//! What webhooks were not told, for operators.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};

use super::{
    fault::Fault,
    filters, render,
    view::{Frame, When},
    visitor::Visitor,
};
use crate::{Service, error::Error, service::now, store::Search};

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Page {
    frame: Frame,
    dead: Vec<Row>,
    waiting: Vec<Row>,
}

struct Row {
    id: String,
    hook: String,
    event: &'static str,
    approval: Option<String>,
    tool: String,
    since: When,
    attempts: i64,
    due: Option<When>,
    error: Option<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
) -> Result<Response, Fault> {
    operates(&service, &visitor)?;
    let now = now();
    let mut lists = [Vec::new(), Vec::new()];
    for (list, dead) in lists.iter_mut().zip([true, false]) {
        let search = Search {
            dead: Some(dead),
            limit: MOST,
            ..Search::default()
        };
        let found = service.store.deliveries(&search).await?;
        list.extend(found.into_iter().map(|delivery| Row {
            id: delivery.id(),
            event: delivery.entry.event.told(),
            approval: delivery.entry.approval,
            tool: delivery.ask.tool,
            since: When::new(delivery.since, now),
            due: delivery.due_at.map(|due| When::new(due, now)),
            hook: delivery.hook,
            attempts: delivery.attempts,
            error: delivery.error,
        }));
    }
    let [dead, waiting] = lists;
    let frame = Frame::new(&service, &visitor, "deliveries");
    Ok(render(
        StatusCode::OK,
        &Page {
            frame,
            dead,
            waiting,
        },
    ))
}

pub(super) async fn retry(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    operates(&service, &visitor)?;
    service.store.retry(&id, now()).await?;
    Ok(Redirect::to("/deliveries").into_response())
}

fn operates(service: &Service, visitor: &Visitor) -> Result<(), Error> {
    if service.operates(&visitor.person) {
        return Ok(());
    }
    Err(Error::forbidden("this needs a role of `operators`"))
}

const MOST: usize = 100;
