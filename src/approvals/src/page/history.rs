//! What was asked and decided, by a search that is all in the URL.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    fault::Fault,
    filters, render,
    view::{Frame, Row, query},
    visitor::Visitor,
};
use crate::{
    Service,
    error::Error,
    service::now,
    store::{Filter, State},
};

/// What the form says; what is empty does not count.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    text: String,
    state: String,
    tool: String,
    user: String,
    role: String,
    before: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct Page {
    frame: Frame,
    search: Search,
    states: [State; 6],
    rows: Vec<Row>,
    /// The page after this one.
    next: Option<String>,
    /// The first page, where this is another.
    first: Option<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    Extract(service): Extract<Arc<Service>>,
    search: Result<Query<Search>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(search) = search?;
    let page = service
        .store
        .list(visitor.person.sight(), &search.filter()?)
        .await?;
    let now = now();
    let page = Page {
        frame: Frame::new(&service, &visitor, "history"),
        states: State::ALL,
        rows: page
            .items
            .into_iter()
            .map(|ask| Row::new(ask, now))
            .collect(),
        next: page.next.map(|next| search.link(&next)),
        first: (!search.before.is_empty()).then(|| search.link("")),
        search,
    };
    Ok(render(StatusCode::OK, &page))
}

impl Search {
    fn filter(&self) -> Result<Filter, Error> {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let state = said(&self.state).map(|name| {
            let mut states = State::ALL.into_iter();
            let state = states.find(|state| state.name() == name);
            state.ok_or_else(|| Error::malformed(format!("`{name}` is no state")))
        });
        Ok(Filter {
            state: state.transpose()?,
            tool: said(&self.tool),
            user: said(&self.user),
            role: said(&self.role),
            text: said(&self.text),
            before: said(&self.before),
            limit: MOST,
            ..Filter::default()
        })
    }

    /// The same search, from another place on.
    fn link(&self, before: &str) -> String {
        let mut parameters = vec![
            ("text", self.text.as_str()),
            ("state", &self.state),
            ("tool", &self.tool),
            ("user", &self.user),
            ("role", &self.role),
            ("before", before),
        ];
        parameters.retain(|(_, value)| !value.is_empty());
        format!("/history?{}", query(&parameters))
    }

    fn is_empty(&self) -> bool {
        self.link("") == "/history?"
    }
}

const MOST: usize = 50;
