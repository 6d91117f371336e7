//! A document, value by value.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use super::{
    Blocked, By, FIELD, Redacted, Redaction,
    search::{self, Hit},
};
use crate::{
    json::{Decimal, Doc, Kind, Node, Splice, quote, splice},
    seal::Seal,
};

/// One document on its way.
pub(super) struct Pass<'r> {
    redaction: &'r Redaction,
    seal: &'r Seal,
    /// Values that are named by their place: by where they begin.
    named: BTreeMap<usize, By>,
    /// Values that are not looked at, likewise.
    opaque: Vec<usize>,
    /// In how many texts the document stands.
    depth: usize,
    pub(super) redacted: Redacted,
}

/// What a value is part of.
#[derive(Clone)]
struct Holder<'a> {
    /// The name of the member that holds it, or the list that it is in; empty where none does.
    name: &'a str,
    /// What goes if the value goes; a whole document cannot.
    whole: Option<Range<usize>>,
}

impl<'r> Pass<'r> {
    pub(super) fn new(
        redaction: &'r Redaction,
        seal: &'r Seal,
        opaque: Vec<usize>,
        depth: usize,
    ) -> Self {
        Self {
            redaction,
            seal,
            named: BTreeMap::new(),
            opaque,
            depth,
            redacted: Redacted::default(),
        }
    }

    /// Finds what is in a document; places are below `body`.
    pub(super) fn document(
        &mut self,
        root: Node<'_>,
        body: Option<Node<'_>>,
    ) -> Result<(), Blocked> {
        for (place, by) in &self.redaction.places {
            for node in body.into_iter().flat_map(|body| place.find(body)) {
                let known = self.named.entry(node.span().start).or_default();
                *known = (*by).max(*known);
            }
        }
        let holder = Holder {
            name: "",
            whole: None,
        };
        self.value(root, &holder)
    }

    // Recursion is bounded by the depth of a document and by that of documents in texts.
    fn value(&mut self, node: Node<'_>, holder: &Holder<'_>) -> Result<(), Blocked> {
        match node.kind() {
            Kind::Null | Kind::Bool => Ok(()),
            Kind::Number => self.number(node, holder),
            Kind::String => {
                let text = node.str().unwrap_or_default();
                if let Some(text) = self.text(&text, holder.name)? {
                    self.edit(node.span(), quote(&text));
                }
                Ok(())
            }
            Kind::Array => node.items().try_for_each(|item| {
                let whole = Some(item.span());
                let name = holder.name;
                self.child(item, &Holder { name, whole })
            }),
            Kind::Object => node.members().try_for_each(|member| {
                let whole = Some(member.span());
                let name = member.key();
                // Two names that are masked alike would be one.
                if self.name(&name)? {
                    self.edit(member.span(), String::new());
                    return Ok(());
                }
                self.child(member.value(), &Holder { name: &name, whole })
            }),
        }
    }

    /// A member's value or an item, which may be named by its place.
    fn child(&mut self, node: Node<'_>, holder: &Holder<'_>) -> Result<(), Blocked> {
        let at = node.span();
        if self.opaque.contains(&at.start) {
            return Ok(());
        }
        let before = self.redacted.edits.len();
        self.value(node, holder)?;
        let Some(by) = self.named.get(&at.start).filter(|_| !node.is_null()) else {
            return Ok(());
        };
        let by = *by;
        self.count(FIELD);
        self.redacted.edits.truncate(before);
        match by {
            By::Mask | By::Hash => {
                let text = node.str().unwrap_or_else(|| {
                    Cow::Owned(String::from_utf8(node.canonical()).unwrap_or_default())
                });
                let marker = self.marker(MARK, &text, by);
                self.edit(at, quote(&marker));
            }
            By::Drop => self.remove(node, holder),
            By::Block => return Err(Blocked(FIELD.to_owned())),
        }
        Ok(())
    }

    /// Whether the name of a member holds a value.
    fn name(&mut self, name: &str) -> Result<bool, Blocked> {
        let hits = self.search(name, 0)?;
        for hit in &hits {
            self.count(&hit.kind);
        }
        Ok(!hits.is_empty())
    }

    fn number(&mut self, node: Node<'_>, holder: &Holder<'_>) -> Result<(), Blocked> {
        let token = node.raw();
        let written_out = match token.contains(['.', 'e', 'E']) {
            true => Decimal::new(token).integer(MAX_DIGITS),
            false => None,
        };
        let token = written_out.as_deref().unwrap_or(token);
        let (view, start) = in_context(holder.name, token);
        let hits = self.search(&view, start)?;
        // A number holds one value.
        let Some(hit) = hits.iter().max_by_key(|hit| hit.by) else {
            return Ok(());
        };
        self.count(&hit.kind);
        match hit.by {
            By::Drop => self.remove(node, holder),
            by @ (By::Mask | By::Hash | By::Block) => {
                let marker = self.marker(&hit.kind, token, by);
                self.edit(node.span(), quote(&marker));
            }
        }
        Ok(())
    }

