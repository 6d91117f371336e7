use serde_json::{Value, json};

use super::*;

fn tenant(id: &str, hosts: &[&str], path: &str) -> Value {
    let path = (!path.is_empty()).then_some(path);
    json!({ "id": id, "hosts": hosts, "path": path, "registry": registry(), "policy": {} })
}

fn registry() -> Value {
    json!({ "servers": { "s": {} } })
}

fn compile(bundle: Value) -> Result<Gateway, Vec<Problem>> {
    Gateway::compile(Bundle::from_value(bundle))
}

#[track_caller]
fn gateway(tenants: &[Value]) -> Gateway {
    compile(json!({ "tenants": tenants })).expect("tenants")
}

#[track_caller]
fn refused(bundle: Value, expect: &[&str]) {
    let problems = compile(bundle).err().unwrap_or_default();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, expect);
}

/// Whose a request is: `-` for nobody's.
#[track_caller]
fn check(gateway: &Gateway, authority: &str, path: &str, tenant: &str) {
    let pairs = [(":authority", authority), (":path", path)];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let headers = Headers::new(pairs.map(|(name, value)| (name.into(), value.into())));
    let policy = gateway.policy(&headers);
    let found = policy.tenancy().map_or("-", Tenancy::id);
    assert_eq!(found, tenant, "{authority} {path}");
}

#[test]
fn a_host_names_a_tenant_however_it_is_spelt() {
    let tenants = [
        tenant("a", &["a.example.com", "A2.example.com"], ""),
        tenant("b", &["*.b.example.com"], ""),
        tenant("six", &["[::1]"], ""),
    ];
    let gateway = gateway(&tenants);
    for (authority, tenant) in [
        ("a.example.com", "a"),
        ("A.EXAMPLE.com", "a"),
        ("a.example.com.", "a"),
        ("a.example.com:10000", "a"),
        ("a.example.com.:10000", "a"),
        ("a.example.com:", "a"),
        ("a2.example.com", "a"),
        ("x.b.example.com", "b"),
        ("x.y.B.example.com:1", "b"),
        ("b.example.com", "-"),
        (".b.example.com", "-"),
        ("xb.example.com", "-"),
        ("[::1]:10000", "six"),
        ("[::1]", "six"),
        ("::1", "-"),
        ("a.example.com..", "-"),
        ("a.example.com:x", "-"),
        ("a.example.com:1:2", "-"),
        ("a.example.com@b", "-"),
        ("user@a.example.com", "-"),
        ("user@x.b.example.com", "-"),
        ("/.b.example.com", "-"),
        ("a.example.com, x.b.example.com", "-"),
        ("a.example.com/x.b.example.com", "-"),
        ("a%2Eexample.com", "-"),
        ("a.example.com\u{3002}", "-"),
        ("xa.example.com", "-"),
        ("a.example.com.evil", "-"),
        ("", "-"),
        (".", "-"),
        (":80", "-"),
        (&"a.".repeat(20_000), "-"),
    ] {
        check(&gateway, authority, "/mcp", tenant);
    }
}

#[test]
fn a_path_names_a_tenant_at_slashes() {
    let tenants = [
        tenant("a", &[], "/a"),
        tenant("ab", &[], "/a-b"),
        tenant("deep", &[], "/x/y"),
        tenant("dot", &[], "/a.b"),
    ];
    let gateway = gateway(&tenants);
    for (path, tenant) in [
        ("/a", "a"),
        ("/a/", "a"),
        ("/a/mcp", "a"),
        ("/a/mcp?x=/a-b/", "a"),
        ("/a?/a-b/mcp", "a"),
        ("/a/../a-b/mcp", "a"),
        ("/a/~/mcp", "a"),
        ("/a-b/mcp", "ab"),
        ("/a.b/mcp", "dot"),
        ("/x/y/mcp", "deep"),
        ("/x/mcp", "-"),
        ("/ab/mcp", "-"),
        ("/A/mcp", "-"),
        ("//a/mcp", "-"),
        ("/%61/mcp", "-"),
        ("/a%2Fmcp", "-"),
        ("/./a/mcp", "-"),
        ("/", "-"),
        ("", "-"),
        ("*", "-"),
        ("a/mcp", "-"),
        ("http://h/a/mcp", "-"),
        ("/.well-known/oauth-protected-resource/a/mcp", "a"),
        ("/.well-known/oauth-protected-resource/a-b/mcp", "ab"),
        ("/.well-known/oauth-protected-resource", "-"),
        ("/.well-known/oauth-protected-resource/", "-"),
        ("/.well-known/oauth-protected-resourcex/a/mcp", "-"),
    ] {
        check(&gateway, "h", path, tenant);
        check(&gateway, "", path, tenant);
    }
}

