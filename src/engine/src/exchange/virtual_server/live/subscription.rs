//! What a client of the modern era wants to hear of (MCP 2026-07-28, "Subscriptions").

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    cx::Cx,
    json::Node,
    registry::Kind,
    rpc::{Era, Message},
};

use super::{
    super::{
        super::{Exchange, Request},
        spoken,
    },
    Wish,
};

#[derive(Debug)]
pub(in crate::exchange) struct Subscription {
    /// The id of its request, as JSON.
    id: String,
    pub(super) version: String,
    /// What it says of itself, as JSON.
    meta: String,
    pub(super) lists: Vec<Kind>,
    /// What it wants to hear of, by server.
    pub(super) resources: BTreeMap<String, Vec<String>>,
}

impl Exchange {
    /// What a message wants to hear of, and this gateway can tell.
    pub(in crate::exchange) fn wish(
        &self,
        request: &Request,
        message: &Message<'_>,
        cx: &Cx<'_>,
    ) -> Wish {
        let wanted = message.params.and_then(|it| it.get("notifications"));
        let yes = |name: &str| wanted.and_then(|it| it.get(name)?.bool()) == Some(true);
        let lists = LISTS.into_iter().filter(|(_, _, member)| yes(member));
        let mut resources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let sight = self.sight(request, cx);
        let uris = wanted.and_then(|it| it.get("resourceSubscriptions"));
        for uri in uris.into_iter().flat_map(Node::items).filter_map(Node::str) {
            let registry = self.policy.registry();
            let entry = registry.resource_anywhere(&uri).filter(|entry| {
                let server = registry.server(&entry.server);
                let speaks = server.is_some_and(|it| spoken(it, Era::Modern) == Some(Era::Modern));
                speaks && sight.sees(entry)
            });
            if let Some(entry) = entry {
                let of_server = resources.entry(entry.server.clone()).or_default();
                of_server.push(uri.into_owned());
            }
        }
        let meta = message.params.and_then(|it| it.get("_meta"));
        Wish::Subscription(Subscription {
            id: self.asker.id.clone().unwrap_or_else(|| "null".to_owned()),
            version: message.version.as_deref().unwrap_or_default().to_owned(),
            meta: meta.map_or("{}", Node::raw).to_owned(),
            lists: lists.map(|(kind, ..)| kind).collect(),
            resources,
        })
    }
}

impl Subscription {
    /// What says that a message belongs to it.
    pub(super) fn mark(&self) -> String {
        format!(
            r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}"#,
            self.id
        )
    }

    /// What the client will hear of.
    pub(super) fn acknowledged(&self) -> String {
        let lists = LISTS
            .into_iter()
            .filter(|(kind, ..)| self.lists.contains(kind));
        let mut offered: Map<_, _> = lists
            .map(|(_, _, member)| (member.to_owned(), true.into()))
            .collect();
        let uris: Vec<_> = self.resources.values().flatten().cloned().collect();
        if !uris.is_empty() {
            offered.insert("resourceSubscriptions".to_owned(), uris.into());
        }
        format!(
            r#"{{"jsonrpc":"2.0","method":"{ACKNOWLEDGED}","params":{{{},"notifications":{}}}}}"#,
            self.mark(),
            Value::Object(offered),
        )
    }

    /// What asks a server for its part.
    pub(super) fn request(&self, uris: &[String]) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":"{LISTEN}","params":{{"_meta":{},"notifications":{{"resourceSubscriptions":{}}}}}}}"#,
            self.id,
            self.meta,
            json!(uris),
        )
    }

    /// That it ends.
    pub(super) fn result(&self) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete",{}}}}}"#,
            self.id,
            self.mark()
        )
    }
}

/// The lists: what tells that one has changed, and how a client asks to be told.
pub(super) const LISTS: [(Kind, &str, &str); 3] = [
    (
        Kind::Tool,
        "notifications/tools/list_changed",
        "toolsListChanged",
    ),
    (
        Kind::Prompt,
        "notifications/prompts/list_changed",
        "promptsListChanged",
    ),
    (
        Kind::Resource,
        "notifications/resources/list_changed",
        "resourcesListChanged",
    ),
];
pub(super) const LISTEN: &str = "subscriptions/listen";
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
