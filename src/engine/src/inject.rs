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
mod words;

use std::{collections::BTreeMap, ops::Range};

use crate::visible::is_hidden;
use fold::{bit, fold, is_word};
use link::Links;
use name::Names;
use phrase::Phrase;

/// What a text does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    names: Names,
}

/// One beginning of a phrase.
#[derive(Debug)]
struct Start {
    word: String,
    second: u32,
    phrase: usize,
}

impl Scanner {
    /// Knows these tools: the name of each, and its server.
    #[must_use]
    pub fn new<'a>(tools: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
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
            names: Names::new(tools),
        }
    }

    /// What stands in a text of a server, from its beginning to its end. What overlaps and is of one
    /// rule is found once.
    #[must_use]
    pub fn find(&self, text: &str, server: &str, reading: Reading) -> Vec<Found> {
        let mut all = Vec::new();
        let mut links = Links::new(text);
        let bytes = text.as_bytes();
        let mut inside = false;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if byte.is_ascii() {
                let word = is_word(char::from(*byte));
                if !(word && inside) {
                    let lower = byte.to_ascii_lowercase();
                    let next = bytes.get(at + 1).copied().map_or(0, next);
                    let seconds = self.seconds.get(usize::from(lower)).copied();
                    if seconds.unwrap_or(0) & next != 0 {
                        let place = Place {
                            text,
                            at,
                            next,
                            server,
                            reading,
                        };
                        self.begin(&place, char::from(lower), &mut all);
                    }
                    if let Some(found) = links.look(at, *byte) {
                        push(&mut all, found);
                    }
                }
                inside = word;
                at += 1;
                continue;
            }
            let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else {
                break;
            };
            if is_hidden(character) {
                let end = hidden::run(text, at);
                if hidden::tells(text, at..end, reading) {
                    let rule = Rule::HiddenUnicode;
                    push(&mut all, Found { rule, at: at..end });
                }
                at = end;
                continue;
            }
            let word = is_word(character);
            if !(word && inside) {
                let first = fold(character).unwrap_or(character);
                let next = u32::MAX;
                let place = Place {
                    text,
                    at,
                    next,
                    server,
                    reading,
                };
                self.begin(&place, first, &mut all);
            }
            inside = word;
            at += character.len_utf8();
        }
        if reading == Reading::Description {
            let hidden = bytes.iter().any(u8::is_ascii_control);
            all.extend(hidden.then(|| hidden::controls(text)).into_iter().flatten());
            all.extend(self.names.mentions(text, server));
            all.sort_by_key(|found| found.at.start);
        }
        all
    }

    /// Tries the phrases that begin with a letter.
    fn begin(&self, place: &Place<'_>, first: char, all: &mut Vec<Found>) {
        let starts = self.starts.get(&first).into_iter().flatten();
        for start in starts.filter(|start| start.second & place.next != 0) {
            let Some(phrase) = self.phrases.get(start.phrase) else {
                continue;
            };
            if phrase.reading > place.reading {
                continue;
            }
            let Place {
                text, at, server, ..
            } = *place;
            if let Some(end) = phrase.find(text, at, &start.word, &self.names, server) {
                let rule = phrase.rule;
                push(all, Found { rule, at: at..end });
            }
        }
    }
}

/// Where a phrase can begin.
struct Place<'a> {
    text: &'a str,
    at: usize,
    /// What the second letter can be.
    next: u32,
    server: &'a str,
    reading: Reading,
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

    /// The rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

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

/// Adds what was found, to the one before where both are one.
fn push(all: &mut Vec<Found>, found: Found) {
    let same = all.iter_mut().rev().take(Rule::ALL.len());
    let before = same
        .filter(|before| before.rule == found.rule)
        .find(|before| found.at.start < before.at.end);
    match before {
        Some(before) => before.at.end = before.at.end.max(found.at.end),
        None => all.push(found),
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
