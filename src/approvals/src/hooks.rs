//! Telling people what happens: each webhook hears what it wants, signed, until it has taken it.
//!
//! What this module does not do: remember. What is still to be told, and to whom, is in the store.

mod body;
pub(crate) mod config;
mod signature;
mod slack;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use engine::cx::Timestamp;
use reqwest::{StatusCode, Url, header};
use tokio::task::JoinSet;

use crate::{
    Service,
    config::{Secret, nanoseconds},
    service::now,
    store::{Delivery, Outcome, Subscription},
};
use config::{Format, Webhook};
use signature::Signer;

/// All webhooks.
pub(crate) struct Hooks {
    hooks: Vec<Arc<Hook>>,
    client: reqwest::Client,
}

/// Somebody who is told.
struct Hook {
    wants: Subscription,
    url: Url,
    format: Format,
    signer: Option<Signer>,
}

/// Why an attempt failed.
struct Fault {
    error: String,
    /// The receiver says that it never wants to hear anything again.
    gone: bool,
    /// How long it asks us to wait.
    pause: Option<Duration>,
}

impl Hooks {
    pub(crate) fn new(webhooks: &[Webhook]) -> anyhow::Result<Self> {
        let mut hooks: Vec<Arc<Hook>> = Vec::new();
        for webhook in webhooks {
            let id = &webhook.id;
            let hook = Hook::new(webhook).with_context(|| format!("the webhook `{id}`"))?;
            if hooks.iter().any(|hook| hook.wants.hook == *id) {
                bail!("there are two webhooks `{id}`");
            }
            hooks.push(Arc::new(hook));
        }
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // What is told is told where the operator wrote, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("toolgate-approvals/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { hooks, client })
    }

    /// Makes the store know them, and forget those that are gone.
    async fn subscribe(&self, service: &Service) -> Result<(), sqlx::Error> {
        let ids: Vec<_> = self
            .hooks
            .iter()
            .map(|hook| hook.wants.hook.as_str())
            .collect();
        for (hook, count) in service.store.subscribe(&ids).await? {
            tracing::warn!(
                "webhook `{hook}` is not configured any more; deliveries dropped: {count}"
            );
        }
        Ok(())
    }
}

