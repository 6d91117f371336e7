//! What machines are told. It is made from the trail alone, so each attempt says the same, and what
//! the trail masks is masked.

use engine::approval::Ask;
use serde::Serialize;
use serde_json::{Value, json};

use crate::store::{Delivery, State};

#[derive(Serialize)]
struct Data<'a> {
    approval: Approval<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Approval<'a> {
    id: Option<&'a str>,
    state: Option<State>,
    url: String,
    ask: &'a Ask,
}

/// The envelope that Standard Webhooks recommends.
pub(super) fn json(delivery: &Delivery, public_url: &str) -> Value {
    json!({
        "type": format!("approval.{}", delivery.entry.event.name()),
        "timestamp": delivery.entry.at,
        "data": data(delivery, public_url),
    })
}

/// CloudEvents 1.0, JSON format, section 3: structured mode.
pub(super) fn cloudevent(delivery: &Delivery, public_url: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": delivery.hash,
        "source": public_url,
        "type": format!("io.toolgate.approval.{}", delivery.entry.event.name()),
        "subject": delivery.entry.approval,
        "time": delivery.entry.at,
        "datacontenttype": "application/json",
        "data": data(delivery, public_url),
    })
}

/// The page where it is decided.
pub(super) fn page(delivery: &Delivery, public_url: &str) -> String {
    format!(
        "{public_url}/asks/{}",
        delivery.entry.approval.as_deref().unwrap_or_default()
    )
}

fn data<'a>(delivery: &'a Delivery, public_url: &str) -> Data<'a> {
    let entry = &delivery.entry;
    Data {
        approval: Approval {
            id: entry.approval.as_deref(),
            state: entry.state,
            url: page(delivery, public_url),
            ask: &delivery.ask,
        },
        by: entry.by.as_deref(),
        reason: entry.reason.as_deref(),
    }
}
