//! The page where people decide, in a real browser: with JavaScript and without, by mouse and by
//! keyboard, in light and dark.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::approvals::Approvals;
use tests::authority::Authority;
use tests::client;
use tests::envoy::{eventually, free_port};
use tests::tools;
use tokio::process::{Child, Command};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_decide_live() {
    let told = drive("live").await;
    for what in ["decided", "searched", "unmasked", "watched"] {
        assert!(
            told.iter().any(|line| line.get(what).is_some()),
            "{what}: {told:?}"
        );
    }
    let accessible = told.iter().filter(|line| line.get("accessible").is_some());
    assert_eq!(accessible.count(), 16, "each page in light and dark");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_decide_without_scripts() {
    let told = drive("plain").await;
    for what in ["decided", "searched", "unmasked"] {
        assert!(
            told.iter().any(|line| line.get(what).is_some()),
            "{what}: {told:?}"
        );
    }
}

/// For the documentation, where `make screenshots` wants them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_taken() {
    let wanted = std::env::var("TOOLGATE_SCREENSHOTS").ok();
    let folder = tempfile::TempDir::new().expect("a folder");
    let place = folder.path().display().to_string();
    let place = wanted.unwrap_or(place);
    drive(&place).await;
    for name in ["queue", "ask", "history"] {
        let path = std::path::Path::new(&place)
            .join(name)
            .with_extension("png");
        let size = path.metadata().expect("a picture").len();
        assert!((10_000..150_000).contains(&size), "{name}: {size} bytes");
    }
}

/// What the browser's script told, line by line.
async fn drive(mode: &str) -> Vec<Value> {
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let _issuer = sign_in(port).await;
    let authority = Authority::start().await;
    let service = Approvals::start(
        &authority,
        &json!({
            "approvers": {
                "issuer": issuer,
                "audience": "toolgate-approvals",
                "jwks": { "url": format!("{issuer}/jwks") },
            },
            "login": { "client_id": "toolgate-page" },
            "unmask": { "roles": ["auditor"] },
            "operators": { "roles": ["ops"] },
        }),
    )
    .await;
    let running = Command::new(tools::node())
        .arg(tools::client("page.mjs"))
        .args([&service.url(), &issuer, service.secret(), mode])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running).await;
    let output = output
        .expect("the browser ends")
        .expect("node is executable");
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{printed}\n{said}\n{}",
        service.log()
    );
    let lines = printed.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines of JSON")
}

/// The service's own sign-in for trying things out; it ends when this is dropped.
async fn sign_in(port: u16) -> Child {
    let address = format!("127.0.0.1:{port}");
    let child = Command::new(tools::approvals())
        .args(["issuer", "--listen", &address, "--role", "finance_approver"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the service is executable");
    let address = address.parse().expect("an address");
    eventually("the issuer listens", async || {
        let keys = client::Request::new("GET", "/jwks").header("host", format!("127.0.0.1:{port}"));
        client::send(address, &keys).await.ok()
    })
    .await;
    child
}

/// Browsers are slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
