//! Approvals end to end: official clients, a real Envoy with the filter, the real service, people
//! who decide, and a server that counts what is executed.

use serde_json::{Value, json};
use tests::approvals::{self, Approvals};
use tests::authority::Authority;
use tests::bundle;
use tests::client::{self, Connection, Request};
use tests::demo::Demo;
use tests::envoy::{Envoy, Gateway, Setup, eventually, free_port};
use tests::message;
use tests::script::{CALLS, Client, Session};
use tests::serve::Served;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_gets_through_exactly_once() {
    let stage = Stage::set().await;
    let tell = async |elicits: bool| {
        for (index, client) in CALLS.into_iter().enumerate() {
            // Amounts of its own, so that no client meets the approvals of another; with decimals,
            // which all clients write alike.
            let own = index as f64 + if elicits { 0.5 } else { 0.25 };
            Story::begin(&stage, client, elicits).await.tell(own).await;
        }
    };
    tokio::join!(tell(false), tell(true));
}

#[tokio::test]
async fn a_request_state_grants_nothing() {
    let stage = Stage::set().await;
    let [call, other, forged] = [200.0, 300.0, 400.0].map(refund);
    let (id, state) = invitation(&stage.send("alice", &elicits(&call)).await);
    let (approved, _) = invitation(&stage.send("alice", &elicits(&other)).await);
    stage.service.approve(&approved, &stage.fiona, "").await;
    let theirs = state.replace(&id, &approved);

    let again = |call: &Call, state: &str, action: &str| {
        let mut message = elicits(call);
        message["params"]["requestState"] = json!(state);
        message["params"]["inputResponses"] = json!({ "toolgate": { "action": action } });
        message
    };
    for (state, refused) in [
        (state.as_str(), json!("approval_declined")),
        (&theirs, json!("approval_declined")),
        ("toolgate.1.", json!(-32602)),
        ("toolgate.1.x.y", json!(-32602)),
        ("toolgate.2.x", json!(-32602)),
    ] {
        let told = stage.send("alice", &again(&call, state, "decline")).await;
        let reason = &told["result"]["_meta"]["toolgate/denial"]["reason"];
        let code = &told["error"]["code"];
        assert!([reason, code].contains(&&refused), "{state}: {told}");
    }

    // Made up of an approval for another call, and held until somebody decides about this one.
    let forging = again(&forged, &theirs, "accept");
    let (told, ()) = tokio::join!(stage.send("alice", &forging), async {
        let id = stage.pending("alice", &forged).await;
        stage.service.deny(&id, &stage.fiona, "made up").await;
    });
    assert!(text(&told).contains("made up"), "{told}");
    assert_eq!(stage.executed(&other), 0);

    let returning = again(&call, &state, "accept");
    let deciding = stage.service.approve(&id, &stage.fiona, "");
    let (told, _) = tokio::join!(stage.send("alice", &returning), deciding);
    assert_eq!(told["result"]["isError"], false, "{told}");

    // Replayed, it is a call that nobody has approved.
    let (told, ()) = tokio::join!(stage.send("alice", &returning), async {
        let next = stage.pending("alice", &call).await;
        assert_ne!(next, id);
        stage.service.deny(&next, &stage.fiona, "once").await;
    });
    assert!(text(&told).contains("once"), "{told}");

    // Nobody else has what alice has, whatever they bring.
    let told = stage.send("bob", &again(&other, &theirs, "decline")).await;
    assert_eq!(told["result"]["isError"], true, "{told}");
    assert_ne!(stage.ask("bob", &other).await, approved);
    stage.is_executed("alice", &other).await;
    let executed = [&call, &other, &forged].map(|call| stage.executed(call));
    assert_eq!(executed, [1, 1, 0]);
}

#[tokio::test]
async fn rules_say_who_decides_and_when() {
    let mut stage = Stage::set().await;
    the_right_people(&stage).await;
    who_waits(&stage).await;
    one_of_many(&stage).await;
    in_time(&stage).await;
    after_a_crash(&mut stage).await;
}

