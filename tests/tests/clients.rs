//! Official clients keep their session through every denial that is answered in band, and the
//! OAuth clients get the scopes they lack.

use serde_json::{Value, json};
use tests::authority::Authority;
use tests::bundle;
use tests::demo::Demo;
use tests::envoy::{Envoy, Gateway, Setup, free_port};
use tests::script::{CALLS, OAUTH};
use tests::serve::Served;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denials_in_band_leave_the_session_alone() {
    let stage = Stage::set("in_band").await;
    let token = stage.authority.token(&json!({
        "sub": "alice", "aud": stage.resource, "scope": "crm:read",
    }));
    let calls = json!([
        { "name": "crm.no_such_tool", "arguments": {} },
        {
            "name": "crm.create_support_ticket",
            "arguments": { "customerId": "C-1001", "subject": "Broken", "priority": "urgent" },
        },
        { "name": "crm.search_accounts", "arguments": { "query": "example", "limit": 50 } },
        {
            "name": "crm.create_support_ticket",
            "arguments": { "customerId": "C-1001", "subject": "Broken", "priority": "high" },
        },
        { "name": "crm.read_order_history", "arguments": { "customerId": "C-1001" } },
        { "name": "crm.lookup_customer", "arguments": { "customerId": "C-1001" } },
    ]);
    for (ran, client) in CALLS.into_iter().enumerate() {
        let told = client.run(&stage.resource, &calls, Some(&token)).await;
        let [listed, unknown, contract, policy, approval, scope, allowed] = told.as_slice() else {
            panic!("{client:?}: {told:?}");
        };
        let listed = listed["tools"].as_array().expect("a list");
        assert!(
            !listed.contains(&json!("crm.delete_customer")),
            "{client:?}: {listed:?}"
        );
        assert!(
            listed.contains(&json!("crm.lookup_customer")),
            "{client:?}: {listed:?}"
        );
        assert_eq!(unknown["error"]["code"], -32602, "{client:?}: {unknown}");
        let message = unknown["error"]["message"].as_str().unwrap_or_default();
        assert!(
            message.ends_with("Unknown tool: crm.no_such_tool"),
            "{client:?}: {unknown}"
        );
        for (denied, hint) in [
            (contract, "/priority"),
            (policy, ""),
            (approval, "approv"),
            (scope, "orders:read"),
        ] {
            let result = &denied["result"];
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            assert_eq!(result["isError"], true, "{client:?}: {denied}");
            assert!(text.contains(hint), "{client:?}: `{hint}` is not in {text}");
        }
        assert_eq!(allowed["result"]["isError"], false, "{client:?}: {allowed}");
        let executed = stage.crm.calls();
        assert_eq!(executed.len(), ran + 1, "{client:?}: {executed:?}");
        assert_eq!(executed[ran]["tool"], "crm.lookup_customer", "{client:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_for_scope_is_stepped_up_to() {
    let stage = Stage::set("challenge").await;
    let calls = json!([
        { "name": "crm.lookup_customer", "arguments": { "customerId": "C-1001" } },
        { "name": "crm.read_order_history", "arguments": { "customerId": "C-1001" } },
        { "name": "crm.lookup_customer", "arguments": { "customerId": "C-1002" } },
    ]);
    for (ran, client) in OAUTH.into_iter().enumerate() {
        let told = client.run(&stage.resource, &calls, None).await;
        let (_listed, outcomes) = told.split_first().expect("a list of tools");
        let (authorizations, outcomes) = outcomes.split_last().expect("the authorizations");
        assert_eq!(outcomes.len(), 3, "{client:?}: {told:?}");
        for outcome in outcomes {
            assert_eq!(outcome["result"]["isError"], false, "{client:?}: {told:?}");
        }
        // First what the challenge of 401 names, then what the challenge of 403 names.
        let scopes = authorizations["authorizations"].as_array().expect("a list");
        assert_eq!(scopes.len(), 2, "{client:?}: {authorizations}");
        let last = scopes[1].as_str().unwrap_or_default();
        assert!(
            last.split(' ').any(|scope| scope == "orders:read"),
            "{client:?}: {scopes:?}"
        );
        assert_eq!(stage.crm.calls().len(), (ran + 1) * 3, "{client:?}");
    }
    assert_eq!(stage.authority.grants().len(), OAUTH.len() * 2);
}

/// The CRM behind a gateway that trusts an authority.
struct Stage {
    resource: String,
    authority: Authority,
    crm: Demo,
    _server: Served,
    _envoy: Envoy,
}

impl Stage {
    async fn set(scope_denials: &str) -> Self {
        let authority = Authority::start().await;
        let crm = Demo::crm();
        let server = Served::start(crm.router(), 0).expect("loopback has ports");
        let port = free_port();
        let resource = format!("http://127.0.0.1:{port}/mcp");
        let policy = policy(&authority, &resource, scope_denials);
        let mut registry = bundle::registry(&[("crm", crm.tools())]);
        for tool in registry["tools"].as_array_mut().into_iter().flatten() {
            if tool["name"] == "crm.read_order_history" {
                tool["authScope"] = json!("orders:read");
            }
        }
        let bundle = bundle::bundle(&registry, &policy);
        let mut gateway = Gateway::toolgate(bundle, &[("crm", server.addr())]);
        gateway.port = port;
        gateway.issuers = vec![(
            authority.issuer().to_owned(),
            vec![resource.clone()],
            authority.keys(),
        )];
        let envoy = Envoy::start(&Setup::one(gateway)).await;
        Self {
            resource,
            authority,
            crm,
            _server: server,
            _envoy: envoy,
        }
    }
}

fn policy(authority: &Authority, resource: &str, scope_denials: &str) -> Value {
    json!({
        "version": "1",
        "identity": {
            "issuers": [{
                "issuer": authority.issuer(),
                "audiences": [resource],
                "jwks": { "inline": authority.keys() },
            }],
            "resource": resource,
            "scope_denials": scope_denials,
            "user": { "jwt": "sub" },
            "scopes": { "jwt": "scope" },
        },
        "rules": [
            {
                "id": "reads",
                "tools": ["crm.lookup_customer", "crm.read_order_history"],
                "decision": "allow",
            },
            {
                "id": "small-searches",
                "tools": ["crm.search_accounts"],
                "when": "!has(args.limit) || args.limit <= 10",
                "decision": "allow",
            },
            { "id": "tickets", "tools": ["crm.create_support_ticket"], "decision": "allow" },
            {
                "id": "urgent-tickets",
                "tools": ["crm.create_support_ticket"],
                "when": "has(args.priority) && args.priority == 'high'",
                "decision": "approval_required",
                "approver_role": "supervisor",
            },
        ],
    })
}
