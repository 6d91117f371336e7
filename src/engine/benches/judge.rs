//! Judges `CALLS` calls under a configuration of `SIZE` tools and `SIZE` rules, each with `LIMITS`
//! limits, for callgrind to count: `make bench-engine` compares sizes by the difference between some
//! calls and none.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench is a program: it says no, and how it is used"
)]

use std::{hint::black_box, sync::Arc};

use engine::{
    config::Config,
    cx::{Memory, Timestamp},
    exchange::{Event, Exchange, Step},
    http::{Headers, Peer},
    policy::Policy,
    record::End,
};
use serde_json::{Value, json};

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.parse::<usize>().ok());
    let (Some(size), Some(calls), Some(limits)) = (numbers.next(), numbers.next(), numbers.next())
    else {
        println!("usage: judge SIZE CALLS LIMITS");
        return;
    };
    let policy = Arc::new(policy(size, limits));
    let body = call(size / 2);
    let memory = Memory::default();
    // The first call compiles its tool's schema.
    judge(&policy, &body, &memory);
    for _ in 0..calls {
        judge(&policy, &body, &memory);
    }
}

fn policy(size: usize, limits: usize) -> Policy {
    let schema: Value = json!({
        "type": "object",
        "required": ["customerId", "orderId", "amount", "reason"],
        "additionalProperties": false,
        "properties": {
            "customerId": { "type": "string", "minLength": 3 },
            "orderId": { "type": "string", "minLength": 3 },
            "amount": { "type": "number", "minimum": 0.01, "maximum": 5000 },
            "reason": { "type": "string", "minLength": 10, "maxLength": 500 },
        },
    });
    let tools: Vec<_> = (0..size)
        .map(|n| json!({
            "name": format!("tool_{n}"), "mcpServer": "s", "riskTier": "high", "access": "write",
            "inputSchema": schema,
        }))
        .collect();
    // One of each kind that people write; none is ever reached.
    let most = [
        json!({ "per": ["user", "agent"], "requests_per_hour": 1_000_000 }),
        json!({ "per": ["user", "agent", "call"], "requests_per_minute": 1_000_000 }),
        json!({ "per": "tenant", "cost_per_hour": 1_000_000, "burst": 1_000_000 }),
        json!({ "per": "tool", "result_bytes_per_hour": 1_000_000_000 }),
        json!({ "concurrent_calls": 1_000_000 }),
    ];
    let limits: Vec<_> = most.into_iter().take(limits).collect();
    let rules: Vec<_> = (0..size)
        .map(|n| {
            json!({
                "id": format!("rule_{n}"), "tools": [format!("tool_{n}")],
                "when": "args.amount <= 100", "decision": "allow", "limits": limits,
            })
        })
        .collect();
    let registry = json!({
        "version": "1", "servers": { "s": { "path": "/mcp", "endpoint": "/mcp" } }, "tools": tools,
    });
    let config = Config::join(
        vec![registry],
        vec![json!({ "version": "1", "rules": rules })],
    );
    let policy = Policy::compile_proven(config, String::new());
    policy.unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn call(tool: usize) -> Vec<u8> {
    let arguments = json!({
        "customerId": "C-1024", "orderId": "O-77-2026", "amount": 42.5,
        "reason": "The customer returned the item unopened.",
    });
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": format!("tool_{tool}"), "arguments": arguments },
    })
    .to_string()
    .into_bytes()
}

fn judge(policy: &Arc<Policy>, body: &[u8], memory: &Memory) {
    let cx = memory.at(Timestamp(1_790_000_000_000_000_000));
    let pairs = [
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", "gw"),
        (":scheme", "http"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let headers = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let mut exchange = Exchange::new(Arc::clone(policy));
    let head = Event::RequestHead {
        headers: Headers::new(headers),
        peer: Peer::default(),
        end: false,
    };
    assert!(matches!(exchange.on(head, &cx), Step::Hold));
    let step = exchange.on(
        Event::RequestBody {
            bytes: body,
            end: true,
        },
        &cx,
    );
    assert!(matches!(step, Step::Forward(_)), "{step:?}");
    black_box(exchange.close(End::default(), &cx));
}
