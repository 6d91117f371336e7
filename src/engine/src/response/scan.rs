//! One JSON-RPC answer, scanned as its bytes pass: in one go, in a few bytes of memory, whatever
//! its size.
//!
//! What this module does not do: check the JSON. What passes unread anyway needs no parser; what is
//! read wrongly where it is no JSON changes nothing but a count.

use std::{borrow::Cow, mem};

use crate::{
    json::{Doc, plain},
    record::Outcome,
};

use super::reading::Size;

/// A message so far.
#[derive(Debug)]
pub(super) struct Scan {
    /// Bytes so far.
    at: u64,
    /// Open objects and arrays.
    depth: usize,
    within: Within,
    /// The string, with its quotes, or the other scalar that stands last: as much as has room.
    token: Vec<u8>,
    room: usize,
    /// Its whole length.
    length: u64,
    /// The member of the message that it is in,
    outer: Name,
    /// that of `result` or `error`,
    inner: Name,
    /// and the innermost one.
    name: Name,
    /// Where `result` or `error` began.
    start: Option<u64>,
    facts: Facts,
}

/// What is known of a message.
#[derive(Debug, Default)]
struct Facts {
    id: Vec<u8>,
    method: bool,
    result: bool,
    error: bool,
    is_error: bool,
    code: Option<i64>,
    size: Size,
    /// It is a whole value,
    ended: bool,
    /// and there is more around it.
    spoilt: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Within {
    #[default]
    Structure,
    String,
    /// Behind a backslash.
    Escape,
}

/// The names that mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Name {
    #[default]
    Other,
    Id,
    Method,
    Result,
    Error,
    IsError,
    Code,
    /// `content`, `contents`, `messages`: where base64 may stand,
    Content,
    /// and `data` or `blob`, where it does.
    Base64,
}

impl Name {
    fn new(literal: &[u8]) -> Self {
        match literal {
            br#""id""# => Self::Id,
            br#""method""# => Self::Method,
            br#""result""# => Self::Result,
            br#""error""# => Self::Error,
            br#""isError""# => Self::IsError,
            br#""code""# => Self::Code,
            br#""content""# | br#""contents""# | br#""messages""# => Self::Content,
            br#""data""# | br#""blob""# => Self::Base64,
            _ => Self::Other,
        }
    }
}

impl Scan {
    /// A scan for the answer to the request with this id, as it was written.
    pub(super) fn new(id: &str) -> Self {
        // A server may write each character as an escape.
        Self::empty((ESCAPE * id.len()).max(LONGEST))
    }

    fn empty(room: usize) -> Self {
        Self {
            at: 0,
            depth: 0,
            within: Within::default(),
            token: Vec::new(),
            room,
            length: 0,
            outer: Name::Other,
            inner: Name::Other,
            name: Name::Other,
            start: None,
            facts: Facts::default(),
        }
    }