async fn the_right_people(stage: &Stage) {
    let [george, alice] =
        ["george", "alice"].map(|name| approvals::person(&stage.authority, name, &[APPROVER]));
    let own = json!({ "customerId": "C-1001", "iban": "DE02120300000000202051" });
    let confirmed = ("payments.update_bank_details", own);
    for (call, decisions) in [
        // Four eyes: not the user's, not the same twice.
        (
            refund(1_200.0),
            &[
                (&alice, 403),
                (&stage.fiona, 200),
                (&stage.fiona, 409),
                (&george, 200),
            ][..],
        ),
        // A confirmation: nobody else's than the user's, not even to look at.
        (confirmed, &[(&stage.fiona, 404), (&alice, 200)]),
    ] {
        for (person, status) in decisions {
            let id = stage.ask("alice", &call).await;
            assert_eq!(stage.approve(&id, person).await, *status, "{call:?}");
        }
        stage.is_executed("alice", &call).await;
    }
    let used = stage.service.list("state=used", &alice).await;
    let shown = &used[0]["ask"]["arguments"];
    assert_eq!(shown, r#"{"customerId":"C-1001","iban":"***"}"#);
}

/// A call is held, and decided in time: the client hears nothing but the result. A client that does
/// not wait for it uses nothing up, though Envoy does not call the ask back.
async fn who_waits(stage: &Stage) {
    let [held, left] = [150.0, 151.0].map(refund);
    let deciding = async {
        let id = stage.pending("alice", &held).await;
        assert_eq!(stage.approve(&id, &stage.fiona).await, 200);
    };
    tokio::join!(stage.is_executed("alice", &held), deciding);

    let leaving = stage.request("alice", &bare(&left)).bytes("localhost");
    let mut connection = Connection::open(stage.envoy.addr())
        .await
        .expect("envoy listens");
    connection.write(&leaving).await.expect("open");
    let id = stage.pending("alice", &left).await;
    drop(connection);
    stage
        .envoy
        .wait_stat("http.gateway-0.downstream_rq_rx_reset", 1)
        .await;
    assert_eq!(stage.approve(&id, &stage.fiona).await, 200);
    stage.asks(0).await;
    stage.is_executed("alice", &left).await;
}

/// One of many gets through, whether they come when it is approved or wait for it.
async fn one_of_many(stage: &Stage) {
    let [decided, held] = [500.0, 152.0].map(refund);
    let id = stage.ask("alice", &decided).await;
    assert_eq!(stage.approve(&id, &stage.fiona).await, 200);
    assert_eq!(stage.race("alice", &decided).await, 1);

    let deciding = async {
        stage.asks(RACERS).await;
        let id = stage.pending("alice", &held).await;
        assert_eq!(stage.approve(&id, &stage.fiona).await, 200);
    };
    let (executed, ()) = tokio::join!(stage.race("alice", &held), deciding);
    assert_eq!(executed, 1);
}

/// It is too late for a decision, and for what was approved.
async fn in_time(stage: &Stage) {
    let brief = [50.0, 51.0].map(refund);
    let ids = [
        stage.ask("alice", &brief[0]).await,
        stage.ask("alice", &brief[1]).await,
    ];
    assert_eq!(stage.approve(&ids[1], &stage.fiona).await, 200);
    for (call, id) in brief.iter().zip(&ids) {
        stage.expires(id).await;
        assert_eq!(stage.approve(id, &stage.fiona).await, 409);
        assert_ne!(stage.ask("alice", call).await, *id);
        assert_eq!(stage.executed(call), 0);
    }
}

/// The service is killed while a call is held: the call is refused, and nothing is forgotten.
async fn after_a_crash(stage: &mut Stage) {
    let held = refund(153.0);
    let (to, request) = (stage.envoy.addr(), stage.request("alice", &bare(&held)));
    let call = tokio::spawn(async move { client::send(to, &request).await });
    let id = stage.pending("alice", &held).await;
    stage.service.restart().await;
    let told = call.await.expect("no panic").expect("an answer").json();
    let facts = &told["result"]["_meta"]["toolgate/denial"];
    assert_eq!(facts["reason"], "approver_unreachable", "{told}");
    assert_eq!(stage.approve(&id, &stage.fiona).await, 200);
    stage.is_executed("alice", &held).await;
}

/// A tool and its arguments.
type Call = (&'static str, Value);

/// A client on its way through one approval after another.
struct Story<'a> {
    stage: &'a Stage,
    client: Client,
    elicits: bool,
    session: Session,
}

impl<'a> Story<'a> {
    async fn begin(stage: &'a Stage, client: Client, elicits: bool) -> Self {
        let token = stage.token("alice");
        let session = client.open(&stage.resource, Some(&token), elicits).await;
        Self {
            stage,
            client,
            elicits,
            session,
        }
    }

    async fn tell(mut self, own: f64) {
        let (stage, client) = (self.stage, self.client);
        let [brief, call, changed] = [50.0, 200.0, 300.0].map(|amount| refund(amount + own));
        let expiring = self.ask(&brief).await;
        self.leave().await;
        let first = self.ask(&call).await;

        // The same payload of somebody else is another call.
        let others = stage.ask("bob", &call).await;
        assert_ne!(others, first);
        stage
            .service
            .approve(&first, &stage.fiona, "in stock")
            .await;
        assert_eq!(stage.ask("bob", &call).await, others);
        assert_eq!(stage.executed(&call), 0, "{client:?}");
        let told = self.again(&call).await;
        assert_eq!(told["result"]["isError"], false, "{client:?}: {told}");
        assert_eq!(stage.executed(&call), 1, "{client:?}");

        let second = self.ask(&call).await;
        assert_ne!(second, first, "{client:?}: it is used once");
        stage
            .service
            .deny(&second, &stage.fiona, "out of stock")
            .await;
        self.is_refused(&call, "out of stock").await;

        let third = self.ask(&changed).await;
        stage.service.approve(&third, &stage.fiona, "").await;
        stage.service.revoke(&third, &stage.fiona, "on hold").await;
        self.is_refused(&changed, "on hold").await;

        stage.expires(&expiring).await;
        assert_ne!(self.ask(&brief).await, expiring, "{client:?}: too late");
        self.leave().await;
        self.session.close().await;
        let executed = [&brief, &call, &changed].map(|call| stage.executed(call));
        assert_eq!(executed, [0, 1, 0], "{client:?}");

        let used = stage.record(&first, "approved").await;
        assert_eq!(used["decision"], "approval_required", "{used}");
        let approval = &used["approval"];
        assert_eq!(approval["approver"], "fiona", "{used}");
        assert_eq!(approval["reason"], "in stock", "{used}");
        assert!(approval["at"].is_string(), "{used}");
        let refused = stage.record(&second, "denied").await;
        assert_eq!(refused["approval"]["reason"], "out of stock", "{refused}");
    }

    /// Calls, and is told to wait in the way the client can take; gives the approval's id.
    async fn ask(&mut self, (tool, arguments): &Call) -> String {
        let told = self.session.call(tool, arguments).await;
        let facts = &told["result"]["_meta"]["toolgate/denial"];
        let url = match (self.elicits, self.client.modern()) {
            (true, true) => &told["elicitation"]["url"],
            (true, false) => {
                assert_eq!(told["error"]["code"], -32042, "{:?}: {told}", self.client);
                &told["error"]["data"]["elicitations"][0]["url"]
            }
            (false, _) => {
                assert_eq!(
                    facts["reason"], "approval_pending",
                    "{:?}: {told}",
                    self.client
                );
                &facts["approvalUrl"]
            }
        };
        let url = url
            .as_str()
            .unwrap_or_else(|| panic!("{:?}: {told}", self.client));
        let page = format!("{}/asks/", self.stage.service.url());
        let id = url
            .strip_prefix(&page)
            .expect("the page of an approval")
            .to_owned();
        assert!(self.elicits || text(&told).contains(url), "{told}");
        id
    }

    /// Says that the page was seen, or calls again, as a client that shows no pages has to.
    async fn again(&mut self, (tool, arguments): &Call) -> Value {
        if self.elicits && self.client.modern() {
            return self.session.say(&json!({ "action": "accept" })).await;
        }
        self.session.call(tool, arguments).await
    }

    /// Does not look at the page, where one is shown.
    async fn leave(&mut self) {
        if self.elicits && self.client.modern() {
            let told = self.session.say(&json!({ "action": "decline" })).await;
            let facts = &told["result"]["_meta"]["toolgate/denial"];
            assert_eq!(
                facts["reason"], "approval_declined",
                "{:?}: {told}",
                self.client
            );
        }
    }

    async fn is_refused(&mut self, call: &Call, reason: &str) {
        let told = self.again(call).await;
        assert_eq!(told["result"]["isError"], true, "{:?}: {told}", self.client);
        assert!(text(&told).contains(reason), "{:?}: {told}", self.client);
    }
}

/// Payments behind a gateway that asks.
struct Stage {
    resource: String,
    fiona: String,
    authority: Authority,
    service: Approvals,
    payments: Demo,
    _server: Served,
    envoy: Envoy,
}

impl Stage {
    async fn set() -> Self {
        let authority = Authority::start().await;
        let service = Approvals::start(&authority, &json!({})).await;
        let payments = Demo::payments();
        let server = Served::start(payments.router(), 0).expect("loopback has ports");
        let port = free_port();
        let resource = format!("http://127.0.0.1:{port}/mcp");
        let mut registry = bundle::registry(&[("payments", payments.tools())]);
        for tool in registry["tools"].as_array_mut().into_iter().flatten() {
            tool["sensitive"] = json!(["/iban"]);
        }
        let bundle = bundle::bundle(&registry, &policy(&authority, &resource));
        let mut gateway = Gateway::toolgate(bundle, &[("payments", server.addr())]);
        gateway.port = port;
        gateway.clusters.push(service.cluster());
        let issuer = authority.issuer().to_owned();
        gateway.issuers = vec![(issuer, vec![resource.clone()], authority.keys())];
        let envoy = Envoy::start(&Setup::one(gateway)).await;
        let fiona = approvals::person(&authority, "fiona", &[APPROVER]);
        Self {
            resource,
            fiona,
            authority,
            service,
            payments,
            _server: server,
            envoy,
        }
    }

    fn token(&self, user: &str) -> String {
        self.authority
            .token(&json!({ "sub": user, "aud": self.resource }))
    }

    /// How often the call was executed.
    fn executed(&self, (_, arguments): &Call) -> usize {
        let calls = self.payments.calls();
        calls
            .iter()
            .filter(|call| call["arguments"] == *arguments)
            .count()
    }

    /// Sends a modern message as a user's agent.
    async fn send(&self, user: &str, message: &Value) -> Value {
        let answer = client::send(self.envoy.addr(), &self.request(user, message)).await;
        answer.expect("an answer").json()
    }

    fn request(&self, user: &str, message: &Value) -> Request {
        Request::modern("/mcp", message).bearer(&self.token(user))
    }

    /// Calls as a client that shows no pages; gives the id of what is pending then.
    async fn ask(&self, user: &str, call: &Call) -> String {
        let told = self.send(user, &bare(call)).await;
        let facts = &told["result"]["_meta"]["toolgate/denial"];
        assert_eq!(facts["reason"], "approval_pending", "{told}");
        facts["approvalId"].as_str().expect("an id").to_owned()
    }

    /// What the user has asked for in a call that is still held.
    async fn pending(&self, user: &str, (tool, wanted): &Call) -> String {
        let query = format!("?state=pending&user={user}&tool={tool}");
        eventually("it is asked for", async || {
            let found = self.look(&query).await?;
            let found = found["items"].as_array()?.iter().find(|it| {
                let arguments = it["ask"]["arguments"].as_str().unwrap_or_default();
                let asked: Value = serde_json::from_str(arguments).unwrap_or_default();
                asked["amount"].as_f64() == wanted["amount"].as_f64()
            });
            Some(found?["id"].as_str()?.to_owned())
        })
        .await
    }

    async fn expires(&self, id: &str) {
        eventually("it expires", async || {
            let found = self.look(&format!("/{id}")).await?;
            (found["state"] == "expired").then_some(())
        })
        .await;
    }

    /// Looks at approvals again and again, as somebody else than those who decide: nobody may do
    /// that for long.
    async fn look(&self, what: &str) -> Option<Value> {
        let felix = approvals::person(&self.authority, "felix", &[APPROVER]);
        let path = format!("/v1/asks{what}");
        let answer = self.service.get(&path, &felix).await;
        (answer.status == 200).then(|| answer.json())
    }

    async fn is_executed(&self, user: &str, call: &Call) {
        let told = self.send(user, &bare(call)).await;
        assert_eq!(told["result"]["isError"], false, "{told}");
        assert_eq!(self.executed(call), 1);
    }

    /// Approves; gives the status of that.
    async fn approve(&self, id: &str, token: &str) -> u16 {
        let path = format!("/v1/asks/{id}/approve");
        self.service.post(&path, token, &json!({})).await.status
    }

    /// Makes the same call at once, many times; gives how often it is executed.
    async fn race(&self, user: &str, call: &Call) -> usize {
        let to = self.envoy.addr();
        let request = self.request(user, &bare(call));
        let mut racers = JoinSet::new();
        for _ in 0..RACERS {
            let request = request.clone();
            racers.spawn(async move { client::send(to, &request).await });
        }
        let mut won = 0;
        while let Some(told) = racers.join_next().await {
            let told = told.expect("no panic").expect("an answer").json();
            won += usize::from(told["result"]["isError"] == false);
        }
        assert_eq!(self.executed(call), won);
        won
    }

    /// Waits until so many asks are under way.
    async fn asks(&self, count: u64) {
        eventually("so many are asking", async || {
            let active = self.envoy.stats().await["cluster.toolgate-approvals.upstream_rq_active"];
            (active == count).then_some(())
        })
        .await;
    }

    /// The audit record of the call that met an approval in this state.
    async fn record(&self, id: &str, state: &str) -> Value {
        eventually("the call is on record", async || {
            let log = self.envoy.access_log(0);
            let record = log.iter().map(|line| &line["toolgate"]).find(|record| {
                let approval = &record["approval"];
                approval["id"] == id && approval["state"] == state
            });
            record.cloned()
        })
        .await
    }
}

fn refund(amount: f64) -> Call {
    let arguments = json!({
        "customerId": "C-1005", "orderId": "O-9002", "amount": amount, "reason": "broken on arrival",
    });
    ("payments.refund", arguments)
}

fn bare((tool, arguments): &Call) -> Value {
    message::modern(
        "tools/call",
        json!({ "name": tool, "arguments": arguments }),
    )
}

fn elicits(call: &Call) -> Value {
    let mut message = bare(call);
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "elicitation": { "url": {} } });
    message
}

