//! What surrounds the filter: routes, clusters, buffers, logs and metrics.

use std::collections::BTreeSet;

use super::{At, Review, filter};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[
    &UNKNOWN_CLUSTER,
    &NO_ROUTE,
    &CUT_STREAMS,
    &BODY_LIMIT,
    &NO_RECORD,
    &NO_TAGS,
];

const UNKNOWN_CLUSTER: Lint = Lint {
    code: "envoy-unknown-cluster",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-unknown-cluster.md"),
};

const NO_ROUTE: Lint = Lint {
    code: "envoy-no-route",
    level: Level::Error,
    page: include_str!("../../../../../policies/lints/envoy-no-route.md"),
};

const CUT_STREAMS: Lint = Lint {
    code: "envoy-cut-streams",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-cut-streams.md"),
};

const BODY_LIMIT: Lint = Lint {
    code: "envoy-body-limit",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-body-limit.md"),
};

const NO_RECORD: Lint = Lint {
    code: "envoy-no-record",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-no-record.md"),
};

const NO_TAGS: Lint = Lint {
    code: "envoy-no-tags",
    level: Level::Note,
    page: include_str!("../../../../../policies/lints/envoy-no-tags.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let everything = review.everything();
    // Without the filter there is one thing to say, and it was said.
    let Some(plugin) = everything.iter().find_map(filter::plugin) else {
        return;
    };
    clusters(review);
    routes(review, &everything, &plugin);
    buffers(review, &everything, &plugin);
    record(review, &everything, &plugin);
    tags(review, &everything, &plugin);
}

/// A document that holds every cluster must hold those of the registry, and who is asked.
fn clusters(review: &mut Review<'_>) {
    let Some(policy) = review.policy.clone() else {
        return;
    };
    for document in review.documents.clone() {
        let Some(list) = document.at("static_resources/clusters") else {
            continue;
        };
        if document.at("dynamic_resources/cds_config").is_some() {
            continue;
        }
        let known: BTreeSet<_> = list.items().iter().map(|one| one.text("name")).collect();
        for place in list.everything() {
            for field in ["token_endpoint/cluster", "envoy_grpc/cluster_name"] {
                let cluster = place.text(field);
                if !cluster.is_empty() && !known.contains(&cluster) {
                    let message = format!(
                        "what is told to Envoy by a cluster `{cluster}` never is: there is none"
                    );
                    review.tell(
                        &UNKNOWN_CLUSTER,
                        &place,
                        field.split('/').next().unwrap_or_default(),
                        message,
                        "add it",
                    );
                }
            }
        }
        for server in policy.registry().servers() {
            if !known.contains(&server.cluster) {
                let (id, cluster) = (&server.id, &server.cluster);
                let message =
                    format!("server `{id}` is behind a cluster `{cluster}`: there is none");
                review.tell(&UNKNOWN_CLUSTER, &list, "", message, "add it");
            }
        }
        let approver = policy.approvals().map(|approvals| &approvals.cluster);
        let limiter = policy.rate_limit_service().map(|service| &service.cluster);
        for (what, cluster) in [("approvals", approver), ("limits", limiter)] {
            if let Some(cluster) = cluster.filter(|cluster| !known.contains(*cluster)) {
                let message =
                    format!("{what} are asked for by a cluster `{cluster}`: there is none");
                review.tell(&UNKNOWN_CLUSTER, &list, "", message, "add it");
            }
        }
    }
}

/// Requests go where the filter sends them, and stay as long as they need.
fn routes(review: &mut Review<'_>, everything: &[At<'_>], plugin: &At<'_>) {
    let steered: Vec<_> = everything
        .iter()
        .filter(|at| at.text("cluster_header") == "x-toolgate-cluster")
        .collect();
    // Routes that Envoy is told of by others are not here to be judged.
    let elsewhere = everything.iter().any(|at| at.field("rds").is_some());
    if steered.is_empty() && !elsewhere {
        let message = "no route sends requests where the filter has judged they may go".to_owned();
        let help = "add a route with `cluster_header: x-toolgate-cluster`";
        review.tell(&NO_ROUTE, plugin, "", message, help);
    }
    for route in steered {
        let timeout = route.text("timeout");
        if timeout.trim_end_matches('s').parse() != Ok(0.0) {
            let message = "event streams are cut after this route's timeout, 15 s by default";
            let help = "write `timeout: 0s`: the timeouts of tools end calls";
            review.tell(&CUT_STREAMS, route, "", message.to_owned(), help);
        }
    }
}

