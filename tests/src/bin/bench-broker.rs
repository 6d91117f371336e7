//! What a virtual server costs before 100 servers of 100 tools each: a page of `tools/list` beside
//! the same bytes that Envoy answers with by itself, and a call with 1, 100 and 10,000 tools.
//!
//! One Envoy with one worker runs all of them; rounds are interleaved, so that a busy machine is busy
//! for each alike. What counts are the ratios. `bench-broker [ROUNDS [SECONDS]]`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tests::bundle;
use tests::client::{self, Request, Response};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::load::{self, Measured};
use tests::message::{call, modern};
use tests::serve::Served;

/// One contestant: its gateway, and what it is asked.
struct Contestant {
    name: String,
    gateway: Gateway,
    request: Request,
    expected: fn(&Response) -> bool,
}

// One thread for clients and server, one for Envoy.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().ok());
    let rounds = arguments.next().flatten().unwrap_or(5);
    let time = Duration::from_secs(arguments.next().flatten().unwrap_or(2));
    let served = Served::start(server(), 0).expect("loopback has ports");
    let server = served.addr();

    for page in [100, 1_000] {
        let gateway = Gateway::toolgate(bundle(100, page), &[("servers", server)]);
        let list = |cursor: Option<&str>| {
            let params = cursor.map_or(json!({}), |cursor| json!({ "cursor": cursor }));
            Request::modern("/mcp", &modern("tools/list", params))
        };
        let alone = Envoy::start(&Setup::one(gateway.clone())).await;
        let first = walk(&alone, &list, page).await;
        let pages = [
            ("first", list(None)),
            ("later", list(Some(&cursor(&first)))),
        ];
        let mut contestants = vec![Contestant {
            name: "static".into(),
            gateway: fixed(&first.text()),
            request: Request::new("GET", "/mcp"),
            expected: listed,
        }];
        contestants.extend(pages.map(|(name, request)| Contestant {
            name: format!("{name} page"),
            gateway: gateway.clone(),
            request,
            expected: listed,
        }));
        drop(alone);
        let size = first.body.len() / 1_000;
        compare(
            &format!("pages of {page}, {size} kB"),
            contestants,
            rounds,
            time,
        )
        .await;
    }

    let contestants = [1, 10, 100].map(|servers| Contestant {
        name: format!("{} tools", servers * servers),
        gateway: Gateway::toolgate(bundle(servers, 1_000), &[("servers", server)]),
        request: call("s0.tool_0", &json!({ "customerId": "C-1", "amount": 1 })),
        expected: settled,
    });
    compare("calls", contestants.into(), rounds, time).await;
}

/// Walks all pages; gives the first.
async fn walk(envoy: &Envoy, list: &dyn Fn(Option<&str>) -> Request, page: usize) -> Response {
    let mut tools = 0;
    let mut next = None;
    let mut first = None;
    loop {
        let answer = client::send(envoy.gateway(0), &list(next.as_deref())).await;
        let answer = answer.expect("an answer");
        let result = &answer.json()["result"];
        let shown = result["tools"].as_array().expect("tools").len();
        next = result["nextCursor"].as_str().map(str::to_owned);
        assert!(shown == page || next.is_none(), "{shown} tools in a page");
        tools += shown;
        first.get_or_insert(answer);
        if next.is_none() {
            break;
        }
    }
    assert_eq!(tools, 10_000);
    first.expect("a page")
}

fn cursor(page: &Response) -> String {
    let cursor = &page.json()["result"]["nextCursor"];
    cursor.as_str().expect("there is more").to_owned()
}

async fn compare(label: &str, contestants: Vec<Contestant>, rounds: u64, time: Duration) {
    let envoy = Envoy::start(&Setup {
        gateways: contestants.iter().map(|it| it.gateway.clone()).collect(),
        concurrency: 1,
    })
    .await;
    let mut runs: Vec<Vec<Measured>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds as usize {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let it = &contestants[index];
            let to = envoy.gateway(index);
            let run = load::run(to, &it.request, 1, time, it.expected).await;
            assert_eq!(run.failures.first(), None, "{}", it.name);
            // The first round warms up.
            if round > 0 {
                runs[index].push(run);
            }
        }
    }
    println!("\n{label}, 1 connection");
    println!("{:<14} {:>14} {:>18}", "", "answers/s", "p50 µs");
    let figures = runs.iter().map(|runs| {
        let p50 = |run: &Measured| run.percentile(0.5).as_secs_f64() * 1e6;
        [median(runs, Measured::rate), median(runs, p50)]
    });
    let figures: Vec<_> = figures.collect();
    for (it, row) in contestants.iter().zip(&figures) {
        let cell = |at: usize| format!("{:.0} ({:.2})", row[at], row[at] / figures[0][at]);
        println!("{:<14} {:>14} {:>18}", it.name, cell(0), cell(1));
    }
}

fn median(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn listed(answer: &Response) -> bool {
    answer.status == 200 && answer.body.len() > 10_000
}

fn settled(answer: &Response) -> bool {
    answer.status == 200 && answer.text().contains("settled")
}

/// Envoy itself answers with this.
fn fixed(text: &str) -> Gateway {
    let body = json!({ "status": 200, "body": { "inline_string": text } });
    let json = json!({ "header": { "key": "content-type", "value": "application/json" } });
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    Gateway {
        route: json!({ "route": null, "direct_response": body, "response_headers_to_add": [json] }),
        ..Gateway::plain(nowhere)
    }
}

/// So many servers with so many tools each, and a rule for each server.
fn bundle(servers: usize, page: usize) -> String {
    let ids = || (0..servers).map(|server| format!("s{server}"));
    let declared = ids().map(|id| (id, json!({ "cluster": "servers", "path": "/mcp" })));
    let tools = ids().flat_map(|id| (0..servers).map(move |tool| described(&id, tool)));
    let registry = json!({
        "version": "1",
        "virtual": { "path": "/mcp", "name": "bench", "pageSize": page },
        "servers": Value::Object(declared.collect()),
        "tools": tools.collect::<Vec<_>>(),
    });
    let rules = ids().map(|id| {
        json!({
            "id": id, "server": id, "tools": ["*"], "when": "args.amount <= 100",
            "decision": "allow",
        })
    });
    let policy = json!({ "version": "1", "rules": rules.collect::<Vec<_>>() });
    bundle::bundle(&registry, &policy)
}

fn described(server: &str, tool: usize) -> Value {
    json!({
        "name": format!("{server}.tool_{tool}"), "mcpTool": format!("tool_{tool}"), "mcpServer": server,
        "title": format!("Tool {tool}"),
        "description": "Credits an amount to a customer's account, and tells the new balance. The customer \
            is told by mail.",
        "inputSchema": {
            "type": "object",
            "required": ["customerId", "amount"],
            "additionalProperties": false,
            "properties": {
                "customerId": { "type": "string", "minLength": 3, "description": "As `C-1024`." },
                "amount": { "type": "number", "minimum": 0.01, "description": "In euros." },
                "reason": { "type": "string", "maxLength": 500 },
            },
        },
    })
}

/// Answers every call at once.
fn server() -> Router {
    let answer = json!({
        "jsonrpc": "2.0", "id": 1,
        "result": {
            "resultType": "complete",
            "content": [{ "type": "text", "text": "settled" }],
            "isError": false,
        },
    })
    .to_string();
    Router::new().fallback(move |_body: axum::body::Bytes| {
        let answer = answer.clone();
        async move { ([(CONTENT_TYPE, "application/json")], answer) }
    })
}
