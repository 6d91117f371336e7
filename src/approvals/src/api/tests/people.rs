//! Several who decide, those who stand in for them, and what they are shown.

use super::*;

#[tokio::test]
async fn who_may_not_decide_is_told_what_it_needs() {
    let world = World::new().await;
    let mut several = ask();
    several["needs"] = json!([
        { "approver": { "role": "ops" } }, { "approver": { "role": "finance" }, "approvals": 2 },
        { "approver": "user" },
    ]);
    let id = world.ask(&several).await["id"].clone();
    for (person, roles, status, told) in [
        ("carl", &["ops"][..], 200, ""),
        ("carl", &["ops"], 409, "somebody else has to"),
        (
            "olga",
            &["ops"],
            409,
            "what you can approve for is approved already: it waits for the role `finance` and the \
             user of the call",
        ),
        ("bob", &["finance"], 200, ""),
        ("alice", &[], 200, ""),
        ("dan", &["finance", "ops"], 200, ""),
        (
            "eve",
            &["finance"],
            409,
            "it is approved already: revoke it",
        ),
    ] {
        let token = world.token(person, roles, "a");
        let said = world.decide(&id, "approve", &token, Value::Null).await;
        assert_eq!(said.status, status, "{person}: {}", said.text);
        assert!(said.text.contains(told), "{person}: {}", said.text);
    }
    let bob = world.token("bob", &["finance"], "a");
    let found = world.get(&path(&id, ""), &bob).await.body;
    let votes: Vec<_> = found["votes"].as_array().unwrap().iter().collect();
    assert_eq!(
        votes
            .iter()
            .map(|vote| (&vote["by"], &vote["need"]))
            .collect::<Vec<_>>(),
        [
            (&json!("carl"), &json!({ "role": "ops" })),
            (&json!("bob"), &json!({ "role": "finance" })),
            (&json!("alice"), &json!("user")),
            (&json!("dan"), &json!({ "role": "finance" })),
        ]
    );
    assert_eq!(world.ask(&several).await["approver"], "dan");

    let id = world.ask(&ask()).await["id"].clone();
    let alice = world.token("alice", &["finance"], "a");
    let said = world.decide(&id, "approve", &alice, Value::Null).await;
    assert_eq!(
        said.body["detail"],
        "nobody decides about what they asked for"
    );
}

#[tokio::test]
async fn a_role_is_lent_by_who_holds_it_and_for_a_while() {
    let world = World::new().await;
    let bob = world.token("bob", &["finance"], "a");
    let gus = world.token("gus", &[], "a");
    let id = world.ask(&ask()).await["id"].clone();
    let denied = world.decide(&id, "approve", &gus, Value::Null).await;
    assert_eq!(denied.status, StatusCode::NOT_FOUND);

    let edited = |name: &str, value: Value| {
        let mut loan = loan("gus");
        loan[name] = value;
        loan
    };
    for (body, status, told) in [
        (
            edited("role", json!("board")),
            403,
            "do not hold the role `board`",
        ),
        (edited("to", json!("bob")), 400, "`to`"),
        (edited("to", json!(" ")), 400, "`to`"),
        (edited("to", json!("automatic:x")), 400, "`to`"),
        (edited("reason", json!(" ")), 400, "`reason`"),
        (edited("reason", json!("x".repeat(2_001))), 400, "`reason`"),
        (edited("until", json!("tomorrow")), 400, "`tomorrow`"),
        (
            edited("until", json!("2020-01-01T00:00:00Z")),
            400,
            "is over",
        ),
        (edited("until", json!("2199-01-01")), 400, "90 days"),
        (edited("from", json!("2199-01-01")), 400, "not after `from`"),
        (edited("colour", json!("red")), 400, "colour"),
        (edited("from", json!("2020-01-01T00:00:00Z")), 200, "gus"),
    ] {
        let said = world.call("POST", "/v1/delegations", &bob, &body).await;
        assert_eq!(said.status, status, "{told}: {}", said.text);
        assert!(said.text.contains(told), "{told}: {}", said.text);
    }
    let again = world
        .call("POST", "/v1/delegations", &gus, &loan("hal"))
        .await;
    assert_eq!(
        again.status,
        StatusCode::FORBIDDEN,
        "what is lent is not lent on"
    );

    let stranger = world.token("gus", &[], "b");
    for (token, count) in [(&bob, 1), (&gus, 1), (&stranger, 0)] {
        let found = world.get("/v1/delegations", token).await.body;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{found}");
    }
    let denied = world.decide(&id, "approve", &stranger, Value::Null).await;
    assert_eq!(denied.status, StatusCode::NOT_FOUND, "another gus");
    let said = world.decide(&id, "approve", &gus, Value::Null).await;
    assert_eq!(said.body["votes"][0]["onBehalfOf"], "bob", "{said:?}");
    assert_eq!(said.body["votes"][0]["role"], "finance");

    let lent = world.get("/v1/delegations", &bob).await.body["items"][0]["id"].clone();
    let lent = format!("/v1/delegations/{}", lent.as_str().unwrap());
    for (token, status) in [(&gus, 404), (&bob, 200), (&bob, 404)] {
        let said = world.call("DELETE", &lent, token, &Value::Null).await;
        assert_eq!(said.status, status, "{said:?}");
    }
    let said = world.decide(&id, "revoke", &gus, json!("oh")).await;
    assert_eq!(said.status, StatusCode::NOT_FOUND, "it is over");
}

