mod matrix;
mod operators;
mod people;
mod world;

use axum::{
    body::Body,
    http::{StatusCode, header},
};
use engine::cx::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::*;
use world::{Issuer, SECRET, World, claims, seconds};

/// What alice's agent of tenant a wants, and finance has to approve.
fn ask() -> Value {
    json!({
        "tool": "refund_customer",
        "arguments": "{\"amount\":250}",
        "user": "alice",
        "tenant": "a",
        "needs": [{ "approver": { "role": "finance" } }],
        "policyVersion": "p1",
    })
}

/// Bob's role, as he lends it.
fn loan(to: &str) -> Value {
    json!({ "role": "finance", "to": to, "until": tomorrow(), "reason": "on leave" })
}

fn tomorrow() -> String {
    let tomorrow = i64::try_from(seconds() + 86_400).unwrap();
    Timestamp(tomorrow * 1_000_000_000).rfc3339()
}

#[tokio::test]
async fn an_ask_lives_until_it_is_used() {
    let world = World::new().await;
    let bob = world.token("bob", &["finance"], "a");
    let first = world.ask(&ask()).await;
    let id = &first["id"];
    let url = format!(
        "https://approvals.example.com/asks/{}",
        id.as_str().unwrap()
    );
    assert_eq!(first, json!({ "state": "pending", "id": id, "url": url }));
    assert_eq!(world.ask(&ask()).await, first);

    let granted = world
        .decide(id, "approve", &bob, json!("  fine "))
        .await
        .body;
    assert_eq!(
        (&granted["state"], &granted["votes"][0]["by"]),
        (&json!("approved"), &json!("bob"))
    );
    let used = world.ask(&ask()).await;
    let at = &granted["votes"][0]["at"];
    let expected =
        json!({ "state": "approved", "id": id, "approver": "bob", "at": at, "reason": "fine" });
    assert_eq!(used, expected);
    let found = world
        .get(&format!("/v1/asks/{}", id.as_str().unwrap()), &bob)
        .await
        .body;
    assert_eq!(found["state"], "used");
    assert_eq!(found["ask"]["arguments"], ask()["arguments"]);
    let trail = world
        .get(&format!("/v1/asks/{}/trail", id.as_str().unwrap()), &bob)
        .await
        .body;
    let events: Vec<_> = trail
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"].clone())
        .collect();
    assert_eq!(events, ["opened", "approved", "used"]);

    let second = world.ask(&ask()).await;
    assert_eq!(second["state"], "pending");
    assert_ne!(&second["id"], id);
    let said = world.decide(&second["id"], "deny", &bob, json!(" ")).await;
    assert_eq!(said.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        said.body["detail"],
        "say why, in `reason`: the agent is told"
    );
    world
        .decide(&second["id"], "deny", &bob, json!("too much"))
        .await;
    let told = world.ask(&ask()).await;
    assert_eq!(
        (&told["state"], &told["reason"]),
        (&json!("denied"), &json!("too much"))
    );
    for (verdict, status) in [
        ("approve", 409),
        ("deny", 409),
        ("revoke", 409),
        ("wipe", 404),
    ] {
        let said = world
            .decide(&second["id"], verdict, &bob, json!("again"))
            .await;
        assert_eq!(said.status, status, "{said:?}");
    }

    let text = world.get("/metrics", "").await.text;
    for line in [
        "toolgate_approvals_asks_total{state=\"used\"} 1",
        "toolgate_approvals_asks_total{state=\"pending\"} 3",
        "toolgate_approvals_decisions_total{verdict=\"deny\"} 1",
        "toolgate_approvals_open{state=\"pending\"} 0",
        "route=\"/v1/asks/{id}/approve\",status=\"409\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// Whoever waits may be gone when it is granted: that is for the next ask.
#[tokio::test]
async fn a_waiting_ask_is_answered_when_it_is_decided() {
    let world = Arc::new(World::new().await);
    let bob = world.token("bob", &["finance"], "a");
    for (verdict, next) in [("approve", "approved"), ("deny", "denied")] {
        let start = Instant::now();
        let waiting = tokio::spawn({
            let world = Arc::clone(&world);
            async move {
                let path = "/v1/asks?wait=50s";
                world.call("POST", path, SECRET, &ask()).await.body
            }
        });
        let open = "toolgate_approvals_open{state=\"pending\"} 1";
        while !world.get("/metrics", "").await.text.contains(open) {}
        let found = world.get("/v1/asks?state=pending", &bob).await.body;
        let id = &found["items"][0]["id"];
        world.decide(id, verdict, &bob, json!("because")).await;
        assert_eq!(waiting.await.unwrap()["state"], "pending");
        assert!(start.elapsed().as_secs() < 10);
        assert_eq!(world.ask(&ask()).await["state"], next);
    }

    let mut other = ask();
    other["tool"] = json!("other");
    let said = world.call("POST", "/v1/asks?wait=1s", SECRET, &other).await;
    assert_eq!(said.body["state"], "pending");
}

#[tokio::test]
async fn waiting_does_not_share_what_another_ask_has_used() {
    let world = World::new().await;
    let other = world.replica(Issuer::ed("ed")).await;
    let bob = world.token("bob", &["finance"], "a");
    let (ask, path) = (ask(), "/v1/asks?wait=5s");
    let id = world.ask(&ask).await["id"].clone();
    let waiting = world.call("POST", path, SECRET, &ask);
    let used = async {
        let looked = "toolgate_approvals_asks_total{state=\"pending\"} 2";
        while !world.get("/metrics", "").await.text.contains(looked) {}
        other.decide(&id, "approve", &bob, Value::Null).await;
        other.ask(&ask).await
    };
    let (waited, used) = tokio::join!(waiting, used);
    assert_eq!((&used["state"], &used["id"]), (&json!("approved"), &id));
    assert_eq!(waited.body["state"], "pending");
}

#[tokio::test]
async fn a_confirmation_is_the_users_own() {
    let world = World::new().await;
    let mut confirmation = ask();
    confirmation["needs"] = json!([{ "approver": "user" }]);
    let id = world.ask(&confirmation).await["id"].clone();
    for (person, tenant, status) in [("bob", "a", 404), ("alice", "b", 404), ("alice", "a", 200)] {
        let token = world.token(person, &["finance"], tenant);
        let said = world.decide(&id, "approve", &token, Value::Null).await;
        assert_eq!(said.status, status, "{person} of {tenant}: {said:?}");
    }
    assert_eq!(world.ask(&confirmation).await["approver"], "alice");
}

#[tokio::test]
async fn what_is_not_an_ask_is_refused() {
    let world = World::new().await;
    let edited = |name: &str, value: Value| {
        let mut ask = ask();
        ask[name] = value;
        ask.to_string()
    };
    for (query, kind, body, status, told) in [
        (
            "",
            "application/json",
            "{".to_owned(),
            400,
            "the body is not JSON",
        ),
        (
            "",
            "application/json",
            r#"{"tool":"a","tool":"b"}"#.to_owned(),
            400,
            "the body is not JSON",
        ),
        (
            "",
            "application/json",
            edited("colour", json!("red")),
            400,
            "colour",
        ),
        (
            "",
            "application/json",
            edited("arguments", json!({})),
            400,
            "the body: ",
        ),
        (
            "",
            "application/json",
            edited("arguments", json!("{\"a\":1.0}")),
            400,
            "canonical",
        ),
        (
            "",
            "application/json",
            edited("arguments", json!("9007199254740993")),
            400,
            "digits",
        ),
        (
            "",
            "application/json",
            edited("needs", json!([{ "approver": { "role": "finance" }, "approvals": 0 }])),
            400,
            "`approvals`",
        ),
        (
            "",
            "application/json",
            edited("expiresIn", json!(0)),
            400,
            "`expiresIn`",
        ),
        (
            "",
            "application/json",
            edited("needs", json!([{ "approver": { "role": "finance" }, "approvals": 11 }])),
            400,
            "`approvals`",
        ),
        ("", "application/json", edited("needs", json!([])), 400, "`needs`"),
        (
            "",
            "application/json",
            edited("needs", json!(vec![json!({ "approver": { "role": "x" } }); 17])),
            400,
            "1 to 16 needs",
        ),
        (
            "",
            "application/json",
            edited("needs", json!([{ "approver": "user" }, { "approver": "user" }])),
            400,
            "twice",
        ),
        (
            "",
            "application/json",
            edited("sensitive", json!(["/amount/x"])),
            400,
            "`sensitive`",
        ),
        (
            "",
            "application/json",
            json!({ "tool": "t", "arguments": "{}", "needs": [{ "approver": "user" }], "policyVersion": "p" })
                .to_string(),
            400,
            "`user`",
        ),
        (
            "",
            "application/json",
            edited("tool", json!("x".repeat(10 << 20))),
            413,
            "too large",
        ),
        ("", "text/plain", ask().to_string(), 415, "application/json"),
        (
            "?wait=soon",
            "application/json",
            ask().to_string(),
            400,
            "`soon`",
        ),
        (
            "?hurry=1",
            "application/json",
            ask().to_string(),
            400,
            "hurry",
        ),
    ] {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/v1/asks{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {SECRET}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        let said = world.send(request).await;
        assert_eq!(said.status, status, "{told}: {}", said.text);
        assert!(said.text.contains(told), "{told}: {}", said.text);
    }
}

#[tokio::test]
async fn only_tokens_of_the_issuer_open_the_door() {
    let (ed, es, rs) = (Issuer::ed("ed"), Issuer::es("es"), Issuer::rs("rs"));
    let world = World::with(&[&ed, &es, &rs]).await;
    let good = || claims("bob", &["finance"], "a");
    let edited = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let forged = |algorithm, kid| Issuer {
        key: EncodingKey::from_secret(b"x"),
        algorithm,
        kid,
    };
    for (what, token, status) in [
        ("ed", ed.token(&good()), 200),
        ("es", es.token(&good()), 200),
        ("rs", rs.token(&good()), 200),
        (
            "another's key under a known id",
            Issuer::ed("ed").token(&good()),
            401,
        ),
        ("an unknown id", Issuer::ed("other").token(&good()), 401),
        (
            "no id, and several keys",
            {
                let head = jsonwebtoken::Header::new(Algorithm::EdDSA);
                jsonwebtoken::encode(&head, &good(), &ed.key).unwrap()
            },
            401,
        ),
        (
            "a shared secret",
            forged(Algorithm::HS256, "ed").token(&good()),
            401,
        ),
        (
            "an algorithm of another key",
            Issuer {
                kid: "rs",
                ..Issuer::es("es")
            }
            .token(&good()),
            401,
        ),
        ("over", ed.token(&edited("exp", json!(seconds() - 60))), 401),
        (
            "not yet",
            ed.token(&edited("nbf", json!(seconds() + 60))),
            401,
        ),
        ("without an end", ed.token(&without("exp")), 401),
        (
            "of another issuer",
            ed.token(&edited("iss", json!("https://evil.example.com"))),
            401,
        ),
        ("of no issuer", ed.token(&without("iss")), 401),
        (
            "for another audience",
            ed.token(&edited("aud", json!("mail"))),
            401,
        ),
        ("for no audience", ed.token(&without("aud")), 401),
        ("of nobody", ed.token(&without("sub")), 401),
        (
            "of the empty name",
            ed.token(&edited("sub", json!(""))),
            401,
        ),
        (
            "of a rule's name",
            ed.token(&edited("sub", json!("automatic:small"))),
            401,
        ),
        ("unsigned", unsigned(&good()), 401),
        ("not a token", "x.y.z".to_owned(), 401),
        (
            "the secret's beginning",
            SECRET.split_at(31).0.to_owned(),
            401,
        ),
    ] {
        let said = world.get("/v1/asks", &token).await;
        assert_eq!(said.status, status, "{what}: {}", said.text);
        let challenge = said.headers.get(header::WWW_AUTHENTICATE);
        assert_eq!(challenge.is_some(), status == 401, "{what}");
    }
}

#[tokio::test]
async fn a_certificate_opens_the_filters_door_and_no_other() {
    let issuer = Issuer::ed("ed");
    let other = json!({ "filter": { "certificate": { "uri": "spiffe://a/envoy" } } });
    let world = World::configured(&[&issuer], &other).await;
    let bob = format!("Bearer {}", issuer.token(&claims("bob", &["finance"], "a")));
    let certificate = Some("Hash=00;URI=spiffe://a/envoy");
    let secret = format!("Bearer {SECRET}");
    for (certificate, token, asks, lists) in [
        (certificate, None, 200, 403),
        (Some("URI=spiffe://b/envoy"), None, 401, 401),
        (None, None, 401, 401),
        (None, Some(&secret), 401, 401),
        (None, Some(&bob), 403, 200),
        (certificate, Some(&bob), 403, 200),
        (certificate, Some(&secret), 401, 401),
    ] {
        for (method, body, status) in [
            ("POST", ask().to_string(), asks),
            ("GET", String::new(), lists),
        ] {
            let mut request = Request::builder()
                .method(method)
                .uri("/v1/asks")
                .header(header::CONTENT_TYPE, "application/json");
            if let Some(certificate) = certificate {
                request = request.header("x-forwarded-client-cert", certificate);
            }
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let said = world.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(said.status, status, "{method} {certificate:?} {token:?}");
        }
    }
    // Where a secret is agreed on, a certificate is nothing.
    let world = World::new().await;
    let request = Request::builder()
        .uri("/v1/asks")
        .header("x-forwarded-client-cert", "URI=spiffe://a/envoy");
    let said = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(said.status, StatusCode::UNAUTHORIZED);
}

fn unsigned(claims: &Value) -> String {
    let encode = |value: &Value| {
        let head = Issuer::ed("x").token(value);
        head.split('.').nth(1).unwrap().to_owned()
    };
    format!(
        "{}.{}.",
        encode(&json!({ "alg": "none", "kid": "ed" })),
        encode(claims)
    )
}

#[tokio::test]
async fn people_without_a_tenant_see_what_belongs_to_none() {
    let world = World::new().await;
    let mut nowhere = ask();
    nowhere.as_object_mut().unwrap().remove("tenant");
    world.ask(&nowhere).await;
    world.ask(&ask()).await;
    let mut claims = claims("bob", &["finance"], "a");
    claims.as_object_mut().unwrap().remove("tenant");
    let page = world
        .get("/v1/asks", &world.issuer.token(&claims))
        .await
        .body;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["items"][0]["ask"].get("tenant"), None);
}

#[tokio::test]
async fn searches_go_on_where_a_page_ends() {
    let world = World::new().await;
    let bob = world.token("bob", &["finance"], "a");
    for amount in 0..5 {
        let mut ask = ask();
        ask["arguments"] = json!(format!("{{\"amount\":{amount}}}"));
        world.ask(&ask).await;
    }
    let mut path = "/v1/asks?limit=2&state=pending&text=AMOUNT".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = world.get(&path, &bob).await.body;
        sizes.push(page["items"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/asks?limit=2&before={next}");
    }
    assert_eq!(sizes, [2, 2, 1]);
    for (query, status) in [("state=gone", 400), ("sort=up", 400), ("limit=0", 200)] {
        let said = world.get(&format!("/v1/asks?{query}"), &bob).await;
        assert_eq!(said.status, status, "{said:?}");
    }
}

#[tokio::test]
async fn nobody_knocks_without_end() {
    let world = World::new().await;
    let mut last = world.get("/v1/asks", "wrong").await;
    for _ in 0..1_000 {
        last = world.get("/v1/asks", "wrong").await;
        if last.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.headers[header::RETRY_AFTER], "1");
    let bob = world.token("bob", &[], "a");
    assert_eq!(world.get("/v1/asks", &bob).await.status, StatusCode::OK);
    assert_eq!(world.ask(&ask()).await["state"], "pending");
}

#[tokio::test]
async fn answers_are_not_for_browsers_to_run_or_keep() {
    let world = World::new().await;
    for path in ["/v1/asks", "/healthz"] {
        let headers = world.get(path, "").await.headers;
        for (name, value) in [
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
    }
}

#[tokio::test]
async fn the_document_describes_asks_and_answers() {
    let world = World::new().await;
    let document = world.get("/openapi.json", "").await.body;
    let schemas = &document["components"]["schemas"];
    for name in ["tool", "arguments", "needs", "riskTier", "expiresIn"] {
        assert!(
            schemas["Ask"]["properties"][name].is_object(),
            "{name}: {schemas:#}"
        );
    }
    let answers = schemas["Answer"]["oneOf"].as_array().unwrap();
    assert_eq!(answers.len(), 3);
    assert_eq!(
        schemas["Approval"]["properties"]["ask"]["$ref"],
        "#/components/schemas/Ask"
    );
    let body = &document["paths"]["/v1/asks"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["$ref"], "#/components/schemas/Ask");
}
