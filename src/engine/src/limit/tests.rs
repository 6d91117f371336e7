use std::{cell::RefCell, collections::BTreeMap};

use proptest::prelude::*;

use super::*;
use crate::cx::{Conflict, Owner, Store, Timestamp, Version};

/// Shared memory in which somebody else is quicker, now and then.
#[derive(Default)]
struct Memory {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    /// How many of the next stores find another version.
    rivals: RefCell<usize>,
}

impl Store for Memory {
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version) {
        match self.values.borrow().get(key) {
            Some((value, version)) => (Some(value.clone()), Version(*version)),
            None => (None, Version(u32::MAX)),
        }
    }

    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict> {
        let mut rivals = self.rivals.borrow_mut();
        if *rivals > 0 {
            *rivals -= 1;
            return Err(Conflict);
        }
        let mut values = self.values.borrow_mut();
        let found = values.get(key).map_or(u32::MAX, |(_, version)| *version);
        if found != version.0 {
            return Err(Conflict);
        }
        let next = if found == u32::MAX { 1 } else { found + 1 };
        values.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn window(amount: u64, period: Period) -> Bound {
    Bound::Window { amount, period }
}

fn alice() -> Key {
    Key::of([Some("refunds"), Some("alice")])
}

/// Each line: when, how much is wanted, and what is said (`ok`, or `left N wait NANOSECONDS`).
#[track_caller]
fn check(bound: Bound, lines: &[(&str, u64, &str)]) {
    let memory = Memory::default();
    let ledger = Ledger::new(&memory, Owner(1));
    for (when, amount, expected) in lines {
        let said = match ledger.take(alice(), &bound, *amount, at(when)) {
            Ok(_) => "ok".to_owned(),
            Err(Full::Bound { left, wait }) => match wait {
                Some(wait) => format!("left {left} wait {}s", wait as f64 / 1e9),
                None => format!("left {left}"),
            },
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(said, *expected, "{when}: {amount}");
    }
}

#[test]
fn windows_begin_with_the_clock() {
    check(
        window(3, Period::Minute),
        &[
            ("2026-11-21T10:00:59Z", 2, "ok"),
            ("2026-11-21T10:00:59.5Z", 2, "left 1 wait 0.5s"),
            ("2026-11-21T10:00:59.5Z", 1, "ok"),
            ("2026-11-21T10:01:00Z", 3, "ok"),
            ("2026-11-21T10:01:30Z", 1, "left 0 wait 30s"),
            ("2026-11-21T10:05:00Z", 4, "left 3"),
            ("2026-11-21T10:05:00Z", 0, "ok"),
        ],
    );
}

#[test]
fn a_month_is_a_month_of_the_calendar() {
    check(
        window(100, Period::Month),
        &[
            ("2028-02-29T23:59:59Z", 100, "ok"),
            ("2028-02-29T23:59:59Z", 1, "left 0 wait 1s"),
            ("2028-03-01T00:00:00Z", 60, "ok"),
            // A clock that people set forward and back does not matter.
            ("2028-03-26T01:30:00Z", 40, "ok"),
            ("2028-03-26T02:30:00+02:00", 1, "left 0 wait 516600s"),
            ("2028-03-31T23:59:59.999Z", 1, "left 0 wait 0.001s"),
            ("2028-04-01T00:00:00Z", 1, "ok"),
            ("2028-12-31T23:00:00Z", 101, "left 100"),
            ("2028-12-31T23:00:00Z", 100, "ok"),
            ("2029-01-01T00:00:00Z", 100, "ok"),
        ],
    );
    for (period, now, end) in [
        (
            Period::Second,
            "2026-11-21T10:00:00.25Z",
            "2026-11-21T10:00:01Z",
        ),
        (Period::Hour, "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
        (Period::Day, "2026-11-21T10:00:00Z", "2026-11-22"),
        (Period::Day, "1969-12-31T10:00:00Z", "1970-01-01"),
        (Period::Month, "2026-01-31T10:00:00Z", "2026-02-01"),
        (Period::Month, "1969-12-01", "1970-01-01"),
    ] {
        assert_eq!(period.end(at(now)), at(end), "{} of {now}", period.as_str());
    }
}

#[test]
fn a_clock_that_goes_back_neither_frees_nor_blocks_for_long() {
    check(
        window(2, Period::Minute),
        &[
            ("2026-11-21T10:01:10Z", 2, "ok"),
            ("2026-11-21T10:00:50Z", 1, "left 0 wait 70s"),
            ("2026-11-21T10:01:10Z", 1, "left 0 wait 50s"),
            // A year in the future was a mistake.
            ("2027-11-21T10:00:00Z", 2, "ok"),
            ("2026-11-21T10:02:00Z", 2, "ok"),
            ("2026-11-21T10:02:30Z", 1, "left 0 wait 30s"),
        ],
    );
    check(
        Bound::Bucket {
            amount: 60,
            period: Period::Minute,
            burst: 5,
        },
        &[
            ("2027-11-21T10:00:00Z", 5, "ok"),
            ("2026-11-21T10:00:00Z", 1, "left 0 wait 61s"),
            ("2026-11-21T10:01:01Z", 1, "ok"),
            ("2026-11-21T10:01:00Z", 1, "left 0 wait 2s"),
        ],
    );
}

#[test]
fn buckets_fill_evenly() {
    check(
        Bound::Bucket {
            amount: 60,
            period: Period::Minute,
            burst: 5,
        },
        &[
            ("2026-11-21T10:00:00Z", 6, "left 5"),
            ("2026-11-21T10:00:00Z", 5, "ok"),
            ("2026-11-21T10:00:00Z", 1, "left 0 wait 1s"),
            ("2026-11-21T10:00:00.5Z", 1, "left 0 wait 0.5s"),
            ("2026-11-21T10:00:02Z", 3, "left 2 wait 1s"),
            ("2026-11-21T10:00:02Z", 2, "ok"),
            ("2026-11-21T10:10:00Z", 5, "ok"),
        ],
    );
}

#[test]
fn concurrent_uses_end_with_their_call_or_with_their_owner() {
    let memory = Memory::default();
    let (one, two) = (
        Ledger::new(&memory, Owner(1)),
        Ledger::new(&memory, Owner(2)),
    );
    let bound = Bound::Concurrent { amount: 2 };
    let second = |second: i64| Timestamp(at("2026-11-21").0 + second * 1_000_000_000);
    let full = Err(Full::Bound {
        left: 0,
        wait: None,
    });
    for ledger in [one, two] {
        ledger.beat(second(0));
    }
    let first = one.take(alice(), &bound, 1, second(0)).unwrap();
    two.take(alice(), &bound, 1, second(0)).unwrap();
    assert_eq!(one.take(alice(), &bound, 1, second(1)), full);
    one.give_back(alice(), &bound, first, second(1));
    one.take(alice(), &bound, 1, second(1)).unwrap();
    one.beat(second(19));
    assert_eq!(one.take(alice(), &bound, 1, second(19)), full);
    // The other one has been silent: what it had went with it.
    one.take(alice(), &bound, 1, second(20)).unwrap();
    // It only slept; what it has counts again.
    two.beat(second(21));
    assert_eq!(one.take(alice(), &bound, 1, second(21)), full);
}

#[test]
fn owners_have_numbers_of_their_own_and_the_gone_leave_nothing() {
    let memory = Memory::default();
    let second = |second: i64| Timestamp(at("2026-11-21").0 + second * 1_000_000_000);
    let numbers: Vec<_> = (0..1_000)
        .map(|now| enroll(&memory, second(now)).unwrap())
        .collect();
    assert!(numbers.iter().map(|owner| owner.0).eq(1..=1_000));
    // One that traps each second is in the roll for as long as it counts.
    let values = memory.values.borrow();
    let sizes: Vec<_> = values.values().map(|(value, _)| value.len()).collect();
    assert_eq!(sizes, [8 + 20 * 16]);
    drop(values);
    *memory.rivals.borrow_mut() = 1_000;
    assert_eq!(enroll(&memory, second(1_000)), None);
}

#[test]
fn as_many_workers_as_there_are_find_room_and_the_dead_make_it() {
    let memory = Memory::default();
    let second = |second: i64| Timestamp(at("2026-11-21").0 + second * 1_000_000_000);
    let bound = Bound::Concurrent { amount: 1_000 };
    let use_of = |now| {
        let owner = enroll(&memory, now).unwrap();
        Ledger::new(&memory, owner).take(alice(), &bound, 1, now)
    };
    // A large machine.
    for worker in 0..200 {
        assert_eq!(use_of(second(0)).unwrap().left, 999 - worker);
    }
    // All of them trap.
    assert_eq!(use_of(second(20)).unwrap().left, 999);
}

#[test]
fn a_clock_that_goes_back_does_not_keep_the_gone() {
    let memory = Memory::default();
    let second = |second: i64| Timestamp(at("2026-11-21").0 + second * 1_000_000_000);
    let [gone, quiet, left] = [3_600, 3_600, 0].map(|now| enroll(&memory, second(now)).unwrap());
    let bound = Bound::Concurrent { amount: 2 };
    for owner in [gone, quiet] {
        let ledger = Ledger::new(&memory, owner);
        ledger.take(alice(), &bound, 1, second(1)).unwrap();
    }
    let ledger = Ledger::new(&memory, left);
    Ledger::new(&memory, quiet).beat(second(15));
    ledger.take(alice(), &bound, 1, second(19)).unwrap_err();
    ledger.take(alice(), &bound, 1, second(20)).unwrap();
    ledger.take(alice(), &bound, 1, second(20)).unwrap_err();
}

#[test]
fn what_is_given_back_can_be_had_again() {
    for bound in [
        window(3, Period::Hour),
        Bound::Bucket {
            amount: 1,
            period: Period::Hour,
            burst: 3,
        },
        Bound::Concurrent { amount: 3 },
    ] {
        let memory = Memory::default();
        let ledger = Ledger::new(&memory, Owner(1));
        let now = at("2026-11-21T10:30:00Z");
        let taken = ledger.take(alice(), &bound, 2, now).unwrap();
        assert!(ledger.take(alice(), &bound, 2, now).is_err(), "{bound:?}");
        ledger.give_back(alice(), &bound, taken, now);
        assert!(
            memory
                .values
                .borrow()
                .values()
                .all(|(value, _)| value.is_empty())
        );
        ledger.take(alice(), &bound, 3, now).unwrap();
    }
    // What was had in another window is not given back in this one.
    let memory = Memory::default();
    let ledger = Ledger::new(&memory, Owner(1));
    let bound = window(3, Period::Hour);
    let taken = ledger
        .take(alice(), &bound, 3, at("2026-11-21T10:30:00Z"))
        .unwrap();
    ledger
        .take(alice(), &bound, 3, at("2026-11-21T11:30:00Z"))
        .unwrap();
    ledger.give_back(alice(), &bound, taken, at("2026-11-21T11:30:00Z"));
    assert!(
        ledger
            .take(alice(), &bound, 1, at("2026-11-21T11:30:00Z"))
            .is_err()
    );
}

#[test]
fn what_was_had_is_charged_beyond_the_bound() {
    let memory = Memory::default();
    let ledger = Ledger::new(&memory, Owner(1));
    let now = at("2026-11-21T10:30:00Z");
    let bound = window(100, Period::Hour);
    ledger.charge(alice(), &bound, 250, now);
    let wait = Some(1_800_000_000_000);
    assert_eq!(
        ledger.take(alice(), &bound, 1, now),
        Err(Full::Bound { left: 0, wait })
    );
    let bob = Key::of([Some("refunds"), Some("bob")]);
    let bound = Bound::Bucket {
        amount: 60,
        period: Period::Hour,
        burst: 10,
    };
    ledger.charge(bob, &bound, 20, now);
    let wait = Some(11 * 60_000_000_000);
    assert_eq!(
        ledger.take(bob, &bound, 1, now),
        Err(Full::Bound { left: 0, wait })
    );
}

#[test]
fn rivals_are_outlasted_or_nothing_is_had() {
    let memory = Memory::default();
    let ledger = Ledger::new(&memory, Owner(1));
    let now = at("2026-11-21");
    let bound = window(1, Period::Day);
    *memory.rivals.borrow_mut() = 1_000;
    assert_eq!(ledger.take(alice(), &bound, 1, now), Err(Full::Contended));
    *memory.rivals.borrow_mut() = 5;
    ledger.take(alice(), &bound, 1, now).unwrap();
    assert!(ledger.take(alice(), &bound, 1, now).is_err());
}

#[test]
fn memory_is_bounded_and_comes_free() {
    let memory = Memory::default();
    let ledger = Ledger::new(&memory, Owner(1));
    let bound = window(1, Period::Minute);
    let take = |user: u32, now| {
        let mut key = [0; 16];
        key[8..12].copy_from_slice(&user.to_le_bytes());
        ledger.take(Key(key), &bound, 1, now)
    };
    let (now, later) = (at("2026-11-21T10:00:30Z"), at("2026-11-21T10:01:00Z"));
    for user in 0..96 {
        take(user, now).unwrap();
    }
    let wait = 30_000_000_000;
    assert_eq!(take(96, now), Err(Full::Crowded { wait }));
    // Whoever is counted stays so.
    let wait = Some(wait);
    assert_eq!(take(95, now), Err(Full::Bound { left: 0, wait }));
    take(96, later).unwrap();
    let values = memory.values.borrow();
    let sizes: Vec<_> = values.values().map(|(value, _)| value.len()).collect();
    assert_eq!(sizes, [40]);
}

#[test]
fn keys_spread_over_a_bounded_number_of_values() {
    let slots: std::collections::BTreeSet<_> = (0..100_000)
        .map(|user| Key::of([Some("refunds"), Some(&*format!("user-{user}"))]).slot())
        .collect();
    // All but 16384 * e^(-100000 / 16384), or 36, are found.
    assert!((16_300..=16_384).contains(&slots.len()), "{}", slots.len());
}

#[test]
fn keys_tell_their_parts_apart() {
    let keys = [
        Key::of([Some("a"), Some("bc")]),
        Key::of([Some("ab"), Some("c")]),
        Key::of([Some("abc")]),
        Key::of([Some("abc"), None]),
        Key::of([Some("abc"), Some("")]),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(keys.iter().position(|other| other == key), Some(at));
    }
}

proptest! {
    /// Whatever comes in which order, no window and no moment has more than the bound.
    #[test]
    fn nothing_is_exceeded(
        most in 1_u64..20,
        steps in prop::collection::vec((0_i64..20_000_000_000, 1_u64..5, any::<bool>()), 1..200),
    ) {
        let memory = Memory::default();
        let ledger = Ledger::new(&memory, Owner(1));
        let bound = window(most, Period::Minute);
        let mut now = at("2026-11-21");
        let mut had: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for (pause, amount, back) in steps {
            now = Timestamp(now.0 + pause);
            let window = Period::Minute.end(now);
            let used = had.entry(window).or_default();
            match ledger.take(alice(), &bound, amount, now) {
                Ok(taken) if back => ledger.give_back(alice(), &bound, taken, now),
                Ok(_) => *used += amount,
                Err(full) => {
                    let left = most - *used;
                    let wait = (amount <= most).then_some(window.0 - now.0);
                    prop_assert_eq!(full, Full::Bound { left, wait });
                    prop_assert!(amount > left);
                }
            }
            prop_assert!(*used <= most);
        }
    }
}
