//! What waits: first what the visitor can decide, then what they asked for.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State as Extract, http::StatusCode, response::Response};

use super::{
    fault::Fault,
    filters, render,
    view::{Frame, Row},
    visitor::Visitor,
};
use crate::{
    Service,
    auth::Person,
    service::{may_decide, now},
    store::{Approval, Filter, State, Verdict, Whose},
};

#[derive(Template)]
#[template(path = "queue.html")]
struct Page {
    frame: Frame,
    roles: String,
    /// To be decided by the visitor.
    yours: Vec<Row>,
    /// Seen by the visitor, to be decided by somebody else.
    others: Vec<Row>,
    /// Whether there is more than is shown.
    more: bool,
}

pub(super) async fn show(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
) -> Result<Response, Fault> {
    let waiting = waiting(&service, &visitor.person).await?;
    let now = now();
    let rows = |asks: Vec<Approval>| asks.into_iter().map(|ask| Row::new(ask, now)).collect();
    let page = Page {
        frame: Frame::new(&service, &visitor, "queue"),
        roles: visitor
            .person
            .sight()
            .holds()
            .collect::<Vec<_>>()
            .join(", "),
        yours: rows(waiting.yours),
        others: rows(waiting.others),
        more: waiting.more,
    };
    Ok(render(StatusCode::OK, &page))
}

/// What waits, oldest first.
pub(super) struct Waiting {
    pub(super) yours: Vec<Approval>,
    others: Vec<Approval>,
    more: bool,
}

pub(super) async fn waiting(service: &Service, person: &Person) -> Result<Waiting, Fault> {
    let mut filter = Filter {
        state: Some(State::Pending),
        oldest: true,
        limit: MOST,
        ..Filter::default()
    };
    let mut more = false;
    let mut all = Vec::new();
    for whose in [Whose::Others, Whose::Own] {
        filter.whose = whose;
        let page = service.store.list(person.sight(), &filter).await?;
        more |= page.next.is_some();
        all.extend(page.items);
    }
    let (yours, others) = all
        .into_iter()
        .partition(|approval| may_decide(person, approval, Verdict::Approve).is_ok());
    Ok(Waiting {
        yours,
        others,
        more,
    })
}

/// Asks of others, and asks of the visitor, on one page.
const MOST: usize = 100;
