//! Messages on their way back: what each of them is, and what becomes of it.
//!
//! Every answer is taken apart into JSON-RPC messages; whether one came as a body or as an event is
//! framing, and the exchange's business. Each message is read strictly, held against what was asked,
//! and changed where the policy wants that. What may not pass is left out, and where somebody waits
//! for an answer an error stands in its place.

mod asked;
mod bound;
mod content;
mod envelope;
mod greeting;
mod list;
mod mirror;
mod nested;
mod normalize;
mod notice;
mod redact;
pub mod rest;
mod result;
mod scan;
mod shape;
mod size;
mod task;
mod told;

use std::sync::Arc;

use crate::{
    call::{Call, Partial, Principal},
    cx::Cx,
    ids::Ids,
    json::Doc,
    policy::{Policy, Redactions},
    refusal::{Asker, Refusal, UpstreamFault},
    registry::{Entry, Server},
    rest::Template,
    rpc::{Era, Message, Method, era},
    sse::Fate,
    translate::{self, Translated},
};
use envelope::Sort;
use result::Draft;

pub use list::drifted;
pub use size::Size;
pub use task::{RELATED, Task, Tasks};
pub use told::Told;

/// What the answers to one request are held to.
#[derive(Debug, Default)]
pub struct Terms {
    /// Who asked.
    pub principal: Principal,
    /// The server that answers.
    pub server: String,
    /// The era in which it is spoken to, where it was reached through the virtual server.
    pub spoken: Option<Era>,
    /// The id under which it was asked, as JSON, where that is not the client's own.
    pub sent: Option<String>,
    /// The least severe log messages that the client wants, in the era that says so each time.
    pub log: Option<String>,
    /// The legacy session.
    pub session: Option<String>,
    /// To whom an error is said.
    pub asker: Asker,
    /// What was asked; `None`: nothing, the stream carries whatever the server has to say.
    pub operation: Option<Method>,
    /// A list was asked for from its beginning.
    pub whole: bool,
    /// What the client can do for the server meanwhile.
    pub declared: Declared,
    /// The place of the entry that is used.
    pub entry: Option<usize>,
    /// The tasks that were asked about.
    pub tasks: Tasks,
    /// What is taken out.
    pub redactions: Arc<Redactions>,
}

/// What a client declares with a request that it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Ask its user to fill in a form,
    pub form: bool,
    /// or to visit a page.
    pub page: bool,
    /// Ask its model.
    pub sampling: bool,
    /// Say where its files are.
    pub roots: bool,
    /// Come back for the result.
    pub task: bool,
}

impl Terms {
    /// Adds what the request says.
    pub fn message(&mut self, message: &Message<'_>) {
        let declares = |path: &[&str]| message.client_capability(path).is_some();
        let elicitation = message.client_capability(&["elicitation"]);
        self.operation = Some(message.operation);
        self.log = message.meta_text(era::LOG_LEVEL);
        self.whole = message.params.is_none_or(|it| it.get("cursor").is_none());
        self.declared = Declared {
            // To declare neither form nor page is to declare forms (MCP, "Elicitation").
            form: elicitation.is_some_and(|it| it.get("form").is_some() || it.is_empty()),
            page: declares(&["elicitation", "url"]),
            sampling: declares(&["sampling"]),
            roots: declares(&["roots"]),
            task: declares(&["extensions", "io.modelcontextprotocol/tasks"])
                || message.params.is_some_and(|it| it.get("task").is_some()),
        };
    }

    /// What becomes of one message.
    pub fn govern(&self, message: Vec<u8>, told: &mut Told, policy: &Policy, cx: &Cx<'_>) -> Fate {
        let governed = match Doc::parse(message) {
            Ok(doc) if doc.check_keys().is_ok() => self.judge(doc, told, policy, cx),
            Ok(_) | Err(_) => Err(Refusal::Upstream(UpstreamFault::Unreadable)),
        };
        governed.unwrap_or_else(|refusal| match self.refuse(&refusal, told, policy, cx) {
            Some(answer) => Fate::Data(answer),
            None => told.drop(refusal.reason()),
        })
    }

