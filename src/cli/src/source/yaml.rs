//! JSON values as block YAML for people to review: members in the order they came, lines that were
//! lines, and nothing hidden.

use std::fmt::Write as _;

use engine::json::{Kind, Node};

use crate::visible::is_hidden;

/// Writes what follows `key:` or `-`, and the end of its line.
pub(super) fn value(out: &mut String, node: Node<'_>, indent: usize) {
    match node.kind() {
        Kind::Object if !node.is_empty() => {
            out.push('\n');
            for member in node.members() {
                line(out, indent);
                key(out, &member.key());
                value(out, member.value(), indent.saturating_add(2));
            }
        }
        Kind::Array if !node.is_empty() => list(out, node, indent),
        Kind::String => {
            let text = node.str().unwrap_or_default();
            if is_literal(&text) {
                literal(out, &text, indent);
            } else {
                out.push(' ');
                scalar(out, &text);
                out.push('\n');
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::Array | Kind::Object => {
            out.push(' ');
            out.push_str(node.raw().trim());
            out.push('\n');
        }
    }
}

/// Writes `key:`.
pub(super) fn key(out: &mut String, key: &str) {
    if is_word(key) {
        out.push_str(key);
    } else {
        quoted(out, key);
    }
    out.push(':');
}

/// Writes a comment beside what was written from `start` on: at the end of its first line, as the
/// last may be one of a text.
pub(super) fn comment(out: &mut String, start: usize, text: &str) {
    let written = out.get(start..).unwrap_or_default();
    let end = written.find('\n').unwrap_or(written.len());
    // Two spaces, as formatters have it.
    out.insert_str(start.saturating_add(end), &format!("  # {text}"));
}

/// The beginning of a line.
pub(super) fn line(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A list: its words in one line, everything else one below the other.
fn list(out: &mut String, node: Node<'_>, indent: usize) {
    let words: Option<Vec<_>> = node
        .items()
        .map(|item| item.str().filter(|text| is_word(text)))
        .collect();
    if let Some(words) = words {
        let words = words.join(", ");
        if words.len() <= MAX_LINE {
            let _ = writeln!(out, " [{words}]");
            return;
        }
    }
    // Below its key, which stands two to the left.
    let indent = indent.saturating_sub(2);
    out.push('\n');
    for item in node.items() {
        line(out, indent);
        out.push('-');
        match item.kind() {
            Kind::Object if !item.is_empty() => {
                let mut block = String::new();
                value(&mut block, item, indent.saturating_add(2));
                out.push(' ');
                out.push_str(block.trim_start());
            }
            // A list in a list is rare: it stays in one line.
            Kind::Array => {
                let _ = writeln!(out, " {}", node_line(item));
            }
            Kind::Null | Kind::Bool | Kind::Number | Kind::String | Kind::Object => {
                value(out, item, indent.saturating_add(2));
            }
        }
    }
}

/// JSON in one line, which is YAML as well.
fn node_line(node: Node<'_>) -> String {
    node.to_value().to_string()
}

fn scalar(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(out, text);
    }
}

/// In double quotes, with YAML's escapes (1.2.2, section 5.7).
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                let code = u32::from(hidden);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            shown => out.push(shown),
        }
    }
    out.push('"');
}

/// Several lines as they are, below each other.
fn literal(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') {
        " |\n"
    } else {
        " |-\n"
    });
    for text in text.lines() {
        if !text.is_empty() {
            line(out, indent);
            out.push_str(text);
        }
        out.push('\n');
    }
}

/// Whether a text keeps its meaning as a literal block.
fn is_literal(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && !lines.starts_with([' ', '\t', '\n'])
        && !lines.ends_with('\n')
        && !text.chars().any(is_hidden)
}

/// Whether a text of one line is read as that text without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic())
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(['\n', '\t'])
        && !text.chars().any(is_hidden)
        && !is_reserved(text)
}

/// Whether a text is read as that text without quotes, also as a key or between commas.
fn is_word(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && text.chars().all(word)
        && !is_reserved(text)
}

/// What some version of YAML reads as no text.
fn is_reserved(text: &str) -> bool {
    let reserved = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    reserved.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Characters of a list that stays in one line.
const MAX_LINE: usize = 70;
