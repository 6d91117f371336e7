//! Social security numbers of the USA.

use std::ops::Range;

use super::text::{Text, digits, number};

pub(super) fn look(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.opens(at) {
        return None;
    }
    let groups = text.groups(at, 3, b"- ");
    let lengths: Vec<_> = groups.iter().map(Range::len).collect();
    let (end, between) = match (&*groups, &*lengths) {
        ([area, group, serial], [3, 2, 4]) if text.at(area.end) == text.at(group.end) => {
            (serial.end, text.at(area.end))
        }
        ([whole, ..], [9, ..]) => (whole.end, 0),
        _ => return None,
    };
    let known = between == b'-' || text.follows(at, &WORDS);
    (known && text.closes(end) && is_given(&digits(text.slice(at..end)))).then_some(at..end)
}

/// Whether the number can be somebody's; two were printed in so many places that they are nobody's.
fn is_given(digits: &[u32]) -> bool {
    let whole = number(digits);
    let (area, group, serial) = (whole / 1_000_000, whole / 10_000 % 100, whole % 10_000);
    let area = matches!(area, 1..=665 | 667..=899);
    area && group > 0 && serial > 0 && !matches!(whole, 78_051_120 | 219_099_999)
}

const WORDS: [&str; 8] = [
    "ssn",
    "ssns",
    "social security",
    "social-security",
    "social_security",
    // Names of members.
    "socialsecurity",
    "socialsecuritynumber",
    "ssnnumber",
];
