//! Edits of a file that people write. What an edit does not name stays, byte for byte; what comes
//! out is read back, and is dropped unless it says exactly what was meant.

mod member;

use std::ops::Range;

use engine::json::Doc;
use serde_json::{Map, Value};

use super::{
    Source,
    tree::{Shape, Tree},
    yaml,
};
use member::{object, write};

pub(crate) use member::Member;

/// Edits of one file whose outermost value is an object.
pub(crate) struct Edit<'a> {
    source: &'a Source,
    changes: Vec<(Range<usize>, String)>,
    /// What the file is to say afterwards.
    meant: Value,
}

/// One of the entries of a member of the outermost object.
#[derive(Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// Of a list.
    Item(usize),
    /// Of an object.
    Member(&'a str),
}

/// The members of an object, in the order they stand in.
type Members = [(String, Range<usize>, Tree)];

impl<'a> Edit<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let meant = match source.value() {
            // A file with nothing in it.
            Value::Null => Value::Object(Map::new()),
            value => value,
        };
        Self {
            source,
            changes: Vec::new(),
            meant,
        }
    }

    /// The text with all edits; `None` where it does not come out as meant.
    pub(crate) fn finish(mut self) -> Option<String> {
        // Stable: what is added at one place stays in order.
        self.changes.sort_by_key(|(at, _)| at.start);
        let mut text = String::with_capacity(self.source.text.len());
        let mut kept = 0;
        for (at, with) in self.changes {
            text.push_str(self.source.text.get(kept..at.start)?);
            text.push_str(&with);
            kept = at.end;
        }
        text.push_str(self.source.text.get(kept..)?);
        let (read, malformed) = Source::new(self.source.name.clone(), text);
        (malformed.is_none() && read.value() == self.meant).then_some(read.text)
    }

    /// Adds entries at the end of the list `key`.
    pub(crate) fn append(&mut self, key: &str, entries: &[Vec<Member>]) {
        if entries.is_empty() {
            return;
        }
        let list = self.meant_at(key, || Value::Array(Vec::new()));
        if let Some(Value::Array(items)) = list {
            items.extend(entries.iter().map(|entry| object(entry)));
        }
        let begun = self
            .section(key)
            .is_some_and(|(list, _)| Self::len(list) > 0);
        let block = |out: &mut String, indent: usize| {
            for (place, entry) in entries.iter().enumerate() {
                if begun || place > 0 {
                    out.push('\n');
                }
                yaml::line(out, indent);
                out.push_str("- ");
                let mut members = String::new();
                write(&mut members, entry, indent.saturating_add(2));
                out.push_str(members.trim_start());
            }
        };
        let flow: Vec<_> = entries
            .iter()
            .map(|entry| object(entry).to_string())
            .collect();
        self.grow(key, 0, block, ("[", flow.join(",\n  "), "]"));
    }

    /// Adds a member to the object `key`.
    pub(crate) fn insert(&mut self, key: &str, name: &str, members: &[Member]) {
        let outer = self.meant_at(key, || Value::Object(Map::new()));
        if let Some(Value::Object(outer)) = outer {
            outer.insert(name.to_owned(), object(members));
        }
        let block = |out: &mut String, indent: usize| {
            yaml::line(out, indent);
            yaml::key(out, name);
            out.push('\n');
            write(out, members, indent.saturating_add(2));
        };
        let flow = format!("{}: {}", Value::from(name), object(members));
        self.grow(key, 2, block, ("{", flow, "}"));
    }

    /// Makes `key` of an entry this value, or takes it away.
    pub(crate) fn set(
        &mut self,
        section: &str,
        entry: Entry<'_>,
        key: &'static str,
        value: Option<Doc>,
    ) {
        let place = (section, entry);
        let section = self.meant.get_mut(section);
        let entry = section.and_then(|section| match entry {
            Entry::Item(index) => section.get_mut(index),
            Entry::Member(name) => section.get_mut(name),
        });
        if let Some(Value::Object(entry)) = entry {
            match &value {
                Some(value) => entry.insert(key.to_owned(), value.root().to_value()),
                None => entry.remove(key),
            };
        }
        let change = self.change(place, key, value);
        self.changes.extend(change);
    }

    fn change(
        &self,
        (section, entry): (&str, Entry<'_>),
        key: &'static str,
        value: Option<Doc>,
    ) -> Option<(Range<usize>, String)> {
        let (section, after) = self.section(section)?;
        let (item, next) = match (&section.shape, entry) {
            (Shape::List(items), Entry::Item(index)) => {
                let next = items.get(index.saturating_add(1));
                (items.get(index)?, next.map(|next| next.at.start))
            }
            (Shape::Map(members), Entry::Member(name)) => {
                let index = members.iter().position(|(key, ..)| key == name)?;
                let next = members.get(index.saturating_add(1));
                (&members.get(index)?.2, next.map(|(_, at, _)| at.start))
            }
            (Shape::Leaf(_) | Shape::List(_) | Shape::Map(_), _) => return None,
        };
        let Shape::Map(members) = &item.shape else {
            return None;
        };
        let after = next.or(after);
        let known = members.iter().position(|(name, ..)| name == key);
        // A new member stands below the first, which names the entry.
        let place = known.unwrap_or_default();
        let (_, key_at, old) = members.get(place)?;
        let next = members
            .get(place.saturating_add(1))
            .map(|(_, at, _)| at.start);
        let end = self.end_before(next.or(after));
        let Some(value) = value else {
            let start = self.source.line_of(key_at.start).1;
            return (known.is_some() && !self.is_flow(item)).then(|| (start..end, String::new()));
        };
        if self.is_flow(item) {
            let old_end = self.end(old)?;
            let text = value.root().to_value().to_string();
            return Some(match known {
                Some(_) => (old.at.start..old_end, text),
                None => (old_end..old_end, format!(", {}: {text}", Value::from(key))),
            });
        }
        let indent = key_at
            .start
            .saturating_sub(self.source.line_of(key_at.start).1);
        let mut text = String::new();
        let member = Member {
            key,
            value,
            comment: None,
        };
        write(&mut text, &[member], indent);
        if known.is_none() {
            return Some((end..end, text));
        }
        let text = text.trim_start();
        let old_text = self.source.text.get(old.at.clone())?;
        let between = self.source.text.get(key_at.end..old.at.start)?;
        let one_line = |text: &str| !text.trim_end().contains('\n');
        if matches!(old.shape, Shape::Leaf(_))
            && one_line(old_text)
            && one_line(text)
            && between.trim() == ":"
        {
            // What stands beside it stays.
            let value = text.split_once(": ")?.1.trim_end();
            return Some((old.at.clone(), value.to_owned()));
        }
        Some((key_at.start..end, text.to_owned()))
    }

    /// Where `key` is to say something afterwards; what is not there yet is made.
    fn meant_at(&mut self, key: &str, make: impl Fn() -> Value) -> Option<&mut Value> {
        let place = self.meant.as_object_mut()?.entry(key).or_insert_with(&make);
        if place.is_null() {
            *place = make();
        }
        Some(place)
    }

    /// Puts more at the end of a list or an object of the outermost object: as a block, or between
    /// brackets where that is how it is written.
    fn grow(
        &mut self,
        key: &str,
        indent: usize,
        block: impl Fn(&mut String, usize),
        (open, flow, close): (&str, String, &str),
    ) {
        let text = &self.source.text;
        let root = &self.source.root;
        let mut out = String::new();
        let at = match self.section(key) {
            Some((section, _)) if self.is_flow(section) && Self::len(section) > 0 => {
                self.close(section).map(|at| {
                    out = format!(", {flow}");
                    at..at
                })
            }
            Some((section, _)) if self.is_flow(root) => self.close(section).map(|at| {
                out = flow;
                at..at
            }),
            None if self.is_flow(root) => self.close(root).map(|at| {
                let comma = if Self::len(root) > 0 { ", " } else { "" };
                out = format!("{comma}{}: {open}{flow}{close}", Value::from(key));
                at..at
            }),
            Some((section, after)) if Self::len(section) > 0 => {
                let at = self.end_before(after);
                if !text.get(..at).is_some_and(|before| before.ends_with('\n')) {
                    out.push('\n');
                }
                self.indent(section).map(|indent| {
                    block(&mut out, indent);
                    at..at
                })
            }
            // Nothing in it: `key:`, `key: []`.
            Some((section, _)) => self.colon(key).map(|colon| {
                out.push('\n');
                block(&mut out, indent);
                out.pop();
                let end = self.end(section).unwrap_or_default();
                colon..end.max(colon)
            }),
            None => {
                if !text.is_empty() && !text.ends_with('\n') {
                    out.push('\n');
                }
                if Self::len(root) > 0 {
                    out.push('\n');
                }
                yaml::key(&mut out, key);
                out.push('\n');
                block(&mut out, indent);
                Some(text.len()..text.len())
            }
        };
        self.changes.extend(at.map(|at| (at, out)));
    }

    /// The members of the outermost object.
    fn root(&self) -> &'a Members {
        match &self.source.root.shape {
            Shape::Map(members) => members,
            Shape::Leaf(_) | Shape::List(_) => &[],
        }
    }

    /// A member of the outermost object, and where the key after it begins.
    fn section(&self, key: &str) -> Option<(&'a Tree, Option<usize>)> {
        let root = self.root();
        let place = root.iter().position(|(name, ..)| name == key)?;
        let next = root.get(place.saturating_add(1)).map(|(_, at, _)| at.start);
        root.get(place).map(|(.., section)| (section, next))
    }

    /// Behind the colon of a key of the outermost object.
    fn colon(&self, key: &str) -> Option<usize> {
        let (_, at, _) = self.root().iter().find(|(name, ..)| name == key)?;
        let rest = self.source.text.get(at.end..)?;
        rest.find(':')
            .map(|colon| at.end.saturating_add(colon).saturating_add(1))
    }

    /// Where what stands before `next` ends: comments and blank lines between the two belong to
    /// what follows.
    fn end_before(&self, next: Option<usize>) -> usize {
        let text = &self.source.text;
        let limit = next.map_or(text.len(), |next| self.source.line_of(next).1);
        let mut end = limit;
        let before = text.get(..limit).unwrap_or_default();
        for line in before.split_inclusive('\n').rev() {
            let line_text = line.trim_start();
            if !line_text.is_empty() && !line_text.starts_with('#') {
                break;
            }
            end = end.saturating_sub(line.len());
        }
        end
    }

    /// How far the items or keys of a block are indented.
    fn indent(&self, block: &Tree) -> Option<usize> {
        match &block.shape {
            Shape::Leaf(_) => None,
            Shape::Map(members) => {
                let (_, at, _) = members.first()?;
                Some(at.start.saturating_sub(self.source.line_of(at.start).1))
            }
            Shape::List(items) => {
                let at = items.last()?.at.start;
                let line = self.source.text.get(self.source.line_of(at).1..at)?;
                line.find('-')
                    .filter(|dash| line.get(..*dash).is_some_and(|s| s.trim().is_empty()))
            }
        }
    }

    fn len(tree: &Tree) -> usize {
        match &tree.shape {
            Shape::Leaf(_) => 0,
            Shape::List(items) => items.len(),
            Shape::Map(members) => members.len(),
        }
    }

    /// Whether a list or an object stands between brackets.
    fn is_flow(&self, tree: &Tree) -> bool {
        let open = |text: &str| text.starts_with(['[', '{']);
        !matches!(tree.shape, Shape::Leaf(_))
            && self.source.text.get(tree.at.start..).is_some_and(open)
    }

    /// The closing bracket.
    fn close(&self, flow: &Tree) -> Option<usize> {
        let last = match &flow.shape {
            Shape::Leaf(_) => return None,
            Shape::List(items) => items.last(),
            Shape::Map(members) => members.last().map(|(.., value)| value),
        };
        let mut at = match last {
            Some(last) => self.end(last)?,
            None => flow.at.start.saturating_add(1),
        };
        loop {
            let rest = self.source.text.get(at..)?;
            let skip = match rest.chars().next()? {
                ']' | '}' => return Some(at),
                ',' => 1,
                '#' => rest.find('\n')?,
                c if c.is_whitespace() => c.len_utf8(),
                _ => return None,
            };
            at = at.saturating_add(skip);
        }
    }

    /// Where a value between brackets ends.
    fn end(&self, value: &Tree) -> Option<usize> {
        match value.shape {
            Shape::Leaf(_) => Some(value.at.end),
            Shape::List(_) | Shape::Map(_) => self.close(value)?.checked_add(1),
        }
    }
}

#[cfg(test)]
mod tests;
