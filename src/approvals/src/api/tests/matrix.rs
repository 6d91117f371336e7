//! Every endpoint by every kind of caller.

use std::collections::BTreeSet;

use super::*;

const CALLERS: [&str; 8] = [
    "anonymous",
    "filter",
    "with role",
    "without role",
    "requester",
    "other tenant",
    "delegate",
    "unmasker",
];

/// Alice holds the role too: she asked, so it does not help. Gus has it from bob, for now; una has it
/// and may see what is masked.
fn tokens(world: &World) -> [String; 8] {
    [
        String::new(),
        SECRET.to_owned(),
        world.token("bob", &["finance"], "a"),
        world.token("carl", &["ops"], "a"),
        world.token("alice", &["finance"], "a"),
        world.token("dora", &["finance"], "b"),
        world.token("gus", &[], "a"),
        world.token("una", &["finance", "auditor"], "a"),
    ]
}

type Row = (&'static str, &'static str, [u16; 8]);

fn rows(matrix: &[Row]) -> BTreeSet<(&str, &str)> {
    matrix
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .collect()
}

#[tokio::test]
async fn the_api_lets_everybody_do_what_they_may() {
    let open = [200; 8];
    let own = [401, 403, 200, 200, 200, 200, 200, 200];
    let read = [401, 403, 200, 404, 200, 404, 200, 200];
    let decide = [401, 403, 200, 404, 403, 404, 200, 200];
    let matrix = [
        ("post", "/v1/asks", [401, 200, 403, 403, 403, 403, 403, 403]),
        ("get", "/v1/asks", own),
        ("get", "/v1/asks/{id}", read),
        ("get", "/v1/asks/{id}/trail", read),
        ("post", "/v1/asks/{id}/approve", decide),
        ("post", "/v1/asks/{id}/deny", decide),
        ("post", "/v1/asks/{id}/revoke", decide),
        (
            "post",
            "/v1/asks/{id}/unmask",
            [401, 403, 403, 404, 403, 404, 403, 200],
        ),
        ("get", "/v1/delegations", own),
        (
            "post",
            "/v1/delegations",
            [401, 403, 200, 403, 200, 200, 403, 200],
        ),
        (
            "delete",
            "/v1/delegations/{id}",
            [401, 403, 200, 404, 404, 404, 404, 404],
        ),
        (
            "get",
            "/v1/deliveries",
            [401, 403, 403, 403, 403, 403, 403, 403],
        ),
        (
            "post",
            "/v1/deliveries/{id}/retry",
            [401, 403, 403, 403, 403, 403, 403, 403],
        ),
        ("get", "/healthz", open),
        ("get", "/readyz", open),
        ("get", "/metrics", open),
        ("get", "/openapi.json", open),
    ];

    let document = serde_json::to_value(openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            routes.insert((method.as_str(), path.as_str()));
        }
    }
    assert_eq!(rows(&matrix), routes, "each route has its row");

    let world = World::new().await;
    let tokens = tokens(&world);
    world.lend(&tokens[2], "gus").await;
    let mut count = 0;
    for (method, path, expected) in matrix {
        for ((token, caller), status) in tokens.iter().zip(CALLERS).zip(expected) {
            count += 1;
            let mut fresh = ask();
            fresh["arguments"] = json!(format!("{{\"amount\":{count}}}"));
            fresh["sensitive"] = json!(["/amount"]);
            let mut id = world.ask(&fresh).await["id"].clone();
            if path.ends_with("/revoke") {
                let said = world.decide(&id, "approve", &tokens[2], Value::Null).await;
                assert_eq!(said.status, StatusCode::OK, "{said:?}");
            }
            let body = match (method, path) {
                ("post", "/v1/asks") => fresh,
                ("post", "/v1/delegations") => loan("zoe"),
                ("post", _) => json!({ "reason": "because" }),
                _ => Value::Null,
            };
            if method == "delete" {
                id = world.lend(&tokens[2], "zoe").await["id"].clone();
            }
            let path = path.replace("{id}", id.as_str().unwrap());
            let said = world
                .call(&method.to_uppercase(), &path, token, &body)
                .await;
            assert_eq!(
                said.status, status,
                "{caller}: {method} {path}: {}",
                said.text
            );
            if path == "/v1/asks" && said.status == StatusCode::OK && method == "get" {
                let expected = match caller {
                    "with role" | "requester" | "delegate" | "unmasker" => 50.min(count),
                    _ => 0,
                };
                let visible = said.body["items"].as_array().unwrap().len();
                assert_eq!(visible, expected, "{caller}");
            }
            let shown = said
                .text
                .contains(&format!(r#""arguments":"{{\"amount\":{count}"#));
            let unmasked = path.ends_with("/unmask") && caller == "unmasker";
            assert_eq!(shown, unmasked, "{caller}: {method} {path}: {}", said.text);
        }
    }
}

/// What the page is made of: axum does not tell, its source does.
fn pages() -> BTreeSet<(&'static str, &'static str)> {
    let mut pages = BTreeSet::new();
    for route in include_str!("../../page.rs").split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        let methods = route.split_once(',').unwrap().1;
        let methods = methods.split(".route_layer").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if methods.contains(&format!("{method}(")) {
                pages.insert((method, path));
            }
        }
    }
    pages
}

