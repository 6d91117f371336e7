//! A tool's result in the shape that was promised: lifted from text where only text came, brought
//! into the form that the registry wants, without the members that the `outputSchema` is closed to,
//! and held against that. Official clients end a call in an exception where a result breaks it.

use crate::{
    contract::Violation,
    digest::sha256,
    json::{Kind, Node, Splice, quote, splice},
    record::Contract,
    refusal::{Refusal, ResultFault},
    registry::Entry,
};

use super::{Told, content::structured, mirror::lone_text, normalize, result::Draft};

/// Brings the complete result of a tool into its shape.
///
/// # Errors
/// It breaks the contract.
pub(super) fn shape(draft: &mut Draft, entry: &Entry, told: &mut Told) -> Result<(), Refusal> {
    draft.edit(|result| lift(result, entry))?;
    draft.edit(|result| normal(result, entry))?;
    draft.edit(|result| closed(result, entry))?;
    check(draft, entry, told, "invalid")
}

/// Holds a result against the `outputSchema` once more, after the policy changed it.
///
/// # Errors
/// It breaks the contract.
pub(super) fn check_again(draft: &Draft, entry: &Entry, told: &mut Told) -> Result<(), Refusal> {
    check(draft, entry, told, "changed")
}

/// Holds a result against the `outputSchema`, and notes for which `reason` it breaks that.
fn check(
    draft: &Draft,
    entry: &Entry,
    told: &mut Told,
    reason: &'static str,
) -> Result<(), Refusal> {
    let Some((result, schema)) = draft.result().zip(entry.output.as_ref()) else {
        return Ok(());
    };
    if failed(result) {
        return Ok(());
    }
    let (reason, judged) = match structured(result) {
        Some(structured) => (reason, schema.breaches(structured, MAX_VIOLATIONS)),
        None => ("missing", Err(vec![missing()])),
    };
    judged.map_err(|violations| {
        let raw = draft.first_result().map_or("", Node::raw);
        told.contract = Some(Contract {
            reason,
            digest: sha256(raw.as_bytes()),
        });
        Refusal::Result(ResultFault::Broken(violations))
    })
}

fn missing() -> Violation {
    Violation {
        pointer: String::new(),
        keyword: "required".to_owned(),
        message: "missing `structuredContent`".to_owned(),
    }
}

/// Lifts a text that is a JSON object, and all that there is, to where the schema wants it.
fn lift(result: Node<'_>, entry: &Entry) -> Vec<Splice> {
    if entry.output.is_none() || failed(result) || structured(result).is_some() {
        return Vec::new();
    }
    let text = lone_text(result).filter(|text| text.root().kind() == Kind::Object);
    let lifted = text.map(|text| result.set("structuredContent", text.root().raw()));
    lifted.into_iter().collect()
}

/// Renames, picks and drops. Where there is only text, in that; but not in words about a failure.
fn normal(result: Node<'_>, entry: &Entry) -> Vec<Splice> {
    let Some(normalize) = &entry.normalize else {
        return Vec::new();
    };
    if let Some(structured) = structured(result) {
        return normalize::edits(structured, normalize);
    }
    let block = result.get("content").and_then(|it| it.items().next());
    let text = lone_text(result).filter(|_| !failed(result));
    let (Some(block), Some(text)) = (block, text) else {
        return Vec::new();
    };
    let edits = normalize::edits(text.root(), normalize);
    if edits.is_empty() {
        return edits;
    }
    let changed = splice(text.bytes(), edits);
    vec![block.set("text", &quote(&String::from_utf8_lossy(&changed)))]
}

/// Removes the members that the schema is closed to.
fn closed(result: Node<'_>, entry: &Entry) -> Vec<Splice> {
    match (&entry.output, structured(result)) {
        (Some(schema), Some(structured)) if !failed(result) => schema.surplus(structured),
        (Some(_) | None, _) => Vec::new(),
    }
}

fn failed(result: Node<'_>) -> bool {
    result.get("isError").and_then(Node::bool) == Some(true)
}

/// As many as of arguments.
const MAX_VIOLATIONS: usize = 20;

#[cfg(test)]
pub(super) mod tests;
