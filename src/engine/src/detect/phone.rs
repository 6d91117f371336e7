//! Telephone numbers (ITU-T E.164 and E.123).

use std::ops::Range;

use super::text::{Text, digits, is_word, number};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let before = text.before(at, 1);
    if !text.opens(at) || matches!(before, b'+' | b'.' | b'/' | b'-' | b'#' | b'$') {
        return None;
    }
    let end = match text.at(at) {
        b'+' => international(text, at + 1),
        b'0' if text.has(at, b"00") && !text.has(at, b"000") => international(text, at + 2)
            .filter(|end| !text.slice(at..*end).iter().all(u8::is_ascii_digit)),
        b'0' => trunk(text, at),
        b'(' if text.at(at + 1) == b'0' => bracketed(text, at),
        _ => american(text, at),
    };
    end.filter(|end| text.closes(*end)).map(|end| at..end)
}

/// Behind `+`: a country, then groups in any form, at most 15 digits. What follows may be another
/// number, so the end is that of the last group that fits.
fn international(text: Text<'_>, at: usize) -> Option<usize> {
    let mut end = None;
    let mut next = at;
    while next - at < 32 {
        let group = text.run(next, 16, |b| b.is_ascii_digit());
        if group == next {
            break;
        }
        let value = digits(text.slice(at..group));
        if value.len() > 15 {
            break;
        }
        if is_number(&value) && text.closes(group) {
            end = Some(group);
        }
        next = text.run(group, 3, |b| {
            matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')')
        });
        // Two between, where one is a bracket.
        let gap = text.slice(group..next);
        if gap.len() > 1 && !gap.iter().any(|b| matches!(b, b'(' | b')')) {
            break;
        }
    }
    let end = end?;
    let written = text.slice(at..end);
    let mixed = written.contains(&b'.') && written.iter().any(|b| matches!(b, b'-' | b'/'));
    (!mixed).then_some(end)
}

/// Whether these are a country's code and a number there.
fn is_number(digits: &[u32]) -> bool {
    let code = |count: usize| digits.get(..count).map_or(0, number);
    match code(1) {
        1 => digits.get(1..).is_some_and(is_american),
        7 => digits.len() == 11,
        _ => {
            let two = TWO.contains(&code(2));
            let three = THREE.iter().any(|range| range.contains(&code(3)));
            (two || three) && (8..=15).contains(&digits.len())
        }
    }
}

/// `NXX-NXX-XXXX`, `NXX.NXX.XXXX`, `(NXX) NXX-XXXX`, also behind `1`.
fn american(text: Text<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    let country = text.at(at) == b'1';
    if country {
        start = text.run(at + 1, 1, |b| matches!(b, b'-' | b'.' | b' '));
        if start == at + 1 {
            return None;
        }
    }
    let bracket = text.at(start) == b'(';
    let first = start + usize::from(bracket);
    let area = text.run(first, 4, |b| b.is_ascii_digit());
    let mut second = area;
    if bracket {
        if text.at(area) != b')' {
            return None;
        }
        second = text.run(area + 1, 1, |b| b == b' ');
    } else {
        second += 1;
    }
    let exchange = text.run(second, 4, |b| b.is_ascii_digit());
    let end = text.run(exchange + 1, 5, |b| b.is_ascii_digit());
    if (area - first, exchange - second, end - exchange) != (3, 3, 5) {
        return None;
    }
    let between = text.at(exchange);
    let same = text.at(area) == between && matches!(between, b'-' | b'.');
    let written = same || bracket && matches!(between, b'-' | b'.' | b' ');
    (written && is_american(&digits(text.slice(first..end)))).then_some(end)
}

/// The North American plan: area and exchange begin with 2 to 9 and are not a service's `N11`.
fn is_american(digits: &[u32]) -> bool {
    let begins = |part: Option<&[u32]>| match part {
        Some([first, second, third]) => *first > 1 && !(*second == 1 && *third == 1),
        _ => false,
    };
    digits.len() == 10 && begins(digits.get(..3)) && begins(digits.get(3..6))
}

/// `01 99 00 12 34`, or an area behind `0` and one to three groups: `020 7946 0958`.
fn trunk(text: Text<'_>, at: usize) -> Option<usize> {
    let groups = text.groups(at, 5, b" -/.");
    let lengths: Vec<_> = groups.iter().map(Range::len).collect();
    let gaps: Vec<_> = groups.iter().map(|group| text.at(group.end)).collect();
    if let ([2, 2, 2, 2, 2], [a, b, c, d, _]) = (&*lengths, &*gaps) {
        let same = a == b && b == c && c == d && *a != b'/' && !is_dump(text, at);
        return groups
            .last()
            .filter(|_| same && text.at(at + 1) != b'0')
            .map(|last| last.end);
    }
    if !matches!(lengths.first(), Some(3..=5)) || text.at(at + 1) == b'0' {
        return None;
    }
    let mut end = None;
    let mut count = 0;
    let mut dotted = false;
    for (place, group) in groups.iter().enumerate() {
        count += group.len();
        let fits = place == 0 || (3..=8).contains(&group.len());
        if !fits || dotted || count > 12 {
            break;
        }
        if place > 0 && count >= 9 {
            end = Some(group.end);
        }
        // Dots are dates and decimals.
        dotted = text.at(group.end) == b'.' || place > 0 && text.at(group.end) == b'/';
    }
    end
}

/// Whether five pairs of digits stand among more pairs, as bytes do.
fn is_dump(text: Text<'_>, at: usize) -> bool {
    let is_pair = |at: usize| text.run(at, 3, |b| b.is_ascii_hexdigit()) == at + 2;
    let end = at + 14;
    let before = at.checked_sub(3).is_some_and(is_pair) && !is_word(text.before(at, 4));
    before || matches!(text.at(end), b' ' | b'-') && is_pair(end + 1) && !is_word(text.at(end + 3))
}

/// `(020) 7946 0958`.
fn bracketed(text: Text<'_>, at: usize) -> Option<usize> {
    let area = text.run(at + 1, 6, |b| b.is_ascii_digit());
    if text.at(area) != b')' || text.at(at + 2) == b'0' || !(4..=7).contains(&(area - at)) {
        return None;
    }
    let start = text.run(area + 1, 1, |b| b == b' ');
    let groups = text.groups(start, 3, b" -");
    let mut count = area - at - 1;
    let mut end = None;
    for group in &groups {
        count += group.len();
        if (9..=12).contains(&count) {
            end = Some(group.end);
        }
    }
    end
}

const TWO: [u64; 43] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95,
];

const THREE: [std::ops::RangeInclusive<u64>; 26] = [
    211..=213,
    216..=216,
    218..=218,
    220..=258,
    260..=269,
    290..=291,
    297..=299,
    350..=359,
    370..=383,
    385..=387,
    389..=389,
    420..=421,
    423..=423,
    500..=509,
    590..=599,
    670..=670,
    672..=683,
    685..=692,
    800..=800,
    808..=808,
    850..=850,
    852..=853,
    855..=856,
    880..=886,
    960..=979,
    980..=998,
];
