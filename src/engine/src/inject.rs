//! Finds text that wants to steer the model that reads it, or to make it give something away.
//!
//! A text is passed once. Where a phrase can begin, the phrases that begin so look ahead over a
//! bounded number of words and letters; so the cost is linear in the text, whatever it holds.
//! Letters are compared as they look: case, accents, letters of other alphabets that look alike and
//! characters that do not show make no difference.
//!
//! What this module does not do: understand. It knows what attacks are known to say, in some
//! languages, and an attacker who says it in other words is not found. It is a seat belt; what a
//! model must not do is kept from it by rules.

mod fold;
mod hidden;
mod link;
mod name;
mod phrase;
mod scan;
mod words;

use std::ops::Range;

use serde::Serialize;

use crate::visible::is_hidden;
use fold::{bit, fold, is_word, is_word_byte};
use link::Links;
use phrase::Phrase;

pub use scan::{Action, Counts, Place, Scan};

/// What a text does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Tells the model to drop its instructions, to follow others, or to keep something from its
    /// user.
    InstructionOverride,
    /// Looks like the beginning or the end of somebody's turn: tokens of chat templates, tags and
    /// headings that speak for the system.
    FakeTurn,
    /// Characters that models read and people do not see, where no language and no emoji needs them.
    HiddenUnicode,
    /// An address with a place for what the model knows or with long encoded data, or the order to
    /// send secrets to one.
    ExfiltrationLink,
    /// An image from another host: showing it sends what its address holds.
    MarkdownImage,
    /// Tells to call a tool of another server.
    ToolMention,
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// What a tool returns: documents, mails, pages. They speak of anything, to anybody.
    Data,
    /// What says what a tool is. It gives no orders, hides nothing and knows no other server.
    Description,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which rule.
    pub rule: Rule,
    /// Where it stands, in bytes.
    pub at: Range<usize>,
}

/// Looks for what the rules describe.
#[derive(Debug)]
pub struct Scanner {
    phrases: Vec<Phrase>,
    /// Whether some begin with a letter of ASCII.
    firsts: [bool; 128],
    /// By the places of the bits of two letters, what begins with them.
    beginnings: Vec<[Beginnings; BITS]>,
}

/// What begins with two letters.
#[derive(Debug, Default)]
struct Beginnings {
    /// The bits of all third letters: few words pass.
    thirds: u32,
    starts: Vec<Start>,
}

/// One beginning of a phrase.
#[derive(Debug)]
struct Start {
    word: String,
    first: char,
    third: u32,
    phrase: usize,
}

impl Scanner {
    /// Knows all rules.
    #[must_use]
    pub fn new() -> Self {
        let phrases = words::phrases();
        let mut beginnings: Vec<[Beginnings; BITS]> = Vec::new();
        beginnings.resize_with(BITS, Default::default);
        let mut firsts = [false; 128];
        for (phrase, its) in phrases.iter().enumerate() {
            for word in its.beginnings() {
                let Some(first) = word.chars().next() else {
                    continue;
                };
                if let Some(known) = firsts.get_mut(first as usize) {
                    *known = true;
                }
                // Behind `*` comes anything, and so it does behind the word.
                let known = word.split('*').next().unwrap_or_default();
                let mut bits = known.chars().skip(1).map(bit);
                let mut next = || bits.next().unwrap_or(u32::MAX);
                let (second, third) = (next(), next());
                let row = beginnings.get_mut(bit(first).trailing_zeros() as usize);
                let cells = row.into_iter().flatten().enumerate();
                for (_, cell) in cells.filter(|(place, _)| second & (1 << place) != 0) {
                    cell.thirds |= third;
                    cell.starts.push(Start {
                        word: word.clone(),
                        first,
                        third,
                        phrase,
                    });
                }
            }
        }
        Self {
            phrases,
            firsts,
            beginnings,
        }
    }

    /// Whether anything may begin with a letter and letters of these bits behind it.
    #[inline]
    fn may_begin(&self, first: char, [second, third]: [u32; 2]) -> bool {
        if second.count_ones() != 1 {
            return second != 0;
        }
        let row = self.beginnings.get(bit(first).trailing_zeros() as usize);
        let cell = row.and_then(|row| row.get(second.trailing_zeros() as usize));
        cell.is_some_and(|cell| cell.thirds & third != 0)
    }

    /// What may begin with a letter and letters of these bits behind it. What does not show may
    /// stand between them: then there are more bits than one.
    fn starts(&self, first: char, [second, third]: [u32; 2]) -> impl Iterator<Item = &Start> {
        let row = self.beginnings.get(bit(first).trailing_zeros() as usize);
        let from = second.trailing_zeros() as usize;
        let to = BITS - second.leading_zeros() as usize;
        let cells = row.and_then(|row| row.get(from..to)).unwrap_or_default();
        let cells = cells.iter().filter(move |cell| cell.thirds & third != 0);
        let starts = cells.flat_map(|cell| &cell.starts);
        starts.filter(move |start| start.first == first && start.third & third != 0)
    }