/// Envoy must hold as much as the filter reads.
fn buffers(review: &mut Review<'_>, everything: &[At<'_>], plugin: &At<'_>) {
    let Some(policy) = review.policy.clone() else {
        return;
    };
    let bounds = policy.bounds();
    let needed = bounds.max_request_bytes.max(bounds.max_response_bytes);
    let needed = u64::try_from(needed).unwrap_or(u64::MAX);
    let connection = settings(everything, "per_connection_buffer_limit_bytes");
    let help = format!("write more than {needed} bytes: `max_request_bytes`, `max_response_bytes`");
    if connection.is_empty() {
        let message = "a listener holds 1 MiB of a body by default: less than the policy allows";
        if needed >= 1 << 20 {
            review.tell(&BODY_LIMIT, plugin, "", message.to_owned(), &help);
        }
    }
    let windows = settings(everything, "initial_stream_window_size");
    for at in connection.iter().chain(&windows) {
        if at.value.as_u64().is_some_and(|bytes| bytes < needed) {
            let message = format!(
                "Envoy holds {} bytes of a body: less than the policy allows",
                at.value
            );
            review.tell(&BODY_LIMIT, at, "", message, &help);
        }
    }
}

/// A setting, as a member or as what a JSON patch writes.
pub(super) fn settings<'v>(everything: &[At<'v>], name: &str) -> Vec<At<'v>> {
    let last = format!("/{name}");
    everything
        .iter()
        .filter_map(|at| {
            let patched = at.text("path").ends_with(&last);
            at.field(if patched { "value" } else { name })
        })
        .collect()
}

/// The audit record reaches a log, as JSON.
fn record(review: &mut Review<'_>, everything: &[At<'_>], plugin: &At<'_>) {
    const RECORD: &str = "FILTER_STATE(wasm.toolgate";
    let help = "print `%FILTER_STATE(wasm.toolgate:PLAIN)%` by a `text_format_source`";
    let holds = |at: &&At<'_>| at.value.as_str().is_some_and(|text| text.contains(RECORD));
    let printed: Vec<_> = everything.iter().filter(holds).collect();
    if printed.is_empty() {
        let message = "no access log prints the audit record: nobody sees what was decided";
        review.tell(&NO_RECORD, plugin, "", message.to_owned(), help);
    }
    for at in printed {
        if at.path.contains("json_format") || at.path.contains("jsonFormat") {
            let message = "the audit record is JSON already: `json_format` quotes it as a text";
            review.tell(&NO_RECORD, at, "", message.to_owned(), help);
        }
    }
}

/// Metrics have labels.
fn tags(review: &mut Review<'_>, everything: &[At<'_>], plugin: &At<'_>) {
    let cuts = |at: &At<'_>| at.text("regex").contains("toolgate_");
    // Envoy Gateway's bootstrap is a text of its own.
    let embedded = |at: &At<'_>| {
        at.value
            .as_str()
            .is_some_and(|text| text.contains("stats_tags"))
    };
    if !everything.iter().any(|at| cuts(at) || embedded(at)) {
        let message = "the tags of metrics stay in their names".to_owned();
        let help = "take `stats_config` from what `toolgate render` writes";
        review.tell(&NO_TAGS, plugin, "", message, help);
    }
}
