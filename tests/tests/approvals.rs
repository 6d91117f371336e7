//! Approvals end to end.

use serde_json::json;
use tests::approvals::{self, Approvals};
use tests::authority::Authority;
use tests::client::{self, Request};
use tests::envoy::{Envoy, Gateway, Setup};

#[tokio::test]
async fn an_approval_is_used_once() {
    let authority = Authority::start().await;
    let service = Approvals::start(&authority, &json!({})).await;
    let fiona = approvals::person(&authority, "fiona", &["finance_approver"]);
    let ask = json!({
        "tool": "refund_customer",
        "arguments": r#"{"amount":250}"#,
        "user": "alice",
        "needs": [{ "approver": { "role": "finance_approver" } }],
        "policyVersion": "1",
    });
    // Envoy proves the filter's side, so that neither filter nor bundle holds the secret.
    let mut gateway = Gateway::plain(service.addr());
    gateway.clusters[0] = service.cluster();
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let request = Request::post("/v1/asks", ask.to_string());
    let answer = client::send(envoy.addr(), &request)
        .await
        .expect("an answer");
    let pending = answer.json();
    assert_eq!(pending["state"], "pending", "{answer:?}");
    assert_eq!(service.ask(&ask, "0s").await, pending);

    let id = pending["id"].as_str().expect("an id");
    let approved = service.approve(id, &fiona, "in stock").await;
    assert_eq!(approved["state"], "approved");
    let redeemed = service.ask(&ask, "0s").await;
    assert_eq!(
        (&redeemed["state"], &redeemed["id"]),
        (&json!("approved"), &json!(id))
    );
    let again = service.ask(&ask, "0s").await;
    assert_eq!(again["state"], "pending");
    assert_ne!(again["id"], id);
    assert_eq!(service.find(id, &fiona).await["state"], "used");
    assert_eq!(service.list("state=pending", &fiona).await.len(), 1);
}