    /// What stands in a text, from its beginning to its end; `foreign` knows the names of other
    /// servers' tools. What overlaps and is of one rule is found once.
    pub fn find(
        &self,
        text: &str,
        reading: Reading,
        foreign: &impl Fn(&str) -> bool,
    ) -> Vec<Found> {
        let mut pass = Pass {
            scanner: self,
            text,
            reading,
            foreign,
            found: Vec::new(),
        };
        pass.run();
        pass.found
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// A text on its way through a scanner.
struct Pass<'a, F> {
    scanner: &'a Scanner,
    text: &'a str,
    reading: Reading,
    foreign: &'a F,
    found: Vec<Found>,
}

impl<F: Fn(&str) -> bool> Pass<'_, F> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut links = Links::new(self.text);
        let mut inside = false;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if byte.is_ascii() {
                let word = is_word_byte(*byte);
                if !(word && inside) {
                    let first = byte.to_ascii_lowercase();
                    let known = self.scanner.firsts.get(usize::from(first));
                    if known.is_some_and(|known| *known) {
                        let behind = [at + 1, at + 2];
                        let behind = behind.map(|at| bytes.get(at).copied().map_or(0, next));
                        if self.scanner.may_begin(char::from(first), behind) {
                            self.begin(at, char::from(first), behind);
                        }
                    }
                    if let Some(found) = links.look(at, *byte) {
                        self.push(found.rule, found.at);
                    }
                }
                inside = word;
                at += 1;
                if word {
                    // Nothing begins within a word.
                    let rest = bytes.get(at..).unwrap_or_default();
                    let end = rest.iter().position(|byte| !is_word_byte(*byte));
                    at += end.unwrap_or(rest.len());
                }
                continue;
            }
            let Some(character) = self.text.get(at..).and_then(|rest| rest.chars().next()) else {
                break;
            };
            if is_hidden(character) {
                let end = hidden::run(self.text, at);
                if hidden::tells(self.text, at..end, self.reading) {
                    self.push(Rule::HiddenUnicode, at..end);
                }
                at = end;
                continue;
            }
            let word = is_word(character);
            if !(word && inside) {
                self.begin(at, fold(character).unwrap_or(character), [u32::MAX; 2]);
            }
            inside = word;
            at += character.len_utf8();
        }
        if self.reading == Reading::Description {
            self.found.extend(hidden::controls(self.text));
            self.found.extend(name::mentions(self.text, self.foreign));
            let mut all = std::mem::take(&mut self.found);
            all.sort_by_key(|found| found.at.start);
            all.into_iter()
                .for_each(|found| self.push(found.rule, found.at));
        }
    }

    /// Tries the phrases that begin with a letter, with some of these behind it.
    fn begin(&mut self, at: usize, first: char, behind: [u32; 2]) {
        for start in self.scanner.starts(first, behind) {
            let Some(phrase) = self.scanner.phrases.get(start.phrase) else {
                continue;
            };
            if phrase.reading > self.reading {
                continue;
            }
            if let Some(end) = phrase.find(self.text, at, &start.word, self.foreign) {
                self.push(phrase.rule, at..end);
            }
        }
    }

    /// Adds what was found, to the one before where both are one.
    fn push(&mut self, rule: Rule, at: Range<usize>) {
        let last = self.found.iter_mut().rev().take(Rule::ALL.len());
        let mut same = last.filter(|before| before.rule == rule);
        match same.find(|before| at.start < before.at.end) {
            Some(before) => before.at.end = before.at.end.max(at.end),
            None => self.found.push(Found { rule, at }),
        }
    }
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 6] = [
        Self::InstructionOverride,
        Self::FakeTurn,
        Self::HiddenUnicode,
        Self::ExfiltrationLink,
        Self::MarkdownImage,
        Self::ToolMention,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstructionOverride => "instruction_override",
            Self::FakeTurn => "fake_turn",
            Self::HiddenUnicode => "hidden_unicode",
            Self::ExfiltrationLink => "exfiltration_link",
            Self::MarkdownImage => "markdown_image",
            Self::ToolMention => "tool_mention",
        }
    }
}

/// Bits of letters.
const BITS: usize = u32::BITS as usize;

/// The bits of a second letter by its first byte: what is beyond ASCII may look like any letter.
fn next(byte: u8) -> u32 {
    if byte.is_ascii() {
        bit(char::from(byte.to_ascii_lowercase()))
    } else {
        u32::MAX
    }
}

#[cfg(test)]
mod tests;
