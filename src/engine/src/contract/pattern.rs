//! Patterns: ECMA-262's dialect in the linear engine's, and what one can cost for each byte.

use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ast::{self, ErrorKind},
    hir::{Class, Hir, HirKind, Look},
};

/// A pattern that texts are matched against.
pub(super) struct Pattern {
    /// As the schema has it.
    pub(super) source: String,
    regex: Regex,
    weight: u64,
}

impl Pattern {
    /// `None` for what is not a regular expression, or not one that matches in linear time.
    pub(super) fn new(source: &str) -> Option<Self> {
        let translated = translate(source)?;
        let regex = RegexBuilder::new(&translated).size_limit(MAX_SIZE).build();
        Some(Self {
            source: source.to_owned(),
            regex: regex.ok()?,
            weight: weight(&translated),
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Steps of matching a text of that many bytes.
    pub(super) fn cost(&self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(1 + 2 * self.weight) / 2
    }
}

/// Whether a text is a regular expression of ECMA-262; look-around and back-references are, though
/// no pattern here may have them.
pub(super) fn is_regex(text: &str) -> bool {
    let Some(translated) = translate(text) else {
        return false;
    };
    match ast::parse::Parser::new().parse(&translated) {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference
        ),
    }
}

/// The same pattern for the linear engine: classes are ASCII's, brackets in brackets are literal,
/// and so are braces that count nothing.
fn translate(source: &str) -> Option<String> {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..)?;
        rest = match c {
            '\\' => {
                let (item, tail) = escape(tail)?;
                item.write(&mut out);
                tail
            }
            '[' => class(tail, &mut out)?,
            '{' if !counts(tail) => {
                out.push_str("\\{");
                tail
            }
            c => {
                out.push(c);
                tail
            }
        };
    }
    Some(out)
}

/// A class behind its opening bracket; gives what follows it.
fn class<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let (negation, mut rest) = text
        .strip_prefix('^')
        .map_or(("", text), |rest| ("^", rest));
    if let Some(tail) = rest.strip_prefix(']') {
        // No character at all, or any.
        out.push_str(if negation.is_empty() {
            r"[^\x00-\x{10ffff}]"
        } else {
            r"[\x00-\x{10ffff}]"
        });
        return Some(tail);
    }
    out.extend(["[", negation]);
    loop {
        if let Some(tail) = rest.strip_prefix(']') {
            out.push(']');
            return Some(tail);
        }
        let (first, tail) = member(rest)?;
        first.write(out);
        rest = tail;
        let Some(tail) = rest.strip_prefix('-').filter(|tail| !tail.starts_with(']')) else {
            continue;
        };
        let (last, tail) = member(tail)?;
        // Beside a class the hyphen is itself (annex B.1.2).
        let ranges = matches!((&first, &last), (Item::Char(_), Item::Char(_)));
        out.push_str(if ranges { "-" } else { r"\-" });
        last.write(out);
        rest = tail;
    }
}

/// One character or escape between brackets.
fn member(text: &str) -> Option<(Item<'_>, &str)> {
    let c = text.chars().next()?;
    let tail = text.get(c.len_utf8()..)?;
    if c != '\\' {
        return Some((Item::Char(c), tail));
    }
    match tail.strip_prefix('b') {
        Some(tail) => Some((Item::Char('\u{8}'), tail)),
        None => escape(tail),
    }
}

/// What an escape stands for.
enum Item<'a> {
    Char(char),
    /// The ranges of a class.
    Ranges(&'static str),
    /// An escape that the engine reads, or refuses, by itself.
    Same(&'a str),
}

impl Item<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Char(c) => {
                if regex_syntax::is_meta_character(*c) {
                    out.push('\\');
                }
                out.push(*c);
            }
            Self::Ranges(ranges) => out.extend(["[", *ranges, "]"]),
            Self::Same(text) => out.extend(["\\", *text]),
        }
    }
}

