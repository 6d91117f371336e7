//! The cluster of the approval service, and the secret by which the filter's asks are known there.

use serde_json::{Value, json};

use super::{
    Upstream,
    credential::{self, OPTIONS},
    typed,
};

/// Where approvals are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approver {
    /// The service.
    pub(crate) upstream: Upstream,
    /// Path, as Envoy sees it, of the document with the secret (see [`secret`]); without one, asks
    /// carry none.
    pub(crate) secret: Option<String>,
}

impl Approver {
    pub(super) fn value(&self, roots: &str) -> Value {
        let mut cluster = self.upstream.value(roots);
        let Some(members) = cluster.as_object_mut() else {
            return cluster;
        };
        members.insert("connect_timeout".into(), "1s".into());
        // A call that waits for a decision holds one of each. Beyond, calls are refused at once, so
        // that an approver that hangs takes no more than this. Nothing is sent twice: the answer to
        // an ask may have used its approval up.
        members.insert(
            "circuit_breakers".into(),
            json!({ "thresholds": [{
                "max_connections": HELD,
                "max_pending_requests": HELD,
                "max_requests": HELD,
                "max_retries": 0,
            }] }),
        );
        let credential = self.secret.as_ref().map(|path| {
            let source = json!({ "path": path });
            credential::generic(SECRET, "authorization", &source)
        });
        let mut options = credential::options(&self.upstream, credential);
        // The service closes what was idle for a minute: Envoy has to be first, or an ask is lost on
        // a connection that is just being closed.
        if let Some(options) = options.as_object_mut() {
            let idle = json!({ "idle_timeout": "30s" });
            options.insert("common_http_protocol_options".into(), idle);
        }
        members.insert(
            "typed_extension_protocol_options".into(),
            json!({ OPTIONS: typed(OPTIONS, options) }),
        );
        cluster
    }
}

/// The document that [`Approver::secret`] names.
pub(crate) fn secret(secret: &str) -> Value {
    credential::document(SECRET, &format!("Bearer {secret}"))
}

const SECRET: &str = "toolgate-approvals";
/// How many calls of one Envoy may wait for the approval service at a time.
const HELD: u32 = 512;
