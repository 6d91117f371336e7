use axum::body::{Body, to_bytes};
use jsonwebtoken::{DecodingKey, Validation, decode};
use tower::ServiceExt as _;

use super::*;

const HOST: &str = "127.0.0.1:8182";
const BACK: &str = "http://127.0.0.1:8181/callback";
/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn app() -> Router {
    let roles = ["finance_approver".to_owned()];
    let issuer = Issuer::new(HOST.parse().unwrap(), "approvals", &roles);
    issuer.unwrap().app()
}

/// Status, `Location` and body of the answer.
async fn send(app: &Router, host: &str, path: &str, form: Option<&str>) -> (u16, String, String) {
    let request = axum::http::Request::builder()
        .method(if form.is_some() { "POST" } else { "GET" })
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.unwrap_or_default().to_owned()))
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION);
    let location = location
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, location, String::from_utf8(body.into()).unwrap())
}

fn authorize(back: &str, method: &str) -> String {
    format!(
        "/authorize?response_type=code&client_id=page&redirect_uri={back}&state=a%26b&nonce=n\
         &code_challenge={CHALLENGE}&code_challenge_method={method}"
    )
}

/// What a token says, if a key of the set signed it for that audience.
async fn claims(app: &Router, token: &str, audience: &str) -> Value {
    let (_, _, keys) = send(app, HOST, "/jwks", None).await;
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&keys).unwrap();
    let mut validation = Validation::new(ALGORITHM);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[format!("http://{HOST}")]);
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn whoever_signs_in_gets_a_token_once() {
    let app = app();
    let (status, _, form) = send(&app, HOST, &authorize(BACK, "S256"), None).await;
    assert_eq!(status, 200);
    assert!(form.contains("value=\"finance_approver\""), "{form}");
    let (_, rest) = form.split_once("name=\"code\" value=\"").unwrap();
    let (code, _) = rest.split_once('"').unwrap();

    let redeem = |verifier| format!("code={code}&code_verifier={verifier}&redirect_uri={BACK}");
    let early = send(&app, HOST, "/token", Some(&redeem(VERIFIER))).await;
    assert_eq!(early.0, 400, "nobody has signed in");

    let (_, _, form) = send(&app, HOST, &authorize(BACK, "S256"), None).await;
    let (_, rest) = form.split_once("name=\"code\" value=\"").unwrap();
    let (code, _) = rest.split_once('"').unwrap();
    let filled = format!("code={code}&user=fiona&roles=finance_approver,%20auditor");
    let (status, location, _) = send(&app, HOST, "/authorize", Some(&filled)).await;
    let back = format!("{BACK}?code={code}&iss=http%3A%2F%2F127.0.0.1%3A8182&state=a%26b");
    assert_eq!((status, location), (303, back));

    let redeem = format!("code={code}&code_verifier={VERIFIER}&redirect_uri={BACK}");
    let (status, _, body) = send(&app, HOST, "/token", Some(&redeem)).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let claims = claims(&app, body["id_token"].as_str().unwrap(), "page").await;
    let roles = json!(["finance_approver", "auditor"]);
    assert_eq!(
        (&claims["sub"], &claims["groups"], &claims["nonce"]),
        (&json!("fiona"), &roles, &json!("n"))
    );
    let again = send(&app, HOST, "/token", Some(&redeem)).await;
    assert_eq!(again.0, 400, "a code is good once");
}

#[tokio::test]
async fn a_token_is_had_without_a_browser() {
    let app = app();
    let (_, _, token) = send(&app, HOST, "/token?user=fiona&roles=a%20b", None).await;
    let claims = claims(&app, &token, "approvals").await;
    assert_eq!(claims["groups"], json!(["a", "b"]));
}

#[tokio::test]
async fn it_serves_this_machine_alone() {
    let app = app();
    for (host, path, status) in [
        (HOST, "/jwks".to_owned(), 200),
        ("evil.example.com:8182", "/jwks".to_owned(), 421),
        ("evil.example.com", "/token?user=fiona".to_owned(), 421),
        (HOST, authorize("http://localhost:1/c", "S256"), 200),
        (HOST, authorize("http://[::1]:1/c", "S256"), 200),
        (HOST, authorize("https://evil.example.com/c", "S256"), 400),
        (
            HOST,
            authorize("http://127.0.0.1.evil.example.com/c", "S256"),
            400,
        ),
        (HOST, authorize("javascript:alert(1)", "S256"), 400),
        (HOST, authorize(BACK, "plain"), 400),
        (HOST, "/authorize?client_id=page".to_owned(), 400),
    ] {
        assert_eq!(
            send(&app, host, &path, None).await.0,
            status,
            "{host} {path}"
        );
    }
    let open = Issuer::new("0.0.0.0:8182".parse().unwrap(), "a", &[]);
    assert!(open.is_err_and(|error| error.to_string().contains("others")));
    let role = Issuer::new(HOST.parse().unwrap(), "a", &["\"><b>".to_owned()]);
    assert!(role.is_err_and(|error| error.to_string().contains("not a role")));
}
