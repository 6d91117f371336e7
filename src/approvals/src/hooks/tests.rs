mod scene;

use cloudevents::{AttributesReader as _, Data, Event as CloudEvent};
use engine::approval::Ask;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;

use super::*;
use crate::store::{Entry, Event, State};
use scene::{SECRET, Scene, hook};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

#[tokio::test]
async fn what_is_told_is_signed_and_told_once() {
    let whsec = format!("whsec_{}", BASE64);
    let scene = Scene::new(
        &[
            hook("json", "json", "/ok"),
            json!({
                "id": "events", "url": "{receiver}/ok", "format": "cloudevents",
                "secret": { "file": "new" }, "previous_secret": { "file": "secret" },
            }),
            json!({ "id": "slack", "url": { "file": "address" }, "format": "slack" }),
        ],
        &[("new", &whsec), ("address", "{receiver}/ok")],
    )
    .await;
    scene.open(1).await;
    assert_eq!(scene.round(now()).await, 3);
    assert_eq!(scene.round(now()).await, 0, "once");
    let raw = Verifier::from_bytes(SECRET.as_bytes().to_vec()).unwrap();
    let new = Verifier::new(&whsec).unwrap();
    let heard = scene.heard("/ok");
    let find = |kind: &str| {
        let mut of = heard.iter().filter(|heard| heard.kind() == kind);
        of.find(|heard| heard.headers.contains_key("webhook-id"))
            .unwrap()
    };
    let (json, event) = (
        find("application/json"),
        find("application/cloudevents+json; charset=utf-8"),
    );
    for (heard, verifier, holds) in [
        (json, &raw, true),
        (json, &new, false),
        (event, &raw, true),
        (event, &new, true),
    ] {
        let verified = verifier.verify(&heard.body, &heard.headers);
        assert_eq!(verified.is_ok(), holds, "{heard:?} {verified:?}");
    }
    let mut altered = json.body.clone();
    altered.push(b' ');
    assert!(raw.verify(&altered, &json.headers).is_err());
    let parsed: CloudEvent = serde_json::from_slice(&event.body).unwrap();
    assert_eq!(parsed.id(), event.headers["webhook-id"].to_str().unwrap());
    let slack = heard
        .iter()
        .filter(|heard| !heard.headers.contains_key("webhook-id"));
    assert_eq!(slack.count(), 1, "Slack has no use for a signature");
}

