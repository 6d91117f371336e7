use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

/// An issuer that calls itself so (`{}`: its address) and gives what it was sent as the ID token.
async fn check(name: &str, status: StatusCode, secret: Option<&str>, expected: Option<&str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let metadata = json!({
        "issuer": name.replace("{}", &url),
        "authorization_endpoint": format!("{url}/authorize?realm=a"),
        "token_endpoint": format!("{url}/token"),
    });
    let token = async move |headers: HeaderMap, form: String| {
        let basic = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap());
        let sent = format!("{} {form}", basic.unwrap_or("-"));
        (status, json!({ "id_token": sent }).to_string())
    };
    let app = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async move || metadata.to_string()),
        )
        .route("/token", post(token));
    tokio::spawn(async { axum::serve(listener, app).await });
    let provider = Provider::new(&url, secret.map(str::to_owned)).unwrap();
    let token = provider
        .redeem("a client", "c&d", "https://x/back", "v")
        .await;
    assert_eq!(token.as_deref(), expected);
    if let Some(endpoints) = provider.endpoints().await {
        let there = endpoints.authorization(&[("state", "a b")]).unwrap();
        assert_eq!(there, format!("{url}/authorize?realm=a&state=a+b"));
    }
}

const SENT: &str =
    "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fx%2Fback&code_verifier=v";

#[tokio::test]
async fn clients_prove_themselves_as_they_were_registered() {
    let public = format!("- {SENT}&client_id=a+client");
    check("{}", StatusCode::OK, None, Some(&public)).await;
    // `a+client:p%3As` in base64: both parts are form-encoded first.
    let secret = format!("Basic YStjbGllbnQ6cCUzQXM= {SENT}");
    check("{}", StatusCode::OK, Some("p:s"), Some(&secret)).await;
}

#[tokio::test]
async fn an_issuer_is_who_it_says() {
    check("https://evil.example", StatusCode::OK, None, None).await;
    check("{}/", StatusCode::OK, None, None).await;
    check("{}", StatusCode::BAD_REQUEST, None, None).await;
    check("{}", StatusCode::FOUND, None, None).await;
}
