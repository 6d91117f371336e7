//! Measures `toolgate replay`: a million records as a gateway writes them, on one core. Prints the
//! records read in a second of processor time and the most memory that was taken.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::tools;

const RECORDS: u64 = 1_000_000;

fn main() {
    let folder = folder();
    let (log, answer) = (folder.join("access.log"), folder.join("answer.json"));
    write(&log);
    let policies = tools::root().join("policies");
    let before = children();
    let started = Instant::now();
    let mut replay = Command::new(tools::toolgate())
        .arg("replay")
        .arg(&log)
        .arg("-r")
        .arg(policies.join("registry.yaml"))
        .arg("-p")
        .args([policies.join("policy.yaml"), policies.join("identity.yaml")])
        .args(["--format", "json"])
        .stdout(File::create(&answer).expect("a folder of our own"))
        .spawn()
        .expect("toolgate runs");
    let mut peak = 0;
    while replay.try_wait().expect("a child").is_none() {
        peak = peak.max(most_resident(replay.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (wall, processor) = (started.elapsed().as_secs_f64(), children() - before);
    let size = log.metadata().expect("the log").len();
    let told = std::fs::read(&answer).expect("an answer");
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    std::fs::remove_dir_all(&folder).expect("our own folder");
    assert_eq!(told["lines"], RECORDS, "{told}");
    assert_eq!(told["malformed"], 0, "{told}");
    let (changed, undecidable) = (&told["changed"], &told["undecidable"]);
    println!("replay of {RECORDS} records, {} MB", size / 1_000_000);
    println!("  {changed} changed, {undecidable} undecidable");
    println!(
        "  {:.0} records in a second of processor time ({processor:.1} s; {wall:.1} s on the clock)",
        RECORDS as f64 / processor
    );
    println!("  {peak} MB at most");
}

/// Calls of the sample registry by 2,000 people; one line in ten is no call that rules decided.
fn write(path: &std::path::Path) {
    let calls = [
        ("crm", "lookup_customer", "support-reads", "allow"),
        ("crm", "read_order_history", "support-reads", "allow"),
        ("crm", "create_support_ticket", "support-tickets", "allow"),
        ("payments", "refund_customer", "small-refunds", "allow"),
        (
            "payments",
            "refund_customer",
            "large-refunds",
            "approval_required",
        ),
        ("payments", "update_bank_details", "bank-details", "allow"),
    ];
    let mut log = BufWriter::new(File::create(path).expect("a folder of our own"));
    for n in 0..RECORDS {
        let (server, tool, rule, decision) = calls[(n * 7 % 6) as usize];
        let (hour, minute, second) = (n / 3_600 % 24, n / 60 % 60, n % 60);
        let mut record = json!({
            "timestamp": format!("2026-11-20T{hour:02}:{minute:02}:{second:02}.{:03}Z", n % 1_000),
            "traceId": format!("{:032x}", u128::from(n) << 64 | 0x5eed),
            "spanId": format!("{:016x}", n * 31),
            "requestId": format!("{n:08x}-1111-4222-8333-{n:012x}"),
            "sessionId": format!("{:032x}", n / 50),
            "jsonrpcId": n,
            "method": "tools/call",
            "protocolVersion": "2025-11-25",
            "userId": format!("user{}@example.com", n % 2_000),
            "agentId": "support-bot",
            "roles": [if n % 10 == 0 { "support_manager" } else { "support_agent" }],
            "scopes": ["crm:read", "crm:write", "payments:refund"],
            "environment": "prod",
            "source": "10.0.0.1:4242",
            "server": server,
            "toolName": tool,
            "riskTier": "low",
            "access": "read",
            "dataClassification": "confidential",
            "arguments": {
                "keys": ["customerId", "orderId", "amount"],
                "bytes": 123,
                "digest": format!("{:064x}", u128::from(n) * 0x9e37_79b9_7f4a_7c15),
            },
            "metaReason": "the customer \"asked\" for it",
            "decision": decision,
            "rule": rule,
            "matched": [rule],
            "reason": if decision == "allow" { "rule" } else { "approver_unreachable" },
            "policyVersion": "2026-10-01.1",
            "registryVersion": "2026-10-01.1",
            "policyDigest": format!("{:064x}", 5),
            "result": "ok",
            "status": 200,
            "details": "via_upstream",
            "bytesIn": 345,
            "bytesOut": 1_234,
            "upstreamCluster": server,
            "durationMs": 12.25,
            "filterUs": 88.1,
        });
        match n % 20 {
            0 => record["reason"] = json!("invalid_arguments"),
            1 => {
                record["method"] = json!("tools/list");
                record["reason"] = json!("protocol");
            }
            _ => {}
        }
        if decision != "allow" {
            record["approvers"] = json!(["finance_approver"]);
        }
        let time = record["timestamp"].as_str().unwrap_or_default();
        writeln!(log, r#"{{"time":"{time}","toolgate":{record}}}"#).expect("room for the log");
    }
    log.flush().expect("room for the log");
}

fn folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("toolgate-replay-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder of our own");
    folder
}

/// The most memory that a process has had, in megabytes.
fn most_resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1_000
}

/// Processor time of the children that have ended, in seconds: fields 16 and 17 of `proc_pid_stat(5)`,
/// in hundredths.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    let times = fields.split(' ').skip(13).take(2);
    times
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
