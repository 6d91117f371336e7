//! What an operator writes: one YAML file.

mod login;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

pub use crate::hooks::config::{Address, Format, Operators, Webhook};
use crate::{
    automatic::{Rule, Rules},
    store::{Escalation, Terms},
};

pub use login::Login;

/// The configuration of the service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens. Plain HTTP: put Envoy in front for TLS.
    #[serde(default = "listen")]
    pub listen: String,
    /// `sqlite:FILE` for one replica, `postgres://..` for several.
    #[serde(default = "database")]
    pub database: String,
    /// Where people reach it; absent: where it listens.
    pub public_url: Option<String>,
    /// The filter in Envoy, which asks.
    pub filter: Filter,
    /// The people who decide.
    pub approvers: Approvers,
    /// How people log in to the page; absent: a proxy in front does it, and adds their token.
    pub login: Option<Login>,
    /// How long an ask waits, and then its approval, unless the policy wants less.
    #[serde(default = "expiry", deserialize_with = "duration")]
    #[schemars(schema_with = "time", extend("default" = "1h"))]
    pub expiry: Duration,
    /// How long a refusal is repeated to whoever asks the same again, before they may ask anew.
    #[serde(default = "denial", deserialize_with = "duration")]
    #[schemars(schema_with = "time", extend("default" = "10m"))]
    pub denial: Duration,
    /// Rules that decide as soon as something is asked, so that nobody has to.
    #[serde(default)]
    pub automatic: Vec<Rule>,
    /// Who may decide as well when nobody does for a while.
    #[serde(default)]
    pub escalation: Vec<Escalation>,
    /// Who may see the values that the registry calls sensitive; absent: nobody.
    #[serde(default)]
    pub unmask: Unmask,
    /// How long closed asks can be found; the trail keeps them longer.
    #[serde(default = "retention", deserialize_with = "duration")]
    #[schemars(schema_with = "time", extend("default" = "90d"))]
    pub retention: Duration,
    /// Who is told what happens.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
    /// The people who see to it that everybody is told.
    #[serde(default)]
    pub operators: Operators,
}

/// How the filter proves itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// By a bearer token that both know: at least 32 characters.
    Secret(Secret),
    /// By a certificate that an Envoy in front of this service has verified.
    Certificate(Certificate),
}

/// A client certificate. The Envoy in front ends TLS, with `require_client_certificate`, and tells
/// in `x-forwarded-client-cert` whom it has verified: with `forward_client_cert_details:
/// SANITIZE_SET` and `set_current_client_cert_details: { uri: true }`, so that nobody else writes
/// it. The service has to listen on a loopback address, where only that Envoy reaches it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The only URI in it, as `spiffe://example.com/envoy`.
    pub uri: String,
}

/// Where a secret is; never the secret itself.
#[derive(Clone, Debug, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// In this file, white space around it apart.
    File(PathBuf),
}

/// How people prove themselves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approvers {
    /// The `iss` of their tokens.
    pub issuer: String,
    /// The `aud` of their tokens.
    pub audience: String,
    /// The keys that sign them (RS256, ES256 or EdDSA).
    pub jwks: Jwks,
    /// What their tokens say.
    #[serde(default)]
    pub claims: Claims,
}

/// Where a JWK set is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Jwks {
    /// In this file.
    File(PathBuf),
    /// At this address; redirects are not followed.
    Url(String),
}

/// Claims by their paths, as `realm_access.roles`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who it is: has to be what the policy calls `user`, so that nobody approves their own asks.
    #[serde(default = "user")]
    pub user: String,
    /// What they may decide: a list, or words.
    #[serde(default = "roles")]
    pub roles: String,
    /// Where they belong. If it is given, people see asks of their own tenant only, and without the
    /// claim those of none.
    pub tenant: Option<String>,
}

