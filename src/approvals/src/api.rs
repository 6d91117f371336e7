//! The HTTP API. Its OpenAPI document is generated from here: a route is added with its description
//! or not at all.

mod asks;
mod body;
mod delegations;
mod deliveries;
mod ops;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Service, page};

pub(crate) use body::approver;

/// The service as something that answers requests.
pub fn app(service: Arc<Service>) -> Router {
    routes()
        .split_for_parts()
        .0
        .layer(middleware::map_response(harden))
        .merge(page::routes(&service))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&service),
            observe,
        ))
        .with_state(service)
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().split_for_parts().1
}

fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(asks::ask, asks::list))
        .routes(routes!(asks::find))
        .routes(routes!(asks::approve))
        .routes(routes!(asks::deny))
        .routes(routes!(asks::revoke))
        .routes(routes!(asks::trail))
        .routes(routes!(asks::unmask))
        .routes(routes!(delegations::lend, delegations::list))
        .routes(routes!(delegations::withdraw))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::retry))
        .routes(routes!(ops::healthz))
        .routes(routes!(ops::readyz))
        .routes(routes!(ops::metrics))
        .routes(routes!(ops::document))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "toolgate-approvals",
        description = "Keeps what agents ask people for. The filter asks; people read and decide."
    ),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, description) in [
            ("filter", "the secret that the filter and the service share"),
            ("person", "a JWT of the approvers' issuer"),
        ] {
            let mut bearer = Http::new(HttpAuthScheme::Bearer);
            bearer.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(bearer));
        }
    }
}

async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let Some(route) = request.extensions().get::<MatchedPath>().cloned() else {
        return next.run(request).await;
    };
    let start = Instant::now();
    let response = next.run(request).await;
    let seconds = start.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    service
        .metrics
        .answered(method.as_str(), route.as_str(), status, seconds);
    response
}

/// What is answered here is for whoever asked, and is no page that a browser may run or frame.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// More than the arguments that a filter collects by default, as the text they are sent as: its quotes
/// are escaped.
const BODY: usize = 9 << 20;

#[cfg(test)]
mod tests;
