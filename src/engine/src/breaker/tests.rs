use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use proptest::prelude::*;

use super::*;
use crate::cx::{Conflict, Memory, Store, Version};

fn breaker() -> Breaker {
    Breaker {
        name: "tool:refund".to_owned(),
        failures: 3,
        within: 60 * SECOND,
        ratio: None,
        open: 30 * SECOND,
        probes: 1,
        on: vec![Failure::ToolError],
        slow: None,
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-21T{text}Z")).unwrap()
}

/// Calls that are under way, by name, and the memory they share.
#[derive(Default)]
struct Calls {
    memory: Memory,
    passes: BTreeMap<String, Pass>,
}

impl Calls {
    /// `call NAME`, `good NAME`, `bad NAME` or `gone NAME`, and what is said of it.
    fn act(&mut self, breaker: &Breaker, when: &str, act: &str) -> String {
        let cx = self.memory.at(at(when));
        let (verb, name) = act.split_once(' ').unwrap();
        let mut settle = |health| {
            let pass = self.passes.remove(name).unwrap();
            changed(breaker.settle(pass, health, &cx))
        };
        match verb {
            "call" => {
                let look = breaker.look(&cx);
                let admitted = breaker.admit(&cx);
                assert_eq!(look, admitted.map(drop), "{when}: {act}");
                match admitted {
                    Ok((pass, change)) => {
                        let how = pass.probe.map_or("pass", |_| "probe");
                        self.passes.insert(name.to_owned(), pass);
                        format!("{how} {}", changed(change)).trim().to_owned()
                    }
                    Err(Shut { wait }) => format!("shut for {}s", wait as f64 / 1e9),
                }
            }
            "good" => settle(Health::Good),
            "bad" => settle(Health::Bad),
            "gone" => settle(Health::Unknown),
            other => panic!("{other}"),
        }
    }
}

fn changed(change: Option<Change>) -> String {
    change.map_or(String::new(), |Change { was, now }| {
        format!("{} -> {}", was.as_str(), now.as_str())
    })
}

/// Each line: when, what happens, and what is said.
#[track_caller]
fn check(breaker: &Breaker, lines: &[(&str, &str, &str)]) {
    let mut calls = Calls::default();
    for (when, act, expected) in lines {
        assert_eq!(calls.act(breaker, when, act), *expected, "{when}: {act}");
    }
}

#[test]
fn it_opens_and_finds_out_and_closes() {
    check(
        &breaker(),
        &[
            ("10:00:01", "call a", "pass"),
            ("10:00:01", "call b", "pass"),
            ("10:00:01", "call c", "pass"),
            ("10:00:01", "call d", "pass"),
            ("10:00:02", "bad a", ""),
            ("10:00:02", "bad b", ""),
            ("10:00:03", "bad c", "closed -> open"),
            ("10:00:03", "call e", "shut for 30s"),
            // What was under way says nothing any more.
            ("10:00:04", "bad d", ""),
            ("10:00:32.5", "call e", "shut for 0.5s"),
            ("10:00:33", "call e", "probe open -> half_open"),
            ("10:00:33", "call f", "shut for 1s"),
            ("10:00:34", "bad e", "half_open -> open"),
            ("10:01:03.999", "call f", "shut for 0.001s"),
            ("10:01:04", "call f", "probe open -> half_open"),
            ("10:01:05", "good f", "half_open -> closed"),
            ("10:01:05", "call g", "pass"),
            ("10:01:05", "bad g", ""),
        ],
    );
}

#[test]
fn failures_count_in_windows_of_the_clock() {
    let lines = [
        ("10:00:58", "call a", "pass"),
        ("10:00:58", "bad a", ""),
        ("10:00:59", "call a", "pass"),
        ("10:00:59", "bad a", ""),
        ("10:00:59", "call a", "pass"),
        ("10:01:00", "bad a", ""),
        ("10:01:00", "call a", "pass"),
        ("10:01:59", "good a", ""),
        ("10:01:00", "call a", "pass"),
        ("10:01:00", "bad a", ""),
        ("10:01:00", "call a", "pass"),
        ("10:01:59", "bad a", "closed -> open"),
    ];
    check(&breaker(), &lines);
}

#[test]
fn a_part_of_all_calls_has_to_fail() {
    let breaker = Breaker {
        ratio: Some(0.5),
        ..breaker()
    };
    let lines = [
        ("10:00:00", "call a", "pass"),
        ("10:00:00", "call b", "pass"),
        ("10:00:00", "call c", "pass"),
        ("10:00:00", "call d", "pass"),
        ("10:00:00", "call e", "pass"),
        ("10:00:00", "call f", "pass"),
        ("10:00:00", "call g", "pass"),
        ("10:00:00", "call h", "pass"),
        ("10:00:01", "good a", ""),
        ("10:00:01", "good b", ""),
        ("10:00:01", "good c", ""),
        ("10:00:01", "good d", ""),
        // Three of seven are less than half.
        ("10:00:02", "bad e", ""),
        ("10:00:02", "bad f", ""),
        ("10:00:02", "bad g", ""),
        // Four of eight are half.
        ("10:00:03", "bad h", "closed -> open"),
    ];
    check(&breaker, &lines);
}

const OPENED: [(&str, &str, &str); 6] = [
    ("10:00:00", "call a", "pass"),
    ("10:00:00", "call b", "pass"),
    ("10:00:00", "call c", "pass"),
    ("10:00:00", "bad a", ""),
    ("10:00:00", "bad b", ""),
    ("10:00:00", "bad c", "closed -> open"),
];

#[track_caller]
fn check_opened(breaker: &Breaker, lines: &[(&str, &str, &str)]) {
    check(breaker, &[&OPENED, lines].concat());
}

#[test]
fn so_many_probes_pass_at_once_and_have_to_succeed() {
    let two = Breaker {
        probes: 2,
        ..breaker()
    };
    let lines = [
        ("10:00:30", "call a", "probe open -> half_open"),
        ("10:00:30", "call b", "probe"),
        ("10:00:30", "call c", "shut for 1s"),
        ("10:00:31", "good a", ""),
        ("10:00:31", "call c", "probe"),
        // It is not known whether this one would have succeeded: another may try.
        ("10:00:32", "gone b", ""),
        ("10:00:32", "call b", "probe"),
        ("10:00:32", "call d", "shut for 1s"),
        ("10:00:33", "good c", "half_open -> closed"),
        // It began as a probe, and counts as any other now.
        ("10:00:34", "bad b", ""),
        ("10:00:35", "call a", "pass"),
        ("10:00:35", "bad a", ""),
        ("10:00:36", "call a", "pass"),
        ("10:00:36", "bad a", "closed -> open"),
    ];
    check_opened(&two, &lines);
    let lines = [
        ("10:00:30", "call a", "probe open -> half_open"),
        ("10:00:30", "call b", "probe"),
        ("10:00:31", "good a", ""),
        ("10:00:32", "bad b", "half_open -> open"),
        ("10:00:33", "call c", "shut for 29s"),
        // The successes of last time are forgotten.
        ("10:01:02", "call c", "probe open -> half_open"),
        ("10:01:03", "good c", ""),
        ("10:01:03", "call c", "probe"),
        ("10:01:03", "good c", "half_open -> closed"),
    ];
    check_opened(&two, &lines);
}

#[test]
fn a_probe_without_an_answer_is_given_up() {
    let lines = [
        ("10:00:30", "call a", "probe open -> half_open"),
        ("10:00:59.5", "call b", "shut for 0.5s"),
        ("10:01:00", "call b", "probe"),
        // It is heard all the same, and takes nobody's place.
        ("10:01:10", "gone a", ""),
        ("10:01:10", "call c", "shut for 1s"),
        ("10:01:11", "good b", "half_open -> closed"),
    ];
    check_opened(&breaker(), &lines);
    let lines = [
        ("10:00:30", "call a", "probe open -> half_open"),
        ("10:01:00", "call b", "probe"),
        // What always takes long recovers as well.
        ("10:01:10", "good a", "half_open -> closed"),
        ("10:01:30", "bad b", ""),
        ("10:01:30", "call c", "pass"),
    ];
    check_opened(&breaker(), &lines);
    let lines = [
        ("10:00:30", "call a", "probe open -> half_open"),
        ("10:01:00", "call b", "probe"),
        ("10:01:01", "bad b", "half_open -> open"),
        ("10:01:31", "call c", "probe open -> half_open"),
        // A probe of last time neither closes it nor opens it.
        ("10:01:32", "good a", ""),
        ("10:01:32", "call d", "shut for 1s"),
        ("10:01:33", "good c", "half_open -> closed"),
    ];
    check_opened(&breaker(), &lines);
}

#[test]
fn a_clock_that_goes_back_holds_nobody_up() {
    let lines = [
        // Open: from now on, not from a time to come.
        ("09:00:00", "call a", "shut for 30s"),
        ("09:00:30", "call a", "probe open -> half_open"),
        // Half open: a probe of the future is under way for as long as any other.
        ("08:00:00", "call b", "shut for 1s"),
        ("08:00:29.5", "call b", "shut for 0.5s"),
        ("08:00:30", "call b", "probe"),
        ("08:00:31", "good b", "half_open -> closed"),
        // Closed: a window of the future is forgotten.
        ("09:10:00", "call a", "pass"),
        ("09:10:00", "bad a", ""),
        ("09:10:00", "call a", "pass"),
        ("09:10:00", "bad a", ""),
        ("08:10:00", "call a", "pass"),
        ("08:10:00", "bad a", ""),
        // A little: time stands still.
        ("08:10:00", "call a", "pass"),
        ("08:09:59", "bad a", ""),
        ("08:09:59", "call a", "pass"),
        ("08:10:00", "bad a", "closed -> open"),
    ];
    check_opened(&breaker(), &lines);
}

#[test]
fn other_numbers_take_effect_at_once() {
    let mut calls = Calls::default();
    for (when, act, expected) in OPENED {
        assert_eq!(calls.act(&breaker(), when, act), expected);
    }
    let sooner = Breaker {
        open: 5 * SECOND,
        within: SECOND,
        failures: 1,
        ..breaker()
    };
    for (when, act, expected) in [
        ("10:00:04", "call a", "shut for 1s"),
        ("10:00:05", "call a", "probe open -> half_open"),
        ("10:00:06", "good a", "half_open -> closed"),
        ("10:00:07", "call a", "pass"),
        ("10:00:07", "bad a", "closed -> open"),
    ] {
        assert_eq!(calls.act(&sooner, when, act), expected, "{when}: {act}");
    }
}

/// Memory that tells how often it was used, and in which somebody else is quicker now and then.
#[derive(Default)]
struct Rivals {
    memory: Memory,
    loads: Cell<usize>,
    stores: Cell<usize>,
    /// What others store before the next of ours.
    others: RefCell<Vec<Rival>>,
}

type Rival = Box<dyn Fn(&Memory)>;

impl Store for Rivals {
    fn load(&self, key: &str) -> (Option<Vec<u8>>, Version) {
        self.loads.set(self.loads.get() + 1);
        self.memory.load(key)
    }

    fn store(&self, key: &str, value: &[u8], version: Version) -> Result<(), Conflict> {
        self.stores.set(self.stores.get() + 1);
        if let Some(other) = self.others.borrow_mut().pop() {
            other(&self.memory);
        }
        self.memory.store(key, value, version)
    }
}

impl Rivals {
    fn at(&self, when: &str) -> Cx<'_> {
        Cx {
            store: self,
            ..self.memory.at(at(when))
        }
    }
}

