//! Which texts a value can be.

use std::collections::BTreeSet;

use regex::Regex;

use super::range::Range;

/// Texts: those listed, or any of some length that all patterns match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Texts<'s> {
    pub(super) only: Option<BTreeSet<&'s str>>,
    /// In characters.
    pub(super) length: Range,
    pub(super) patterns: Vec<&'s str>,
}

impl<'s> Texts<'s> {
    pub(super) const ANY: Self = Self {
        only: None,
        length: Range::COUNT,
        patterns: Vec::new(),
    };

    pub(super) fn one(text: &'s str) -> Self {
        Self::among([text])
    }

    pub(super) fn among(texts: impl IntoIterator<Item = &'s str>) -> Self {
        Self {
            only: Some(texts.into_iter().collect()),
            ..Self::ANY
        }
    }

    pub(super) fn single(&self) -> Option<&'s str> {
        let mut only = self.only.iter().flatten();
        only.next().copied().filter(|_| only.next().is_none())
    }

    /// Those listed that a test lets through; what is not listed may pass.
    pub(super) fn filter(mut self, test: impl Fn(&&'s str) -> bool) -> Option<Self> {
        if let Some(only) = &mut self.only {
            only.retain(test);
        }
        (self.only.as_ref())
            .is_none_or(|only| !only.is_empty())
            .then_some(self)
    }

    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let length = self.length.meet(&other.length)?;
        let only = match (&self.only, &other.only) {
            (Some(one), Some(two)) => Some(one & two),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        let mut patterns = self.patterns.clone();
        patterns.extend(&other.patterns);
        let tests: Vec<Regex> = match &only {
            Some(_) => patterns.iter().filter_map(|p| Regex::new(p).ok()).collect(),
            None => Vec::new(),
        };
        let counted = length.clone();
        let met = Self {
            only,
            length,
            patterns,
        };
        met.filter(|text| {
            let characters = Range::one(text.chars().count() as f64);
            counted.meet(&characters).is_some() && tests.iter().all(|test| test.is_match(text))
        })
    }

    pub(super) fn join(self, other: Self) -> Self {
        let only = match (self.only, other.only) {
            (Some(one), Some(two)) => Some(&one | &two),
            _ => None,
        };
        Self {
            only,
            length: self.length.join(&other.length),
            // What only one side is known to match, the other may not.
            patterns: Vec::new(),
        }
    }
}
