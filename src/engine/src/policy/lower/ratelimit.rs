//! What is written about the service that counts for all Envoys.

use std::time::Duration;

use super::Lowering;
use crate::{config, policy::RateLimitService, registry::text::url_path};

impl Lowering<'_> {
    /// The service that counts.
    pub(in crate::policy) fn rate_limit_service(
        &mut self,
        written: config::RateLimitService,
    ) -> RateLimitService {
        let at = written.at;
        let cluster = written.cluster.unwrap_or_else(|| CLUSTER.to_owned());
        if cluster.is_empty() {
            self.wrong(&at, "cluster", "a cluster has a name");
        }
        let domain = written.domain.unwrap_or_else(|| DOMAIN.to_owned());
        if domain.is_empty() {
            self.wrong(&at, "domain", "a domain has a name");
        }
        let whole = |url: &str| url_path(url) == Some(None);
        if written.url.as_deref().is_some_and(|url| !whole(url)) {
            let message = "expected a URL without a path that begins with `http://` or `https://`";
            self.wrong(&at, "url", message);
        }
        let timeout = self.time(&at, "timeout", written.timeout.as_deref());
        RateLimitService {
            cluster,
            url: written.url,
            domain,
            timeout: timeout.unwrap_or(TIMEOUT),
            failure_mode: written.failure_mode,
        }
    }
}

const CLUSTER: &str = "toolgate-ratelimit";
const DOMAIN: &str = "toolgate";
const TIMEOUT: Duration = Duration::from_millis(250);
