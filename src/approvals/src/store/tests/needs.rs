//! Who decides for what, and what they see.

use std::time::Duration;

use super::*;

fn of(needs: Vec<Need>) -> Ask {
    Ask { needs, ..ask() }
}

fn confirmation() -> Need {
    Need {
        approver: Approver::User,
        approvals: 1,
    }
}

/// Who approved for what: `bob for role:x as role y on behalf of eve`.
fn rights(approval: &Approval) -> Vec<String> {
    let votes = approval.votes.iter();
    votes
        .map(|vote| {
            let right = &vote.right;
            let mut text = format!("{} for {}", vote.person, right::name(&right.need));
            for (word, name) in [
                (" as ", &right.role),
                (" on behalf of ", &right.on_behalf_of),
            ] {
                if let Some(name) = name {
                    text += &format!("{word}{name}");
                }
            }
            text
        })
        .collect()
}

pub(super) async fn every_need_is_met_by_its_own([one, two]: [Store; 2]) {
    use Verdict::{Approve, Deny, Revoke};

    let all = of(vec![need("ops", 1), confirmation(), need("finance", 2)]);
    let first = opened(&one, &all, 0).await;
    let shuffled = of(vec![need("finance", 2), need("ops", 1), confirmation()]);
    assert_eq!(
        opened(&two, &shuffled, 0).await.id,
        first.id,
        "in any order"
    );
    let fewer = of(vec![need("ops", 1), confirmation(), need("finance", 1)]);
    assert_ne!(opened(&one, &fewer, 0).await.id, first.id);

    type Try = (
        Verdict,
        (&'static str, &'static [&'static str]),
        Result<&'static str, Refused>,
    );
    let tries: [Try; 9] = [
        (Approve, ("zoe", &["sales"]), Err(Refused::Right)),
        (Deny, ("zoe", &[]), Err(Refused::Right)),
        (
            Revoke,
            ("bob", &["ops"]),
            Err(Refused::State(State::Pending)),
        ),
        (
            Approve,
            ("bob", &["ops", "finance"]),
            Ok("user 1, role:finance 2"),
        ),
        (Approve, ("bob", &["ops", "finance"]), Err(Refused::Again)),
        (Approve, ("carl", &["ops"]), Err(Refused::Met)),
        // Alice asked: her roles count for nothing, her confirmation does.
        (Approve, ("alice", &["finance"]), Ok("role:finance 2")),
        (Approve, ("alice", &["finance"]), Err(Refused::Again)),
        (Approve, ("dora", &["ops", "finance"]), Ok("role:finance 1")),
    ];
    for (second, (verdict, person, expected)) in (1..).zip(tries) {
        let said = say(&two, &first.id, verdict, person, None, second).await;
        let said = said.map(|approval| {
            assert_eq!(approval.state, State::Pending);
            missing(&approval).join(", ")
        });
        assert_eq!(said, expected.map(str::to_owned), "{verdict:?} {person:?}");
    }
    let last = say(&one, &first.id, Approve, ("eve", &["finance"]), None, 10)
        .await
        .unwrap();
    assert_eq!(last.state, State::Approved);
    assert_eq!(
        rights(&last),
        [
            "bob for role:ops as ops",
            "alice for user",
            "dora for role:finance as finance",
            "eve for role:finance as finance",
        ]
    );
    let entry = one.trail(&first.id).await.unwrap().remove(1);
    assert_eq!(
        (entry.need, entry.role),
        (
            Some(Approver::Role("ops".to_owned())),
            Some("ops".to_owned())
        )
    );
    assert_eq!(put(&two, &shuffled, 11).await.state, State::Used);

    // Whoever may decide for one need can say no to all.
    let next = opened(&one, &all, 12).await;
    let denied = say(&one, &next.id, Deny, ("carl", &["ops"]), Some("no"), 13).await;
    assert_eq!(denied.unwrap().state, State::Denied);
}

pub(super) async fn a_lent_role_is_the_givers([one, two]: [Store; 2]) {
    use Verdict::Approve;

    for (giver, to) in [
        ("bob", "gus"),
        ("bob", "hal"),
        ("alice", "ida"),
        ("eve", "alice"),
    ] {
        lend(&one, giver, to, (0, 100)).await;
    }
    let first = opened(&one, &of(vec![need("finance", 2)]), 0).await;
    for (who, roles, expected) in [
        // Nobody decides about what they asked for, nor has it decided on their behalf, nor decides
        // on somebody else's.
        ("ida", &[][..], Err(Refused::Right)),
        ("alice", &[], Err(Refused::Right)),
        ("gus", &[], Ok(State::Pending)),
        // Bob has spoken, by gus.
        ("hal", &[], Err(Refused::Again)),
        ("bob", &["finance"], Err(Refused::Again)),
        ("hal", &["finance"], Ok(State::Approved)),
    ] {
        let said = say(&two, &first.id, Approve, (who, roles), None, 1).await;
        assert_eq!(said.map(|approval| approval.state), expected, "{who}");
    }
    assert_eq!(
        rights(&one.find(&first.id).await.unwrap().unwrap()),
        [
            "gus for role:finance as finance on behalf of bob",
            "hal for role:finance as finance",
        ]
    );
    let entry = one.trail(&first.id).await.unwrap().remove(1);
    assert_eq!(entry.on_behalf_of.as_deref(), Some("bob"));

    let lent = one.lent("gus", None, at(1)).await.unwrap();
    let sight = Sight {
        person: "gus",
        roles: &[],
        lent: &lent,
        tenant: None,
    };
    let filter = Filter {
        limit: 9,
        ..Filter::default()
    };
    let page = one.list(sight, &filter).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(sight.reaches(&page.items[0]));
}

pub(super) async fn delegations_end([one, two]: [Store; 2]) {
    let early = lend(&one, "bob", "gus", (10, 20)).await;
    for (second, holds) in [(9, false), (10, true), (19, true), (20, false)] {
        let lent = two.lent("gus", None, at(second)).await.unwrap();
        let expected = holds.then(|| Lent {
            role: "finance".to_owned(),
            giver: "bob".to_owned(),
        });
        assert_eq!(lent, expected.into_iter().collect::<Vec<_>>(), "{second}");
    }
    for (person, tenant) in [("gus", Some("a")), ("bob", None)] {
        assert_eq!(two.lent(person, tenant, at(15)).await.unwrap(), []);
    }
    for (person, second, expected) in [("gus", 0, 1), ("bob", 19, 1), ("bob", 20, 0), ("eve", 0, 0)]
    {
        let found = two
            .delegations(sight(person, None), at(second))
            .await
            .unwrap();
        assert_eq!(found.len(), expected, "{person} {second}");
    }
    for (who, tenant, second, taken) in [
        ("gus", None, 11, false),
        ("bob", Some(Some("a")), 11, false),
        ("bob", None, 12, true),
        ("bob", None, 12, false),
    ] {
        let found = two
            .withdraw(&early.id, sight(who, tenant), at(second))
            .await;
        assert_eq!(found.unwrap().is_some(), taken, "{who} {second}");
    }
    assert_eq!(one.lent("gus", None, at(12)).await.unwrap(), []);

    let later = lend(&one, "bob", "gus", (30, 40)).await;
    one.prune(at(13)).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT id FROM delegations")
        .fetch_all(&one.pool)
        .await
        .unwrap();
    assert_eq!(left, [later.id]);

    let lines = one.export(0).await.unwrap();
    let told: Vec<Value> = lines
        .iter()
        .map(|(_, line)| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<_> = told.iter().map(|entry| &entry["event"]).collect();
    assert_eq!(events, ["delegated", "withdrawn", "delegated"]);
    assert_eq!(told[1]["delegation"]["until"], at(12).rfc3339());
    assert_eq!(told[1]["by"], "bob");
    assert_eq!(told[1].get("approval"), None);
    two.verify().await.unwrap().unwrap();
}

pub(super) async fn what_is_sensitive_is_seen_by_nobody_unrecorded([one, two]: [Store; 2]) {
    let secret = Ask {
        arguments: payload(r#"{"card":"4111","sum":5}"#),
        sensitive: vec!["/card".to_owned()],
        ..ask()
    };
    let masked = r#"{"card":"***","sum":5}"#;
    let first = opened(&one, &secret, 0).await;
    assert_eq!(first.ask.arguments.text(), masked);
    assert_eq!(first.fingerprint, secret.fingerprint().to_string());
    assert_eq!(opened(&two, &secret, 0).await.id, first.id);
    let told = one.trail(&first.id).await.unwrap().remove(0);
    assert_eq!(told.ask.unwrap().arguments.text(), masked);
    let page = one
        .list(
            sight("alice", None),
            &Filter {
                text: Some("4111".to_owned()),
                limit: 9,
                ..Filter::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(page.items, []);

    let seen = async |id: &str, second| {
        let payload = two.unmask(id, "una", at(second)).await.unwrap();
        payload.map(String::from)
    };
    let whole = Some(secret.arguments.text().to_owned());
    assert_eq!(seen(&first.id, 1).await, whole);
    assert_eq!(seen(&first.id, 2).await, whole);
    rule(&one, &first.id, Verdict::Approve, "bob", 3)
        .await
        .unwrap();
    assert_eq!(seen(&first.id, 4).await, whole);
    assert_eq!(put(&one, &secret, 5).await.state, State::Used);
    assert_eq!(seen(&first.id, 6).await, None, "it is over");
    assert_eq!(
        events(&one, &first.id).await,
        [
            "opened pending",
            "unmasked pending by una",
            "unmasked pending by una",
            "approved approved by bob",
            "unmasked approved by una",
            "used used",
        ]
    );

    let denied = opened(&one, &secret, 7).await;
    rule(&one, &denied.id, Verdict::Deny, "bob", 8)
        .await
        .unwrap();
    let late = 7 + 600 + 3_600;
    let expired = opened(&one, &secret, 8 + 600).await;
    one.expire(at(late + 1)).await.unwrap();
    for id in [
        &denied.id,
        &expired.id,
        "nothing",
        &opened(&one, &ask(), late).await.id,
    ] {
        assert_eq!(seen(id, late).await, None, "{id}");
    }
    let left = "SELECT COUNT(*) FROM asks WHERE payload IS NOT NULL";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(left)
            .fetch_one(&one.pool)
            .await
            .unwrap(),
        0
    );
}

pub(super) async fn rules_decide_as_soon_as_it_is_asked([one, two]: [Store; 2]) {
    use Verdict::{Approve, Deny};

    let decided = |decided: &[(Verdict, &str, Option<&str>)]| {
        let automatic = decided.iter().map(|(verdict, rule, role)| Automatic {
            verdict: *verdict,
            rule: format!("automatic:{rule}"),
            role: role.map(str::to_owned),
            reason: Some("small".to_owned()),
        });
        automatic.collect::<Vec<_>>()
    };
    for (at, (needs, rules, state, expected)) in (0..).zip([
        // One approval is enough: it is used by the ask that opens it.
        (
            vec![need("finance", 1)],
            &[(Approve, "a", None)][..],
            State::Used,
            &["automatic:a for role:finance"][..],
        ),
        // Rules are one person for a role, and one rule is one person for all.
        (
            vec![need("finance", 2)],
            &[(Approve, "a", None), (Approve, "b", None)],
            State::Pending,
            &["automatic:a for role:finance"],
        ),
        (
            vec![need("finance", 1), need("ops", 1)],
            &[(Approve, "a", None)],
            State::Pending,
            &["automatic:a for role:finance"],
        ),
        (
            vec![need("finance", 1), need("ops", 1)],
            &[
                (Approve, "a", None),
                (Approve, "b", None),
                (Approve, "c", None),
            ],
            State::Used,
            &["automatic:a for role:finance", "automatic:b for role:ops"],
        ),
        (
            vec![need("finance", 1), need("ops", 1)],
            &[(Approve, "a", Some("ops")), (Approve, "b", Some("board"))],
            State::Pending,
            &["automatic:a for role:ops"],
        ),
        // Nobody confirms in the user's place; a refusal needs no place.
        (
            vec![confirmation()],
            &[(Approve, "a", None)],
            State::Pending,
            &[],
        ),
        (
            vec![confirmation()],
            &[(Deny, "a", None), (Approve, "b", None)],
            State::Denied,
            &["automatic:a for user"],
        ),
        (
            vec![confirmation()],
            &[(Deny, "a", Some("finance"))],
            State::Pending,
            &[],
        ),
    ]) {
        let asked = Ask {
            arguments: payload(&at.to_string()),
            ..of(needs)
        };
        let judge = || decided(rules);
        let told = one.ask(&asked, TERMS, judge, super::at(at)).await.unwrap();
        assert_eq!(told.state, state, "{rules:?}");
        assert_eq!(rights(&told), expected, "{rules:?}");
        let again = || -> Vec<Automatic> { panic!("it is judged once") };
        if state == State::Pending {
            let again = two.ask(&asked, TERMS, again, super::at(at)).await.unwrap();
            assert_eq!(again.id, told.id);
        }
        if at == 0 {
            let by = [
                "opened pending",
                "approved approved by automatic:a",
                "used used",
            ];
            assert_eq!(events(&two, &told.id).await, by);
        }
    }
    two.verify().await.unwrap().unwrap();
}

pub(super) async fn others_decide_when_nobody_does([one, two]: [Store; 2]) {
    let escalation = |role: &str, after, to: &str, tools: &[&str]| Escalation {
        role: role.to_owned(),
        after: Duration::from_secs(after),
        to: to.to_owned(),
        tools: tools.iter().map(|&tool| tool.to_owned()).collect(),
    };
    let head = escalation("finance", 60, "head", &[]);
    let both = of(vec![need("finance", 1), need("ops", 1)]);
    let first = opened(&one, &both, 0).await;
    let met = Ask {
        tool: "wipe".to_owned(),
        ..both.clone()
    };
    let met = opened(&one, &met, 0).await;
    let bob = ("bob", &["finance"][..]);
    say(&one, &met.id, Verdict::Approve, bob, None, 1)
        .await
        .unwrap();
    let eve = ("eve", &["head"][..]);
    let early = say(&one, &first.id, Verdict::Approve, eve, None, 59).await;
    assert_eq!(early, Err(Refused::Right));

    for (rule, second, count) in [
        (&head, 59, 0),
        (&escalation("finance", 60, "head", &["wipe"]), 60, 0),
        (&escalation("head", 1, "board", &[]), 60, 0),
        (&escalation("ops", 60, "head", &["wipe", "sweep"]), 60, 1),
    ] {
        assert_eq!(
            one.escalate(rule, at(second)).await.unwrap(),
            count,
            "{rule:?}"
        );
    }
    let (here, there) = tokio::join!(one.escalate(&head, at(60)), two.escalate(&head, at(60)));
    assert_eq!(
        here.unwrap() + there.unwrap(),
        1,
        "once, whoever is quicker"
    );
    assert_eq!(two.escalate(&head, at(61)).await.unwrap(), 0);
    assert_eq!(
        events(&one, &first.id).await,
        ["opened pending", "escalated pending"]
    );
    let entry = one.trail(&first.id).await.unwrap().remove(1);
    assert_eq!(
        (entry.need, entry.role.as_deref()),
        (Some(Approver::Role("finance".to_owned())), Some("head"))
    );

    let roles = ["head".to_owned()];
    let sight = Sight {
        roles: &roles,
        ..sight("eve", None)
    };
    let filter = Filter {
        role: Some("head".to_owned()),
        limit: 9,
        ..Filter::default()
    };
    let found = one.list(sight, &filter).await.unwrap().items;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|approval| sight.reaches(approval)));
    let said = say(&two, &first.id, Verdict::Approve, eve, None, 62).await;
    assert_eq!(rights(&said.unwrap()), ["eve for role:finance as head"]);

    let late = opened(&one, &of(vec![need("finance", 2)]), 100).await;
    one.expire(at(100 + 3_600)).await.unwrap();
    assert_eq!(one.escalate(&head, at(100 + 3_600)).await.unwrap(), 0);
    assert_eq!(events(&one, &late.id).await.len(), 2);
}

async fn lend(store: &Store, giver: &str, to: &str, (from, until): (i64, i64)) -> Delegation {
    let loan = Loan {
        role: "finance",
        to,
        reason: "on leave",
        from: at(from),
        until: at(until),
    };
    store
        .delegate(sight(giver, None), loan, at(0))
        .await
        .unwrap()
}

fn sight<'a>(person: &'a str, tenant: Option<Option<&'a str>>) -> Sight<'a> {
    Sight {
        person,
        roles: &[],
        lent: &[],
        tenant,
    }
}
