//! Numbers that tax offices give. Each has check digits, a form of its own, or a word before it.

use std::ops::Range;

use super::text::{Text, digits, number};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.opens(at) {
        return None;
    }
    let end = if text.at(at).is_ascii_digit() {
        in_groups(text, at).or_else(|| in_one(text, at))
    } else {
        lettered(text, at)
    };
    end.filter(|end| text.closes(*end)).map(|end| at..end)
}

/// Numbers as they are printed: EIN, ITIN, CPF, and the German number.
fn in_groups(text: Text<'_>, at: usize) -> Option<usize> {
    let groups = text.groups(at, 4, b"-. ");
    let lengths: Vec<_> = groups.iter().map(Range::len).collect();
    let between: Vec<_> = groups.iter().map(|group| text.at(group.end)).collect();
    let ends = |count: usize| groups.get(count.checked_sub(1)?).map(|group| group.end);
    let value = |end: usize| digits(text.slice(at..end));
    match (&*lengths, &*between) {
        ([2, 7, ..], [b'-', ..]) => ends(2).filter(|end| {
            text.follows(at, &EMPLOYER) && is_prefix(number(&value(*end)) / 10_000_000)
        }),
        ([3, 2, 4, ..], [b'-', b'-', ..]) => ends(3).filter(|end| is_itin(number(&value(*end)))),
        ([3, 3, 3, 2], [b'.', b'.', b'-', ..]) => ends(4).filter(|end| is_cpf(&value(*end))),
        ([2, 3, 3, 3], [b' ', b' ', b' ', ..]) => ends(4).filter(|end| is_german(&value(*end))),
        _ => None,
    }
}

/// Digits in one run, and Spain's with their letter.
fn in_one(text: Text<'_>, at: usize) -> Option<usize> {
    let end = text.run(at, 12, |b| b.is_ascii_digit());
    let value = digits(text.slice(at..end));
    match end - at {
        8 if text.at(end) == spanish(number(&value)) => Some(end + 1),
        9 => Some(end).filter(|_| {
            is_prefix(number(&value) / 10_000_000) && text.follows(at, &["ein", "fein"])
        }),
        10 => Some(end).filter(|_| is_british(&value) && text.follows(at, &BRITISH)),
        11 => Some(end).filter(|_| {
            is_german(&value) && text.follows(at, &GERMAN)
                || is_cpf(&value) && text.follows(at, &["cpf"])
        }),
        _ => None,
    }
}

/// Spain's numbers of foreigners, and Italy's fiscal codes.
fn lettered(text: Text<'_>, at: usize) -> Option<usize> {
    let end = at + 1;
    if let first @ b'X'..=b'Z' = text.at(at) {
        let rest = text.slice(end..end + 7);
        if rest.len() == 7 && rest.iter().all(u8::is_ascii_digit) {
            let whole = u64::from(first - b'X') * 10_000_000 + number(&digits(rest));
            return (text.at(end + 7) == spanish(whole)).then_some(end + 8);
        }
    }
    let code = text.slice(at..at + 16);
    is_italian(code).then_some(at + 16)
}

/// The campuses of the IRS that gave employers' numbers: their first two digits.
const fn is_prefix(prefix: u64) -> bool {
    matches!(
        prefix,
        1..=6 | 10..=16 | 20..=27 | 30..=48 | 50..=68 | 71..=77 | 80..=88 | 90..=95 | 98 | 99
    )
}

const fn is_itin(whole: u64) -> bool {
    let group = whole / 10_000 % 100;
    whole / 100_000_000 == 9 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Brazil's CPF: two check digits modulo 11; not one digit throughout.
fn is_cpf(digits: &[u32]) -> bool {
    let check = |count: usize| {
        let weights = (2..).take(count).collect::<Vec<u32>>().into_iter().rev();
        let sum: u32 = digits.iter().zip(weights).map(|(d, w)| d * w).sum();
        Some(&(sum * 10 % 11 % 10)) == digits.get(count)
    };
    let same = digits.iter().all(|digit| Some(digit) == digits.first());
    digits.len() == 11 && !same && check(9) && check(10)
}

/// Germany's Steuer-ID: no zero first, one digit of the first ten twice or thrice and no other, the
/// last by ISO 7064, mod 11,10.
fn is_german(digits: &[u32]) -> bool {
    let Some((check, body)) = digits.split_last() else {
        return false;
    };
    let times = (0..10).map(|digit| body.iter().filter(|other| **other == digit).count());
    let repeated: Vec<_> = times.filter(|times| *times > 1).collect();
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    body.len() == 10
        && body.first() != Some(&0)
        && matches!(*repeated, [2 | 3])
        && (11 - product) % 10 == *check
}

/// The UTR of the United Kingdom: its first digit checks the others, modulo 11.
fn is_british(digits: &[u32]) -> bool {
    let Some((check, rest)) = digits.split_first() else {
        return false;
    };
    let weights = [6, 7, 8, 9, 10, 5, 4, 3, 2];
    let sum: u32 = rest.iter().zip(weights).map(|(d, w)| d * w).sum();
    let expected = [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    expected.get((sum % 11) as usize) == Some(check)
}

/// The letter of a Spanish NIF or NIE.
fn spanish(whole: u64) -> u8 {
    let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
    letters.get((whole % 23) as usize).copied().unwrap_or(0)
}

/// Italy's codice fiscale. Digits may be letters where two people would have the same code.
fn is_italian(code: &[u8]) -> bool {
    let form = code
        .iter()
        .zip(b"aaaaaanncnnannna")
        .all(|(byte, class)| match class {
            b'n' => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
            b'c' => b"ABCDEHLMPRST".contains(byte),
            _ => byte.is_ascii_uppercase(),
        });
    let Some((check, body)) = code.split_last().filter(|_| code.len() == 16 && form) else {
        return false;
    };
    let sum = body.iter().enumerate().fold(0, |sum, (place, byte)| {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => byte.saturating_sub(b'A'),
        };
        // Places are counted from one.
        let odd = ODD.get(usize::from(value)).copied().unwrap_or(0);
        sum + u32::from(if place % 2 == 0 { odd } else { value })
    });
    u32::from(check.saturating_sub(b'A')) == sum % 26
}

const ODD: [u8; 26] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

const EMPLOYER: [&str; 9] = [
    "ein",
    "fein",
    "tin",
    "tax id",
    "taxid",
    "tax_id",
    "employer id",
    "employer identification",
    "taxpayer",
];
const BRITISH: [&str; 3] = ["utr", "tax reference", "taxpayer reference"];
const GERMAN: [&str; 8] = [
    "steuer-id",
    "steuerid",
    "steuer-idnr",
    "steueridentifikationsnummer",
    "identifikationsnummer",
    "idnr",
    "tin",
    "tax id",
];
