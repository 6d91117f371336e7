//! Event-stream framing (WHATWG HTML, section 9.2 "Server-sent events"): whole events out of any
//! chunking, in bounded memory.
//!
//! What this module does not do: look into the data. The caller decides per event; an event that
//! it leaves alone keeps its bytes, line ends and comments included.

/// Cuts a stream into events and rewrites those that the caller wants rewritten.
#[derive(Debug)]
pub struct Decoder {
    held: Vec<u8>,
    /// Start of the line that is being read, as an offset into `held`.
    line: usize,
    /// Bytes of `held` that were searched for the end of that line.
    searched: usize,
    /// The previous byte was a CR that ended a line: an LF now belongs to it.
    after_cr: bool,
    limit: usize,
    resumable: bool,
}

/// What becomes of one event.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes pass as they came.
    Keep,
    /// Its `data` becomes this text; every other line stays.
    Data(Vec<u8>),
    /// It is left out.
    Drop,
}

/// Gives what stands for an event's id.
pub type Rename<'a> = &'a dyn Fn(&str) -> String;

/// An event of its own with this data. A line end before it ends what may be unfinished there.
#[must_use]
pub fn event(data: &[u8]) -> Vec<u8> {
    [b"\n\ndata: ", data, b"\n\n"].concat()
}

impl Decoder {
    /// A decoder that holds at most `limit` bytes of an unfinished event.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            held: Vec::new(),
            line: 0,
            searched: 0,
            after_cr: false,
            limit,
            resumable: false,
        }
    }

    /// Whether an event had an id: its client may come back for the rest by another stream.
    #[must_use]
    pub const fn resumable(&self) -> bool {
        self.resumable
    }

    /// Takes the next bytes of the stream and gives those that may go on.
    ///
    /// `judge` sees the joined `data` of each whole event that has any; `rename` gives what stands
    /// for an event's id. With `end`, what is left is treated as an event too: the standard discards
    /// it, but lenient readers do not.
    pub fn push(
        &mut self,
        bytes: &[u8],
        end: bool,
        rename: Option<Rename<'_>>,
        mut judge: impl FnMut(Vec<u8>) -> Fate,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        self.held.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(event_end) = self.next_event(taken) {
            let event = self.held.get(taken..event_end).unwrap_or_default();
            if event.len() > self.limit {
                // However it came in pieces.
                break;
            }
            self.resumable |= emit(event, &mut out, rename, &mut judge);
            taken = event_end;
        }
        self.held.drain(..taken);
        self.line -= taken;
        self.searched -= taken;
        if end && !self.too_long() {
            let event = std::mem::take(&mut self.held);
            let before = out.len();
            self.resumable |= emit(&event, &mut out, rename, &mut judge);
            if out.len() > before && lines(&event).any(|(line, _)| !line.is_empty()) {
                // What was taken for an event is one for every reader.
                out.extend_from_slice(b"\n\n");
            }
        }
        out
    }

    /// Whether an event has grown over the limit: the decoder is of no more use.
    #[must_use]
    pub const fn too_long(&self) -> bool {
        self.held.len() > self.limit
    }

    /// Where the next whole event, which begins at `start`, ends in `held`, its blank line included.
    fn next_event(&mut self, start: usize) -> Option<usize> {
        loop {
            let width = line_end(self.held.get(self.searched..).unwrap_or_default());
            self.after_cr &= width == 0;
            self.searched += width;
            let at = self.searched;
            let &byte = self.held.get(at)?;
            self.searched += 1;
            if std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n' {
                // The second half of a CRLF: the line ended at the CR.
                self.line = self.searched;
                if at == start {
                    // So did the event before. Clients may wait for the LF to tell of that event.
                    return Some(self.searched);
                }
                continue;
            }
            let blank = at == self.line;
            self.line = self.searched;
            if blank {
                return Some(self.searched);
            }
        }
    }
}

/// Writes what becomes of an event, and tells whether it has an id.
fn emit(
    event: &[u8],
    out: &mut Vec<u8>,
    rename: Option<Rename<'_>>,
    judge: &mut impl FnMut(Vec<u8>) -> Fate,
) -> bool {
    let Fields { data, id, retry } = fields(event);
    let rename = rename.filter(|_| id);
    match data.map_or(Fate::Keep, judge) {
        Fate::Keep if rename.is_none() => out.extend_from_slice(event),
        // What it says about the stream stays.
        Fate::Drop if !id && !retry => {}
        fate => rewrite(event, &fate, rename, out),
    }
    id
}

/// What an event has.
#[derive(Default)]
struct Fields {
    /// Its `data` lines joined by LF.
    data: Option<Vec<u8>>,
    id: bool,
    retry: bool,
}

fn fields(event: &[u8]) -> Fields {
    let mut fields = Fields::default();
    for (line, _) in lines(event) {
        fields.id |= value(line, b"id").is_some();
        fields.retry |= value(line, b"retry").is_some();
        let Some(value) = value(line, b"data") else {
            continue;
        };
        match &mut fields.data {
            None => fields.data = Some(value.to_vec()),
            Some(text) => {
                text.push(b'\n');
                text.extend_from_slice(value);
            }
        }
    }
    fields
}

/// The value of a line that is a field of this name.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

/// Writes `event` with what becomes of its data, at the place of the first data line, and of its id.
fn rewrite(event: &[u8], fate: &Fate, rename: Option<Rename<'_>>, out: &mut Vec<u8>) {
    let mut new = match fate {
        Fate::Data(new) => Some(new),
        Fate::Keep | Fate::Drop => None,
    };
    for (line, whole) in lines(event) {
        if let Some((id, rename)) = value(line, b"id").zip(rename) {
            rename_id(id, rename, out);
        } else if *fate == Fate::Keep || value(line, b"data").is_none() {
            out.extend_from_slice(whole);
        } else if let Some(new) = new.take() {
            // A line of the new text must not end the event: JSON may hold bare CR and LF as space.
            for part in new.split(|&b| b == b'\n' || b == b'\r') {
                field(b"data", part, out);
            }
        }
    }
}

/// An id that no client could say in a header is none: it is left out. An empty one takes back those
/// before.
fn rename_id(id: &[u8], rename: Rename<'_>, out: &mut Vec<u8>) {
    match str::from_utf8(id) {
        Ok("") => field(b"id", b"", out),
        Ok(id) if !id.contains(char::is_control) => field(b"id", rename(id).as_bytes(), out),
        Ok(_) | Err(_) => {}
    }
}

fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\n"] {
        out.extend_from_slice(part);
    }
}

/// Each line without and with its end.
fn lines(event: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = event.strip_prefix(BOM).map_or(event, |after| after);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = line_end(rest);
        let line = rest.get(..end)?;
        let width = match rest.get(end..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([_, ..]) => 1,
            Some([]) | None => 0,
        };
        let whole = rest.get(..end + width)?;
        rest = rest.get(end + width..)?;
        Some((line, whole))
    })
}

/// Where the first line end is, or the end: eight bytes at a time while none is a control character.
fn line_end(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let ends = |&byte: &u8| byte == b'\n' || byte == b'\r';
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        if word.wrapping_sub(LOW * 0x20) & !word & HIGH != 0 && chunk.iter().any(ends) {
            break;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(ends).unwrap_or(rest.len())
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests;
