//! A text, looked at from any place without ever leaving it.

use std::ops::Range;

/// The bytes of a text.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// The byte at a place; NUL, which is part of no value, outside of the text.
    pub(super) fn at(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// The byte `back` places before.
    pub(super) fn before(self, at: usize, back: usize) -> u8 {
        at.checked_sub(back).map_or(0, |at| self.at(at))
    }

    pub(super) fn slice(self, range: Range<usize>) -> &'a [u8] {
        self.0.get(range).unwrap_or_default()
    }

    pub(super) fn has(self, at: usize, word: &[u8]) -> bool {
        self.0.get(at..).is_some_and(|rest| rest.starts_with(word))
    }

    /// Where a run of bytes ends that begins at a place, or `most` bytes behind it.
    pub(super) fn run(self, at: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.get(at..).unwrap_or_default();
        at + rest.iter().take(most).take_while(|byte| is(**byte)).count()
    }

    /// Where a run of bytes begins that ends at a place, or `most` bytes before it.
    pub(super) fn run_back(self, at: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.get(..at).unwrap_or_default();
        let run = rest.iter().rev().take(most).take_while(|byte| is(**byte));
        at - run.count()
    }

    /// Whether a number or a word can begin here: it is not the rest of a word, of a decimal or of
    /// something in groups.
    pub(super) fn opens(self, at: usize) -> bool {
        let before = self.before(at, 1);
        let joined = matches!(before, b'.' | b',' | b'-') && self.before(at, 2).is_ascii_digit();
        !is_word(before) && !joined
    }

    /// Whether a number or a word can end here.
    pub(super) fn closes(self, end: usize) -> bool {
        let next = self.at(end);
        let joined = matches!(next, b'.' | b',') && self.at(end + 1).is_ascii_digit()
            || next == b'-' && is_word(self.at(end + 1));
        !is_word(next) && !joined
    }

    /// Whether one of these words, in any case, is among the bytes before.
    pub(super) fn follows(self, at: usize, words: &[&str]) -> bool {
        let window = self.slice(at.saturating_sub(CONTEXT)..at);
        words.iter().any(|word| {
            (0..window.len()).any(|start| {
                let end = start + word.len();
                let inside = |at: usize| window.get(at).is_some_and(u8::is_ascii_alphabetic);
                let same = window.get(start..end);
                same.is_some_and(|same| same.eq_ignore_ascii_case(word.as_bytes()))
                    && !(start > 0 && inside(start - 1))
                    && !inside(end)
            })
        })
    }

    /// The word before, without what stands between.
    pub(super) fn word_before(self, at: usize) -> &'a [u8] {
        let between = |b: u8| matches!(b, b' ' | b':' | b'=' | b'"' | b'.');
        let end = self.run_back(at, 4, between);
        self.slice(self.run_back(end, 16, |b| b.is_ascii_alphabetic())..end)
    }

    /// Groups of digits with one of these between each two, as far as they reach.
    pub(super) fn groups(self, at: usize, most: usize, separators: &[u8]) -> Vec<Range<usize>> {
        let mut groups = Vec::new();
        let mut start = at;
        while groups.len() < most {
            let end = self.run(start, 20, |b| b.is_ascii_digit());
            if end == start {
                break;
            }
            groups.push(start..end);
            if !separators.contains(&self.at(end)) {
                break;
            }
            start = end + 1;
        }
        groups
    }
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The digits among some bytes, as numbers.
pub(super) fn digits(bytes: &[u8]) -> Vec<u32> {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
    digits.map(|byte| u32::from(byte - b'0')).collect()
}

/// The number that digits tell.
pub(super) fn number(digits: &[u32]) -> u64 {
    let next = |number: u64, digit: &u32| number.saturating_mul(10) + u64::from(*digit);
    digits.iter().fold(0, next)
}

/// Whether text is the same byte throughout: `xxxx`, `****`.
pub(super) fn is_filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| Some(byte) == bytes.first())
}

/// How far before a number the word is that says what it is.
const CONTEXT: usize = 40;