#[test]
fn host_and_path_together() {
    let tenants = [
        tenant("a", &["h"], "/a"),
        tenant("b", &["h"], "/b"),
        tenant("c", &["*.h"], "/a"),
    ];
    let gateway = gateway(&tenants);
    for (host, path, tenant) in [
        ("h", "/a/mcp", "a"),
        ("h", "/b/mcp", "b"),
        ("x.h", "/a/mcp", "c"),
        ("x.h", "/b/mcp", "-"),
        ("g", "/a/mcp", "-"),
        ("", "/a/mcp", "-"),
    ] {
        check(&gateway, host, path, tenant);
    }
    let repeated = [
        (":authority", "h"),
        (":authority", "x.h"),
        (":path", "/a/mcp"),
    ];
    let repeated = repeated.map(|(name, value)| (name.into(), value.into()));
    assert!(gateway.policy(&Headers::new(repeated)).tenancy().is_none());
}

#[test]
fn no_request_is_two_tenants() {
    let overlap = "(no request can be two tenants': tell them apart by `hosts`, or by `path`s of \
                   which none is below another)";
    let taken = |at: &str| format!("{at}: requests here are `tenants[0]`'s already {overlap}");
    for (first, second, at) in [
        (tenant("a", &[], ""), tenant("b", &[], ""), Some("path")),
        (tenant("a", &[], "/a"), tenant("b", &[], ""), Some("path")),
        (
            tenant("a", &[], "/a"),
            tenant("b", &[], "/a/b"),
            Some("path"),
        ),
        (
            tenant("a", &[], "/a/b"),
            tenant("b", &[], "/a"),
            Some("path"),
        ),
        (
            tenant("a", &[], "/a"),
            tenant("b", &["h"], "/a"),
            Some("hosts[0]"),
        ),
        (
            tenant("a", &["h"], ""),
            tenant("b", &["g", "H"], ""),
            Some("hosts[1]"),
        ),
        (
            tenant("a", &["x.h"], ""),
            tenant("b", &["*.h"], ""),
            Some("hosts[0]"),
        ),
        (
            tenant("a", &["*.x.h"], ""),
            tenant("b", &["*.h"], "/b"),
            Some("hosts[0]"),
        ),
        (
            tenant("a", &["h"], ""),
            tenant("b", &[], "/b"),
            Some("path"),
        ),
        (tenant("a", &["h"], ""), tenant("b", &["*.h"], ""), None),
        (tenant("a", &[], "/a"), tenant("b", &[], "/ab"), None),
        (tenant("a", &["h"], "/a"), tenant("b", &["g"], "/a"), None),
        (
            tenant("a", &["h", "*.h", "x.h"], ""),
            tenant("b", &["g"], ""),
            None,
        ),
    ] {
        let expect = at.map(|at| taken(&format!("tenants[1].{at}")));
        let expect: Vec<_> = expect.iter().map(String::as_str).collect();
        refused(json!({ "tenants": [first, second] }), &expect);
    }
}

