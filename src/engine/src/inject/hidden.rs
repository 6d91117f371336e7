//! Characters that do not show, where nothing needs them.

use std::ops::Range;

use super::{Found, Reading, Rule};
use crate::visible::is_hidden;

/// Where a run of characters ends that do not show, and of those that only change how one before
/// them shows.
pub(super) fn run(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside = |c: &char| !c.is_ascii() && (is_hidden(*c) || *c == EMOJI_STYLE);
    at + rest
        .chars()
        .take_while(inside)
        .map(char::len_utf8)
        .sum::<usize>()
}

/// Whether such a run is there to be read by models alone.
pub(super) fn tells(text: &str, at: Range<usize>, reading: Reading) -> bool {
    let run = text.get(at.clone()).unwrap_or_default();
    let before = text.get(..at.start).and_then(|all| all.chars().next_back());
    let joined = before.is_some_and(|before| before >= FIRST_SYMBOL);
    if reading == Reading::Description {
        let joins = |c| matches!(c, JOINER | EMOJI_STYLE) && joined;
        return !run.chars().all(joins);
    }
    let after = text.get(at.end..).and_then(|all| all.chars().next());
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let inside = letter(before) && letter(after);
    let mut count = 0;
    for character in run.chars() {
        match character {
            // Tags: part of the flags of England, Scotland and Wales, and of nothing else.
            '\u{e0000}'..='\u{e007f}' => return !is_flag(before, run),
            // Overrides of direction, and formats that Unicode has given up.
            '\u{202d}' | '\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => {
                return true;
            }
            '\u{202a}' | '\u{202b}' | '\u{2066}' | '\u{2067}' if !is_from_right(text, at.start) => {
                return true;
            }
            // Joiners and blanks of no width split a word so that it is not found.
            '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' if inside => {
                return true;
            }
            // Separators, private use and controls of terminals.
            '\u{2028}'
            | '\u{2029}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{10ffff}'
            | '\u{80}'..='\u{9f}' => {}
            _ => count += 1,
        }
    }
    count > MOST
}

/// Controls in a description; the carriage return is part of a line's end.
pub(super) fn controls(text: &str) -> impl Iterator<Item = Found> {
    let controls = text.char_indices();
    let controls = controls.filter(|(_, c)| c.is_ascii() && is_hidden(*c) && *c != '\r');
    controls.map(|(at, _)| Found {
        rule: Rule::HiddenUnicode,
        at: at..at + 1,
    })
}

/// Whether tags name a flag: a black one before, up to six letters or digits, and the end.
fn is_flag(before: Option<char>, run: &str) -> bool {
    before == Some('\u{1f3f4}') && run.ends_with('\u{e007f}') && run.chars().count() <= 7
}

/// Whether letters written from the right are near: those need marks of direction.
fn is_from_right(text: &str, at: usize) -> bool {
    let right = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    let before = text.get(..at).unwrap_or_default().chars().rev();
    let after = text.get(at..).unwrap_or_default().chars();
    before.take(NEAR).any(right) || after.take(NEAR).any(right)
}

const JOINER: char = '\u{200d}';
const EMOJI_STYLE: char = '\u{fe0f}';

/// Arrows, signs and emoji begin here.
const FIRST_SYMBOL: char = '\u{2190}';

/// More characters in a row than these are a message.
const MOST: usize = 3;

/// How far letters from the right may be.
const NEAR: usize = 64;
