//! What webhooks were not told, and trying again.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Extract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use crate::{
    Service,
    auth::Person,
    error::Error,
    service::now,
    store::{self, Event, Search},
};

/// Something that a webhook is still to be told, or could not be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivery {
    id: String,
    hook: String,
    state: DeliveryState,
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<String>,
    /// When it happened
    #[schema(format = DateTime)]
    at: String,
    /// How often it was tried
    attempts: i64,
    /// When it is tried next
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// Why the last attempt failed
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Whether it is still tried.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeliveryState {
    /// It is tried, again and again for a day
    Waiting,
    /// Nobody tries any more
    Dead,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    state: Option<DeliveryState>,
    hook: Option<String>,
    /// How many at once: 1 to 100, 50 if absent
    limit: Option<usize>,
}

/// Some of what was found, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Deliveries {
    items: Vec<Delivery>,
}

/// What webhooks were not told yet, for operators
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "operations", params(Wanted), security(("person" = [])),
    responses((status = OK, body = Deliveries), (status = FORBIDDEN))
)]
pub(super) async fn list(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Deliveries>, Error> {
    operates(&service, &person)?;
    let search = Search {
        dead: wanted.state.map(|state| state == DeliveryState::Dead),
        hook: wanted.hook,
        limit: wanted.limit.unwrap_or(50).clamp(1, 100),
    };
    let items = service.store.deliveries(&search).await?;
    let items = items.into_iter().map(Delivery::from).collect();
    Ok(Json(Deliveries { items }))
}

/// Try again at once, a dead letter for another day
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/retry", tag = "operations", params(("id" = String, Path)), security(("person" = [])),
    responses((status = OK, body = Delivery), (status = FORBIDDEN), (status = NOT_FOUND))
)]
pub(super) async fn retry(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<Delivery>, Error> {
    operates(&service, &person)?;
    let delivery = service.store.retry(&id, now()).await?;
    let delivery = delivery.ok_or_else(|| Error::absent("no such delivery"))?;
    tracing::info!(
        hook = delivery.hook,
        by = person.id,
        "a delivery is tried again"
    );
    Ok(Json(delivery.into()))
}

fn operates(service: &Service, person: &Person) -> Result<(), Error> {
    if service.operates(person) {
        return Ok(());
    }
    Err(Error::forbidden("this needs a role of `operators`"))
}

impl From<store::Delivery> for Delivery {
    fn from(delivery: store::Delivery) -> Self {
        Self {
            id: delivery.id(),
            hook: delivery.hook,
            state: match delivery.due_at {
                Some(_) => DeliveryState::Waiting,
                None => DeliveryState::Dead,
            },
            event: delivery.entry.event,
            approval: delivery.entry.approval,
            at: delivery.entry.at,
            attempts: delivery.attempts,
            due_at: delivery.due_at.map(|due| due.rfc3339()),
            error: delivery.error,
        }
    }
}
