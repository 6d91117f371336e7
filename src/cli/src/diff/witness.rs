//! Calls that may tell two policies apart: what varies in them, and how one is put together.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use engine::{
    call::Principal,
    condition::{Fact, Mention, Step, Test, View},
    cx::Timestamp,
};
use serde_json::{Map, Value as Json};

use super::{
    moments::moment,
    sample::{Contract, add, bounds, kind, matching, text},
};

/// One thing that varies from call to call.
pub(super) struct Dimension {
    pub(super) fact: Fact,
    /// What stands on the way to it where nothing does yet.
    way: Vec<Json>,
    /// What it is; the first leaves it as it is.
    pub(super) variants: Vec<Variant>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Variant {
    AsIs,
    Absent,
    Is(Json),
    /// What another fact is, and so much more.
    Like {
        other: Fact,
        suffix: String,
        more: f64,
    },
}

/// A call in the making.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    /// `null`: there are none.
    pub(super) args: Json,
    pub(super) meta: Json,
    pub(super) session: Option<String>,
    pub(super) now: Timestamp,
}

/// The dimensions that conditions span beside callers and `now`, for the arguments of these
/// contracts.
pub(super) fn dimensions(mentions: &[Mention], contracts: &[Contract<'_>]) -> Vec<Dimension> {
    let mut all: Vec<Dimension> = Vec::new();
    for mention in mentions {
        let mirrored = mention.other.as_ref().map(|other| Mention {
            fact: other.clone(),
            other: Some(mention.fact.clone()),
            ..mention.clone()
        });
        for mention in [Some(mention), mirrored.as_ref()].into_iter().flatten() {
            let fact = Fact {
                view: View::Value,
                ..mention.fact.clone()
            };
            let variants = match fact.variable {
                "args" => contracts
                    .iter()
                    .flat_map(|contract| variants(mention, *contract))
                    .collect(),
                "meta" => variants(mention, ANYTHING),
                "session" => vec![Variant::Absent, Variant::Is("s-1".into())],
                _ => continue,
            };
            let place = all.iter().position(|known| known.fact == fact);
            let place = place.unwrap_or_else(|| {
                let way = (1..fact.path.len()).filter_map(|end| {
                    let contract = contracts.first().filter(|_| fact.variable == "args");
                    Some(
                        contract
                            .unwrap_or(&ANYTHING)
                            .sample_at(fact.path.get(..end)?),
                    )
                });
                all.push(Dimension {
                    way: way.collect(),
                    fact,
                    variants: vec![Variant::AsIs],
                });
                all.len().saturating_sub(1)
            });
            let Some(dimension) = all.get_mut(place) else {
                continue;
            };
            for variant in variants {
                if !dimension.variants.contains(&variant) {
                    dimension.variants.push(variant);
                }
            }
        }
    }
    all
}

/// What a fact is worth trying as, for what a condition asks of it.
fn variants(mention: &Mention, contract: Contract<'_>) -> Vec<Variant> {
    let path = mention.fact.path.as_slice();
    let schema = contract.at(path);
    let constants = mention.constants.iter();
    let mut found = Vec::new();
    if let Some(other) = &mention.other {
        let suffix: String = constants.clone().filter_map(Json::as_str).collect();
        let suffixes = [suffix.clone(), format!("{suffix}x")];
        let suffixes = suffixes.into_iter().take(match mention.test {
            Test::Prefix => 2,
            _ => 1,
        });
        found.extend(suffixes.flat_map(|suffix| {
            [-1.0, 0.0, 1.0].map(|more| Variant::Like {
                other: other.clone(),
                suffix: suffix.clone(),
                more,
            })
        }));
    } else {
        match (&mention.fact.view, mention.test) {
            (View::Size, _) => {
                let sizes = constants.filter_map(Json::as_u64);
                let around = sizes.flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
                let sized = around.filter_map(|size| sized(contract, path, &schema, size));
                found.extend(sized.map(Variant::Is));
            }
            (View::FromNow, _) => {
                let now = Fact {
                    variable: "now",
                    path: Vec::new(),
                    view: View::Value,
                };
                let seconds = constants.filter_map(Json::as_f64);
                found.extend(seconds.flat_map(|n| [n - 1.0, n, n + 1.0]).map(|more| {
                    Variant::Like {
                        other: now.clone(),
                        suffix: String::new(),
                        more,
                    }
                }));
            }
            (View::Part { .. }, _) => {}
            (View::Value, Test::Present) => {
                found.push(Variant::Absent);
                found.push(Variant::Is(contract.sample_at(path)));
            }
            (View::Value, test) => {
                found.extend(constants.flat_map(|one| near(test, one)).map(Variant::Is));
            }
        }
    }
    let listed = schema.get("enum").and_then(Json::as_array);
    let listed = listed.into_iter().flatten().take(MAX_LISTED).cloned();
    found.extend(listed.chain(bounds(&schema)).map(Variant::Is));
    // Present, and none of what is named.
    if !schema.is_empty() {
        found.push(Variant::Is(contract.sample_at(path)));
    }
    found
}

/// Values on both sides of a constant.
fn near(test: Test, constant: &Json) -> Vec<Json> {
    let texts = |texts: &[String]| texts.iter().map(|text| Json::from(text.as_str())).collect();
    match (test, constant) {
        (Test::Equal | Test::Order, Json::Number(number)) => {
            let whole = number
                .as_f64()
                .is_some_and(|n| n.fract() == 0.0 && n.abs() > 1.0);
            let step = if whole { 1.0 } else { 0.01 };
            [-step, 0.0, step].map(|more| add(constant, more)).to_vec()
        }
        (Test::Equal, Json::Bool(truth)) => vec![Json::Bool(*truth), Json::Bool(!*truth)],
        (Test::Order, Json::String(text)) => match moment(text) {
            Some(at) => [-1, 0, 1]
                .map(|more| rfc3339(at + TimeDelta::seconds(more)).into())
                .to_vec(),
            None => texts(&[text.clone(), format!("{text}x")]),
        },
        (Test::Prefix, Json::String(text)) => texts(&[text.clone(), format!("{text}x")]),
        (Test::Suffix, Json::String(text)) => texts(&[text.clone(), format!("x{text}")]),
        (Test::Substring, Json::String(text)) => texts(&[text.clone(), format!("x{text}x")]),
        (Test::Pattern, Json::String(pattern)) => {
            let found = [matching(pattern, 1), matching(pattern, 12)];
            texts(&found.into_iter().flatten().collect::<Vec<_>>())
        }
        (Test::Holds, one) => vec![Json::Array(vec![one.clone()]), Json::Array(Vec::new())],
        _ => vec![constant.clone()],
    }
}

/// A value of this size.
fn sized(
    contract: Contract<'_>,
    path: &[Step],
    schema: &Map<String, Json>,
    size: u64,
) -> Option<Json> {
    let count = usize::try_from(size)
        .ok()
        .filter(|size| *size <= MAX_SIZE)?;
    Some(match kind(schema) {
        "array" => {
            let path: Vec<_> = path.iter().cloned().chain([Step::Item]).collect();
            Json::Array(vec![contract.sample_at(&path); count])
        }
        "object" => return None,
        _ => {
            let mut schema = schema.clone();
            schema.insert("minLength".to_owned(), size.into());
            if count == 0 {
                "".into()
            } else {
                text(&schema).into()
            }
        }
    })
}

impl Variant {
    /// Whether it is what something else is.
    pub(super) const fn depends(&self) -> bool {
        matches!(self, Self::Like { .. })
    }
}

impl Witness {
    /// The value of a fact.
    pub(super) fn value(&self, fact: &Fact, who: &Principal) -> Option<Json> {
        let text = |text: &Option<String>| text.as_deref().map(Json::from);
        let value = match fact.variable {
            "args" => return lead(&self.args, &fact.path).cloned(),
            "meta" => return lead(&self.meta, &fact.path).cloned(),
            "user" => text(&who.user)?,
            "agent" => text(&who.agent)?,
            "app" => text(&who.app)?,
            "tenant" => text(&who.tenant)?,
            "roles" => who.roles.iter().cloned().collect(),
            "scopes" => who.scopes.iter().cloned().collect(),
            "session" => text(&self.session)?,
            "now" => rfc3339(self.now.utc()).into(),
            _ => return None,
        };
        lead(&value, &fact.path).cloned()
    }

    /// Makes what varies in a dimension one of its variants.
    pub(super) fn set(&mut self, dimension: &Dimension, variant: &Variant, who: &Principal) {
        let fact = &dimension.fact;
        let value = match variant {
            Variant::AsIs => return,
            Variant::Absent => None,
            Variant::Is(value) => Some(value.clone()),
            Variant::Like {
                other,
                suffix,
                more,
            } => match self
                .value(other, who)
                .map(|value| beside(&value, suffix, *more))
            {
                Some(value) => Some(value),
                None => return,
            },
        };
        let into = match fact.variable {
            "args" => &mut self.args,
            "meta" => &mut self.meta,
            "session" => {
                self.session = value.and_then(|value| Some(value.as_str()?.to_owned()));
                return;
            }
            _ => return,
        };
        for (end, sample) in (1..).zip(&dimension.way) {
            let way = fact.path.get(..end).unwrap_or_default();
            if lead(into, way).is_none_or(|found| found.is_null()) {
                put(into, way, Some(sample.clone()));
            }
        }
        put(into, &fact.path, value);
    }
}

fn beside(value: &Json, suffix: &str, more: f64) -> Json {
    match value {
        Json::Number(_) => add(value, more),
        Json::String(text) => match moment(text) {
            Some(at) if suffix.is_empty() => {
                let shift = TimeDelta::try_milliseconds((more * 1_000.0) as i64);
                let shifted = shift.and_then(|shift| at.checked_add_signed(shift));
                rfc3339(shifted.unwrap_or(at)).into()
            }
            _ if more == 0.0 => format!("{text}{suffix}").into(),
            // Another text: longer, or with its end changed.
            _ if more > 0.0 => format!("{text}x{suffix}").into(),
            _ => format!("x{text}{suffix}").into(),
        },
        other => other.clone(),
    }
}

/// What a path leads to; of several items, the first.
fn lead<'v>(value: &'v Json, path: &[Step]) -> Option<&'v Json> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Item => value.get(0),
    })
}

