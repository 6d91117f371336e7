use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{collection, prelude::*};

use crate::{
    cx::{Memory, Owner},
    json::Doc,
    seal::Seal,
};

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const SECOND: i64 = 1_000_000_000;

fn alice() -> Principal {
    Principal {
        user: Some("alice".to_owned()),
        agent: Some("desk".to_owned()),
        ..Principal::default()
    }
}

/// A session with this many servers, whose ids have this many characters.
fn session(servers: usize, length: usize) -> Session {
    let doc = Doc::parse(INITIALIZE.into()).expect("JSON");
    let backend = |at: usize| Backend {
        id: (length > 0).then(|| "0".repeat(length)),
        version: ["2025-11-25", "2025-06-18"][at % 2].to_owned(),
    };
    Session {
        backends: (0..servers)
            .map(|at| (format!("server-{at:03}"), backend(at)))
            .collect(),
        ..Session::new(Some(doc.root()), "2025-11-25", true, NOW)
    }
}

const INITIALIZE: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}},"sampling":{}},"clientInfo":{"name":"tür","version":"1.0.0"}}"#;

#[test]
fn a_session_is_its_id() {
    let memory = Memory::default();
    let cx = memory.at(NOW);
    for (servers, length, most) in [(0, 0, 320), (1, 36, 420), (10, 36, 1_300), (10, 0, 720)] {
        let session = session(servers, length);
        let id = session.seal(&alice(), "1", &cx);
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        assert!(id.len() <= most, "{servers} servers: {} bytes", id.len());
        assert_eq!(Session::open(&id, &alice(), &cx), Some(session.clone()));
        // What it holds is not to be seen, and another session with the same contents is another.
        let bytes = URL_SAFE_NO_PAD.decode(&id).expect("base64");
        assert!(
            !bytes
                .windows(7)
                .any(|part| part == b"server-" || part == b"2025-11")
        );
        let other = session.seal(&alice(), "2", &cx);
        assert_ne!(name(&id), name(&other));
        assert_eq!(name(&id).len(), 32);
    }
}

#[test]
fn a_session_is_of_the_caller_who_opened_it() {
    let (memory, other_seal) = (Memory::default(), Seal::new(b"another"));
    let cx = memory.at(NOW);
    let id = session(2, 36).seal(&alice(), "1", &cx);
    let some = |fact: &str| Some(fact.to_owned());
    let renewed = Principal {
        scopes: ["more".to_owned()].into(),
        roles: ["support".to_owned()].into(),
        ..alice()
    };
    let others = [
        Principal {
            user: some("bob"),
            ..alice()
        },
        Principal {
            user: None,
            ..alice()
        },
        Principal {
            agent: some("desk2"),
            ..alice()
        },
        Principal {
            app: some("a"),
            ..alice()
        },
        Principal {
            tenant: some("t"),
            ..alice()
        },
        Principal {
            user: some("desk"),
            agent: some("alice"),
            ..Principal::default()
        },
        Principal {
            user: some("alicedesk"),
            ..Principal::default()
        },
        Principal::default(),
    ];
    assert!(Session::open(&id, &renewed, &cx).is_some());
    for other in others {
        assert_eq!(Session::open(&id, &other, &cx), None, "{other:?}");
    }
    let elsewhere = Cx {
        seal: &other_seal,
        owner: Owner(2),
        ..cx
    };
    assert_eq!(Session::open(&id, &alice(), &elsewhere), None);
    let task = cx.seal.close("task", &alice().who(), b"", "");
    assert_eq!(Session::open(&task, &alice(), &cx), None);
}

#[test]
fn a_session_cannot_be_altered() {
    let memory = Memory::default();
    let cx = memory.at(NOW);
    let id = session(2, 36).seal(&alice(), "1", &cx);
    let refuse =
        |altered: &str| assert_eq!(Session::open(altered, &alice(), &cx), None, "{altered}");
    for at in 0..id.len() {
        let (head, tail) = id.split_at(at);
        refuse(head);
        refuse(tail.get(1..).expect("ASCII"));
        for by in ["", "A", "B", "_", "=", "\0", "ü", " "] {
            let altered = format!("{head}{by}{}", tail.get(1..).expect("ASCII"));
            if altered != id {
                refuse(&altered);
            }
        }
    }
    refuse(&format!("{id}="));
    refuse(&format!(" {id}"));
    refuse(&id.repeat(2));
    refuse(&"A".repeat(8_000));
    refuse("1868a90c-1d5e-4b0e-9f5c-0f6f5f0f5f0f");
    refuse("");
}

