//! What clients say to what servers have asked them: it goes back to the server, under its own id;
//! so does the wish to go on with a stream.

use crate::{
    cx::Cx,
    http::HeaderEdit,
    ids::{Ids, Purpose},
    json::Splice,
    refusal::{Refusal, SessionFault},
    rpc::{Era, Message, MessageKind},
};

use super::super::{Exchange, Request, state::Place};
use super::{Client, Route, no_session};

impl Exchange {
    /// Where an answer of a client goes, or word of its progress, and the id that the server gave.
    pub(in crate::exchange) fn asked(
        &mut self,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Result<Option<(Route, Splice)>, Refusal> {
        let Place::Virtual(client) = &request.place else {
            return Ok(None);
        };
        let (purpose, id) = match message.kind {
            MessageKind::Response => (Purpose::Request, message.root.get("id")),
            MessageKind::Notification | MessageKind::Request => {
                let params = message.params;
                (
                    Purpose::Progress,
                    params.and_then(|it| it.get("progressToken")),
                )
            }
        };
        let known = id.and_then(|node| {
            let [server, own] = ids(request, client.as_ref()?, cx).unwrap(purpose, &node.str()?)?;
            Some((server, node.span(), own))
        });
        let (server, at, own) = known.ok_or(Refusal::Session(SessionFault::Unasked))?;
        let with = own.into_bytes();
        Ok(Some((self.back(server), Splice { at, with })))
    }

    /// Where the rest of a stream is, and the server's own id of the last event that came.
    pub(in crate::exchange) fn resumed(
        &mut self,
        request: &Request,
        client: Option<&Client>,
        cx: &Cx<'_>,
    ) -> Result<Option<(Route, HeaderEdit)>, Refusal> {
        let Ok(Some(id)) = request.headers.one(LAST_EVENT) else {
            return Ok(None);
        };
        let client = client.ok_or_else(|| no_session(request))?;
        let known = ids(request, client, cx).unwrap(Purpose::Event, id);
        let [server, own] = known.ok_or(Refusal::Session(SessionFault::Unsent))?;
        let last = HeaderEdit::Set(LAST_EVENT.into(), own);
        Ok(Some((self.back(server), last)))
    }

    /// The way back to a server that keeps a session: only such ask, or let streams be resumed.
    fn back(&mut self, server: String) -> Route {
        self.record.server = Some(server.clone());
        Route {
            server,
            era: Era::Legacy,
        }
    }
}

fn ids<'a>(request: &'a Request, client: &'a Client, cx: &Cx<'a>) -> Ids<'a> {
    Ids {
        seal: cx.seal,
        principal: &request.principal,
        session: &client.name,
    }
}

const LAST_EVENT: &str = "last-event-id";
