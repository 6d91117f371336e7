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

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use regex::{Regex, RegexBuilder};

use crate::problem::Problem;
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

/// Looks for values of some kinds.
#[derive(Debug)]
pub struct Detector {
    /// For each byte, what may begin there.
    kinds: Vec<Vec<Kind>>,
    patterns: Vec<(String, Regex)>,
    longest: usize,
}

impl Detector {
    /// Looks for these kinds, and for own patterns by name. A pattern matches some text, and no more
    /// than [`LONGEST`] bytes of it.
    pub fn new(
        kinds: &BTreeSet<Kind>,
        patterns: &BTreeMap<String, String>,
    ) -> Result<Self, Problem> {
        let mut longest = kinds.iter().map(|kind| kind.longest()).max().unwrap_or(0);
        let mut compiled = Vec::new();
        for (name, source) in patterns {
            let (regex, most) =
                compile(name, source).map_err(|message| Problem::new(name, message))?;
            longest = longest.max(most);
            compiled.push((name.clone(), regex));
        }
        let starting = |byte: u8| {
            let kinds = kinds.iter().copied();
            kinds.filter(|kind| kind.starts(byte)).collect()
        };
        Ok(Self {
            kinds: (0..=u8::MAX).map(starting).collect(),
            patterns: compiled,
            longest,
        })
    }

    /// What stands in a text, from its beginning to its end. Of two values that overlap the longer
    /// one is found.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        let view = Text::new(text);
        for (at, byte) in text.bytes().enumerate() {
            for kind in self.kinds.get(usize::from(byte)).into_iter().flatten() {
                let kind_name = kind.as_str();
                all.extend(kind.look(view, at).map(|at| Found {
                    kind: kind_name,
                    at,
                }));
            }
        }
        for (name, regex) in &self.patterns {
            all.extend(regex.find_iter(text).map(|found| Found {
                kind: name,
                at: found.range(),
            }));
        }
        apart(all)
    }

    /// How many bytes have to be seen together: a text that comes in pieces keeps back that many.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
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

/// An own pattern, and the most bytes that it matches. Iterating over matches of any length could
/// take quadratic time; over those of bounded length it takes linear time.
fn compile(name: &str, source: &str) -> Result<(Regex, usize), String> {
    if Kind::named(name).is_some() {
        return Err(format!(
            "`{name}` is built in, give the pattern another name"
        ));
    }
    let not_regex = || format!("`{source}` is not a regular expression that can be matched");
    let hir = regex_syntax::parse(source).map_err(|_| not_regex())?;
    let lengths = hir.properties();
    if lengths.minimum_len() == Some(0) {
        return Err(format!("`{source}` matches empty text"));
    }
    let longest = lengths.maximum_len().filter(|most| *most <= LONGEST);
    let longest = longest.ok_or_else(|| {
        format!("`{source}` matches without a bound, or more than {LONGEST} bytes")
    })?;
    let regex = RegexBuilder::new(source).size_limit(MAX_SIZE).build();
    Ok((regex.map_err(|_| not_regex())?, longest))
}

/// Those that do not overlap, in order; the longest first come first.
fn apart(mut all: Vec<Found<'_>>) -> Vec<Found<'_>> {
    all.sort_by_key(|found| (usize::MAX - found.at.len(), found.at.start));
    let mut kept: BTreeMap<usize, Found<'_>> = BTreeMap::new();
    for found in all {
        let before = kept.range(..found.at.end).next_back();
        if before.is_none_or(|(_, before)| before.at.end <= found.at.start) {
            kept.insert(found.at.start, found);
        }
    }
    kept.into_values().collect()
}

/// The most bytes of what an own pattern matches, and of a token.
pub const LONGEST: usize = 8_192;

/// Bytes that one compiled pattern may take.
const MAX_SIZE: usize = 1 << 20;

#[cfg(test)]
mod tests;
