//! Calls of functions: conversions, sizes, times; those on texts are in [`super::text`].

use std::cmp::Ordering;

use chrono::DateTime;

use super::{
    Fault, Fuel,
    collection::{Items, List},
    eval::{Outcome, no_overload},
    function::{Function, Signature},
    text, time,
    value::Value,
};

/// Calls `function`; none of the values is unknown.
pub(super) fn call<'a>(function: Function, values: &[Value<'a>], fuel: &mut Fuel) -> Outcome<'a> {
    let bytes = values.iter().map(|value| match value {
        Value::Str(text) => text.len(),
        _ => 0,
    });
    fuel.spend_bytes(bytes.sum())?;
    let outcome = match (function, values) {
        (Function::Dyn, [value]) => Some(Ok(value.clone())),
        (Function::Type, [value]) => Some(Ok(Value::Type(type_name(value)))),
        (Function::Size, [value]) => size(value),
        (Function::Int, [value]) => to_int(value),
        (Function::Uint, [value]) => to_uint(value),
        (Function::Double, [value]) => to_double(value),
        (Function::Str, [value]) => to_text(value),
        (Function::Bool, [value]) => to_bool(value),
        (Function::Timestamp, [value]) => to_timestamp(value),
        (Function::Duration, [value]) => to_duration(value),
        (Function::Greatest, values) => extreme(values, Ordering::Greater, fuel)?,
        (Function::Least, values) => extreme(values, Ordering::Less, fuel)?,
        (_, [Value::Timestamp(moment)]) => time::part(function, *moment, None),
        (_, [Value::Timestamp(moment), Value::Str(zone)]) => {
            time::part(function, *moment, Some(zone))
        }
        (_, [Value::Duration(nanos)]) => time::part_of_duration(function, *nanos),
        _ => text::call(function, values, fuel)?,
    };
    outcome.unwrap_or_else(|| {
        let name = Signature::of(function).map_or("", |signature| signature.name);
        Err(no_overload(name, &values.iter().collect::<Vec<_>>()))
    })
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Duration(_) => "google.protobuf.Duration",
        other => other.kind().name(),
    }
}

fn size<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let size = match value {
        Value::Str(text) => text.chars().count(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return None,
    };
    Some(
        i64::try_from(size)
            .map(Value::Int)
            .map_err(|_| Fault::Overflow),
    )
}

fn to_int<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let number = match value {
        Value::Int(number) => Ok(*number),
        Value::Uint(number) => i64::try_from(*number).map_err(|_| Fault::Overflow),
        // CEL leaves both ends of the range out.
        Value::Double(number) if *number > -TWO_63 && *number < TWO_63 => Ok(*number as i64),
        Value::Double(_) => Err(Fault::Overflow),
        Value::Str(text) => text.parse().map_err(|_| Fault::Invalid("an int")),
        Value::Timestamp(moment) => Ok(moment.timestamp()),
        _ => return None,
    };
    Some(number.map(Value::Int))
}

fn to_uint<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let number = match value {
        Value::Uint(number) => Ok(*number),
        Value::Int(number) => u64::try_from(*number).map_err(|_| Fault::Overflow),
        Value::Double(number) if *number >= 0.0 && *number < TWO_63 * 2.0 => Ok(*number as u64),
        Value::Double(_) => Err(Fault::Overflow),
        Value::Str(text) => text.parse().map_err(|_| Fault::Invalid("a uint")),
        _ => return None,
    };
    Some(number.map(Value::Uint))
}

fn to_double<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let number = match value {
        Value::Double(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Uint(number) => Ok(*number as f64),
        Value::Str(text) => text.parse().map_err(|_| Fault::Invalid("a double")),
        _ => return None,
    };
    Some(number.map(Value::Double))
}

fn to_text<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let text = match value {
        Value::Str(_) => return Some(Ok(value.clone())),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Timestamp(moment) => time::write_timestamp(*moment),
        Value::Duration(nanos) => time::write_duration(*nanos),
        _ => return None,
    };
    Some(Ok(Value::text(text)))
}

fn to_bool<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let truth = match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Str(text) => match &**text {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(Fault::Invalid("a bool")),
        },
        _ => return None,
    };
    Some(truth.map(Value::Bool))
}

fn to_timestamp<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    let moment = match value {
        Value::Timestamp(moment) => Ok(*moment),
        Value::Int(seconds) => DateTime::from_timestamp(*seconds, 0)
            .filter(|moment| time::in_range(*moment))
            .ok_or(Fault::Overflow),
        Value::Str(text) => time::parse_timestamp(text),
        _ => return None,
    };
    Some(moment.map(Value::Timestamp))
}

fn to_duration<'a>(value: &Value<'a>) -> Option<Outcome<'a>> {
    match value {
        Value::Duration(nanos) => Some(Ok(Value::Duration(*nanos))),
        Value::Str(text) => Some(time::parse_duration(text).map(Value::Duration)),
        _ => None,
    }
}

/// The greatest or least of some numbers, or of one list of numbers.
fn extreme<'a>(
    values: &[Value<'a>],
    wanted: Ordering,
    fuel: &mut Fuel,
) -> Result<Option<Outcome<'a>>, Fault> {
    let mut items = match values {
        [Value::List(list)] => list.items(),
        values => List::Built(values.into()).items(),
    };
    let mut best: Option<Value<'a>> = None;
    while let Some(item) = next_number(&mut items, fuel)? {
        let Some(item) = item else { return Ok(None) };
        let better = match &best {
            Some(best) => item.number_order(best).flatten() == Some(wanted),
            None => true,
        };
        if better {
            best = Some(item);
        }
    }
    Ok(best.map(Ok))
}

/// The next item; the inner `None` is one that is no number.
fn next_number<'a>(
    items: &mut Items<'a>,
    fuel: &mut Fuel,
) -> Result<Option<Option<Value<'a>>>, Fault> {
    fuel.spend(1)?;
    let item = items.next(fuel)?;
    Ok(item.map(|item| item.number_order(&Value::Int(0)).is_some().then_some(item)))
}

/// 2 to the 63rd.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;
