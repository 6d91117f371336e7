//! What operators see: one audit record for each request however it ends, and metrics with labels.

use serde_json::{Value, json};
use tests::bundle::bundle;
use tests::client::{self, Connection, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::recorder::Recorder;

fn configuration() -> String {
    let schema = json!({ "type": "object", "additionalProperties": false });
    let tool = |name: &str, server: &str| {
        json!({ "name": name, "mcpServer": server, "riskTier": "low", "access": "read",
                "timeout": "1s", "inputSchema": schema })
    };
    let registry = json!({
        "version": "r1",
        "servers": {
            "up": { "endpoint": "/mcp" }, "down": { "endpoint": "/down" },
            "mute": { "endpoint": "/mute" },
        },
        "tools": [tool("fast", "up"), tool("slow", "mute"), tool("broken", "down")],
    });
    let rules = json!([{ "id": "all", "tools": ["*"], "decision": "allow" }]);
    bundle(
        &registry,
        &json!({ "version": "p1", "environment": "test", "rules": rules }),
    )
}

fn call(path: &str, tool: &str, arguments: &Value) -> Request {
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    Request::post(path, message.to_string())
}

struct Seen {
    envoy: Envoy,
    count: usize,
}

impl Seen {
    /// The record of the next request, which must have these members; `null`: it must not.
    #[track_caller]
    fn check(&self, record: &Value, expected: &Value) {
        for (key, value) in expected.as_object().expect("members") {
            assert_eq!(&record[key], value, "{key} in {record:#}");
        }
        for key in ["timestamp", "decision", "reason", "result", "policyVersion"] {
            assert!(record[key].is_string(), "{key} in {record:#}");
        }
    }

    async fn next(&mut self, expected: Value) -> Value {
        self.count += 1;
        let lines = self.envoy.wait_access_log(0, self.count).await;
        let record = lines[self.count - 1]["toolgate"].clone();
        self.check(&record, &expected);
        record
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_leaves_one_record_and_is_counted() {
    let upstream = Recorder::start().await;
    let port = || std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = |port: &std::net::TcpListener| port.local_addr().expect("bound");
    // Connections wait in the backlog of one, and find nobody at the other.
    let (mute, nobody) = (port(), port());
    let servers = [
        ("up", upstream.addr()),
        ("mute", address(&mute)),
        ("down", address(&nobody)),
    ];
    drop(nobody);
    let gateway = Gateway::toolgate(configuration(), &servers);
    let mut seen = Seen {
        envoy: Envoy::start(&Setup::one(gateway)).await,
        count: 0,
    };
    let to = seen.envoy.addr();
    let none = json!({});

    let answer = client::send(to, &call("/mcp", "fast", &none))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200);
    let record = seen
        .next(json!({
            "decision": "allow", "reason": "rule", "rule": "all", "result": "ok", "status": 200,
            "server": "up", "toolName": "fast", "method": "tools/call", "jsonrpcId": 1,
            "riskTier": "low", "access": "read", "environment": "test", "policyVersion": "p1",
            "registryVersion": "r1", "upstreamCluster": "up", "approver": null,
        }))
        .await;
    for key in ["durationMs", "filterUs", "bytesIn", "bytesOut"] {
        assert!(
            record[key].as_f64().is_some_and(|number| number > 0.0),
            "{key} in {record:#}"
        );
    }
    assert_eq!(record["policyDigest"].as_str().map(str::len), Some(64));
    assert_eq!(
        record["arguments"]["digest"].as_str().map(str::len),
        Some(64)
    );
    assert_eq!(
        record["source"]
            .as_str()
            .map(|s| s.starts_with("127.0.0.1:")),
        Some(true)
    );

    // Denied by the contract, by name, by form.
    client::send(to, &call("/mcp", "fast", &json!({ "x": 1 })))
        .await
        .expect("an answer");
    seen.next(json!({ "decision": "deny", "reason": "invalid_arguments", "result": "denied" }))
        .await;
    client::send(to, &call("/mcp", "nope", &none))
        .await
        .expect("an answer");
    seen.next(json!({ "decision": "deny", "reason": "unregistered", "toolName": "nope" }))
        .await;
    client::send(to, &Request::post("/mcp", "{"))
        .await
        .expect("an answer");
    seen.next(json!({ "decision": "deny", "reason": "syntax", "status": 400, "server": "up" }))
        .await;

    // The upstream is not there, or takes too long.
    let answer = client::send(to, &call("/down", "broken", &none))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 503);
    seen.next(json!({ "decision": "allow", "result": "transport_error", "status": 503 }))
        .await;
    let answer = client::send(to, &call("/mute", "slow", &none))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 504, "{answer:?}");
    seen.next(json!({ "decision": "allow", "result": "transport_error", "status": 504 }))
        .await;

    // The client goes away, before the end of its request and while it waits.
    for (path, tool, missing, active, decision) in [
        (
            "/mcp",
            "fast",
            5,
            "http.gateway-0.downstream_rq_active",
            "deny",
        ),
        (
            "/mute",
            "slow",
            0,
            "cluster.mute.upstream_rq_active",
            "allow",
        ),
    ] {
        let bytes = call(path, tool, &none).bytes("gw");
        let mut connection = Connection::open(to).await.expect("a connection");
        connection
            .write(&bytes[..bytes.len() - missing])
            .await
            .expect("sent");
        seen.envoy.wait_stat(active, 1).await;
        drop(connection);
        seen.next(json!({ "result": "client_abort", "decision": decision }))
            .await;
    }

    // What Envoy's codec refuses never reaches the filter.
    let answer =
        client::send_bytes(to, b"POST /mcp HTTP/1.1\r\nhost: gw\r\nbad header\r\n\r\n").await;
    assert_eq!(answer.expect("an answer").status, 400);
    seen.next(json!({ "reason": "rejected_by_envoy", "result": "rejected", "server": null }))
        .await;

    let prometheus = seen.envoy.prometheus().await;
    for (tool, decision, reason) in [
        ("fast", "allow", "rule"),
        ("fast", "deny", "invalid_arguments"),
        ("-", "deny", "unregistered"),
    ] {
        let line = format!(
            "toolgate_calls_total{{toolgate_server=\"up\",toolgate_tool=\"{tool}\",\
             toolgate_method=\"tools/call\",toolgate_decision=\"{decision}\",\
             toolgate_reason=\"{reason}\"}} 1"
        );
        assert!(
            prometheus.contains(&line),
            "{line}\nin\n{}",
            ours(&prometheus)
        );
    }
    for name in [
        "toolgate_call_duration_ms_bucket",
        "toolgate_filter_duration_us_bucket",
        "toolgate_config_loaded",
    ] {
        assert!(
            prometheus.contains(name),
            "{name} in\n{}",
            ours(&prometheus)
        );
    }
}

fn ours(prometheus: &str) -> String {
    prometheus
        .lines()
        .filter(|line| line.contains("toolgate"))
        .take(60)
        .collect::<Vec<_>>()
        .join("\n")
}
