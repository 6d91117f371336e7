use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Policy,
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Headers, Peer},
    record::{Attempts, End},
};

/// A gateway whose only tool, and its server, have these breakers.
fn policy(tool: &Value, server: &Value) -> Arc<Policy> {
    let bundle = json!({
        "registry": {
            "servers": { "s": { "breaker": server } },
            "tools": [{
                "name": "t", "mcpServer": "s", "inputSchema": { "type": "object" }, "breaker": tool,
            }],
        },
        "policy": {
            "identity": { "user": { "header": "x-user", "trusted": true } },
            "dry_run": { "user": true },
            "rules": [{ "tool": "t", "decision": "allow" }],
        },
    });
    Arc::new(Policy::compile(Config::from_value(bundle)).unwrap())
}

fn headers(list: &[(&str, &str)]) -> Headers {
    let list = list.iter();
    Headers::new(list.map(|(name, value)| ((*name).into(), (*value).into())))
}

/// How a call goes: it begins, it ends, and how.
struct Run<'a> {
    policy: &'a Arc<Policy>,
    memory: &'a Memory,
}

impl Run<'_> {
    fn begin(&self, now: Timestamp, meta: &str) -> (Exchange, Step) {
        let cx = self.memory.at(now);
        let mut exchange = Exchange::new(Arc::clone(self.policy));
        let head = Event::RequestHead {
            headers: headers(&[
                (":method", "POST"),
                (":path", "/mcp"),
                ("content-type", "application/json"),
                ("accept", "application/json, text/event-stream"),
                ("x-user", "ann"),
            ]),
            peer: Peer::default(),
            end: false,
        };
        let _ = exchange.on(head, &cx);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","_meta":{{{meta}}}}}}}"#
        );
        let body = Event::RequestBody {
            bytes: body.as_bytes(),
            end: true,
        };
        let step = exchange.on(body, &cx);
        (exchange, step)
    }

    /// Answers, or not, and closes; gives what the record says of breakers.
    fn end(&self, mut exchange: Exchange, how: &str, now: Timestamp) -> String {
        let cx = self.memory.at(now);
        let body = match how {
            "well" => Some(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#),
            "ill" => Some(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}"#),
            "fault" => Some(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":""}}"#),
            "wrong" => Some(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":""}}"#),
            _ => None,
        };
        let mut end = End::default();
        if let Some(body) = body {
            let head = headers(&[(":status", "200"), ("content-type", "application/json")]);
            let _ = exchange.on(
                Event::ResponseHead {
                    headers: head,
                    details: None,
                    end: false,
                },
                &cx,
            );
            let body = Event::ResponseBody {
                bytes: body.as_bytes(),
                end: true,
            };
            let _ = exchange.on(body, &cx);
            end.status = Some(200);
        }
        let mut local = |status: &str, details: &str, count| {
            let head = headers(&[(":status", status), ("content-type", "text/plain")]);
            let _ = exchange.on(
                Event::ResponseHead {
                    headers: head,
                    details: None,
                    end: true,
                },
                &cx,
            );
            end.status = status.parse().ok();
            end.details = Some(details.to_owned());
            end.attempts = Some(Attempts {
                count,
                connected: count > 0,
            });
        };
        match how {
            "gone" => end.details = Some("downstream_remote_disconnect".to_owned()),
            "down" => local(
                "503",
                "upstream_reset_before_response_started{remote_connection_failure}",
                1,
            ),
            "full" => local("503", "upstream_reset_before_response_started{overflow}", 1),
            "kept" => local("429", "request_rate_limited", 0),
            _ => {}
        }
        let closing = exchange.close(end, &cx);
        let record: Value = serde_json::from_slice(&closing.record).unwrap();
        shown(&record)
    }
}

/// `tool:t closed -> open`, each that changed; a refusal is `tool:t open`.
fn shown(record: &Value) -> String {
    let all = record["breakers"].as_array().into_iter().flatten();
    let shown = all.map(|it| {
        let text = |key: &str| it[key].as_str();
        let was = text("was").map_or(String::new(), |was| format!("{was} -> "));
        format!("{} {was}{}", text("name").unwrap(), text("state").unwrap())
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Each line: when a call begins, how many seconds later it ends, how, and what is said of breakers.
#[track_caller]
fn check(tool: &Value, server: &Value, lines: &[(&str, i64, &str, &str)]) {
    let (policy, memory) = (policy(tool, server), Memory::default());
    let run = Run {
        policy: &policy,
        memory: &memory,
    };
    for (when, seconds, how, expected) in lines {
        let now = at(when);
        let later = Timestamp(now.0 + seconds * 1_000_000_000);
        let (exchange, _) = run.begin(now, "");
        assert_eq!(run.end(exchange, how, later), *expected, "{when} {how}");
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-21T{text}Z")).unwrap()
}

#[test]
fn each_breaker_counts_what_is_its_own() {
    let three = json!({ "failures": 3 });
    check(
        &three,
        &three,
        &[
            ("10:00:00", 0, "ill", ""),
            ("10:00:00", 0, "well", ""),
            ("10:00:00", 0, "wrong", ""),
            ("10:00:01", 0, "fault", ""),
            ("10:00:02", 0, "down", "tool:t closed -> open"),
            ("10:00:03", 0, "", "tool:t open"),
            (
                "10:00:32",
                0,
                "down",
                "tool:t open -> half_open, tool:t half_open -> open, server:s closed -> open",
            ),
            ("10:00:33", 0, "", "tool:t open"),
            // The tool's probe is given back where the server's breaker refuses.
            ("10:01:01.5", 0, "", "tool:t open"),
            (
                "10:01:02",
                0,
                "well",
                "tool:t open -> half_open, server:s open -> half_open, tool:t half_open -> closed, server:s half_open -> closed",
            ),
            ("10:01:03", 0, "well", ""),
        ],
    );
}

#[test]
fn what_says_nothing_about_a_server_counts_for_nothing() {
    let one = json!({ "failures": 1 });
    check(
        &one,
        &json!({}),
        &[
            ("10:00:00", 0, "gone", ""),
            ("10:00:00", 0, "full", ""),
            ("10:00:00", 0, "kept", ""),
            ("10:00:00", 0, "fault", "tool:t closed -> open"),
            // Nor does it as a probe.
            ("10:00:30", 0, "gone", "tool:t open -> half_open"),
            ("10:00:30", 0, "full", ""),
            ("10:00:30", 0, "kept", ""),
            ("10:00:31", 0, "well", "tool:t half_open -> closed"),
        ],
    );
}

#[test]
fn late_answers_count_where_that_is_written() {
    let slow = json!({ "failures": 2, "slow": "5s", "on": [] });
    check(
        &slow,
        &json!({ "slow": "1m" }),
        &[
            ("10:00:00", 5, "fault", ""),
            ("10:00:10", 6, "well", ""),
            // Who does not wait for so long does not hide it.
            ("10:00:20", 6, "gone", "tool:t closed -> open"),
            (
                "10:01:00",
                6,
                "well",
                "tool:t open -> half_open, tool:t half_open -> open",
            ),
            (
                "10:01:36",
                1,
                "ill",
                "tool:t open -> half_open, tool:t half_open -> closed",
            ),
        ],
    );
}

#[test]
fn a_refused_probe_is_given_back() {
    let (policy, memory) = (
        policy(
            &json!({ "failures": 1, "open": "1s" }),
            &json!({ "failures": 1 }),
        ),
        Memory::default(),
    );
    let run = Run {
        policy: &policy,
        memory: &memory,
    };
    let (first, _) = run.begin(at("10:00:00"), "");
    let changed = "tool:t closed -> open, server:s closed -> open";
    assert_eq!(run.end(first, "down", at("10:00:00")), changed);
    // The server's breaker is open for longer.
    let expected = "tool:t open -> half_open, server:s open";
    let (refused, step) = run.begin(at("10:00:10"), "");
    assert!(matches!(step, Step::Reply(_)));
    assert_eq!(run.end(refused, "", at("10:00:10")), expected);
    let (refused, _) = run.begin(at("10:00:10.1"), "");
    assert_eq!(run.end(refused, "", at("10:00:10.1")), "server:s open");
}

#[test]
fn a_dry_run_is_told_and_changes_nothing() {
    let (policy, memory) = (
        policy(&json!({ "failures": 1 }), &json!({})),
        Memory::default(),
    );
    let run = Run {
        policy: &policy,
        memory: &memory,
    };
    let dry = r#""toolgate/dryRun":true"#;
    let said = |when: &str| {
        let (exchange, step) = run.begin(at(when), dry);
        let Step::Reply(reply) = step else {
            panic!("{step:?}")
        };
        let record = exchange.close(End::default(), &memory.at(at(when))).record;
        assert_eq!(shown(&serde_json::from_slice(&record).unwrap()), "");
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        let decision = &answer["result"]["_meta"]["toolgate/decision"];
        format!("{} {}", decision["decision"], decision["reason"]).replace('"', "")
    };
    assert_eq!(said("10:00:00"), "allow rule");
    let (first, _) = run.begin(at("10:00:00"), "");
    assert_eq!(
        run.end(first, "ill", at("10:00:00")),
        "tool:t closed -> open"
    );
    assert_eq!(said("10:00:01"), "deny breaker_open");
    let before = memory.values();
    assert_eq!(said("10:00:31"), "allow rule");
    assert_eq!(memory.values(), before);
}
