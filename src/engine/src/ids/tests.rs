use proptest::prelude::*;

use super::*;

fn caller(user: &str, agent: &str) -> Principal {
    Principal {
        user: Some(user.to_owned()),
        agent: Some(agent.to_owned()),
        ..Principal::default()
    }
}

const PURPOSES: [Purpose; 4] = [
    Purpose::Request,
    Purpose::Progress,
    Purpose::Event,
    Purpose::Task,
];

#[test]
fn an_id_is_for_its_client() {
    let (seal, other_seal) = (Seal::new(b"one"), Seal::new(b"two"));
    let alice = caller("alice", "desk");
    let renewed = Principal {
        scopes: ["more".to_owned()].into(),
        roles: ["support".to_owned()].into(),
        ..alice.clone()
    };
    let tenant = Principal {
        tenant: Some("t".to_owned()),
        ..alice.clone()
    };
    let app = Principal {
        app: Some("t".to_owned()),
        ..alice.clone()
    };
    let (bob, swapped, nobody) = (
        caller("bob", "desk"),
        caller("desk", "alice"),
        Principal::default(),
    );
    let ids = |seal, principal, session| Ids {
        seal,
        principal,
        session,
    };
    let home = ids(&seal, &alice, "s1");
    for purpose in PURPOSES {
        for raw in ["1", "\"1\"", "", "a\u{fc} \"b\"\n\0", "9007199254740993"] {
            let id = home.wrap(purpose, ["jobs", raw]);
            assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
            assert_eq!(id, home.wrap(purpose, ["jobs", raw]));
            let own = Some(["jobs".to_owned(), raw.to_owned()]);
            for (by, opens) in [
                (home, true),
                (ids(&seal, &renewed, "s1"), true),
                (ids(&seal, &alice, "s2"), purpose == Purpose::Task),
                (ids(&seal, &bob, "s1"), false),
                (ids(&seal, &swapped, "s1"), false),
                (ids(&seal, &tenant, "s1"), false),
                (ids(&seal, &app, "s1"), false),
                (ids(&seal, &nobody, "s1"), false),
                (ids(&other_seal, &alice, "s1"), false),
            ] {
                let expected = own.clone().filter(|_| opens);
                assert_eq!(by.unwrap(purpose, &id), expected, "{purpose:?} by {by:?}");
            }
            for other in PURPOSES {
                let opened = home.unwrap::<2>(other, &id).is_some();
                assert_eq!(opened, other == purpose, "{purpose:?} as {other:?}");
            }
            assert_eq!(home.unwrap::<3>(purpose, &id), None);
        }
    }
}

#[test]
fn ids_of_two_servers_never_meet() {
    let (seal, alice) = (Seal::new(b"one"), caller("alice", "desk"));
    let ids = Ids {
        seal: &seal,
        principal: &alice,
        session: "s1",
    };
    let parts = [
        ["a", "1"],
        ["b", "1"],
        ["a", "\"1\""],
        ["a1", ""],
        ["", "a1"],
    ];
    for (at, first) in parts.iter().enumerate() {
        for second in &parts[at + 1..] {
            let [first, second] = [first, second].map(|it| ids.wrap(Purpose::Request, *it));
            assert_ne!(first, second);
        }
    }
}

#[test]
fn an_id_cannot_be_altered() {
    let (seal, alice) = (Seal::new(b"one"), caller("alice", "desk"));
    let ids = Ids {
        seal: &seal,
        principal: &alice,
        session: "",
    };
    let id = ids.wrap(Purpose::Task, ["jobs", "run", "7"]);
    for at in 0..id.len() {
        for by in [b'A', b'B', b'_', b'=', b'.', b' '] {
            let mut altered = id.clone().into_bytes();
            if std::mem::replace(&mut altered[at], by) == by {
                continue;
            }
            let altered = String::from_utf8(altered).expect("ASCII");
            assert_eq!(ids.unwrap::<3>(Purpose::Task, &altered), None, "{altered}");
        }
        let (head, tail) = id.split_at(at);
        assert_eq!(ids.unwrap::<3>(Purpose::Task, head), None, "{head}");
        let longer = format!("{head}A{tail}");
        assert_eq!(ids.unwrap::<3>(Purpose::Task, &longer), None, "{longer}");
    }
}

proptest! {
    #[test]
    fn what_nobody_was_given_opens_nothing(id: String, server: String, raw: String) {
        let (seal, nobody) = (Seal::new(b"one"), Principal::default());
        let ids = Ids { seal: &seal, principal: &nobody, session: "" };
        prop_assert_eq!(ids.unwrap::<2>(Purpose::Request, &id), None);
        let wrapped = ids.wrap(Purpose::Request, [&server, &raw]);
        prop_assert_eq!(ids.unwrap(Purpose::Request, &wrapped), Some([server, raw]));
    }
}
