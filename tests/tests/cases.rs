//! Sends the case corpus through a real Envoy, to a server that records what reaches it; what the
//! filter recorded of a case is what `toolgate test` and `toolgate explain` say of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tests::client::{self, Request};
use tests::envoy::{Envoy, Gateway, Setup};
use tests::recorder::{Answer, Recorder};
use tests::tools;

#[path = "../corpus/model.rs"]
mod model;
#[path = "../corpus/trials.rs"]
mod trials;

use model::{Case, Group, Seen};

#[tokio::test]
async fn every_case() {
    let next = Arc::new(Mutex::new(Answer::body("text/plain", "")));
    let script = Arc::clone(&next);
    let upstream = Recorder::scripted(move |_| script.lock().expect("no holder panics").clone());
    let upstream = upstream.await;
    let groups = model::groups(&tools::root().join("tests/cases"));
    let gateways = groups
        .iter()
        .map(|(_, group)| gateway(group, &upstream))
        .collect();
    let envoy = Envoy::start(&Setup {
        gateways,
        concurrency: 1,
    })
    .await;

    let mut wrong = Vec::new();
    for (index, (file, group)) in groups.iter().enumerate() {
        let mut records = Vec::new();
        assert!(
            !group.cases.is_empty(),
            "{file} ({}) has no cases",
            group.about
        );
        for (done, case) in group.cases.iter().enumerate() {
            *next.lock().expect("no holder panics") = answer(case);
            upstream.clear();
            let mut seen = run(&envoy, index, case).await;
            // Whatever was forwarded came before the answer.
            seen.forwarded = upstream.seen().pop().map(|seen| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let mut headers: BTreeMap<_, _> = seen
                    .headers
                    .iter()
                    .map(|(n, v)| (n.clone(), text(v)))
                    .collect();
                headers.insert(":path".to_owned(), seen.path);
                (headers, seen.body)
            });
            let lines = envoy.wait_access_log(index, done + 1).await;
            seen.record = lines[done]["toolgate"].clone();
            records.push(seen.record.clone());
            // Envoy takes the header away once it has routed by it; where to, it says itself.
            let cluster = seen.record["upstreamCluster"].as_str().map(str::to_owned);
            if let (Some((headers, _)), Some(cluster)) = (&mut seen.forwarded, cluster) {
                headers.insert("x-toolgate-cluster".to_owned(), cluster);
            }
            let differences = case.differences(&seen);
            if !differences.is_empty() {
                wrong.push(format!(
                    "{file}: {}:\n  {}",
                    case.name,
                    differences.join("\n  ")
                ));
            }
        }
        wrong.extend(trials::differences(file, group, &records));
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Nothing that is only tried changes a byte of what clients and servers get.
#[tokio::test]
async fn every_case_beside_a_hostile_shadow() {
    let next = Arc::new(Mutex::new(Answer::body("text/plain", "")));
    let script = Arc::clone(&next);
    let upstream = Recorder::scripted(move |_| script.lock().expect("no holder panics").clone());
    let upstream = upstream.await;
    let groups = model::groups(&tools::root().join("tests/cases"));
    let every = json!(["*"]);
    let hostile = json!({ "rules": [
        { "id": "all", "tools": every, "resources": every, "prompts": every, "decision": "deny" },
    ] });
    let beside = groups.iter().map(|(_, group)| Group {
        shadow: Some(hostile.clone()),
        ..group.clone()
    });
    let alone = groups.iter().map(|(_, group)| Group {
        shadow: None,
        ..group.clone()
    });
    let gateways = alone.chain(beside).map(|group| gateway(&group, &upstream));
    let envoy = Envoy::start(&Setup {
        gateways: gateways.collect(),
        concurrency: 1,
    })
    .await;
    for (index, (file, group)) in groups.iter().enumerate() {
        // Whoever asks for a dry run is told of what is tried.
        for case in group.cases.iter().filter(|_| file != "dryrun") {
            *next.lock().expect("no holder panics") = answer(case);
            let mut seen = Vec::new();
            for index in [index, groups.len() + index] {
                upstream.clear();
                let mut answer = run(&envoy, index, case).await;
                for name in ["date", "x-request-id", "x-envoy-upstream-service-time"] {
                    answer.headers.remove(name);
                }
                let forwarded: Vec<_> = upstream.seen().into_iter().map(|it| it.body).collect();
                let body = String::from_utf8_lossy(&answer.body);
                let all = format!(
                    "{} {:?} {body} {forwarded:?}",
                    answer.status, answer.headers
                );
                seen.push(all.replace(&envoy.gateway(index).to_string(), "gateway"));
            }
            assert_eq!(seen[0], seen[1], "{file}: {}", case.name);
        }
    }
}

/// A gateway under the group's configuration, with every cluster at the one recorder.
fn gateway(group: &Group, upstream: &Recorder) -> Gateway {
    let servers = group.registry["servers"].as_object().expect("servers");
    let clusters: Vec<_> = servers
        .keys()
        .map(|name| (name.as_str(), upstream.addr()))
        .collect();
    Gateway::toolgate(group.bundle().to_string(), &clusters)
}

fn answer(case: &Case) -> Answer {
    let (status, headers, body) = case.upstream.wire();
    Answer {
        status,
        headers,
        ..Answer::body("", body)
    }
}

async fn run(envoy: &Envoy, index: usize, case: &Case) -> Seen {
    let (method, path, headers, body) = case.request.wire();
    let mut request = Request::new(&method, &path);
    for (name, value) in headers {
        request = request.header(&name, value);
    }
    if method == "POST" || !body.is_empty() {
        request = request.body(body);
    }
    let answer = client::send(envoy.gateway(index), &request)
        .await
        .expect("an answer");
    let headers = answer.headers.iter();
    Seen {
        status: answer.status,
        headers: headers
            .map(|(n, v)| (n.clone(), String::from_utf8_lossy(v).into_owned()))
            .collect(),
        body: answer.body,
        ..Seen::default()
    }
}
