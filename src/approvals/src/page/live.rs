//! Telling open pages that something has happened; what it is, they ask as who they are.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep_until};

use super::{fault::Fault, visitor::Visitor};
use crate::{Service, error::Error};

/// One event now, and one after each change, at this replica or another.
pub(super) async fn changes(
    visitor: Result<Visitor, Fault>,
    State(service): State<Arc<Service>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    // Whoever listens cannot be led to the login: the script tells its reader.
    if visitor.is_err() {
        return Err(Error::unauthenticated().into());
    }
    let mut trail = service.watch();
    trail.mark_changed();
    let until = Instant::now() + LOGIN;
    let stream = stream::unfold(trail, move |mut trail| async move {
        tokio::select! {
            changed = trail.changed() => changed.ok()?,
            () = sleep_until(until) => return None,
        }
        let left = trail.borrow_and_update().is_none();
        (!left).then(|| (Ok(Event::default().data("changed")), trail))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// How long nobody is asked again who they are: browsers come back by themselves.
const LOGIN: Duration = Duration::from_secs(300);