    /// Begins another message.
    pub(super) fn begin(&mut self) {
        self.forget();
        *self = Self {
            token: mem::take(&mut self.token),
            ..Self::empty(self.room)
        };
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            let width = match self.within {
                Within::Structure if self.depth >= DEEP => self.skim(bytes),
                Within::Structure => {
                    self.structure(byte);
                    1
                }
                Within::String => self.string(bytes),
                Within::Escape => {
                    self.within = Within::String;
                    self.keep(&[byte]);
                    1
                }
            };
            self.at += width as u64;
            bytes = bytes.get(width..).unwrap_or_default();
        }
    }

    /// How large the outcome is so far.
    pub(super) fn size(&self) -> Size {
        let open = self.start.map_or(0, |start| self.at - start);
        Size {
            bytes: self.facts.size.bytes + open,
            ..self.facts.size
        }
    }

    /// The code of an error, whoever it answers.
    pub(super) const fn code(&self) -> Option<i64> {
        self.facts.code
    }

    /// What came of the request with this id, if it is an answer to that.
    pub(super) fn outcome(&self, id: &str) -> Option<Outcome> {
        let facts = &self.facts;
        let whole = facts.ended && !facts.spoilt;
        if !whole || facts.method || !same(&facts.id, id) {
            return None;
        }
        match (facts.error, facts.result) {
            (true, _) => Some(Outcome::ProtocolError),
            (false, true) if facts.is_error => Some(Outcome::ToolError),
            (false, true) => Some(Outcome::Ok),
            (false, false) => None,
        }
    }

    /// Takes some of a string, and says how much.
    fn string(&mut self, bytes: &[u8]) -> usize {
        let end = plain(bytes, 0);
        let width = (end + 1).min(bytes.len());
        self.keep(bytes.get(..width).unwrap_or_default());
        match bytes.get(end) {
            Some(b'"') => {
                self.within = Within::Structure;
                if self.name == Name::Base64
                    && (self.outer, self.inner) == (Name::Result, Name::Content)
                {
                    self.facts.size.base64 += self.length - 2;
                }
            }
            Some(b'\\') => self.within = Within::Escape,
            Some(_) | None => {}
        }
        width
    }

    /// Takes what stands between two strings so deep that nothing there counts but brackets, and in
    /// content the names of members; and says how much that is.
    fn skim(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => {
                    self.forget();
                    self.keep(b"\"");
                    self.within = Within::String;
                    return at + 1;
                }
                b'{' | b'[' => {
                    self.name = Name::Other;
                    self.depth += 1;
                }
                b'}' | b']' => {
                    self.name = Name::Other;
                    self.depth -= 1;
                    if self.depth < DEEP {
                        self.forget();
                        return at + 1;
                    }
                }
                b',' => self.name = Name::Other,
                b':' if self.inner == Name::Content => self.name = Name::new(&self.token),
                _ => {}
            }
        }
        bytes.len()
    }

    fn structure(&mut self, byte: u8) {
        if let b' ' | b'\n' | b'\r' | b'\t' = byte {
            return;
        }
        self.facts.spoilt |= self.depth == 0 && (self.facts.ended || !may_begin(byte));
        match byte {
            b'{' | b'[' => self.open(),
            b'}' | b']' => self.close(),
            b',' => self.next(),
            b':' => self.member(),
            b'"' => {
                self.keep(b"\"");
                self.within = Within::String;
            }
            other => self.keep(&[other]),
        }
    }

    fn open(&mut self) {
        self.forget();
        self.name = Name::Other;
        if self.depth == 1 {
            self.inner = Name::Other;
            if let Name::Result | Name::Error = self.outer {
                self.start = Some(self.at);
            }
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.next();
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 1
            && let Some(start) = self.start.take()
        {
            self.facts.size.bytes += self.at + 1 - start;
        }
        self.facts.ended |= self.depth == 0;
    }

    /// A name stands before a colon.
    fn member(&mut self) {
        self.name = Name::new(&self.token);
        self.forget();
        match self.depth {
            1 => {
                self.outer = self.name;
                match self.name {
                    Name::Method => self.facts.method = true,
                    Name::Result => self.facts.result = true,
                    Name::Error => self.facts.error = true,
                    Name::Id
                    | Name::IsError
                    | Name::Code
                    | Name::Content
                    | Name::Base64
                    | Name::Other => {}
                }
            }
            2 => self.inner = self.name,
            _ => {}
        }
    }

    /// A value stands before a comma, or at an end.
    fn next(&mut self) {
        match (self.depth, self.outer, self.inner) {
            (1, Name::Id, _) => self.facts.id = mem::take(&mut self.token),
            (2, Name::Result, Name::IsError) => self.facts.is_error = self.token == b"true",
            (2, Name::Error, Name::Code) => {
                let code = str::from_utf8(&self.token).ok();
                self.facts.code = code.and_then(|code| code.parse().ok());
            }
            _ => {}
        }
        match self.depth {
            1 => self.outer = Name::Other,
            2 => self.inner = Name::Other,
            _ => {}
        }
        self.name = Name::Other;
        self.forget();
    }

    fn forget(&mut self) {
        self.token.clear();
        self.length = 0;
    }

    #[inline(always)]
    fn keep(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.depth >= DEEP && self.inner != Name::Content {
            return;
        }
        let room = self.room.saturating_sub(self.token.len());
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.token.extend_from_slice(kept);
    }
}

/// Whether a message may begin with this byte, or with the byte order mark that it is of.
const fn may_begin(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | 0xef | 0xbb | 0xbf)
}

/// Whether two ids are the same: as written, or two strings that are written differently.
fn same(found: &[u8], id: &str) -> bool {
    if found == id.as_bytes() {
        return true;
    }
    let text = |bytes: &[u8]| {
        let doc = Doc::parse(bytes.to_vec()).ok()?;
        doc.root().str().map(Cow::into_owned)
    };
    text(found).is_some_and(|found| text(id.as_bytes()) == Some(found))
}

/// From this depth on a member is in none that counts, but for what content holds.
const DEEP: usize = 3;
/// Bytes of a character written as an escape.
const ESCAPE: usize = r"\u0000".len();
/// More than any name or code that means something.
const LONGEST: usize = 32;
