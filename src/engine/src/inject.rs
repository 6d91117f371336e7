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

use std::{collections::BTreeMap, ops::Range};

use serde::Serialize;

use crate::visible::is_hidden;
use fold::{bit, fold, is_word};
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
    /// By first letter, the words with which phrases begin.
    starts: BTreeMap<char, Vec<Start>>,
    /// By first letter, the bits of second letters: few words pass.
    seconds: [u32; 128],
}

/// One beginning of a phrase.
#[derive(Debug)]
struct Start {
    word: String,
    second: u32,
    phrase: usize,
}

impl Scanner {
    /// Knows all rules.
    #[must_use]
    pub fn new() -> Self {
        let phrases = words::phrases();
        let mut starts: BTreeMap<char, Vec<Start>> = BTreeMap::new();
        let mut seconds = [0; 128];
        for (phrase, its) in phrases.iter().enumerate() {
            for word in its.beginnings() {
                let mut letters = word.chars();
                let Some(first) = letters.next() else {
                    continue;
                };
                let second = letters.next().map_or(u32::MAX, bit);
                if let Some(seconds) = seconds.get_mut(first as usize) {
                    *seconds |= second;
                }
                let word = word.clone();
                let start = Start {
                    word,
                    second,
                    phrase,
                };
                starts.entry(first).or_default().push(start);
            }
        }
        Self {
            phrases,
            starts,
            seconds,
        }
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
                let word = is_word(char::from(*byte));
                if !(word && inside) {
                    let lower = byte.to_ascii_lowercase();
                    let next = bytes.get(at + 1).copied().map_or(0, next);
                    let seconds = self.scanner.seconds.get(usize::from(lower)).copied();
                    if seconds.unwrap_or(0) & next != 0 {
                        self.begin(at, char::from(lower), next);
                    }
                    if let Some(found) = links.look(at, *byte) {
                        self.push(found.rule, found.at);
                    }
                }
                inside = word;
                at += 1;
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
                self.begin(at, fold(character).unwrap_or(character), u32::MAX);
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

    /// Tries the phrases that begin with a letter, with one of these behind it.
    fn begin(&mut self, at: usize, first: char, next: u32) {
        let starts = self.scanner.starts.get(&first).into_iter().flatten();
        for start in starts.filter(|start| start.second & next != 0) {
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
