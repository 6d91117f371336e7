//! Functions on texts. Places and lengths count code points, as everywhere in CEL.

use super::{
    Fault, Fuel,
    collection::List,
    eval::Outcome,
    function::Function,
    value::{Text, Value},
};

/// Calls a function on a text; none if it does not take these values. The bytes of the arguments
/// are paid for.
pub(super) fn call<'a>(
    function: Function,
    values: &[Value<'a>],
    fuel: &mut Fuel,
) -> Result<Option<Outcome<'a>>, Fault> {
    Ok(Some(match (function, values) {
        (Function::Contains, [Value::Str(text), Value::Str(part)]) => {
            Ok(Value::Bool(text.contains(&**part)))
        }
        (Function::StartsWith, [Value::Str(text), Value::Str(part)]) => {
            Ok(Value::Bool(text.starts_with(&**part)))
        }
        (Function::EndsWith, [Value::Str(text), Value::Str(part)]) => {
            Ok(Value::Bool(text.ends_with(&**part)))
        }
        (Function::LowerAscii, [Value::Str(text)]) => Ok(Value::text(text.to_ascii_lowercase())),
        (Function::UpperAscii, [Value::Str(text)]) => Ok(Value::text(text.to_ascii_uppercase())),
        (Function::Trim, [Value::Str(text)]) => Ok(Value::text(text.trim())),
        (Function::Split, [Value::Str(text), Value::Str(by)]) => split(text, by, -1, fuel),
        (Function::Split, [Value::Str(text), Value::Str(by), Value::Int(most)]) => {
            split(text, by, *most, fuel)
        }
        (Function::Join, [Value::List(list)]) => return join(list, "", fuel),
        (Function::Join, [Value::List(list), Value::Str(by)]) => return join(list, by, fuel),
        (Function::Replace, [Value::Str(text), Value::Str(from), Value::Str(to)]) => {
            replace(text, from, to, -1, fuel)
        }
        (
            Function::Replace,
            [
                Value::Str(text),
                Value::Str(from),
                Value::Str(to),
                Value::Int(most),
            ],
        ) => replace(text, from, to, *most, fuel),
        (Function::Substring, [Value::Str(text), Value::Int(from)]) => substring(text, *from, None),
        (Function::Substring, [Value::Str(text), Value::Int(from), Value::Int(to)]) => {
            substring(text, *from, Some(*to))
        }
        (Function::CharAt, [Value::Str(text), Value::Int(at)]) => char_at(text, *at),
        (Function::IndexOf, [Value::Str(text), Value::Str(part)]) => {
            Ok(index(text, text.find(&**part)))
        }
        (Function::IndexOf, [Value::Str(text), Value::Str(part), Value::Int(from)]) => {
            index_of(text, part, *from)
        }
        (Function::LastIndexOf, [Value::Str(text), Value::Str(part)]) => {
            Ok(index(text, text.rfind(&**part)))
        }
        (Function::LastIndexOf, [Value::Str(text), Value::Str(part), Value::Int(from)]) => {
            last_index_of(text, part, *from)
        }
        _ => return Ok(None),
    }))
}

fn split<'a>(text: &str, by: &str, most: i64, fuel: &mut Fuel) -> Outcome<'a> {
    let mut pieces = Vec::new();
    let mut rest = (most != 0).then_some(text);
    while let Some(text) = rest {
        fuel.spend(4)?;
        let last = usize::try_from(most).is_ok_and(|most| pieces.len() + 1 == most);
        let cut = if last {
            None
        } else if by.is_empty() {
            // Between any two characters, but not before the first or after the last.
            let first = text.chars().next().map_or(0, char::len_utf8);
            text.split_at_checked(first)
                .filter(|(_, rest)| !rest.is_empty())
        } else {
            text.split_once(by)
        };
        rest = cut.map(|(_, rest)| rest);
        pieces.push(Value::text(cut.map_or(text, |(piece, _)| piece)));
    }
    if text.is_empty() && by.is_empty() {
        pieces.clear();
    }
    Ok(Value::List(List::Built(pieces.into())))
}

fn join<'a>(list: &List<'a>, by: &str, fuel: &mut Fuel) -> Result<Option<Outcome<'a>>, Fault> {
    let mut joined = String::new();
    let mut items = list.items();
    let mut first = true;
    while let Some(item) = items.next(fuel)? {
        let Value::Str(text) = item else {
            return Ok(None);
        };
        fuel.spend_bytes(text.len() + by.len())?;
        if !first {
            joined.push_str(by);
        }
        joined.push_str(&text);
        first = false;
    }
    Ok(Some(Ok(Value::text(joined))))
}

fn replace<'a>(text: &str, from: &str, to: &str, most: i64, fuel: &mut Fuel) -> Outcome<'a> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let times = text.matches(from).take(most).count();
    fuel.spend(times)?;
    fuel.spend_bytes(times.saturating_mul(to.len()))?;
    Ok(Value::text(text.replacen(from, to, most)))
}

/// The byte at which the character at `place` starts; the text's length is a place.
fn offset(text: &str, place: i64) -> Option<usize> {
    let place = usize::try_from(place).ok()?;
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .nth(place)
}

fn out_of_range(what: &str) -> Fault {
    Fault::OutOfRange(what.to_owned())
}

fn substring<'a>(text: &str, from: i64, to: Option<i64>) -> Outcome<'a> {
    let from = offset(text, from);
    let to = to.map_or(Some(text.len()), |to| offset(text, to));
    let part = from.zip(to).and_then(|(from, to)| text.get(from..to));
    part.map(Value::text)
        .ok_or_else(|| out_of_range("substring"))
}

fn char_at<'a>(text: &str, at: i64) -> Outcome<'a> {
    let at = offset(text, at).ok_or_else(|| out_of_range("charAt"))?;
    let c = text.get(at..).and_then(|rest| rest.chars().next());
    Ok(Value::text(c.map(String::from).unwrap_or_default()))
}

/// The place of a byte, or -1.
fn index<'a>(text: &str, byte: Option<usize>) -> Value<'a> {
    let place = byte
        .and_then(|byte| text.get(..byte))
        .map(|before| before.chars().count());
    Value::Int(
        place
            .and_then(|place| i64::try_from(place).ok())
            .unwrap_or(-1),
    )
}

fn index_of<'a>(text: &Text<'a>, part: &str, from: i64) -> Outcome<'a> {
    match offset(text, from) {
        Some(start) if start < text.len() || part.is_empty() => {
            let found = text.get(start..).and_then(|rest| rest.find(part));
            Ok(index(text, found.map(|at| start + at)))
        }
        _ if part.is_empty() && from >= 0 => Ok(index(text, Some(text.len()))),
        _ => Err(out_of_range("indexOf")),
    }
}

fn last_index_of<'a>(text: &Text<'a>, part: &str, from: i64) -> Outcome<'a> {
    match offset(text, from) {
        Some(start) if start < text.len() || part.is_empty() => {
            // An occurrence may start at `start` and reach beyond it.
            let end = text.floor_char_boundary(start.saturating_add(part.len()));
            Ok(index(
                text,
                text.get(..end).and_then(|head| head.rfind(part)),
            ))
        }
        _ if part.is_empty() && from >= 0 => Ok(index(text, Some(text.len()))),
        _ => Err(out_of_range("lastIndexOf")),
    }
}
