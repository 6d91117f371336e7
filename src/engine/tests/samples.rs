//! The samples under `policies/`, and the files of the pattern that they follow, decide as they say.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "tests read files, and end where something is wrong"
)]

use std::{fs, path::Path};

use engine::{
    call::{Call, Partial, Principal},
    config::Config,
    cx::Timestamp,
    json::Doc,
    policy::{Cause, Policy, Verdict},
};
use serde_json::{Value, json};

/// A file, by its path from the project's root, as a JSON value.
fn read(path: &str) -> Option<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join(path)).ok()?;
    Some(serde_saphyr::from_str(&text).expect("YAML"))
}

fn compile(registries: Vec<Value>, policies: &[&str]) -> Policy {
    let policies = policies
        .iter()
        .map(|path| read(path).expect(path))
        .collect();
    Policy::compile(Config::join(registries, policies))
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A caller with a user, an app, and words that are roles or, with a colon, scopes.
fn who(app: &str, words: &str) -> Principal {
    let (scopes, roles) = words
        .split_whitespace()
        .map(str::to_owned)
        .partition(|word| word.contains(':'));
    Principal {
        user: Some("alice".to_owned()),
        app: Some(app.to_owned()),
        roles,
        scopes,
        ..Principal::default()
    }
}

/// `allow RULE`, `ask APPROVER RULE`, `deny RULE`, `deny scope`; with ` unseen` where the tool is
/// not in the caller's list.
#[track_caller]
fn check(policy: &Policy, who: &Principal, tool: &str, arguments: Value, expect: &str) {
    let doc = Doc::parse(arguments.to_string().into_bytes()).expect("JSON");
    let call = Call {
        principal: who,
        entry: policy.registry().tool(tool).expect(tool),
        args: Partial::Known(Some(doc.root())),
        meta: Partial::Known(None),
        session: None,
        now: Timestamp(1_777_558_683_000_000_000),
    };
    let verdict = policy.decide(&call);
    let rule = verdict.decision().rule.clone().unwrap_or_default();
    let said = match verdict {
        Verdict::Allow(_) => format!("allow {rule}"),
        Verdict::Ask { needs, .. } => {
            let needs: Vec<_> = needs.iter().map(ToString::to_string).collect();
            format!("ask {} {rule}", needs.join(" and "))
        }
        Verdict::Deny {
            cause: Cause::MissingScope(_),
            ..
        } => "deny scope".to_owned(),
        Verdict::Deny { .. } => format!("deny {rule}"),
    };
    let list = Call {
        args: Partial::Unknown,
        meta: Partial::Unknown,
        ..call
    };
    let seen = if policy.visible(&list) { "" } else { " unseen" };
    assert_eq!(format!("{said}{seen}"), expect, "{tool}");
}

#[test]
fn the_pattern_loads_as_it_is() {
    let (Some(registry), Some(_)) = (
        read("../shared/pattern/registry.json"),
        read("../shared/pattern/policy.yaml"),
    ) else {
        println!("skipped: ../shared/pattern is not here");
        return;
    };
    let tool = |name: &str, server: &str| json!({"name": name, "mcpServer": server, "inputSchema": {"type": "object"}});
    let more = json!([
        tool("read_order_history", "crm"),
        tool("create_support_ticket", "crm"),
        tool("update_bank_details", "payments"),
    ]);
    let policy = compile(vec![registry, more], &["../shared/pattern/policy.yaml"]);
    assert_eq!(policy.version(), "2026-04-30.1");
    let refund = |amount: f64| json!({"customerId": "C-1001", "orderId": "O-9006", "amount": amount, "reason": "damaged in transit"});
    let nobody = who("a", "");
    let agent = who("a", "support_agent payments:refund");
    for (who, tool, arguments, expect) in [
        (&nobody, "read_order_history", json!({}), "allow rule-1"),
        (&agent, "create_support_ticket", json!({}), "allow rule-2"),
        (
            &who("a", "support_manager"),
            "create_support_ticket",
            json!({}),
            "allow rule-2",
        ),
        (
            &who("a", "sales"),
            "create_support_ticket",
            json!({}),
            "deny  unseen",
        ),
        (&nobody, "create_support_ticket", json!({}), "deny  unseen"),
        (
            &agent,
            "refund_customer",
            refund(250.0),
            "ask finance_approver rule-3",
        ),
        (&agent, "refund_customer", refund(100.0), "deny "),
        (
            &nobody,
            "refund_customer",
            refund(250.0),
            "deny scope unseen",
        ),
        (
            &nobody,
            "update_bank_details",
            json!({}),
            "ask finance_approver rule-4",
        ),
    ] {
        check(&policy, who, tool, arguments, expect);
    }
}

#[test]
fn the_support_desk() {
    let registry = read("policies/registry.yaml").expect("a registry");
    let policy = compile(
        vec![registry],
        &["policies/policy.yaml", "policies/identity.yaml"],
    );
    let refund = |amount: f64| json!({"customerId": "C-1001", "orderId": "O-9006", "amount": amount, "reason": "damaged in transit"});
    let agent = who(
        "desk",
        "support_agent crm:read crm:write crm:admin payments:refund",
    );
    let manager = who("desk", "support_manager payments:admin");
    let sales = who("desk", "sales crm:read payments:refund");
    for (who, tool, arguments, expect) in [
        (&agent, "lookup_customer", json!({}), "allow support-reads"),
        (&agent, "search_accounts", json!({}), "allow support-reads"),
        (
            &agent,
            "read_order_history",
            json!({}),
            "allow support-reads",
        ),
        (
            &agent,
            "create_support_ticket",
            json!({}),
            "allow support-tickets",
        ),
        (
            &agent,
            "refund_customer",
            refund(100.0),
            "allow small-refunds",
        ),
        (
            &agent,
            "refund_customer",
            refund(100.01),
            "ask finance_approver large-refunds",
        ),
        (&agent, "refund_customer", json!({}), "deny small-refunds"),
        (
            &agent,
            "delete_customer",
            json!({}),
            "deny never-autonomous unseen",
        ),
        (
            &agent,
            "update_bank_details",
            json!({}),
            "deny scope unseen",
        ),
        (
            &manager,
            "update_bank_details",
            json!({}),
            "ask 2 people with the role finance_approver bank-details",
        ),
        (&manager, "lookup_customer", json!({}), "deny scope"),
        (&sales, "lookup_customer", json!({}), "deny  unseen"),
        (&sales, "refund_customer", refund(1.0), "deny  unseen"),
    ] {
        check(&policy, who, tool, arguments, expect);
    }
}

#[test]
fn lists_by_actor() {
    let registry = read("policies/samples/registry.yaml").expect("a registry");
    let policy = compile(vec![registry], &["policies/samples/by-actor.yaml"]);
    let (ours, theirs) = (who("support-agent", ""), who("other", ""));
    for (who, tool, expect) in [
        (&ours, "crm.lookup_customer", "allow support-agent-reads"),
        (
            &ours,
            "billing.get_subscription_status",
            "allow support-agent-reads",
        ),
        (
            &ours,
            "ticket.create_case",
            "ask the user support-agent-tickets",
        ),
        (
            &ours,
            "billing.update_payment_method",
            "deny denied_tools unseen",
        ),
        (&ours, "account.delete_customer", "deny denied_tools unseen"),
        (&ours, "crm.search_accounts", "deny  unseen"),
        (&theirs, "crm.lookup_customer", "deny  unseen"),
        (&theirs, "ticket.create_case", "deny  unseen"),
    ] {
        check(&policy, who, tool, json!({}), expect);
    }
}

#[test]
fn rules_by_route() {
    let registry = read("policies/samples/registry.yaml").expect("a registry");
    let policy = compile(vec![registry], &["policies/samples/by-route.yaml"]);
    let desk = who("support-agent", "support");
    let finance = who("ledger", "finance-ops");
    let nobody = Principal::default();
    for (who, tool, expect) in [
        (&desk, "crm.lookup_customer", "allow crm"),
        (&desk, "crm.search_accounts", "allow crm"),
        (
            &desk,
            "billing.get_subscription_status",
            "allow billing-status",
        ),
        (
            &desk,
            "billing.update_payment_method",
            "deny billing-changes unseen",
        ),
        (&finance, "crm.lookup_customer", "deny  unseen"),
        (
            &finance,
            "billing.get_subscription_status",
            "allow billing-status",
        ),
        (&nobody, "crm.lookup_customer", "deny  unseen"),
        (&nobody, "billing.get_subscription_status", "deny  unseen"),
        (&desk, "ticket.create_case", "deny  unseen"),
    ] {
        check(&policy, who, tool, json!({}), expect);
    }
}
