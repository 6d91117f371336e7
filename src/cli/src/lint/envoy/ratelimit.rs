//! The way to the rate-limit service.

use engine::{config::FailureMode, limit::Scope};

use super::{Review, chain};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[&UNCOUNTED_LIMITS];

const UNCOUNTED_LIMITS: Lint = Lint {
    code: "envoy-uncounted-limits",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-uncounted-limits.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let Some(policy) = review.policy.clone() else {
        return;
    };
    let limits = policy.limits();
    let global = limits.values().find(|limit| limit.scope == Scope::Global);
    let (Some(service), Some(global)) = (policy.rate_limit_service(), global) else {
        return;
    };
    let help = "take over what `toolgate render` writes";
    for (toolgate, after) in chain::after(review) {
        let filter = after.iter().find_map(|at| {
            let message = at.field("typed_config")?.message();
            message.filter(|(kind, _)| kind == "RateLimit")
        });
        let Some((_, filter)) = filter else {
            let message = format!(
                "nobody counts for all Envoys, as limit `{}` asks: no `ratelimit` filter comes after \
                 Toolgate",
                global.name
            );
            review.tell(&UNCOUNTED_LIMITS, &toolgate, "", message, help);
            continue;
        };
        let deny = filter.field("failure_mode_deny");
        let deny = deny.is_some_and(|at| at.value.as_bool() == Some(true));
        if deny != (service.failure_mode == FailureMode::Deny) {
            let message = format!(
                "the policy says `failure_mode: {}`, and this filter does otherwise",
                service.failure_mode.as_str()
            );
            let help = "`failure_mode_deny: true` denies; without it calls pass";
            review.tell(&UNCOUNTED_LIMITS, &filter, "", message, help);
        }
        if filter.text("domain") != service.domain {
            let message = format!("the policy's limits are in domain `{}`", service.domain);
            let help = "write the same in both";
            review.tell(&UNCOUNTED_LIMITS, &filter, "domain", message, help);
        }
        if filter.field("enable_x_ratelimit_headers").is_none() {
            let message = "nothing tells Toolgate which limit was meant, and that one was asked";
            let help = "write `enable_x_ratelimit_headers: DRAFT_VERSION_03`";
            review.tell(&UNCOUNTED_LIMITS, &filter, "", message.to_owned(), help);
        }
        let everything = review.everything();
        let mut texts = everything.iter().map(|at| at.text("text"));
        if !texts.any(|text| text.contains("wasm.toolgate_limit_")) {
            let message = "no route makes descriptors of what Toolgate asks: nothing is counted";
            review.tell(&UNCOUNTED_LIMITS, &filter, "", message.to_owned(), help);
        }
    }
}
