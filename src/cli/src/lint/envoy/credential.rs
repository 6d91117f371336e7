//! How servers know the gateway.

use std::net::IpAddr;

use engine::registry::Server;

use super::{At, Review, approver::proves, filter};
use crate::{lint::Lint, report::Level};

pub(super) const LINTS: &[&Lint] = &[&NO_CREDENTIAL];

const NO_CREDENTIAL: Lint = Lint {
    code: "envoy-no-credential",
    level: Level::Warning,
    page: include_str!("../../../../../policies/lints/envoy-no-credential.md"),
};

pub(super) fn review(review: &mut Review<'_>) {
    let everything = review.everything();
    let (Some(policy), Some(_)) = (
        review.policy.clone(),
        everything.iter().find_map(filter::plugin),
    ) else {
        return;
    };
    for server in policy.registry().servers() {
        let cluster = everything.iter().find(|at| {
            let is_cluster = ["load_assignment", "eds_cluster_config"];
            at.text("name") == server.cluster && is_cluster.iter().any(|it| at.field(it).is_some())
        });
        if let Some(cluster) = cluster
            && let Some((message, help)) = lacks(server, cluster)
        {
            review.tell(&NO_CREDENTIAL, cluster, "name", message, &help);
        }
    }
}

/// What a server's cluster should add to requests, and does not.
fn lacks(server: &Server, cluster: &At<'_>) -> Option<(String, String)> {
    let id = &server.id;
    let Some(credential) = &server.credential else {
        return (!proves(cluster) && !is_here(cluster)).then(|| {
            (
                format!("requests to server `{id}` prove nothing about who sends them"),
                "name its `credential` in the registry, and `credential: none` where it needs none"
                    .to_owned(),
            )
        });
    };
    let secret = credential.secret()?;
    let injects = |at: &At<'_>| {
        let message = at.message();
        let injector = message.filter(|(kind, _)| kind == "CredentialInjector");
        let below = injector.map(|(_, injector)| injector.everything());
        below.is_some_and(|below| below.iter().any(|at| at.text("name") == secret))
    };
    (!cluster.everything().iter().any(injects)).then(|| {
        (
            format!("server `{id}` wants secret `{secret}`, and its cluster does not add it"),
            "add it by a `credential_injector`, as `toolgate render` does".to_owned(),
        )
    })
}

/// Whether nobody reaches it but from the gateway's own machine.
fn is_here(cluster: &At<'_>) -> bool {
    let everything = cluster.everything();
    let mut hosts = everything
        .iter()
        .filter_map(|at| at.field("socket_address"));
    let loops = |at: At<'_>| {
        let host = at.text("address").parse::<IpAddr>();
        host.is_ok_and(|host| host.is_loopback())
    };
    hosts.next().is_some_and(loops) && hosts.all(loops)
}
