//! On its way: what changes in a request that may pass.

use crate::{
    cx::Cx,
    http::{Edits, HeaderEdit},
    refusal::{Asker, Refusal},
    response::Terms,
};

use super::{Exchange, Passage, Request, State, Step, session};

impl Exchange {
    /// The only way on: everything that is forwarded comes through here, with its permit.
    pub(super) fn admit(
        &mut self,
        request: Box<Request>,
        passage: Passage,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let Passage {
            permit,
            route,
            mut edits,
            ..
        } = passage;
        self.record.allow(permit.decision().rule.as_deref());
        let route_server = route.as_ref().map(|route| route.server.as_str());
        let server = route_server.or_else(|| request.place.server());
        let server = server.and_then(|id| self.policy.registry().server(id));
        let server = server.ok_or(Refusal::NotFound)?;
        let mut headers = vec![
            // The agent's token is for this gateway: it never goes further (MCP, "Token passthrough").
            HeaderEdit::Remove("authorization".to_owned()),
            // A compressed answer could not be read.
            HeaderEdit::Remove("accept-encoding".to_owned()),
        ];
        headers.extend(
            request
                .headers
                .iter()
                .filter(|(name, _)| name.starts_with("x-toolgate-"))
                .map(|(name, _)| HeaderEdit::Remove(name.to_owned())),
        );
        headers.push(HeaderEdit::Set(
            "x-toolgate-cluster".into(),
            server.cluster.clone(),
        ));
        headers.push(HeaderEdit::Set(":path".into(), server.path.clone()));
        headers.extend(session::unmark(&request.headers));
        if let Some(body) = &edits.body {
            headers.push(HeaderEdit::Set(
                "content-length".into(),
                body.len().to_string(),
            ));
        }
        headers.append(&mut edits.headers);
        edits.headers = headers;
        edits.state = self.question_to_service();
        let terms = Box::new(Terms {
            principal: request.principal.clone(),
            server: server.id.clone(),
            spoken: route.as_ref().map(|route| route.era),
            session: self.record.session_id.clone(),
            asker: Asker {
                id: self.asker.id.clone().filter(|_| !self.asker.one_way),
                ..self.asker.clone()
            },
            ..std::mem::take(&mut self.terms)
        });
        match route {
            Some(route) => self.depart(request, route, edits, terms, cx),
            None => Ok(self.forward(edits, terms, cx)),
        }
    }

    pub(super) fn forward(&mut self, edits: Edits, terms: Box<Terms>, cx: &Cx<'_>) -> Step {
        self.forwarded = Some(cx.now);
        self.state = State::Forwarded(terms);
        Step::Forward(edits)
    }
}
