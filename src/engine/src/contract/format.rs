//! The formats that `format` asserts. Others are annotations, as the specification has it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{pattern, uri};

/// A test of a text.
pub(super) type Format = fn(&str) -> bool;

/// The test behind a name; `None` for a format that is not asserted.
pub(super) fn named(name: &str) -> Option<Format> {
    Some(match name {
        "date" => is_date,
        "date-time" => is_date_time,
        "duration" => is_duration,
        "email" => is_email,
        "hostname" => is_hostname,
        "ipv4" => |text| text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => |text| text.parse::<Ipv6Addr>().is_ok(),
        "iri" => |text| uri::is_valid(text, true, true),
        "iri-reference" => |text| uri::is_valid(text, false, true),
        "json-pointer" => is_pointer,
        "regex" => pattern::is_regex,
        "relative-json-pointer" => is_relative_pointer,
        "time" => is_time,
        "uri" => |text| uri::is_valid(text, true, false),
        "uri-reference" => |text| uri::is_valid(text, false, false),
        "uri-template" => is_template,
        "uuid" => is_uuid,
        _ => return None,
    })
}

/// RFC 3339: `2026-02-28`.
fn is_date(text: &str) -> bool {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (
        number(&[y1, y2, y3, y4]),
        number(&[m1, m2]),
        number(&[d1, d2]),
    ) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// RFC 3339: `10:00:00.5+02:00`.
fn is_time(text: &str) -> bool {
    let Some((&[h1, h2, b':', m1, m2, b':', s1, s2], rest)) = text.as_bytes().split_first_chunk()
    else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) =
        (number(&[h1, h2]), number(&[m1, m2]), number(&[s1, s2]))
    else {
        return false;
    };
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            match fraction.split_at_checked(digits) {
                Some((_, zone)) if digits > 0 => zone,
                _ => return false,
            }
        }
        _ => rest,
    };
    // Minutes that local time is ahead.
    let ahead = match *zone {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            match (number(&[h1, h2]), number(&[m1, m2])) {
                (Some(hours @ ..24), Some(minutes @ ..60)) if sign == b'+' => hours * 60 + minutes,
                (Some(hours @ ..24), Some(minutes @ ..60)) => DAY - (hours * 60 + minutes),
                _ => return false,
            }
        }
        _ => return false,
    };
    // A leap second is the last one of a day in UTC.
    let last = || (hour * 60 + minute + DAY - ahead) % DAY == DAY - 1;
    hour < 24 && minute < 60 && (second < 60 || (second == 60 && last()))
}

fn is_date_time(text: &str) -> bool {
    text.split_once(['T', 't'])
        .is_some_and(|(date, time)| is_date(date) && is_time(time))
}

/// RFC 3339, appendix A: `P1Y2M3DT4H5M6S` or `P1W`; no unit is left out between two.
fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let row = |text: &str, units: &str| {
        let mut found = String::new();
        let mut digits = false;
        for c in text.chars() {
            if c.is_ascii_digit() {
                digits = true;
            } else if std::mem::take(&mut digits) {
                found.push(c);
            } else {
                return false;
            }
        }
        !digits && !found.is_empty() && units.contains(&found)
    };
    match time {
        Some(time) => (date.is_empty() || row(date, "YMD")) && row(time, "HMS"),
        None => row(date, "YMD") || row(date, "W"),
    }
}

/// RFC 5321, section 4.1.2.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let quoted = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let local_holds = match quoted {
        Some(text) => is_quoted(text),
        None => local.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        }),
    };
    let literal = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let domain_holds = match literal {
        Some(ip) => match ip.split_at_checked(5) {
            Some((tag, ip)) if tag.eq_ignore_ascii_case("IPv6:") => ip.parse::<Ipv6Addr>().is_ok(),
            _ => ip.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_hostname(domain),
    };
    local.len() <= 64 && local_holds && domain_holds
}

/// What may stand between the quotes of a local part.
fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let printable = match byte {
            b'\\' => bytes.next().is_some_and(|b| (b' '..=b'~').contains(&b)),
            b'"' => false,
            byte => (b' '..=b'~').contains(&byte),
        };
        if !printable {
            return false;
        }
    }
    true
}

/// RFC 1123, section 2.1: labels of letters, digits and hyphens. Hyphens in third and fourth place
/// are for names in Punycode alone (RFC 5891, section 4.2.3.1).
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let reserved = bytes.get(2..4) == Some(b"--");
        (1..=63).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
            && (!reserved || (bytes.len() > 4 && label.to_ascii_lowercase().starts_with("xn")))
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// RFC 6901.
fn is_pointer(text: &str) -> bool {
    let escapes = || {
        text.split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
    };
    (text.is_empty() || text.starts_with('/')) && escapes()
}

fn is_relative_pointer(text: &str) -> bool {
    let at = text.bytes().take_while(u8::is_ascii_digit).count();
    let Some((up, rest)) = text.split_at_checked(at) else {
        return false;
    };
    let number = up == "0" || (!up.is_empty() && !up.starts_with('0'));
    number && (rest == "#" || is_pointer(rest))
}

/// RFC 6570.
fn is_template(text: &str) -> bool {
    let mut rest = text;
    loop {
        let (literal, tail) = match rest.split_once('{') {
            Some((literal, tail)) => (literal, Some(tail)),
            None => (rest, None),
        };
        let illegal = |c: char| c.is_ascii_control() || " \"'<>\\^`|}".contains(c);
        if literal.contains(illegal) || !uri::is_encoded(literal) {
            return false;
        }
        let Some(tail) = tail else { return true };
        let Some((expression, tail)) = tail.split_once('}') else {
            return false;
        };
        let names =
            expression.strip_prefix(['+', '#', '.', '/', ';', '?', '&', '=', ',', '!', '@', '|']);
        if !names.unwrap_or(expression).split(',').all(is_variable) {
            return false;
        }
        rest = tail;
    }
}

/// `name`, `name*` or `name:3`.
fn is_variable(text: &str) -> bool {
    let name = match text.split_once(':') {
        Some((name, length)) => {
            let digits = length.bytes().all(|b| b.is_ascii_digit());
            if !digits || length.starts_with('0') || !(1..=4).contains(&length.len()) {
                return false;
            }
            name
        }
        None => text.strip_suffix('*').unwrap_or(text),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '%';
    name.split('.')
        .all(|part| !part.is_empty() && part.chars().all(legal))
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.bytes().enumerate();
    text.len() == 36
        && bytes.into_iter().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(number * 10 + char::from(*digit).to_digit(10)?)
    })
}

/// Minutes.
const DAY: u32 = 24 * 60;