/// Puts a value where a path leads, and makes the way there.
fn put(into: &mut Json, path: &[Step], value: Option<Json>) {
    let Some((step, rest)) = path.split_first() else {
        *into = value.unwrap_or(Json::Null);
        return;
    };
    match step {
        Step::Member(name) => {
            if !into.is_object() {
                *into = Json::Object(Map::new());
            }
            let Some(members) = into.as_object_mut() else {
                return;
            };
            match value {
                None if rest.is_empty() => {
                    members.remove(name);
                }
                value => put(
                    members.entry(name.clone()).or_insert(Json::Null),
                    rest,
                    value,
                ),
            }
        }
        Step::Item => {
            let items = match into {
                Json::Array(items) if !items.is_empty() => items,
                other => {
                    *other = Json::Array(vec![Json::Null]);
                    let Some(items) = other.as_array_mut() else {
                        return;
                    };
                    items
                }
            };
            for item in items {
                put(item, rest, value.clone());
            }
        }
    }
}

/// A moment as in RFC 3339.
pub(super) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What `_meta` may hold.
const ANYTHING: Contract<'static> = Contract { root: &Json::Null };

/// Values of an enumeration that are tried.
const MAX_LISTED: usize = 20;
/// The largest size that is tried.
const MAX_SIZE: usize = 2_000;
