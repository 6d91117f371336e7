//! The CRM: customers, orders, tickets.

use serde_json::{Value, json};

use super::{Outcome, id, said, strings, tool};

pub(super) fn tools() -> Vec<Value> {
    let rows = |key: &str| {
        json!({
            "type": "object",
            "properties": { key: { "type": "array", "items": { "type": "object" } } },
            "required": [key],
        })
    };
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 50 });
    vec![
        tool(
            "crm.lookup_customer",
            "Look up one customer by its id.",
            &[("customerId", id())],
            strings(&["customerId", "name", "email", "country", "tier", "since"]),
        ),
        tool(
            "crm.search_accounts",
            "Find customers by a part of their name, e-mail address or country.",
            &[
                ("query", json!({ "type": "string", "minLength": 2 })),
                ("limit?", limit.clone()),
            ],
            rows("accounts"),
        ),
        tool(
            "crm.read_order_history",
            "List a customer's orders, newest first.",
            &[("customerId", id()), ("limit?", limit)],
            rows("orders"),
        ),
        tool(
            "crm.create_support_ticket",
            "Open a support ticket for a customer.",
            &[
                ("customerId", id()),
                (
                    "subject",
                    json!({ "type": "string", "minLength": 3, "maxLength": 120 }),
                ),
                (
                    "priority?",
                    json!({ "type": "string", "enum": ["low", "normal", "high"] }),
                ),
            ],
            strings(&["ticketId", "status"]),
        ),
        tool(
            "crm.delete_customer",
            "Delete a customer and everything that belongs to it, for good.",
            &[("customerId", id())],
            strings(&["customerId", "status"]),
        ),
    ]
}

pub(super) fn run(name: &str, arguments: &Value) -> Option<Outcome> {
    Some(match name {
        "crm.lookup_customer" => customer(said(arguments, "customerId")),
        "crm.search_accounts" => Ok(search(said(arguments, "query"), limit(arguments))),
        "crm.read_order_history" => {
            let customer_id = said(arguments, "customerId");
            customer(customer_id).map(|_| history(customer_id, limit(arguments)))
        }
        "crm.create_support_ticket" => {
            let customer_id = said(arguments, "customerId");
            customer(customer_id)
                .map(|_| json!({ "ticketId": format!("TIC-{customer_id}"), "status": "open" }))
        }
        "crm.delete_customer" => {
            let customer_id = said(arguments, "customerId");
            customer(customer_id).map(|_| json!({ "customerId": customer_id, "status": "deleted" }))
        }
        _ => return None,
    })
}

/// Whether the customer placed the order, and for how much.
pub(super) fn order_total(customer_id: &str, order_id: &str) -> Option<f64> {
    ORDERS
        .iter()
        .find(|order| order.0 == order_id && order.1 == customer_id)
        .map(|order| order.3)
}

fn customer(customer_id: &str) -> Outcome {
    CUSTOMERS
        .iter()
        .find(|row| row[0] == customer_id)
        .map(object)
        .ok_or_else(|| format!("There is no customer {customer_id}."))
}

fn search(query: &str, limit: usize) -> Value {
    let query = query.to_lowercase();
    let accounts: Vec<Value> = CUSTOMERS
        .iter()
        .filter(|row| {
            row.iter()
                .any(|field| field.to_lowercase().contains(&query))
        })
        .take(limit)
        .map(object)
        .collect();
    json!({ "accounts": accounts })
}

fn history(customer_id: &str, limit: usize) -> Value {
    let orders: Vec<Value> = ORDERS
        .iter()
        .filter(|order| order.1 == customer_id)
        .take(limit)
        .map(|(id, _, date, total, item)| {
            json!({ "orderId": id, "date": date, "total": total, "currency": "EUR", "item": item })
        })
        .collect();
    json!({ "orders": orders })
}

fn limit(arguments: &Value) -> usize {
    arguments["limit"]
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10)
}

fn object(row: &[&str; 6]) -> Value {
    let [customer_id, name, email, country, tier, since] = row;
    json!({
        "customerId": customer_id, "name": name, "email": email,
        "country": country, "tier": tier, "since": since,
    })
}

const CUSTOMERS: [[&str; 6]; 5] = [
    [
        "C-1001",
        "Ada Marsh",
        "ada.marsh@example.com",
        "IE",
        "gold",
        "2019-03-14",
    ],
    [
        "C-1002",
        "Bram de Wit",
        "bram@example.org",
        "NL",
        "standard",
        "2021-11-02",
    ],
    [
        "C-1003",
        "Carmen Ortiz",
        "c.ortiz@example.com",
        "ES",
        "gold",
        "2020-06-21",
    ],
    [
        "C-1004",
        "Dmitri Volkov",
        "d.volkov@example.net",
        "EE",
        "standard",
        "2024-01-09",
    ],
    [
        "C-1005",
        "Edda Lindqvist",
        "edda@example.org",
        "SE",
        "platinum",
        "2017-08-30",
    ],
];

/// Id, customer, date, total in EUR, item; newest first.
const ORDERS: [(&str, &str, &str, f64, &str); 6] = [
    ("O-9006", "C-1001", "2026-04-11", 259.9, "Espresso machine"),
    ("O-9005", "C-1003", "2026-04-02", 1_290.0, "Standing desk"),
    ("O-9004", "C-1001", "2026-02-18", 39.5, "Coffee beans, 3 kg"),
    ("O-9003", "C-1002", "2026-02-01", 89.0, "Desk lamp"),
    (
        "O-9002",
        "C-1005",
        "2025-12-19",
        4_200.0,
        "Conference table",
    ),
    ("O-9001", "C-1004", "2025-12-03", 24.0, "Cable set"),
];
