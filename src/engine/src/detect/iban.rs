//! International bank account numbers (ISO 13616).

use std::ops::Range;

use super::text::{Text, is_word};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if is_word(text.before(at, 1)) || !text.at(at + 2).is_ascii_digit() {
        return None;
    }
    let country = text.slice(at..at + 2).to_ascii_uppercase();
    let (_, form) = FORMS.iter().find(|(code, _)| code.as_bytes() == country)?;
    let form = format!("2a2n{form}");
    let mut value = Vec::new();
    let mut end = at;
    for class in classes(&form) {
        let separated = value.len() >= 4 && matches!(text.at(end), b' ' | b'-');
        end += usize::from(separated);
        let byte = text.at(end).to_ascii_uppercase();
        let fits = match class {
            'n' => byte.is_ascii_digit(),
            'a' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_alphanumeric(),
        };
        if !fits {
            return None;
        }
        value.push(byte);
        end += 1;
    }
    (text.closes(end) && remainder(&value) == 1).then_some(at..end)
}

/// One class for each character of a form: `n` digit, `a` letter, `c` either.
fn classes(form: &str) -> impl Iterator<Item = char> {
    let mut count = 0;
    form.chars().flat_map(move |c| match c.to_digit(10) {
        Some(digit) => {
            count = count * 10 + digit as usize;
            std::iter::repeat_n(c, 0)
        }
        None => std::iter::repeat_n(c, std::mem::take(&mut count)),
    })
}

/// Modulo 97, country and check digits last, letters as two digits.
fn remainder(value: &[u8]) -> u32 {
    let (head, rest) = value.split_at(value.len().min(4));
    rest.iter().chain(head).fold(0, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
    })
}

/// What follows country and check digits, by the registry of ISO 13616.
const FORMS: [(&str, &str); 88] = [
    ("AD", "8n12c"),
    ("AE", "19n"),
    ("AL", "8n16c"),
    ("AT", "16n"),
    ("AZ", "4a20c"),
    ("BA", "16n"),
    ("BE", "12n"),
    ("BG", "4a6n8c"),
    ("BH", "4a14c"),
    ("BI", "23n"),
    ("BR", "23n1a1c"),
    ("BY", "4c4n16c"),
    ("CH", "5n12c"),
    ("CR", "18n"),
    ("CY", "8n16c"),
    ("CZ", "20n"),
    ("DE", "18n"),
    ("DJ", "23n"),
    ("DK", "14n"),
    ("DO", "4c20n"),
    ("EE", "16n"),
    ("EG", "25n"),
    ("ES", "20n"),
    ("FI", "14n"),
    ("FK", "2a12n"),
    ("FO", "14n"),
    ("FR", "10n11c2n"),
    ("GB", "4a14n"),
    ("GE", "2a16n"),
    ("GI", "4a15c"),
    ("GL", "14n"),
    ("GR", "7n16c"),
    ("GT", "24c"),
    ("HN", "4a20n"),
    ("HR", "17n"),
    ("HU", "24n"),
    ("IE", "4a14n"),
    ("IL", "19n"),
    ("IQ", "4a15n"),
    ("IS", "22n"),
    ("IT", "1a10n12c"),
    ("JO", "4a4n18c"),
    ("KW", "4a22c"),
    ("KZ", "3n13c"),
    ("LB", "4n20c"),
    ("LC", "4a24c"),
    ("LI", "5n12c"),
    ("LT", "16n"),
    ("LU", "3n13c"),
    ("LV", "4a13c"),
    ("LY", "21n"),
    ("MC", "10n11c2n"),
    ("MD", "20c"),
    ("ME", "18n"),
    ("MK", "3n10c2n"),
    ("MN", "16n"),
    ("MR", "23n"),
    ("MT", "4a5n18c"),
    ("MU", "4a19n3a"),
    ("NI", "4a20n"),
    ("NL", "4a10n"),
    ("NO", "11n"),
    ("OM", "3n16c"),
    ("PK", "4a16c"),
    ("PL", "24n"),
    ("PS", "4a21c"),
    ("PT", "21n"),
    ("QA", "4a21c"),
    ("RO", "4a16c"),
    ("RS", "18n"),
    ("RU", "14n15c"),
    ("SA", "2n18c"),
    ("SC", "4a20n3a"),
    ("SD", "14n"),
    ("SE", "20n"),
    ("SI", "15n"),
    ("SK", "20n"),
    ("SM", "1a10n12c"),
    ("SO", "19n"),
    ("ST", "21n"),
    ("SV", "4a20n"),
    ("TL", "19n"),
    ("TN", "20n"),
    ("TR", "6n16c"),
    ("UA", "6n19c"),
    ("VA", "18n"),
    ("VG", "4a16n"),
    ("XK", "16n"),
];
