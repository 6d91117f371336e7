use std::{env, fs, process};

use serde_json::json;

use super::*;

const REGISTRY: &str = "servers: { s: {} }\n";
const POLICY: &str = "rules: []\n";

/// What a list of tenants gives whose files are there.
#[expect(clippy::unwrap_in_result, reason = "its problems are what is tested")]
fn load(name: &str, list: &str) -> Result<Gateway, Vec<String>> {
    let folder = env::temp_dir().join(format!("toolgate-tenants-{name}-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in [
        ("tenants.yaml", list),
        ("r.yaml", REGISTRY),
        ("p.yaml", POLICY),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
    fs::write(folder.join("bad.yaml"), "ruels: []\n").expect("a file");
    let given = Given {
        tenants: Some(folder.join("tenants.yaml")),
        ..Given::default()
    };
    let loaded = given.load().expect("files that are there");
    fs::remove_dir_all(&folder).expect("a folder");
    loaded.map_err(|findings| {
        let told = findings.list.iter().map(|finding| {
            let source = finding.source.and_then(|index| findings.sources.get(index));
            let place = source.map_or_else(String::new, |it| it.place(finding.at.as_ref()));
            let place = place.rsplit('/').next().unwrap_or_default().to_owned();
            format!("{place} {}", finding.problem)
        });
        told.collect()
    })
}

#[test]
fn a_list_becomes_a_bundle() {
    let list = "tenants:\n- { id: a, hosts: [a.test], registry: r.yaml, policy: [p.yaml] }\n\
                - { id: b, path: /b, hosts: [b.test], registry: [r.yaml], policy: p.yaml }\n";
    let gateway = load("bundle", list).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let bundle: Value = serde_json::from_str(&gateway.bundle()).expect("JSON");
    let heads = bundle["tenants"].as_array().expect("tenants").iter();
    let heads: Vec<_> = heads
        .map(|it| json!([it["id"], it["hosts"], it["path"], it["registry"]["servers"]]))
        .collect();
    assert_eq!(
        heads,
        [
            json!(["a", ["a.test"], null, { "s": {} }]),
            json!(["b", ["b.test"], "/b", { "s": {} }]),
        ]
    );
    let files = bundle["bundle"]["files"].as_array().map(Vec::len);
    assert_eq!(files, Some(5));
    let read = Bundle::from_value(bundle);
    let again = engine::Gateway::compile(read).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(again.policies().count(), 2);
    let clusters = gateway.policies();
    let clusters = clusters
        .iter()
        .flat_map(|policy| policy.registry().servers());
    let clusters: Vec<_> = clusters.map(|server| server.cluster.as_str()).collect();
    assert_eq!(clusters, ["a/s", "b/s"]);
}

#[track_caller]
fn refused(name: &str, list: &str, expected: &[&str]) {
    assert_eq!(load(name, list).err().unwrap_or_default(), expected);
}

#[test]
fn every_problem_is_told_at_its_place() {
    refused(
        "problems",
        "tenants:\n- { id: a, registry: r.yaml, policy: bad.yaml }\n- { id: a, path: /b, bundle: x, policy: p.yaml }\n",
        &[
            "tenants.yaml:3:3 tenants[1]: a tenant has `registry` and `policy` files, or a `bundle`",
            "tenants.yaml:3:9 tenants[1].id: `a` is the id of `tenants[0]` already (a tenant has one \
             entry, with all of its hosts)",
            "tenants.yaml:3:18 tenants[1].path: requests here are `tenants[0]`'s already (no request \
             can be two tenants': tell them apart by `hosts`, or by `path`s of which none is below \
             another)",
            "bad.yaml:1:1 unknown field `ruels` (did you mean `rules`?)",
        ],
    );
    refused(
        "none",
        "tenants: []\n",
        &["tenants.yaml:1:1 a list of tenants is an object with `tenants`, which has some"],
    );
}
