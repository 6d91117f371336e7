//! Reading one answer, as JSON or as an event stream.

use std::io::Read as _;

use anyhow::{anyhow, bail};
use engine::{
    json::{Doc, Node},
    sse::{Decoder, Fate},
};
use ureq::{Body, http::Response};

use super::{Client, No, cause, document, header_of};
use crate::visible::visible;

impl Client<'_> {
    /// Reads the answer to the last request: its result, or how the server says no.
    ///
    /// # Errors
    /// The answer breaks off, or is too large or no MCP.
    pub(super) fn read(&self, answer: &mut Response<Body>) -> anyhow::Result<Result<Doc, No>> {
        let url = &self.address.url;
        let status = answer.status();
        let kind = header_of(answer.headers(), "content-type").unwrap_or_default();
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let message = match kind.as_str() {
            "application/json" => {
                let body = answer
                    .body_mut()
                    .with_config()
                    .limit(MAX_ANSWER)
                    .read_to_vec();
                let body = body.map_err(|error| anyhow!("`{url}` broke off: {}", cause(error)))?;
                Doc::parse(body).map_err(|(fault, _)| fault.to_string())
            }
            "text/event-stream" => match self.stream(answer)? {
                Some(message) => Ok(message),
                None => bail!("`{url}` ended its event stream without an answer"),
            },
            _ => Err(format!("of type `{}`", visible(&kind))),
        };
        let message = match message {
            Ok(message) => message,
            Err(_) if !status.is_success() => {
                return Ok(Err(No(format!("answered {status}"))));
            }
            Err(fault) => bail!("`{url}` answers what is no MCP: {fault}"),
        };
        let root = message.root();
        if let Some(error) = root.get("error") {
            let text = error.get("message").and_then(Node::str).unwrap_or_default();
            return Ok(Err(No(format!("said `{}`", visible(&text)))));
        }
        match root.get("result") {
            Some(result) if status.is_success() && self.is_answer(root) => {
                Ok(Ok(document(result.raw().as_bytes())?))
            }
            Some(_) | None => Ok(Err(No(format!("answered {status} without a result")))),
        }
    }

    /// The answer to the last request out of an event stream. What else a server says on it is not
    /// for us.
    fn stream(&self, answer: &mut Response<Body>) -> anyhow::Result<Option<Doc>> {
        let url = &self.address.url;
        let limit = usize::try_from(MAX_ANSWER).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new(limit);
        let mut body = answer.body_mut().with_config().limit(MAX_ANSWER).reader();
        let mut piece = vec![0; 64 * 1024];
        let mut found = None;
        while found.is_none() {
            let read = body.read(&mut piece);
            let read =
                read.map_err(|error| anyhow!("`{url}` broke off: {}", cause(error.into())))?;
            let bytes = piece.get(..read).unwrap_or_default();
            decoder.push(bytes, read == 0, None, |data| {
                let message = Doc::parse(data).ok();
                found = found
                    .take()
                    .or_else(|| message.filter(|it| self.is_answer(it.root())));
                Fate::Drop
            });
            if decoder.too_long() {
                bail!("`{url}` sends an event that does not end");
            }
            if read == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a message answers the last request.
    fn is_answer(&self, message: Node<'_>) -> bool {
        message.get("id").and_then(Node::i64) == Some(self.id)
            && (message.get("result").is_some() || message.get("error").is_some())
    }
}

pub(super) const MAX_ANSWER: u64 = 16 << 20;
