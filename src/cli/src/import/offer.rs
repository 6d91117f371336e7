//! What a server offers, and the registry entries that it would make.

use engine::{
    config::Config,
    json::{Doc, Node, quote},
    policy::Policy,
    registry::{Kind, hides, pin, template},
};

use super::client::Client;
use crate::source::{Edit, Member, Source};

/// A tool, a resource, a resource template or a prompt, as its server announces it.
pub(super) struct Item {
    pub(super) kind: Kind,
    /// The name that its server knows; for a resource its URI or URI pattern.
    pub(super) name: String,
    pub(super) announced: Doc,
}

/// Everything on offer, in the order of the registry.
pub(super) fn ask(client: &mut Client<'_>) -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for (kind, method, member, key) in [
        (Kind::Tool, "tools/list", "tools", "name"),
        (Kind::Resource, "resources/list", "resources", "uri"),
        (
            Kind::Resource,
            "resources/templates/list",
            "resourceTemplates",
            "uriTemplate",
        ),
        (Kind::Prompt, "prompts/list", "prompts", "name"),
    ] {
        for announced in client.list(method, member)? {
            let name = announced.root().get(key).and_then(Node::str);
            let name = name.unwrap_or_default().into_owned();
            let name = if key == "uriTemplate" {
                template(&name)
            } else {
                name
            };
            items.push(Item {
                kind,
                name,
                announced,
            });
        }
    }
    Ok(items)
}

impl Item {
    pub(super) fn pin(&self) -> String {
        pin(self.kind, self.announced.root())
    }

    /// Whether anything in it does not show.
    pub(super) fn hides(&self) -> bool {
        hides(self.announced.root())
    }

    /// Its entry, under the name `name`: as careful as can be, for somebody to review.
    pub(super) fn entry(&self, server: &str, name: &str) -> Vec<Member> {
        let announced = |key| (key, self.announced.root().get(key).map(Node::raw));
        let backend = (name != self.name).then(|| quote(&self.name));
        let (server, pin) = (quote(server), quote(&self.pin()));
        let name = quote(name);
        let members = match self.kind {
            Kind::Tool => vec![
                ("name", Some(name.as_str())),
                announced("title"),
                announced("description"),
                ("mcpServer", Some(&server)),
                ("mcpTool", backend.as_deref()),
                ("riskTier", Some("\"high\"")),
                ("access", Some("\"write\"")),
                ("pin", Some(&pin)),
                announced("annotations"),
                announced("icons"),
                announced("execution"),
                announced("_meta"),
                announced("inputSchema"),
                announced("outputSchema"),
            ],
            // Not its size, which changes with what it holds.
            Kind::Resource => vec![
                ("uri", Some(name.as_str())),
                announced("uriTemplate"),
                announced("name"),
                announced("title"),
                announced("description"),
                ("mcpServer", Some(&server)),
                ("riskTier", Some("\"high\"")),
                ("pin", Some(&pin)),
                announced("mimeType"),
                announced("annotations"),
                announced("icons"),
                announced("_meta"),
            ],
            Kind::Prompt => vec![
                ("name", Some(name.as_str())),
                announced("title"),
                announced("description"),
                ("mcpServer", Some(&server)),
                ("mcpPrompt", backend.as_deref()),
                ("riskTier", Some("\"high\"")),
                ("pin", Some(&pin)),
                announced("arguments"),
                announced("icons"),
                announced("_meta"),
            ],
        };
        let reads = self
            .announced
            .root()
            .pointer(&["annotations", "readOnlyHint"]);
        let reads = reads.and_then(Node::bool) == Some(true);
        let comment = |key| match key {
            "name" | "uri" => Some("new: nobody has reviewed it"),
            // Its server's word proves nothing: who reviews it decides.
            "access" if reads => Some("its server says that it only reads"),
            _ => None,
        };
        members
            .into_iter()
            .filter_map(|(key, text)| {
                let value = Doc::parse(text?.into()).ok()?;
                Some(Member {
                    key,
                    value,
                    comment: comment(key),
                })
            })
            .collect()
    }

    /// Why its entry cannot be in a registry.
    pub(super) fn refusal(&self, server: &str, name: &str) -> Option<String> {
        if self.kind == Kind::Resource && self.name.contains('*') && self.is_exact() {
            return Some("a `*` in a URI would stand for anything".to_owned());
        }
        let alone = format!("servers: {{ {}: {{}} }}\n", quote(server));
        let (source, _) = Source::new(String::new(), alone);
        let mut edit = Edit::new(&source);
        edit.append(list(self.kind), &[self.entry(server, name)]);
        let Some(text) = edit.finish() else {
            return Some("it cannot be written as YAML".to_owned());
        };
        let (source, _) = Source::new(String::new(), text);
        let problems = Policy::compile(Config::join(vec![source.value()], Vec::new())).err()?;
        let problem = problems.into_iter().next()?;
        let field = problem
            .path
            .split_once("].")
            .map(|(_, field)| format!("{field}: "));
        Some(format!("{}{}", field.unwrap_or_default(), problem.message))
    }

    fn is_exact(&self) -> bool {
        self.announced.root().get("uri").is_some()
    }
}

/// The list of the registry that holds entries of a kind.
pub(super) const fn list(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "tools",
        Kind::Resource => "resources",
        Kind::Prompt => "prompts",
    }
}
