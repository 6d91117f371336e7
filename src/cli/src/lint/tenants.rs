//! Tenants who share more than a filter.

use std::sync::Arc;

use engine::{policy::Policy, problem::Problem};

use super::{Lint, Review};
use crate::report::Level;

pub(super) const LINTS: &[&Lint] = &[&SHARED_CLUSTER, &SHARED_TOKEN];

const SHARED_CLUSTER: Lint = Lint {
    code: "shared-cluster",
    level: Level::Warning,
    page: include_str!("../../../../policies/lints/shared-cluster.md"),
};

const SHARED_TOKEN: Lint = Lint {
    code: "shared-token",
    level: Level::Error,
    page: include_str!("../../../../policies/lints/shared-token.md"),
};

/// `all` are the policies of all tenants.
pub(super) fn review(review: &mut Review<'_>, all: &[Arc<Policy>]) {
    let policy = Arc::clone(&review.loaded.policy);
    let Some(tenancy) = policy.tenancy() else {
        return;
    };
    let others = all
        .iter()
        .filter_map(|one| Some((one.tenancy()?.id(), one)));
    for (name, other) in others.filter(|(id, _)| *id != tenancy.id()) {
        clusters(review, &policy, name, other);
        tokens(review, &policy, name, other);
    }
}

fn clusters(review: &mut Review<'_>, policy: &Policy, name: &str, other: &Policy) {
    for server in policy.registry().servers() {
        let mut others = other.registry().servers();
        if let Some(same) = others.find(|other| other.cluster == server.cluster) {
            let message = format!(
                "cluster `{}` is server `{}` of tenant `{name}` too",
                server.cluster, same.id
            );
            let help = "leave `cluster` out, and each tenant has one of its own";
            let problem = Problem::new(format!("{}.cluster", server.at), message).help(help);
            review.tell(&SHARED_CLUSTER, problem);
        }
    }
}

fn tokens(review: &mut Review<'_>, policy: &Policy, name: &str, other: &Policy) {
    if policy.identity().tenant.is_some() {
        return;
    }
    for (i, issuer) in policy.identity().issuers.iter().enumerate() {
        let same = other.identity().issuers.iter().any(|other| {
            let mut audiences = issuer.audiences.iter();
            other.issuer == issuer.issuer && audiences.any(|one| other.audiences.contains(one))
        });
        if same {
            let message = format!("tokens for tenant `{name}` are good here");
            let help = "name the claim that says whose they are, `identity.tenant`, or another \
                        audience";
            let at = format!("{}.issuers[{i}]", policy.identity().place());
            review.tell(&SHARED_TOKEN, Problem::new(at, message).help(help));
        }
    }
}
