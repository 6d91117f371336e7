//! The passes over one message: each sees what the one before left of it.

use crate::{
    cx::Cx,
    json::{Doc, Node, Splice, splice},
    policy::Policy,
    refusal::{Refusal, UpstreamFault},
};

use super::{Terms, Told, greeting, list};

/// A message that is being changed.
pub(super) struct Draft {
    doc: Doc,
    pub(super) changed: bool,
}

impl Draft {
    pub(super) const fn new(doc: Doc) -> Self {
        let changed = false;
        Self { doc, changed }
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.doc.root()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.doc.into_bytes()
    }

    /// Makes changes that were found together.
    pub(super) fn change(&mut self, edits: Vec<Splice>) -> Result<(), Refusal> {
        if edits.is_empty() {
            return Ok(());
        }
        let bytes = splice(self.doc.bytes(), edits);
        let unreadable = |_| Refusal::Upstream(UpstreamFault::Unreadable);
        self.doc = Doc::parse(bytes).map_err(unreadable)?;
        self.changed = true;
        Ok(())
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
    if let Some(result) = draft.root().get("result") {
        let edits = list::filter(result, terms, policy, cx, told);
        draft.change(edits)?;
    }
    if let Some(result) = draft.root().get("result") {
        let edits = greeting::edits(result, terms, policy, told);
        draft.change(edits)?;
    }
    Ok(())
}
