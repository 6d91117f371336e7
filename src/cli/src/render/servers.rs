//! The registered servers, as Envoy must know them.

use std::collections::BTreeMap;

use engine::{
    problem::Problem,
    registry::{self, Credential, Registry},
};
use serde_json::Value;

use crate::{
    envoy::{self, Server, Setup},
    inputs::Gateway,
};

/// Those that say where they are.
pub(super) fn of(gateway: &Gateway, problems: &mut Vec<Problem>) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    let registries = gateway
        .parts()
        .map(|(at, part)| (at, part.policy.registry()));
    let all = registries.flat_map(|(at, registry)| {
        let servers = registry.servers();
        servers.map(move |server| (at.clone(), registry, server))
    });
    let mut keepers = BTreeMap::new();
    for (at, registry, registered) in all {
        let secret = registered.credential.as_ref().and_then(secret_of);
        if let Some(secret) = secret
            && let Some(other) = keepers.insert(secret, at.clone())
            && other != at
        {
            // Whoever names a secret may send it to a server of its own.
            let path = format!("{at}servers.{}.credential", registered.id);
            let message = format!("secret `{secret}` is another tenant's");
            problems.push(Problem::new(path, message).help("give it a name of its own"));
        }
        let Some(url) = &registered.url else { continue };
        let field = |field: &str| format!("{at}servers.{}.{field}", registered.id);
        let server = match server(registry, registered, url) {
            Ok(server) => server,
            Err((at, problem)) => {
                problems.push(Problem {
                    path: field(at),
                    ..problem
                });
                continue;
            }
        };
        let cluster = &server.upstream.cluster;
        let Some(other) = servers.iter_mut().find(|s| s.upstream.cluster == *cluster) else {
            servers.push(server);
            continue;
        };
        other.retries |= server.retries;
        let message = if other.upstream != server.upstream {
            format!(
                "cluster `{cluster}` is already at `{}`: one cluster is one place",
                other.upstream.address
            )
        } else if (&other.failover, &other.health, &other.credential)
            != (&server.failover, &server.health, &server.credential)
        {
            format!(
                "another server is behind cluster `{cluster}`, with another failover, health or \
                 credential"
            )
        } else {
            continue;
        };
        problems.push(Problem::new(field("url"), message));
    }
    let mut prefixes = BTreeMap::new();
    for server in &servers {
        if let Some(Credential::Secret { secret, prefix, .. }) = &server.credential
            && prefixes
                .insert(secret.clone(), prefix.clone())
                .is_some_and(|known| known != *prefix)
        {
            let message = format!("another server has secret `{secret}` behind another prefix");
            let at = format!("cluster {}", server.upstream.cluster);
            problems.push(Problem::new(at, message).help("give it a name of its own"));
        }
    }
    servers
}

/// The name of the secret in a credential.
fn secret_of(credential: &Credential) -> Option<&str> {
    match credential {
        Credential::None => None,
        Credential::Secret { secret, .. } => Some(secret),
        Credential::OAuth2(oauth2) => Some(&oauth2.secret),
    }
}

/// One of them, or what is wrong and with which of its fields.
fn server(
    registry: &Registry,
    registered: &registry::Server,
    url: &str,
) -> Result<Server, (&'static str, Problem)> {
    let at = |field, cluster: String, url: &str| {
        envoy::upstream(cluster, url).map_err(|problem| (field, problem))
    };
    let cluster = || registered.cluster.clone();
    let failover = registered.failover.as_ref();
    let failover = failover.map(|url| at("failover.url", cluster(), url));
    let tokens = match &registered.credential {
        Some(Credential::OAuth2(oauth2)) => {
            let cluster = envoy::token_cluster(&registered.cluster);
            let upstream = at("credential.oauth2.tokenUrl", cluster, &oauth2.token_url);
            Some(upstream?)
        }
        Some(Credential::Secret { .. } | Credential::None) | None => None,
    };
    let mut tools = registry.entries().filter(|one| one.server == registered.id);
    Ok(Server {
        upstream: at("url", cluster(), url)?,
        failover: failover.transpose()?,
        health: registered.health.clone(),
        credential: registered.credential.clone(),
        tokens,
        retries: tools.any(|tool| tool.idempotent),
    })
}

/// What has to be in the folder with the secrets, as a comment.
pub(super) fn secrets_text(setup: &Setup) -> String {
    let files: BTreeMap<String, Value> = documents(setup)
        .map(|(secret, prefix)| {
            let document = envoy::document(secret, &format!("{prefix}SECRET"));
            (format!("{secret}.yaml"), document)
        })
        .collect();
    if files.is_empty() {
        return String::new();
    }
    let form = serde_saphyr::to_string(&files).unwrap_or_default();
    format!(
        "\n\nFor servers: Envoy adds what they know it by from files in {}, and takes up new\n\
         ones as these are replaced. On Kubernetes: the keys of a Secret that is mounted there.\n{form}",
        setup.secrets
    )
}

/// The secrets that servers need, each with what stands before it.
pub(crate) fn documents(setup: &Setup) -> impl Iterator<Item = (&str, &str)> {
    let credentials = setup.servers.iter().flat_map(|server| &server.credential);
    credentials.filter_map(|credential| match credential {
        Credential::None => None,
        Credential::Secret { secret, prefix, .. } => Some((secret.as_str(), prefix.as_str())),
        Credential::OAuth2(oauth2) => Some((oauth2.secret.as_str(), "")),
    })
}
