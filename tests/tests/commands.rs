//! The command line as people meet it: what `run` does from start to stop, exit codes, and that
//! Envoy accepts what `render` writes.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::client::{self, Connection, Request};
use tests::improvised::Improvised;
use tests::recorder::Recorder;
use tests::tools;

const POLICY: &str = "version: one\nrules:\n- { id: all, tool: search, decision: allow }\n";

/// A folder with a registry and a policy, and what a program says in it.
struct Desk {
    folder: PathBuf,
}

impl Desk {
    fn new(name: &str, server: SocketAddr) -> Self {
        let folder = std::env::temp_dir().join(format!("toolgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let desk = Self { folder };
        let registry = format!(
            "version: r1\nservers:\n  notes: {{ url: \"http://{server}/mcp\" }}\n\
             tools:\n- name: search\n  mcpServer: notes\n  inputSchema: {{ type: object }}\n"
        );
        desk.write("registry.yaml", &registry);
        desk.write("policy.yaml", POLICY);
        desk
    }

    fn write(&self, file: &str, text: &str) {
        // As careful editors do it: a reader sees the old file or the new one.
        let new = self.folder.join("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.folder.join(file)).expect("renamed");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }

    fn command(&self, command: &str) -> Command {
        let mut toolgate = Command::new(tools::toolgate());
        toolgate.current_dir(&self.folder);
        toolgate.args([command, "-r", "registry.yaml", "-p", "policy.yaml"]);
        toolgate
    }

    fn run(&self, listen: SocketAddr) -> Command {
        let mut run = self.command("run");
        run.args(["--listen", &listen.to_string()]);
        run.arg("--envoy")
            .arg(tools::envoy().canonicalize().expect("Envoy"));
        run
    }

    /// Starts `run` and waits until it is ready.
    async fn start(&self, listen: SocketAddr, more: &[&str]) -> Running<'_> {
        let file = |name: &str| File::create(self.folder.join(name)).expect("a file");
        let child = self
            .run(listen)
            .args(more)
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("started");
        let running = Running { desk: self, child };
        running.wait("err", "each decision follows").await;
        running
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A `toolgate run`, ended when this is dropped.
struct Running<'a> {
    desk: &'a Desk,
    child: Child,
}

impl Running<'_> {
    async fn wait(&self, file: &str, words: &str) {
        let until = Instant::now() + Duration::from_secs(120);
        while !self.desk.read(file).contains(words) {
            let said = self.desk.read("err");
            assert!(Instant::now() < until, "no `{words}` in {file}; {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().expect("its own child") {
                return status.code();
            }
            assert!(Instant::now() < until, "still running");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn envoy(&self) -> u32 {
        self.started("--config-path")
    }

    /// What it has started with that argument.
    fn started(&self, argument: &str) -> u32 {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("Linux lists children");
        let mut children = children.split_whitespace();
        let child = children.find(|child| {
            let command = fs::read_to_string(format!("/proc/{child}/cmdline"));
            command.is_ok_and(|command| command.split('\0').any(|word| word == argument))
        });
        child.and_then(|child| child.parse().ok()).expect("a child")
    }

    fn signal(&self, pid: u32, name: &str) {
        let status = Command::new("bash")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status();
        assert!(status.expect("bash").success());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(self.child.id(), "TERM");
            let _ = self.child.wait();
        }
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

fn call() -> Request {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                          "params": { "name": "search", "arguments": {} } });
    Request::post("/notes/mcp", message.to_string())
}

/// Whether a call of the tool gets through to the server.
async fn passes(connection: &mut Connection) -> bool {
    let sent = connection.write(&call().bytes("gateway")).await;
    sent.expect("the connection stays open");
    let answer = connection.response().await.expect("an answer").json();
    assert_eq!(answer["id"], 1, "{answer}");
    answer.get("error").is_none()
}

#[tokio::test]
async fn run_governs_follows_reloads_and_stops() {
    let server = Recorder::start().await;
    let desk = Desk::new("run", server.addr());
    let listen = free();
    let mut running = desk.start(listen, &[]).await;
    assert!(desk.read("err").contains(&format!(
        "http://{listen}/notes/mcp  ->  http://{}/mcp",
        server.addr()
    )));

    // One connection throughout: a client that stays connected gets the new policy as well.
    let mut agent = Connection::open(listen).await.expect("Envoy listens");
    assert!(passes(&mut agent).await);
    running.wait("out", "tools/call search  allow  all").await;

    // A second run cannot have the same place, and says so.
    let second = desk.run(listen).output().expect("run");
    check(&second, 2, "choose another with --listen");

    // What is wrong stays outside; what was live stays live.
    desk.write("policy.yaml", &POLICY.replace("search", "serch"));
    running.wait("err", "not reloaded").await;
    assert!(
        desk.read("err").contains("policy.yaml:3:20"),
        "{}",
        desk.read("err")
    );
    assert!(desk.read("err").contains("did you mean `search`?"));
    assert!(passes(&mut agent).await);

    let denied = POLICY.replace("one", "two").replace("allow", "deny");
    desk.write("policy.yaml", &denied);
    running.wait("err", "reloaded: policy two").await;
    // Envoy's workers take it up a moment after its main thread did.
    let until = Instant::now() + Duration::from_secs(10);
    while passes(&mut agent).await {
        assert!(Instant::now() < until, "the old policy stayed");
    }
    running.wait("out", "tools/call search  deny  all").await;

    let envoy = running.envoy();
    running.signal(running.child.id(), "INT");
    assert_eq!(running.ended().await, Some(0));
    assert!(desk.read("err").ends_with("stopped\n"));
    assert!(
        !Path::new(&format!("/proc/{envoy}")).exists(),
        "Envoy is an orphan"
    );
    TcpListener::bind(listen).expect("the port is free again");
}

#[tokio::test]
async fn run_ends_with_envoy_and_tells_its_last_words() {
    let server = Recorder::start().await;
    let desk = Desk::new("dies", server.addr());
    let mut running = desk.start(free(), &[]).await;
    running.signal(running.envoy(), "KILL");
    assert_eq!(running.ended().await, Some(2));
    assert!(desk.read("err").contains("error: Envoy ended (signal: 9"));
}

#[tokio::test]
async fn run_asks_for_approvals_and_ends_with_the_service() {
    let server = Recorder::start().await;
    let desk = Desk::new("asks", server.addr());
    let place = Improvised::place();
    let service = place.service;
    let policy = POLICY.replace(
        "decision: allow",
        "decision: approval_required, approver_role: owner",
    );
    desk.write("policy.yaml", &policy);
    let output = desk.run(free()).arg("--approvals").output().expect("run");
    check(
        &output,
        2,
        "the policy does not say where approvals are asked for",
    );

    let asking = format!("approvals: {{ url: \"http://{service}\" }}\n{policy}");
    desk.write("policy.yaml", &asking);
    let listen = free();
    let mut running = desk.start(listen, &["--approvals"]).await;
    let greeting = format!("approvals: http://{service}\n");
    assert!(desk.read("err").contains(&greeting), "{}", desk.read("err"));
    let ask = async || {
        client::send(listen, &call())
            .await
            .expect("an answer")
            .json()
    };
    let waiting = ask().await;
    let denial = &waiting["result"]["_meta"]["toolgate/denial"];
    assert_eq!(denial["reason"], "approval_pending", "{waiting}");
    let id = denial["approvalId"].as_str().expect("an id");
    place.approve("owner", id).await;
    assert_eq!(ask().await["result"]["isError"], false);
    assert_eq!(ask().await["result"]["isError"], true, "it was used up");
    running
        .wait("out", "search  approval_required  all  approved")
        .await;

    running.signal(running.started("serve"), "KILL");
    assert_eq!(running.ended().await, Some(2));
    assert!(
        desk.read("err")
            .contains("error: the approval service ended"),
        "{}",
        desk.read("err")
    );
    TcpListener::bind(place.issuer).expect("the sign-in has ended too");
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn exit_codes_tell_what_was_in_the_way() {
    let desk = Desk::new("codes", free());
    let output = |command: &mut Command| command.stdin(Stdio::null()).output().expect("run");
    check(&output(&mut desk.command("bundle")), 0, "");
    check(
        &output(desk.run(free()).args(["--wasm", "nowhere.wasm"])),
        2,
        "no filter at",
    );
    check(
        &output(desk.command("bundle").args(["-p", "absent.yaml"])),
        2,
        "cannot read",
    );
    desk.write(
        "policy.yaml",
        "rules:\n- { tool: serch, decision: alow }\nmore: 1\n",
    );
    let findings = output(&mut desk.command("bundle"));
    check(&findings, 2, "policy.yaml:2");
    check(&findings, 2, "policy.yaml:3");
    assert!(findings.stdout.is_empty());
    check(&output(&mut desk.run(free())), 2, "policy.yaml:2");
    // Programs read it where they read findings.
    let sarif = output(desk.command("lint").args(["--format", "sarif"]));
    check(&sarif, 2, "");
    let sarif: Value = serde_json::from_slice(&sarif.stdout).expect("SARIF");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 2, "{sarif}");
    check(
        &output(desk.command("render").args(["--for", "nginx"])),
        2,
        "nginx",
    );
}

#[test]
fn bundles_are_the_same_every_time_and_may_be_rendered_from() {
    let desk = Desk::new("render", free());
    let run = |command: &mut Command| command.output().expect("run").stdout;
    let bundle = run(&mut desk.command("bundle"));
    assert!(!bundle.is_empty());
    assert_eq!(bundle, run(&mut desk.command("bundle")));
    fs::write(desk.folder.join("bundle.json"), &bundle).expect("written");

    let wasm = tools::filter().canonicalize().expect("the filter");
    let rendered = |from: &[&str], file: &str| {
        let mut render = Command::new(tools::toolgate());
        render
            .current_dir(&desk.folder)
            .args(["render", "--for", "envoy"])
            .args(from);
        render.arg("--wasm").arg(&wasm).args(["-o", file]);
        check(&render.output().expect("run"), 0, "");
        desk.read(file)
    };
    let files = ["-r", "registry.yaml", "-p", "policy.yaml"];
    let yaml = rendered(&files, "files.yaml");
    assert_eq!(rendered(&["--bundle", "bundle.json"], "bundle.yaml"), yaml);

    let validate = Command::new(tools::envoy())
        .args(["--mode", "validate", "-c"])
        .arg(desk.folder.join("files.yaml"))
        .output()
        .expect("Envoy");
    check(&validate, 0, "");
}

#[test]
fn bundles_say_where_they_come_from_and_whether_they_are_whole() {
    let desk = Desk::new("origin", free());
    for git in [
        &["init", "-q"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-q",
            "-m",
            "m",
        ],
    ] {
        let mut command = Command::new("git");
        let status = command.current_dir(&desk.folder).args(git).status();
        assert!(status.expect("git").success());
    }
    let bundle = || desk.command("bundle").output().expect("run").stdout;
    let told = |bundle: &[u8]| {
        fs::write(desk.folder.join("bundle.json"), bundle).expect("written");
        let mut check = Command::new(tools::toolgate());
        check
            .current_dir(&desk.folder)
            .args(["bundle", "--check", "-b", "bundle.json"]);
        let output = check.output().expect("run");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (said, output)
    };
    let digest = |said: &str| {
        said.lines()
            .find(|line| line.starts_with("digest"))
            .map(str::to_owned)
    };

    let clean = bundle();
    let (at_commit, output) = told(&clean);
    check(&output, 0, "");
    assert!(
        at_commit.contains("commit") && !at_commit.contains("changed since"),
        "{at_commit}"
    );
    assert!(
        at_commit.contains("files     registry.yaml, policy.yaml"),
        "{at_commit}"
    );

    desk.write("policy.yaml", &format!("# a comment\n{POLICY}"));
    let (since, _) = told(&bundle());
    assert!(since.contains("changed since"), "{since}");
    assert_eq!(digest(&since), digest(&at_commit));

    let changed = String::from_utf8_lossy(&clean).replace("\"allow\"", "\"deny\"");
    check(
        &told(changed.as_bytes()).1,
        1,
        "the bundle was changed after it was made",
    );
    check(
        &told(b"{\"registry\":{},\"policy\":{}}").1,
        1,
        "bundle.digest",
    );
    check(
        &told(b"{\"registry\":{},\"policy\":{\"x\":1}}").1,
        2,
        "unknown field `x`",
    );
}

/// The YAML blocks of the README, in order.
fn readme() -> Vec<String> {
    let text = fs::read_to_string(tools::root().join("README.md")).expect("the README");
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_readme_says_what_works() {
    let desk = Desk::new("readme", free());
    let [rules, virtual_server] = readme().try_into().expect("two blocks");
    let shown = tools::root().join("policies/registry.yaml");
    let shown = fs::read_to_string(shown).expect("the demo's registry");
    desk.write("registry.yaml", &shown);
    desk.write("policy.yaml", &rules);
    let output = |command: &mut Command| command.output().expect("run");
    check(&output(&mut desk.command("bundle")), 0, "");
    desk.write("registry.yaml", &virtual_server);
    desk.write("policy.yaml", "rules: [{ tools: ['*'], decision: allow }]");
    check(&output(&mut desk.command("bundle")), 0, "");

    let text = fs::read_to_string(tools::root().join("README.md")).expect("the README");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let commands = rows.filter_map(|row| row.split('|').nth(1));
    let mut count = 0;
    for name in commands.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        count += 1;
        check(
            &output(Command::new(tools::toolgate()).args([name, "--help"])),
            0,
            "",
        );
    }
    assert!(count > 10, "the README names {count} commands");
}
