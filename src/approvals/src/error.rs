//! Every way to say no: what is told outside, and what only the log learns.

use axum::{
    extract::rejection::{FormRejection, QueryRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    /// What whoever asked can do about it.
    told: String,
    /// What went wrong inside; nobody outside learns it.
    cause: Option<sqlx::Error>,
    /// For the challenge of RFC 6750, or the pause of RFC 9110.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Error {
    fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self {
            status,
            told: told.into(),
            cause: None,
            header: None,
        }
    }

    pub(crate) fn malformed(told: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, told)
    }

    pub(crate) fn media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be `application/json`",
        )
    }

    /// RFC 6750, section 3: a challenge, and no word about what was wrong with which part.
    pub(crate) fn unauthenticated() -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"toolgate-approvals\"");
        Self {
            header: Some(Box::new((header::WWW_AUTHENTICATE, challenge))),
            ..Self::new(StatusCode::UNAUTHORIZED, "this needs a valid bearer token")
        }
    }

    pub(crate) fn forbidden(told: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, told)
    }

    /// The same for what does not exist and for what this caller may not see.
    pub(crate) fn unknown() -> Self {
        Self::absent("no such approval")
    }

    pub(crate) fn absent(told: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, told)
    }

    pub(crate) fn conflict(told: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, told)
    }

    pub(crate) fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "nothing is at this address")
    }

    pub(crate) fn out_of_order() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service is out of order",
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
    }

    pub(crate) fn too_many(seconds: u64) -> Self {
        Self {
            header: Some(Box::new((header::RETRY_AFTER, seconds.into()))),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests")
        }
    }

    /// What is told, after the log has learned the rest.
    pub(crate) fn into_parts(self) -> (StatusCode, String, Option<(HeaderName, HeaderValue)>) {
        if let Some(cause) = self.cause {
            tracing::error!(error = %cause, "the database failed");
        }
        (self.status, self.told, self.header.map(|header| *header))
    }
}

impl From<QueryRejection> for Error {
    fn from(_: QueryRejection) -> Self {
        Self::malformed("nobody understands this address")
    }
}

impl From<FormRejection> for Error {
    fn from(_: FormRejection) -> Self {
        Self::malformed("this is not a form of this page")
    }
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer",
            )
        }
    }
}

impl IntoResponse for Error {
    /// RFC 9457.
    fn into_response(self) -> Response {
        let (status, told, header) = self.into_parts();
        let title = status.canonical_reason();
        let body = json!({ "status": status.as_u16(), "title": title, "detail": told });
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(header);
        response
    }
}
