use super::*;

fn caller(user: &str, agent: &str) -> Principal {
    Principal {
        user: Some(user.to_owned()),
        agent: Some(agent.to_owned()),
        ..Principal::default()
    }
}

#[test]
fn an_id_is_for_its_caller() {
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
    let (bob, swapped, nobody) = (
        caller("bob", "desk"),
        caller("desk", "alice"),
        Principal::default(),
    );
    let binding = |seal, principal, server| Binding {
        seal,
        principal,
        server,
    };
    let home = binding(&seal, &alice, "jobs");
    for id in [
        "786512e2",
        "",
        "a.b.c",
        "..",
        "tür \"1\"\n",
        "=?base64?YQ==?=",
    ] {
        let bound = home.bind("run.slow", id);
        let opened = |by: Binding<'_>| by.open(&bound).map(|(tool, id)| (tool, id.to_owned()));
        let own = Some(("run.slow".to_owned(), id.to_owned()));
        for (by, expected) in [
            (home, &own),
            (binding(&seal, &renewed, "jobs"), &own),
            (binding(&seal, &bob, "jobs"), &None),
            (binding(&seal, &swapped, "jobs"), &None),
            (binding(&seal, &tenant, "jobs"), &None),
            (binding(&seal, &nobody, "jobs"), &None),
            (binding(&seal, &alice, "jobs2"), &None),
            (binding(&other_seal, &alice, "jobs"), &None),
        ] {
            assert_eq!(opened(by), *expected, "{id} by {by:?}");
        }
    }
}

#[test]
fn an_id_cannot_be_altered() {
    let (seal, alice) = (Seal::new(b"one"), caller("alice", "desk"));
    let binding = Binding {
        seal: &seal,
        principal: &alice,
        server: "jobs",
    };
    let bound = binding.bind("run", "7");
    let (tag, rest) = bound.split_once('.').expect("three parts");
    for altered in [
        String::new(),
        "7".to_owned(),
        ".".to_owned(),
        "..7".to_owned(),
        format!("{bound} "),
        format!("{tag}.{}.7", URL_SAFE_NO_PAD.encode("other")),
        format!("{tag}.{}=.7", URL_SAFE_NO_PAD.encode("run")),
        format!("{tag}.{}.8", URL_SAFE_NO_PAD.encode("run")),
        format!("{tag}.7"),
        format!("{tag}A.{rest}"),
        format!(".{rest}"),
        format!("{}.{rest}", tag.to_lowercase()),
    ] {
        assert_eq!(binding.open(&altered), None, "{altered}");
    }
}
