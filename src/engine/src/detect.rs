//! Finds values in text that are nobody else's business: numbers of cards and people, addresses,
//! secrets.
//!
//! A text is passed once. Where a value of a kind can begin, or where the one byte stands that it
//! has to have (`@`, `://`), the kind looks at no more than [`Kind::longest`] bytes and decides by
//! form, check digits and the words before it. So the cost is linear in the text, whatever it holds.
//!
//! What this module does not do: undo escapes or encodings, know digits and letters beyond ASCII,
//! or change a text. Where a form alone says too little it wants a word before the number, and a
//! value that is told otherwise is not found: it is a seat belt.

mod address;
mod card;
mod email;
mod iban;
mod person;
mod phone;
mod secret;
mod tax;
mod text;
mod token;
mod url;

use std::{cmp::Reverse, collections::BTreeMap, ops::Range, sync::Arc};

use regex::{Regex, RegexBuilder};

use text::Text;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The number of a payment card: a network's range and length, and Luhn's check digit.
    PaymentCard,
    /// An account: a country's form (ISO 13616) and the check digits.
    Iban,
    /// A social security number of the USA that can have been given out. Written with hyphens, or
    /// behind a word that says what it is.
    Ssn,
    /// A person's or a company's number for taxes. USA: ITIN by its form, EIN behind a word. By check
    /// digits: Germany and the United Kingdom (behind a word or, German, in groups as printed),
    /// Spain, Italy, Brazil.
    TaxId,
    /// An e-mail address as people have them: no quotes, no addresses beyond ASCII.
    Email,
    /// A telephone number: with `+` or `00` and a country that exists, or as written in North
    /// America or behind a trunk `0`, in groups.
    Phone,
    /// An IPv4 or IPv6 address that is somebody's: not loopback, unspecified, multicast or reserved,
    /// nor a mask. Four numbers behind a word like `version` are none.
    IpAddress,
    /// A JSON Web Token, signed, encrypted or neither.
    Jwt,
    /// An access key id of AWS, or a secret key behind a word that says so.
    AwsKey,
    /// A token of GitHub; its check digits are right where it has some.
    GithubToken,
    /// A token of Slack, or the address of a webhook.
    SlackToken,
    /// A private key in PEM or PGP's armour, also one cut off.
    PrivateKey,
    /// The password in a URL.
    UrlPassword,
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The kind's name, or that of the pattern.
    pub kind: &'a str,
    /// Where it stands, in bytes.
    pub at: Range<usize>,
}

/// What values look like.
#[derive(Clone, Debug)]
pub enum Form {
    /// A built-in kind.
    Kind(Kind),
    /// An own pattern.
    Pattern(Arc<Pattern>),
}

/// An own pattern: linear in the text, since what it matches has a bound.
#[derive(Debug)]
pub struct Pattern {
    name: String,
    regex: Regex,
}

/// Looks for values of some forms.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    /// One bit for each kind.
    kinds: u16,
    patterns: BTreeMap<String, Arc<Pattern>>,
}

impl Detector {
    /// Looks for values of this form too.
    pub fn add(&mut self, form: &Form) {
        match form {
            Form::Kind(kind) => self.kinds |= kind.bit(),
            Form::Pattern(pattern) => {
                let name = pattern.name.clone();
                self.patterns.insert(name, Arc::clone(pattern));
            }
        }
    }

    /// Looks for all that `other` looks for, too.
    pub fn join(&mut self, other: &Self) {
        self.kinds |= other.kinds;
        let patterns = other.patterns.iter();
        self.patterns
            .extend(patterns.map(|(name, pattern)| (name.clone(), Arc::clone(pattern))));
    }

    /// What stands in a text, by where it begins; of what begins together, the longest first.
    /// Values may overlap.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        let view = Text::new(text);
        for (at, byte) in text.bytes().enumerate() {
            let mut kinds = STARTS
                .get(usize::from(byte))
                .map_or(0, |all| all & self.kinds);
            while let Some(kind) = Kind::ALL.get(kinds.trailing_zeros() as usize) {
                kinds &= kinds - 1;
                all.extend(kind.look(view, at).map(|at| Found {
                    kind: kind.as_str(),
                    at,
                }));
            }
        }
        for (name, pattern) in &self.patterns {
            all.extend(pattern.regex.find_iter(text).map(|found| Found {
                kind: name,
                at: found.range(),
            }));
        }
        all.sort_by_key(|found| (found.at.start, Reverse(found.at.end)));
        all
    }
}

impl Form {
    /// The name of the kind or of the pattern.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Pattern(pattern) => &pattern.name,
        }
    }
}

