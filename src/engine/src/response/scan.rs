//! Looks through the texts of a message for what wants to steer the model that reads them.
//!
//! All that models may get to read is looked at: content, members of `structuredContent` and their
//! names, descriptions and instructions, messages of errors, of the log and of progress, questions.

use crate::{
    inject::{Counts, Place, Reading, Rule},
    json::{Doc, Kind, Node, Splice, quote},
    policy::Policy,
    refusal::{Refusal, ResultFault},
    rpc::Method,
};

use super::Terms;

/// What has to change in a message.
///
/// # Errors
/// Something was found that must not pass.
pub(super) fn edits(
    root: Node<'_>,
    terms: &Terms,
    policy: &Policy,
    counts: &mut Counts,
) -> Result<Vec<Splice>, Refusal> {
    if policy.scan().is_off() {
        return Ok(Vec::new());
    }
    let mut pass = Pass {
        terms,
        policy,
        structured: None,
        counts,
        edits: Vec::new(),
    };
    match pass.value(root, Site::Message(Place::Fixed)) {
        Ok(()) => Ok(pass.edits),
        Err(rule) => Err(Refusal::Result(ResultFault::Injection(rule.as_str()))),
    }
}

struct Pass<'a> {
    terms: &'a Terms,
    policy: &'a Policy,
    /// What is structured of the result that is looked at.
    structured: Option<Node<'a>>,
    counts: &'a mut Counts,
    edits: Vec<Splice>,
}

/// Where a value lies.
#[derive(Clone, Copy)]
enum Site {
    /// Where the protocol says what it is for.
    Message(Place),
    /// In what is a server's own.
    Own,
}

impl<'a> Pass<'a> {
    fn value(&mut self, value: Node<'a>, site: Site) -> Result<(), Rule> {
        match value.kind() {
            Kind::String => self.string(value, site),
            Kind::Array => value.items().try_for_each(|item| self.value(item, site)),
            Kind::Object => self.object(value, site),
            Kind::Null | Kind::Bool | Kind::Number => Ok(()),
        }
    }

    fn object(&mut self, object: Node<'a>, site: Site) -> Result<(), Rule> {
        let sort = object.get("type").and_then(Node::str).unwrap_or_default();
        let sort = match site {
            Site::Message(_) => &*sort,
            Site::Own => "",
        };
        for member in object.members() {
            let (name, value) = (member.key(), member.value());
            let inner = match (site, &*name) {
                (Site::Own, _) => {
                    self.text(&name, Place::Fixed)?;
                    Site::Own
                }
                (Site::Message(_), "data") if matches!(sort, "image" | "audio") => continue,
                (Site::Message(_), name) if OPAQUE.contains(&name) => continue,
                (Site::Message(_), name) if OWN.contains(&name) => Site::Own,
                (Site::Message(_), "text") if sort == "text" && self.stands_alone(value) => {
                    Site::Message(Place::Block)
                }
                (Site::Message(_), name) if TEXTS.contains(&name) => Site::Message(Place::Part),
                (Site::Message(_), _) => Site::Message(Place::Fixed),
            };
            if let (Site::Message(_), "content") = (site, &*name) {
                self.structured = object.get("structuredContent");
            }
            self.value(value, inner)?;
        }
        Ok(())
    }

    fn string(&mut self, value: Node<'a>, site: Site) -> Result<(), Rule> {
        let place = match site {
            Site::Message(place) => place,
            Site::Own => Place::Part,
        };
        let text = value.str().unwrap_or_default();
        if let Some(other) = self.text(&text, place)? {
            self.edits.push(Splice {
                at: value.span(),
                with: quote(&other).into_bytes(),
            });
        }
        Ok(())
    }

    /// What is to stand in the place of a text.
    fn text(&mut self, text: &str, place: Place) -> Result<Option<String>, Rule> {
        let server = &self.terms.server;
        let foreign = |name: &str| self.policy.registry().is_foreign(server, name);
        let reading = reading(self.terms.operation);
        let scan = self.policy.scan();
        scan.treat(text, place, reading, &foreign, self.counts)
    }

    /// Whether a block's text can be marked as data: it is no prompt, and not the copy of what is
    /// structured, for which programs may look in it.
    fn stands_alone(&self, text: Node<'_>) -> bool {
        if !self.policy.scan().wraps() {
            return true;
        }
        if self.terms.operation == Some(Method::PromptsGet) {
            return false;
        }
        let Some(structured) = self.structured else {
            return true;
        };
        let text = text.str().unwrap_or_default();
        let copy = Doc::parse(text.into_owned().into_bytes());
        copy.map_or(true, |copy| exact(copy.root()) != exact(structured))
    }
}

fn exact(value: Node<'_>) -> String {
    let mut text = String::new();
    value.write_exact(&mut text);
    text
}

/// Lists and greetings say what things are.
const fn reading(operation: Option<Method>) -> Reading {
    let describes = matches!(
        operation,
        Some(
            Method::ToolsList
                | Method::ResourcesList
                | Method::TemplatesList
                | Method::PromptsList
                | Method::Initialize
                | Method::Discover
        )
    );
    if describes {
        Reading::Description
    } else {
        Reading::Data
    }
}

/// Members that no model reads, or that clients bring back as they are.
const OPAQUE: [&str; 9] = [
    "_meta",
    "blob",
    "icons",
    "mimeType",
    "nextCursor",
    "requestState",
    "resultType",
    "role",
    "taskId",
];

/// Members that hold whatever a server likes.
const OWN: [&str; 2] = ["data", "structuredContent"];

/// Members that are text. All others are names, addresses and the like.
const TEXTS: [&str; 8] = [
    "description",
    "instructions",
    "message",
    "statusMessage",
    "systemPrompt",
    "text",
    "title",
    "values",
];
