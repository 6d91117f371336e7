//! The page as browsers see it, beside a real issuer that signs people in.

use std::{fs, net::SocketAddr, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, header::HeaderName},
};
use engine::cx::Timestamp;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::*;
use crate::{
    app,
    config::Config,
    issuer::Issuer,
    service::{now, tick},
    store::Store,
};

struct Site {
    app: Router,
    service: Arc<Service>,
    config: Config,
    issuer: String,
    browser: reqwest::Client,
    _folder: TempDir,
}

struct Said {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Site {
    async fn new() -> Self {
        Self::at("http://127.0.0.1:8181").await
    }

    async fn at(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let issuer = Issuer::new(address, "approvals", &[]).unwrap();
        tokio::spawn(async { axum::serve(listener, issuer.app()).await });
        let issuer = format!("http://{address}");
        let folder = TempDir::new().unwrap();
        let at = |name| folder.path().join(name);
        fs::write(at("secret"), SECRET).unwrap();
        let config = json!({
            "public_url": url,
            "database": format!("sqlite:{}", at("db").display()),
            "filter": { "secret": { "file": at("secret") } },
            "approvers": {
                "issuer": issuer,
                "audience": "approvals",
                "jwks": { "url": format!("{issuer}/jwks") },
            },
            "login": { "client_id": "page" },
            "unmask": { "roles": ["auditor"] },
            "operators": { "roles": ["ops"] },
        });
        // JSON is YAML.
        fs::write(at("config"), config.to_string()).unwrap();
        let config = Config::read(&at("config")).unwrap();
        let store = Store::open(&config.database).await.unwrap();
        let service = Arc::new(Service::new(&config, store).unwrap());
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            app: app(Arc::clone(&service)),
            service,
            config,
            issuer,
            browser: browser.build().unwrap(),
            _folder: folder,
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = self
            .app
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let text = to_bytes(body, usize::MAX).await.unwrap();
        Said {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, cookie: &str) -> Said {
        self.send("GET", path, &[("cookie", cookie)], "").await
    }

    async fn submit(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Said {
        let headers = [
            ("cookie", cookie),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", path, &headers, &view::query(form)).await
    }

    /// As far as back from the issuer: the way there, the path to come back by, and the cookie.
    async fn sign_in(&self, to: &str, user: &str, roles: &str) -> (reqwest::Url, String, String) {
        let begun = self.get(&login::path(to), "").await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
        let there = begun.headers[header::LOCATION].to_str().unwrap();
        let form = self
            .browser
            .get(there)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let code = form
            .split("name=\"code\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let answer = self
            .browser
            .post(format!("{}/authorize", self.issuer))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(view::query(&[
                ("code", code),
                ("user", user),
                ("roles", roles),
            ]))
            .send()
            .await
            .unwrap();
        let back = answer.headers()[header::LOCATION].to_str().unwrap();
        let back = reqwest::Url::parse(back).unwrap();
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        (there.parse().unwrap(), path, begun.cookie(0))
    }

    /// The cookie of a session.
    async fn log_in(&self, user: &str, roles: &str) -> String {
        let (_, back, attempt) = self.sign_in("/", user, roles).await;
        let done = self.get(&back, &attempt).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
        done.cookie(0)
    }

    async fn token(&self, user: &str, roles: &str) -> String {
        let query = view::query(&[("user", user), ("roles", roles)]);
        let url = format!("{}/token?{query}", self.issuer);
        self.browser
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    async fn ask(&self, change: Value) -> String {
        let mut ask = json!({
            "tool": "refund_customer",
            "arguments": "{\"amount\":250}",
            "user": "alice",
            "needs": [{ "approver": { "role": "finance" } }],
            "policyVersion": "p1",
        });
        for (name, value) in change.as_object().unwrap() {
            ask[name] = value.clone();
        }
        let token = format!("Bearer {SECRET}");
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
        ];
        let said = self
            .send("POST", "/v1/asks", &headers, &ask.to_string())
            .await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.text);
        let answer: Value = serde_json::from_str(&said.text).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }
}

impl Said {
    /// What a browser would send back.
    fn cookie(&self, nth: usize) -> String {
        let cookies = self.headers.get_all(header::SET_COOKIE);
        let cookie = cookies.iter().nth(nth).unwrap().to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    #[track_caller]
    fn shows(&self, status: StatusCode, texts: &[&str]) {
        assert_eq!(self.status, status, "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "no {text:?} in {}", self.text);
        }
    }
}

#[tokio::test]
async fn people_log_in_and_out() {
    let site = Site::new().await;
    let stranger = site.get("/asks/1?x=/", "").await;
    assert_eq!(stranger.status, StatusCode::SEE_OTHER);
    assert_eq!(
        stranger.headers[header::LOCATION],
        "/login?to=%2Fasks%2F1%3Fx%3D%2F"
    );

    let (there, back, attempt) = site.sign_in("/history?text=a+b", "fiona", "finance").await;
    let sent: std::collections::BTreeMap<_, _> = there.query_pairs().into_owned().collect();
    assert_eq!(sent["redirect_uri"], "http://127.0.0.1:8181/login/callback");
    assert_eq!(
        (sent["scope"].as_str(), sent["client_id"].as_str()),
        ("openid", "page")
    );
    let done = site.get(&back, &attempt).await;
    assert_eq!(done.headers[header::LOCATION], "/history?text=a+b");
    let session = done
        .headers
        .get(header::SET_COOKIE)
        .unwrap()
        .to_str()
        .unwrap();
    for part in [
        "toolgate-session=",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/",
        "; Max-Age=43",
    ] {
        assert!(session.contains(part), "no {part:?} in {session}");
    }
    assert!(
        !session.contains("Secure") && !session.contains("Domain"),
        "{session}"
    );
    site.get("/", &done.cookie(0))
        .await
        .shows(StatusCode::OK, &["fiona", "Nothing waits for you"]);

    // The code is used up, and the attempt is over.
    assert_eq!(
        site.get(&back, &attempt).await.status,
        StatusCode::BAD_GATEWAY
    );
    assert!(done.cookie(1).ends_with('='));
    let left = site.submit("/logout", &done.cookie(0), &[]).await;
    assert_eq!(left.headers[header::LOCATION], "/logout");
    assert_eq!(left.cookie(0), "toolgate-session=");
    site.get("/logout", "")
        .await
        .shows(StatusCode::OK, &["You are logged out"]);
}

#[tokio::test]
async fn cookies_are_for_one_host_over_tls() {
    let site = Site::at("https://approvals.example.com").await;
    let begun = site.get("/login", "").await;
    let cookie = begun.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-toolgate-login-"), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn a_login_belongs_to_the_browser_that_began_it() {
    let site = Site::new().await;
    let (_, back, attempt) = site.sign_in("/", "fiona", "finance").await;
    let (_, _, other) = site.sign_in("/", "mallory", "").await;
    let (name, value) = attempt.split_once('=').unwrap();
    let (nonce, rest) = value.split_once('.').unwrap();
    let nonces = format!("{name}={}.{rest}", nonce.chars().rev().collect::<String>());
    for (path, cookie, status) in [
        (back.as_str(), "", StatusCode::BAD_REQUEST),
        (&back, &other, StatusCode::BAD_REQUEST),
        ("/login/callback", &attempt, StatusCode::BAD_REQUEST),
        (
            "/login/callback?state=a&state=b",
            &attempt,
            StatusCode::BAD_REQUEST,
        ),
        (
            &back.replace("iss=", "iss=x"),
            &attempt,
            StatusCode::BAD_REQUEST,
        ),
        (
            &back.replace("code=", "error=access_denied&error_description=%3Cb%3E&no="),
            &attempt,
            StatusCode::FORBIDDEN,
        ),
        (
            &back.replace("code=", "code=x"),
            &attempt,
            StatusCode::BAD_GATEWAY,
        ),
    ] {
        let said = site.get(path, cookie).await;
        assert_eq!(said.status, status, "{path}: {}", said.text);
        assert!(!said.headers.contains_key(header::SET_COOKIE), "{path}");
        assert!(!said.text.contains("<b>"), "{path}: {}", said.text);
    }
    assert_eq!(site.get(&back, &nonces).await.status, StatusCode::FORBIDDEN);
}

#[test]
fn a_login_leads_nowhere_else() {
    for to in [
        "/",
        "/asks/0198",
        "/history?text=a%20b&state=used",
        "/a//b",
        "/%2F%2Fevil.com",
    ] {
        assert_eq!(login::local(to), to);
    }
    for to in [
        "",
        "//evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "/\t/evil.com",
        "/\n/evil.com",
        " //evil.com",
        "https://evil.com",
        "javascript:alert(1)",
        "evil.com",
        "///evil.com",
        "/é",
        "/\u{0}",
        "@evil.com",
        ".evil.com",
        &format!("/{}", "a".repeat(2_000)),
    ] {
        assert_eq!(login::local(to), "/", "{to:?}");
    }
}

#[tokio::test]
async fn a_login_that_was_led_astray_comes_home() {
    let site = Site::new().await;
    for to in ["//evil.com", "/\\evil.com", "https://evil.com"] {
        let (_, back, attempt) = site.sign_in(to, "fiona", "").await;
        let done = site.get(&back, &attempt).await;
        assert_eq!(done.headers[header::LOCATION], "/", "{to}");
    }
}

#[tokio::test]
async fn only_our_own_forms_decide() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    let origin = ("origin", "http://127.0.0.1:8181");
    for (headers, allowed) in [
        (vec![("sec-fetch-site", "same-origin")], true),
        (vec![("sec-fetch-site", "same-site")], false),
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![("sec-fetch-site", "none")], false),
        (vec![("sec-fetch-site", "cross-site"), origin], false),
        (vec![origin], true),
        (vec![("origin", "http://127.0.0.1:8182")], false),
        (vec![("origin", "https://127.0.0.1:8181")], false),
        (vec![("origin", "http://127.0.0.1:8181.evil.com")], false),
        (vec![("origin", "null")], false),
        (vec![], false),
    ] {
        let id = site.ask(json!({ "user": format!("{headers:?}") })).await;
        let path = format!("/asks/{id}");
        let mut all = headers.clone();
        all.extend([
            ("cookie", fiona.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ]);
        let said = site.send("POST", &path, &all, "verdict=approve").await;
        let expected = if allowed {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(said.status, expected, "{headers:?}: {}", said.text);
        let state = if allowed {
            "state approved"
        } else {
            "state pending"
        };
        site.get(&path, &fiona)
            .await
            .shows(StatusCode::OK, &[state]);
    }
}

#[tokio::test]
async fn a_session_opens_the_page_and_nothing_else() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    let (_, id_token) = fiona.split_once('=').unwrap();
    let bearer = format!("Bearer {id_token}");
    for headers in [("cookie", fiona.as_str()), ("authorization", &bearer)] {
        let said = site.send("GET", "/v1/asks", &[headers], "").await;
        assert_eq!(said.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    // A proxy in front may add an access token; the secret of the filter is none, nor a cookie.
    let access = format!("Bearer {}", site.token("fiona", "finance").await);
    let said = site
        .send("GET", "/", &[("authorization", &access)], "")
        .await;
    said.shows(StatusCode::OK, &["fiona"]);
    assert!(!said.text.contains("Log out"));
    let secret = format!("Bearer {SECRET}");
    let said = site
        .send("GET", "/", &[("authorization", &secret)], "")
        .await;
    said.shows(StatusCode::FORBIDDEN, &["only people"]);
    let cookie = format!("toolgate-session={SECRET}");
    assert_eq!(site.get("/", &cookie).await.status, StatusCode::SEE_OTHER);
    let forged = format!("toolgate-session={}", site.token("fiona", "finance").await);
    assert_eq!(site.get("/", &forged).await.status, StatusCode::SEE_OTHER);
    // Scripts are not led to the login, nor are forms.
    assert_eq!(
        site.get("/changes", "").await.status,
        StatusCode::UNAUTHORIZED
    );
    let late = site.submit("/asks/1", "", &[("verdict", "approve")]).await;
    late.shows(
        StatusCode::UNAUTHORIZED,
        &["Nothing was decided", "/login?to=%2Fasks%2F1"],
    );
}

#[tokio::test]
async fn people_see_what_concerns_them() {
    let site = Site::new().await;
    let finance = site.ask(json!({})).await;
    let confirmation = site.ask(json!({ "needs": [{ "approver": "user" }] })).await;
    let nobody = site
        .get("/asks/nothing", &site.log_in("zoe", "").await)
        .await
        .text;
    for (person, roles, id, seen) in [
        ("fiona", "finance", &finance, Some(["Approve", "Refuse"])),
        (
            "alice",
            "finance",
            &finance,
            Some(["You cannot approve it", "nobody decides about"]),
        ),
        ("zoe", "ops", &finance, None),
        ("alice", "", &confirmation, Some(["Confirm", "Refuse"])),
        ("fiona", "finance", &confirmation, None),
    ] {
        let cookie = site.log_in(person, roles).await;
        let said = site.get(&format!("/asks/{id}"), &cookie).await;
        match seen {
            Some(texts) => said.shows(StatusCode::OK, &texts),
            None => {
                assert_eq!(said.status, StatusCode::NOT_FOUND);
                assert_eq!(said.text, nobody, "as what does not exist");
            }
        }
        let queue = site.get("/", &cookie).await;
        assert_eq!(queue.text.contains(id.as_str()), seen.is_some());
    }
}

#[tokio::test]
async fn people_decide() {
    let site = Site::new().await;
    let (fiona, otto) = (
        site.log_in("fiona", "finance").await,
        site.log_in("otto", "finance").await,
    );
    let id = site
        .ask(json!({ "needs": [{ "approver": { "role": "finance" }, "approvals": 2 }] }))
        .await;
    let path = format!("/asks/{id}");
    let silent = site
        .submit(&path, &fiona, &[("verdict", "deny"), ("reason", " ")])
        .await;
    silent.shows(StatusCode::BAD_REQUEST, &["role=\"alert\"", "say why"]);
    for form in [&[("verdict", "burn")][..], &[("reason", "x")], &[]] {
        site.submit(&path, &fiona, form)
            .await
            .shows(StatusCode::BAD_REQUEST, &["not a form"]);
    }
    let approve = [("verdict", "approve"), ("reason", "<Order> checked")];
    let done = site.submit(&path, &fiona, &approve).await;
    assert_eq!(
        (done.status, &done.headers[header::LOCATION]),
        (
            StatusCode::SEE_OTHER,
            &HeaderValue::from_str(&path).unwrap()
        )
    );
    site.get(&path, &fiona).await.shows(
        StatusCode::OK,
        &["1 of 2", "You cannot approve it", "&lt;Order&gt; checked"],
    );
    site.get("/", &fiona)
        .await
        .shows(StatusCode::OK, &["For others to decide"]);
    site.submit(&path, &otto, &approve).await;
    // Somebody else was faster: what was written is not lost, and what it has become is shown.
    let late = site
        .submit(
            &path,
            &fiona,
            &[("verdict", "deny"), ("reason", "No \"refund\"")],
        )
        .await;
    late.shows(
        StatusCode::CONFLICT,
        &[
            "approved already",
            "2 of 2",
            "Take back",
            "No &#34;refund&#34;",
        ],
    );
    assert!(
        !late.text.contains("data-live"),
        "nothing takes it away while it is read"
    );
    let done = site
        .submit(
            &path,
            &otto,
            &[("verdict", "revoke"), ("reason", "wrong order")],
        )
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    site.get(&path, &fiona)
        .await
        .shows(StatusCode::OK, &["Taken back by", "otto", "wrong order"]);
    for (search, found) in [
        ("", true),
        ("?state=revoked", true),
        ("?state=pending", false),
        ("?text=WRONG", true),
        ("?tool=refund_customer&user=alice&role=finance", true),
        ("?user=bob", false),
        ("?before=0", false),
    ] {
        let said = site.get(&format!("/history{search}"), &fiona).await;
        assert_eq!(said.text.contains(&id), found, "{search}: {}", said.text);
    }
    let said = site.get("/history?state=%3Cb%3E", &fiona).await;
    said.shows(StatusCode::BAD_REQUEST, &["&lt;b&gt;"]);
}

#[tokio::test]
async fn what_is_masked_is_shown_once_and_recorded() {
    let site = Site::new().await;
    let arguments = r#"{"amount":5,"card":"4111"}"#;
    let id = site
        .ask(json!({ "arguments": arguments, "sensitive": ["/card"] }))
        .await;
    let path = format!("/asks/{id}");
    let unmask = format!("{path}/unmask");
    let fiona = site.log_in("fiona", "finance").await;
    let said = site.get(&path, &fiona).await;
    said.shows(
        StatusCode::OK,
        &["masked</span>", "your roles do not show them"],
    );
    assert!(!said.text.contains("4111"));
    site.submit(&unmask, &fiona, &[])
        .await
        .shows(StatusCode::FORBIDDEN, &["none of your roles"]);
    let anna = site.log_in("anna", "finance auditor").await;
    site.get(&path, &anna)
        .await
        .shows(StatusCode::OK, &["Show masked values"]);
    assert_eq!(
        site.get(&unmask, &anna).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let said = site.submit(&unmask, &anna, &[]).await;
    said.shows(StatusCode::OK, &["4111", "You see all values"]);
    assert!(
        !said.text.contains("data-live"),
        "nothing masks it while it is read"
    );
    let said = site.get(&path, &fiona).await;
    said.shows(StatusCode::OK, &["unmasked</b> by <bdi>anna"]);
    assert!(!said.text.contains("4111"));
}

#[tokio::test]
async fn roles_are_lent_and_taken_back() {
    let site = Site::new().await;
    let (fiona, otto) = (
        site.log_in("fiona", "finance").await,
        site.log_in("otto", "").await,
    );
    let id = site.ask(json!({})).await;
    let tomorrow = Timestamp(now().0 + 86_400_000_000_000).rfc3339();
    let day = tomorrow.split('T').next().unwrap();
    let form = [
        ("role", "finance"),
        ("to", " otto "),
        ("until", day),
        ("reason", "holidays"),
    ];
    site.submit("/delegations", &otto, &form)
        .await
        .shows(StatusCode::FORBIDDEN, &["you do not hold"]);
    let mut bad = form;
    bad[2].1 = "soon";
    site.submit("/delegations", &fiona, &bad)
        .await
        .shows(StatusCode::BAD_REQUEST, &["Nothing was lent", "holidays"]);
    assert_eq!(
        site.submit("/delegations", &fiona, &form).await.status,
        StatusCode::SEE_OTHER
    );
    site.get("/delegations", &otto)
        .await
        .shows(StatusCode::OK, &["lent to you by", "holidays"]);
    site.get(&format!("/asks/{id}"), &otto)
        .await
        .shows(StatusCode::OK, &["Approve"]);
    site.submit(&format!("/asks/{id}"), &otto, &[("verdict", "approve")])
        .await;
    site.get(&format!("/asks/{id}"), &fiona)
        .await
        .shows(StatusCode::OK, &["<bdi>otto</bdi> for <bdi>fiona</bdi>"]);
    let page = site.get("/delegations", &fiona).await.text;
    let withdraw = page
        .split("action=\"")
        .find(|rest| rest.contains("/withdraw\""))
        .unwrap();
    let withdraw = withdraw.split('"').next().unwrap();
    site.submit(withdraw, &otto, &[])
        .await
        .shows(StatusCode::NOT_FOUND, &["no such delegation"]);
    assert_eq!(
        site.submit(withdraw, &fiona, &[]).await.status,
        StatusCode::SEE_OTHER
    );
    site.get("/delegations", &otto)
        .await
        .shows(StatusCode::OK, &["lent nothing"]);
}

#[tokio::test]
async fn open_pages_hear_of_changes_at_any_replica() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    tokio::spawn(tick(Arc::clone(&site.service)));
    let request = Request::get("/changes").header("cookie", &fiona);
    let request = request.body(Body::empty()).unwrap();
    let response = site.app.clone().oneshot(request).await.unwrap();
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let mut events = response.into_body().into_data_stream();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        event.unwrap().map(|event| event.unwrap())
    };
    assert_eq!(next().await.unwrap(), "data: changed\n\n");

    let store = Store::open(&site.config.database).await.unwrap();
    let other = Site {
        app: app(Arc::new(Service::new(&site.config, store).unwrap())),
        ..site
    };
    other.ask(json!({})).await;
    assert_eq!(next().await.unwrap(), "data: changed\n\n");
    other.service.leave();
    assert_eq!(
        next().await,
        None,
        "nothing keeps a service that has to leave"
    );
}

#[tokio::test]
async fn operators_see_what_webhooks_were_not_told() {
    let site = Site::new().await;
    let (oda, fiona) = (
        site.log_in("oda", "ops").await,
        site.log_in("fiona", "finance").await,
    );
    site.get("/deliveries", &oda)
        .await
        .shows(StatusCode::OK, &["Nothing was given up"]);
    for said in [
        site.get("/deliveries", &fiona).await,
        site.submit("/deliveries/chat.1/retry", &fiona, &[]).await,
    ] {
        said.shows(StatusCode::FORBIDDEN, &["operators"]);
    }
    assert!(!site.get("/", &fiona).await.text.contains("/deliveries"));
    assert_eq!(
        site.submit("/deliveries/chat.1/retry", &oda, &[])
            .await
            .status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn what_strangers_say_is_shown_and_not_run() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    let evil = "<script>alert(1)</script>\u{202e}\"'&";
    let arguments = json!({ evil: [evil, { "card": "***" }, 12.5, null] }).to_string();
    let id = site
        .ask(json!({
            "tool": evil, "arguments": arguments, "user": evil, "agent": evil, "tenant": evil,
            "environment": evil, "rule": evil, "policyVersion": evil, "server": evil,
            "description": evil, "access": evil, "dataClassification": evil, "riskTier": evil,
            "metaReason": evil, "requestId": evil, "traceId": evil, "contractVersion": evil,
        }))
        .await;
    site.submit(
        &format!("/asks/{id}"),
        &fiona,
        &[("verdict", "deny"), ("reason", evil)],
    )
    .await;
    for path in [
        format!("/asks/{id}"),
        "/history".to_owned(),
        format!("/history?{}", view::query(&[("text", evil)])),
    ] {
        let said = site.get(&path, &fiona).await;
        said.shows(StatusCode::OK, &["U+202E</mark>", "&lt;script&gt;"]);
        assert!(!said.text.contains("<script>"), "{}", said.text);
        assert!(
            !said.text.contains('\u{202e}') || path.contains("text="),
            "{}",
            said.text
        );
    }
}

#[tokio::test]
async fn pages_are_hardened_and_files_are_kept() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    let queue = site.get("/", &fiona).await;
    for path in ["/", "/history", "/login", "/logout", "/nothing", "/asks/x"] {
        let headers = site.get(path, &fiona).await.headers;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", POLICY),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(headers[HeaderName::from_static(name)], value, "{path}");
        }
    }
    for inline in ["style=", "<style", "onclick", "javascript:"] {
        assert!(!queue.text.contains(inline));
    }
    let files: Vec<_> = queue
        .text
        .split("\"/assets/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(files.len() >= 3);
    for file in files {
        let said = site.get(&format!("/assets/{file}"), "").await;
        assert_eq!(said.status, StatusCode::OK);
        assert_eq!(
            said.headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
    }
    assert_eq!(
        site.get("/assets/page.css", "").await.status,
        StatusCode::NOT_FOUND
    );
    let said = site.get("/v1/nothing", "").await;
    assert_eq!(
        said.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
}

#[tokio::test]
async fn nobody_loads_without_end() {
    let site = Site::new().await;
    let fiona = site.log_in("fiona", "finance").await;
    let mut last = site.get("/", &fiona).await;
    for _ in 0..1_000 {
        last = site.get("/", &fiona).await;
        if last.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    last.shows(StatusCode::TOO_MANY_REQUESTS, &["That was fast"]);
    assert_eq!(last.headers[header::RETRY_AFTER], "1");
}

#[test]
fn origins_are_without_paths() {
    for (url, expected) in [
        ("http://127.0.0.1:8181", "http://127.0.0.1:8181"),
        ("https://a.example/toolgate/x", "https://a.example"),
        ("a.example", "a.example"),
    ] {
        assert_eq!(origin(url), expected);
    }
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";
