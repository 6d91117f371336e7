//! Results within their bounds: media that may not pass are replaced by a word about them, and text
//! is cut behind what fits. What is structured is never cut.

use crate::{
    config::Bounds,
    json::{Node, Splice, fit, quote},
    refusal::{Refusal, ResultFault},
    registry::{Entry, Kind, ResultBounds},
};

use super::{
    Size, Told,
    content::{Block, blocks, data, list, structured},
    notice,
    result::Draft,
};

mod advice;

/// Keeps a result within its bounds.
///
/// # Errors
/// What is too much cannot be cut.
pub(super) fn keep(
    draft: &mut Draft,
    entry: &Entry,
    bounds: &Bounds,
    told: &mut Told,
) -> Result<(), Refusal> {
    let replaced = draft.result().map(|result| media(result, entry));
    let replaced = replaced.unwrap_or_default();
    told.cut.media += replaced.len() as u64;
    draft.change(replaced)?;
    let cut = draft.result().map(|result| cut(result, entry, bounds));
    let Some(cut) = cut.transpose().map_err(Refusal::Result)?.flatten() else {
        return Ok(());
    };
    told.cut.bytes += cut.bytes;
    draft.change(cut.edits)
}

/// What replaces the media that may not pass; each edit is for one.
fn media(result: Node<'_>, entry: &Entry) -> Vec<Splice> {
    let bounds = &entry.result;
    if !bounds.names_media() && bounds.max_media_bytes.is_none() {
        return Vec::new();
    }
    let replaced = |block: Block<'_>| {
        let why = block.carriers().find_map(|it| unwelcome(it, bounds))?;
        let text = quote(&format!("[Left out: {why}]"));
        let with = match block.content.get("type") {
            Some(_) => format!(r#"{{"type":"text","text":{text}}}"#),
            None => {
                let uri = block.content.get("uri").map_or(r#""""#, Node::raw);
                format!(r#"{{"uri":{uri},"mimeType":"text/plain","text":{text}}}"#)
            }
        };
        let at = block.content.span();
        Some(Splice {
            at,
            with: with.into_bytes(),
        })
    };
    let blocks = blocks(result, entry.kind);
    blocks.into_iter().filter_map(replaced).collect()
}

/// Why something may not pass.
fn unwelcome(carrier: Node<'_>, bounds: &ResultBounds) -> Option<String> {
    let media = carrier.get("mimeType").and_then(Node::str);
    let mut data = data(carrier).peekable();
    let is_media = media.is_some() || data.peek().is_some();
    // The server's words are told where they can be nothing else than a media type.
    let plain = |media: &&str| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"/.+-".contains(&b);
        media.len() <= LONGEST_MEDIA && media.bytes().all(known)
    };
    let named = media.as_deref().filter(plain).unwrap_or("an unknown type");
    if is_media && !bounds.allows(media.as_deref().unwrap_or_default()) {
        return Some(format!("{named} may not be passed on"));
    }
    let size = data.filter_map(Node::str).map(|text| decoded(&text)).sum();
    let max = bounds.max_media_bytes.filter(|max| *max < size)?;
    Some(format!(
        "{size} bytes of {named}, where {max} may be passed on"
    ))
}

/// Bytes that a base64 text stands for.
fn decoded(base64: &str) -> u64 {
    let digits = base64
        .bytes()
        .filter(|b| !b.is_ascii_whitespace() && *b != b'=');
    digits.count() as u64 * 3 / 4
}

/// A text that was cut.
struct Cut {
    /// What cuts it.
    edits: Vec<Splice>,
    /// Bytes of text that are left out.
    bytes: u64,
}

/// Cuts the text of a result from its end where it is over its bounds; `None`: it is not.
///
/// # Errors
/// It is structured, or over its bounds without any text.
fn cut(result: Node<'_>, entry: &Entry, bounds: &Bounds) -> Result<Option<Cut>, ResultFault> {
    let size = Size::of(result);
    let to_come: usize = notice::edits(result, entry)
        .iter()
        .map(|edit| edit.with.len())
        .sum();
    let over = |size: u64, max: Option<u64>| {
        max.map_or(0, |max| (size + to_come as u64).saturating_sub(max))
    };
    let max_bytes = least(entry.result.max_bytes, bounds.max_result_bytes);
    let max_tokens = least(entry.result.max_tokens, bounds.max_result_tokens);
    let max_text = max_tokens.map(|tokens| tokens.saturating_mul(TOKEN));
    let over =
        over(size.bytes, max_bytes).max(over(size.bytes.saturating_sub(size.base64), max_text));
    if over == 0 {
        return Ok(None);
    }
    let advice = advice::advice(entry);
    let cut = || shorten(result, entry.kind, over as usize, &advice);
    match structured(result) {
        None => cut().map(Some),
        Some(_) => None,
    }
    .ok_or_else(|| ResultFault::TooLarge(advice.clone()))
}

/// Takes at least so many bytes away from the texts, the last ones first; `None` where they do not
/// have as many.
fn shorten(result: Node<'_>, kind: Kind, over: usize, advice: &str) -> Option<Cut> {
    let blocks = blocks(result, kind);
    let texts: Vec<_> = blocks
        .iter()
        .enumerate()
        .filter_map(|(place, block)| Some((place, block.item, block.text()?)))
        .collect();
    let total = texts.iter().map(|(.., text)| literal(*text).len()).sum();
    let mut over = over + notice_of_cut(total, total, advice).len();
    let mut cut = 0;
    let mut gone = Vec::new();
    for (place, item, text) in texts.into_iter().rev() {
        let written = literal(text);
        let Some(kept) = written.len().checked_sub(over) else {
            over = over.saturating_sub(item.span().len());
            cut += written.len();
            gone.push(place);
            continue;
        };
        let kept = fit(written, kept);
        cut += written.len() - kept;
        let mut edits = list(result, kind)?.remove_items(&gone);
        let span = text.span();
        edits.push(Splice {
            at: span.start + 1 + kept..span.end - 1,
            with: notice_of_cut(cut, total, advice).into_bytes(),
        });
        let bytes = cut as u64;
        return Some(Cut { edits, bytes });
    }
    None
}

/// What stands behind a text that was cut, as it is written in it.
fn notice_of_cut(cut: usize, total: usize, advice: &str) -> String {
    let text = format!("\n[Cut: {cut} of {total} bytes of text are left out. {advice}]");
    literal_of(&quote(&text)).to_owned()
}

fn literal(text: Node<'_>) -> &str {
    literal_of(text.raw())
}

/// A string without its quotes.
fn literal_of(quoted: &str) -> &str {
    quoted.get(1..quoted.len() - 1).unwrap_or_default()
}

/// The smaller of two bounds.
fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// Bytes that are taken for one token.
const TOKEN: u64 = 4;
/// Characters of a media type that is told.
const LONGEST_MEDIA: usize = 64;

#[cfg(test)]
mod tests;
