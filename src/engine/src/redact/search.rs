//! What is found in one text.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use super::By;
use crate::detect::{Detector, Kind};

/// A value in a text, or several that overlap.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its kind; of several, that of the one which is taken out most strictly, or is longest.
    pub(super) kind: String,
    /// How it is taken out.
    pub(super) by: By,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
}

/// What is found in `view` behind `start`, in order, apart from each other.
///
/// What stands next to a value may be one as well, and is only seen to be once the value is gone.
/// So the text is searched again without what was found, until there is nothing left.
pub(super) fn search(
    detector: &Detector,
    kinds: &BTreeMap<String, By>,
    view: &str,
    start: usize,
) -> Vec<Hit> {
    let mut text = Cow::Borrowed(view);
    let mut hits = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let found = detector.find(&text).into_iter();
        let fresh: Vec<_> = found
            .filter(|found| found.at.end > start)
            .filter(|found| !is_gone(text.get(found.at.clone())))
            .map(|found| Hit {
                by: kinds.get(found.kind).copied().unwrap_or_default(),
                kind: found.kind.to_owned(),
                at: found.at.start.max(start)..found.at.end,
            })
            .collect();
        if fresh.is_empty() {
            return apart(hits);
        }
        let mut bytes = text.into_owned().into_bytes();
        for hit in &fresh {
            if let Some(gone) = bytes.get_mut(hit.at.clone()) {
                gone.fill(GONE);
            }
        }
        hits.extend(fresh);
        // Values begin and end between characters.
        text = Cow::Owned(String::from_utf8(bytes).unwrap_or_default());
    }
    // Made to be found piece by piece: nothing of it is kept.
    let strictest = hits.into_iter().max_by_key(|hit| hit.by);
    let whole = start..view.len();
    strictest
        .map(|hit| Hit { at: whole, ..hit })
        .into_iter()
        .collect()
}

fn is_gone(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.bytes().all(|byte| byte == GONE))
}

/// Joins what overlaps.
fn apart(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| hit.at.start);
    let mut apart: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match apart.last_mut() {
            Some(last) if hit.at.start < last.at.end => {
                let at = last.at.start..last.at.end.max(hit.at.end);
                if (hit.by, hit.at.len()) > (last.by, last.at.len()) {
                    *last = hit;
                }
                last.at = at;
            }
            Some(_) | None => apart.push(hit),
        }
    }
    apart
}

/// A value as the same one is written elsewhere, with other spaces, hyphens or capitals.
pub(super) fn normal<'a>(kind: &str, value: &'a str) -> Cow<'a, str> {
    match Kind::named(kind) {
        Some(Kind::PaymentCard | Kind::Iban | Kind::Ssn | Kind::TaxId | Kind::Phone) => {
            let signs = value.chars().filter(char::is_ascii_alphanumeric);
            Cow::Owned(signs.map(|sign| sign.to_ascii_uppercase()).collect())
        }
        Some(Kind::Email) => Cow::Owned(value.to_ascii_lowercase()),
        Some(
            Kind::IpAddress
            | Kind::Jwt
            | Kind::AwsKey
            | Kind::GithubToken
            | Kind::SlackToken
            | Kind::PrivateKey
            | Kind::UrlPassword,
        )
        | None => Cow::Borrowed(value),
    }
}

/// What stands in the place of a byte that was found.
const GONE: u8 = 0;

const MAX_ROUNDS: usize = 4;
