//! What an approval is bound to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Ask, Kind};
use crate::{
    digest::sha256,
    json::{Doc, Node, quote},
};

/// Arguments in the canonical form of RFC 8785, every number with the value that was written: two
/// payloads are the same text exactly if they mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
pub struct Payload(String);

/// SHA-256, in hex, of what an approval is bound to: kind and name of what is used, contract
/// version, arguments, input responses, user, agent, tenant and environment. Never of the JSON-RPC id, nor of who
/// approves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// Arguments that no approval can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexact {
    /// Two numbers that differ would have one canonical form.
    Number,
    /// A text that is not JSON in canonical form.
    Form,
}

impl Payload {
    /// The arguments of a call; `None`: it has none, which is not the same as an empty object.
    ///
    /// # Errors
    /// [`Inexact::Number`]: a number is not a double, as an integer beyond 2^53 that RFC 8785 writes
    /// like its neighbour.
    pub fn of(arguments: Option<Node<'_>>) -> Result<Self, Inexact> {
        let Some(arguments) = arguments else {
            return Ok(Self("null".to_owned()));
        };
        if !arguments.exact() {
            return Err(Inexact::Number);
        }
        // The canonical form is written from text.
        String::from_utf8(arguments.canonical())
            .map(Self)
            .map_err(|_| Inexact::Form)
    }

    /// The canonical form.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Payload {
    type Error = Inexact;

    fn try_from(text: String) -> Result<Self, Inexact> {
        let Ok(doc) = Doc::parse(text.into_bytes()) else {
            return Err(Inexact::Form);
        };
        let payload = Self::of(Some(doc.root()))?;
        if payload.0.as_bytes() != doc.bytes() {
            return Err(Inexact::Form);
        }
        Ok(payload)
    }
}

impl From<Payload> for String {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

impl Ask {
    /// What its approval is bound to. The text that is hashed is itself in canonical form and says
    /// what it is, so that any RFC 8785 library can compute it, and nothing else hashes alike.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let kind = match self.kind {
            Kind::Tool => "tool",
            Kind::Resource => "resource",
            Kind::Prompt => "prompt",
        };
        let input = match &self.input_responses {
            Some(input) => format!(r#""inputResponses":{},"#, input.0),
            None => String::new(),
        };
        let text = format!(
            r#"{{"agent":{},"arguments":{},"contractVersion":{},"environment":{},{input}"kind":"{kind}","tenant":{},"tool":{},"type":"{TYPE}","user":{}}}"#,
            string(self.agent.as_deref()),
            self.arguments.0,
            string(self.contract_version.as_deref()),
            string(self.environment.as_deref()),
            string(self.tenant.as_deref()),
            quote(&self.tool),
            string(self.user.as_deref()),
        );
        Fingerprint(sha256(text.as_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Inexact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number has more digits than every reader keeps",
            Self::Form => "the arguments are not JSON in canonical form (RFC 8785)",
        })
    }
}

impl std::error::Error for Inexact {}

fn string(fact: Option<&str>) -> String {
    fact.map_or_else(|| "null".to_owned(), quote)
}

/// Another form of fingerprint gets another number: no approval is carried over.
const TYPE: &str = "toolgate.ask.1";
