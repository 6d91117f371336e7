use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    cx::Memory,
    exchange::{Event, Step},
    http::{Edits, Peer},
    policy::Policy,
    record::{Attempts, End},
};

/// Saturday, 2026-11-21, 18:43:12 UTC.
const NOW: Timestamp = Timestamp(1_795_286_592_000_000_000);

fn policy(limits: &Value, service: &Value) -> Policy {
    let bundle = json!({
        "registry": {
            "servers": { "s": {} },
            "tools": [{
                "name": "t", "mcpServer": "s", "cost": 5, "inputSchema": { "type": "object" },
            }],
        },
        "policy": {
            "identity": {
                "agent": { "header": "x-agent", "trusted": true },
                "tenant": { "header": "x-tenant", "trusted": true },
            },
            "rate_limit_service": service,
            "rules": [{ "id": "r", "tool": "t", "decision": "allow", "limits": limits }],
        },
    });
    Policy::compile(Config::from_value(bundle)).expect("a policy")
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let pairs = pairs.iter();
    Headers::new(pairs.map(|(name, value)| ((*name).into(), (*value).into())))
}

/// A call of `agent` that was forwarded, and what is edited in it.
fn forwarded(limits: &Value, service: &Value, agent: &str, memory: &Memory) -> (Exchange, Edits) {
    let mut exchange = Exchange::new(Arc::new(policy(limits, service)));
    let mut head = vec![
        (":method", "POST"),
        (":path", "/mcp"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    if !agent.is_empty() {
        head.push(("x-agent", agent));
    }
    let head = Event::RequestHead {
        headers: headers(&head),
        peer: Peer::default(),
        end: false,
    };
    let cx = memory.at(NOW);
    assert!(matches!(exchange.on(head, &cx), Step::Hold));
    let bytes = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    match exchange.on(Event::RequestBody { bytes, end: true }, &cx) {
        Step::Forward(edits) => (exchange, edits),
        other => panic!("{other:?}"),
    }
}

/// What the service is asked about a call of `agent`: of each limit its name, key and hits.
#[track_caller]
fn check_asked(limits: &Value, agent: &str, expected: &[[&str; 3]]) {
    let (_, edits) = forwarded(limits, &json!({}), agent, &Memory::default());
    let state: BTreeMap<_, _> = edits.state.into_iter().collect();
    let asked = (1..).map_while(|place| {
        let part = |what: &str| state.get(&format!("toolgate_{what}_{place}")).cloned();
        Some([part("limit")?, part("key")?, part("hits")?])
    });
    assert_eq!(asked.collect::<Vec<_>>(), expected, "{limits}");
}

#[test]
fn the_service_is_asked_about_limits_of_all_envoys() {
    let all = |more: Value| {
        let mut limit = json!({ "id": "all", "scope": "global" });
        limit
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!([limit])
    };
    for (amount, period) in [
        ("requests_per_second", "2026-11-21T18:43:12"),
        ("requests_per_minute", "2026-11-21T18:43"),
        ("requests_per_hour", "2026-11-21T18"),
        ("requests_per_day", "2026-11-21"),
        ("requests_per_month", "2026-11"),
    ] {
        check_asked(&all(json!({ amount: 3 })), "a", &[["all", period, "1"]]);
    }
    for (amount, hits) in [
        ("cost_per_day", "5"),
        ("tokens_per_day", "0"),
        ("result_bytes_per_day", "0"),
    ] {
        check_asked(
            &all(json!({ amount: 9 })),
            "a",
            &[["all", "2026-11-21", hits]],
        );
    }
    let long = "a".repeat(300);
    let digest = format!(
        "2026-11;sha256={}",
        sha256(format!(";agent={long}").as_bytes())
    );
    for (per, agent, key) in [
        (json!("agent"), "cursor", "2026-11;agent=cursor"),
        (
            json!("agent"),
            "a;b=c/d%é",
            "2026-11;agent=a%3Bb%3Dc%2Fd%25%C3%A9",
        ),
        (json!("agent"), "", "2026-11;agent"),
        (json!("agent"), long.as_str(), digest.as_str()),
        (json!(["tenant", "agent"]), "a", "2026-11;agent=a;tenant"),
        (
            json!(["server", "tool"]),
            "a",
            "2026-11;tool=tool/t;server=s",
        ),
    ] {
        let limits = all(json!({ "per": per, "requests_per_month": 3 }));
        check_asked(&limits, agent, &[["all", key, "1"]]);
    }
    check_asked(&json!([{ "requests_per_day": 3 }]), "a", &[]);
    check_asked(
        &json!([
            { "requests_per_day": 3 },
            { "id": "one", "scope": "global", "requests_per_day": 3 },
            { "id": "two", "scope": "global", "cost_per_month": 3 },
        ]),
        "a",
        &[["one", "2026-11-21", "1"], ["two", "2026-11", "5"]],
    );
}

/// An answer's head with these headers, after limits of all Envoys by day and by minute, and a local
/// one: what the client gets, and what the record says of it.
#[track_caller]
fn check_answer(details: &str, added: &[(&str, &str)], service: &Value, expected: &Value) {
    let limits = json!([
        { "id": "day", "scope": "global", "requests_per_day": 100 },
        { "id": "minute", "scope": "global", "requests_per_minute": 3 },
        { "id": "loop", "scope": "global", "per": "call", "requests_per_minute": 2 },
        { "id": "here", "requests_per_day": 10 },
    ]);
    let memory = Memory::default();
    let (mut exchange, _) = forwarded(&limits, service, "a", &memory);
    let mut head = vec![(":status", "200"), ("content-type", "application/json")];
    head.extend(added);
    let mut step = exchange.on(
        Event::ResponseHead {
            headers: headers(&head),
            details: Some(details.to_owned()),
            end: false,
        },
        &memory.at(NOW),
    );
    if let Step::Hold = step {
        let bytes = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        step = exchange.on(Event::ResponseBody { bytes, end: true }, &memory.at(NOW));
    }
    let end = End {
        status: Some(200),
        details: Some(details.to_owned()),
        ..End::default()
    };
    let record = exchange.close(end, &memory.at(NOW)).record;
    let record: Value = serde_json::from_slice(&record).unwrap();
    let mut found = json!({
        "reason": record["reason"],
        "answer": record["rateLimitService"]["answer"],
        "mode": record["rateLimitService"]["failureMode"],
    });
    match step {
        Step::Forward(edits) => {
            let kept = edits.headers.into_iter().filter_map(|edit| match edit {
                HeaderEdit::Set(name, value) => Some(format!("{name}: {value}")),
                HeaderEdit::Remove(_) => None,
            });
            found["kept"] = kept.collect();
        }
        Step::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let denial = &body["result"]["_meta"]["toolgate/denial"];
            for fact in ["limit", "left", "retryAfterMs"] {
                found[fact] = denial[fact].clone();
            }
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(found, *expected, "{details} {added:?}");
    // A call that never reached its server counts for nothing here.
    let (exchange, _) = forwarded(&limits, service, "a", &memory);
    let record = exchange.close(End::default(), &memory.at(NOW)).record;
    let record: Value = serde_json::from_slice(&record).unwrap();
    let left = if expected.get("kept").is_some() { 8 } else { 9 };
    let here = record["limits"].as_array().unwrap().iter();
    let here = here.filter(|limit| limit["name"] == "here");
    assert_eq!(here.map(|limit| &limit["left"]).collect::<Vec<_>>(), [left]);
}

fn said<'a>(limit: &'a str, left: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", left),
        ("x-ratelimit-reset", "9"),
    ]
}

#[test]
fn what_the_service_says_is_told() {
    let (deny, allow) = (json!({}), json!({ "failure_mode": "allow" }));
    let all = "3, 100;w=86400, 3;w=60, 2;w=60";
    let passes = |answer: &str, mode: &str, kept: &[&str]| json!({ "reason": "rule", "answer": answer, "mode": mode, "kept": kept });
    check_answer(
        "via_upstream",
        &said(all, "2"),
        &deny,
        &passes("admitted", "deny", &[]),
    );
    check_answer("via_upstream", &[], &deny, &passes("none", "deny", &[]));
    check_answer("via_upstream", &[], &allow, &passes("none", "allow", &[]));
    // A server's own.
    let own = [("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "59")];
    check_answer("via_upstream", &own, &allow, &passes("none", "allow", &[]));
    let both: Vec<_> = own.into_iter().chain(said(all, "2")).collect();
    let kept = ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59"];
    check_answer(
        "via_upstream",
        &both,
        &deny,
        &passes("admitted", "deny", &kept),
    );

    let denied = |reason: &str, limit: &str, wait: u64| json!({ "reason": reason, "answer": "limited", "mode": "deny", "limit": limit, "left": 0, "retryAfterMs": wait });
    let limited = |all: &str, expected| {
        check_answer("request_rate_limited", &said(all, "0"), &deny, &expected);
    };
    limited("3, 3;w=60", denied("limit_reached", "minute", 48_000));
    limited("2, 2;w=60", denied("loop_detected", "loop", 48_000));
    limited(
        "100, 100;w=86400",
        denied("limit_reached", "day", 19_008_000),
    );
    // Where the service does not say which one: the soonest to be had again.
    let soonest = denied("limit_reached", "minute", 48_000);
    check_answer("request_rate_limited", &[], &deny, &soonest);
    let down = json!({ "reason": "limiter_unreachable", "answer": "none", "mode": "deny", "limit": "minute", "left": null, "retryAfterMs": 1_000 });
    check_answer("rate_limiter_error", &[], &deny, &down);
}

#[test]
fn the_service_hears_what_answers_count_for() {
    let limits = json!([
        { "id": "calls", "scope": "global", "requests_per_day": 9 },
        { "id": "bytes", "scope": "global", "result_bytes_per_minute": 9 },
    ]);
    let memory = Memory::default();
    for (details, owed) in [("via_upstream", true), ("cluster_not_found", false)] {
        let (mut exchange, _) = forwarded(&limits, &json!({}), "a", &memory);
        let head = Event::ResponseHead {
            headers: headers(&[(":status", "200"), ("content-type", "application/json")]),
            details: Some(details.to_owned()),
            end: false,
        };
        let _ = exchange.on(head, &memory.at(NOW));
        let bytes = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
        let _ = exchange.on(Event::ResponseBody { bytes, end: true }, &memory.at(NOW));
        let end = End {
            status: Some(200),
            details: Some(details.to_owned()),
            attempts: Some(Attempts {
                count: u64::from(owed),
                connected: owed,
            }),
            ..End::default()
        };
        let later = Timestamp(NOW.0 + 60_000_000_000);
        let state = exchange.close(end, &memory.at(later)).state;
        let expected = [
            ("toolgate_key_2", "2026-11-21T18:44"),
            ("toolgate_owed_2", "14"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            state,
            if owed { expected.to_vec() } else { Vec::new() },
            "{details}"
        );
    }
}
