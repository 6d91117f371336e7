//! Values in arguments that are nobody else's business: what the record, approvers and the server
//! get to see in their place. Rules judge what the agent sent, and that is what is approved.

use std::collections::BTreeSet;

use crate::{
    cx::Cx,
    http::HeaderEdit,
    json::{Doc, Kind as Json, Node, Splice, splice},
    policy::Redactions,
    redact::{Blocked, By, Redacted},
    refusal::{Refusal, Sensitive},
    registry::{Entry, Kind},
    rpc::{self, Era, Message},
};

use super::{
    Exchange,
    judge::{Judged, Wanted},
};

impl Exchange {
    /// Takes down of a use what the record may hold.
    pub(super) fn audit(
        &mut self,
        redactions: &Redactions,
        message: &Message<'_>,
        wanted: &Wanted<'_>,
        entry: &Entry,
        cx: &Cx<'_>,
    ) {
        if redactions.arguments.is_empty() && !redactions.values {
            return;
        }
        let audit = redactions.audit(entry);
        if let Some(reason) = message.meta_text("reason") {
            self.record.meta_reason(&audit.text(&reason, cx.seal));
        }
        if wanted.kind == Kind::Resource {
            self.record
                .target(wanted.kind, &audit.text(wanted.name, cx.seal));
        } else if let Some(arguments) = wanted.arguments
            && let Ok(found) = audit.apply(arguments, cx.seal)
            && let Some(left) = without(arguments, found.edits)
        {
            self.record.shown(left.root(), redactions.values);
        }
    }

    /// Takes out of a use what approvers do not see and the server does not get.
    pub(super) fn redact(
        &mut self,
        mut judged: Judged,
        redactions: &Redactions,
        wanted: &Wanted<'_>,
        message: &Message<'_>,
        entry: &Entry,
        cx: &Cx<'_>,
    ) -> Result<Judged, Refusal> {
        let said = match wanted.kind {
            Kind::Resource => message.params.and_then(|params| params.get("uri")),
            Kind::Tool | Kind::Prompt => wanted.arguments,
        };
        let Some(arguments) = said.filter(|_| !redactions.arguments.is_empty()) else {
            return Ok(judged);
        };
        let mut blocked = |Blocked(kind): Blocked| {
            self.record.redacted([(kind.clone(), 1)].into());
            Refusal::Sensitive(Sensitive::Blocked(kind))
        };
        // Approvers see that there is something.
        let shown = redactions.arguments.clone().with(By::Drop, By::Mask);
        let found = shown.apply(arguments, cx.seal).map_err(&mut blocked)?;
        let Redacted { edits, .. } = redactions
            .upstream
            .apply(arguments, cx.seal)
            .map_err(&mut blocked)?;
        if let Judged::Ask(question) = &mut judged
            && wanted.kind != Kind::Resource
        {
            let mut places = Vec::new();
            let starts = found.edits.iter().map(|edit| edit.at.start).collect();
            if named(arguments, "", &starts, &mut places) {
                // An approver would see the name of a member that is a value.
                return Err(Refusal::Sensitive(Sensitive::Unfit));
            }
            question.hide(places);
        }
        self.record.redacted(found.counts);
        if edits.is_empty() {
            return Ok(judged);
        }
        let template = entry.rest.as_ref();
        let fitting = |left: &Doc| {
            let left = Some(left.root());
            entry.input.violations(left, 1).is_ok()
                && template.is_none_or(|template| template.render(left).is_ok())
        };
        let left = without(arguments, edits.clone()).filter(fitting);
        let Some(left) = left.filter(|_| wanted.kind != Kind::Resource) else {
            return Err(Refusal::Sensitive(Sensitive::Unfit));
        };
        let passage = judged.passage();
        if wanted.kind == Kind::Tool && message.era == Era::Modern {
            let headers = headers(entry, arguments, left.root());
            passage.edits.headers.extend(headers);
        }
        passage.splices.extend(edits);
        Ok(judged)
    }
}

/// A value as a document of its own, changed by edits of the one that it is in.
fn without(value: Node<'_>, edits: Vec<Splice>) -> Option<Doc> {
    let start = value.span().start;
    let shift = |edit: Splice| Splice {
        at: edit.at.start.saturating_sub(start)..edit.at.end.saturating_sub(start),
        ..edit
    };
    let edits = edits.into_iter().map(shift).collect();
    Doc::parse(splice(value.raw().as_bytes(), edits)).ok()
}

/// Headers that mirror arguments which are others now (MCP 2026-07-28, "Request Metadata").
fn headers<'a>(
    entry: &'a Entry,
    before: Node<'a>,
    after: Node<'a>,
) -> impl Iterator<Item = HeaderEdit> {
    let declared = entry.input.param_headers().iter();
    declared.filter_map(move |declared| {
        let path: Vec<_> = declared.path.iter().map(String::as_str).collect();
        let raw = |root: Node<'a>| root.pointer(&path).filter(|it| !it.is_null());
        let (was, is) = (raw(before), raw(after));
        if was.map(Node::raw) == is.map(Node::raw) {
            return None;
        }
        let name = declared.header.clone();
        Some(match is {
            None => HeaderEdit::Remove(name),
            Some(value) => {
                let text = value.str().unwrap_or_else(|| value.raw().into());
                HeaderEdit::Set(name.into(), rpc::encode_header(&text))
            }
        })
    })
}

/// Pointers to values that edits begin with; where one begins with the name of a member, to what
/// that is a member of. `true`: that is the whole.
fn named(node: Node<'_>, at: &str, starts: &BTreeSet<usize>, places: &mut Vec<String>) -> bool {
    if starts.contains(&node.span().start) {
        places.push(at.to_owned());
        return at.is_empty();
    }
    match node.kind() {
        Json::Object => {
            if node
                .members()
                .any(|member| starts.contains(&member.span().start))
            {
                places.push(at.to_owned());
                return at.is_empty();
            }
            node.members().any(|member| {
                let name = member.key().replace('~', "~0").replace('/', "~1");
                named(member.value(), &format!("{at}/{name}"), starts, places)
            })
        }
        Json::Array => {
            let mut items = node.items().enumerate();
            items.any(|(i, item)| named(item, &format!("{at}/{i}"), starts, places))
        }
        Json::Null | Json::Bool | Json::Number | Json::String => false,
    }
}