#[test]
fn what_cannot_tell_tenants_apart_is_refused() {
    let host = "(a name without a port, `a.example.com`, or all names below one, `*.example.com`)";
    for (written, fits) in [
        ("h", true),
        ("10.0.0.1", true),
        ("[::1]", true),
        ("*.h", true),
        ("h:80", false),
        ("h.", false),
        ("*", false),
        ("*h", false),
        ("*.", false),
        ("a.*.h", false),
        ("a b", false),
        ("[h]", false),
        ("", false),
    ] {
        let problem = format!(
            "tenants[0].hosts[0]: `{written}` is no host that a tenant can be told by {host}"
        );
        let expect = [problem.as_str()];
        refused(
            json!({ "tenants": [tenant("a", &[written], "")] }),
            if fits { &[] } else { &expect },
        );
    }
    for (path, fits) in [
        ("/a", true),
        ("/a/b.c~d_e-f", true),
        ("/", false),
        ("a", false),
        ("/a/", false),
        ("//a", false),
        ("/a/..", false),
        ("/.", false),
        ("/a%20", false),
        ("/a?b", false),
        ("/a#b", false),
        ("/ä", false),
        ("/.well-known/x", false),
    ] {
        let problem = format!(
            "tenants[0].path: `{path}` is no path that a tenant can be told by (segments of \
             letters, digits, `-`, `_`, `.`, `~`, each after a slash: `/a`)"
        );
        let expect = [problem.as_str()];
        refused(
            json!({ "tenants": [tenant("a", &[], path)] }),
            if fits { &[] } else { &expect },
        );
    }
    let id = "(letters, digits, `-`, `_`, `.`, at most 64)";
    refused(
        json!({ "tenants": [tenant("a/b", &["g"], ""), tenant("a", &["h"], ""), tenant("a", &["i"], "")] }),
        &[
            &format!("tenants[0].id: `a/b` is no tenant id {id}"),
            "tenants[2].id: `a` is the id of `tenants[1]` already (a tenant has one entry, with all of its hosts)",
        ],
    );
}

#[test]
fn every_problem_of_every_tenant_is_told() {
    refused(
        json!({ "tenants": [
            { "id": "a", "path": "/a", "registry": { "tools": [{ "name": "t" }] }, "policy": [] },
            { "id": "b", "path": "/b", "host": "h", "policy": { "rules": [{ "tools": "x" }] } },
            "c",
        ], "policy": {} }),
        &[
            "unknown field `policy`",
            "tenants[1]: unknown field `host` (did you mean `hosts`?)",
            "tenants[2]: a tenant is an object",
            "tenants[0].registry.tools[0]: missing field `mcpServer`",
            "tenants[0].registry.tools[0]: missing field `inputSchema`",
            "tenants[0].policy: a policy is an object",
            "tenants[1]: missing field `registry`",
        ],
    );
    refused(
        json!({ "tenants": [] }),
        &["tenants: expected a list of tenants"],
    );
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let two = || {
        Bundle::from_value(json!({ "tenants": [tenant("a", &["a"], ""), tenant("b", &["b"], "")] }))
    };
    let Bundle::Tenants(mut tenants) = two() else {
        panic!("tenants")
    };
    tenants.bundle = Some(crate::config::Provenance {
        digest: tenants.digest(),
        ..Default::default()
    });
    let text = tenants.to_json();
    assert_eq!(
        Bundle::from_json(text.as_bytes()),
        Ok(Bundle::Tenants(tenants))
    );
    let compile = |text: &str| Gateway::compile(Bundle::from_json(text.as_bytes()).expect("JSON"));
    let gateway = compile(&text).expect("a gateway");
    let proven = Gateway::compile_proven(two(), &gateway.proof()).expect("the same");
    assert_eq!(proven.proof(), gateway.proof());
    let digests: Vec<_> = gateway.policies().map(|policy| policy.digest()).collect();
    assert_eq!(digests.len(), 2);
    for (from, to) in [(r#""id":"a""#, r#""id":"c""#), (r#"["b"]"#, r#"["c"]"#)] {
        let problems = compile(&text.replace(from, to)).err().unwrap_or_default();
        assert_eq!(problems.len(), 1, "{from}");
        assert_eq!(problems[0].path, "bundle.digest");
    }
}

#[test]
fn one_policy_governs_all_where_there_are_no_tenants() {
    let gateway = compile(json!({ "registry": registry(), "policy": {} })).expect("a gateway");
    assert_eq!(gateway.policies().count(), 1);
    assert!(Arc::ptr_eq(
        gateway.policy(&Headers::default()),
        gateway.unseen()
    ));
    assert!(gateway.unseen().registry().server("s").is_some());
}

#[test]
fn servers_of_one_name_are_two_servers() {
    let gateway = gateway(&[tenant("a", &["a"], ""), tenant("b", &["b"], "")]);
    let clusters = gateway
        .policies()
        .flat_map(|policy| policy.registry().servers());
    let clusters: Vec<_> = clusters.map(|server| server.cluster.as_str()).collect();
    assert_eq!(clusters, ["a/s", "b/s"]);
}
