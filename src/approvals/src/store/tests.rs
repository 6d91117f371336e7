mod needs;
mod outbox;
mod rig;
mod writing;

use std::sync::Arc;

use engine::{
    approval::{Approver, Need, Payload},
    json::Doc,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use rig::{Postgres, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    conform(&Rig::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    if let Some(rig) = Rig::postgres() {
        conform(&rig).await;
        let Rig::Postgres(server) = &rig else { return };
        writing::a_database_that_is_away_is_told_in_time(server).await;
    }
}

/// What every database has to do, asked of two replicas by turns.
async fn conform(rig: &Rig) {
    an_ask_is_opened_decided_and_used_once(rig.replicas("once").await).await;
    a_refusal_stands_for_a_while(rig.replicas("refusal").await).await;
    time_ends_asks_and_approvals(rig.replicas("time").await).await;
    needs::every_need_is_met_by_its_own(rig.replicas("needs").await).await;
    needs::a_lent_role_is_the_givers(rig.replicas("lent").await).await;
    needs::delegations_end(rig.replicas("delegations").await).await;
    needs::rules_decide_as_soon_as_it_is_asked(rig.replicas("automatic").await).await;
    needs::others_decide_when_nobody_does(rig.replicas("escalation").await).await;
    needs::what_is_sensitive_is_seen_by_nobody_unrecorded(rig.replicas("mask").await).await;
    four_eyes_are_two_people(rig.replicas("eyes").await).await;
    one_of_many_racers_wins(rig.replicas("race").await).await;
    searches_find_what_may_be_seen(rig.replicas("search").await).await;
    the_trail_shows_what_was_done_to_it(rig.replicas("trail").await).await;
    outbox::a_hook_hears_what_it_wants_in_order(rig.replicas("wants").await).await;
    outbox::what_fails_comes_again_or_lies_dead(rig.replicas("retries").await).await;
    outbox::hooks_come_and_go(rig.replicas("hooks").await).await;
    outbox::replicas_share_the_work(rig.replicas("share").await).await;
    writing::each_change_fails_alone(rig.replicas("alone").await).await;
    writing::nothing_is_done_for_whoever_has_gone(rig.replicas("gone").await).await;
    writing::whoever_leaves_in_the_middle_leaves_nothing(rig.replicas("middle").await).await;
    writing::a_full_queue_is_told_at_once(rig.replicas("full").await).await;
}

async fn an_ask_is_opened_decided_and_used_once([one, two]: [Store; 2]) {
    let first = opened(&one, &ask(), 0).await;
    assert_eq!(first, opened(&two, &ask(), 1).await, "a repeat finds it");
    assert_eq!(first.fingerprint, ask().fingerprint().to_string());
    let other = Ask {
        arguments: payload("{\"amount\":251}"),
        ..ask()
    };
    let other = opened(&one, &other, 1).await;
    assert_ne!(first.id, other.id, "another payload waits for itself");
    let stricter = Ask {
        needs: vec![need("board", 1)],
        ..ask()
    };
    let stricter = opened(&one, &stricter, 1).await;
    assert_ne!(first.id, stricter.id, "another role has to decide anew");

    let granted = rule(&two, &first.id, Verdict::Approve, "bob", 2)
        .await
        .unwrap();
    assert_eq!(granted.state, State::Approved);
    assert_eq!(said(&granted), ["approve by bob"]);
    assert_eq!(
        rule(&one, &first.id, Verdict::Deny, "bob", 2).await,
        Err(Refused::State(State::Approved))
    );
    assert_eq!(
        rule(&one, "nothing", Verdict::Deny, "bob", 2).await,
        Err(Refused::Unknown)
    );

    let used = put(&one, &ask(), 3).await;
    assert_eq!(
        (used.state, &used.id, used.used_at),
        (State::Used, &first.id, Some(at(3)))
    );
    assert_eq!(
        rule(&one, &first.id, Verdict::Revoke, "bob", 4).await,
        Err(Refused::State(State::Used))
    );
    let again = opened(&two, &ask(), 4).await;
    assert_ne!(again.id, first.id, "what is used is forgotten");
    assert_eq!(
        put(
            &one,
            &Ask {
                arguments: payload("{\"amount\":251}"),
                ..ask()
            },
            4
        )
        .await
        .id,
        other.id
    );
    assert_eq!(
        events(&one, &first.id).await,
        ["opened pending", "approved approved by bob", "used used"]
    );
    assert_eq!(one.open_count().await.unwrap(), (3, 0));
    one.ping().await.unwrap();
}

async fn a_refusal_stands_for_a_while([one, two]: [Store; 2]) {
    let first = opened(&one, &ask(), 0).await;
    rule(&two, &first.id, Verdict::Deny, "bob", 1)
        .await
        .unwrap();
    for second in [1, 2, 1 + 599] {
        let told = put(&one, &ask(), second).await;
        assert_eq!((told.state, &told.id), (State::Denied, &first.id));
        assert_eq!(said(&told), ["deny by bob"]);
    }
    let second = opened(&two, &ask(), 1 + 600).await;
    assert_ne!(second.id, first.id);

    assert_eq!(
        rule(&one, &second.id, Verdict::Revoke, "bob", 700).await,
        Err(Refused::State(State::Pending))
    );
    rule(&one, &second.id, Verdict::Approve, "bob", 700)
        .await
        .unwrap();
    rule(&one, &second.id, Verdict::Revoke, "eve", 701)
        .await
        .unwrap();
    let told = put(&two, &ask(), 702).await;
    assert_eq!((told.state, &told.id), (State::Revoked, &second.id));
    assert_eq!(said(&told), ["approve by bob", "revoke by eve"]);
}

async fn time_ends_asks_and_approvals([one, two]: [Store; 2]) {
    let first = opened(&one, &ask(), 0).await;
    assert_eq!(opened(&two, &ask(), 3_599).await.id, first.id);
    let second = opened(&two, &ask(), 3_600).await;
    assert_ne!(second.id, first.id, "nobody decided in time");
    assert_eq!(
        events(&one, &first.id).await,
        ["opened pending", "expired expired"]
    );

    let granted = rule(&one, &second.id, Verdict::Approve, "bob", 3_600 + 3_599)
        .await
        .unwrap();
    assert_eq!(
        granted.expires_at,
        at(3_600 + 3_599 + 3_600),
        "it can be used as long as it could wait"
    );
    let third = opened(&one, &ask(), 3_600 + 3_599 + 3_600).await;
    assert_ne!(third.id, second.id, "nobody used it in time");

    let late = 20_000;
    assert_eq!(
        rule(&two, &third.id, Verdict::Approve, "bob", late).await,
        Err(Refused::State(State::Expired))
    );
    assert_eq!(
        one.expire(at(late)).await.unwrap(),
        0,
        "the decision has closed it"
    );

    let short = Ask {
        expires_in: Some(5),
        ..ask()
    };
    let short = opened(&one, &short, late).await;
    assert_eq!(two.expire(at(late + 4)).await.unwrap(), 0);
    assert_eq!(two.expire(at(late + 5)).await.unwrap(), 1);
    assert_eq!(
        one.find(&short.id).await.unwrap().unwrap().state,
        State::Expired
    );
    let long = Ask {
        expires_in: Some(u32::MAX),
        ..ask()
    };
    let long = opened(&one, &long, late + 6).await;
    assert_eq!(
        long.expires_at,
        at(late + 6 + 3_600),
        "the service sets the bound"
    );

    assert_eq!(one.prune(at(late)).await.unwrap(), 3, "closed and old");
    assert_eq!(one.find(&first.id).await.unwrap(), None);
    assert_eq!(events(&one, &first.id).await.len(), 2, "the trail stays");
    one.verify().await.unwrap().unwrap();
}

async fn four_eyes_are_two_people([one, two]: [Store; 2]) {
    let careful = Ask {
        needs: vec![need("finance_approver", 2)],
        ..ask()
    };
    let first = opened(&one, &careful, 0).await;
    let half = rule(&one, &first.id, Verdict::Approve, "bob", 1)
        .await
        .unwrap();
    assert_eq!(half.state, State::Pending);
    assert_eq!(missing(&half), ["role:finance_approver 1"]);
    assert_eq!(
        rule(&two, &first.id, Verdict::Approve, "bob", 2).await,
        Err(Refused::Again)
    );
    assert_eq!(put(&two, &careful, 2).await.state, State::Pending);
    rule(&two, &first.id, Verdict::Approve, "eve", 3)
        .await
        .unwrap();
    assert_eq!(
        opened(&one, &ask(), 3).await.state,
        State::Pending,
        "one approval is another ask"
    );
    assert_eq!(put(&one, &careful, 3).await.state, State::Used);
    assert_eq!(
        events(&one, &first.id).await,
        [
            "opened pending",
            "approved pending by bob",
            "approved approved by eve",
            "used used"
        ]
    );
}

async fn one_of_many_racers_wins(replicas: [Store; 2]) {
    let replicas = replicas.map(Arc::new);
    for round in 0..10 {
        let mut asked = Seen::default();
        race(&replicas, round, &mut asked).await;
        assert_eq!(asked.count("pending"), 64, "{asked:?}");
        assert_eq!(asked.ids.len(), 1, "one ask was opened");
        let id = asked.ids.first().unwrap().clone();
        rule(&replicas[0], &id, Verdict::Approve, "bob", round)
            .await
            .unwrap();

        let mut answers = Seen::default();
        race(&replicas, round, &mut answers).await;
        assert_eq!(answers.count("used"), 1, "{answers:?}");
        assert_eq!(answers.count("pending"), 63, "{answers:?}");
        let next = answers.ids.iter().find(|other| **other != id).unwrap();
        rule(&replicas[1], next, Verdict::Approve, "bob", round)
            .await
            .unwrap();
        assert_eq!(put(&replicas[0], &ask(), round).await.state, State::Used);
    }
    replicas[1].verify().await.unwrap().unwrap();
}

/// 64 asks at once, half at each replica.
async fn race(replicas: &[Arc<Store>; 2], now: i64, seen: &mut Seen) {
    let mut racers = JoinSet::new();
    for racer in 0..64 {
        let store = Arc::clone(&replicas[racer % 2]);
        racers.spawn(async move { put(&store, &ask(), now).await });
    }
    while let Some(answer) = racers.join_next().await {
        let answer = answer.unwrap();
        seen.states.push(answer.state.name());
        seen.ids.insert(answer.id);
    }
}

#[derive(Debug, Default)]
struct Seen {
    states: Vec<&'static str>,
    ids: std::collections::BTreeSet<String>,
}

impl Seen {
    fn count(&self, state: &str) -> usize {
        self.states.iter().filter(|one| **one == state).count()
    }
}

async fn searches_find_what_may_be_seen([one, _]: [Store; 2]) {
    for (second, tool, user, tenant, role, note) in [
        (1, "refund", "alice", Some("a"), "finance", "100%"),
        (2, "refund", "bob", Some("a"), "finance", "_x_"),
        (3, "wipe", "alice", Some("b"), "ops", "Straße"),
        (4, "wipe", "carol", None, "ops", "it's"),
    ] {
        let asked = Ask {
            tool: tool.to_owned(),
            user: Some(user.to_owned()),
            tenant: tenant.map(str::to_owned),
            needs: vec![need(role, 1)],
            arguments: payload(&json!({ "note": note }).to_string()),
            ..ask()
        };
        let asked = opened(&one, &asked, second).await;
        if second == 2 {
            let reason = Some("Not Today");
            say(
                &one,
                &asked.id,
                Verdict::Deny,
                ("dan", &["finance"]),
                reason,
                9,
            )
            .await
            .unwrap();
        }
    }
    let all: Vec<_> = ["finance", "ops"].map(str::to_owned).into();
    let everything = Sight {
        person: "zoe",
        roles: &all,
        lent: &[],
        tenant: None,
    };
    let find = async |sight: Sight<'_>, filter: Filter| {
        let page = one
            .list(
                sight,
                &Filter {
                    limit: 50,
                    ..filter
                },
            )
            .await
            .unwrap();
        let users = page
            .items
            .iter()
            .map(|item| format!("{}:{}", item.ask.tool, item.ask.user.as_deref().unwrap()));
        for item in &page.items {
            assert!(sight.reaches(item), "both ways to tell agree");
        }
        users.collect::<Vec<_>>().join(" ")
    };
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    for (filter, expected) in [
        (none(), "wipe:carol wipe:alice refund:bob refund:alice"),
        (
            Filter {
                tool: some("refund"),
                ..none()
            },
            "refund:bob refund:alice",
        ),
        (
            Filter {
                user: some("alice"),
                ..none()
            },
            "wipe:alice refund:alice",
        ),
        (
            Filter {
                tenant: some("b"),
                ..none()
            },
            "wipe:alice",
        ),
        (
            Filter {
                role: some("ops"),
                ..none()
            },
            "wipe:carol wipe:alice",
        ),
        (
            Filter {
                state: Some(State::Denied),
                ..none()
            },
            "refund:bob",
        ),
        (
            Filter {
                text: some("0%"),
                ..none()
            },
            "refund:alice",
        ),
        (
            Filter {
                text: some("_X_"),
                ..none()
            },
            "refund:bob",
        ),
        (
            Filter {
                text: some("traße"),
                ..none()
            },
            "wipe:alice",
        ),
        (
            Filter {
                text: some("it's"),
                ..none()
            },
            "wipe:carol",
        ),
        (
            Filter {
                text: some("not today"),
                ..none()
            },
            "refund:bob",
        ),
        (
            Filter {
                text: some("DAN"),
                ..none()
            },
            "refund:bob",
        ),
        (
            Filter {
                text: some("' OR 1=1"),
                ..none()
            },
            "",
        ),
        (
            Filter {
                tool: some("refund"),
                user: some("carol"),
                ..none()
            },
            "",
        ),
        (
            Filter {
                whose: Whose::Own,
                ..none()
            },
            "",
        ),
        (
            Filter {
                whose: Whose::Others,
                oldest: true,
                ..none()
            },
            "refund:alice refund:bob wipe:alice wipe:carol",
        ),
    ] {
        assert_eq!(
            find(everything, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
    let alice = Sight {
        person: "alice",
        ..everything
    };
    for (whose, expected) in [
        (Whose::Own, "wipe:alice refund:alice"),
        (Whose::Others, "wipe:carol refund:bob"),
    ] {
        let filter = Filter { whose, ..none() };
        assert_eq!(find(alice, filter).await, expected);
    }
    let finance = &all[..1];
    for (person, roles, tenant, expected) in [
        ("zoe", &all[..0], None, ""),
        ("zoe", finance, None, "refund:bob refund:alice"),
        ("alice", &all[..0], None, "wipe:alice refund:alice"),
        ("alice", &all[..0], Some(Some("a")), "refund:alice"),
        ("zoe", &all[..], Some(Some("b")), "wipe:alice"),
        ("zoe", &all[..], Some(Some("c")), ""),
        ("zoe", &all[..], Some(None), "wipe:carol"),
    ] {
        let sight = Sight {
            person,
            roles,
            lent: &[],
            tenant,
        };
        assert_eq!(find(sight, none()).await, expected, "{sight:?}");
    }

    let mut filter = Filter { limit: 3, ..none() };
    let page = one.list(everything, &filter).await.unwrap();
    assert_eq!(page.items.len(), 3);
    filter.before = page.next;
    let page = one.list(everything, &filter).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    filter.oldest = true;
    filter.before = None;
    let page = one.list(everything, &filter).await.unwrap();
    filter.before = page.next;
    let page = one.list(everything, &filter).await.unwrap();
    assert_eq!(page.items[0].ask.user.as_deref(), Some("carol"));
}

async fn the_trail_shows_what_was_done_to_it([one, two]: [Store; 2]) {
    assert_eq!(one.verify().await.unwrap(), Ok((0, String::new())));
    let first = opened(&one, &ask(), 0).await;
    rule(&two, &first.id, Verdict::Approve, "bob", 1)
        .await
        .unwrap();
    put(&one, &ask(), 2).await;
    let (count, hash) = two.verify().await.unwrap().unwrap();
    assert_eq!((count, hash.len()), (3, 64));
    let lines = one.export(0).await.unwrap();
    assert_eq!(
        lines.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let entry: Value = serde_json::from_str(&lines[1].1).unwrap();
    assert_eq!(entry["by"], "bob");
    assert_eq!(
        entry["previous"],
        engine::digest::sha256(lines[0].1.as_bytes())
    );
    assert_eq!(one.export(2).await.unwrap(), lines[2..]);

    for statement in ["UPDATE trail SET ask = 'x'", "DELETE FROM trail"] {
        let error = one.pool.execute(statement).await.unwrap_err().to_string();
        assert!(error.contains("the trail is append-only"), "{error}");
    }
    for statement in [
        "DROP TRIGGER trail_is_not_edited",
        "DROP TRIGGER trail_is_not_shortened",
        "DROP TRIGGER trail_is_append_only ON trail",
    ] {
        // Whoever owns the database can do this, and each database knows its own.
        drop(one.pool.execute(statement).await);
    }
    let broken = async |seq, fault: &str| {
        let found = two.verify().await.unwrap().unwrap_err();
        assert_eq!((found.seq, found.fault), (seq, fault));
    };
    let edit = async |statement: &'static str| {
        one.pool.execute(statement).await.unwrap();
    };
    edit("UPDATE trail SET entry = replace(entry, 'bob', 'eva') WHERE seq = 2").await;
    broken(2, "it does not have the hash that was written").await;
    edit("UPDATE trail SET entry = replace(entry, 'eva', 'bob') WHERE seq = 2").await;
    assert!(two.verify().await.unwrap().is_ok());

    let forged = lines[1].1.replace("bob", "eve");
    sqlx::query("UPDATE trail SET entry = $1, hash = $2 WHERE seq = 2")
        .bind(&forged)
        .bind(engine::digest::sha256(forged.as_bytes()))
        .execute(&one.pool)
        .await
        .unwrap();
    broken(3, "it does not follow the entry before it").await;
    edit("DELETE FROM trail WHERE seq = 3").await;
    broken(3, "it is missing").await;
    edit("DELETE FROM trail WHERE seq = 1").await;
    broken(1, "it is missing").await;
}

fn ask() -> Ask {
    serde_json::from_value(json!({
        "tool": "refund_customer",
        "arguments": "{\"amount\":250}",
        "user": "alice",
        "needs": [{ "approver": { "role": "finance_approver" } }],
        "policyVersion": "p1",
    }))
    .unwrap()
}

fn need(role: &str, approvals: u32) -> Need {
    Need {
        approver: Approver::Role(role.to_owned()),
        approvals,
    }
}

fn payload(text: &str) -> Payload {
    Payload::of(Some(Doc::parse(text.as_bytes().to_vec()).unwrap().root())).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp((1_800_000_000 + second) * 1_000_000_000)
}

async fn put(store: &Store, ask: &Ask, second: i64) -> Approval {
    store.ask(ask, TERMS, Vec::new, at(second)).await.unwrap()
}

async fn opened(store: &Store, ask: &Ask, second: i64) -> Approval {
    let approval = put(store, ask, second).await;
    assert_eq!(approval.state, State::Pending);
    approval
}

/// Somebody of finance decides.
async fn rule(
    store: &Store,
    id: &str,
    verdict: Verdict,
    person: &str,
    second: i64,
) -> Result<Approval, Refused> {
    let person = (person, &["finance_approver", "board"][..]);
    say(store, id, verdict, person, None, second).await
}

/// A person with roles decides.
async fn say(
    store: &Store,
    id: &str,
    verdict: Verdict,
    (person, roles): (&str, &[&str]),
    reason: Option<&str>,
    second: i64,
) -> Result<Approval, Refused> {
    let roles: Vec<_> = roles.iter().map(|&role| role.to_owned()).collect();
    let ruling = Ruling {
        verdict,
        sight: Sight {
            person,
            roles: &roles,
            lent: &store.lent(person, None, at(second)).await.unwrap(),
            tenant: None,
        },
        reason,
    };
    store.decide(id, ruling, at(second)).await.unwrap()
}

fn missing(approval: &Approval) -> Vec<String> {
    let unmet = approval.unmet();
    unmet
        .map(|(need, missing)| format!("{} {missing}", right::name(&need.approver)))
        .collect()
}

fn said(approval: &Approval) -> Vec<String> {
    let votes = approval.votes.iter();
    votes
        .map(|vote| format!("{} by {}", vote.verdict.name(), vote.person))
        .collect()
}

async fn events(store: &Store, id: &str) -> Vec<String> {
    let entries = store.trail(id).await.unwrap();
    let line = |entry: &Entry| {
        let by = entry.by.as_ref().map(|by| format!(" by {by}"));
        let event = serde_json::to_value(entry.event).unwrap();
        format!(
            "{} {}{}",
            event.as_str().unwrap(),
            entry.state.map_or("-", State::name),
            by.unwrap_or_default()
        )
    };
    entries.iter().map(line).collect()
}

const TERMS: Terms = Terms {
    lifetime: 3_600 * 1_000_000_000,
    denial: 600 * 1_000_000_000,
};
