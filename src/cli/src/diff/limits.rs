//! How much of something may be had, before and after.

use std::{collections::BTreeSet, sync::Arc};

use engine::limit::{Bound, Limit, Scope};

use super::change::{Change, Direction};

/// How the limits of one rule or entry changed.
pub(super) fn limits(subject: &str, old: &[Arc<Limit>], new: &[Arc<Limit>]) -> Vec<Change> {
    let mut gone: Vec<&Limit> = old.iter().map(AsRef::as_ref).collect();
    let mut pairs: Vec<(&Limit, Option<&Limit>)> = new.iter().map(|it| (&**it, None)).collect();
    for alike in ALIKE {
        for (limit, was) in pairs.iter_mut().filter(|(_, was)| was.is_none()) {
            let place = gone.iter().position(|old| alike(old, limit));
            *was = place.map(|place| gone.remove(place));
        }
    }
    let mut changes = Vec::new();
    for (limit, was) in pairs {
        let at = Some(limit.at.clone());
        let (direction, was) = match was {
            None => (Direction::Narrower, "none".to_owned()),
            Some(was) if same(was, limit) => continue,
            Some(was) if opens(was, limit) => (Direction::Wider, told(was)),
            Some(was) => (Direction::Narrower, told(was)),
        };
        let message = format!("limits: {was} -> {}", told(limit));
        changes.push(Change::new(direction, subject, message, at));
    }
    for limit in gone {
        let message = format!("limits: {} -> none", told(limit));
        changes.push(Change::new(Direction::Wider, subject, message, None));
    }
    changes
}

fn same(old: &Limit, new: &Limit) -> bool {
    (old.of, old.bound, &old.by, old.scope) == (new.of, new.bound, &new.by, new.scope)
}

/// Whether something passes the new one that the old one might have stopped.
fn opens(old: &Limit, new: &Limit) -> bool {
    let counters = |limit: &Limit| limit.by.iter().copied().collect::<BTreeSet<_>>();
    let apart = !counters(new).is_subset(&counters(old));
    let forgets = old.scope == Scope::Global && new.scope == Scope::Local;
    let (was, is) = (Room::of(&old.bound), Room::of(&new.bound));
    apart || forgets || is.at_once > was.at_once || is.in_a_year > was.in_a_year
}

/// How much a bound lets through.
struct Room {
    at_once: u64,
    /// As long as it is asked for.
    in_a_year: u128,
}

impl Room {
    fn of(bound: &Bound) -> Self {
        let yearly = |amount: u64, length: i64| {
            u128::from(amount) * YEAR / u128::from(length.unsigned_abs().max(1))
        };
        match *bound {
            Bound::Window { amount, period } => Self {
                at_once: amount,
                in_a_year: yearly(amount, period.length()),
            },
            Bound::Bucket {
                amount,
                period,
                burst,
            } => Self {
                at_once: burst,
                in_a_year: yearly(amount, period.length()),
            },
            Bound::Concurrent { amount } => Self {
                at_once: amount,
                in_a_year: u128::MAX,
            },
        }
    }
}

/// `120 calls per minute for each agent, by all Envoys`
fn told(limit: &Limit) -> String {
    match limit.scope {
        Scope::Local => limit.to_string(),
        Scope::Global => format!("{limit}, counted for all Envoys"),
    }
}

/// What makes a limit the successor of another, the surest sign first: one without an id is named
/// after what it says.
const ALIKE: [fn(&Limit, &Limit) -> bool; 3] = [
    |old, new| old.name == new.name && old.of == new.of,
    |old, new| old.of == new.of && old.by == new.by,
    |old, new| old.of == new.of,
];

const YEAR: u128 = 372 * 86_400_000_000_000;
