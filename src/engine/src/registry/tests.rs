use serde_json::{Value, json};

use super::{Endpoint, Kind, Registry, Stranger, build::Build, pin, template};
use crate::{config::Config, digest::sha256, json::Doc};

fn build(registry: Value) -> Result<Registry, Vec<String>> {
    let said = |problems: Vec<crate::problem::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let config = Config::join(vec![registry], vec![]);
    if !config.faults.is_empty() {
        return Err(said(config.faults));
    }
    let build = Build::new(config.registry);
    if build.problems.is_empty() {
        Ok(build.registry)
    } else {
        Err(said(build.problems))
    }
}

fn tool(name: &str, more: Value) -> Value {
    let mut tool = json!({"name": name, "mcpServer": "s", "inputSchema": {"type": "object"}});
    for (key, value) in more.as_object().unwrap() {
        tool[key] = value.clone();
    }
    tool
}

/// The problems of a registry with this tool beside `taken`, of one server `s`.
#[track_caller]
fn check(tool: Value, expect: &[&str]) {
    let taken = self::tool("taken", json!({"mcpTool": "s.taken"}));
    let registry = json!({"servers": {"s": {}}, "tools": [taken, tool]});
    assert_eq!(build(registry).err().unwrap_or_default(), expect);
}

#[test]
fn tools() {
    check(tool("t", json!({})), &[]);
    check(
        tool(
            "t",
            json!({"timeout": "20s", "deprecated": {"sunset": "2027-01-01"}}),
        ),
        &[],
    );
    check(
        tool(
            "t",
            json!({"deprecated": {"sunset": "2027-01-01T10:00:00+02:00"}}),
        ),
        &[],
    );
    check(
        tool("taken", json!({})),
        &["registry[0]:tools[1].name: `taken` is registered twice"],
    );
    check(
        tool("t", json!({"mcpTool": "s.taken"})),
        &["registry[0]:tools[1].mcpTool: `s.taken` of server `s` is registered twice"],
    );
    check(
        tool("t*", json!({})),
        &["registry[0]:tools[1].name: `t*` is no name: not empty, no white space, `*` or `?`"],
    );
    check(
        tool("t", json!({"mcpServer": "S"})),
        &["registry[0]:tools[1].mcpServer: no server `S` is declared (did you mean `s`?)"],
    );
    check(
        tool(
            "t",
            json!({
                "timeout": "soon",
                "tenants": [],
                "environments": [],
                "deprecated": {"since": "yesterday", "sunset": "2027"},
            }),
        ),
        &[
            "registry[0]:tools[1].deprecated.since: `yesterday` is neither a date (`2027-01-01`) \
             nor a time",
            "registry[0]:tools[1].deprecated.sunset: `2027` is neither a date (`2027-01-01`) nor \
             a time",
            "registry[0]:tools[1].tenants: an empty list hides it from everybody",
            "registry[0]:tools[1].environments: an empty list hides it from everybody",
            "registry[0]:tools[1].timeout: `soon` is no duration: `500ms`, `20s`, `2m`",
        ],
    );
}

#[test]
fn members_of_mcp_objects() {
    let say = |list: &str, entry: Value| {
        let registry = json!({"servers": {"s": {}}, list: [entry]});
        build(registry).err().unwrap_or_default().join("\n")
    };
    let resource = |uri: &str, template: &str| {
        let resource = json!({"uri": uri, "uriTemplate": template, "mcpServer": "s"});
        say("resources", resource)
    };
    assert_eq!(resource("x:/*", "x:/{a}"), "");
    assert_eq!(resource("x:/*", "x:/a/{b}{?c}"), "");
    assert_eq!(
        resource("x:/a", "x:/{a}"),
        "registry[0]:resources[0].uriTemplate: `uri` is no pattern: there is nothing to fill in"
    );
    assert_eq!(
        resource("x:/*", "x:/{a"),
        "registry[0]:resources[0].uriTemplate: `x:/{a` is no template: URIs with `{name}` as in RFC 6570"
    );
    assert_eq!(
        resource("x:/a/*", "x:/{a}"),
        "registry[0]:resources[0].uriTemplate: `x:/{a}` also makes URIs that are not those of `x:/a/*`"
    );
    let odd = json!({"name": "p", "mcpServer": "s", "icons": {}, "_meta": []});
    assert_eq!(
        say("prompts", odd),
        "registry[0]:prompts[0].icons: expected a list\n\
         registry[0]:prompts[0]._meta: expected an object"
    );
}

