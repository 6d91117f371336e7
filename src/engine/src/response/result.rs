//! The passes over one message: each sees what the one before left of it.

use crate::{
    cx::Cx,
    json::{Doc, Node, Splice, splice},
    policy::Policy,
    refusal::{Refusal, UpstreamFault},
    registry::Kind,
    rpc::Era,
    sse::Fate,
    translate,
};

use super::{Terms, Told, bound, greeting, list, mirror, notice, redact, scan, shape};

/// A message that is being changed.
pub(super) struct Draft {
    doc: Doc,
    /// As it came, where it was changed.
    first: Option<Doc>,
}

impl Draft {
    pub(super) const fn new(doc: Doc) -> Self {
        let first = None;
        Self { doc, first }
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.doc.root()
    }

    pub(super) fn result(&self) -> Option<Node<'_>> {
        self.root().get("result")
    }

    /// The result as it came.
    pub(super) fn first_result(&self) -> Option<Node<'_>> {
        let first = self.first.as_ref().unwrap_or(&self.doc);
        first.root().get("result")
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.doc.into_bytes()
    }

    /// What is to become of the message.
    pub(super) fn fate(self) -> Fate {
        match self.first {
            Some(_) => Fate::Data(self.into_bytes()),
            None => Fate::Keep,
        }
    }

    /// Makes changes that were found together.
    pub(super) fn change(&mut self, edits: Vec<Splice>) -> Result<(), Refusal> {
        if edits.is_empty() {
            return Ok(());
        }
        let bytes = splice(self.doc.bytes(), edits);
        let unreadable = |_| Refusal::Upstream(UpstreamFault::Unreadable);
        let doc = Doc::parse(bytes).map_err(unreadable)?;
        let before = std::mem::replace(&mut self.doc, doc);
        self.first.get_or_insert(before);
        Ok(())
    }

    /// Makes the changes that a pass wants in the result.
    pub(super) fn edit(
        &mut self,
        pass: impl FnOnce(Node<'_>) -> Vec<Splice>,
    ) -> Result<(), Refusal> {
        let edits = self.result().map(pass).unwrap_or_default();
        self.change(edits)
    }

    /// Lets texts that said what `structuredContent` said say what it says by now.
    pub(super) fn mirror(&mut self) -> Result<(), Refusal> {
        let Some(first) = &self.first else {
            return Ok(());
        };
        let results = first.root().get("result").zip(self.result());
        let edits = results.map(|(before, after)| mirror::edits(before, after));
        self.change(edits.unwrap_or_default())
    }
}

/// Brings one message into the form in which the client may have it.
pub(super) fn govern(
    draft: &mut Draft,
    terms: &Terms,
    told: &mut Told,
    policy: &Policy,
    cx: &Cx<'_>,
) -> Result<(), Refusal> {
    draft.edit(|result| list::filter(result, terms, policy, cx, told))?;
    draft.edit(|result| greeting::edits(result, terms, policy, told))?;
    let whole = draft.result().is_some_and(is_whole);
    let entry = terms.entry(policy).filter(|_| whole);
    let tool = entry.filter(|entry| entry.kind == Kind::Tool);
    if let Some(tool) = tool {
        shape::shape(draft, tool, told)?;
        draft.mirror()?;
    }
    let redacted = redact::redact(draft, terms, told, cx)?;
    let edits = scan::edits(draft.root(), terms, policy, &mut told.injections)?;
    let changes = redacted || !edits.is_empty();
    draft.change(edits)?;
    if let Some(tool) = tool.filter(|_| changes) {
        shape::check_again(draft, tool, told)?;
        draft.mirror()?;
    }
    if tool.is_some() && terms.crossed() == Some(Era::Modern) {
        draft.edit(translate::plain)?;
    }
    if let Some(entry) = entry {
        bound::keep(draft, entry, policy.bounds(), told)?;
    }
    if let Some(tool) = tool {
        draft.edit(|result| notice::edits(result, tool))?;
    }
    Ok(())
}

/// Whether it is the result itself, and not a word on when there will be one.
fn is_whole(result: Node<'_>) -> bool {
    let sort = result.get("resultType").and_then(Node::str);
    sort.is_none_or(|sort| sort == "complete") && result.get("task").is_none()
}
