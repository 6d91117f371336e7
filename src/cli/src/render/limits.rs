//! Limits of all Envoys: who is asked for them, and what that service has to know.

use engine::{
    config::FailureMode,
    limit::{Bound, Limit, Measure, Period, Scope},
    policy::Policy,
    problem::Problem,
};
use serde_json::{Value, json};

use super::Host;
use crate::{
    envoy::{self, RateLimits},
    inputs::Gateway,
};

/// The service that is asked, as Envoy has to know it.
///
/// # Errors
/// What is wrong with its URL.
pub(super) fn asked(policy: &Policy) -> Result<Option<RateLimits>, Problem> {
    let Some(service) = policy.rate_limit_service() else {
        return Ok(None);
    };
    let upstream = service.url.as_ref();
    let upstream = upstream.map(|url| envoy::upstream(service.cluster.clone(), url));
    let upstream = upstream.transpose().map_err(|problem| Problem {
        path: "rate_limit_service.url".to_owned(),
        ..problem
    })?;
    Ok(Some(RateLimits {
        cluster: service.cluster.clone(),
        upstream,
        domain: service.domain.clone(),
        timeout_ms: service.timeout.as_millis(),
        deny: service.failure_mode == FailureMode::Deny,
    }))
}

/// What is left to do for whoever adds the cluster.
pub(super) fn note(limits: &RateLimits) -> Option<String> {
    limits.upstream.is_none().then(|| {
        format!(
            "`rate_limit_service` has no url: add a cluster named `{}` yourself, with HTTP/2",
            limits.cluster
        )
    })
}

/// What a rate-limit service has to know, of all who have limits there; `None` where the host is none.
pub(super) fn of_all(host: Host, gateway: &Gateway) -> Option<Result<Value, Vec<Problem>>> {
    let several = gateway.parts.len() > 1;
    let parts = gateway.parts();
    let parts = parts.filter(|(_, part)| !several || part.policy.rate_limit_service().is_some());
    let written = parts.map(|(at, part)| {
        let found = document(host, &part.policy)?;
        let seen = |problem: Problem| Problem {
            path: format!("{at}{}", problem.path),
            ..problem
        };
        Some(found.map_err(|problems| problems.into_iter().map(seen).collect::<Vec<_>>()))
    });
    written.reduce(|all, one| {
        Some(match (all?, one?) {
            (Ok(all), Ok(one)) => Ok(joined(all, one)),
            (Err(mut all), Err(one)) => {
                all.extend(one);
                Err(all)
            }
            (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
        })
    })?
}

/// Lists one after the other, and lists within.
fn joined(all: Value, one: Value) -> Value {
    match (all, one) {
        (Value::Array(mut all), Value::Array(one)) => {
            all.extend(one);
            all.into()
        }
        (Value::Object(mut all), Value::Object(mut one)) => {
            for (name, value) in &mut all {
                if let Some(other) = one.remove(name) {
                    *value = joined(value.take(), other);
                }
            }
            all.into()
        }
        (all, _) => all,
    }
}

/// What a rate-limit service has to know; `None` where the host is none.
pub(super) fn document(host: Host, policy: &Policy) -> Option<Result<Value, Vec<Problem>>> {
    match host {
        Host::Envoy | Host::Istio | Host::EnvoyGateway => None,
        Host::Limitador => Some(limitador(policy)),
        Host::Ratelimit => Some(ratelimit(policy)),
    }
}

/// The limits file of Limitador.
fn limitador(policy: &Policy) -> Result<Value, Vec<Problem>> {
    of_each(policy, |limit, domain, amount, period| {
        let what = match limit.of {
            Measure::Requests => {
                // It takes only names that it knows for a variable, and `descriptors` is one.
                let counted = policy.counted_as(limit);
                let name = counted.replace('\\', r"\\").replace('\'', r"\'");
                let ours = format!("descriptors, descriptors.toolgate_limit == '{name}'");
                return Ok(json!({
                    "namespace": domain,
                    "name": counted,
                    "max_value": amount,
                    "seconds": period.length() / 1_000_000_000,
                    "conditions": [format!("descriptors.exists({ours})")],
                    "variables": [format!("descriptors.filter({ours})[0].toolgate_key")],
                }));
            }
            Measure::ResultBytes => "bytes",
            Measure::Tokens => "tokens",
            Measure::Cost => "cost units",
        };
        let message = format!("Limitador counts calls: it cannot count {what}");
        let help = "count them with envoyproxy/ratelimit (`--for ratelimit`)";
        Err(Problem::new(limit.at.clone(), message).help(help))
    })
    .map(Value::Array)
}

/// The configuration of envoyproxy/ratelimit.
fn ratelimit(policy: &Policy) -> Result<Value, Vec<Problem>> {
    let descriptors = of_each(policy, |limit, _, amount, period| {
        let unit = match period {
            // Its months are of 30 days. A counter of ours is of one month, and never asked for
            // after it.
            Period::Month => "year",
            Period::Second | Period::Minute | Period::Hour | Period::Day => period.as_str(),
        };
        if u32::try_from(amount).is_err() {
            let message = format!("envoyproxy/ratelimit counts to {} at most", u32::MAX);
            let help = "limit shorter periods, or count in other units";
            return Err(Problem::new(limit.at.clone(), message).help(help));
        }
        Ok(json!({
            "key": "toolgate_limit",
            "value": policy.counted_as(limit),
            "descriptors": [{
                "key": "toolgate_key",
                "rate_limit": { "unit": unit, "requests_per_unit": amount },
            }],
        }))
    })?;
    let domain = policy.rate_limit_service().map(|service| &service.domain);
    Ok(json!({ "domain": domain, "descriptors": descriptors }))
}

fn of_each(
    policy: &Policy,
    one: impl Fn(&Limit, &str, u64, Period) -> Result<Value, Problem>,
) -> Result<Vec<Value>, Vec<Problem>> {
    let Some(service) = policy.rate_limit_service() else {
        let message =
            "the policy has no `rate_limit_service`: there are no limits of `scope: global`";
        return Err(vec![Problem::new("", message)]);
    };
    let domain = service.domain.as_str();
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for limit in policy.limits().into_values() {
        let (Scope::Global, Bound::Window { amount, period }) = (limit.scope, limit.bound) else {
            continue;
        };
        match one(limit, domain, amount, period) {
            Ok(value) => values.push(value),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