#[test]
fn what_goes_well_costs_one_load() {
    let store = Rivals::default();
    let fail = |when| {
        let (pass, _) = breaker().admit(&store.at(when)).unwrap();
        breaker().settle(pass, Health::Bad, &store.at(when));
    };
    // Also after failures, and after their window.
    for (when, failures) in [("10:00:00", 0), ("10:00:01", 2), ("10:10:00", 1)] {
        (0..failures).for_each(|_| fail(when));
        store.loads.set(0);
        store.stores.set(0);
        for health in [Health::Good, Health::Unknown] {
            let (pass, _) = breaker().admit(&store.at(when)).unwrap();
            assert_eq!(breaker().settle(pass, health, &store.at(when)), None);
        }
        assert_eq!((store.loads.get(), store.stores.get()), (2, 0), "{when}");
    }
}

#[test]
fn racing_workers_get_one_probe() {
    let store = Rivals::default();
    let opening = Breaker {
        failures: 1,
        ..breaker()
    };
    let (pass, _) = opening.admit(&store.at("10:00:00")).unwrap();
    let opened = opening.settle(pass, Health::Bad, &store.at("10:00:00"));
    assert_eq!(changed(opened), "closed -> open");
    // Another worker takes the probe between our look and our change.
    let rival = opening.clone();
    store.others.borrow_mut().push(Box::new(move |memory| {
        let admitted = rival.admit(&memory.at(at("10:00:30")));
        assert!(admitted.unwrap().0.probe.is_some());
    }));
    let shut = opening.admit(&store.at("10:00:30"));
    assert_eq!(shut, Err(Shut { wait: SOON }));
}

