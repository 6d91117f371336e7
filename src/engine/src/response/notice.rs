//! The notice with which the results of a deprecated tool come: as text for models, and in `_meta`
//! for machines.

use serde_json::json;

use crate::{
    json::{Kind, Node, Splice, quote},
    registry::Entry,
};

/// What adds the notice, where there is one to give.
pub(super) fn edits(result: Node<'_>, entry: &Entry) -> Vec<Splice> {
    let Some(deprecated) = &entry.deprecated else {
        return Vec::new();
    };
    let mut text = format!("Notice: `{}` is deprecated", entry.name);
    let says = |text: &mut String, before: &str, what: &Option<String>, after: &str| {
        if let Some(what) = what {
            text.extend([before, what, after]);
        }
    };
    says(&mut text, " since ", &deprecated.since, "");
    says(&mut text, ", and is gone from ", &deprecated.sunset, " on");
    text.push('.');
    says(
        &mut text,
        " Use `",
        &deprecated.replacement,
        "` in its place.",
    );
    let block = format!(r#"{{"type":"text","text":{}}}"#, quote(&text));
    let content = result.get("content").filter(|it| it.kind() == Kind::Array);
    let told = match content {
        Some(content) => content.push(&block),
        None => result.set("content", &format!("[{block}]")),
    };
    let facts = json!(deprecated).to_string();
    let meta = result.get("_meta").filter(|it| it.kind() == Kind::Object);
    let marked = match meta {
        Some(meta) => meta.set(MARK, &facts),
        None => result.set("_meta", &format!("{{{}:{facts}}}", quote(MARK))),
    };
    vec![told, marked]
}

const MARK: &str = "toolgate/deprecation";

#[cfg(test)]
mod tests;
