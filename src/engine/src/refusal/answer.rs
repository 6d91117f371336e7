//! The answer to a request that is refused.

use serde_json::{Map, Value, json};

use crate::{http::Reply, identity, policy::Policy, registry::Kind, rpc::Era};

use super::{
    Asker, DENIED, INTERNAL, INVALID_PARAMS, METHOD_NOT_FOUND, Refusal, UpstreamFault, error_body,
    json_reply,
};

impl Refusal {
    pub(super) fn answer(&self, asker: &Asker, policy: &Policy) -> Reply {
        let id = asker.id.as_deref();
        match self {
            Self::NotFound => error(404, id, -32_600, "not an MCP endpoint", None),
            Self::Session(fault) => error(fault.status(), id, -32_600, fault.text(), None),
            Self::Origin => error(403, id, -32_600, "this origin may not call", None),
            Self::Unreadable(fault) => {
                let mut reply = error(
                    fault.status(),
                    id,
                    fault.code(),
                    &fault.message(),
                    fault.data().as_deref(),
                );
                if let Some(allow) = fault.allow() {
                    reply.headers.push(("allow", allow.to_owned()));
                }
                reply
            }
            Self::Unauthenticated(fault) => {
                let sent = *fault != identity::Fault::NoToken;
                let message = if sent {
                    "the token was not accepted"
                } else {
                    "a token is required"
                };
                let fault = sent.then_some(("error", "invalid_token"));
                challenge(error(401, id, -32_600, message, None), asker, fault, None)
            }
            Self::MissingScope(scopes) if !asker.scope_in_band => {
                let message = format!("the token lacks scope: {}", scopes.join(" "));
                challenge(
                    error(403, id, -32_600, &message, None),
                    asker,
                    Some(("error", "insufficient_scope")),
                    Some(&scopes.join(" ")),
                )
            }
            Self::Unknown { what, name, .. } => {
                let (code, text) = match (what, asker.era) {
                    (Kind::Tool, _) => (INVALID_PARAMS, format!("Unknown tool: {name}")),
                    (Kind::Prompt, _) => (INVALID_PARAMS, format!("Unknown prompt: {name}")),
                    (Kind::Resource, Some(Era::Modern)) => {
                        (INVALID_PARAMS, format!("Resource not found: {name}"))
                    }
                    (Kind::Resource, _) => (-32_002, format!("Resource not found: {name}")),
                };
                in_band(asker, &error_body(id, code, &text, None))
            }
            Self::UnknownTask(_) | Self::State => {
                in_band(asker, &error_body(id, INVALID_PARAMS, &self.text(), None))
            }
            Self::Upstream(UpstreamFault::Page(status)) => {
                error(*status, id, INTERNAL, &self.text(), None)
            }
            Self::OtherEra { .. } => {
                in_band(asker, &error_body(id, METHOD_NOT_FOUND, &self.text(), None))
            }
            // A model can tell its user.
            Self::Upstream(UpstreamFault::Wants(..)) if asker.tool_call => {
                in_band(asker, &self.denial(asker, policy))
            }
            Self::Upstream(_) => in_band(asker, &error_body(id, INTERNAL, &self.text(), None)),
            Self::MissingScope(_)
            | Self::Contract(_)
            | Self::NoRule
            | Self::Rule(_)
            | Self::Condition { .. }
            | Self::Cost(_)
            | Self::Sensitive(_)
            | Self::Limited(_)
            | Self::Broken(_)
            | Self::Unapproved(_)
            | Self::NoDryRun(_)
            | Self::DryRun(_)
            | Self::Result(_) => in_band(asker, &self.denial(asker, policy)),
        }
    }

    /// A denial that a model can act on.
    fn denial(&self, asker: &Asker, policy: &Policy) -> String {
        let facts = self.facts(policy);
        let text = self.text();
        let id = asker.id.as_deref();
        if let Self::Unapproved(call) = self
            && let Some(invitation) = call.invite(asker, &facts)
        {
            return invitation;
        }
        if !asker.tool_call {
            let code = if matches!(self, Self::Contract(_)) {
                INVALID_PARAMS
            } else {
                DENIED
            };
            return error_body(id, code, &text, Some(&facts.to_string()));
        }
        let mut result = Map::new();
        if asker.era == Some(Era::Modern) {
            result.insert("resultType".to_owned(), json!("complete"));
        }
        result.insert(
            "content".to_owned(),
            json!([{ "type": "text", "text": text }]),
        );
        // Nothing was executed; and clients hold all but errors against the tool's `outputSchema`.
        result.insert("isError".to_owned(), json!(true));
        let name = if let Self::DryRun(_) = self {
            "toolgate/decision"
        } else {
            "toolgate/denial"
        };
        result.insert("_meta".to_owned(), json!({ name: facts }));
        let id = id.unwrap_or("null");
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#,
            Value::Object(result)
        )
    }
}

fn error(status: u16, id: Option<&str>, code: i64, message: &str, data: Option<&str>) -> Reply {
    json_reply(status, error_body(id, code, message, data))
}

/// A readable request is answered with 200; a message that takes no answer with 403.
fn in_band(asker: &Asker, body: &str) -> Reply {
    json_reply(if asker.one_way { 403 } else { 200 }, body.to_owned())
}

fn challenge(
    mut reply: Reply,
    asker: &Asker,
    fault: Option<(&str, &str)>,
    scope: Option<&str>,
) -> Reply {
    let parts: Vec<String> = fault
        .into_iter()
        .chain(scope.map(|scope| ("scope", scope)))
        .chain(
            asker
                .resource_metadata
                .as_deref()
                .map(|url| ("resource_metadata", url)),
        )
        .map(|(name, value)| format!(r#"{name}="{}""#, value.replace(['"', '\\'], "")))
        .collect();
    let challenge = format!("Bearer {}", parts.join(", ")).trim_end().to_owned();
    reply.headers.push(("www-authenticate", challenge));
    reply
}
