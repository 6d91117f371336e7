//! Tenants behind one filter: nothing of one is visible to another, or of use there. Both have tools,
//! users and arguments of the same names.

use serde_json::{Value, json};
use tests::approvals::Approvals;
use tests::authority::Authority;
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::conformance::{Fixtures, Part};
use tests::envoy::{Envoy, Gateway, Setup, eventually};
use tests::message::{legacy, modern};
use tests::recorder::{Answer, Recorder, Seen};
use tests::serve::{self, Served};

/// An Envoy with these tenants, whose servers tell who was called.
struct World {
    envoy: Envoy,
    servers: Vec<(String, Recorder)>,
    jobs: Served,
    approvals: Option<Approvals>,
}

impl World {
    async fn start(ids: &[&str], approvals: Option<Approvals>) -> Self {
        let jobs = Served::start(serve::mcp(Fixtures::default()), 0).expect("loopback has ports");
        let mut servers = Vec::new();
        for id in ids {
            servers.push(((*id).to_owned(), Recorder::scripted(answer).await));
        }
        let tenants: Vec<_> = ids.iter().map(|id| tenant(id)).collect();
        let mut clusters = Vec::new();
        for (id, server) in &servers {
            clusters.push((format!("{id}/crm"), server.addr()));
            clusters.push((format!("{id}/fixtures"), jobs.addr()));
        }
        let clusters: Vec<_> = clusters.iter().map(|(name, at)| (&**name, *at)).collect();
        let bundle = json!({ "tenants": tenants }).to_string();
        let mut gateway = Gateway::toolgate(bundle, &clusters);
        gateway
            .clusters
            .extend(approvals.as_ref().map(Approvals::cluster));
        Self {
            envoy: Envoy::start(&Setup::one(gateway)).await,
            servers,
            jobs,
            approvals,
        }
    }

    async fn send(&self, tenant: &str, request: Request) -> Response {
        let request = request
            .header("host", host(tenant))
            .header("x-user", "alice");
        let answer = client::send(self.envoy.addr(), &request).await;
        answer.expect("an answer")
    }

    async fn ask(&self, tenant: &str, method: &str, params: Value) -> Response {
        self.send(tenant, Request::modern("/mcp", &modern(method, params)))
            .await
    }

    async fn call(&self, tenant: &str, tool: &str, arguments: Value) -> Response {
        let params = json!({ "name": tool, "arguments": arguments });
        self.ask(tenant, "tools/call", params).await
    }

    /// How many calls a tenant's own server has had.
    fn calls(&self, tenant: &str) -> usize {
        let server = self.servers.iter().find(|(id, _)| id == tenant);
        server.expect("a tenant").1.seen().len()
    }

    /// What a tenant's records show of the card in a call.
    async fn shown(&self, tenant: &str) -> String {
        eventually("the record", async || {
            let lines = self.envoy.access_log(0);
            let mut records = lines.iter().map(|line| &line["toolgate"]);
            let shown = records.find_map(|record| {
                let card = record["arguments"]["values"]["card"].as_str();
                card.filter(|_| record["tenant"] == *tenant)
            });
            shown.map(str::to_owned)
        })
        .await
    }
}

/// A name that servers made with the SDK answer to.
fn host(tenant: &str) -> &'static str {
    match tenant {
        "a" => "localhost",
        _ => "127.0.0.1",
    }
}

fn answer(seen: &Seen) -> Answer {
    match seen.json()["params"]["name"].as_str() {
        Some("ill") => Answer::body("text/plain", "ill").status(503),
        _ => Answer::success(seen),
    }
}

