//! Servers that others have made, at one address, for clients that others have made: imported,
//! governed by `toolgate run`, and used as if they were one.

use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::envoy::{free_port, within};
use tests::running::Running;
use tests::script::CALLS;
use tests::tools;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_others_are_one_for_clients_of_others() {
    let desk = Desk::set().await;
    use_by_clients(&desk).await;
    use_by_inspector(&desk);
}

/// Every official client, in every era it speaks, on one session.
async fn use_by_clients(desk: &Desk) {
    let tool = |name: &str, arguments: Value| json!({ "name": name, "arguments": arguments });
    for client in CALLS {
        let who = format!("{client:?}").replace('"', "");
        let entity = json!({ "name": who, "entityType": "client", "observations": ["was here"] });
        let note = desk.path("files/note.txt");
        let uses = [
            (tool("get-sum", json!({ "a": 2, "b": 3 })), "2 and 3 is 5"),
            (tool("read_text_file", json!({ "path": note })), "Well kept"),
            (
                tool("create_entities", json!({ "entities": [entity] })),
                &who,
            ),
            (tool("open_nodes", json!({ "names": [who] })), "was here"),
            (
                tool("plan_trip", json!({ "city": "Riga", "days": 2 })),
                "Day 2 in Riga",
            ),
            (json!({ "read": DOCUMENT }), "Features"),
            (json!({ "read": "memory://knowledge-graph" }), "was here"),
            (json!({ "read": "trips://season" }), "May and September."),
            (json!({ "read": "trips://city/Riga" }), "its bridges"),
            (json!({ "prompt": "simple-prompt" }), "a simple prompt"),
            (
                json!({ "prompt": "packing_list", "arguments": { "city": "Riga" } }),
                "pack for Riga",
            ),
        ];
        let asked: Vec<&Value> = uses.iter().map(|(asked, _)| asked).collect();
        let told = client.run(&desk.url(), &json!(asked), None).await;
        let (listed, answers) = told.split_first().expect("a list of tools");
        for (_, tool) in SERVERS {
            let all = listed["tools"].as_array().expect("a list");
            assert!(all.contains(&json!(tool)), "{who}: no {tool} in {listed}");
        }
        assert_eq!(answers.len(), uses.len(), "{who}");
        for ((asked, words), answer) in uses.iter().zip(answers) {
            let result = &answer["result"];
            assert!(
                result["isError"] != true && result.to_string().contains(*words),
                "{who} {asked}: {answer}"
            );
        }
    }
}

/// The Inspector's command line: one session for each line.
fn use_by_inspector(desk: &Desk) {
    let note = format!("path={}", desk.path("files/note.txt"));
    let call = |tool, arguments: &[&'static str]| {
        let call = ["tools/call", "--tool-name", tool, "--tool-arg"];
        [&call[..], arguments].concat()
    };
    for (line, words) in [
        (vec!["tools/list"], "\"plan_trip\""),
        (vec!["tools/list"], "\"read_text_file\""),
        (call("get-sum", &["a=2", "b=3"]), "2 and 3 is 5"),
        (call("plan_trip", &["city=Riga", "days=2"]), "Day 2 in Riga"),
        (vec!["tools/call", "--tool-name", "read_graph"], "was here"),
        (
            vec![
                "tools/call",
                "--tool-name",
                "read_text_file",
                "--tool-arg",
                &note,
            ],
            "Well kept",
        ),
        (vec!["resources/list"], DOCUMENT),
        (vec!["resources/list"], "trips://season"),
        (vec!["resources/templates/list"], "trips://city/{name}"),
        (
            vec!["resources/read", "--uri", "trips://city/Riga"],
            "its bridges",
        ),
        (vec!["prompts/list"], "\"simple-prompt\""),
        (
            vec![
                "prompts/get",
                "--prompt-name",
                "packing_list",
                "--prompt-args",
                "city=Riga",
            ],
            "pack for Riga",
        ),
        (vec!["logging/setLevel", "--log-level", "debug"], ""),
    ] {
        let said = desk.inspector(&line);
        assert!(said.contains(words), "{line:?}: {said}");
    }
}

/// Four servers, a registry with what they offer, and `toolgate run` before them.
struct Desk {
    folder: TempDir,
    servers: Vec<Child>,
    running: Option<Running>,
}

