//! The calls that are tried for one entry, and what telling them apart shows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Utc};
use engine::{
    call::Principal,
    condition::Mention,
    cx::Timestamp,
    registry::{Entry, Kind},
};
use serde_json::{Value as Json, json};

use super::{
    moments::moments,
    sample::Contract,
    witness::{Dimension, Witness, dimensions, rfc3339},
};

/// The calls that are tried for one entry.
pub(super) struct Space {
    /// The arguments that nothing varies.
    pub(super) base: Json,
    moments: Vec<DateTime<Utc>>,
    dimensions: Vec<Dimension>,
    /// Facts of which the two policies ask otherwise.
    focus: BTreeSet<String>,
    points: Vec<Point>,
    /// Whether there are more calls than are tried.
    pub(super) capped: bool,
}

/// The place of a moment, then that of a variant in each dimension.
type Point = Vec<usize>;

/// What one caller's calls showed.
pub(super) struct Table<'s, D> {
    space: &'s Space,
    who: &'s Principal,
    rows: BTreeMap<Point, Option<D>>,
}

impl Space {
    pub(super) fn new(
        entries: &[&Entry],
        mentions: &[Mention],
        focus: BTreeSet<String>,
        now: Timestamp,
        most: usize,
    ) -> Self {
        let contracts: Vec<_> = entries
            .iter()
            .map(|entry| Contract {
                root: entry.input.source(),
            })
            .collect();
        let sunsets = entries.iter().filter_map(|entry| entry.sunset);
        let dimensions = dimensions(mentions, &contracts);
        let moments = moments(now, sunsets, mentions);
        let base = match (entries.first(), contracts.first()) {
            (Some(entry), _) if entry.kind == Kind::Resource => {
                json!({ "uri": entry.name.replace(['*', '?'], "x") })
            }
            (_, Some(contract)) => contract.sample(),
            (_, None) => Json::Null,
        };
        let mut space = Self {
            base,
            moments,
            dimensions,
            focus,
            points: Vec::new(),
            capped: false,
        };
        space.spread(most);
        space
    }

    /// The sizes of all dimensions, that of time first.
    fn sizes(&self) -> Vec<usize> {
        let others = self.dimensions.iter().map(|one| one.variants.len());
        std::iter::once(self.moments.len()).chain(others).collect()
    }

    /// Chooses the points: all combinations, or those that differ from what nothing varies in as few
    /// dimensions as there is room for.
    fn spread(&mut self, most: usize) {
        let sizes = self.sizes();
        let mut layer: Vec<Point> = vec![vec![0; sizes.len()]];
        while !layer.is_empty() {
            let room = most.saturating_sub(self.points.len());
            if layer.len() > room {
                self.capped = true;
                self.points.extend(layer.into_iter().take(room));
                return;
            }
            let mut next = Vec::new();
            for point in &layer {
                // Each point is reached once: dimensions are varied in order.
                let last = point.iter().rposition(|place| *place > 0);
                let first = last.map_or(0, |last| last.saturating_add(1));
                for (dimension, size) in sizes.iter().enumerate().skip(first) {
                    for place in 1..*size {
                        if next.len() <= most {
                            let mut varied = point.clone();
                            if let Some(slot) = varied.get_mut(dimension) {
                                *slot = place;
                            }
                            next.push(varied);
                        }
                    }
                }
            }
            self.points.append(&mut layer);
            layer = next;
        }
    }

    /// The moments that are tried.
    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> {
        self.moments
            .iter()
            .filter_map(|at| Some(Timestamp(at.timestamp_nanos_opt()?)))
    }

    fn witness(&self, point: &Point, who: &Principal) -> Option<Witness> {
        let mut places = point.iter();
        let at = self.moments.get(*places.next()?)?;
        let mut witness = Witness {
            args: self.base.clone(),
            meta: Json::Null,
            session: None,
            now: Timestamp(at.timestamp_nanos_opt()?),
        };
        let chosen = self.dimensions.iter().zip(places);
        let chosen = chosen.filter_map(|(one, place)| Some((one, one.variants.get(*place)?)));
        let (depending, plain): (Vec<_>, Vec<_>) =
            chosen.partition(|(_, variant)| variant.depends());
        for (dimension, variant) in plain.into_iter().chain(depending) {
            witness.set(dimension, variant, who);
        }
        Some(witness)
    }
}

