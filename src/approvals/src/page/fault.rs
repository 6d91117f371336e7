//! Pages that say no, and what to do next.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{filters, login, render, view::Frame};
use crate::error::Error;

/// Why a page is not the one that was asked for.
pub(super) enum Fault {
    /// Nobody is logged in; where they were. Whoever only looks is sent to the login, and returns.
    Stranger(String),
    /// The same, with a form. The policy does not let a form lead to another site, so they are told.
    Late(String),
    /// The same as the API says.
    Error(Error),
}

#[derive(Template)]
#[template(path = "fault.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    told: String,
    /// Where to log in, if that helps.
    login: Option<String>,
}

impl Fault {
    /// Whoever cannot log in as things are.
    pub(super) fn login(status: StatusCode, told: impl Into<String>) -> Response {
        page(
            status,
            "You are not logged in",
            told.into(),
            Some(login::path("/")),
        )
    }
}

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Stranger(to) => Redirect::to(&login::path(&to)).into_response(),
            Self::Late(to) => page(
                StatusCode::UNAUTHORIZED,
                "Your login is over",
                LATE.to_owned(),
                Some(login::path(&to)),
            ),
            Self::Error(error) => {
                let (status, told, header) = error.into_parts();
                let mut response = page(status, title(status), told, None);
                response.headers_mut().extend(header);
                response
            }
        }
    }
}

fn page(status: StatusCode, title: &'static str, told: String, login: Option<String>) -> Response {
    let frame = Frame::empty();
    render(
        status,
        &Page {
            frame,
            title,
            told,
            login,
        },
    )
}

const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "You are not logged in",
        StatusCode::FORBIDDEN => "This is not for you to do",
        StatusCode::NOT_FOUND => "Nothing is here",
        StatusCode::TOO_MANY_REQUESTS => "That was fast",
        StatusCode::SERVICE_UNAVAILABLE => "Please try again in a moment",
        _ => "That did not work",
    }
}

const LATE: &str = "Nothing was decided. Log in again and decide then; what you wrote is still \
                    there when you go back in your browser";