impl Desk {
    async fn set() -> Self {
        let mut desk = Self {
            folder: TempDir::new().expect("a folder"),
            servers: Vec::new(),
            running: None,
        };
        fs::create_dir(desk.path("files")).expect("made");
        fs::write(desk.path("files/note.txt"), "Well kept.\n").expect("written");
        for (server, _) in SERVERS {
            let port = free_port();
            let log = File::create(desk.path(server)).expect("a file");
            let mut start = start(server, port, &desk);
            start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            desk.servers.push(start.spawn().expect("it starts"));
            within(PATIENCE, server, async || {
                TcpStream::connect(("127.0.0.1", port)).ok()
            })
            .await;
            let url = format!("http://127.0.0.1:{port}/mcp");
            desk.says(toolgate(&[
                "import", &url, "--into", REGISTRY, "--server", server,
            ]));
        }
        let imported = fs::read_to_string(desk.path(REGISTRY)).expect("imported");
        // The review: all but the planner know sessions alone.
        let mut reviewed = imported.replace("    url:", "    protocol: 2025-11-25\n    url:");
        if let Some(at) = reviewed.find("  planner:\n") {
            let planner = reviewed.split_off(at);
            reviewed += &planner.replacen("    protocol: 2025-11-25\n", "", 1);
        }
        fs::write(desk.path(REGISTRY), format!("{VIRTUAL}{reviewed}")).expect("written");
        fs::write(desk.path("policy.yaml"), POLICY).expect("written");
        desk.running = Some(Running::start(desk.folder.path()).await);
        desk
    }

    fn url(&self) -> String {
        let running = self.running.as_ref().expect("it runs");
        format!("http://{}/mcp", running.addr())
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// What a program prints that does what it should.
    fn says(&self, mut program: Command) -> String {
        let output = program.current_dir(&self.folder).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{program:?}: {said}");
        said
    }

    fn inspector(&self, method: &[&str]) -> String {
        let mut inspector = node("@modelcontextprotocol/inspector/clients/launcher/build");
        inspector.args(["--cli", &self.url(), "--transport", "http", "--method"]);
        inspector.args(method).env("HOME", self.folder.path());
        self.says(inspector)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// How a server is started on a port of loopback; what speaks over pipes is bridged, with a process
/// for each session.
fn start(server: &str, port: u16, desk: &Desk) -> Command {
    let port = port.to_string();
    let bridged = |command: &str| {
        let mut bridge = node("supergateway/dist");
        bridge.args(["--outputTransport", "streamableHttp", "--stateful"]);
        bridge.args(["--port", &port, "--stdio", command]);
        bridge
    };
    let program = |server: &str| format!("{} {}", tools::node().display(), package(server));
    match server {
        "everything" => {
            let mut everything = node("@modelcontextprotocol/server-everything/dist");
            everything.arg("streamableHttp").env("PORT", port);
            everything
        }
        "filesystem" => bridged(&format!(
            "{} {}",
            program("@modelcontextprotocol/server-filesystem/dist"),
            desk.path("files")
        )),
        "memory" => {
            let mut memory = bridged(&program("@modelcontextprotocol/server-memory/dist"));
            memory.env("MEMORY_FILE_PATH", desk.path("memory.jsonl"));
            memory
        }
        _ => {
            let mut planner = Command::new(tools::python(2));
            planner.arg(tools::client("planner.py")).arg(port);
            planner
        }
    }
}

/// Node with a package, kept to loopback.
fn node(package_folder: &str) -> Command {
    let mut node = Command::new(tools::node());
    node.arg("--import").arg(tools::client("loopback.mjs"));
    node.arg(package(package_folder));
    node
}

fn package(folder: &str) -> String {
    let file = tools::client("node_modules").join(folder).join("index.js");
    file.display().to_string()
}

fn toolgate(arguments: &[&str]) -> Command {
    let mut toolgate = Command::new(tools::toolgate());
    toolgate.args(arguments);
    toolgate
}

/// Each with one of its tools.
const SERVERS: [(&str, &str); 4] = [
    ("everything", "get-sum"),
    ("filesystem", "read_text_file"),
    ("memory", "open_nodes"),
    ("planner", "plan_trip"),
];

const REGISTRY: &str = "registry.yaml";
const VIRTUAL: &str = "virtual: { path: /mcp, name: desk, version: \"1\" }\n";
const POLICY: &str = "\
version: one
rules:
- { id: all, tools: ['*'], resources: ['*'], prompts: ['*'], decision: allow }
";
const DOCUMENT: &str = "demo://resource/static/document/features.md";

/// A busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