/// Who may see sensitive values. Each look is recorded in the trail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unmask {
    /// Whoever holds one of these roles by their own token, and may see the ask.
    pub roles: Vec<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or says something that nothing here understands.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
        let config: Self = serde_saphyr::from_str(&text).map_err(|error| {
            let error = error.without_snippet();
            anyhow!(
                "{name}: {}",
                error.render_with_formatter(&UserMessageFormatter)
            )
        })?;
        if config.expiry.is_zero() {
            bail!("{name}: `expiry` is 0, so that nothing could ever be decided");
        }
        Rules::compile(&config.automatic).with_context(|| name.to_string())?;
        for (at, escalation) in config.escalation.iter().enumerate() {
            if escalation.role == escalation.to {
                bail!("{name}: `escalation[{at}]` leads from a role to itself");
            }
        }
        Ok(config)
    }

    /// Whether the filter's proof can be trusted where the service listens.
    ///
    /// # Errors
    /// Others could reach it beside the Envoy in front, and claim its certificate.
    pub fn check_listen(&self) -> anyhow::Result<()> {
        let inside = || {
            let address = self.listen.parse::<SocketAddr>();
            address.is_ok_and(|address| address.ip().is_loopback())
        };
        match &self.filter {
            Filter::Secret(_) => Ok(()),
            Filter::Certificate(_) if inside() => Ok(()),
            Filter::Certificate(_) => bail!(
                "`filter.certificate` trusts what the Envoy in front says: listen on a loopback \
                 address, not on `{}`",
                self.listen
            ),
        }
    }

    /// How long things stand.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            lifetime: nanoseconds(self.expiry),
            denial: nanoseconds(self.denial),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// One that stands in the file itself must not stand in an error as well.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Place {
            Env(String),
            File(PathBuf),
        }
        let value = Value::deserialize(deserializer)?;
        if value.is_string() {
            return Err(D::Error::custom(
                "a secret is kept elsewhere: `{ env: NAME }` or `{ file: PATH }`",
            ));
        }
        match Place::deserialize(value).map_err(D::Error::custom)? {
            Place::Env(name) => Ok(Self::Env(name)),
            Place::File(path) => Ok(Self::File(path)),
        }
    }
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// It is not there, or so short that it can be guessed.
    pub fn read(&self) -> anyhow::Result<String> {
        let (secret, place) = self.text()?;
        if secret.len() < 32 {
            bail!("{place} holds less than 32 characters: try `openssl rand -hex 32`");
        }
        Ok(secret)
    }

    /// What is there, and where that is.
    pub(crate) fn text(&self) -> anyhow::Result<(String, String)> {
        let (text, place) = match self {
            Self::Env(name) => {
                let place = format!("the environment variable `{name}`");
                let Ok(value) = std::env::var(name) else {
                    bail!("{place} is not set");
                };
                (value, place)
            }
            Self::File(path) => {
                let place = format!("`{}`", path.display());
                let value = fs::read_to_string(path);
                (
                    value.with_context(|| format!("cannot read {place}"))?,
                    place,
                )
            }
        };
        Ok((text.trim().to_owned(), place))
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            user: user(),
            roles: roles(),
            tenant: None,
        }
    }
}

/// `90d`, `1h`, `10m`, `20s`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * unit))
}

/// As the store counts time.
#[must_use]
pub fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "`{text}` is not a time like `20s`, `10m`, `1h` or `90d`"
        ))
    })
}

/// What [`duration`] reads, as the schema describes it.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]+[smhd]$" })
}

/// The JSON Schema of the file.
///
/// # Errors
/// None that can be named: its text is always written.
pub fn schema() -> anyhow::Result<String> {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), "Toolgate approval service".into());
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn listen() -> String {
    "127.0.0.1:8181".to_owned()
}

fn database() -> String {
    "sqlite:approvals.db".to_owned()
}

fn user() -> String {
    "sub".to_owned()
}

fn roles() -> String {
    "groups".to_owned()
}

const fn expiry() -> Duration {
    Duration::from_secs(3_600)
}

const fn denial() -> Duration {
    Duration::from_secs(600)
}

const fn retention() -> Duration {
    Duration::from_secs(90 * 86_400)
}

#[cfg(test)]
mod tests;
