//! A message for people, as an incoming webhook of Slack takes it.
//!
//! What agents and people wrote stands in texts that Slack does not parse (`plain_text`, and rich
//! text, which has no markup), so it can neither look like ours nor be a link or a mention. Only the
//! fallback for notifications is parsed; it names no more than what is configured and who acted.

use engine::{
    approval::{Approver, Need},
    visible::is_hidden,
};
use serde_json::{Value, json};

use super::body::page;
use crate::store::{Delivery, Event, State};

pub(super) fn message(delivery: &Delivery, public_url: &str) -> Value {
    let (ask, entry) = (&delivery.ask, &delivery.entry);
    let (headline, url) = (headline(delivery), page(delivery, public_url));
    let mut blocks = vec![json!({ "type": "header", "text": plain(&headline, 150) })];
    let facts = [
        ("Asked by", &ask.user),
        ("Agent", &ask.agent),
        ("Tenant", &ask.tenant),
        ("Environment", &ask.environment),
        ("Server", &ask.server),
        ("Risk", &ask.risk_tier),
        ("Rule", &ask.rule),
        ("Agent's reason", &ask.meta_reason),
        ("Reason", &entry.reason),
    ];
    let facts = facts.iter().filter_map(|(name, value)| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some(plain(&format!("{name}: {value}"), 1_000))
    });
    let facts: Vec<_> = facts.collect();
    if !facts.is_empty() {
        blocks.push(json!({ "type": "section", "fields": facts }));
    }
    if entry.event == Event::Opened {
        let arguments = json!({ "type": "text", "text": shown(ask.arguments.text(), 2_500) });
        let block = json!({ "type": "rich_text_preformatted", "elements": [arguments] });
        blocks.push(json!({ "type": "rich_text", "elements": [block] }));
    }
    let button = json!({ "type": "button", "text": plain("Open", 75), "url": url });
    blocks.push(json!({ "type": "actions", "elements": [button] }));
    json!({
        "text": format!("{}: {url}", escape(&shown(&headline, 150))),
        "mrkdwn": false,
        "unfurl_links": false,
        "blocks": blocks,
    })
}

fn headline(delivery: &Delivery) -> String {
    let (ask, entry) = (&delivery.ask, &delivery.entry);
    let tool = &ask.tool;
    let by = entry.by.as_deref().unwrap_or("nobody");
    match (entry.event, entry.state) {
        (Event::Opened, _) => format!("{tool} waits for {}", deciders(&ask.needs)),
        (Event::Approved, Some(State::Pending)) => {
            format!("{tool}: {by} approves, and others have to")
        }
        (Event::Approved, _) => format!("{tool} is approved by {by}"),
        (Event::Denied, _) => format!("{tool} is refused by {by}"),
        (Event::Revoked, _) => format!("{tool}: {by} takes the approval back"),
        (Event::Expired, _) => format!("{tool}: the time is over"),
        (Event::Used, _) => format!("{tool} is executed"),
        (Event::Unmasked, _) => format!("{tool}: {by} has seen the sensitive values"),
        (Event::Escalated, _) => {
            format!(
                "{tool} waits for {} too",
                entry.role.as_deref().unwrap_or("others")
            )
        }
        // They concern no ask, and are not told.
        (event @ (Event::Delegated | Event::Withdrawn), _) => event.name().to_owned(),
    }
}

fn deciders(needs: &[Need]) -> String {
    let one = |need: &Need| match (&need.approver, need.approvals) {
        (Approver::User, _) => "its user".to_owned(),
        (Approver::Role(role), 0 | 1) => role.clone(),
        (Approver::Role(role), count) => format!("{count} of {role}"),
    };
    needs.iter().map(one).collect::<Vec<_>>().join(" and ")
}

fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "emoji": false, "text": shown(text, most) })
}

/// At most so much, as Slack counts, with the hidden characters made visible.
fn shown(text: &str, most: usize) -> String {
    let (mut shown, mut left) = (String::new(), most);
    for c in text.chars() {
        let piece = if is_hidden(c) {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        };
        let length = piece.encode_utf16().count();
        if length >= left {
            shown.push('…');
            break;
        }
        shown.push_str(&piece);
        left -= length;
    }
    shown
}

/// What Slack reads as control characters.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
