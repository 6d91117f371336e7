use super::*;
use crate::cx::{Memory, Owner, Timestamp};

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

fn tenancy(id: &str, path: &str) -> Tenancy {
    Tenancy::new(id.to_owned(), path.to_owned())
}

#[test]
fn paths_are_cut_at_slashes() {
    for (tenant, path, within) in [
        ("/a", "/a/crm/mcp", Some("/crm/mcp")),
        ("/a", "/a/", Some("/")),
        ("/a", "/a", None),
        ("/a", "/ab/mcp", None),
        ("/a", "/A/mcp", None),
        ("/a", "//a/mcp", None),
        ("/a", "/%61/mcp", None),
        ("/a", "/a%2Fmcp", None),
        ("/a", "/b/../a/mcp", None),
        ("/a", "/a/../b/mcp", Some("/../b/mcp")),
        ("", "/mcp", Some("/mcp")),
        ("", "*", None),
        ("", "", None),
    ] {
        assert_eq!(tenancy("t", tenant).within(path), within, "{tenant} {path}");
    }
}

#[test]
fn a_tenant_finds_nothing_of_another() {
    let memory = Memory::default();
    let all = memory.at(NOW);
    let keep = |cx: &Cx<'_>, value: &[u8]| {
        cx.store
            .change("toolgate.x", |_| ((), value.to_vec()))
            .unwrap();
    };
    keep(&all, b"all");
    for id in ["a", "b", "toolgate.x", "a/b"] {
        let of = tenancy(id, "");
        let seal = of.seal(all.seal);
        let around = of.surroundings(&all, &seal);
        let cx = around.cx();
        assert_eq!(cx.store.load("toolgate.x").0, None, "{id}");
        assert_eq!((cx.now, cx.owner), (NOW, Owner(1)));
        keep(&cx, id.as_bytes());
        assert_eq!(
            cx.store.load("toolgate.x").0.as_deref(),
            Some(id.as_bytes())
        );
    }
    assert_eq!(all.store.load("toolgate.x").0.as_deref(), Some(&b"all"[..]));
    assert_eq!(memory.values().len(), 5);
}

/// Else the calls that other workers have for a tenant would count for none.
#[test]
fn who_is_alive_is_known_to_all() {
    let memory = Memory::default();
    let all = memory.at(NOW);
    let of = tenancy("a", "");
    let seal = of.seal(all.seal);
    all.store
        .change(OWNERS, |_| ((), b"alive".to_vec()))
        .unwrap();
    let around = of.surroundings(&all, &seal);
    assert_eq!(
        around.cx().store.load(OWNERS).0.as_deref(),
        Some(&b"alive"[..])
    );
}

#[test]
fn a_mark_of_one_means_nothing_to_another() {
    let all = Seal::new(b"one secret for all of them, of 32 bytes");
    let seals = [all.derive("tenant", "a"), all.derive("tenant", "b"), all];
    for (i, seal) in seals.iter().enumerate() {
        let tag = seal.tag("task", &["x"]);
        for (j, other) in seals.iter().enumerate() {
            assert_eq!(other.check(&tag, "task", &["x"]), i == j, "{i} {j}");
        }
    }
}
