//! Texts that say what `structuredContent` says, for clients that read only text (MCP, "Structured
//! Content"): where that was changed, they go on saying it.

use crate::json::{Doc, Kind, Node, Splice, quote};

use super::content::structured;

/// What lets such texts of `before` say what `structuredContent` says `after` the changes, with the
/// blocks of content at their places.
pub(super) fn edits(before: Node<'_>, after: Node<'_>) -> Vec<Splice> {
    let (old, Some(now)) = (structured(before).map(exact), structured(after)) else {
        return Vec::new();
    };
    let new = exact(now);
    if old.as_ref() == Some(&new) {
        return Vec::new();
    }
    let lifted = old.is_none() && lone_text(before).is_some();
    let said_it = |block: Node<'_>| match &old {
        Some(old) => json_of(block).is_some_and(|said| exact(said.root()) == *old),
        None => lifted,
    };
    let blocks = [before, after].map(|result| result.get("content"));
    let [before, after] = blocks.map(|it| it.into_iter().flat_map(Node::items));
    let changed = before.zip(after).filter(|(block, _)| said_it(*block));
    let says_other =
        |block: &Node<'_>| json_of(*block).is_none_or(|said| exact(said.root()) != new);
    let changed = changed.map(|(_, block)| block).filter(says_other);
    changed
        .map(|block| block.set("text", &quote(now.raw())))
        .collect()
}

/// The object or array that is a result's only content, as text.
pub(super) fn lone_text(result: Node<'_>) -> Option<Doc> {
    let mut blocks = result.get("content")?.items();
    match (blocks.next(), blocks.next()) {
        (Some(only), None) => json_of(only),
        _ => None,
    }
}

/// The object or array that a text block is.
fn json_of(block: Node<'_>) -> Option<Doc> {
    if block.get("type")?.str()? != "text" {
        return None;
    }
    let text = block.get("text")?.str()?;
    // Most text is no JSON: that shows in its first character.
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let doc = Doc::parse(text.into_owned().into_bytes()).ok()?;
    doc.check_keys().ok()?;
    matches!(doc.root().kind(), Kind::Object | Kind::Array).then_some(doc)
}

fn exact(value: Node<'_>) -> String {
    let mut text = String::new();
    value.write_exact(&mut text);
    text
}
