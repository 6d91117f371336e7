//! Somebody who has an MCP server, Envoy and `toolgate --help`, and nothing else: what it says
//! leads to a tested policy that governs the server.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::Connection;
use tests::demo::Demo;
use tests::improvised::Improvised;
use tests::message;
use tests::serve::Served;
use tests::tools;

struct Newcomer {
    folder: PathBuf,
    governed: Option<Child>,
}

impl Newcomer {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("toolgate-newcomer-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self {
            folder,
            governed: None,
        }
    }

    /// Types a command, in a shell that finds `toolgate` and `envoy`.
    fn types(&self, line: &str) -> Command {
        let toolgate = tools::toolgate().canonicalize().expect("built");
        let envoy = tools::root()
            .join(".tools/bin")
            .canonicalize()
            .expect("installed");
        let path = std::env::var("PATH").unwrap_or_default();
        let found = format!(
            "{}:{}:{path}",
            toolgate.parent().expect("a folder").display(),
            envoy.display()
        );
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &format!("exec {line}")])
            .env("PATH", found)
            .current_dir(&self.folder);
        shell
    }

    #[track_caller]
    fn sees(&self, line: &str, words: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.types(line).output().expect("bash");
        let said = [stdout, stderr]
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .concat();
        assert!(status.success(), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
        said
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        if let Some(mut governed) = self.governed.take() {
            let _ = Command::new("bash")
                .args(["-c", &format!("kill -INT {}", governed.id())])
                .status();
            let _ = governed.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The commands that `toolgate --help` shows to who begins.
fn steps(help: &str) -> Vec<String> {
    let begin = help
        .split("From nothing to a governed server:\n")
        .nth(1)
        .expect("a beginning");
    let lines = begin.split("\n\n").next().expect("an end").lines();
    lines
        .filter(|line| line.starts_with("  toolgate "))
        .map(|line| line.trim().to_owned())
        .collect()
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_help_says_leads_to_a_governed_server() {
    let crm = Demo::crm();
    let server = Served::start(crm.router(), 0).expect("it serves");
    let mut newcomer = Newcomer::new();
    let help = newcomer.sees("toolgate --help", "Commands:");
    let [import, init, lint, test, run] = steps(&help).try_into().expect("five steps");

    let import = import.replace("127.0.0.1:8000", &server.addr().to_string());
    newcomer.sees(&import, "5 new");
    // The review, as the help has it: only looking customers up is harmless.
    let registry = newcomer
        .read("registry.yaml")
        .replacen("riskTier: high", "riskTier: low", 1)
        .replacen("access: write", "access: read", 1);
    fs::write(newcomer.folder.join("registry.yaml"), registry).expect("written");
    let next = newcomer.sees(&init, "wrote policy.yaml");
    for step in [&lint, &run] {
        assert!(next.contains(step.as_str()), "{next}");
    }
    let unwise = newcomer.types(&lint).output().expect("bash");
    let unwise = String::from_utf8_lossy(&unwise.stdout).into_owned();
    assert!(
        unwise.ends_with("5 warnings\n") && unwise.contains("bound it: `maxLength`"),
        "{unwise}"
    );
    // So they are bound, and that is no drift from what the server announces.
    let registry = newcomer.read("registry.yaml");
    let bound = registry.replace(
        ":\n        minLength",
        ":\n        maxLength: 80\n        minLength",
    );
    fs::write(newcomer.folder.join("registry.yaml"), bound).expect("written");
    newcomer.sees(&lint, "");
    newcomer.sees(&format!("{import} --check"), "5 as reviewed");
    newcomer.sees(&test, "4 passed, 0 failed");
    // What is there stays.
    let policy = newcomer.read("policy.yaml");
    newcomer.sees(&init, "kept  policy.yaml\nkept  policy.test.yaml");
    assert_eq!(newcomer.read("policy.yaml"), policy);

    let place = Improvised::place();
    let moved = policy.replace("127.0.0.1:8181", &place.service.to_string());
    fs::write(newcomer.folder.join("policy.yaml"), moved).expect("written");
    let listen = free();
    let file = |name| File::create(newcomer.folder.join(name)).expect("a file");
    let mut run = newcomer.types(&format!("{run} --listen {listen}"));
    let governed = run
        .stdout(file("out"))
        .stderr(file("err"))
        .spawn()
        .expect("started");
    newcomer.governed = Some(governed);
    let until = Instant::now() + Duration::from_secs(120);
    while !newcomer.read("err").contains("each decision follows") {
        assert!(Instant::now() < until, "{}", newcomer.read("err"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut agent = Connection::open(listen).await.expect("Envoy listens");
    for (tool, allowed) in [
        ("crm.lookup_customer", true),
        ("crm.delete_customer", false),
    ] {
        // The only server is also reached at `/mcp`.
        let call = message::call(tool, &json!({ "customerId": "C-1001" }));
        agent.write(&call.bytes("gateway")).await.expect("sent");
        let answer = agent.response().await.expect("an answer").json();
        assert_eq!(answer["result"]["isError"] == true, !allowed, "{answer}");
    }
    // What may do much harm waits, and is done once somebody has approved it.
    let deleted = json!({ "customerId": "C-1001" });
    let delete = message::call("crm.delete_customer", &deleted);
    for approved in [false, true] {
        agent.write(&delete.bytes("gateway")).await.expect("sent");
        let answer = agent.response().await.expect("an answer").json();
        assert_eq!(answer["result"]["isError"] == true, !approved, "{answer}");
        if let Some(id) = answer["result"]["_meta"]["toolgate/denial"]["approvalId"].as_str() {
            place.approve("approver", id).await;
        }
    }
    let executed: Vec<_> = crm
        .calls()
        .iter()
        .map(|call| call["tool"].clone())
        .collect();
    assert_eq!(executed, ["crm.lookup_customer", "crm.delete_customer"]);
}
