//! The way to the approval service.

use std::time::Duration;

use super::{At, Review, around::settings, filter};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[&UNPROVEN_ASKS, &CUT_WAITS];

const UNPROVEN_ASKS: Lint = Lint {
    code: "envoy-unproven-asks",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-unproven-asks.md"),
};

const CUT_WAITS: Lint = Lint {
    code: "envoy-cut-waits",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-cut-waits.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let everything = review.everything();
    let Some(policy) = review.policy.clone() else {
        return;
    };
    let (Some(approvals), Some(_)) = (
        policy.approvals(),
        everything.iter().find_map(filter::plugin),
    ) else {
        return;
    };
    let cluster = everything
        .iter()
        .find(|at| at.text("name") == approvals.cluster && at.field("load_assignment").is_some());
    if let Some(cluster) = cluster
        && !proves(cluster)
    {
        let message = "asks for approvals carry no secret: the service answers none of them";
        let help = "add the secret by a `credential_injector`, as `toolgate render` does";
        review.tell(&UNPROVEN_ASKS, cluster, "name", message.to_owned(), help);
    }
    let wait = policy.rules().iter().map(|rule| rule.wait).max();
    let longest = wait.unwrap_or_default().saturating_add(approvals.timeout);
    for at in settings(&everything, "stream_idle_timeout") {
        let idle = at.value.as_str().and_then(|text| {
            let seconds = text.strip_suffix('s')?.parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        });
        if idle.is_some_and(|idle| !idle.is_zero() && idle <= longest) {
            let message = format!(
                "a call that waits for an approval is cut: that may take {} s",
                longest.as_secs_f64()
            );
            let help = "let streams be idle for longer than a rule's `wait` and the service's \
                        `timeout` together";
            review.tell(&CUT_WAITS, &at, "", message, help);
        }
    }
}

/// Whether Envoy proves who asks: by a secret, or by a certificate.
pub(super) fn proves(cluster: &At<'_>) -> bool {
    cluster.everything().iter().any(|at| {
        let injects = at
            .message()
            .is_some_and(|(kind, _)| kind == "CredentialInjector");
        let certificates = ["tls_certificates", "tls_certificate_sds_secret_configs"];
        injects || certificates.iter().any(|name| at.field(name).is_some())
    })
}