/// The approval to which a client is invited, and the state it is to bring back.
fn invitation(told: &Value) -> (String, String) {
    let result = &told["result"];
    assert_eq!(result["resultType"], "input_required", "{told}");
    let url = result["inputRequests"]["toolgate"]["params"]["url"].as_str();
    let (_, id) = url.and_then(|url| url.rsplit_once('/')).expect("a page");
    let state = result["requestState"].as_str().expect("a state");
    (id.to_owned(), state.to_owned())
}

fn text(told: &Value) -> &str {
    told["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

fn policy(authority: &Authority, resource: &str) -> Value {
    let asks = |id: &str, when: &str, more: Value| {
        let mut rule = json!({
            "id": id,
            "tools": ["payments.refund"],
            "when": when,
            "decision": "approval_required",
            "approver_role": APPROVER,
        });
        rule.as_object_mut()
            .expect("a rule")
            .extend(more.as_object().cloned().unwrap_or_default());
        rule
    };
    json!({
        "version": "1",
        "identity": {
            "issuers": [{
                "issuer": authority.issuer(),
                "audiences": [resource],
                "jwks": { "inline": authority.keys() },
            }],
            "resource": resource,
            "user": { "jwt": "sub" },
        },
        "approvals": {},
        "rules": [
            asks("brief", "args.amount < 100", json!({ "expires": "1s" })),
            asks("held", "args.amount >= 100 && args.amount < 200", json!({ "wait": "30s" })),
            asks("plain", "args.amount >= 200 && args.amount < 1000", json!({})),
            asks("four-eyes", "args.amount >= 1000", json!({ "approvals": 2 })),
            {
                "id": "confirmed",
                "tools": ["payments.update_bank_details"],
                "decision": "allow",
                "requires_user_confirmation": true,
            },
        ],
    })
}

const APPROVER: &str = "finance_approver";
const RACERS: u64 = 16;
