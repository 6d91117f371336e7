//! How people log in to the page.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Secret;

/// How people log in to the page: OpenID Connect at the approvers' issuer, authorization code flow
/// with PKCE. The issuer has to send people back to `{public_url}/login/callback`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// What the issuer knows this service as; its ID tokens have it as `aud`.
    pub client_id: String,
    /// What proves it, where the issuer gave a secret; absent: a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for; with what makes the issuer tell the roles in its ID tokens.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
}

fn scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}