#[test]
fn racing_failures_open_it_once() {
    let store = Rivals::default();
    let two = Breaker {
        failures: 2,
        ..breaker()
    };
    let (pass, _) = two.admit(&store.at("10:00:00")).unwrap();
    let rival = two.clone();
    store.others.borrow_mut().push(Box::new(move |memory| {
        let cx = memory.at(at("10:00:00"));
        let (pass, _) = rival.admit(&cx).unwrap();
        assert_eq!(rival.settle(pass, Health::Bad, &cx), None);
    }));
    let change = two.settle(pass, Health::Bad, &store.at("10:00:00"));
    assert_eq!(changed(change), "closed -> open");
}

#[test]
fn what_counts_as_a_failure() {
    let breaker = Breaker {
        on: vec![Failure::ToolError, Failure::TransportError],
        slow: Some(5 * SECOND),
        ..breaker()
    };
    for (failure, seconds, expected) in [
        (None, 0, false),
        (None, 5, false),
        (None, 6, true),
        (Some(Failure::ToolError), 0, true),
        (Some(Failure::TransportError), 0, true),
        (Some(Failure::ProtocolError), 0, false),
        (Some(Failure::ProtocolError), 6, true),
    ] {
        let counts = breaker.is_failure(failure, seconds * SECOND);
        assert_eq!(counts, expected, "{failure:?} after {seconds} s");
    }
}

