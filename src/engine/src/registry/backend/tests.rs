use serde_json::{Value, json};

use super::{Build, Credential};
use crate::{config::Config, registry::Server};

/// A server as it is registered, or what is wrong with it.
fn built(server: Value) -> Result<Server, String> {
    let config = Config::join(vec![json!({"servers": {"s": server}})], vec![]);
    let faults = config.faults.clone();
    let mut build = Build::new(config.registry);
    build.problems.splice(0..0, faults);
    let server = build.registry.server("s").cloned();
    let problems: Vec<_> = build.problems.iter().map(ToString::to_string).collect();
    match server {
        Some(server) if problems.is_empty() => Ok(server),
        _ => Err(problems.join("; ").replace("registry[0]:servers.s", "")),
    }
}

#[track_caller]
fn check(server: Value, problem: &str) {
    assert_eq!(built(server).err().as_deref().unwrap_or_default(), problem);
}

#[test]
fn a_failover_is_another_instance_of_the_same() {
    let server =
        |url: &str, other: &str| json!({"url": url, "failover": {"url": other}, "path": "/mcp"});
    check(server("http://a:1", "http://b:2/mcp"), "");
    check(server("http://a:1/x", "http://b:2"), "");
    check(
        server("http://a:1", "http://b:2/other"),
        ".failover.url: its path is not that of the server: it is another instance of the same",
    );
    check(
        server("http://a:1", "https://b:2/mcp"),
        ".failover.url: one cluster speaks either `http` or `https`, and the server's `url` says which",
    );
    check(
        server("http://a:1", "b:2"),
        ".failover.url: expected a URL that begins with `http://` or `https://`",
    );
    check(
        json!({"failover": {"url": "http://b:2/mcp"}}),
        ".failover.url: the server has no `url`: its cluster is yours, and so is what it fails over to",
    );
    check(
        json!({"url": "http://a:1", "failover": {"cluster": "b"}}),
        ".failover: unknown field `cluster`; .failover.url: expected a URL that begins with `http://` or `https://`",
    );
}

#[test]
fn health_is_asked_for_at_a_path() {
    let server = |health: Value| json!({"url": "http://a:1", "health": health});
    check(server(json!({"path": "/healthz"})), "");
    check(server(json!({"path": "/healthz", "interval": "1s"})), "");
    let often = ".health.interval: expected a duration of at least `1s`: `10s`, `1m`";
    check(
        server(json!({"path": "/healthz", "interval": "999ms"})),
        often,
    );
    check(
        server(json!({"path": "/healthz", "interval": "often"})),
        often,
    );
    check(
        server(json!({})),
        ".health.path: expected a path that begins with `/`",
    );
    check(
        json!({"health": {"path": "/healthz"}}),
        ".health: the server has no `url`: its cluster is yours, and so are its checks",
    );
}

#[test]
fn credentials_are_named_never_written() {
    let server = |credential: Value| json!({"credential": credential});
    let secret = |secret: &str, header: &str, prefix: &str| Credential::Secret {
        secret: secret.to_owned(),
        header: header.to_owned(),
        prefix: prefix.to_owned(),
    };
    for (written, expected) in [
        (json!("none"), Credential::None),
        (
            json!({"secret": "t"}),
            secret("t", "authorization", "Bearer "),
        ),
        (
            json!({"secret": "t", "header": "X-Api-Key"}),
            secret("t", "x-api-key", ""),
        ),
        (
            json!({"secret": "t", "prefix": "Basic "}),
            secret("t", "authorization", "Basic "),
        ),
    ] {
        let built = built(server(written)).map(|server| server.credential);
        assert_eq!(built, Ok(Some(expected)));
    }
    let oauth2 = json!({"tokenUrl": "https://i/token", "clientId": "c", "secret": "t"});
    check(server(json!({ "oauth2": oauth2 })), "");
    check(
        server(json!({"oauth2": {"clientId": "", "secret": "no secret"}, "prefix": "x"})),
        ".credential.prefix: is for `secret`: a token goes into `authorization`; \
         .credential.oauth2.tokenUrl: expected a URL that begins with `http://` or `https://`; \
         .credential.oauth2.clientId: expected the gateway's name there; \
         .credential.oauth2.secret: expected the name of a secret: letters, digits, `-`, `_`, `.`",
    );
    let one = ".credential: expected either `secret` or `oauth2`";
    check(server(json!({})), one);
    check(server(json!({"secret": "t", "oauth2": oauth2})), one);
    // What stands there may be the secret itself.
    check(
        server(json!("s3cr3t")),
        ".credential: expected `none`, or an object with `secret` or `oauth2`",
    );
    for header in ["host", "mcp-session-id", "x-toolgate-cluster", ":path", ""] {
        check(
            server(json!({"secret": "t", "header": header})),
            &format!(".credential.header: `{header}` is no header for a credential"),
        );
    }
    check(
        server(json!({"secret": "../t", "prefix": "a\nb"})),
        ".credential.prefix: expected visible ASCII characters; \
         .credential.secret: expected the name of a secret: letters, digits, `-`, `_`, `.`",
    );
}
