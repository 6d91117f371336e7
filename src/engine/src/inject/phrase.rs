//! What is looked for, word by word.

use super::{
    Reading, Rule,
    fold::{bit, folded, is_word, letter},
    name,
};

/// Words that follow each other, with some others between them.
///
/// A phrase is written as its words, a blank between them. `ignore,forget` is one of several words,
/// `instruction*` one that begins so, `@tool` a tool of another server. A number says how many other
/// words may stand between. `!to,will` says behind which words the phrase is none, `^` that it is
/// none where a word ends.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) rule: Rule,
    /// The texts in which it counts: those of this reading and of stricter ones.
    pub(super) reading: Reading,
    unless: Vec<&'static str>,
    apart: bool,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    /// How many other words may stand before.
    gap: usize,
    words: Vec<String>,
    /// The bits of their first letters.
    firsts: u32,
}

impl Phrase {
    pub(super) fn new(rule: Rule, reading: Reading, source: &'static str) -> Self {
        let mut phrase = Self {
            rule,
            reading,
            unless: Vec::new(),
            apart: false,
            slots: Vec::new(),
        };
        let mut gap = 0;
        for part in source.split(' ') {
            if part == "^" {
                phrase.apart = true;
            } else if let Some(words) = part.strip_prefix('!') {
                phrase.unless = words.split(',').collect();
            } else if let Ok(words) = part.parse() {
                gap = words;
            } else {
                phrase.slots.push(Slot::new(gap, part));
                gap = 0;
            }
        }
        phrase
    }

    /// The words with which it begins.
    pub(super) fn beginnings(&self) -> &[String] {
        let first = self.slots.first();
        first.map_or(&[], |slot| slot.words.as_slice())
    }

    /// Where it ends, if it stands at a place where a word can begin, with this one of its
    /// beginnings.
    pub(super) fn find(
        &self,
        text: &str,
        at: usize,
        beginning: &str,
        foreign: &impl Fn(&str) -> bool,
    ) -> Option<usize> {
        let end = read(text, at, beginning, foreign)?;
        let rest = self.slots.get(1..)?;
        let end = go_on(text, end, beginning, rest, foreign)?;
        let before = text.get(..at)?;
        if self.apart && before.ends_with(is_word) {
            return None;
        }
        let word = last_word(before);
        let mut unless = self.unless.iter();
        let excused = unless.any(|one| one.eq_ignore_ascii_case(word));
        (!excused).then_some(end)
    }
}

impl Slot {
    fn new(gap: usize, source: &str) -> Self {
        let words: Vec<_> = source.split(',').map(folded).collect();
        let bits = words.iter().map(|word| match word.chars().next() {
            Some(first) if word != TOOL => bit(first),
            _ => u32::MAX,
        });
        let firsts = bits.fold(0, |all, bit| all | bit);
        Self { gap, words, firsts }
    }

    /// Where its words end that stand at a place whose letter is this.
    fn read(
        &self,
        text: &str,
        at: usize,
        first: char,
        foreign: &impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = usize> {
        let possible = self.firsts & bit(first) != 0;
        let words = self.words.iter().filter(move |_| possible);
        words.filter_map(move |word| read(text, at, word, foreign))
    }
}

/// Where the rest of a phrase ends that goes on behind a place. Where it begins anew, it is looked
/// for from there.
fn go_on(
    text: &str,
    at: usize,
    beginning: &str,
    slots: &[Slot],
    foreign: &impl Fn(&str) -> bool,
) -> Option<usize> {
    let Some((slot, rest)) = slots.split_first() else {
        return Some(at);
    };
    let mut at = at;
    for _ in 0..=slot.gap {
        for _ in 0..MAX_SIGNS {
            let (sign, next) = letter(text, at)?;
            let mut ends = slot.read(text, at, sign, foreign);
            if let Some(end) = ends.find_map(|end| go_on(text, end, beginning, rest, foreign)) {
                return Some(end);
            }
            if read(text, at, beginning, foreign).is_some() {
                return None;
            }
            if !is_soft(sign, letter(text, next)) {
                break;
            }
            at = next;
        }
        at = skip_word(text, at)?;
    }
    None
}

/// Where a word ends that stands at a place.
fn read(text: &str, at: usize, word: &str, foreign: &impl Fn(&str) -> bool) -> Option<usize> {
    if word == TOOL {
        let quoted = text.get(..at)?.ends_with(['`', '"', '\'']);
        let rest = text.get(at..)?;
        let end = rest.find(|c: char| !name::is_part(c)).unwrap_or(rest.len());
        let name = rest.get(..end)?.trim_end_matches(['.', '-', '/']);
        return name::is_foreign(name, quoted, foreign).then_some(at + name.len());
    }
    let mut end = at;
    let mut last = ' ';
    for expected in word.chars() {
        if expected == '*' && last != ' ' {
            return Some(skip_word(text, end).unwrap_or(end));
        }
        let (found, next) = letter(text, end)?;
        if found != expected {
            return None;
        }
        (end, last) = (next, expected);
    }
    let closed = !is_word(last) || !letter(text, end).is_some_and(|(next, _)| is_word(next));
    closed.then_some(end)
}

/// Whether a sign may stand between two words of a phrase: not where a sentence or a paragraph ends.
fn is_soft(sign: char, next: Option<(char, usize)>) -> bool {
    match sign {
        '\n' => next.is_none_or(|(next, _)| next != '\n'),
        ' ' | '\t' | '\r' | '\u{a0}' | '\u{3000}' => true,
        ',' | ':' | '*' | '"' | '\'' | '`' | '(' | ')' | '-' | '“' | '”' | '„' | '«' | '»'
        | '、' | '，' | '「' | '」' => true,
        _ => false,
    }
}

/// Where the word ends that stands at a place; a letter of a script without blanks is one.
fn skip_word(text: &str, at: usize) -> Option<usize> {
    let (first, mut end) = letter(text, at)?;
    if !is_word(first) {
        return first.is_alphabetic().then_some(end);
    }
    for _ in 0..MAX_WORD {
        match letter(text, end) {
            Some((next, after)) if is_word(next) => end = after,
            _ => return Some(end),
        }
    }
    None
}

/// The word with which a text ends, in ASCII.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\n', '"', '`', '*', '_']);
    let letters = |c: &char| c.is_ascii_alphabetic() || matches!(c, '\'' | '’');
    let word = text.chars().rev().take(MAX_WORD).take_while(letters);
    let length: usize = word.map(char::len_utf8).sum();
    text.get(text.len() - length..).unwrap_or_default()
}

const TOOL: &str = "@tool";

/// Letters of a word that is passed over.
const MAX_WORD: usize = 40;

/// Signs between two words.
const MAX_SIGNS: usize = 8;
