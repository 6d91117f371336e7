//! Who is told what, with the time in our hands.

use super::*;

pub(super) async fn a_hook_hears_what_it_wants_in_order([one, two]: [Store; 2]) {
    let early = opened(&one, &ask(), 0).await;
    assert!(
        one.subscribe(&["all", "grants", "board"])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        two.subscribe(&["all", "grants", "board"])
            .await
            .unwrap()
            .is_empty()
    );
    let (all, board) = (wants("all", &[], &[]), wants("board", &[], &["board"]));
    let grants = wants("grants", &[Event::Approved, Event::Denied], &[]);
    assert_eq!(claim(&one, &all, 0).await, [""; 0], "it is new");

    rule(&one, &early.id, Verdict::Approve, "bob", 1)
        .await
        .unwrap();
    put(&one, &ask(), 2).await;
    let higher = Ask {
        needs: vec![need("board", 1)],
        ..ask()
    };
    opened(&two, &higher, 3).await;
    assert_eq!(claim(&two, &grants, 4).await, ["2 approved 1"]);
    assert_eq!(claim(&one, &board, 4).await, ["4 opened 1"]);
    assert_eq!(
        claim(&two, &all, 4).await,
        ["2 approved 1", "4 opened 1"],
        "one of each ask, what was before it is known"
    );
    assert_eq!(
        claim(&one, &all, 4).await,
        [""; 0],
        "the rest waits for those"
    );
    settle(&one, &all, &[(2, 1, Outcome::Delivered)]).await;
    let next = one.claim(&all, at(34), at(5)).await.unwrap();
    let [next] = next.as_slice() else {
        panic!("{next:?}")
    };
    assert_eq!(
        (next.entry.event, next.entry.approval.as_ref()),
        (Event::Used, Some(&early.id))
    );
    assert_eq!(next.ask, ask(), "what was asked is told each time");
    let stored = one.export(2).await.unwrap();
    assert_eq!(next.hash, engine::digest::sha256(stored[0].1.as_bytes()));
}

pub(super) async fn what_fails_comes_again_or_lies_dead([one, two]: [Store; 2]) {
    one.subscribe(&["a", "b"]).await.unwrap();
    let all = wants("a", &[], &[]);
    let first = opened(&one, &ask(), 0).await;
    rule(&one, &first.id, Verdict::Approve, "bob", 0)
        .await
        .unwrap();
    assert_eq!(claim(&one, &all, 0).await, ["1 opened 1"]);
    settle(&one, &all, &[(1, 1, failed(5))]).await;
    assert_eq!(
        claim(&two, &all, 4).await,
        [""; 0],
        "nor what came after it"
    );
    let search = Search {
        limit: 9,
        ..Search::default()
    };
    for waiting in one.deliveries(&search).await.unwrap() {
        assert_eq!(waiting.due_at, Some(at(5)), "nor is it looked at before");
    }
    assert_eq!(claim(&two, &all, 5).await, ["1 opened 2"]);
    assert_eq!(claim(&one, &all, 5 + 29).await, [""; 0], "it is leased");
    assert_eq!(
        claim(&one, &all, 5 + 30).await,
        ["1 opened 3"],
        "whoever had it is dead"
    );
    settle(&two, &all, &[(1, 2, Outcome::Delivered)]).await;
    assert_eq!(
        left(&one).await,
        ["2 approved 0 waits", "1 opened 3 waits no"],
        "who lost it has no say"
    );

    let dead = Outcome::Dead {
        error: "gone".to_owned(),
    };
    settle(&one, &all, &[(1, 3, dead)]).await;
    assert_eq!(
        claim(&one, &all, 40).await,
        ["2 approved 1"],
        "nothing waits for the dead"
    );
    assert_eq!(
        left(&one).await,
        ["2 approved 1 waits", "1 opened 3 dead gone"]
    );
    let backlog = two.backlog().await.unwrap();
    let a = backlog.iter().find(|backlog| backlog.hook == "a").unwrap();
    assert_eq!((a.waiting, a.dead, a.oldest), (1, 1, Some(at(0))));
    let b = backlog.iter().find(|backlog| backlog.hook == "b").unwrap();
    assert_eq!((b.waiting, b.dead, b.oldest), (0, 0, None));
    for (search, count) in [
        (Search::default(), 2),
        (
            Search {
                dead: Some(true),
                ..Search::default()
            },
            1,
        ),
        (
            Search {
                dead: Some(false),
                ..Search::default()
            },
            1,
        ),
        (
            Search {
                hook: Some("b".to_owned()),
                ..Search::default()
            },
            0,
        ),
    ] {
        let search = Search { limit: 9, ..search };
        assert_eq!(
            one.deliveries(&search).await.unwrap().len(),
            count,
            "{search:?}"
        );
    }

    assert_eq!(two.retry("a.9", at(50)).await.unwrap(), None);
    assert_eq!(two.retry("x.1", at(50)).await.unwrap(), None);
    let retried = two.retry("a.1", at(50)).await.unwrap().unwrap();
    assert_eq!(
        (retried.attempts, retried.since, retried.due_at),
        (0, at(50), Some(at(50)))
    );
    assert_eq!(claim(&one, &all, 50).await, ["1 opened 1"]);
    settle(
        &one,
        &all,
        &[(
            1,
            1,
            Outcome::Dead {
                error: "no".to_owned(),
            },
        )],
    )
    .await;
    one.prune(at(50)).await.unwrap();
    assert_eq!(left(&one).await.len(), 2);
    one.prune(at(51)).await.unwrap();
    assert_eq!(left(&one).await, ["2 approved 1 waits"]);
}

