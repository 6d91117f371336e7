//! Addresses that carry something away, and images that load by themselves.

use std::ops::Range;

use super::{Found, Rule};

/// Looks at addresses and images, each once.
pub(super) struct Links<'a> {
    text: &'a str,
    /// Where the last address ended: what stands in it is part of it.
    seen: usize,
}

impl<'a> Links<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, seen: 0 }
    }

    /// What is found at a byte.
    #[inline]
    pub(super) fn look(&mut self, at: usize, byte: u8) -> Option<Found> {
        let (rule, at) = match byte {
            b'!' => (Rule::MarkdownImage, self.markdown(at)?),
            b'<' => (Rule::MarkdownImage, self.html(at)?),
            b':' => (Rule::ExfiltrationLink, self.address(at)?),
            _ => return None,
        };
        Some(Found { rule, at })
    }

    /// `![text](address)`.
    fn markdown(&self, at: usize) -> Option<Range<usize>> {
        let rest = self.window(at, MAX_IMAGE).strip_prefix("![")?;
        let (alt, inner) = rest.split("![").next()?.split_once("](")?;
        let address = inner.trim_start_matches([' ', '\n', '<']);
        let length = address.find(')')?;
        let start = self.place(address);
        let whole = alt.matches('[').count() == alt.matches(']').count();
        (whole && is_remote(address)).then_some(at..start + length + 1)
    }

    /// `<img src="address">`.
    fn html(&self, at: usize) -> Option<Range<usize>> {
        let (name, inner) = self.window(at, MAX_IMAGE).split_at_checked(4)?;
        if !name.eq_ignore_ascii_case("<img") {
            return None;
        }
        let tag = inner.split(['<', '>']).next()?;
        let mut values = tag.split('=').skip(1);
        let remote = values.any(|value| is_remote(value.trim_start_matches(['"', '\'', ' '])));
        let end = self.place(tag) + tag.len();
        let closed = self.text.as_bytes().get(end) == Some(&b'>');
        remote.then_some(at..end + usize::from(closed))
    }

    /// An address around its colon, which asks for something to be put in, or has long encoded data.
    fn address(&mut self, colon: usize) -> Option<Range<usize>> {
        let rest = self.window(colon, MAX_ADDRESS).strip_prefix("://")?;
        let start = ["https", "http"].into_iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            let same = self.text.get(start..colon)?.eq_ignore_ascii_case(scheme);
            (same && start >= self.seen).then_some(start)
        })?;
        let mut query = false;
        let mut within: Option<char> = None;
        let mut length = 0;
        for character in rest.chars() {
            within = match (within, character) {
                (Some(end), _) if end == character => None,
                (None, '{') if query => Some('}'),
                (None, '[') if query => Some(']'),
                (None, '<') if query => Some('>'),
                (within, _) => within,
            };
            let blank = character.is_whitespace() && within.is_none();
            if blank || matches!(character, '"' | '`' | ')' | '\n' | '\\') {
                break;
            }
            query |= matches!(character, '?' | '#');
            length += character.len_utf8();
        }
        let address = rest.get(..length)?;
        self.seen = self.place(address) + length;
        let (_, query) = address.split_once(['?', '#'])?;
        let tells = query.split(['&', ';']).any(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            wants(value) || is_encoded(name, value)
        });
        tells.then_some(start..self.seen)
    }

    /// The text from a place on, so many bytes or a few less.
    fn window(&self, at: usize, most: usize) -> &'a str {
        let rest = self.text.get(at..).unwrap_or_default();
        let most = (0..=most.min(rest.len())).rev();
        let mut ends = most.filter(|end| rest.is_char_boundary(*end));
        ends.next()
            .and_then(|end| rest.get(..end))
            .unwrap_or_default()
    }

    /// Where a part of the text begins.
    fn place(&self, part: &str) -> usize {
        part.as_ptr() as usize - self.text.as_ptr() as usize
    }
}

/// Whether an address leads to a host.
fn is_remote(address: &str) -> bool {
    let has = |scheme: &str| {
        let start = address.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has("http://") || has("https://") || has("//")
}

/// Whether a value is a place for something that the model knows: `{history}`, `[SECRETS]`,
/// `<the conversation>`, `CHAT_HISTORY`.
fn wants(value: &str) -> bool {
    let slot = value.contains(['{', '[', '<']);
    let shouted = !value.is_empty() && value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let mut words = value.split(|c: char| !c.is_ascii_alphabetic());
    (slot || shouted)
        && words.any(|word| KNOWN.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Whether a value is long and encoded, and its name not one that says what it is.
fn is_encoded(name: &str, value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'%' | b'_');
    value.len() >= LONG
        && value.bytes().all(plain)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && !ORDINARY.iter().any(|part| {
            let parts = name.as_bytes().windows(part.len());
            parts
                .into_iter()
                .any(|at| at.eq_ignore_ascii_case(part.as_bytes()))
        })
}

/// What an attacker wants to know.
const KNOWN: [&str; 20] = [
    "answer",
    "chat",
    "chats",
    "confidential",
    "context",
    "conversation",
    "credentials",
    "data",
    "encoded",
    "exfil",
    "history",
    "memory",
    "private",
    "prompt",
    "secret",
    "secrets",
    "sensitive",
    "stolen",
    "summary",
    "transcript",
];

/// Parts of names whose values are long by nature: signatures, sessions, places in a list.
const ORDINARY: [&str; 16] = [
    "amz",
    "after",
    "assertion",
    "before",
    "code",
    "continu",
    "credential",
    "cursor",
    "goog",
    "jwt",
    "next",
    "page",
    "policy",
    "sig",
    "state",
    "token",
];

/// Bytes of a value that is long.
const LONG: usize = 80;

/// Bytes of an address that are looked at.
const MAX_ADDRESS: usize = 2_048;

/// Bytes of an image that are looked at.
const MAX_IMAGE: usize = 2_048;