#[test]
fn servers() {
    let found = |servers: Value| -> Result<Vec<String>, Vec<String>> {
        let registry = build(json!({ "servers": servers }))?;
        let text = |s: &super::Server| format!("{} {} {} {}", s.id, s.cluster, s.path, s.endpoint);
        let mut all: Vec<String> = registry.servers().map(text).collect();
        for path in ["/mcp", "/a/mcp", "/b/mcp", "/x"] {
            if let Some(Endpoint::Server(server)) = registry.endpoint(path) {
                all.push(format!("{path} -> {}", server.id));
            }
        }
        Ok(all)
    };
    let ok = |all: &[&str]| Ok(all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    assert_eq!(
        found(json!({"a": {}})),
        ok(&["a a /mcp /a/mcp", "/mcp -> a", "/a/mcp -> a"])
    );
    assert_eq!(
        found(
            json!({"a": {"url": "http://127.0.0.1:1/x/y?z"}, "b": {"cluster": "c", "path": "/p", "endpoint": "/x"}})
        ),
        ok(&["a a /x/y /a/mcp", "b c /p /x", "/a/mcp -> a", "/x -> b"])
    );
    assert_eq!(
        found(json!({"a": {"url": "http://127.0.0.1:1/", "endpoint": "/mcp"}})),
        ok(&["a a /mcp /mcp", "/mcp -> a"])
    );
    assert_eq!(
        found(json!({"a": {"url": "ftp://x", "path": "p"}, "b": {"endpoint": "/a/mcp"}})),
        Err(vec![
            "registry[0]:servers.a.url: expected a URL that begins with `http://` or `https://`"
                .to_owned(),
            "registry[0]:servers.a.path: expected a path that begins with `/`".to_owned(),
            "registry[0]:servers.b.endpoint: `/a/mcp` is the endpoint of server `a` already"
                .to_owned(),
        ])
    );
}

#[test]
fn look_ups() {
    let resource = |uri: &str| json!({"uri": uri, "mcpServer": "s"});
    let registry = build(json!({
        "servers": {"s": {}, "t": {}},
        "tools": [tool("refund", json!({"mcpTool": "payments.refund"}))],
        "prompts": [{"name": "p", "mcpServer": "s", "mcpPrompt": "q"}],
        "resources": [resource("file:///*"), resource("file:///docs/*"), resource("file:///docs/a")],
    }))
    .unwrap();
    let tool = |entry: Option<&super::Entry>| entry.map(|entry| entry.name.clone());
    assert_eq!(tool(registry.tool("refund")), Some("refund".to_owned()));
    assert_eq!(tool(registry.tool("payments.refund")), None);
    assert_eq!(
        tool(registry.tool_by_backend("s", "payments.refund")),
        Some("refund".to_owned())
    );
    assert_eq!(tool(registry.tool_by_backend("t", "payments.refund")), None);
    assert_eq!(tool(registry.prompt("p")), Some("p".to_owned()));
    assert_eq!(
        tool(registry.prompt_by_backend("s", "q")),
        Some("p".to_owned())
    );
    for (uri, expect) in [
        ("file:///docs/a", Some("file:///docs/a")),
        ("file:///docs/b/c", Some("file:///docs/*")),
        ("file:///etc", Some("file:///*")),
        ("file:///docs/../etc/passwd", None),
        ("file:///docs/%2e%2E/etc/passwd", None),
        ("file:///docs/.%2e/etc/passwd", None),
        ("file:///docs/./a", None),
        ("file:///docs/..a", Some("file:///docs/*")),
        ("file:///docs/a?x=..", Some("file:///docs/*")),
        ("https://x", None),
    ] {
        assert_eq!(
            tool(registry.resource("s", uri)).as_deref(),
            expect,
            "`{uri}`"
        );
    }
    assert_eq!(tool(registry.resource("t", "file:///docs/a")), None);
    let registry = build(json!({
        "servers": {"s": {}, "t": {}},
        "resources": [
            {"uri": "x:/*", "mcpServer": "t"},
            {"uri": "x:/a", "mcpServer": "t"},
            {"uri": "x:/a", "mcpServer": "s"},
            {"uri": "x:/b/*", "uriTemplate": "x:/b/{n}", "mcpServer": "s"},
            {"uri": "x:/b/{n}*", "mcpServer": "t"},
        ],
    }));
    let registry = registry.unwrap();
    for (uri, expect) in [
        ("x:/a", Some("t x:/a")),
        ("x:/b/1", Some("s x:/b/*")),
        ("x:/b/{n}", Some("s x:/b/*")),
        ("x:/c", Some("t x:/*")),
        ("x:/b/../c", None),
        ("y:/", None),
    ] {
        let found = registry.resource_anywhere(uri);
        let found = found.map(|entry| format!("{} {}", entry.server, entry.name));
        assert_eq!(found.as_deref(), expect, "`{uri}`");
    }
}

#[test]
fn pins() {
    let bad = "registry[0]:tools[1].pin: `sha256:1` is no pin: `sha256:` and 64 hexadecimal digits";
    check(tool("t", json!({"pin": "sha256:1"})), &[bad]);
    let pin_of = |text: &str| pin(Kind::Tool, Doc::parse(text.into()).unwrap().root());
    let reviewed = pin_of(r#"{"name": "t", "description": "d", "inputSchema": {"a": 1, "b": 2}}"#);
    assert_eq!(
        reviewed,
        format!(
            "sha256:{}",
            sha256(br#"{"description":"d","inputSchema":{"a":1,"b":2}}"#)
        )
    );
    check(tool("t", json!({ "pin": reviewed })), &[]);
    for (same, text) in [
        (
            true,
            r#"{"inputSchema": {"b": 2.0, "a": 1}, "description": "\u0064", "icons": []}"#,
        ),
        (
            false,
            r#"{"description": "e", "inputSchema": {"a": 1, "b": 2}}"#,
        ),
        (
            false,
            r#"{"description": "d", "inputSchema": {"a": 1, "b": 2}, "title": null}"#,
        ),
        (false, r#"{"description": "d", "inputSchema": {"a": 1}}"#),
    ] {
        assert_eq!(pin_of(text) == reviewed, same, "{text}");
    }
}

#[test]
fn breakers() {
    check(tool("t", json!({"breaker": {}})), &[]);
    let breaker = json!({
        "failures": 0, "within": "0s", "ratio": 1.5, "open": "soon", "probes": 0, "on": [],
    });
    check(
        tool("t", json!({ "breaker": breaker })),
        &[
            "registry[0]:tools[1].breaker.within: `0s` is no duration: `500ms`, `30s`, `2m`",
            "registry[0]:tools[1].breaker.open: `soon` is no duration: `500ms`, `30s`, `2m`",
            "registry[0]:tools[1].breaker.failures: expected at least 1",
            "registry[0]:tools[1].breaker.probes: expected 1 to 1000",
            "registry[0]:tools[1].breaker.ratio: expected a part of all calls: more than 0, and at \
             most 1",
            "registry[0]:tools[1].breaker.on: nothing would ever open it (name a failure that \
             counts, or say `slow`)",
        ],
    );
    check(
        tool("t", json!({"breaker": {"on": ["slow"]}})),
        &[
            "registry[0]:tools[1].breaker.on[0]: `slow` is not one of `protocol_error`, \
             `tool_error`, `transport_error`",
        ],
    );
}

#[test]
fn breakers_are_named_after_what_they_guard() {
    let registry = build(json!({
        "servers": {"s": {"breaker": {}}},
        "tools": [tool("t", json!({"mcpTool": "x", "breaker": {"on": ["tool_error"]}}))],
        "resources": [{"uri": "doc://*", "mcpServer": "s", "breaker": {}}],
        "prompts": [{"name": "p", "mcpServer": "s"}],
    }))
    .unwrap();
    let names = |entry| {
        let all = registry
            .breakers(entry)
            .map(|it| (it.name.as_str(), it.on.len()));
        all.collect::<Vec<_>>()
    };
    let server = ("server:s", 2);
    assert_eq!(names(registry.tool("t").unwrap()), [("tool:t", 1), server]);
    let resource = registry.resource("s", "doc://a").unwrap();
    assert_eq!(names(resource), [("resource:s:doc://*", 3), server]);
    assert_eq!(names(registry.prompt("p").unwrap()), [server]);
}

#[test]
fn what_has_changed_since_a_review() {
    let announced = |text: &str| Doc::parse(text.into()).unwrap();
    let reviewed = json!({"description": "d", "title": "t", "inputSchema": {"type": "object"}});
    let pinned = pin(Kind::Tool, announced(&reviewed.to_string()).root());
    let told = |written: Value, now: Value| {
        let mut tool = tool("t", written);
        tool["pin"] = json!(pinned);
        let registry = build(json!({"servers": {"s": {}}, "tools": [tool]})).unwrap();
        let mut announced_now = reviewed.clone();
        for (key, value) in now.as_object().unwrap() {
            announced_now[key] = value.clone();
        }
        let now = announced(&announced_now.to_string());
        registry.tool("t").unwrap().drift(now.root())
    };
    let as_announced = || json!({"description": "d", "title": "t"});
    for (written, now, expected) in [
        (as_announced(), json!({}), &[][..]),
        (json!({"title": "edited"}), json!({}), &[]),
        (
            as_announced(),
            json!({"description": "e"}),
            &["description"],
        ),
        (
            as_announced(),
            json!({"annotations": {}, "inputSchema": {}}),
            &["annotations", "inputSchema"],
        ),
        // Edited here, changed there, and something else with it.
        (
            json!({"description": "edited", "title": "t"}),
            json!({"description": "e", "title": "u"}),
            &["contract"],
        ),
        // Too much to look for what it is.
        (
            as_announced(),
            json!({"description": "e".repeat(3_000_000)}),
            &["contract"],
        ),
    ] {
        assert_eq!(told(written, now), expected);
    }
}

#[test]
fn strangers() {
    let registry = build(json!({
        "servers": {"s": {}, "t": {}},
        "tools": [tool("refund_customer", json!({"mcpTool": "refund"}))],
        "resources": [{"uri": "doc://a", "mcpServer": "s"}],
        "prompts": [{"name": "greet", "mcpServer": "s"}],
    }))
    .unwrap();
    for (kind, name, expected) in [
        (Kind::Tool, "refund", Stranger::Shadowing),
        (Kind::Tool, "refund_customer", Stranger::Shadowing),
        (Kind::Tool, "r\u{435}fund_customer", Stranger::Confusable),
        (Kind::Tool, "Refund-Customer", Stranger::Confusable),
        (Kind::Tool, "REFUND", Stranger::Confusable),
        (Kind::Tool, "refund\u{200b}", Stranger::Confusable),
        (Kind::Tool, "pay\u{202e}out", Stranger::Hidden),
        (Kind::Tool, "greet", Stranger::New),
        (Kind::Prompt, "greet", Stranger::Shadowing),
        (Kind::Prompt, "gr\u{435}et", Stranger::Confusable),
        (Kind::Resource, "doc://a", Stranger::Shadowing),
        (Kind::Resource, "DOC://A", Stranger::New),
    ] {
        assert_eq!(registry.stranger(kind, name), expected, "{name:?}");
    }
    let names = |server, kind| {
        let entries = registry.of(server, kind);
        entries.map(|entry| entry.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(names("s", Kind::Tool), ["refund_customer"]);
    assert_eq!(names("s", Kind::Resource), ["doc://a"]);
    assert_eq!(names("t", Kind::Prompt), [""; 0]);
    assert_eq!(template("doc://{a}/x{?b,c}"), "doc://*/x*");
}

#[test]
fn results() {
    check(
        tool(
            "t",
            json!({
                "normalize": {
                    "rename": {"/cust_nm": "/name", "/a": "/b", "/b": "/a", "/l/*/x": "/l/*/y"},
                    "pick": ["/name", "/a", "/l"],
                    "drop": ["/l/*/z"],
                },
                "result": {"maxBytes": 1, "maxTokens": 1, "media": ["Image/PNG", "text/*", "*/*"], "maxMediaBytes": 0},
            }),
        ),
        &[],
    );
    let at = "registry[0]:tools[1].normalize";
    let place = "below the result (as `/customer/name` or `/items/*/id`)";
    check(
        tool(
            "t",
            json!({"normalize": {
                "rename": {"a": "/b", "/c": "/d/e", "/f": "/f", "/g/*": "/g/h", "/i": "/k", "/j": "/k"},
                "pick": ["/i/x", "l", "/m/*/n", "/o/p"],
                "drop": ["", "/m/0", "/o", "/q"],
            }}),
        ),
        &[
            &format!("{at}.rename./c: `/d/e` is in another object: a member stays where it is"),
            &format!("{at}.rename./f: is its name already"),
            &format!("{at}.rename./g/*: names no single member"),
            &format!("{at}.rename./j: `/k` is the new name of another member"),
            &format!("{at}.rename.a: `a` is no JSON Pointer {place}"),
            &format!("{at}.pick[0]: is called `k` by then: renaming comes first"),
            &format!("{at}.pick[1]: `l` is no JSON Pointer {place}"),
            &format!("{at}.drop[0]: `` is no JSON Pointer {place}"),
            &format!("{at}.drop[1]: `/m/*/n` is picked, and would be dropped with it"),
            &format!("{at}.drop[2]: `/o/p` is picked, and would be dropped with it"),
            &format!("{at}.drop[3]: is not picked: there is nothing to drop"),
        ],
    );
    let media = |text: &str| {
        format!(
            "registry[0]:tools[1].result.media[0]: `{text}` is no media type: `image/png`, `text/*`"
        )
    };
    for text in [
        "png",
        "",
        "image/",
        "/png",
        "a/b/c",
        "text/html; charset=utf-8",
        "image/ png",
    ] {
        check(
            tool("t", json!({"result": {"media": [text]}})),
            &[&media(text)],
        );
    }
}

#[test]
fn servers_that_speak_plain_http() {
    let said = |registry: Value| build(registry).err().unwrap_or_default();
    let http = json!({"method": "GET", "path": "/{id}"});
    let schema = json!({"type": "object", "properties": {"id": {}}, "required": ["id"]});
    let order = |more: Value| {
        let mut order = tool("order", json!({"http": http, "inputSchema": schema}));
        order
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        order
    };
    let plain = json!({"protocol": "http", "url": "http://127.0.0.1:9201/v1/"});
    let registry = build(json!({
        "virtual": {"path": "/all"}, "servers": {"s": plain, "t": {}}, "tools": [order(json!({}))],
    }));
    let registry = registry.unwrap();
    let server = registry.server("s").unwrap();
    assert_eq!(
        (server.path.as_str(), server.endpoint.as_str()),
        ("/v1", "/all")
    );
    assert!(registry.endpoint("/s/mcp").is_none());
    assert!(registry.tool("order").unwrap().rest.is_some());
    assert_eq!(
        said(json!({"servers": {"s": plain}, "tools": [order(json!({}))]})),
        [
            "registry[0]:servers.s.protocol: a server that speaks plain HTTP is reached by a \
             `virtual` server only (write `virtual: {}`)"
        ]
    );
    let means = "means nothing where `protocol` is `http`: it speaks no MCP";
    assert_eq!(
        said(json!({
            "virtual": {},
            "servers": {
                "s": {"protocol": "http", "endpoint": "/x", "requests": [], "path": "/v1?a=b"},
                "t": {},
            },
            "tools": [
                tool("a", json!({})),
                tool("b", json!({"http": http})),
                order(json!({"mcpTool": "x"})),
                order(json!({"name": "c", "mcpServer": "t"})),
            ],
            "prompts": [{"name": "p", "mcpServer": "s"}],
        })),
        [
            format!("registry[0]:servers.s.endpoint: {means}").as_str(),
            &format!("registry[0]:servers.s.requests: {means}"),
            "registry[0]:servers.s.path: a query belongs to the tools",
            "registry[0]:tools[0]: missing field `http`: server `s` speaks plain HTTP",
            "registry[0]:tools[1].http.path: `id` is not in the `inputSchema`",
            "registry[0]:tools[2].mcpTool: server `s` speaks plain HTTP: it has no tools",
            "registry[0]:tools[3].http: server `t` speaks MCP (write `protocol: http` at server \
             `t`)",
            "registry[0]:prompts[0].mcpServer: server `s` speaks plain HTTP: it can have tools \
             only",
        ]
    );
}