    /// The error that stands for an answer; `None` where nobody waits for one any more.
    pub fn refuse(
        &self,
        refusal: &Refusal,
        told: &mut Told,
        policy: &Policy,
        cx: &Cx<'_>,
    ) -> Option<Vec<u8>> {
        if self.asker.id.is_none() || told.answered {
            return None;
        }
        told.refused(refusal, cx.now);
        Some(refusal.reply(&self.asker, policy).body)
    }

    fn judge(
        &self,
        doc: Doc,
        told: &mut Told,
        policy: &Policy,
        cx: &Cx<'_>,
    ) -> Result<Fate, Refusal> {
        let mut draft = Draft::new(doc);
        if let Some(why) = self.translate(&mut draft)? {
            return Ok(told.drop(why));
        }
        let sort = envelope::sort(draft.root(), self, told, policy, cx)?;
        match sort {
            Sort::Stray(why) => return Ok(told.drop(why)),
            Sort::Unaddressed => {
                // An error that names no request is about the only one there is.
                let id = self.asker.id.as_deref().unwrap_or("null");
                draft.change(vec![draft.root().set("id", id)])?;
            }
            Sort::Answer | Sort::Aside => {}
        }
        draft.change(asked::edits(draft.root(), self, cx))?;
        if let Err(refusal) = nested::govern(&mut draft, self, told, policy, cx) {
            // What is said aside is no answer: nothing stands in its place.
            return match sort.answers() {
                true => Err(refusal),
                false => Ok(told.drop(refusal.reason())),
            };
        }
        if sort.answers() {
            told.answer(draft.root(), cx.now);
        }
        Ok(draft.fate())
    }

    /// The era of the server, where it is not the client's.
    #[must_use]
    pub fn crossed(&self) -> Option<Era> {
        self.spoken
            .filter(|_| self.asker.era.is_some() && self.spoken != self.asker.era)
    }

    /// Brings a message into the client's era; gives why it has nothing like it.
    fn translate(&self, draft: &mut Draft) -> Result<Option<&'static str>, Refusal> {
        let Some(era) = self.crossed() else {
            return Ok(None);
        };
        let origin = translate::Origin {
            era,
            operation: self.operation,
            log: self.log.as_deref(),
            id: self.sent.as_deref().zip(self.asker.id.as_deref()),
        };
        match translate::message(draft.root(), &origin)? {
            Translated::Splices(splices) => draft.change(splices)?,
            Translated::Drop(why) => return Ok(Some(why)),
        }
        Ok(None)
    }

    /// What ids of the server are to the client.
    #[must_use]
    pub fn ids<'a>(&'a self, cx: &Cx<'a>) -> Ids<'a> {
        Ids {
            seal: cx.seal,
            principal: &self.principal,
            session: self.session.as_deref().unwrap_or_default(),
        }
    }

    /// Whether the caller may use an entry.
    fn sees(&self, entry: &Entry, policy: &Policy, cx: &Cx<'_>) -> bool {
        policy.visible(&Call {
            principal: &self.principal,
            entry,
            args: Partial::Unknown,
            meta: Partial::Unknown,
            session: self.session.as_deref(),
            now: cx.now,
        })
    }

    /// What its call became, where that was a request in plain HTTP to this server.
    #[must_use]
    pub fn template<'p>(&self, policy: &'p Policy) -> Option<(&'p Template, &'p Server)> {
        let entry = self
            .entry(policy)
            .filter(|_| self.operation == Some(Method::ToolsCall))?;
        let server = policy.registry().server(&entry.server)?;
        Some((entry.rest.as_ref()?, server))
    }

    /// The entry that is used.
    fn entry<'p>(&self, policy: &'p Policy) -> Option<&'p Entry> {
        policy.registry().entry(self.entry?)
    }
}
