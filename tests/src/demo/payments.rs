//! Payments: refunds and bank details.

use serde_json::{Value, json};

use super::{Outcome, crm, id, said, strings, tool};

pub(super) fn tools() -> Vec<Value> {
    vec![
        tool(
            "payments.refund",
            "Create a customer refund for a settled order.",
            &[
                ("customerId", id()),
                ("orderId", id()),
                (
                    "amount",
                    json!({ "type": "number", "minimum": 0.01, "maximum": 5000 }),
                ),
                (
                    "reason",
                    json!({ "type": "string", "minLength": 10, "maxLength": 500 }),
                ),
            ],
            strings(&["refundId", "status"]),
        ),
        tool(
            "payments.update_bank_details",
            "Change the account that refunds are paid to.",
            &[
                ("customerId", id()),
                (
                    "iban",
                    json!({ "type": "string", "pattern": "^[A-Z]{2}[0-9A-Z]{13,32}$" }),
                ),
            ],
            strings(&["customerId", "status"]),
        ),
    ]
}

pub(super) fn run(name: &str, arguments: &Value) -> Option<Outcome> {
    let customer_id = said(arguments, "customerId");
    Some(match name {
        "payments.refund" => refund(
            customer_id,
            said(arguments, "orderId"),
            arguments["amount"].as_f64().unwrap_or_default(),
        ),
        "payments.update_bank_details" => {
            Ok(json!({ "customerId": customer_id, "status": "updated" }))
        }
        _ => return None,
    })
}

fn refund(customer_id: &str, order_id: &str, amount: f64) -> Outcome {
    let Some(total) = crm::order_total(customer_id, order_id) else {
        return Err(format!("{customer_id} has no order {order_id}."));
    };
    if amount > total {
        return Err(format!(
            "{order_id} was {total:.2} EUR; that is less than {amount:.2}."
        ));
    }
    Ok(json!({ "refundId": format!("R-{order_id}"), "status": "settled" }))
}
