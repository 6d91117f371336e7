//! Where facts about callers come from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_default;

/// Where each fact about a caller comes from. Nothing is trusted that is not named here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Who issues tokens. Envoy's `jwt_authn` verifies them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<Issuer>,
    /// The canonical URI of this gateway (RFC 9728 `resource`): `https://gw.example.com/mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Whether callers need a token. Required by default where there are issuers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// How a missing scope is answered.
    #[serde(skip_serializing_if = "is_default")]
    pub scope_denials: ScopeDenials,
    /// The values of `Origin` that browsers may send; without it, none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// The person on whose behalf the agent acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Source>,
    /// The agent that calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Source>,
    /// The application the agent belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Source>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Source>,
    /// The roles of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Source>,
    /// The scopes of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Source>,
    #[serde(skip)]
    pub(crate) at: String,
}

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` claim of its tokens.
    pub issuer: String,
    /// The `aud` claims that mean this gateway. A token for anybody else is refused.
    pub audiences: Vec<String>,
    /// Its keys.
    pub jwks: Jwks,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Jwks {
    /// Fetched by Envoy from this URL.
    Url(String),
    /// In a file: a relative path starts at this policy file, an absolute one is on Envoy's machine.
    File(String),
    /// Written here: a JSON Web Key Set.
    Inline(Value),
}

/// Whether callers need a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Token {
    /// A call without a valid token is answered with a challenge.
    Required,
    /// A call without a token is judged as nobody's. A bad token is still refused.
    Optional,
}

/// How a missing scope is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopeDenials {
    /// 403 with an `insufficient_scope` challenge, so that OAuth clients can ask for the scope.
    #[default]
    Challenge,
    /// As a tool result, for clients without OAuth.
    InBand,
}

/// Where a fact comes from: exactly one of `jwt`, `mtls` and `header`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Form", into = "Form")]
pub enum Source {
    /// A claim of the verified token, by its path: `sub`, `act.sub`.
    Jwt(String),
    /// The verified client certificate.
    Mtls(Mtls),
    /// A request header (lower case) that something in front of the gateway sets, and no client can.
    Header(String),
}

/// What a client certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mtls {
    /// Its SPIFFE id.
    Spiffe,
}

/// [`Source`] as it is written.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Source")
)]
#[serde(default, deny_unknown_fields)]
struct Form {
    /// A claim of the verified token, by its path: `sub`, `act.sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    /// The verified client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls: Option<Mtls>,
    /// A request header that something in front of the gateway sets, and no client can.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// With `header`: `true`, to say that no client can set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
}

impl Identity {
    /// Whether a call without a token is refused.
    #[must_use]
    pub fn token_required(&self) -> bool {
        match self.token {
            Some(token) => token == Token::Required,
            None => !self.issuers.is_empty(),
        }
    }

    /// Each fact's name, with its source.
    #[must_use]
    pub const fn sources(&self) -> [(&'static str, Option<&Source>); 6] {
        [
            ("user", self.user.as_ref()),
            ("agent", self.agent.as_ref()),
            ("app", self.app.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("roles", self.roles.as_ref()),
            ("scopes", self.scopes.as_ref()),
        ]
    }

    /// Where it is written: `policy[0]:identity`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.at
    }

    /// Whether a missing scope is answered as a tool result.
    #[must_use]
    pub fn scope_in_band(&self) -> bool {
        self.scope_denials == ScopeDenials::InBand
    }
}

impl TryFrom<Form> for Source {
    type Error = &'static str;

    fn try_from(form: Form) -> Result<Self, Self::Error> {
        match form {
            Form {
                jwt: Some(path),
                mtls: None,
                header: None,
                trusted: None,
            } => Ok(Self::Jwt(path)),
            Form {
                jwt: None,
                mtls: Some(what),
                header: None,
                trusted: None,
            } => Ok(Self::Mtls(what)),
            Form {
                jwt: None,
                mtls: None,
                header: Some(name),
                trusted: Some(true),
            } => Ok(Self::Header(name.to_ascii_lowercase())),
            Form {
                header: Some(_), ..
            } => Err("a header is believed only with `trusted: true`, and alone"),
            Form { .. } => Err("expected exactly one of `jwt`, `mtls`, `header`"),
        }
    }
}

impl From<Source> for Form {
    fn from(source: Source) -> Self {
        match source {
            Source::Jwt(path) => Self {
                jwt: Some(path),
                ..Self::default()
            },
            Source::Mtls(what) => Self {
                mtls: Some(what),
                ..Self::default()
            },
            Source::Header(name) => Self {
                header: Some(name),
                trusted: Some(true),
                ..Self::default()
            },
        }
    }
}
