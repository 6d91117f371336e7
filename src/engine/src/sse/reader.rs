//! What a stream says, while it passes as it is: nothing is held but the beginning of a line.

/// Finds the data in a stream.
#[derive(Debug, Default)]
pub struct Reader {
    line: Line,
    /// The previous byte was a CR: an LF now belongs to it.
    after_cr: bool,
    /// The event has data already.
    data: bool,
    resumable: bool,
}

/// Where in a line it is.
#[derive(Debug)]
enum Line {
    /// In its name; as much of it as it has.
    Name([u8; LONGEST], usize),
    /// Behind the colon, where a space does not count.
    Colon,
    /// In its data.
    Data,
    /// In what is not read.
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Name([0; LONGEST], 0)
    }
}

/// A piece of what a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// More data of the event.
    Data(&'a [u8]),
    /// The event has no more.
    End,
}

impl Reader {
    /// Takes the next bytes of the stream and gives the data in them.
    ///
    /// As for [`super::Decoder`], what is left at the `end` is an event too.
    pub fn push(&mut self, mut bytes: &[u8], end: bool, mut each: impl FnMut(Piece<'_>)) {
        while let Some(&byte) = bytes.first() {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            let width = match byte {
                b'\n' if after_cr => 1,
                b'\n' | b'\r' => {
                    self.end_line(&mut each);
                    1
                }
                _ => self.text(bytes, &mut each),
            };
            bytes = bytes.get(width..).unwrap_or_default();
        }
        if end {
            self.end_line(&mut each);
            self.end_event(&mut each);
        }
    }

    /// Whether an event had an id: its client may come back for the rest by another stream.
    #[must_use]
    pub const fn resumable(&self) -> bool {
        self.resumable
    }

    /// Takes some of a line, and says how much.
    fn text(&mut self, bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) -> usize {
        let rest = || {
            let end = bytes
                .iter()
                .position(|&byte| byte == b'\n' || byte == b'\r');
            end.unwrap_or(bytes.len())
        };
        match &mut self.line {
            Line::Name(name, len) => match (bytes.first(), name.get_mut(*len)) {
                (Some(b':'), _) => {
                    let (name, len) = (*name, *len);
                    self.line = self.field(name.get(..len).unwrap_or_default(), each);
                    1
                }
                (Some(&byte), Some(next)) => {
                    *next = byte;
                    *len += 1;
                    1
                }
                (Some(_) | None, _) => {
                    self.line = Line::Other;
                    0
                }
            },
            Line::Colon => {
                self.line = Line::Data;
                usize::from(bytes.first() == Some(&b' '))
            }
            Line::Data => {
                let end = rest();
                each(Piece::Data(bytes.get(..end).unwrap_or_default()));
                end
            }
            Line::Other => rest(),
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        match std::mem::take(&mut self.line) {
            Line::Name(_, 0) => self.end_event(each),
            // A field without a colon is a field without a value.
            Line::Name(name, len) => drop(self.field(name.get(..len).unwrap_or_default(), each)),
            Line::Colon | Line::Data | Line::Other => {}
        }
    }

    fn end_event(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.data) {
            each(Piece::End);
        }
    }

    /// Begins the value of a field.
    fn field(&mut self, name: &[u8], each: &mut impl FnMut(Piece<'_>)) -> Line {
        match name.strip_prefix(super::BOM).unwrap_or(name) {
            b"data" => {
                if std::mem::replace(&mut self.data, true) {
                    each(Piece::Data(b"\n"));
                }
                Line::Colon
            }
            b"id" => {
                self.resumable = true;
                Line::Other
            }
            _ => Line::Other,
        }
    }
}

/// Behind a byte order mark, the longest name that is read.
const LONGEST: usize = super::BOM.len() + b"data".len();
