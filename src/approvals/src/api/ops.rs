//! What operators and their machines ask: without a token, so keep the port inside.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::IntoResponse,
};

use super::body::Json;
use crate::{Service, error::Error, service::now};

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = OK, body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the database answers
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = OK, body = String), (status = SERVICE_UNAVAILABLE))
)]
pub(super) async fn readyz(State(service): State<Arc<Service>>) -> Result<&'static str, Error> {
    service.store.ping().await?;
    Ok("ready\n")
}

/// What is counted, for Prometheus (OpenMetrics text)
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = OK, body = String)))]
pub(super) async fn metrics(
    State(service): State<Arc<Service>>,
) -> Result<impl IntoResponse, Error> {
    let (pending, approved) = service.store.open_count().await?;
    let backlog = service.store.backlog().await?;
    service.metrics.left(&backlog, now());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    Ok((kind, service.metrics.write(pending, approved)))
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = OK)))]
pub(super) async fn document() -> impl IntoResponse {
    Json(super::openapi())
}
