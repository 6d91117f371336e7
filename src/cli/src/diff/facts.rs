//! What two configurations say otherwise, field by field, before anything is judged.

use std::collections::BTreeSet;

use engine::config::{Access, RiskTier};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    change::{Change, Direction},
    contract::{change, shifts},
};

/// Two versions of one thing; `None`: it is not there.
pub(super) struct Versions<'v> {
    /// Its name, as changes tell it.
    pub(super) subject: &'v str,
    pub(super) old: Option<&'v Json>,
    pub(super) new: Option<&'v Json>,
    /// Where the new one is written.
    pub(super) at: Option<&'v str>,
}

/// As it is written in a bundle.
pub(super) fn written(value: &impl Serialize) -> Json {
    // What people write has text keys only, so that this always works.
    serde_json::to_value(value).unwrap_or_default()
}

impl Versions<'_> {
    fn note(&self, direction: Direction, field: &str, message: String) -> Change {
        let at = self.at.map(|at| format!("{at}.{field}"));
        Change::new(direction, self.subject, message, at)
    }

    /// How an entry of the registry changed.
    pub(super) fn entry(&self) -> Vec<Change> {
        let (Some(old), Some(new)) = (self.old, self.new) else {
            let (direction, message) = match self.new {
                Some(_) => (Direction::Changed, "is new"),
                None => (Direction::Breaking, "is gone"),
            };
            let at = self.at.map(str::to_owned);
            return vec![Change::new(direction, self.subject, message, at)];
        };
        let mut changes = Vec::new();
        for field in fields(old, new) {
            let default = default(&field);
            let value = |of: &'_ Json| of.get(&field).or(default.as_ref()).cloned();
            let (was, is) = (value(old), value(new));
            let (was, is) = (was.as_ref(), is.as_ref());
            match field.as_str() {
                "inputSchema" => self.contract(was, is, &field, &mut changes),
                "outputSchema" => self.contract(was, is, &field, &mut changes),
                "tenants" | "environments" => {
                    changes.extend(self.sets(&field, list(was), list(is), true));
                }
                // They are told by what they mean.
                "limits" => {}
                // What is not masked any more, more people see.
                "sensitive" => changes.extend(self.sets(&field, list(was), list(is), false)),
                "authScope" => {
                    let scopes = |value: Option<&Json>| {
                        let text = value.and_then(Json::as_str).unwrap_or_default();
                        Some(text.split_ascii_whitespace().map(str::to_owned).collect())
                    };
                    changes.extend(self.sets(&field, scopes(was), scopes(is), false));
                }
                _ => changes.push(self.note(
                    direction(&field, was, is),
                    &field,
                    format!("{field}: {}", change(was, is)),
                )),
            }
        }
        changes
    }

    fn contract(
        &self,
        old: Option<&Json>,
        new: Option<&Json>,
        field: &str,
        changes: &mut Vec<Change>,
    ) {
        let any = Json::Bool(true);
        for shift in shifts(old.unwrap_or(&any), new.unwrap_or(&any)) {
            // Callers send what the one says, and rely on what the other says.
            let sent = field == "inputSchema";
            let direction = match (sent, shift.refuses, shift.takes) {
                (true, true, _) | (false, _, true) => Direction::Breaking,
                (true, false, _) => Direction::Wider,
                (false, _, false) => Direction::Changed,
            };
            let place = format!("{field}{}", shift.pointer);
            let message = format!("{place}: {}", shift.message);
            if sent && shift.refuses && shift.takes {
                changes.push(self.note(Direction::Wider, &place, message.clone()));
            }
            changes.push(self.note(direction, &place, message));
        }
    }

    /// A list of those that may, or of what they need.
    fn sets(
        &self,
        field: &str,
        old: Option<BTreeSet<String>>,
        new: Option<BTreeSet<String>>,
        opens: bool,
    ) -> Vec<Change> {
        let none = BTreeSet::new();
        let (was, is) = (old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
        let list = |set: std::collections::btree_set::Difference<'_, String>| {
            set.cloned().collect::<Vec<_>>().join(", ")
        };
        let (more, less) = match opens {
            true => (Direction::Wider, Direction::Narrower),
            false => (Direction::Narrower, Direction::Wider),
        };
        match (&old, &new) {
            (Some(_), None) if opens => {
                vec![self.note(
                    more,
                    field,
                    format!("{field}: {} -> all", list(was.difference(&none))),
                )]
            }
            (None, Some(_)) if opens => {
                vec![self.note(
                    less,
                    field,
                    format!("{field}: all -> {}", list(is.difference(&none))),
                )]
            }
            _ => [
                (more, list(is.difference(was)), "added"),
                (less, list(was.difference(is)), "removed"),
            ]
            .into_iter()
            .filter(|(_, names, _)| !names.is_empty())
            .map(|(direction, names, verb)| {
                self.note(direction, field, format!("{field}: {names} {verb}"))
            })
            .collect(),
        }
    }

    /// How a server, the identity or the bounds changed: every field by itself.
    pub(super) fn fields(
        &self,
        field_direction: impl Fn(&str, Option<&Json>, Option<&Json>) -> Direction,
    ) -> Vec<Change> {
        let (old, new) = (
            self.old.unwrap_or(&Json::Null),
            self.new.unwrap_or(&Json::Null),
        );
        fields(old, new)
            .into_iter()
            .map(|field| {
                let (was, is) = (old.get(&field), new.get(&field));
                let message = format!("{field}: {}", change(was, is));
                self.note(field_direction(&field, was, is), &field, message)
            })
            .collect()
    }
}

