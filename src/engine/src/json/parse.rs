//! The parser: one pass, no recursion.

use super::{
    Doc, Fault, FaultKind, Kind,
    tape::{Entry, Tape},
    text,
};

/// Objects up to this size, without escapes in keys, are searched for duplicates pair by pair.
const SMALL: usize = 16;

/// Parses `text` into a tape, and says where the first key stands that is spelled oddly.
pub(super) fn parse(text: &str) -> Result<(Tape, Option<usize>), Fault> {
    if text.starts_with('\u{feff}') {
        return Err(Fault {
            kind: FaultKind::Utf8,
            offset: 0,
        });
    }
    if u32::try_from(text.len()).is_err() {
        return Err(Fault {
            kind: FaultKind::TooManyNodes,
            offset: u32::MAX as usize,
        });
    }
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        tape: Tape::new(text.len()),
        inside: None,
        depth: 0,
        odd_key: None,
    };
    parser.run()?;
    Ok((parser.tape, parser.odd_key))
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tape: Tape,
    /// The innermost open container.
    inside: Option<(usize, Kind)>,
    depth: usize,
    odd_key: Option<usize>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        loop {
            let mut whole = self.value()?;
            loop {
                let byte = self.peek();
                match (self.inside, byte) {
                    (None, None) => return Ok(()),
                    (None, Some(_)) => return Err(self.fault(FaultKind::TrailingData)),
                    (Some((at, Kind::Array)), Some(b']')) => self.close(at),
                    (Some((at, Kind::Object)), Some(b'}')) => {
                        if let Some(offset) = self.duplicate(at) {
                            return Err(Fault {
                                kind: FaultKind::DuplicateKey,
                                offset,
                            });
                        }
                        self.close(at);
                    }
                    (Some((at, kind)), Some(byte)) if !whole || byte == b',' => {
                        // Straight after an opening bracket there is no comma before what follows.
                        if whole {
                            self.at += 1;
                        }
                        self.tape.count(at);
                        if kind == Kind::Object {
                            self.key()?;
                        }
                        break;
                    }
                    _ => return Err(self.fault(FaultKind::Syntax)),
                }
                whole = true;
            }
        }
    }

    /// Reads a scalar, or an opening bracket: then the value is not whole yet.
    fn value(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(b'"') => drop(self.string()?),
            Some(b'{') => return self.open(Kind::Object),
            Some(b'[') => return self.open(Kind::Array),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true", Kind::Bool)?,
            Some(b'f') => self.literal(b"false", Kind::Bool)?,
            Some(b'n') => self.literal(b"null", Kind::Null)?,
            _ => return Err(self.fault(FaultKind::Syntax)),
        }
        Ok(true)
    }

    fn open(&mut self, kind: Kind) -> Result<bool, Fault> {
        if self.depth >= Doc::MAX_DEPTH {
            return Err(self.fault(FaultKind::Depth));
        }
        let parent = self.inside.map(|(at, _)| at);
        let at = self
            .tape
            .open(kind, self.at, parent)
            .map_err(|kind| self.fault(kind))?;
        self.depth += 1;
        self.inside = Some((at, kind));
        self.at += 1;
        Ok(false)
    }

    fn close(&mut self, at: usize) {
        self.at += 1;
        self.depth -= 1;
        let parent = self.tape.close(at, self.at);
        self.inside = parent.and_then(|at| Some((at, self.tape.entry(at)?.kind())));
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault(FaultKind::Syntax));
        }
        let start = self.at;
        if self.string()? && self.odd_key.is_none() {
            let key = self.text.get(start..self.at).unwrap_or_default();
            self.odd_key = text::is_odd(key).then_some(start);
        }
        if self.peek() != Some(b':') {
            return Err(self.fault(FaultKind::Syntax));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string, and says whether it holds escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        let scanned =
            text::scan(self.bytes, self.at + 1).map_err(|(kind, offset)| Fault { kind, offset })?;
        self.push(Kind::String, scanned.end, scanned.escaped)?;
        Ok(scanned.escaped)
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), Fault> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word) {
            return Err(self.fault(FaultKind::Syntax));
        }
        self.push(kind, end, false)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let mut end = self.at;
        if self.bytes.get(end) == Some(&b'-') {
            end += 1;
        }
        let integer = match self.bytes.get(end) {
            Some(b'0') => 1,
            _ => self.digits(end)?,
        };
        end += integer;
        if self.bytes.get(end) == Some(&b'.') {
            end += 1;
            end += self.digits(end)?;
        }
        let mut exponent = false;
        if let Some(b'e' | b'E') = self.bytes.get(end) {
            exponent = true;
            end += 1;
            if let Some(b'+' | b'-') = self.bytes.get(end) {
                end += 1;
            }
            end += self.digits(end)?;
        }
        if end - self.at > Doc::MAX_NUMBER {
            return Err(self.fault(FaultKind::Number));
        }
        // Below 1e308 whatever the digits are.
        if exponent || integer > 308 {
            let token = self.text.get(self.at..end).unwrap_or_default();
            if !token.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(self.fault(FaultKind::Number));
            }
        }
        self.push(Kind::Number, end, false)
    }

    /// How many digits stand at `at`: at least one.
    #[inline(always)]
    fn digits(&self, at: usize) -> Result<usize, Fault> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(Fault {
                kind: FaultKind::Syntax,
                offset: at,
            });
        }
        Ok(count)
    }

    #[inline(always)]
    fn push(&mut self, kind: Kind, end: usize, escaped: bool) -> Result<(), Fault> {
        self.tape
            .push(kind, self.at, end, escaped)
            .map_err(|kind| self.fault(kind))?;
        self.at = end;
        Ok(())
    }

    /// The next byte that is not white space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at).copied() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        Fault {
            kind,
            offset: self.at,
        }
    }

    /// The offset of a key that the still open object at `object` has twice.
    fn duplicate(&self, object: usize) -> Option<usize> {
        let mut seen: [&str; SMALL] = [""; SMALL];
        for (count, key) in self.keys(object).enumerate() {
            let text = self.key_text(key);
            if key.escaped() || count >= SMALL {
                return self.duplicate_among_many(object);
            }
            if seen.iter().take(count).any(|other| *other == text) {
                return Some(key.start());
            }
            if let Some(slot) = seen.get_mut(count) {
                *slot = text;
            }
        }
        None
    }

    /// The same by sorting: each key is unescaped once, and no choice of keys makes it quadratic.
    fn duplicate_among_many(&self, object: usize) -> Option<usize> {
        let unescaped = |key: Entry| {
            (
                text::unescape(self.key_text(key), key.escaped()),
                key.start(),
            )
        };
        let mut keys: Vec<_> = self.keys(object).map(unescaped).collect();
        keys.sort_unstable();
        keys.array_windows()
            .find_map(|[(one, _), (two, offset)]| (one == two).then_some(*offset))
    }

    /// The key's literal without its quotes.
    fn key_text(&self, key: Entry) -> &str {
        self.text
            .get(key.start() + 1..key.end() - 1)
            .unwrap_or_default()
    }

    fn keys(&self, object: usize) -> impl Iterator<Item = Entry> {
        let mut at = object + 1;
        std::iter::from_fn(move || {
            let key = self.tape.entry(at)?;
            at = self.tape.entry(at + 1)?.next();
            Some(key)
        })
    }
}
