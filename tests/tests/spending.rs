//! What teams spent, as `policies/spending.md` says to find it out: its commands, typed into a shell
//! over the access log of a real Envoy, say what it says they say.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::bundle::bundle;
use tests::client::{self, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::recorder::Recorder;
use tests::tools;

/// The page's blocks of one language, in order.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let begin = format!("```{language}\n");
    let after = page.split(&begin).skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

/// Tools with prices, and some teams and agents that the policy names.
fn configuration() -> String {
    let tool = |name: &str, server: &str| {
        json!({ "name": name, "mcpServer": server, "riskTier": "low", "access": "read",
                "inputSchema": { "type": "object", "properties": { "pages": { "type": "integer" } } } })
    };
    let mut crawl = tool("crawl", "crawler");
    crawl["cost"] = json!("1 + args.pages * 10");
    let registry = json!({
        "servers": { "crawler": { "endpoint": "/crawler" }, "down": { "endpoint": "/down" } },
        "tools": [crawl, tool("search", "crawler"), tool("broken", "down")],
    });
    let header = |name: &str| json!({ "header": name, "trusted": true });
    let policy = json!({
        "identity": { "tenant": header("x-team"), "agent": header("x-agent"), "user": header("x-user") },
        "rules": [
            { "tools": "*", "decision": "allow" },
            { "tools": "*", "tenants": ["acme", "globex"],
              "require": { "agent": ["support-bot", "sales-bot"] }, "decision": "allow" },
        ],
    });
    bundle(&registry, &policy)
}

/// `team/agent tool PAGES`, and the status of the answer.
async fn call(envoy: &Envoy, line: &str) -> u16 {
    let mut words = line.split(' ');
    let mut word = || words.next().expect("a word");
    let (team, agent) = word().split_once('/').expect("team/agent");
    let (tool, pages) = (word(), word().parse::<i64>().expect("pages"));
    let path = if tool == "broken" {
        "/down"
    } else {
        "/crawler"
    };
    let params = json!({ "name": tool, "arguments": { "pages": pages } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut request = Request::post(path, message.to_string()).header("x-user", "ann");
    for (name, value) in [("x-team", team), ("x-agent", agent)] {
        if value != "-" {
            request = request.header(name, value);
        }
    }
    let answer = client::send(envoy.addr(), &request).await;
    answer.expect("an answer").status
}

/// What a shell says that finds the tools and the log.
fn types(folder: &Path, month: &str, script: &str) -> String {
    let tools = tools::root().join(".tools/bin").canonicalize();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env(
            "PATH",
            format!("{}:{path}", tools.expect("installed").display()),
        )
        .env("MONTH", month)
        .current_dir(folder)
        .output()
        .expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{script}\n{said}"
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .replace('\r', "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_tells_what_each_team_s_agents_spent() {
    let page = fs::read_to_string(tools::root().join("policies/spending.md")).expect("the page");
    let upstream = Recorder::start().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let down = nobody.local_addr().expect("bound");
    drop(nobody);
    let servers = [("crawler", upstream.addr()), ("down", down)];
    let gateway = Gateway::toolgate(configuration(), &servers);
    let envoy = Envoy::start(&Setup::one(gateway)).await;
    let calls = [
        ("acme/support-bot crawl 3", 200),
        ("acme/support-bot crawl 3", 200),
        ("acme/support-bot search 0", 200),
        ("acme/sales-bot crawl 11", 200),
        ("globex/support-bot search 0", 200),
        ("initech/clerk-bot search 0", 200),
        ("-/- search 0", 200),
        // Nothing of this came to its server: an unknown tool, a cost below zero, nobody there.
        ("acme/support-bot nope 0", 200),
        ("acme/support-bot crawl -1", 200),
        ("acme/support-bot broken 0", 503),
    ];
    for (line, status) in calls {
        assert_eq!(call(&envoy, line).await, status, "{line}");
    }
    let log = envoy.wait_access_log(0, calls.len()).await;

    // What else a log holds: another month, a request that died with its VM, a line cut off.
    let folder = tempfile::tempdir().expect("a folder");
    let month = log[0]["toolgate"]["timestamp"].as_str().expect("a time")[..7].to_owned();
    let mut lines: Vec<String> = log.iter().map(ToString::to_string).collect();
    lines.push(lines[0].replace(&month, "2024-02"));
    lines.push(r#"{"time":"2026-10-01T00:00:00.000Z","toolgate":-}"#.to_owned());
    lines.push(lines[0][..40].to_owned());
    fs::write(folder.path().join("access.log"), lines.join("\n")).expect("written");

    let [last_month, commands @ ..] = &blocks(&page, "sh")[..] else {
        panic!("no commands");
    };
    let answers = blocks(&page, "text");
    assert_eq!((commands.len(), answers.len()), (2, 2));
    for (command, answer) in commands.iter().zip(answers) {
        let script = format!("{last_month}\n{command}");
        assert_eq!(types(folder.path(), &month, &script), answer, "{script}");
    }
    let last = types(folder.path(), "", &format!("{last_month}\necho \"$MONTH\""));
    assert!(
        last.len() == 8 && last.starts_with("20") && last.trim_end() < &*month,
        "{last}"
    );

    let metrics = envoy.prometheus().await;
    let count = |name: &str, labels: &str| {
        let line = format!("toolgate_{name}_total{{{labels}}} ");
        let found = metrics.lines().find_map(|found| found.strip_prefix(&line));
        found.unwrap_or("none").to_owned()
    };
    let tool = |tool| format!("toolgate_server=\"crawler\",toolgate_tool=\"{tool}\"");
    let caller = |team, agent| {
        format!(
            "toolgate_tenant=\"{team}\",toolgate_app=\"-\",toolgate_agent=\"{agent}\",toolgate_user=\"other\""
        )
    };
    for (name, labels, expected) in [
        ("cost_units", tool("crawl"), "173"),
        ("cost_units", tool("search"), "4"),
        ("caller_cost_units", caller("acme", "support-bot"), "63"),
        ("caller_cost_units", caller("acme", "sales-bot"), "111"),
        ("caller_cost_units", caller("globex", "support-bot"), "1"),
        // Whom the configuration does not name has no series.
        ("caller_cost_units", caller("other", "other"), "1"),
        ("caller_cost_units", caller("initech", "clerk-bot"), "none"),
        ("caller_cost_units", caller("-", "-"), "1"),
    ] {
        assert_eq!(count(name, &labels), expected, "{name} {labels}\n{metrics}");
    }
    for name in ["result_bytes", "estimated_tokens"] {
        let of_tool = count(name, &tool("search"))
            .parse::<u64>()
            .expect("a number");
        let of_caller = count(&format!("caller_{name}"), &caller("globex", "support-bot"));
        assert_eq!(
            of_tool,
            4 * of_caller.parse::<u64>().expect("a number"),
            "{name}"
        );
    }
}
