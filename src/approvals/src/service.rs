//! The running service: the store, who may come in, and who waits for what.

mod decide;
mod lend;

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use engine::cx::Timestamp;
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

use crate::{
    auth::{Door, Person},
    automatic::Rules,
    config::{Config, Unmask, nanoseconds},
    error::Error,
    hooks::Hooks,
    metrics::Metrics,
    page::Login,
    store::{Escalation, Store, Terms},
};

pub(crate) use decide::may_decide;

/// The running service.
pub struct Service {
    pub(crate) store: Store,
    pub(crate) terms: Terms,
    pub(crate) automatic: Rules,
    escalation: Vec<Escalation>,
    unmask: Unmask,
    pub(crate) url: String,
    pub(crate) door: Door,
    pub(crate) login: Option<Login>,
    pub(crate) metrics: Metrics,
    pub(crate) hooks: Hooks,
    operators: Vec<String>,
    /// Ids of what was decided here; other replicas are asked now and then.
    changes: broadcast::Sender<String>,
    /// The end of the trail, as long as anybody watches; `None`: the service ends.
    trail: watch::Sender<Option<i64>>,
    limiter: DefaultKeyedRateLimiter<String>,
    retention: i64,
}

/// Somebody who waits for a decision.
pub(crate) struct Waiting {
    changes: broadcast::Receiver<String>,
    until: Instant,
}

impl Service {
    /// Puts a store to work.
    ///
    /// # Errors
    /// A secret is missing or short, anybody could claim the filter's certificate, or a rule or a
    /// webhook is not what one can be.
    pub fn new(config: &Config, store: Store) -> anyhow::Result<Self> {
        let url = config.public_url.clone();
        let url = url.unwrap_or_else(|| format!("http://{}", config.listen));
        let login = config.login.as_ref();
        let login = login.map(|login| Login::new(login, &config.approvers.issuer));
        Ok(Self {
            store,
            terms: config.terms(),
            automatic: Rules::compile(&config.automatic)?,
            escalation: config.escalation.clone(),
            unmask: config.unmask.clone(),
            url: url.trim_end_matches('/').to_owned(),
            door: Door::new(&config.filter, &config.approvers)?,
            login: login.transpose()?,
            metrics: Metrics::new(),
            hooks: Hooks::new(&config.webhooks)?,
            operators: config.operators.roles.clone(),
            changes: broadcast::channel(1_024).0,
            trail: watch::Sender::new(Some(0)),
            limiter: DefaultKeyedRateLimiter::keyed(Quota::per_second(RATE).allow_burst(BURST)),
            retention: nanoseconds(config.retention),
        })
    }

    /// Tells those who wait that something was decided.
    pub(crate) fn announce(&self, id: &str) {
        // Nobody waiting is no error.
        drop(self.changes.send(id.to_owned()));
    }

    /// Begins to listen, before what is waited for is looked at.
    pub(crate) fn wait(&self, time: Duration) -> Waiting {
        Waiting {
            changes: self.changes.subscribe(),
            until: Instant::now() + time.min(LONGEST),
        }
    }

    /// Closes what is over, and lets others decide about what has waited for long.
    async fn close(&self) -> Result<u64, sqlx::Error> {
        let mut count = self.store.expire(now()).await?;
        for escalation in &self.escalation {
            count += self.store.escalate(escalation, now()).await?;
        }
        Ok(count)
    }

    /// Whether somebody sees to it that everybody is told.
    pub(crate) fn operates(&self, person: &Person) -> bool {
        let mut roles = person.roles.iter();
        roles.any(|role| self.operators.contains(role))
    }

    /// Begins to watch whether anything changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<i64>> {
        self.trail.subscribe()
    }

    /// Tells those who watch that the service ends.
    pub fn leave(&self) {
        self.trail.send_replace(None);
    }

    async fn look(&self) -> Result<(), sqlx::Error> {
        if self.trail.receiver_count() > 0 {
            let end = self.store.end().await?;
            self.trail.send_if_modified(|known| match known {
                Some(seq) if *seq != end => {
                    *seq = end;
                    true
                }
                Some(_) | None => false,
            });
        }
        Ok(())
    }

    pub(crate) fn limit(&self, who: String) -> Result<(), Error> {
        self.limiter.check_key(&who).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::too_many(wait.as_secs() + 1)
        })
    }
}

impl Waiting {
    /// Whether it is worth looking again: something may have happened to `id`, and there is time.
    pub(crate) async fn goes_on(&mut self, id: &str) -> bool {
        let look = Instant::now() + LOOK;
        if look.min(self.until) <= Instant::now() {
            return false;
        }
        loop {
            tokio::select! {
                changed = self.changes.recv() => match changed {
                    Ok(changed) if changed != id => {}
                    Ok(_) | Err(_) => return true,
                },
                () = tokio::time::sleep_until(look.min(self.until)) => return true,
            }
        }
    }
}

/// What time does by itself, for ever.
pub async fn tick(service: Arc<Service>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut look = tokio::time::interval(LOOK);
    let mut hour = tokio::time::interval(Duration::from_secs(3_600));
    loop {
        let done = tokio::select! {
            _ = second.tick() => {
                service.limiter.retain_recent();
                service.close().await
            }
            _ = look.tick() => service.look().await.map(|()| 0),
            _ = hour.tick() => {
                let then = now().0.saturating_sub(service.retention);
                service.store.prune(Timestamp(then)).await
            }
        };
        if let Err(error) = done {
            tracing::error!(%error, "cannot close what is over");
        }
    }
}

/// The one clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(nanoseconds(since.unwrap_or_default()))
}

/// How often what happened at another replica is looked for.
const LOOK: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// Requests of one person, or of one peer without a valid token.
const RATE: NonZeroU32 = NonZeroU32::new(20).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(60).unwrap();
