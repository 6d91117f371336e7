//! Timestamps and durations: their texts, their parts. UTC or a fixed offset; no zone names,
//! because a filter has no zone database and an answer must not depend on its age.

use chrono::{DateTime, Datelike, FixedOffset, Offset, Timelike, Utc};

use super::{Fault, eval::Outcome, function::Function, value::Value};

/// RFC 3339, years 1 to 9999.
pub(super) fn parse_timestamp(text: &str) -> Result<DateTime<Utc>, Fault> {
    // RFC 3339 separates by `T`; chrono would take a blank too.
    let parsed = text
        .get(10..11)
        .filter(|t| matches!(*t, "T" | "t"))
        .and_then(|_| DateTime::parse_from_rfc3339(text).ok());
    let moment = parsed
        .ok_or(Fault::Invalid("a timestamp"))?
        .with_timezone(&Utc);
    if in_range(moment) {
        Ok(moment)
    } else {
        Err(Fault::Overflow)
    }
}

/// Whether CEL has this moment.
pub(super) fn in_range(moment: DateTime<Utc>) -> bool {
    (1..=9999).contains(&moment.year())
}

/// Nanoseconds of a text such as `1h30m`, `-1.5s`, `250ms`.
pub(super) fn parse_duration(text: &str) -> Result<i64, Fault> {
    let invalid = Fault::Invalid("a duration");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid);
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(number_end).unwrap_or_default();
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).unwrap_or_default();
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(invalid);
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid);
        }
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| Fault::Overflow)?
        };
        total = whole
            .checked_mul(*scale)
            .and_then(|part| total.checked_add(part))
            .ok_or(Fault::Overflow)?;
        let mut place = *scale;
        for digit in fraction.chars() {
            place /= 10;
            total += place * i128::from(digit.to_digit(10).unwrap_or_default());
        }
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| Fault::Overflow)
}

/// `UTC`, or a fixed offset `+02:00`, `-02:30`, `02:00`.
pub(super) fn parse_zone(text: &str) -> Result<FixedOffset, Fault> {
    if text.eq_ignore_ascii_case("utc") || text == "Z" {
        return Ok(Utc.fix());
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let two = |part: &str, most: i32| {
        let number: i32 = part.parse().ok()?;
        let plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        (plain && number <= most).then_some(number)
    };
    digits
        .split_once(':')
        .and_then(|(hours, minutes)| Some(two(hours, 23)? * 3600 + two(minutes, 59)? * 60))
        .and_then(|seconds| FixedOffset::east_opt(sign * seconds))
        .ok_or(Fault::Invalid("a time zone"))
}

/// A moment as CEL writes it: RFC 3339 in UTC, with as many digits as it takes.
pub(super) fn write_timestamp(moment: DateTime<Utc>) -> String {
    let seconds = moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    match moment.nanosecond() {
        0 => seconds,
        nanos => {
            let digits = format!("{nanos:09}");
            format!(
                "{}.{}Z",
                seconds.trim_end_matches('Z'),
                digits.trim_end_matches('0')
            )
        }
    }
}

/// A duration as CEL writes it: seconds, with as many digits as it takes.
pub(super) fn write_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, rest) = (
        nanos.unsigned_abs() / 1_000_000_000,
        nanos.unsigned_abs() % 1_000_000_000,
    );
    if rest == 0 {
        return format!("{sign}{seconds}s");
    }
    let digits = format!("{rest:09}");
    format!("{sign}{seconds}.{}s", digits.trim_end_matches('0'))
}

/// A part of a moment, as seen in `zone`.
pub(super) fn part<'a>(
    function: Function,
    moment: DateTime<Utc>,
    zone: Option<&str>,
) -> Option<Outcome<'a>> {
    let zone = match zone.map_or_else(|| Ok(Utc.fix()), parse_zone) {
        Ok(zone) => zone,
        Err(fault) => return Some(Err(fault)),
    };
    let there = moment.with_timezone(&zone);
    let number = match function {
        Function::Year => i64::from(there.year()),
        Function::Month => i64::from(there.month0()),
        Function::Date => i64::from(there.day()),
        Function::DayOfMonth => i64::from(there.day0()),
        Function::DayOfWeek => i64::from(there.weekday().num_days_from_sunday()),
        Function::DayOfYear => i64::from(there.ordinal0()),
        Function::Hours => i64::from(there.hour()),
        Function::Minutes => i64::from(there.minute()),
        Function::Seconds => i64::from(there.second()),
        Function::Milliseconds => i64::from(there.nanosecond() / 1_000_000),
        _ => return None,
    };
    Some(Ok(Value::Int(number)))
}

/// A duration in whole hours, minutes, seconds or milliseconds.
pub(super) fn part_of_duration<'a>(function: Function, nanos: i64) -> Option<Outcome<'a>> {
    let number = match function {
        Function::Hours => nanos / 3_600_000_000_000,
        Function::Minutes => nanos / 60_000_000_000,
        Function::Seconds => nanos / 1_000_000_000,
        Function::Milliseconds => nanos / 1_000_000,
        _ => return None,
    };
    Some(Ok(Value::Int(number)))
}

const UNITS: [(&str, i128); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("ns", 1),
];
