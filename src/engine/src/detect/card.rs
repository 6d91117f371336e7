//! Numbers of payment cards (ISO/IEC 7812).

use std::ops::Range;

use super::text::{Text, digits, number};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.opens(at) {
        return None;
    }
    let groups = text.groups(at, 5, &[text.at(text.run(at, 20, |b| b.is_ascii_digit()))]);
    let between = groups.first().map(|group| text.at(group.end));
    (1..=groups.len()).rev().find_map(|count| {
        let groups = groups.get(..count)?;
        let lengths: Vec<_> = groups.iter().map(Range::len).collect();
        let grouped = matches!(between, Some(b' ' | b'-'))
            && matches!(
                *lengths,
                [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5] | [6, 13]
            );
        let end = groups.last()?.end;
        let whole = grouped || count == 1;
        let value = digits(text.slice(at..end));
        (whole && text.closes(end) && is_card(&value)).then_some(at..end)
    })
}

fn is_card(digits: &[u32]) -> bool {
    let Some(first) = digits.get(..6) else {
        return false;
    };
    let first = number(first);
    let issued = ISSUERS
        .iter()
        .any(|(range, lengths)| range.contains(&first) && lengths.contains(&digits.len()));
    issued && luhn(digits)
}

fn luhn(digits: &[u32]) -> bool {
    let value = |(place, digit): (usize, &u32)| match place % 2 {
        0 => *digit,
        _ => digit * 2 % 10 + digit / 5,
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

/// The first six digits of a network's cards, and how many there are.
const ISSUERS: [(std::ops::RangeInclusive<u64>, &[usize]); 21] = [
    // Visa.
    (400_000..=499_999, &[13, 16, 19]),
    // Mastercard.
    (222_100..=272_099, &[16]),
    (510_000..=559_999, &[16]),
    // American Express.
    (340_000..=349_999, &[15]),
    (370_000..=379_999, &[15]),
    // Diners Club.
    (300_000..=305_999, &[14, 16, 17, 18, 19]),
    (309_500..=309_599, &[14, 16, 17, 18, 19]),
    (360_000..=369_999, &[14, 16, 17, 18, 19]),
    (380_000..=399_999, &[14, 16, 17, 18, 19]),
    // JCB.
    (352_800..=358_999, &[16, 17, 18, 19]),
    // Discover, UnionPay, RuPay, Hipercard.
    (601_100..=601_199, &[16, 17, 18, 19]),
    (644_000..=659_999, &[16, 17, 18, 19]),
    (620_000..=629_999, &[16, 17, 18, 19]),
    (810_000..=829_999, &[16, 17, 18, 19]),
    (606_282..=608_599, &[16, 19]),
    // Verve, Elo, RuPay, Dankort, and Maestro's oldest.
    (500_000..=509_999, &[16, 18, 19]),
    // Maestro.
    (561_200..=561_299, &[16]),
    (589_300..=589_399, &[16]),
    (630_400..=639_999, &[16, 18, 19]),
    (670_000..=679_999, &[16, 18, 19]),
    // Mir: in the range that Mastercard left.
    (220_000..=220_499, &[16, 17, 18, 19]),
];
