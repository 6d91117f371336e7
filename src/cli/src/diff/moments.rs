//! Moments at which conditions on `now` may turn.

use std::{cmp::Ordering, collections::BTreeSet};

use chrono::{DateTime, Datelike, Days, FixedOffset, TimeDelta, Timelike, Utc};
use engine::{
    condition::{Mention, Test, View},
    cx::Timestamp,
};
use serde_json::Value as Json;

/// `now`, and one moment for each way in which conditions tell moments apart.
pub(super) fn moments(
    now: Timestamp,
    sunsets: impl Iterator<Item = Timestamp>,
    mentions: &[Mention],
) -> Vec<DateTime<Utc>> {
    let named = mentions.iter().filter(|one| one.fact.variable == "now");
    let texts = named.clone().flat_map(|mention| &mention.constants);
    let moments = texts.filter_map(|text| moment(text.as_str()?));
    let turns: Vec<_> = moments.chain(sunsets.map(Timestamp::utc)).collect();
    let around = turns
        .iter()
        .flat_map(|at| [-1, 0, 1].map(|s| *at + TimeDelta::seconds(s)));
    let mut all: Vec<_> = std::iter::once(now.utc()).chain(around).collect();
    for mention in named.clone() {
        let View::Part { function, east } = mention.fact.view else {
            continue;
        };
        let Some(zone) = FixedOffset::east_opt(east) else {
            continue;
        };
        let steps: &[i64] = match mention.test {
            Test::Equal => &[0, 1],
            _ => &[-1, 0, 1],
        };
        let values = mention.constants.iter().filter_map(Json::as_i64);
        let values: Vec<i64> = values
            .flat_map(|n| steps.iter().map(move |s| n + s))
            .collect();
        let there: Vec<_> = all.iter().map(|at| at.with_timezone(&zone)).collect();
        let set = there.iter().flat_map(|at| {
            let set = |value: &i64| with(*at, function, *value);
            values.iter().filter_map(set).map(|at| at.to_utc())
        });
        let set: Vec<_> = set.collect();
        all.extend(set);
        let mut seen = BTreeSet::new();
        all.retain(|at| seen.insert(signature(*at, &turns, named.clone())));
    }
    all
}

/// On which side of each constant a moment is.
fn signature<'m>(
    at: DateTime<Utc>,
    turns: &[DateTime<Utc>],
    mentions: impl Iterator<Item = &'m Mention>,
) -> Vec<Ordering> {
    let mut sides: Vec<Ordering> = turns.iter().map(|turn| at.cmp(turn)).collect();
    for mention in mentions {
        let View::Part { function, east } = mention.fact.view else {
            continue;
        };
        let zone = FixedOffset::east_opt(east);
        let value = zone.and_then(|zone| part(at.with_timezone(&zone), function));
        let constants = mention.constants.iter().map(Json::as_i64);
        sides.extend(
            constants.map(|constant| match (value.cmp(&constant), mention.test) {
                (Ordering::Less, Test::Equal) => Ordering::Greater,
                (side, _) => side,
            }),
        );
    }
    sides
}

/// A text that is a moment as in RFC 3339.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.to_utc())
}

/// The moment with one of its parts set; the hour is set to its beginning.
fn with(at: DateTime<FixedOffset>, function: &str, value: i64) -> Option<DateTime<FixedOffset>> {
    let number = u32::try_from(value).ok()?;
    match function {
        "getFullYear" => at.with_year(i32::try_from(value).ok()?),
        "getMonth" => at.with_day(1)?.with_month0(number),
        "getDate" => at.with_day(number),
        "getDayOfMonth" => at.with_day0(number),
        "getDayOfYear" => at.with_ordinal0(number),
        "getDayOfWeek" if number < 7 => {
            let day = at.weekday().num_days_from_sunday();
            at.checked_add_days(Days::new(u64::from((number + 7 - day) % 7)))
        }
        "getHours" => at.with_hour(number)?.with_minute(0)?.with_second(0),
        "getMinutes" => at.with_minute(number)?.with_second(0),
        "getSeconds" => at.with_second(number),
        "getMilliseconds" => at.with_nanosecond(number.checked_mul(1_000_000)?),
        _ => None,
    }
}

/// The part of a moment that a function takes.
fn part(at: DateTime<FixedOffset>, function: &str) -> Option<i64> {
    let number = match function {
        "getFullYear" => return Some(i64::from(at.year())),
        "getMonth" => at.month0(),
        "getDate" => at.day(),
        "getDayOfMonth" => at.day0(),
        "getDayOfYear" => at.ordinal0(),
        "getDayOfWeek" => at.weekday().num_days_from_sunday(),
        "getHours" => at.hour(),
        "getMinutes" => at.minute(),
        "getSeconds" => at.second(),
        "getMilliseconds" => at.nanosecond() / 1_000_000,
        _ => return None,
    };
    Some(i64::from(number))
}
