use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, response::Redirect, routing::get};
use tokio::net::TcpListener;

use super::*;

/// The key of RFC 8037, appendix A.
const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// An issuer, and how often its good address was asked.
async fn issuer() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let set = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        SET
    };
    let long = format!("{SET}{}", " ".repeat(2 << 20));
    let app = Router::new()
        .route("/keys", get(set))
        .route("/moved", get(async || Redirect::temporary("/keys")))
        .route(
            "/broken",
            get(async || (StatusCode::INTERNAL_SERVER_ERROR, SET)),
        )
        .route("/garbage", get(async || "<html>"))
        .route("/long", get(async move || long));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    (url, asked)
}

#[tokio::test]
async fn keys_are_fetched_once_and_unknown_ones_not_each_time() {
    let (url, asked) = issuer().await;
    let keys = Keys::new(Jwks::Url(format!("{url}/keys"))).unwrap();
    for (kid, found) in [
        (Some("k"), true),
        (Some("k"), true),
        (None, true),
        (Some("forged"), false),
        (Some("forged"), false),
        (Some("k"), true),
    ] {
        assert_eq!(keys.find(kid).await.is_some(), found, "{kid:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_come_from_where_they_are_said_to_be() {
    let (url, asked) = issuer().await;
    for path in ["moved", "broken", "garbage", "long", "missing"] {
        let keys = Keys::new(Jwks::Url(format!("{url}/{path}"))).unwrap();
        assert!(keys.find(Some("k")).await.is_none(), "{path}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