#[tokio::test]
async fn what_fails_is_tried_until_it_is_taken() {
    let scene = Scene::new(&[hook("a", "json", "/third")], &[]).await;
    let id = scene.open(1).await;
    let mut moment = now();
    for longest in [5, 10] {
        assert_eq!(scene.round(moment).await, 1);
        let left = scene.left().await;
        let due = left[0].due_at.unwrap();
        let pause = due.0 - moment.0;
        assert!(pause <= longest * SECOND && pause >= longest * SECOND * 3 / 4);
        assert!(
            left[0]
                .error
                .as_ref()
                .unwrap()
                .starts_with("503 Service Unavailable: overloaded ")
        );
        assert_eq!(scene.round(Timestamp(due.0 - 1)).await, 0, "not before");
        moment = due;
    }
    assert_eq!(scene.round(moment).await, 1);
    assert_eq!(scene.left().await, []);
    let heard = scene.heard("/third");
    assert_eq!(heard.len(), 3);
    for again in &heard {
        assert_eq!(again.json()["data"]["approval"]["id"], id);
        assert_eq!(again.body, heard[0].body, "each attempt says the same");
        let ids = [again, &heard[0]].map(|heard| &heard.headers["webhook-id"]);
        assert_eq!(ids[0], ids[1]);
    }
    let metrics = scene.metrics().await;
    for line in [
        "deliveries_total{hook=\"a\",outcome=\"failed\"} 2",
        "deliveries_total{hook=\"a\",outcome=\"delivered\"} 1",
        "undelivered{hook=\"a\",state=\"waiting\"} 0",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn receivers_that_do_not_take_it() {
    for (path, error, dead) in [
        ("/gone", "410 Gone", true),
        ("/redirect", "302 Found (redirects are not followed)", false),
        ("/garbage", "400 Bad Request: \u{fffd} \u{fffd}", false),
        ("/long", "500 Internal Server Error: xxxx", false),
    ] {
        let scene = Scene::new(&[hook("a", "json", path)], &[]).await;
        scene.open(1).await;
        assert_eq!(scene.round(now()).await, 1);
        let left = scene.left().await;
        let told = left[0].error.as_ref().unwrap();
        assert!(
            told.starts_with(error) && told.len() < 600,
            "{path}: {told}"
        );
        assert_eq!(left[0].due_at.is_none(), dead, "{path}");
        assert_eq!(scene.heard("/trap").len(), 0);
        if dead {
            assert_eq!(
                scene.round(Timestamp(now().0 + 48 * HOUR)).await,
                0,
                "nobody tries"
            );
            assert!(
                scene
                    .metrics()
                    .await
                    .contains("undelivered{hook=\"a\",state=\"dead\"} 1")
            );
        }
    }
    // Nobody listens there; the address may be a secret and is told nobody.
    let nobody = json!({
        "id": "a", "url": "http://127.0.0.1:1/T000", "format": "json", "secret": { "file": "secret" },
    });
    let scene = Scene::new(&[nobody], &[]).await;
    scene.open(1).await;
    assert_eq!(scene.round(now()).await, 1);
    let error = scene.left().await[0].error.clone().unwrap();
    assert!(
        error.contains("refused") && !error.contains("T000"),
        "{error}"
    );
}

#[tokio::test]
async fn a_receiver_may_say_when() {
    let scene = Scene::new(&[hook("a", "json", "/busy")], &[]).await;
    scene.open(1).await;
    let start = now();
    assert_eq!(scene.round(start).await, 1);
    let due = scene.left().await[0].due_at.unwrap();
    assert_eq!(due.0 - start.0, 7_200 * SECOND);

    let mut moment = start;
    let mut attempts = 1;
    while let Some(due) = scene.left().await[0].due_at {
        moment = due;
        attempts += scene.round(moment).await;
    }
    assert_eq!(moment.0 - start.0, 24 * HOUR, "a day");
    assert_eq!(attempts, 13);
}

#[tokio::test]
async fn a_slow_receiver_holds_up_no_other() {
    let scene = Scene::new(
        &[hook("slow", "json", "/slow"), hook("quick", "json", "/ok")],
        &[],
    )
    .await;
    let telling = tokio::spawn(deliver(Arc::clone(&scene.service)));
    for amount in 0..100 {
        scene.open(amount).await;
    }
    scene.until("/ok", 100).await;
    let slow = scene.heard("/slow").len();
    assert!(
        (1..=64).contains(&slow),
        "its first batch is all it has: {slow}"
    );
    telling.abort();
}

#[test]
fn pauses_grow_and_are_spread() {
    for (attempts, longest) in [
        (1, 5),
        (2, 10),
        (3, 20),
        (10, 2_560),
        (11, 3_600),
        (60, 3_600),
    ] {
        let pauses = (0..100).map(|seq| backoff(attempts, seq).as_secs_f64());
        let (least, most) = pauses.fold((f64::MAX, 0.0_f64), |(least, most), pause| {
            (least.min(pause), most.max(pause))
        });
        let longest = f64::from(longest);
        assert!(
            most <= longest && least >= longest * 0.75,
            "{attempts}: {least} to {most}"
        );
        assert!(
            most - least > longest * 0.2,
            "{attempts}: {least} to {most}"
        );
    }
    let monday = Timestamp::parse("2026-11-16T10:00:00Z").unwrap();
    for (text, seconds) in [
        ("120", Some(120)),
        ("Mon, 16 Nov 2026 10:01:30 GMT", Some(90)),
        ("Mon, 16 Nov 2026 09:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
    ] {
        let pause = retry_after(text, monday).map(|pause| pause.as_secs());
        assert_eq!(pause, seconds, "{text}");
    }
}

#[test]
fn machines_are_told_what_happened() {
    let denied = Entry {
        by: Some("fiona".to_owned()),
        reason: Some("too much".to_owned()),
        ..entry(Event::Denied, State::Denied)
    };
    let delivery = told(denied, ask("refund_customer"));
    let data = json!({
        "approval": {
            "id": "0199", "state": "denied", "url": "https://a.example.com/asks/0199",
            "ask": ask("refund_customer"),
        },
        "by": "fiona",
        "reason": "too much",
    });
    assert_eq!(
        body::json(&delivery, "https://a.example.com"),
        json!({ "type": "approval.denied", "timestamp": "2026-11-21T10:00:00.000Z", "data": data })
    );
    let event = body::cloudevent(&delivery, "https://a.example.com");
    let event: CloudEvent = serde_json::from_value(event).unwrap();
    assert_eq!(
        (
            event.id(),
            event.ty(),
            event.subject(),
            event.source().as_str()
        ),
        (
            "h4sh",
            "io.toolgate.approval.denied",
            Some("0199"),
            "https://a.example.com"
        )
    );
    assert_eq!(
        event.time().unwrap().to_rfc3339(),
        "2026-11-21T10:00:00+00:00"
    );
    assert!(matches!(event.data(), Some(Data::Json(told)) if *told == data));
}

#[test]
fn people_are_told_in_words_that_nobody_can_forge() {
    for (event, state, headline) in [
        (
            Event::Opened,
            State::Pending,
            "refund waits for 2 of finance and its user",
        ),
        (
            Event::Approved,
            State::Pending,
            "refund: fiona approves, and others have to",
        ),
        (
            Event::Approved,
            State::Approved,
            "refund is approved by fiona",
        ),
        (Event::Denied, State::Denied, "refund is refused by fiona"),
        (
            Event::Revoked,
            State::Revoked,
            "refund: fiona takes the approval back",
        ),
        (Event::Expired, State::Expired, "refund: the time is over"),
        (Event::Used, State::Used, "refund is executed"),
        (
            Event::Escalated,
            State::Pending,
            "refund waits for board too",
        ),
        (
            Event::Unmasked,
            State::Pending,
            "refund: fiona has seen the sensitive values",
        ),
    ] {
        let entry = Entry {
            by: Some("fiona".to_owned()),
            role: Some("board".to_owned()),
            ..entry(event, state)
        };
        let message = slack::message(&told(entry, ask("refund")), "https://a");
        assert_eq!(message["text"], format!("{headline}: https://a/asks/0199"));
        assert_eq!(message["blocks"][0]["text"]["text"], headline);
    }

    let evil = "<!channel> *ok* <https://evil|Open> & \u{202e}```".repeat(300);
    let mut asked = ask(&evil);
    asked.arguments = serde_json::from_value(json!(json!({ "note": evil }).to_string())).unwrap();
    asked.meta_reason = Some(evil.clone());
    asked.agent = Some(evil.clone());
    let entry = Entry {
        reason: Some(evil),
        ..entry(Event::Opened, State::Pending)
    };
    let message = slack::message(&told(entry, asked), "https://a");
    let text = message["text"].as_str().unwrap();
    assert!(
        !text.contains(['<', '>']) && text.starts_with("&lt;!channel&gt; *ok* "),
        "{text}"
    );
    assert_eq!(message["mrkdwn"], false);
    check_blocks(&message["blocks"]);
    assert!(!message.to_string().contains('\u{202e}'), "nothing hides");
}

/// Nothing in it is parsed for markup, and Slack's limits hold.
#[track_caller]
fn check_blocks(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(check_blocks),
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str);
            assert!(kind.is_some_and(|kind| kind != "mrkdwn"), "{value}");
            let most = match kind {
                Some("header") => 150,
                Some("button") => 75,
                _ => 3_000,
            };
            for text in [&value["text"], &value["text"]["text"]]
                .iter()
                .filter_map(|text| text.as_str())
            {
                let length = text.encode_utf16().count();
                assert!((1..=most).contains(&length), "{length}: {text}");
            }
            members.values().for_each(check_blocks);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn webhooks_are_written_with_care() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        json!({ "file": path })
    };
    let secret = file("secret", SECRET);
    let slack = file("slack", "https://hooks.slack.com/services/T0/B0/x\n");
    let fine = json!({ "id": "a-1", "url": "https://x.example.com/y", "format": "json", "secret": secret });
    for (change, told) in [
        (json!({}), Ok(())),
        (json!({ "url": "http://localhost:1/x" }), Ok(())),
        (
            json!({ "url": slack, "format": "slack", "secret": null }),
            Ok(()),
        ),
        (
            json!({ "events": ["opened", "escalated"], "roles": ["finance"] }),
            Ok(()),
        ),
        (
            json!({ "id": "A" }),
            Err("`id` is not 1 to 63 lower-case letters"),
        ),
        (
            json!({ "id": "" }),
            Err("`id` is not 1 to 63 lower-case letters"),
        ),
        (
            json!({ "url": "http://x.example.com" }),
            Err("neither `https://..` nor `http://..` on this machine"),
        ),
        (
            json!({ "url": "x.example.com" }),
            Err("`url` is not an address"),
        ),
        (
            json!({ "url": { "text": "x" } }),
            Err("`url` is neither an address nor"),
        ),
        (
            json!({ "url": { "env": "TOOLGATE_NO_SUCH" } }),
            Err("`TOOLGATE_NO_SUCH` is not set"),
        ),
        (
            json!({ "format": "slack" }),
            Err("keep it in `env` or `file`"),
        ),
        (json!({ "format": "teams" }), Err("unknown variant `teams`")),
        (json!({ "secret": null }), Err("it needs a `secret`")),
        (
            json!({ "secret": file("short", "short") }),
            Err("less than 32 characters"),
        ),
        (
            json!({ "secret": file("odd", &format!("whsec_{}!", "x".repeat(40))) }),
            Err("is not base64"),
        ),
        (
            json!({ "events": ["delegated"] }),
            Err("only what happens to an ask is told"),
        ),
        (
            json!({ "events": ["everything"] }),
            Err("unknown variant `everything`"),
        ),
        (json!({ "retries": 3 }), Err("unknown field `retries`")),
    ] {
        let mut text = fine.clone();
        text.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let read =
            serde_saphyr::from_str::<Webhook>(&text.to_string()).map_err(anyhow::Error::from);
        let made = read.and_then(|webhook| Hooks::new(&[webhook])).map(drop);
        match (made, told) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(told)) => assert!(format!("{error:#}").contains(told), "{error:#}"),
            (made, _) => panic!("{text}: {made:?}"),
        }
    }
    let twice = serde_saphyr::from_str::<Webhook>(&fine.to_string()).unwrap();
    let error = Hooks::new(&[twice.clone(), twice]).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "there are two webhooks `a-1`");
}

fn ask(tool: &str) -> Ask {
    serde_json::from_value(json!({
        "tool": tool,
        "arguments": "{\"amount\":250,\"card\":\"***\"}",
        "sensitive": ["/card"],
        "user": "alice",
        "needs": [{ "approver": { "role": "finance" }, "approvals": 2 }, { "approver": "user" }],
        "policyVersion": "p1",
    }))
    .unwrap()
}

fn entry(event: Event, state: State) -> Entry {
    serde_json::from_value(json!({
        "seq": 7, "at": "2026-11-21T10:00:00.000Z", "approval": "0199",
        "event": event, "state": state, "previous": "",
    }))
    .unwrap()
}

fn told(entry: Entry, ask: Ask) -> Delivery {
    Delivery {
        hook: "a".to_owned(),
        entry,
        hash: "h4sh".to_owned(),
        ask,
        since: now(),
        attempts: 1,
        due_at: None,
        error: None,
    }
}

const BASE64: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