pub(super) async fn hooks_come_and_go([one, two]: [Store; 2]) {
    let (a, b) = (wants("a", &[], &[]), wants("b", &[], &[]));
    one.subscribe(&["a"]).await.unwrap();
    opened(&one, &ask(), 0).await;
    assert!(
        two.subscribe(&["a", "b"]).await.unwrap().is_empty(),
        "a stays where it is"
    );
    assert_eq!(claim(&two, &a, 1).await, ["1 opened 1"]);
    assert_eq!(claim(&two, &b, 1).await, [""; 0]);
    assert_eq!(one.subscribe(&["b"]).await.unwrap(), [("a".to_owned(), 1)]);
    assert_eq!(claim(&two, &a, 99).await, [""; 0], "it is forgotten");
    settle(&two, &a, &[]).await;
    assert_eq!(left(&one).await, [""; 0]);
}

/// Two replicas, with four claimers each: everything is claimed, and nothing twice.
pub(super) async fn replicas_share_the_work([one, two]: [Store; 2]) {
    one.subscribe(&["a"]).await.unwrap();
    for amount in 0..300 {
        let asked = Ask {
            arguments: payload(&format!("{{\"amount\":{amount}}}")),
            ..ask()
        };
        opened(&one, &asked, 0).await;
    }
    one.subscribe(&["a", "b"]).await.unwrap();
    let mut rare = ask();
    rare.needs = vec![need("board", 1)];
    for amount in 300..400 {
        let asked = Ask {
            arguments: payload(&format!("{{\"amount\":{amount}}}")),
            ..ask()
        };
        opened(&one, &asked, 0).await;
    }
    opened(&one, &rare, 0).await;
    let board = wants("b", &[], &["board"]);
    assert_eq!(
        claim(&one, &board, 1).await,
        ["401 opened 1"],
        "however far it is"
    );
    let mut claimers = JoinSet::new();
    for replica in [one, two].map(Arc::new).iter().cycle().take(8) {
        let store = Arc::clone(replica);
        claimers.spawn(async move {
            let all = wants("a", &[], &[]);
            let mut seen = Vec::new();
            while seen.len() < 401 {
                let claimed = store.claim(&all, at(30), at(1)).await.unwrap();
                if claimed.is_empty() {
                    break;
                }
                seen.extend(claimed.iter().map(|delivery| delivery.entry.seq));
                let claimed: Vec<_> = claimed
                    .into_iter()
                    .map(|one| (one, Outcome::Delivered))
                    .collect();
                store.settle("a", &claimed).await.unwrap();
            }
            seen
        });
    }
    let mut seen: Vec<_> = claimers.join_all().await.concat();
    seen.sort_unstable();
    assert_eq!(seen, (1..=401).collect::<Vec<_>>());
}

fn wants(hook: &str, events: &[Event], roles: &[&str]) -> Subscription {
    Subscription {
        hook: hook.to_owned(),
        events: events.to_vec(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
    }
}

fn failed(second: i64) -> Outcome {
    Outcome::Retry {
        at: at(second),
        error: "no".to_owned(),
    }
}

/// Leases end after 30 s.
async fn claim(store: &Store, wanted: &Subscription, second: i64) -> Vec<String> {
    let claimed = store
        .claim(wanted, at(second + 30), at(second))
        .await
        .unwrap();
    claimed.iter().map(line).collect()
}

/// By the number of the entry and of the attempt.
async fn settle(store: &Store, wanted: &Subscription, said: &[(i64, i64, Outcome)]) {
    let known = store
        .deliveries(&Search {
            limit: 99,
            ..Search::default()
        })
        .await
        .unwrap();
    let outcomes = said.iter().map(|(seq, attempts, outcome)| {
        let ours = |one: &&Delivery| one.hook == wanted.hook && one.entry.seq == *seq;
        let delivery = known.iter().find(ours).unwrap().clone();
        (
            Delivery {
                attempts: *attempts,
                ..delivery
            },
            outcome.clone(),
        )
    });
    store
        .settle(&wanted.hook, &outcomes.collect::<Vec<_>>())
        .await
        .unwrap();
}

/// What is left of all hooks, newest first.
async fn left(store: &Store) -> Vec<String> {
    let left = store
        .deliveries(&Search {
            limit: 99,
            ..Search::default()
        })
        .await
        .unwrap();
    let state = |delivery: &Delivery| {
        let state = if delivery.due_at.is_some() {
            "waits"
        } else {
            "dead"
        };
        let error = delivery.error.as_deref().unwrap_or_default();
        format!("{} {state} {error}", line(delivery))
            .trim_end()
            .to_owned()
    };
    left.iter().map(state).collect()
}

fn line(delivery: &Delivery) -> String {
    let event = serde_json::to_value(delivery.entry.event).unwrap();
    format!(
        "{} {} {}",
        delivery.entry.seq,
        event.as_str().unwrap(),
        delivery.attempts
    )
}
