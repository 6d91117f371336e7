//! Names with wildcards, and finding those that match a text without trying each.

use std::collections::BTreeMap;

/// A pattern: `*` stands for any run of characters, `?` for one, everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(String);

/// Places filed under exact texts and patterns.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    exact: BTreeMap<String, Vec<usize>>,
    /// By the literal text before the first wildcard.
    globs: BTreeMap<String, Vec<(Glob, usize)>>,
    longest_prefix: usize,
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether `text` has wildcards.
    pub(crate) fn is_glob(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    fn prefix(&self) -> &str {
        self.0.split(['*', '?']).next().unwrap_or_default()
    }

    /// Whether the pattern stands for `text`: at most length times length steps, no recursion.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where to resume: after the last `*`, and at the text that it has not swallowed yet.
        let mut star: Option<(usize, usize)> = None;
        while let Some(byte) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    p += 1;
                    star = Some((p, t));
                    continue;
                }
                Some(b'?') => {
                    p += 1;
                    t = next_char(text, t);
                    continue;
                }
                Some(literal) if literal == byte => {
                    p += 1;
                    t += 1;
                    continue;
                }
                Some(_) | None => {}
            }
            let Some((resume, swallowed)) = star else {
                return false;
            };
            let swallowed = next_char(text, swallowed);
            star = Some((resume, swallowed));
            (p, t) = (resume, swallowed);
        }
        pattern.iter().skip(p).all(|byte| *byte == b'*')
    }
}

impl Patterns {
    /// Files `place` under `text`, which may be a pattern.
    pub(crate) fn insert(&mut self, text: &str, place: usize) {
        if !Glob::is_glob(text) {
            self.exact.entry(text.to_owned()).or_default().push(place);
            return;
        }
        let glob = Glob::new(text);
        let prefix = glob.prefix().to_owned();
        self.longest_prefix = self.longest_prefix.max(prefix.len());
        self.globs.entry(prefix).or_default().push((glob, place));
    }

    /// Puts the longer pattern first among those with the same prefix.
    pub(crate) fn sort(&mut self) {
        for globs in self.globs.values_mut() {
            globs.sort_by_key(|(glob, _)| std::cmp::Reverse(glob.0.len()));
        }
    }

    /// Places filed under exactly `text`.
    pub(crate) fn exact(&self, text: &str) -> impl Iterator<Item = usize> {
        self.exact.get(text).into_iter().flatten().copied()
    }

    /// Places whose pattern matches `text`, those with the longest literal prefix first.
    pub(crate) fn globs(&self, text: &str) -> impl Iterator<Item = usize> {
        let longest = self.longest_prefix.min(text.len());
        (0..=longest)
            .rev()
            .filter_map(|end| self.globs.get(text.get(..end)?))
            .flatten()
            .filter(move |(glob, _)| glob.matches(text))
            .map(|(_, place)| *place)
    }

    /// All places.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> {
        let globs = self.globs.values().flatten().map(|(_, place)| *place);
        self.exact.values().flatten().copied().chain(globs)
    }

    /// Whether something is filed under this very text or pattern.
    pub(crate) fn has(&self, text: &str) -> bool {
        let glob = Glob::new(text);
        let same = self.globs.get(glob.prefix()).into_iter().flatten();
        self.exact.contains_key(text) || same.clone().any(|(known, _)| *known == glob)
    }
}

/// The pattern for all URIs that a template (RFC 6570) stands for, and for more: `*` also stands for
/// what an expression would escape.
#[must_use]
pub fn template(template: &str) -> String {
    let mut pattern = String::new();
    for part in template.split('{') {
        match part.split_once('}') {
            Some((_, literal)) => {
                pattern.push('*');
                pattern.push_str(literal);
            }
            None => pattern.push_str(part),
        }
    }
    pattern
}

/// Whether this is a template (RFC 6570, section 2) with at least one expression.
pub(crate) fn is_template(text: &str) -> bool {
    let mut parts = text.split('{');
    let plain = |literal: &str| !literal.contains(['{', '}', ' ']);
    let starts = parts.next().is_some_and(plain);
    let mut expressions = 0;
    let whole = parts.all(|part| {
        expressions += 1;
        part.split_once('}')
            .is_some_and(|(expression, literal)| is_expression(expression) && plain(literal))
    });
    starts && whole && expressions > 0
}

/// `name`, `+path`, `?q,lang`, `list*`, `start:3`.
fn is_expression(text: &str) -> bool {
    let variables = text.strip_prefix(['+', '#', '.', '/', ';', '?', '&']);
    variables.unwrap_or(text).split(',').all(|variable| {
        let name = match variable.split_once(':') {
            Some((name, most)) if most.parse::<u16>().is_ok_and(|most| most > 0) => name,
            Some(_) => return false,
            None => variable.strip_suffix('*').unwrap_or(variable),
        };
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.%".contains(c);
        !name.is_empty() && name.chars().all(known)
    })
}

/// The start of the character after the one at `at`.
fn next_char(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    at + 1
        + rest
            .iter()
            .take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000)
            .count()
}

#[cfg(test)]
mod tests;
