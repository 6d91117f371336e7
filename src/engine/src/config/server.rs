//! Servers: where they are, how they are kept within reach, how the gateway proves itself to them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Breaker, Protocol, ServerRequest, is_default};

/// An MCP server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The Envoy cluster that reaches the server; without it, the server's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Where the server is, for `toolgate run` and `toolgate render`: `http://127.0.0.1:9101/mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The path at the server; without it, the path of `url`, or else `/mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The path at the gateway where agents reach it; without it, `/<id>/mcp`.
    ///
    /// The only server of a registry is also reached at `/mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The protocol versions that the server speaks.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: Protocol,
    /// What it may ask of clients: everything, if this is not written, and nothing if the list is
    /// empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<ServerRequest>>,
    /// When calls are kept away from it because it fails. Without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// What answers in its place while it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// How Envoy finds out whether it is well, before a call does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// What Envoy adds to requests so that the server knows the gateway: the agent's own token never
    /// goes further. `none`, where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// What agents are told about how to use it, in place of what it says itself. Without it,
    /// nothing: nobody has read what the server would say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What it said itself when that was reviewed, as `toolgate import` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// What answers in place of a server that fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Failover {
    /// Where it is: another instance of the same server, at the same path.
    pub url: String,
}

/// How Envoy finds out whether a server is well, before a call does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// A path at the server that answers `GET` with 200 while it is well, to anybody: nothing is
    /// sent that proves who asks.
    pub path: String,
    /// How often it is asked, at most once a second. Without it, every 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

/// What Envoy adds to requests to a server, so that the server knows the gateway. Secrets are
/// named here and kept elsewhere: Envoy is told them by SDS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Credential {
    /// Nothing, and that is meant.
    Without(Nothing),
    /// A secret, or a token that is fetched.
    Proof(Proof),
}

/// `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Nothing {
    /// Nothing.
    None,
}

/// A secret, or a token that Envoy fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Proof {
    /// The name of a secret that goes into a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The header that the secret goes into. Without it, `authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What stands before the secret in the header. Without it, `Bearer ` in `authorization`, and
    /// nothing in others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A token that Envoy fetches from an authorization server, and keeps fresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
}

/// A token by client credentials (RFC 6749, section 4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OAuth2 {
    /// The token endpoint.
    pub token_url: String,
    /// The gateway's name there.
    pub client_id: String,
    /// The name of the secret that proves it.
    pub secret: String,
    /// What the token is asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub scopes: Vec<String>,
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Credential;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or an object with `secret` or `oauth2`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Credential, E> {
                if text == "none" {
                    return Ok(Credential::Without(Nothing::None));
                }
                // What was meant to be a name may be the secret itself: it is not repeated.
                let message = "expected `none`, or an object with `secret` or `oauth2`";
                Err(E::custom(message))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Credential, A::Error> {
                Proof::deserialize(MapAccessDeserializer::new(members)).map(Credential::Proof)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}
