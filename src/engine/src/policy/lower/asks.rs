//! What is written about approvals: where they are asked for, how many, and in what time.

use std::time::Duration;

use super::Lowering;
use crate::{
    config::{self, Effect},
    policy::Approvals,
    problem::Problem,
    registry::text::{duration, url_path},
};

impl Lowering<'_> {
    /// The service that is asked.
    pub(in crate::policy) fn approvals(&mut self, written: config::Approvals) -> Approvals {
        let at = written.at;
        let cluster = written.cluster.unwrap_or_else(|| CLUSTER.to_owned());
        if cluster.is_empty() {
            self.wrong(&at, "cluster", "a cluster has a name");
        }
        let whole = |url: &str| url_path(url) == Some(None);
        if written.url.as_deref().is_some_and(|url| !whole(url)) {
            let message = "expected a URL without a path that begins with `http://` or `https://`";
            self.wrong(&at, "url", message);
        }
        let timeout = self.time(&at, "timeout", written.timeout.as_deref());
        Approvals {
            cluster,
            timeout: timeout.unwrap_or(TIMEOUT),
            url: written.url,
        }
    }

    /// How many approvals a rule asks for, how long a call is held, and how long they last.
    pub(super) fn asks(
        &mut self,
        at: &str,
        effect: Effect,
        written: &config::Rule,
    ) -> (u32, Duration, Option<Duration>) {
        let fields = [
            ("approvals", written.approvals.is_some()),
            ("wait", written.wait.is_some()),
            ("expires", written.expires.is_some()),
        ];
        for (field, said) in fields {
            if said && effect != Effect::ApprovalRequired {
                let problem =
                    Problem::new(format!("{at}.{field}"), "the rule asks for no approval");
                let help = "decide `approval_required`, or leave it out";
                self.problems.push(problem.help(help));
            }
        }
        let approvals = written.approvals.unwrap_or(1);
        if !(1..=MAX_APPROVALS).contains(&approvals) {
            let message = format!("`{approvals}` is not from 1 to {MAX_APPROVALS}");
            self.wrong(at, "approvals", message);
        } else if approvals > 1 && written.requires_user_confirmation {
            self.wrong(at, "approvals", "there is one user to confirm it");
        }
        let wait = self.time(at, "wait", written.wait.as_deref());
        let expires = written.expires.as_deref().and_then(|text| {
            let time = duration(text).filter(|time| time.as_secs() > 0);
            if time.is_none() {
                let message = format!("`{text}` is no time from one second on: `30s`, `15m`, `4h`");
                self.wrong(at, "expires", message);
            }
            time
        });
        (approvals, wait.unwrap_or_default(), expires)
    }

    /// A time for which a call is held.
    pub(super) fn time(&mut self, at: &str, field: &str, text: Option<&str>) -> Option<Duration> {
        let text = text?;
        let time = duration(text).filter(|time| !time.is_zero() && *time <= MAX_WAIT);
        if time.is_none() {
            let message = format!("`{text}` is no time up to a minute: `500ms`, `20s`, `1m`");
            self.wrong(at, field, message);
        }
        time
    }
}

const CLUSTER: &str = "toolgate-approvals";
const TIMEOUT: Duration = Duration::from_secs(2);
/// Clients and proxies give up on what takes longer.
const MAX_WAIT: Duration = Duration::from_secs(60);
const MAX_APPROVALS: u32 = 10;
