//! Limits as they are written into limits as they are counted.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    config::{self, Scope},
    limit::{Bound, Limit},
    problem::Problem,
};

/// All limits of a configuration, by name: what is named alike is counted together.
#[derive(Debug, Default)]
pub(crate) struct Limits(BTreeMap<String, Arc<Limit>>);

impl Limits {
    /// The limits that are written at `at`, on what is called `owner`.
    pub(crate) fn lower(
        &mut self,
        written: Vec<config::Limit>,
        owner: &str,
        at: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Arc<Limit>> {
        let mut limits = Vec::with_capacity(written.len());
        for (place, written) in written.into_iter().enumerate() {
            let at = format!("{at}.limits[{place}]");
            let Some(limit) = limit(written, owner, at, problems) else {
                continue;
            };
            let known = self.0.entry(limit.name.clone());
            let known = known.or_insert_with(|| Arc::new(limit.clone()));
            let alike = Limit {
                at: known.at.clone(),
                ..limit.clone()
            };
            if **known != alike {
                let message = format!(
                    "another limit has the name `{}`, and is not the same",
                    limit.name
                );
                let help =
                    "give each an `id` of its own; what has the same `id` is counted together";
                problems.push(Problem::new(limit.at, message).help(help));
            } else if !limits.contains(known) {
                limits.push(Arc::clone(known));
            }
        }
        limits
    }
}

fn limit(
    written: config::Limit,
    owner: &str,
    at: String,
    problems: &mut Vec<Problem>,
) -> Option<Limit> {
    let mut wrong = |field: &str, message: String, help: &str| {
        let path = match field {
            "" => at.clone(),
            field => format!("{at}.{field}"),
        };
        let problem = Problem::new(path, message);
        problems.push(if help.is_empty() {
            problem
        } else {
            problem.help(help)
        });
    };
    let mut amounts = written.amounts().into_iter();
    let Some(said) = amounts.next() else {
        let message = "it does not say how much of what there may be";
        let help = "as `requests_per_minute: 60` or `concurrent_calls: 4`";
        wrong("", message.to_owned(), help);
        return None;
    };
    for other in amounts {
        let message = format!("there is `{}` already: write a limit for each", said.field);
        wrong(&other.field, message, "");
    }
    if said.amount == 0 {
        let help = "to allow nothing, let a rule `deny`";
        wrong(&said.field, "a limit allows something".to_owned(), help);
    }
    let bound = match (said.period, written.burst) {
        (None, burst) => {
            if burst.is_some() {
                let message = "calls at the same time do not come back over time";
                wrong("burst", message.to_owned(), "");
            }
            Bound::Concurrent {
                amount: said.amount,
            }
        }
        (Some(period), None) => Bound::Window {
            amount: said.amount,
            period,
        },
        (Some(period), Some(burst)) => {
            if burst == 0 {
                wrong("burst", "nothing could ever be had at once".to_owned(), "");
            }
            Bound::Bucket {
                amount: said.amount,
                period,
                burst,
            }
        }
    };
    if written.scope == Scope::Global {
        if said.period.is_none() {
            let message = "each Envoy counts its own calls at the same time: it is `local`";
            wrong("scope", message.to_owned(), "");
        }
        if written.burst.is_some() {
            wrong(
                "burst",
                "rate-limit services count in windows".to_owned(),
                "",
            );
        }
    }
    let by = match &written.per {
        None => Vec::new(),
        Some(list) => {
            if list.as_slice().is_empty() {
                wrong(
                    "per",
                    "an empty list has no count of its own".to_owned(),
                    "",
                );
            }
            let mut by = list.as_slice().to_vec();
            by.sort_unstable();
            by.dedup();
            by
        }
    };
    let name = match written.id {
        Some(id) => {
            let good = |c: char| c.is_ascii_alphanumeric() || "-_.:/+".contains(c);
            if id.is_empty() || id.len() > MAX_NAME || !id.chars().all(good) {
                let help = "letters, digits, `-`, `_`, `.`, `:`, `/`, `+`, at most 128";
                wrong("id", format!("`{id}` is no name of a limit"), help);
            }
            id
        }
        None => {
            let by: Vec<_> = by.iter().map(|dimension| dimension.as_str()).collect();
            let per = if by.is_empty() { "" } else { "." };
            format!("{owner}.{}{per}{}", said.field, by.join("-"))
        }
    };
    Some(Limit {
        name,
        by,
        of: said.of,
        bound,
        scope: written.scope,
        at,
    })
}

const MAX_NAME: usize = 128;
