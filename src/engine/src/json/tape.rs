//! The tape: one entry for each value and each object key, in the order of the text.

use super::{Doc, FaultKind, Kind};

/// A value or a key. A container is followed by its contents, a key by its value.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    start: u32,
    end: u32,
    /// Index of the entry behind the whole value, above kind and escape flag: 16 bytes in all, not
    /// 20.
    link: u32,
    /// Members or items.
    len: u32,
}

const ESCAPED: u32 = 0b1000;
const KIND: u32 = 0b0111;
const SHIFT: u32 = 4;

impl Entry {
    /// What an impossible index reads as.
    pub(super) const NULL: Self = Self {
        start: 0,
        end: 0,
        link: 0,
        len: 0,
    };

    #[inline(always)]
    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    /// Offset behind the last byte.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        self.end as usize
    }

    /// Index of the entry behind this value and all it contains.
    #[inline(always)]
    pub(super) fn next(self) -> usize {
        (self.link >> SHIFT) as usize
    }

    /// How many members or items a container has.
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    /// Whether a string holds escapes.
    pub(super) fn escaped(self) -> bool {
        self.link & ESCAPED != 0
    }

    #[inline(always)]
    pub(super) fn kind(self) -> Kind {
        match self.link & KIND {
            1 => Kind::Bool,
            2 => Kind::Number,
            3 => Kind::String,
            4 => Kind::Array,
            5 => Kind::Object,
            _ => Kind::Null,
        }
    }
}

/// All entries; never empty once parsed.
#[derive(Clone)]
pub(super) struct Tape(Vec<Entry>);

impl Tape {
    /// A tape for a text of that many bytes; one that is denser than usual makes it grow.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Vec::with_capacity((bytes / 8 + 8).min(Doc::MAX_NODES)))
    }

    #[inline(always)]
    pub(super) fn entry(&self, at: usize) -> Option<Entry> {
        self.0.get(at).copied()
    }

    /// Appends a scalar or a key.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        escaped: bool,
    ) -> Result<(), FaultKind> {
        let at = self.0.len();
        if at >= Doc::MAX_NODES {
            return Err(FaultKind::TooManyNodes);
        }
        // Offsets fit: the parser refuses longer texts first.
        let flag = if escaped { ESCAPED } else { 0 };
        let link = ((at as u32 + 1) << SHIFT) | flag | kind as u32;
        self.0.push(Entry {
            start: start as u32,
            end: end as u32,
            link,
            len: 0,
        });
        Ok(())
    }

    /// Appends an array or object that is still open inside `parent`, and gives its index.
    /// Until it closes, its end holds the parent's, so that no stack is needed.
    pub(super) fn open(
        &mut self,
        kind: Kind,
        start: usize,
        parent: Option<usize>,
    ) -> Result<usize, FaultKind> {
        let at = self.0.len();
        self.push(kind, start, parent.map_or(0, |parent| parent + 1), false)?;
        Ok(at)
    }

    /// Counts one more member or item of the container at `at`.
    #[inline(always)]
    pub(super) fn count(&mut self, at: usize) {
        if let Some(entry) = self.0.get_mut(at) {
            entry.len += 1;
        }
    }

    /// Closes the container at `at`, and gives the index of the one around it.
    pub(super) fn close(&mut self, at: usize, end: usize) -> Option<usize> {
        let next = self.0.len() as u32;
        let entry = self.0.get_mut(at)?;
        let parent = (entry.end as usize).checked_sub(1);
        entry.end = end as u32;
        entry.link = (next << SHIFT) | (entry.link & KIND);
        parent
    }
}