    /// A text without what is in it; `None`: nothing is.
    pub(super) fn text(&mut self, text: &str, name: &str) -> Result<Option<String>, Blocked> {
        if self.depth < MAX_TEXTS
            && text.trim_start().starts_with(['{', '[', '"'])
            && let Ok(doc) = Doc::parse(text.as_bytes().to_vec())
        {
            let mut inner = Self::new(self.redaction, self.seal, Vec::new(), self.depth + 1);
            inner.document(doc.root(), Some(doc.root()))?;
            let Redacted { edits, counts } = inner.redacted;
            for (kind, count) in counts {
                *self.redacted.counts.entry(kind).or_default() += count;
            }
            let changed = (!edits.is_empty()).then(|| splice(doc.bytes(), edits));
            return Ok(changed.and_then(|bytes| String::from_utf8(bytes).ok()));
        }
        let (view, start) = in_context(name, text);
        let hits = self.search(&view, start)?;
        if hits.is_empty() {
            return Ok(None);
        }
        for hit in &hits {
            self.count(&hit.kind);
        }
        let cut = self.replace(&view, start, &hits, false);
        // What stands around a value that was cut out may be one together.
        let joined = hits.iter().any(|hit| hit.by == By::Drop) && !self.search(&cut, 0)?.is_empty();
        Ok(Some(match joined {
            true => self.replace(&view, start, &hits, true),
            false => cut,
        }))
    }

    /// The text behind `start` with markers in the place of values.
    fn replace(&self, view: &str, start: usize, hits: &[Hit], mark_all: bool) -> String {
        let mut out = String::with_capacity(view.len());
        let mut from = start;
        for hit in hits {
            out.push_str(view.get(from..hit.at.start).unwrap_or_default());
            let value = view.get(hit.at.clone()).unwrap_or_default();
            if hit.by != By::Drop || mark_all {
                out.push_str(&self.marker(&hit.kind, value, hit.by));
            }
            from = hit.at.end;
        }
        out.push_str(view.get(from..).unwrap_or_default());
        out
    }

    fn marker(&self, kind: &str, value: &str, by: By) -> String {
        match by {
            By::Hash => {
                let value = search::normal(kind, value);
                let tag = self.seal.tag("redact", &[kind, &value]);
                format!("[{kind}:{}]", tag.get(..TAG).unwrap_or_default())
            }
            By::Mask | By::Drop | By::Block => format!("[{kind}]"),
        }
    }

    /// What is found in a text behind `start`, in order, apart from each other.
    fn search(&self, view: &str, start: usize) -> Result<Vec<Hit>, Blocked> {
        let Redaction {
            detector, kinds, ..
        } = self.redaction;
        let hits = search::search(detector, kinds, view, start);
        match hits.iter().find(|hit| hit.by == By::Block) {
            Some(hit) => Err(Blocked(hit.kind.clone())),
            None => Ok(hits),
        }
    }

    fn remove(&mut self, node: Node<'_>, holder: &Holder<'_>) {
        match &holder.whole {
            // The splice takes the comma along.
            Some(whole) => self.edit(whole.clone(), String::new()),
            None => self.edit(node.span(), "null".to_owned()),
        }
    }

    fn edit(&mut self, at: Range<usize>, with: String) {
        let with = with.into_bytes();
        self.redacted.edits.push(Splice { at, with });
    }

    fn count(&mut self, kind: &str) {
        *self.redacted.counts.entry(kind.to_owned()).or_default() += 1;
    }
}

/// A value behind the name of its member, and where it begins.
fn in_context<'a>(name: &str, value: &'a str) -> (Cow<'a, str>, usize) {
    if name.is_empty() {
        return (Cow::Borrowed(value), 0);
    }
    let from = name.len().saturating_sub(MAX_NAME);
    let from = (from..=name.len()).find(|at| name.is_char_boundary(*at));
    let name = from.and_then(|from| name.get(from..)).unwrap_or_default();
    (Cow::Owned(format!("{name}: {value}")), name.len() + 2)
}

/// What stands in the place of such a value.
const MARK: &str = "redacted";

/// Characters of the mark of a value: 72 bits.
const TAG: usize = 12;

/// Texts in texts that are read as JSON: each level doubles the backslashes of the one within.
const MAX_TEXTS: usize = 4;

/// Bytes of a name that are looked at: more than the words before a value.
const MAX_NAME: usize = 64;

/// Digits of a number with an exponent that are written out.
const MAX_DIGITS: usize = 40;