fn tenant(id: &str) -> Value {
    let job = Part::Whole.tools();
    let job = job
        .into_iter()
        .filter(|tool| tool["name"] == "slow_compute")
        .collect();
    let of_jobs = bundle::registry(&[("fixtures", job)]);
    let tool = |name: &str| {
        json!({ "name": name, "mcpServer": "crm", "description": format!("{name} it"),
                "inputSchema": { "type": "object" } })
    };
    let mut ill = tool("ill");
    ill["breaker"] = json!({ "failures": 2, "open": "1h" });
    let tools = [
        tool("lookup"),
        ill,
        tool("pay"),
        tool(&format!("only_{id}")),
    ];
    let tools: Vec<_> = tools
        .into_iter()
        .chain([of_jobs["tools"][0].clone()])
        .collect();
    json!({
        "id": id,
        "hosts": [host(id)],
        "registry": {
            "version": "1",
            "virtual": { "name": "shop", "pageSize": 2 },
            "servers": { "crm": {}, "fixtures": {} },
            "tools": tools,
        },
        "policy": {
            "version": "1",
            "identity": { "user": { "header": "x-user", "trusted": true } },
            "approvals": {},
            "rules": [
                { "id": "all", "tools": ["ill", "only_*", "slow_compute"], "decision": "allow" },
                { "id": "lookups", "tool": "lookup", "decision": "allow",
                  "redact": [{ "find": "payment_card", "by": "hash" }], "audit": { "level": "full" },
                  "limits": [{ "per": "user", "requests_per_month": 3 }] },
                { "id": "pays", "tool": "pay", "decision": "approval_required",
                  "approver_role": "boss" },
            ],
        },
    })
}

/// Uses up, breaks and leaves behind whatever a tenant can.
async fn live(world: &World, tenant: &str) {
    for _ in 0..4 {
        world.call(tenant, "lookup", json!({ "card": CARD })).await;
        world.call(tenant, "ill", json!({})).await;
    }
}

