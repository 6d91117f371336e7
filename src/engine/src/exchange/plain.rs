//! Calls of tools whose servers speak plain HTTP: what is sent in their place, and what is made of
//! the answer.

use crate::{
    cx::Cx,
    http::{Edits, HeaderEdit, Headers},
    json::Doc,
    record::Outcome,
    refusal::{Refusal, UpstreamFault, json_reply},
    response::{Terms, rest},
    sse::Fate,
};

use super::{Exchange, Request, State, Step};

impl Exchange {
    /// Puts the request that a call becomes in place of the call; false where its server speaks MCP.
    ///
    /// # Errors
    /// An argument does not fit its place.
    pub(super) fn restate(
        &self,
        request: &Request,
        edits: &mut Edits,
        terms: &Terms,
    ) -> Result<bool, Refusal> {
        let Some((template, server)) = terms.template(&self.policy) else {
            return Ok(false);
        };
        let unreadable = |_| Refusal::Upstream(UpstreamFault::Unreadable);
        let doc = Doc::parse(edits.body.take().unwrap_or_default()).map_err(unreadable)?;
        let arguments = doc.root().pointer(&["params", "arguments"]);
        let rest = template.render(arguments).map_err(Refusal::Contract)?;
        // What a client says in headers is said to the gateway: to a server some are orders.
        let said = request.headers.iter().filter(|(name, _)| !passes(name));
        let silenced = said.map(|(name, _)| HeaderEdit::Remove(name.to_owned()));
        let body = rest.body.unwrap_or_default();
        let set = |name: &'static str, value: String| HeaderEdit::Set(name.into(), value);
        edits.headers.extend(silenced);
        edits.headers.extend([
            set(":method", rest.method.to_owned()),
            set(":path", format!("{}{}", server.path, rest.path)),
            set("accept", ACCEPT.to_owned()),
            set("content-length", body.len().to_string()),
        ]);
        let written = rest.headers.into_iter();
        edits
            .headers
            .extend(written.map(|(name, value)| HeaderEdit::Set(name.into(), value)));
        edits.body = Some(body);
        Ok(true)
    }

    /// Takes the head of an answer in plain HTTP.
    pub(super) fn plain_head(
        &mut self,
        terms: Box<Terms>,
        head: &Headers,
        mut edits: Vec<HeaderEdit>,
        end: bool,
        cx: &Cx<'_>,
    ) -> Result<Step, Refusal> {
        let text = |name: &str| head.one(name).ok().flatten().unwrap_or_default();
        let status = text(":status").parse().unwrap_or_default();
        self.record.result = Outcome::Ok;
        self.told.plain_status(status, cx.now);
        if end {
            let message = self.made(&terms, head, &[])?;
            let body = match terms.govern(message.clone(), &mut self.told, &self.policy, cx) {
                Fate::Keep => message,
                Fate::Data(body) => body,
                Fate::Drop => return Err(Refusal::Upstream(UpstreamFault::Silent)),
            };
            let body = String::from_utf8_lossy(&body).into_owned();
            return Ok(Step::Reply(json_reply(200, body)));
        }
        if !matches!(text("content-encoding"), "" | "identity") {
            return Err(Refusal::Upstream(UpstreamFault::Encoded));
        }
        if rest::is_endless(text("content-type")) {
            return Err(Refusal::Upstream(UpstreamFault::Unreadable));
        }
        // Nor are a server's cookies, tags and challenges for the agent.
        let said = head.iter().filter(|(name, _)| !passes(name));
        edits.extend(said.map(|(name, _)| HeaderEdit::Remove(name.to_owned())));
        edits.push(HeaderEdit::Set(":status".into(), "200".to_owned()));
        edits.push(HeaderEdit::Set(
            "content-type".into(),
            "application/json".to_owned(),
        ));
        self.state = State::Holding {
            terms,
            body: Vec::new(),
            headers: edits,
            plain: Some(head.clone()),
        };
        Ok(Step::Hold)
    }

    /// The message that is made of an answer in plain HTTP.
    pub(super) fn made(
        &self,
        terms: &Terms,
        head: &Headers,
        body: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (template, _) = terms.template(&self.policy).ok_or(Refusal::NotFound)?;
        rest::message(head, body, template, &terms.asker)
    }
}

/// Whether a header goes on with a request or an answer in plain HTTP: what belongs to the message
/// as such, and what proxies and traces need.
fn passes(name: &str) -> bool {
    name.starts_with(':') || name.starts_with("x-envoy-") || PASSING.contains(&name)
}

const PASSING: [&str; 7] = [
    "date",
    "server",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

const ACCEPT: &str = "application/json, text/*;q=0.9, */*;q=0.1";

#[cfg(test)]
mod tests;
