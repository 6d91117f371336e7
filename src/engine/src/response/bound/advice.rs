//! How to ask for less, as far as the arguments of a tool have names for it.

use crate::registry::{Entry, Kind};

/// What a model can do about a result that is too large.
pub(super) fn advice(entry: &Entry) -> String {
    if entry.kind != Kind::Tool {
        return "There is no more of it to be had.".to_owned();
    }
    let properties = entry.input.source().get("properties");
    let names = properties
        .and_then(|it| it.as_object())
        .into_iter()
        .flatten();
    let names: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
    let meaning = |words: &[&str]| {
        let named = names
            .iter()
            .filter(|name| words.contains(&plain(name).as_str()));
        let named: Vec<_> = named.take(MANY).map(|name| format!("`{name}`")).collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    match (meaning(&FEWER), meaning(&FURTHER)) {
        (Some(fewer), Some(further)) => {
            format!("Ask for less at once with {fewer}, and go on with {further}.")
        }
        (Some(fewer), None) => format!("Ask for less with {fewer}."),
        (None, Some(further)) => format!("Ask for it in parts with {further}."),
        (None, None) => "Ask for less.".to_owned(),
    }
}

/// A name as it compares: `maxResults` and `max_results` are one.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | '.' | '$'));
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// What names how much comes at once.
const FEWER: [&str; 22] = [
    "columns",
    "count",
    "fields",
    "filter",
    "first",
    "head",
    "include",
    "limit",
    "maxbytes",
    "maxchars",
    "maxitems",
    "maxlength",
    "maxlines",
    "maxresults",
    "pagesize",
    "perpage",
    "range",
    "select",
    "size",
    "tail",
    "take",
    "top",
];
/// What names where it goes on.
const FURTHER: [&str; 16] = [
    "after",
    "continuationtoken",
    "cursor",
    "from",
    "nextcursor",
    "nextpage",
    "nexttoken",
    "offset",
    "page",
    "pagenumber",
    "pagetoken",
    "skip",
    "start",
    "startindex",
    "startline",
    "startcursor",
];
/// Names in one sentence.
const MANY: usize = 3;