#[tokio::test]
async fn the_page_lets_everybody_do_what_they_may() {
    let own = [401, 403, 200, 200, 200, 200, 200, 200];
    let nobody = [401, 403, 403, 403, 403, 403, 403, 403];
    let matrix = [
        ("get", "/", own),
        (
            "get",
            "/asks/{id}",
            [401, 403, 200, 404, 200, 404, 200, 200],
        ),
        (
            "post",
            "/asks/{id}",
            [401, 403, 303, 404, 403, 404, 303, 303],
        ),
        (
            "post",
            "/asks/{id}/unmask",
            [401, 403, 403, 404, 403, 404, 403, 200],
        ),
        ("get", "/history", own),
        ("get", "/delegations", own),
        (
            "post",
            "/delegations",
            [401, 403, 303, 403, 303, 303, 403, 303],
        ),
        (
            "post",
            "/delegations/{id}/withdraw",
            [401, 403, 303, 404, 404, 404, 404, 404],
        ),
        ("get", "/deliveries", nobody),
        ("post", "/deliveries/{id}/retry", nobody),
        ("get", "/changes", [401, 401, 200, 200, 200, 200, 200, 200]),
        // Nobody can log in here: it is not configured.
        ("get", "/login", [401; 8]),
        ("get", "/login/callback", [401; 8]),
        ("get", "/logout", [200; 8]),
        ("post", "/logout", [303; 8]),
        ("get", "/assets/{name}", [200; 8]),
    ];
    assert_eq!(rows(&matrix), pages(), "each route has its row");

    let world = World::new().await;
    let tokens = tokens(&world);
    world.lend(&tokens[2], "gus").await;
    let page = world.get("/", &tokens[2]).await.text;
    let (_, asset) = page.split_once("/assets/").unwrap();
    let (asset, _) = asset.split_once('"').unwrap();
    let mut count = 0;
    for (method, path, expected) in matrix {
        for ((token, caller), status) in tokens.iter().zip(CALLERS).zip(expected) {
            count += 1;
            let mut fresh = ask();
            fresh["arguments"] = json!(format!("{{\"amount\":{count}}}"));
            fresh["sensitive"] = json!(["/amount"]);
            let mut id = world.ask(&fresh).await["id"].clone();
            if path.ends_with("/withdraw") {
                id = world.lend(&tokens[2], "zoe").await["id"].clone();
            }
            let path = path.replace("{id}", id.as_str().unwrap());
            let path = path.replace("{name}", asset);
            let form = if path == "/delegations" {
                format!(
                    "role=finance&to=zoe&reason=leave&until={}",
                    tomorrow().split_at(10).0
                )
            } else {
                "verdict=deny&reason=because".to_owned()
            };
            let send = async |site: &str| {
                let mut request = Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(&path)
                    .header("sec-fetch-site", site)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                if !token.is_empty() {
                    request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
                }
                let body = Body::from(if method == "post" {
                    form.clone()
                } else {
                    String::new()
                });
                world.status(request.body(body).unwrap()).await
            };
            if method == "post" {
                assert_eq!(send("cross-site").await, 403, "{caller}: {path}");
            }
            assert_eq!(
                send("same-origin").await,
                status,
                "{caller}: {method} {path}"
            );
        }
    }
}
