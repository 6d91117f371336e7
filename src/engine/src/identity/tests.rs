use serde_json::{Value as Json, json};

use super::*;
use crate::config::{Issuer, Jwks, Token};

fn identity() -> Identity {
    let jwt = |path: &str| Some(Source::Jwt(path.to_owned()));
    Identity {
        issuers: vec![Issuer {
            issuer: "https://idp".to_owned(),
            audiences: vec!["https://gw/mcp".to_owned()],
            jwks: Jwks::Url("https://idp/keys".to_owned()),
        }],
        user: jwt("sub"),
        agent: jwt("act.sub"),
        app: Some(Source::Header("x-app".to_owned())),
        tenant: Some(Source::Mtls(Mtls::Spiffe)),
        roles: jwt("https://corp/groups"),
        scopes: jwt("scope"),
        ..Identity::default()
    }
}

/// What the caller is taken for; `claims` as verified by Envoy, `sent`: a token was sent.
#[track_caller]
fn check(
    identity: &Identity,
    claims: Option<Json>,
    sent: bool,
    expected: Result<Principal, Fault>,
) {
    let mut headers = vec![(b"x-app".to_vec(), b"desk".to_vec())];
    if sent {
        headers.push((b"authorization".to_vec(), b"Bearer x".to_vec()));
    }
    let peer = Peer {
        metadata: claims
            .as_ref()
            .map(|claims| metadata(claims.as_object().unwrap())),
        uri_san: Some("spiffe://corp/ns/agents".to_owned()),
        address: None,
    };
    assert_eq!(
        principal(identity, None, &Headers::new(headers), &peer),
        expected
    );
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn facts_come_from_the_named_sources() {
    let claims = json!({
        "iss": "https://idp", "aud": ["other", "https://gw/mcp"], "sub": 42, "nothing": null,
        "act": { "sub": "planner", "act": { "sub": "worker" } },
        "https://corp/groups": ["support", "finance"], "scope": "a b  c",
    });
    let expected = Principal {
        user: Some("42".to_owned()),
        agent: Some("planner".to_owned()),
        app: Some("desk".to_owned()),
        tenant: Some("spiffe://corp/ns/agents".to_owned()),
        roles: set(&["support", "finance"]),
        scopes: set(&["a", "b", "c"]),
        chain: vec!["planner".to_owned(), "worker".to_owned()],
    };
    check(&identity(), Some(claims), true, Ok(expected));
}

#[test]
fn a_token_must_be_there_and_be_meant_for_this_gateway() {
    let claims = |iss: &str, aud: Json| Some(json!({ "iss": iss, "aud": aud, "sub": "alice" }));
    check(&identity(), None, false, Err(Fault::NoToken));
    check(&identity(), None, true, Err(Fault::BadToken));
    check(
        &identity(),
        claims("https://evil", json!("https://gw/mcp")),
        true,
        Err(Fault::BadToken),
    );
    check(
        &identity(),
        claims("https://idp", json!("https://gw/other")),
        true,
        Err(Fault::BadToken),
    );
    check(
        &identity(),
        claims("https://idp", json!([])),
        true,
        Err(Fault::BadToken),
    );
    check(
        &identity(),
        Some(json!({ "sub": "alice" })),
        true,
        Err(Fault::BadToken),
    );
}

#[test]
fn a_token_may_be_optional_but_never_bad() {
    let optional = Identity {
        token: Some(Token::Optional),
        ..identity()
    };
    let nobody = Principal {
        app: Some("desk".to_owned()),
        tenant: Some("spiffe://corp/ns/agents".to_owned()),
        ..Principal::default()
    };
    check(&optional, None, false, Ok(nobody));
    check(&optional, None, true, Err(Fault::BadToken));
}

#[test]
fn without_issuers_claims_count_for_nothing() {
    let claims = json!({ "iss": "https://idp", "aud": "https://gw/mcp", "sub": "mallory" });
    let open = Identity {
        issuers: Vec::new(),
        app: None,
        tenant: None,
        ..identity()
    };
    check(&open, Some(claims), true, Ok(Principal::default()));
}