/// Tells everybody, for ever. Each hook goes its own pace, so that a slow one holds up no other.
pub async fn deliver(service: Arc<Service>) {
    while let Err(error) = service.hooks.subscribe(&service).await {
        tracing::error!(%error, "cannot look for what is to be told");
        tokio::time::sleep(PAUSE).await;
    }
    let mut tasks = JoinSet::new();
    for hook in &service.hooks.hooks {
        let (hook, service) = (Arc::clone(hook), Arc::clone(&service));
        tasks.spawn(async move {
            loop {
                match hook.round(&service, now()).await {
                    // What came after these may be due now.
                    Ok(1..) => {}
                    Ok(0) => tokio::time::sleep(POLL).await,
                    Err(error) => {
                        tracing::error!(%error, hook = hook.wants.hook, "cannot tell what happened");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

impl Hook {
    fn new(webhook: &Webhook) -> anyhow::Result<Self> {
        let secrets = webhook.secret.iter().chain(&webhook.previous_secret);
        let secrets = secrets.map(Secret::read).collect::<Result<Vec<_>, _>>()?;
        webhook.check()?;
        Ok(Self {
            wants: Subscription {
                hook: webhook.id.clone(),
                events: webhook.events.clone(),
                roles: webhook.roles.clone(),
            },
            url: webhook.url.read()?,
            format: webhook.format,
            signer: Signer::new(&secrets)?,
        })
    }

    /// Tells what is due, all of it at once, and says how much that was.
    async fn round(
        self: &Arc<Self>,
        service: &Arc<Service>,
        now: Timestamp,
    ) -> Result<usize, sqlx::Error> {
        let until = Timestamp(now.0.saturating_add(nanoseconds(LEASE)));
        let mut posts = JoinSet::new();
        for delivery in service.store.claim(&self.wants, until, now).await? {
            let (hook, service) = (Arc::clone(self), Arc::clone(service));
            posts.spawn(async move {
                let outcome = match hook.post(&service, &delivery, now).await {
                    Ok(()) => Outcome::Delivered,
                    Err(fault) => fault.outcome(&delivery, now),
                };
                log(&delivery, &outcome);
                service.metrics.told(&delivery.hook, &outcome);
                (delivery, outcome)
            });
        }
        let outcomes = posts.join_all().await;
        if !outcomes.is_empty() {
            service.store.settle(&self.wants.hook, &outcomes).await?;
        }
        Ok(outcomes.len())
    }

    async fn post(
        &self,
        service: &Service,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (kind, body) = match self.format {
            Format::Json => ("application/json", body::json(delivery, &service.url)),
            Format::Slack => ("application/json", slack::message(delivery, &service.url)),
            Format::Cloudevents => (
                "application/cloudevents+json; charset=utf-8",
                body::cloudevent(delivery, &service.url),
            ),
        };
        let body = body.to_string();
        let mut request = service.hooks.client.post(self.url.clone());
        request = request.header(header::CONTENT_TYPE, kind);
        if let Some(signer) = &self.signer {
            for (name, value) in signer.sign(&delivery.hash, now, &body) {
                request = request.header(name, value);
            }
        }
        let mut response = request.body(body).send().await?;
        let status = response.status();
        let pause = response.headers().get(header::RETRY_AFTER);
        let pause = pause.and_then(|value| retry_after(value.to_str().ok()?, now));
        let mut said = Vec::new();
        while said.len() < MOST_SAID
            && let Ok(Some(chunk)) = response.chunk().await
        {
            said.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said);
        let said = said.trim().chars().take(MOST_SAID);
        let said = said.map(|c| if c.is_control() { ' ' } else { c });
        let hint = if status.is_redirection() {
            " (redirects are not followed)"
        } else {
            ""
        };
        let said: String = said.collect();
        let colon = if said.is_empty() { "" } else { ": " };
        Err(Fault {
            error: format!("{status}{hint}{colon}{said}"),
            gone: status == StatusCode::GONE,
            pause,
        })
    }
}

impl Fault {
    fn outcome(self, delivery: &Delivery, now: Timestamp) -> Outcome {
        let error = self.error;
        if self.gone || now.0.saturating_sub(delivery.since.0) >= nanoseconds(GIVE_UP) {
            return Outcome::Dead { error };
        }
        let pause = self.pause.unwrap_or_default().min(GIVE_UP);
        let pause = pause.max(backoff(delivery.attempts, delivery.entry.seq));
        let at = Timestamp(now.0.saturating_add(nanoseconds(pause)));
        Outcome::Retry { at, error }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        // The address may be a secret.
        let error = anyhow::Error::new(error.without_url());
        Self {
            error: format!("{error:#}"),
            gone: false,
            pause: None,
        }
    }
}

/// How long to wait after so many attempts: twice as long each time. Up to a quarter less, spread
/// by the golden ratio over what failed together, so that it does not come back together.
fn backoff(attempts: i64, seq: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default();
    let longest = FIRST
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST);
    let spread = (seq.wrapping_add(attempts)).rem_euclid(1_000) as f64 * 0.618_034;
    longest.mul_f64(1.0 - spread.fract() / 4.0)
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    (date.to_utc() - now.utc()).to_std().ok()
}

fn log(delivery: &Delivery, outcome: &Outcome) {
    let (hook, approval, attempt) = (&delivery.hook, &delivery.entry.approval, delivery.attempts);
    match outcome {
        Outcome::Delivered => tracing::debug!(hook, approval, attempt, "told"),
        Outcome::Retry { at, error } => {
            tracing::warn!(
                hook,
                approval,
                attempt,
                "not told, again at {}: {error}",
                at.rfc3339()
            );
        }
        Outcome::Dead { error } => {
            tracing::error!(hook, approval, attempt, "not told, a dead letter: {error}");
        }
    }
}

/// How often news are looked for.
const POLL: Duration = Duration::from_millis(250);
/// After the database failed.
const PAUSE: Duration = Duration::from_secs(5);
/// For one attempt.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than an attempt and what the database may need to write it down.
const LEASE: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3_600);
const GIVE_UP: Duration = Duration::from_secs(86_400);
/// So much of what a receiver says is kept, in bytes.
const MOST_SAID: usize = 500;

#[cfg(test)]
mod tests;
