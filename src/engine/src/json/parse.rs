//! One pass from text to tape, without recursion.

use std::borrow::Cow;

use super::{Doc, Entry, Fault, FaultKind, Kind, node::unescape};

/// The tape of `text`.
pub(super) fn tape(text: &str) -> Result<Vec<Entry>, Fault> {
    if u32::try_from(text.len()).is_err() {
        return Err(Fault {
            kind: FaultKind::Length,
            offset: 0,
        });
    }
    if text.starts_with('\u{FEFF}') {
        return Err(Fault {
            kind: FaultKind::Utf8,
            offset: 0,
        });
    }
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        tape: Vec::new(),
        open: Vec::new(),
    };
    // Most of a message is strings: an entry for every 16 bytes is more than enough.
    parser.tape.reserve(text.len() / 16 + 4);
    parser.document()?;
    Ok(parser.tape)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tape: Vec<Entry>,
    /// Tape indices of the arrays and objects that are not closed yet.
    open: Vec<usize>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        self.space();
        self.value()?;
        while let Some(&holder) = self.open.last() {
            self.space();
            let kind = self.tape.get(holder).map_or(Kind::Null, |entry| entry.kind);
            let close = if kind == Kind::Object { b'}' } else { b']' };
            let empty = holder + 1 == self.tape.len();
            match self.peek() {
                Some(byte) if byte == close => {
                    self.at += 1;
                    self.close(holder, kind)?;
                    continue;
                }
                Some(b',') if !empty => {
                    self.at += 1;
                    self.space();
                }
                Some(_) if empty => {}
                _ => return Err(self.fault(FaultKind::Syntax)),
            }
            if let Some(entry) = self.tape.get_mut(holder) {
                entry.len += 1;
            }
            if kind == Kind::Object {
                if self.peek() != Some(b'"') {
                    return Err(self.fault(FaultKind::Syntax));
                }
                self.string()?;
                self.space();
                if self.peek() != Some(b':') {
                    return Err(self.fault(FaultKind::Syntax));
                }
                self.at += 1;
                self.space();
            }
            self.value()?;
        }
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(FaultKind::TrailingData)),
        }
    }

    /// A scalar, or the opening of an array or object.
    fn value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.open(Kind::Object),
            Some(b'[') => self.open(Kind::Array),
            Some(b't') => self.word("true", Kind::Bool),
            Some(b'f') => self.word("false", Kind::Bool),
            Some(b'n') => self.word("null", Kind::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault(FaultKind::Syntax)),
        }
    }

    fn open(&mut self, kind: Kind) -> Result<(), Fault> {
        if self.open.len() >= Doc::MAX_DEPTH {
            return Err(self.fault(FaultKind::Depth));
        }
        self.open.push(self.tape.len());
        let start = self.at;
        self.at += 1;
        self.push(start, kind, false);
        Ok(())
    }

    fn close(&mut self, holder: usize, kind: Kind) -> Result<(), Fault> {
        self.open.pop();
        let (end, next) = (offset(self.at), offset(self.tape.len()));
        if let Some(entry) = self.tape.get_mut(holder) {
            (entry.end, entry.next) = (end, next);
        }
        if kind == Kind::Object {
            self.check_keys(holder)
        } else {
            Ok(())
        }
    }

    fn check_keys(&self, holder: usize) -> Result<(), Fault> {
        let mut keys = Vec::new();
        let mut at = holder + 1;
        while let Some(key) = self.tape.get(at) {
            let raw = self
                .text
                .get(key.start as usize + 1..key.end as usize - 1)
                .unwrap_or_default();
            let text = if key.escaped {
                unescape(raw)
            } else {
                Cow::Borrowed(raw)
            };
            keys.push((text, key.start));
            at = self
                .tape
                .get(at + 1)
                .map_or(usize::MAX, |value| value.next as usize);
        }
        let fault = |start| Fault {
            kind: FaultKind::DuplicateKey,
            offset: start as usize,
        };
        if keys.len() <= FEW {
            for (at, (key, start)) in keys.iter().enumerate() {
                if keys.iter().take(at).any(|(other, _)| other == key) {
                    return Err(fault(*start));
                }
            }
            return Ok(());
        }
        keys.sort_unstable();
        let same = keys
            .iter()
            .zip(keys.iter().skip(1))
            .find(|((a, _), (b, _))| a == b);
        same.map_or(Ok(()), |(_, (_, start))| Err(fault(*start)))
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                Some(_) | None => return Err(self.fault(FaultKind::Syntax)),
            }
        }
        self.at += 1;
        self.push(start, Kind::String, escaped);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let lone = Fault {
                    kind: FaultKind::LoneSurrogate,
                    offset: start,
                };
                match self.hex()? {
                    0xDC00..=0xDFFF => Err(lone),
                    0xD800..=0xDBFF => {
                        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                            return Err(lone);
                        }
                        self.at += 2;
                        match self.hex()? {
                            0xDC00..=0xDFFF => Ok(()),
                            _ => Err(lone),
                        }
                    }
                    _ => Ok(()),
                }
            }
            _ => Err(self.fault(FaultKind::Syntax)),
        }
    }

    /// Four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.fault(FaultKind::Syntax));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') && self.digits() == 0 {
            return Err(self.fault(FaultKind::Syntax));
        }
        if self.skip(b'.') && self.digits() == 0 {
            return Err(self.fault(FaultKind::Syntax));
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _sign = self.skip(b'+') || self.skip(b'-');
            if self.digits() == 0 {
                return Err(self.fault(FaultKind::Syntax));
            }
        }
        let length = self.at - start;
        // Fewer than 300 plain digits are in range whatever they are.
        let text = self.text.get(start..self.at).unwrap_or_default();
        let plain = length < 300 && !text.contains(['e', 'E']);
        let finite = plain || text.parse::<f64>().is_ok_and(f64::is_finite);
        if length > MAX_NUMBER || !finite {
            return Err(Fault {
                kind: FaultKind::Number,
                offset: start,
            });
        }
        self.push(start, Kind::Number, false);
        Ok(())
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Fault> {
        let start = self.at;
        if !self
            .bytes
            .get(start..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            return Err(self.fault(FaultKind::Syntax));
        }
        self.at += word.len();
        self.push(start, kind, false);
        Ok(())
    }

    /// Appends an entry that ends here.
    fn push(&mut self, start: usize, kind: Kind, escaped: bool) {
        let next = offset(self.tape.len() + 1);
        let (start, end) = (offset(start), offset(self.at));
        self.tape.push(Entry {
            start,
            end,
            next,
            len: 0,
            kind,
            escaped,
        });
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    const fn fault(&self, kind: FaultKind) -> Fault {
        Fault {
            kind,
            offset: self.at,
        }
    }
}

/// An offset as the tape keeps it: the text's length was checked to fit.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Up to this many keys are compared pair by pair; more are sorted.
const FEW: usize = 16;
const MAX_NUMBER: usize = 400;