/// The members that differ.
fn fields(old: &Json, new: &Json) -> BTreeSet<String> {
    let none = Map::new();
    let (old, new) = (
        old.as_object().unwrap_or(&none),
        new.as_object().unwrap_or(&none),
    );
    let names = old.keys().chain(new.keys());
    names
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}

fn list(value: Option<&Json>) -> Option<BTreeSet<String>> {
    let items = value?.as_array()?;
    Some(
        items
            .iter()
            .filter_map(|item| Some(item.as_str()?.to_owned()))
            .collect(),
    )
}

/// What a field of an entry is where it is not written.
fn default(field: &str) -> Option<Json> {
    match field {
        "riskTier" => Some(RiskTier::default().as_str().into()),
        "access" => Some(Access::default().as_str().into()),
        "approvalRequired" => Some(false.into()),
        "cost" => Some(1.into()),
        _ => None,
    }
}

/// What a change of a plain field of an entry means.
fn direction(field: &str, old: Option<&Json>, new: Option<&Json>) -> Direction {
    match field {
        "riskTier" => {
            let tier = |value: Option<&Json>| {
                let tiers = [RiskTier::Low, RiskTier::Medium, RiskTier::High];
                let text = value.and_then(Json::as_str);
                tiers.into_iter().find(|tier| text == Some(tier.as_str()))
            };
            ordered(tier(new) < tier(old))
        }
        "access" => ordered(new.and_then(Json::as_str) == Some(Access::Read.as_str())),
        "approvalRequired" => ordered(new.and_then(Json::as_bool) == Some(false)),
        // Somebody else may approve, or calls reach something else.
        "approverRole" | "mcpServer" | "mcpTool" | "mcpPrompt" => Direction::Wider,
        // A budget buys more of what costs less. What formulas come to depends on the call.
        "cost" => {
            let units = |value: Option<&Json>| value.and_then(Json::as_u64);
            match (units(old), units(new)) {
                (Some(old), Some(new)) => ordered(new < old),
                _ => Direction::Changed,
            }
        }
        "breaker" | "normalize" => guard(old, new),
        "result" => result_bounds(old, new),
        "deprecated" => {
            let sunset = |value: Option<&Json>| Some(value?.get("sunset")?.as_str()?.to_owned());
            match (sunset(old), sunset(new)) {
                (old, new) if old == new => Direction::Changed,
                (Some(old), Some(new)) => ordered(new > old),
                (_, new) => ordered(new.is_none()),
            }
        }
        _ => Direction::Changed,
    }
}

const fn ordered(wider: bool) -> Direction {
    if wider {
        Direction::Wider
    } else {
        Direction::Narrower
    }
}

/// What a change of a server means.
pub(super) fn of_server(field: &str, old: Option<&Json>, new: Option<&Json>) -> Direction {
    match field {
        "breaker" => guard(old, new),
        "cluster" | "url" | "path" => Direction::Wider,
        "endpoint" => Direction::Breaking,
        _ => Direction::Changed,
    }
}

/// What a change of what stands in the way means: with other numbers a breaker opens at other times,
/// and other members of a result are left.
const fn guard(old: Option<&Json>, new: Option<&Json>) -> Direction {
    match (old, new) {
        (Some(_), Some(_)) => Direction::Changed,
        (_, new) => ordered(new.is_none()),
    }
}

/// What a change of what a result is held to means: wider or narrower where all of it is.
fn result_bounds(old: Option<&Json>, new: Option<&Json>) -> Direction {
    let within = |inner: Option<&Json>, outer: Option<&Json>| {
        let number = |of: Option<&Json>, name: &str| {
            let number = of.and_then(|of| of.get(name)?.as_u64());
            number.unwrap_or(u64::MAX)
        };
        let media = |of: Option<&Json>| list(of.and_then(|of| of.get("media")));
        let fits = match (media(inner), media(outer)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner), Some(outer)) => inner.is_subset(&outer),
        };
        let numbers = ["maxBytes", "maxTokens", "maxMediaBytes"];
        let mut numbers = numbers.iter();
        fits && numbers.all(|name| number(inner, name) <= number(outer, name))
    };
    match (within(new, old), within(old, new)) {
        (true, false) => Direction::Narrower,
        (false, true) => Direction::Wider,
        (true, true) | (false, false) => Direction::Changed,
    }
}

/// What a change of where facts about callers come from means: whoever is not refused as before
/// may be taken for somebody else.
pub(super) fn of_identity(_: &str, _: Option<&Json>, new: Option<&Json>) -> Direction {
    ordered(new.is_some())
}

/// What a change of who counts for all Envoys means.
pub(super) fn of_service(field: &str, _: Option<&Json>, new: Option<&Json>) -> Direction {
    match field {
        "failure_mode" => ordered(new.and_then(Json::as_str) == Some("allow")),
        _ => Direction::Changed,
    }
}

/// What a change of a bound means.
pub(super) fn of_bounds(field: &str, old: Option<&Json>, new: Option<&Json>) -> Direction {
    let number = |value: Option<&Json>| value.and_then(Json::as_u64);
    match (number(old), number(new)) {
        (Some(old), Some(new)) => ordered(new > old),
        // Without one, a result is as large as an answer may be.
        (None, Some(_)) if field.starts_with("max_result") => Direction::Narrower,
        (Some(_), None) if field.starts_with("max_result") => Direction::Wider,
        _ => Direction::Changed,
    }
}
