//! A stream into which what several servers say is merged: the client's side.

use std::sync::Arc;

use engine::http::{Callout, Edits, Headers};

use super::{Stream, apply, text};
use crate::{
    Live,
    host::{self, Direction, Level, Refused},
    merge::{self, feed, source},
};

impl Stream {
    /// Does what the engine wants of what is passed on, and of what is merged into it.
    pub(super) fn pass(
        &mut self,
        direction: Direction,
        edits: Edits,
        held: usize,
    ) -> Result<(), Refused> {
        let head = edits.feeds.is_some().then(|| host::headers(direction));
        apply(direction, &edits, held)?;
        if let (Some(feeds), Some(head)) = (edits.feeds, head) {
            self.merge(Headers::new(head?), feeds)?;
        }
        if edits.last {
            merge::finish(self.id, self.id);
        }
        Ok(())
    }

    /// Has what is passed on answered by this filter, with what these calls bring.
    fn merge(&mut self, head: Headers, feeds: Vec<Callout>) -> Result<(), Refused> {
        let Some(Live { gateway, .. }) = &self.live else {
            return Ok(());
        };
        let policy = Arc::clone(gateway.policy(&head));
        let name = text(&["plugin_name"]).unwrap_or_default();
        self.merged = merge::open(self.id, name, head, &policy);
        host::set_header(Direction::Request, ":path", &source::path(self.id))?;
        for mut callout in feeds.into_iter().filter(|_| self.merged) {
            callout.headers.push((feed::STREAM, self.id.to_string()));
            // The plugin makes it: one that a stream has made and does not live to see the end of
            // is never forgotten. It ends with the stream all the same: `merge::close`.
            let made = host::act(self.plugin, self.id, || host::call(&callout));
            if let Err(Refused(status)) = made {
                let cluster = &callout.cluster;
                let line = format!("call to cluster {cluster}: refused with status {status}");
                host::log(Level::Error, &line);
            }
        }
        Ok(())
    }

    /// Takes so much of the response; and what its policy is by now, where that is news.
    pub(super) fn renew(&mut self, size: usize) {
        if self.merged
            && let Some(policy) = merge::seen(self.id, size)
            && let (Some(cx), Some(exchange)) = (self.cx(), &mut self.exchange)
        {
            exchange.renew(&policy, &cx);
        }
    }
}
