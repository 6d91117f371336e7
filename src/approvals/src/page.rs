//! The page where people decide: HTML from templates, complete without JavaScript, live with it.
//!
//! What this module does not do: say who may see or decide what. [`Service::see`] and
//! [`Service::decide`] do, for the API too.

mod ask;
mod assets;
mod delegations;
mod deliveries;
mod fault;
mod filters;
mod history;
mod live;
mod login;
mod payload;
mod queue;
mod view;
mod visitor;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};

pub(crate) use login::Login;

use crate::{Service, error::Error};
use fault::Fault;

/// Everything that a browser asks for.
pub(crate) fn routes(service: &Arc<Service>) -> Router<Arc<Service>> {
    Router::new()
        .route("/", get(queue::show))
        .route("/asks/{id}", get(ask::show).post(ask::decide))
        .route("/asks/{id}/unmask", post(ask::unmask))
        .route("/history", get(history::show))
        .route(
            "/delegations",
            get(delegations::show).post(delegations::lend),
        )
        .route("/delegations/{id}/withdraw", post(delegations::withdraw))
        .route("/deliveries", get(deliveries::show))
        .route("/deliveries/{id}/retry", post(deliveries::retry))
        .route("/changes", get(live::changes))
        .route("/login", get(login::begin))
        .route("/login/callback", get(login::finish))
        .route("/logout", get(login::left).post(login::leave))
        .route("/assets/{name}", get(assets::serve))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(service),
            own_forms_only,
        ))
        .fallback(nothing)
        .layer(middleware::map_response(harden))
}

/// A form of another site must not decide in the name of whoever has it open.
async fn own_forms_only(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if safe || is_own(request.headers(), &service.url) {
        return next.run(request).await;
    }
    Fault::from(Error::forbidden("this form comes from another site")).into_response()
}

/// Whether our own page sent it. A browser says so, and no script of a page can say it instead.
fn is_own(headers: &HeaderMap, url: &str) -> bool {
    let told = |name| headers.get(name).map(HeaderValue::as_bytes);
    match told("sec-fetch-site") {
        Some(site) => site == b"same-origin",
        None => told("origin") == Some(origin(url).as_bytes()),
    }
}

/// The origin (RFC 6454) of a URL without credentials.
fn origin(url: &str) -> &str {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(url.len(), |at| scheme + at);
    url.get(..end).unwrap_or(url)
}

async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Not `no-referrer`: forms would say `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn nothing(uri: Uri) -> Response {
    let error = Error::nothing_here();
    if uri.path().starts_with("/v1/") {
        return error.into_response();
    }
    Fault::from(error).into_response()
}

fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[cfg(test)]
mod tests;