#[test]
fn bytes_that_are_no_state_are_none() {
    let memory = Memory::default();
    for (place, bytes) in [
        &b"x"[..],
        &[0xff; 8],
        &[0xff; 64],
        &[1, 0, 0, 0, 0, 0, 0, 0],
    ]
    .into_iter()
    .enumerate()
    {
        let breaker = Breaker {
            name: place.to_string(),
            ..breaker()
        };
        let (_, version) = memory.load(&breaker.key());
        memory.store(&breaker.key(), bytes, version).unwrap();
        assert!(breaker.admit(&memory.at(at("10:00:00"))).is_ok());
    }
}

proptest! {
    /// Whatever happens in which order: no more probes than may be, and it always recovers.
    #[test]
    fn probes_are_bounded_and_it_recovers(
        most in 1_usize..4,
        failures in 1_u64..4,
        ratio in prop::option::of(0.1_f64..1.0),
        steps in prop::collection::vec((0_i64..20, any::<u8>(), 0_u8..4), 1..200),
    ) {
        let breaker = Breaker { probes: most, failures, ratio, ..breaker() };
        let memory = Memory::default();
        let mut now = at("10:00:00");
        let mut under_way: Vec<(Pass, Timestamp)> = Vec::new();
        for (pause, which, what) in steps {
            now = Timestamp(now.0 + pause * SECOND);
            let cx = memory.at(now);
            let health = match what {
                0 => {
                    let Ok((pass, _)) = breaker.admit(&cx) else { continue };
                    under_way.push((pass, now));
                    let probes = under_way.iter().filter(|(pass, since)| {
                        let episode = |pass: &Pass| pass.probe.map(|probe| probe.episode);
                        let current = under_way.last().map(|(pass, _)| episode(pass));
                        pass.probe.is_some()
                            && Some(episode(pass)) == current
                            && now.0 - since.0 < breaker.open
                    });
                    prop_assert!(probes.count() <= most);
                    continue;
                }
                1 => Health::Good,
                2 => Health::Bad,
                _ => Health::Unknown,
            };
            if !under_way.is_empty() {
                let (pass, _) = under_way.swap_remove(usize::from(which) % under_way.len());
                let _ = breaker.settle(pass, health, &cx);
            }
        }
        // Those that are left never answer.
        now = Timestamp(now.0 + 2 * breaker.open);
        for _ in 0..most {
            let cx = memory.at(now);
            let (pass, _) = breaker.admit(&cx).unwrap();
            let _ = breaker.settle(pass, Health::Good, &cx);
        }
        let (pass, _) = breaker.admit(&memory.at(now)).unwrap();
        prop_assert_eq!(pass.probe, None);
    }
}

const SECOND: i64 = 1_000_000_000;
