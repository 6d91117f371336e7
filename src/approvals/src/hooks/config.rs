//! Webhooks, as an operator writes them.

use anyhow::{Context as _, bail};
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{config::Secret, store::Event};

/// Somebody who is told what happens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name, in metrics and dead letters: lower-case letters, digits, `-` and `_`.
    pub id: String,
    /// Where it listens: `https://..`, or `http://..` on this machine.
    pub url: Address,
    /// What it understands.
    pub format: Format,
    /// Signs what is sent: `whsec_` and base64, or any other text.
    pub secret: Option<Secret>,
    /// Signs too, while receivers change to the new one.
    pub previous_secret: Option<Secret>,
    /// Only these events; absent: all.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Only asks that one of these roles decides; absent: all.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `{ type, timestamp, data }`, as Standard Webhooks recommends.
    Json,
    /// A message for an incoming webhook of Slack.
    Slack,
    /// CloudEvents 1.0 in structured mode.
    Cloudevents,
}

/// An address, or where it is kept if nobody may know it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`url` is neither an address nor the `env` or `file` that holds one"
)]
pub enum Address {
    /// This one.
    Plain(String),
    /// It is a secret itself.
    Kept(Secret),
}

/// The people who see to it that everybody is told.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    /// Their roles: they see which deliveries wait or failed, and have them tried again.
    pub roles: Vec<String>,
}

impl Webhook {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let named =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if self.id.is_empty() || self.id.len() > 63 || !self.id.chars().all(named) {
            bail!("`id` is not 1 to 63 lower-case letters, digits, `-` and `_`");
        }
        if self
            .events
            .iter()
            .any(|event| matches!(event, Event::Delegated | Event::Withdrawn))
        {
            bail!("`events`: only what happens to an ask is told");
        }
        match (self.format, &self.url, &self.secret) {
            (Format::Slack, Address::Plain(_), _) => {
                bail!("whoever knows a `url` of Slack can write there: keep it in `env` or `file`")
            }
            (Format::Json | Format::Cloudevents, _, None) => {
                bail!("it needs a `secret`, by which the receiver knows that it is told by us")
            }
            (Format::Slack | Format::Json | Format::Cloudevents, _, _) => Ok(()),
        }
    }
}

impl Address {
    pub(super) fn read(&self) -> anyhow::Result<Url> {
        let text = match self {
            Self::Plain(text) => text.clone(),
            Self::Kept(secret) => secret.text()?.0,
        };
        // What was written is not repeated, since it may be a secret.
        let url = Url::parse(&text).context("`url` is not an address")?;
        let here = match url.host_str() {
            Some("localhost" | "127.0.0.1" | "[::1]") => true,
            Some(_) | None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            bail!("`url` is neither `https://..` nor `http://..` on this machine");
        }
        Ok(url)
    }
}
