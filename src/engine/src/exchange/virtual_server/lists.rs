//! What there is, listed from the registry: no server is asked.

use crate::{
    catalog::View,
    cx::Cx,
    policy::Sight,
    refusal::Refusal,
    registry::List,
    rpc::{Era, Fault, Message},
};

use super::super::{Exchange, Request, judge::Course};

impl Exchange {
    /// What the caller sees.
    pub(super) fn sight<'v>(&'v self, request: &'v Request, cx: &Cx<'_>) -> Sight<'v> {
        let session = self.record.session_id.as_deref();
        self.policy.sight(&request.principal, session, cx.now)
    }

    /// The virtual server, as the caller sees it.
    pub(super) fn view<'v>(
        &'v self,
        request: &'v Request,
        era: Era,
        cx: &Cx<'_>,
    ) -> Result<View<'v>, Refusal> {
        let server = self.policy.registry().virtual_server();
        Ok(View {
            sight: self.sight(request, cx),
            server: server.ok_or(Refusal::NotFound)?,
            era,
        })
    }

    /// Answers what asks for a page of a list.
    pub(super) fn list(
        &mut self,
        list: List,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Result<Course, Refusal> {
        let cursor = message.params.and_then(|params| params.get("cursor"));
        let cursor = cursor.map(|cursor| cursor.str().ok_or(NO_TEXT));
        let cursor = cursor.transpose().map_err(Refusal::Unreadable)?;
        let view = self.view(request, message.era, cx)?;
        let page = view.list(list, cursor.as_deref());
        let page = page.map_err(Refusal::Unreadable)?;
        self.record.listed = Some(page.listed);
        Ok(Course::Answer(page.result))
    }
}

const NO_TEXT: Fault = Fault::Params("`cursor` must be a string");