/// The escape behind a backslash, and what follows it.
fn escape(text: &str) -> Option<(Item<'_>, &str)> {
    let c = text.chars().next()?;
    let tail = text.get(c.len_utf8()..)?;
    let item = match c {
        'd' => Item::Ranges("0-9"),
        'D' => Item::Ranges("^0-9"),
        'w' => Item::Ranges("A-Za-z0-9_"),
        'W' => Item::Ranges("^A-Za-z0-9_"),
        's' => Item::Ranges(SPACE),
        'S' => Item::Ranges(NO_SPACE),
        't' => Item::Char('\t'),
        'n' => Item::Char('\n'),
        'v' => Item::Char('\u{b}'),
        'f' => Item::Char('\u{c}'),
        'r' => Item::Char('\r'),
        '0' => Item::Char('\0'),
        'c' => {
            let letter = tail.chars().next().filter(char::is_ascii_alphabetic)?;
            return Some((Item::Char(char::from(letter as u8 % 32)), tail.get(1..)?));
        }
        'p' | 'P' | 'u' | 'x' if tail.starts_with('{') => {
            let (same, tail) = text.split_at_checked(text.find('}')? + 1)?;
            return Some((Item::Same(same), tail));
        }
        'u' => return unit(tail),
        'x' => {
            let (code, tail) = hex(tail, 2)?;
            return Some((Item::Char(char::from_u32(code)?), tail));
        }
        'b' | 'B' | 'k' | '1'..='9' => Item::Same(text.get(..1)?),
        c if c.is_ascii_alphanumeric() => return None,
        c => Item::Char(c),
    };
    Some((item, tail))
}

/// A UTF-16 code unit, or the pair that makes one character.
fn unit(text: &str) -> Option<(Item<'_>, &str)> {
    let (code, tail) = hex(text, 4)?;
    if let Some(c) = char::from_u32(code) {
        return Some((Item::Char(c), tail));
    }
    let (low, tail) = hex(tail.strip_prefix("\\u")?, 4)?;
    let c = char::decode_utf16([code as u16, low as u16]).next()?.ok()?;
    Some((Item::Char(c), tail))
}

fn hex(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (code, tail) = text.split_at_checked(digits)?;
    let digits = code.bytes().all(|b| b.is_ascii_hexdigit());
    let code = u32::from_str_radix(code, 16).ok().filter(|_| digits)?;
    Some((code, tail))
}

/// Whether an opening brace begins a count: `3}`, `3,}` or `3,5}`.
fn counts(text: &str) -> bool {
    let Some((count, _)) = text.split_once('}') else {
        return false;
    };
    let (least, most) = count.split_once(',').unwrap_or((count, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// States that a match may have to follow at once for each byte; 0 where the engine's automaton
/// stays small, which is nearly always.
///
/// The engine is linear, but a counted repetition that may begin anywhere (`a.{500}c`) makes its
/// automaton as large as the text, and it then follows every count by itself.
pub(super) fn weight(pattern: &str) -> u64 {
    if !pattern.contains('{') {
        return 0;
    }
    match regex_syntax::parse(pattern) {
        Ok(hir) => {
            let mut after = false;
            let mut found = 0;
            let parts: &[Hir] = match hir.kind() {
                HirKind::Concat(parts) => parts,
                _ => std::slice::from_ref(&hir),
            };
            if !matches!(
                parts.first().map(Hir::kind),
                Some(HirKind::Look(Look::Start))
            ) {
                after = true;
            }
            for part in parts {
                if after || !simple(part) {
                    found = counted(part).saturating_add(found);
                }
                // Behind a part of varying length a count may begin anywhere.
                let properties = part.properties();
                after |= properties.minimum_len() != properties.maximum_len();
            }
            found
        }
        // What only the library's own dialect knows.
        Err(_) => pattern.len() as u64,
    }
}

/// Whether a part is one class or text, or a repetition of one: it is in one place at a time.
fn simple(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => true,
        HirKind::Repetition(repetition) => matches!(
            repetition.sub.kind(),
            HirKind::Literal(_) | HirKind::Class(_)
        ),
        HirKind::Capture(capture) => simple(&capture.sub),
        HirKind::Concat(_) | HirKind::Alternation(_) => false,
    }
}

/// States of the counted repetitions in a part.
fn counted(part: &Hir) -> u64 {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => 0,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min));
            if times < FEW {
                counted(&repetition.sub).saturating_mul(times.max(1))
            } else {
                states(&repetition.sub).saturating_mul(times)
            }
        }
        HirKind::Capture(capture) => counted(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(counted).fold(0, u64::saturating_add)
        }
    }
}

fn states(part: &Hir) -> u64 {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        // A class beyond ASCII is a tree of byte ranges.
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => 6,
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min)).max(1);
            states(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(0, u64::saturating_add)
        }
    }
}

/// Counts below this keep the automaton small.
const FEW: u64 = 8;

/// Bytes that one compiled pattern may take.
const MAX_SIZE: usize = 1 << 20;

/// `\s` in ECMA-262: white space and line terminators.
const SPACE: &str =
    r"\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
const NO_SPACE: &str =
    r"^\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