impl Pattern {
    /// A pattern that matches some text, and no more than [`LONGEST`] bytes of it: iterating over
    /// matches of any length could take quadratic time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, source: &str) -> Result<Self, String> {
        let not_regex = || format!("`{source}` is not a regular expression that can be matched");
        let hir = regex_syntax::parse(source).map_err(|_| not_regex())?;
        let lengths = hir.properties();
        if lengths.minimum_len() == Some(0) {
            return Err(format!("`{source}` matches empty text"));
        }
        let longest = lengths.maximum_len().filter(|most| *most <= LONGEST);
        longest.ok_or_else(|| {
            format!("`{source}` matches without a bound, or more than {LONGEST} bytes")
        })?;
        let regex = RegexBuilder::new(source).size_limit(MAX_SIZE).build();
        Ok(Self {
            name: name.to_owned(),
            regex: regex.map_err(|_| not_regex())?,
        })
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::PaymentCard,
        Self::Iban,
        Self::Ssn,
        Self::TaxId,
        Self::Email,
        Self::Phone,
        Self::IpAddress,
        Self::Jwt,
        Self::AwsKey,
        Self::GithubToken,
        Self::SlackToken,
        Self::PrivateKey,
        Self::UrlPassword,
    ];

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentCard => "payment_card",
            Self::Iban => "iban",
            Self::Ssn => "ssn",
            Self::TaxId => "tax_id",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::IpAddress => "ip_address",
            Self::Jwt => "jwt",
            Self::AwsKey => "aws_key",
            Self::GithubToken => "github_token",
            Self::SlackToken => "slack_token",
            Self::PrivateKey => "private_key",
            Self::UrlPassword => "url_password",
        }
    }

    /// The most bytes that are looked at for one value: itself, the words before it, what it must
    /// not touch. A longer value is not found.
    #[must_use]
    pub const fn longest(self) -> usize {
        match self {
            Self::PaymentCard
            | Self::Iban
            | Self::Ssn
            | Self::TaxId
            | Self::Phone
            | Self::IpAddress => 128,
            Self::AwsKey | Self::GithubToken => 256,
            Self::SlackToken => 512,
            Self::Email | Self::UrlPassword => 1_024,
            // With what it must not touch.
            Self::Jwt => LONGEST + 8,
            Self::PrivateKey => 16_384,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Whether a value of the kind is looked for at such a byte.
    const fn starts(self, byte: u8) -> bool {
        match self {
            Self::PaymentCard | Self::Ssn => byte.is_ascii_digit(),
            Self::Iban => byte.is_ascii_alphabetic(),
            Self::TaxId => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Email => byte == b'@',
            Self::Phone => matches!(byte, b'+' | b'(' | b'0'..=b'9'),
            Self::IpAddress => byte.is_ascii_hexdigit() || byte == b':',
            Self::Jwt => byte == b'e',
            Self::AwsKey => byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'),
            Self::GithubToken => byte == b'g',
            Self::SlackToken => matches!(byte, b'x' | b'h'),
            Self::PrivateKey => byte == b'-',
            Self::UrlPassword => byte == b':',
        }
    }

    /// The value that begins at a byte, or has it.
    fn look(self, text: Text<'_>, at: usize) -> Option<Range<usize>> {
        match self {
            Self::PaymentCard => card::look(text, at),
            Self::Iban => iban::look(text, at),
            Self::Ssn => person::look(text, at),
            Self::TaxId => tax::look(text, at),
            Self::Email => email::look(text, at),
            Self::Phone => phone::look(text, at),
            Self::IpAddress => address::look(text, at),
            Self::Jwt => token::jwt(text, at),
            Self::AwsKey => secret::aws(text, at),
            Self::GithubToken => token::github(text, at),
            Self::SlackToken => token::slack(text, at),
            Self::PrivateKey => secret::private_key(text, at),
            Self::UrlPassword => url::look(text, at),
        }
    }
}

/// For each byte, the kinds of values that are looked for there.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which tells"
)]
const STARTS: [u16; 256] = {
    let mut starts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut kind = 0;
        while kind < Kind::ALL.len() {
            if Kind::ALL[kind].starts(byte as u8) {
                starts[byte] |= Kind::ALL[kind].bit();
            }
            kind += 1;
        }
        byte += 1;
    }
    starts
};

/// The most bytes of what an own pattern matches, and of a token.
pub const LONGEST: usize = 8_192;

/// Bytes that one compiled pattern may take.
const MAX_SIZE: usize = 1 << 20;

#[cfg(test)]
mod tests;
