//! Lending a role.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use crate::{Service, auth::Person, error::Error, service::now, store::Delegation};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lending {
    /// A role of your own
    role: String,
    /// Who may decide by it, as their tokens name them
    to: String,
    /// Since when; at once if absent
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Until when: at most 90 days from now
    #[schema(format = DateTime)]
    until: String,
    /// Why
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Delegations {
    items: Vec<Delegation>,
}

/// Lend a role of yours for a time
///
/// Whoever has it decides on your behalf, within your tenant. It gives no right to see what is
/// masked, nor to lend it on, and nobody approves by it what you have asked for or approved.
#[utoipa::path(
    post, path = "/v1/delegations", tag = "people", security(("person" = [])), request_body = Lending,
    responses((status = OK, body = Delegation), (status = FORBIDDEN))
)]
pub(super) async fn lend(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Json(lending): Json<Lending>,
) -> Result<Json<Delegation>, Error> {
    let time = (lending.from.as_deref(), lending.until.as_str());
    let lent = service.lend(&person, &lending.role, &lending.to, time, &lending.reason);
    Ok(Json(lent.await?))
}

/// What you lend, and what you are lent, now or later
#[utoipa::path(
    get, path = "/v1/delegations", tag = "people", security(("person" = [])),
    responses((status = OK, body = Delegations))
)]
pub(super) async fn list(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
) -> Result<Json<Delegations>, Error> {
    let items = service.store.delegations(person.sight(), now()).await?;
    Ok(Json(Delegations { items }))
}

/// Take back what you lent
#[utoipa::path(
    delete, path = "/v1/delegations/{id}", tag = "people", params(("id" = String, Path)), security(("person" = [])),
    responses((status = OK, body = Delegation), (status = NOT_FOUND))
)]
pub(super) async fn withdraw(
    person: Person,
    Extract(service): Extract<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<Delegation>, Error> {
    Ok(Json(service.withdraw(&person, &id).await?))
}