impl<'s, D: Clone + Ord> Table<'s, D> {
    /// Judges every call.
    pub(super) fn new(
        space: &'s Space,
        who: &'s Principal,
        mut judge: impl FnMut(&Witness) -> Option<D>,
    ) -> Self {
        let judged = space.points.iter().filter_map(|point| {
            let witness = space.witness(point, who)?;
            Some((point.clone(), judge(&witness)))
        });
        let rows = judged.collect();
        Self { space, who, rows }
    }

    /// Each difference, and the calls that show it: `where args.amount = 101, 150`.
    pub(super) fn differences(&self) -> Vec<(D, String)> {
        let mut first: BTreeMap<&D, &Point> = BTreeMap::new();
        // The points are in the order of how much varies.
        for point in &self.space.points {
            if let Some(Some(difference)) = self.rows.get(point) {
                first.entry(difference).or_insert(point);
            }
        }
        first
            .into_iter()
            .map(|(difference, point)| (difference.clone(), self.describe(difference, point)))
            .collect()
    }

    /// What of a point makes the difference, with what else makes the same.
    fn describe(&self, difference: &D, point: &Point) -> String {
        let mut parts = Vec::new();
        for (dimension, size) in self.space.sizes().into_iter().enumerate() {
            let mut same = Vec::new();
            let mut other = false;
            for place in 0..size {
                let mut varied = point.clone();
                if let Some(slot) = varied.get_mut(dimension) {
                    *slot = place;
                }
                match self.rows.get(&varied) {
                    Some(Some(found)) if found == difference => same.push(varied),
                    Some(_) => other = true,
                    None => {}
                }
            }
            let name = match dimension.checked_sub(1) {
                Some(place) => self
                    .space
                    .dimensions
                    .get(place)
                    .map(|one| one.fact.to_string()),
                None => Some("now".to_owned()),
            };
            let name = name.unwrap_or_default();
            let in_focus = self.space.focus.iter().any(|fact| fact.starts_with(&name));
            // What is as it is unless somebody makes it otherwise goes without saying.
            if !other || !(in_focus || point.get(dimension).is_some_and(|place| *place > 0)) {
                continue;
            }
            if !in_focus {
                same = vec![point.clone()];
            }
            let mut values: Vec<_> = same
                .iter()
                .filter_map(|point| self.value(dimension, point))
                .collect();
            values.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| x.cmp(y)));
            let mut texts: Vec<String> = values.into_iter().map(|(_, text)| text).collect();
            texts.dedup();
            let more = if texts.len() > MAX_SHOWN { ", .." } else { "" };
            texts.truncate(MAX_SHOWN);
            parts.push(format!("{name} = {}{more}", texts.join(", ")));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!("where {}", parts.join(" and "))
    }

    /// What a point is in a dimension, and how to sort it.
    fn value(&self, dimension: usize, point: &Point) -> Option<(f64, String)> {
        let witness = self.space.witness(point, self.who)?;
        let Some(place) = dimension.checked_sub(1) else {
            let at = witness.now;
            let text = format!("{} ({})", rfc3339(at.utc()), at.utc().weekday());
            return Some((at.0 as f64, text));
        };
        let fact = &self.space.dimensions.get(place)?.fact;
        Some(match witness.value(fact, self.who) {
            Some(value) => {
                let text = value.to_string();
                let long = text.chars().count() > MAX_TEXT;
                let short = || text.chars().take(MAX_TEXT).chain("..".chars()).collect();
                let text = if long { short() } else { text.clone() };
                (value.as_f64().unwrap_or_default(), text)
            }
            None => (f64::NEG_INFINITY, "absent".to_owned()),
        })
    }
}

/// Values of a fact that are told.
const MAX_SHOWN: usize = 3;
/// Characters of a value that are told.
const MAX_TEXT: usize = 60;