/// What comes of everything that can be asked, without what time alone makes.
async fn probe(world: &World, tenant: &str) -> Vec<String> {
    let mut told = Vec::new();
    for (method, params) in [
        ("server/discover", json!({})),
        ("ping", json!({})),
        ("tools/list", json!({})),
        ("resources/list", json!({})),
        ("prompts/list", json!({})),
        ("tools/list", json!({ "cursor": "AAAA" })),
    ] {
        told.push(world.ask(tenant, method, params).await);
    }
    for tool in ["lookup", "ill", "only_a", "only_b", "nothing", "pay"] {
        for _ in 0..4 {
            told.push(world.call(tenant, tool, json!({ "card": CARD })).await);
        }
    }
    for (method, path) in [
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("GET", "/crm/mcp"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/a/mcp"),
        ("POST", "/b/crm/mcp"),
    ] {
        told.push(world.send(tenant, Request::new(method, path)).await);
    }
    told.into_iter().map(timeless).collect()
}

/// An answer, but for what tells the time.
fn timeless(answer: Response) -> String {
    let changing = ["date", "x-envoy-upstream-service-time"];
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| !changing.contains(&name.as_str()));
    let headers: Vec<_> = headers
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .filter(|line| !line.starts_with("content-length"))
        .collect();
    let mut text = answer.text();
    // How long to wait, in both places where it is said.
    for number in [r#""retryAfterMs":"#, "Try again in ", "again in "] {
        while let Some(at) = text.find(number) {
            let rest = at + number.len();
            let digits = text[rest..]
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(0);
            text.replace_range(at..rest + digits, "<wait>");
        }
    }
    format!("{} {}\n{text}", answer.status, headers.join(", "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_answered_the_same_whoever_else_is_there() {
    let alone = World::start(&["b"], None).await;
    let beside = World::start(&["a", "b"], None).await;
    live(&beside, "a").await;
    let (one, other) = (probe(&alone, "b").await, probe(&beside, "b").await);
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
    assert!(
        one.iter().any(|told| told.contains("limit_reached")),
        "{one:#?}"
    );
    assert!(
        one.iter().any(|told| told.contains("breaker_open")),
        "{one:#?}"
    );
    // The last of A's calls has reached none of its servers, and B's none of A's.
    assert_eq!(
        (beside.calls("a"), beside.calls("b")),
        (3 + 2, alone.calls("b"))
    );
    drop((alone.jobs, beside.jobs));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_is_given_is_of_no_use_to_another() {
    let world = World::start(&["a", "b"], None).await;
    // Sessions.
    let greeting = legacy(
        "initialize",
        &json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                 "clientInfo": { "name": "rig", "version": "1" } }),
    );
    let greeted = world
        .send("a", Request::post("/mcp", greeting.to_string()))
        .await;
    let session = greeted
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let in_session = |id: &str| {
        Request::post("/mcp", legacy("tools/list", &json!({})).to_string())
            .header("mcp-protocol-version", "2025-11-25")
            .header("mcp-session-id", id)
    };
    assert_eq!(world.send("a", in_session(&session)).await.status, 200);
    let invented = timeless(world.send("b", in_session("invented")).await);
    assert_eq!(
        timeless(world.send("b", in_session(&session)).await),
        invented
    );
    assert!(invented.starts_with("404"), "{invented}");

    // Tasks.
    let start = |tenant| {
        let mut message = modern(
            "tools/call",
            json!({ "name": "slow_compute", "arguments": { "seconds": 60 } }),
        );
        with_tasks(&mut message);
        world.send(tenant, Request::modern("/fixtures/mcp", &message))
    };
    let look = |tenant, id: &str| {
        let mut message = modern("tasks/get", json!({ "taskId": id }));
        with_tasks(&mut message);
        let request = Request::modern("/fixtures/mcp", &message).header("mcp-name", id);
        world.send(tenant, request)
    };
    let started = start("a").await.json();
    let task = started["result"]["taskId"]
        .as_str()
        .unwrap_or_else(|| panic!("{started}"));
    assert_eq!(look("a", task).await.json()["result"]["taskId"], task);
    let invented = timeless(look("b", "invented").await);
    assert_eq!(timeless(look("b", task).await), invented);

    // Cursors: a page of B's own list, or none.
    let first = world.ask("a", "tools/list", json!({})).await.json();
    let cursor = first["result"]["nextCursor"]
        .as_str()
        .expect("another page");
    let page = world
        .ask("b", "tools/list", json!({ "cursor": cursor }))
        .await
        .text();
    assert!(!page.contains("only_a"), "{page}");

    // Marks of what was taken out.
    let mut marks = Vec::new();
    for tenant in ["a", "b"] {
        world.call(tenant, "lookup", json!({ "card": CARD })).await;
        marks.push(world.shown(tenant).await);
    }
    assert!(marks[0].starts_with("[payment_card:"), "{marks:?}");
    assert_ne!(marks[0], marks[1]);

    // Metrics: each series is somebody's.
    let stats = world
        .envoy
        .admin("GET", "/stats?filter=toolgate_calls_total")
        .await;
    let series: Vec<_> = stats.lines().filter(|line| !line.is_empty()).collect();
    assert!(!series.is_empty());
    for line in &series {
        assert!(
            line.contains(";tenant=a") || line.contains(";tenant=b"),
            "{line}"
        );
    }
    let lookups = |tenant: &str| {
        let of = format!(";tenant={tenant}:");
        let mut found = series.iter().filter(|line| line.contains(";tool=lookup;"));
        found.any(|line| line.contains(&of))
    };
    assert!(lookups("a") && lookups("b"), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_its_tenants() {
    let authority = Authority::start().await;
    let claims = json!({ "user": "sub", "roles": "groups", "tenant": "tenant" });
    let trusted = json!({
        "issuer": authority.issuer(),
        "audience": "toolgate-approvals",
        "jwks": { "file": "jwks.json" },
        "claims": claims,
    });
    let approvals = Approvals::start(&authority, &json!({ "approvers": trusted })).await;
    let world = World::start(&["a", "b"], Some(approvals)).await;
    let approvals = world.approvals.as_ref().expect("a service");
    let boss = |tenant: &str| {
        authority.token(&json!({ "sub": "bo", "groups": ["boss"], "tenant": tenant,
                                 "aud": "toolgate-approvals" }))
    };
    let pay = async |tenant| {
        let told = world
            .call(tenant, "pay", json!({ "amount": 7 }))
            .await
            .json();
        told["result"]["_meta"]["toolgate/denial"].clone()
    };
    let (first, second) = (pay("a").await, pay("b").await);
    let ids = [&first, &second].map(|told| told["approvalId"].as_str().expect("an id"));
    assert_ne!(ids[0], ids[1]);
    for (tenant, own, other) in [("a", ids[0], ids[1]), ("b", ids[1], ids[0])] {
        let token = boss(tenant);
        let listed = approvals.list("", &token).await;
        let listed: Vec<_> = listed.iter().map(|ask| ask["id"].as_str()).collect();
        assert_eq!(listed, [Some(own)], "{tenant}");
        for (method, path) in [
            ("GET", format!("/v1/asks/{other}")),
            (
                "GET",
                "/v1/asks/00000000-0000-7000-8000-000000000000".to_owned(),
            ),
        ] {
            let answer = approvals
                .send(&Request::new(method, &path).bearer(&token))
                .await;
            assert_eq!(answer.status, 404, "{tenant} {path}");
        }
        let words = json!({ "reason": "mine now" });
        let path = format!("/v1/asks/{other}/approve");
        assert_eq!(
            approvals.post(&path, &token, &words).await.status,
            404,
            "{tenant}"
        );
    }
    approvals.approve(ids[0], &boss("a"), "fine").await;
    assert_eq!(pay("b").await["approvalId"], ids[1]);
    assert_eq!((world.calls("a"), world.calls("b")), (0, 0));
    assert_eq!(pay("a").await, Value::Null);
    assert_eq!((world.calls("a"), world.calls("b")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_one_tenants_however_it_is_spelt() {
    let (one, two) = (Recorder::start().await, Recorder::start().await);
    let at = |id: &str, path: &str| {
        json!({ "id": id, "hosts": [format!("{id}.test"), "shared.test"], "path": path,
                "registry": { "servers": { "crm": {} }, "tools": [
                    { "name": "t", "mcpServer": "crm", "inputSchema": { "type": "object" } }] },
                "policy": { "rules": [{ "id": "all", "tool": "t", "decision": "allow" }] } })
    };
    let bundle = json!({ "tenants": [at("a", "/a"), at("b", "/b")] }).to_string();
    let servers = [("a/crm", one.addr()), ("b/crm", two.addr())];
    let envoy = Envoy::start(&Setup::one(Gateway::toolgate(bundle, &servers))).await;
    let call = modern("tools/call", json!({ "name": "t", "arguments": {} }));
    for (host, path, reached) in [
        ("shared.test", "/a/crm/mcp", "a"),
        ("shared.test", "/b/crm/mcp", "b"),
        ("SHARED.Test", "/a/crm/mcp", "a"),
        ("shared.test.", "/a/crm/mcp", "a"),
        ("shared.test:10000", "/b/crm/mcp", "b"),
        ("a.test", "/a/crm/mcp", "a"),
        // The path that Envoy makes of it is the one that counts, for all.
        ("shared.test", "/a/../b/crm/mcp", "b"),
        ("shared.test", "//a/crm/mcp", "a"),
        ("shared.test", "/./b/crm/mcp", "b"),
        ("shared.test", "http://shared.test/a/crm/mcp", "a"),
        ("b.test", "http://a.test/a/crm/mcp", "a"),
        ("a.test", "/b/crm/mcp", "-"),
        ("b.test", "/a/crm/mcp", "-"),
        ("b.test", "/a/../a/crm/mcp", "-"),
        ("a.test", "/a%2Fcrm/mcp", "-"),
        ("shared.test", "/a%2f..%2fb/crm/mcp", "-"),
        ("shared.test", "/a/..%2Fb/crm/mcp", "-"),
        ("shared.test", "/A/crm/mcp", "-"),
        ("shared.test", "/a/..;/b/crm/mcp", "b"),
        ("shared.test", "/ab/crm/mcp", "-"),
        ("shared.test", "/crm/mcp", "-"),
        ("shared.test", "/a", "-"),
        ("shared.test..", "/a/crm/mcp", "-"),
        ("a.test@shared.test", "/a/crm/mcp", "-"),
        ("shared.test, a.test", "/a/crm/mcp", "-"),
        ("127.0.0.1", "/a/crm/mcp", "-"),
        ("c.test", "/a/crm/mcp", "-"),
    ] {
        one.clear();
        two.clear();
        let request = Request::modern(path, &call).header("host", host);
        let answer = client::send(envoy.addr(), &request)
            .await
            .expect("an answer");
        let found = match (one.seen().len(), two.seen().len()) {
            (0, 0) => "-",
            (1, 0) => "a",
            (0, 1) => "b",
            both => panic!("{both:?}"),
        };
        assert_eq!(found, reached, "{host} {path}: {}", answer.status);
        assert_eq!(
            answer.status < 300,
            reached != "-",
            "{host} {path}: {}",
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_its_own_tenant() {
    let authority = Authority::start().await;
    let server = Recorder::start().await;
    let tenant = |id: &str| {
        json!({ "id": id, "path": format!("/{id}"),
                "registry": { "servers": { "crm": {} }, "tools": [
                    { "name": "t", "mcpServer": "crm", "inputSchema": { "type": "object" } }] },
                "policy": {
                    "identity": {
                        "issuers": [{ "issuer": authority.issuer(), "audiences": ["gw"],
                                      "jwks": { "inline": authority.keys() } }],
                        "user": { "jwt": "sub" }, "tenant": { "jwt": "tenant" },
                    },
                    "rules": [{ "id": "all", "tool": "t", "decision": "allow" }] } })
    };
    let bundle = json!({ "tenants": [tenant("a"), tenant("b")] }).to_string();
    let servers = [("a/crm", server.addr()), ("b/crm", server.addr())];
    let mut gateway = Gateway::toolgate(bundle, &servers);
    let trusted = (
        authority.issuer().to_owned(),
        vec!["gw".to_owned()],
        authority.keys(),
    );
    gateway.issuers.push(trusted);
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let call = modern("tools/call", json!({ "name": "t", "arguments": {} }));
    for (claim, path, status, reason) in [
        (json!("a"), "/a/crm/mcp", 200, "rule"),
        (json!("b"), "/b/crm/mcp", 200, "rule"),
        (json!("a"), "/b/crm/mcp", 401, "other_tenant"),
        (json!("b"), "/a/crm/mcp", 401, "other_tenant"),
        (json!("A"), "/a/crm/mcp", 401, "other_tenant"),
        (json!(["a", "b"]), "/a/crm/mcp", 401, "other_tenant"),
        (Value::Null, "/a/crm/mcp", 401, "other_tenant"),
    ] {
        let token = authority.token(&json!({ "sub": "alice", "aud": "gw", "tenant": claim }));
        let seen = envoy.access_log(0).len();
        let request = Request::modern(path, &call).bearer(&token);
        let answer = client::send(envoy.addr(), &request)
            .await
            .expect("an answer");
        assert_eq!(answer.status, status, "{claim} {path}: {}", answer.text());
        let lines = envoy.wait_access_log(0, seen + 1).await;
        let record = &lines[seen]["toolgate"];
        assert_eq!(
            (&record["reason"], &record["tenant"]),
            (&json!(reason), &json!(path[1..2]))
        );
        if status == 401 {
            let challenge = answer.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            let place = format!("/.well-known/oauth-protected-resource{path}\"");
            assert!(challenge.contains(&place), "{challenge}");
        }
    }
    let of = |path: &str| {
        Request::new(
            "GET",
            &format!("/.well-known/oauth-protected-resource{path}"),
        )
    };
    for (path, status) in [
        ("/a/crm/mcp", 200),
        ("/b/crm/mcp", 200),
        ("/crm/mcp", 404),
        ("", 404),
    ] {
        let answer = client::send(envoy.addr(), &of(path))
            .await
            .expect("an answer");
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            let resource = format!("http://{}{path}", envoy.addr());
            assert_eq!(answer.json()["resource"], resource);
        }
    }
}

fn with_tasks(message: &mut Value) {
    let tasks = json!({ "io.modelcontextprotocol/tasks": {} });
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]["extensions"] = tasks;
}

const CARD: &str = "4111 1111 1111 1111";