#[tokio::test]
async fn what_is_masked_is_shown_on_record() {
    let world = World::new().await;
    let una = world.token("una", &["finance", "auditor"], "a");
    let mut secret = ask();
    secret["arguments"] = json!(r#"{"card":"4111","sum":5}"#);
    secret["sensitive"] = json!(["/card"]);
    let id = world.ask(&secret).await["id"].clone();
    let masked = json!(r#"{"card":"***","sum":5}"#);
    let said = world
        .call("POST", &path(&id, "/unmask"), &una, &Value::Null)
        .await;
    assert_eq!(
        said.body["ask"]["arguments"], secret["arguments"],
        "{said:?}"
    );
    let found = world.get(&path(&id, ""), &una).await.body;
    assert_eq!(
        found["ask"]["arguments"], masked,
        "it stays masked elsewhere"
    );
    let trail = world.get(&path(&id, "/trail"), &una).await.body;
    assert_eq!(trail[0]["ask"]["arguments"], masked);
    assert_eq!(
        (&trail[1]["event"], &trail[1]["by"]),
        (&json!("unmasked"), &json!("una"))
    );

    let plain = world.ask(&ask()).await["id"].clone();
    world.decide(&id, "deny", &una, json!("no")).await;
    for id in [plain, id] {
        let said = world
            .call("POST", &path(&id, "/unmask"), &una, &Value::Null)
            .await;
        assert_eq!(said.status, StatusCode::CONFLICT, "{said:?}");
    }
}

#[tokio::test]
async fn what_rules_decide_is_answered_at_once() {
    let world = World::new().await;
    let mut small = ask();
    small["arguments"] = json!(r#"{"amount":-1}"#);
    let told = world.ask(&small).await;
    assert_eq!(
        (&told["state"], &told["approver"], &told["reason"]),
        (
            &json!("approved"),
            &json!("automatic:trifles"),
            &json!("a trifle")
        )
    );
    let mut wipe = ask();
    wipe["tool"] = json!("wipe");
    let told = world.ask(&wipe).await;
    assert_eq!(
        (&told["state"], &told["approver"], &told["reason"]),
        (
            &json!("denied"),
            &json!("automatic:frozen"),
            &json!("frozen")
        )
    );
}

fn path(id: &Value, rest: &str) -> String {
    format!("/v1/asks/{}{rest}", id.as_str().unwrap())
}
