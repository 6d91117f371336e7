//! Those who see to it that webhooks are told.

use super::*;
use crate::{
    service::now,
    store::{Outcome, Subscription},
};

#[tokio::test]
async fn operators_see_what_was_not_told_and_have_it_tried_again() {
    let operators = json!({ "operators": { "roles": ["operator"] } });
    let ed = Issuer::ed("ed");
    let world = World::configured(&[&ed], &operators).await.of(ed);
    let store = world.store().await;
    store.subscribe(&["ledger", "chat"]).await.unwrap();
    let id = world.ask(&ask()).await["id"].clone();
    for hook in ["ledger", "chat"] {
        let all = Subscription {
            hook: hook.to_owned(),
            events: Vec::new(),
            roles: Vec::new(),
        };
        let mut claimed = store.claim(&all, now(), now()).await.unwrap();
        let dead = Outcome::Dead {
            error: "410 Gone: ".to_owned(),
        };
        if hook == "ledger" {
            let dead = [(claimed.remove(0), dead)];
            store.settle(hook, &dead).await.unwrap();
        }
    }
    let olga = world.token("olga", &["operator"], "a");
    let list = async |query: &str| {
        let said = world.get(&format!("/v1/deliveries{query}"), &olga).await;
        assert_eq!(said.status, StatusCode::OK, "{said:?}");
        let items = said.body["items"].as_array().unwrap();
        let ids = items.iter().map(|item| item["id"].as_str().unwrap());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list("").await, "chat.1 ledger.1");
    assert_eq!(list("?state=waiting").await, "chat.1");
    assert_eq!(list("?hook=ledger").await, "ledger.1");
    assert_eq!(list("?limit=1").await, "chat.1");
    let dead = world.get("/v1/deliveries?state=dead", &olga).await.body;
    let dead = &dead["items"][0];
    assert_eq!(dead["approval"], id);
    for (member, value) in [
        ("id", "ledger.1"),
        ("hook", "ledger"),
        ("state", "dead"),
        ("event", "opened"),
        ("error", "410 Gone: "),
    ] {
        assert_eq!(dead[member], value, "{dead}");
    }

    let retry = async |id: &str| {
        let path = format!("/v1/deliveries/{id}/retry");
        world.call("POST", &path, &olga, &json!({})).await
    };
    let retried = retry("ledger.1").await;
    assert_eq!(retried.status, StatusCode::OK, "{retried:?}");
    assert_eq!(
        (&retried.body["state"], &retried.body["attempts"]),
        (&json!("waiting"), &json!(0))
    );
    assert_eq!(list("?state=dead").await, "");
    for unknown in [
        "ledger.2",
        "ledger",
        "nobody.1",
        "ledger.1.1",
        "ledger.%2b1x",
    ] {
        assert_eq!(
            retry(unknown).await.status,
            StatusCode::NOT_FOUND,
            "{unknown}"
        );
    }
}