#[test]
fn a_session_ends_after_a_day() {
    let memory = Memory::default();
    let id = session(1, 36).seal(&alice(), "1", &memory.at(NOW));
    for (age, lives) in [
        (0, true),
        (-60, true),
        (-61, false),
        (86_400, true),
        (86_401, false),
        (i64::MIN / SECOND, false),
        (3_000_000_000, false),
    ] {
        let cx = memory.at(Timestamp(NOW.0.saturating_add(age * SECOND)));
        assert_eq!(Session::open(&id, &alice(), &cx).is_some(), lives, "{age}");
    }
}

#[test]
fn an_id_has_a_bound() {
    let memory = Memory::default();
    let cx = memory.at(NOW);
    for (servers, length, fit) in [(40, 36, 40..=40), (300, 36, 50..=70), (3, 5_000, 0..=0)] {
        let mut session = session(servers, length);
        session.backends.insert("z".to_owned(), Backend::default());
        let id = session.seal(&alice(), "1", &cx);
        assert!(id.len() <= 6_000, "{servers} servers: {} bytes", id.len());
        let opened = Session::open(&id, &alice(), &cx).expect("sealed");
        assert!(opened.backends.contains_key("z"), "the short one stays");
        let others = opened.backends.len() - 1;
        assert!(fit.contains(&others), "{others} of {servers}");
        session
            .backends
            .retain(|server, _| opened.backends.contains_key(server));
        assert_eq!(opened, session);
    }
}

#[test]
fn what_clients_say_of_themselves_is_cut_short() {
    let long = "ü\u{1}".repeat(300);
    let long = quote(&long);
    for (params, capabilities, client) in [
        (
            INITIALIZE.to_owned(),
            r#"{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}},"sampling":{}}"#,
            r#"{"name":"tür","version":"1.0.0"}"#,
        ),
        ("{}".to_owned(), "{}", r#"{"name":"","version":""}"#),
        (
            r#"{"capabilities":[],"clientInfo":7}"#.to_owned(),
            "{}",
            r#"{"name":"","version":""}"#,
        ),
        (
            format!(
                r#"{{"capabilities":{{"x":{}}},"clientInfo":{{"name":"n","version":"1","description":{long}}}}}"#,
                quote(&"x".repeat(2_000))
            ),
            "{}",
            r#"{"name":"n","version":"1"}"#,
        ),
    ] {
        let doc = Doc::parse(params.into_bytes()).expect("JSON");
        let session = Session::new(Some(doc.root()), "2025-11-25", false, NOW);
        assert_eq!(session.capabilities, capabilities);
        assert_eq!(session.client, client);
    }
    let nobody = Session::nobody(NOW);
    assert_eq!(nobody.version, "2025-11-25");
    assert_eq!(nobody.capabilities, "{}");
    let doc = format!(r#"{{"clientInfo":{{"name":{long},"version":{long}}}}}"#);
    let doc = Doc::parse(doc.into_bytes()).expect("JSON");
    let client = Session::new(Some(doc.root()), "2025-11-25", false, NOW).client;
    assert!(client.len() <= MAX_CLIENT, "{}", client.len());
    Doc::parse(client.into_bytes()).expect("JSON");
}

proptest! {
    #[test]
    fn what_nobody_was_given_opens_nothing(
        id: String,
        bytes in collection::vec(any::<u8>(), 0..200),
    ) {
        let memory = Memory::default();
        let cx = memory.at(NOW);
        prop_assert_eq!(Session::open(&id, &alice(), &cx), None);
        let encoded = URL_SAFE_NO_PAD.encode(&bytes);
        prop_assert_eq!(Session::open(&encoded, &alice(), &cx), None);
        // Whatever is closed, by whatever version of this gateway, is read without a panic.
        let closed = cx.seal.close(PURPOSE, &alice().who(), &bytes, "");
        drop(Session::open(&closed, &alice(), &cx));
    }
}
