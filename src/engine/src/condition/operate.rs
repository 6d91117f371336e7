//! Operators on values.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Fault, Fuel,
    ast::Operator,
    collection::List,
    eval::{Outcome, no_overload},
    time,
    value::{Text, Value},
};

pub(super) fn binary<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    fuel: &mut Fuel,
) -> Outcome<'a> {
    if matches!((&left, &right), (Value::Unknown, _) | (_, Value::Unknown)) {
        return Ok(Value::Unknown);
    }
    let truth = match operator {
        Operator::Equal => left.equals(&right, fuel)?,
        Operator::NotEqual => !left.equals(&right, fuel)?,
        Operator::Less => order(operator, &left, &right, fuel)?.is_some_and(Ordering::is_lt),
        Operator::LessEqual => order(operator, &left, &right, fuel)?.is_some_and(Ordering::is_le),
        Operator::Greater => order(operator, &left, &right, fuel)?.is_some_and(Ordering::is_gt),
        Operator::GreaterEqual => {
            order(operator, &left, &right, fuel)?.is_some_and(Ordering::is_ge)
        }
        Operator::In => match &right {
            Value::List(list) => list.contains(&left, fuel)?,
            Value::Map(map) if left.is_key() => map.has(&left, fuel)?,
            _ => return Err(no_overload("in", &[&left, &right])),
        },
        Operator::Add
        | Operator::Subtract
        | Operator::Multiply
        | Operator::Divide
        | Operator::Remainder => return arithmetic(operator, left, right, fuel),
    };
    Ok(Value::Bool(truth))
}

/// How two values compare; `None` is a comparison with NaN.
fn order(
    operator: Operator,
    left: &Value<'_>,
    right: &Value<'_>,
    fuel: &mut Fuel,
) -> Result<Option<Ordering>, Fault> {
    if let Some(order) = left.number_order(right) {
        return Ok(order);
    }
    Ok(Some(match (left, right) {
        (Value::Str(a), Value::Str(b)) => {
            fuel.spend_bytes(a.len().min(b.len()))?;
            (**a).cmp(&**b)
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        _ => return Err(no_overload(operator.sign(), &[left, right])),
    }))
}

fn arithmetic<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    fuel: &mut Fuel,
) -> Outcome<'a> {
    match (operator, &left, &right) {
        (_, Value::Int(a), Value::Int(b)) => int(operator, *a, *b).map(Value::Int),
        (_, Value::Uint(a), Value::Uint(b)) => uint(operator, *a, *b).map(Value::Uint),
        (Operator::Add, Value::Str(a), Value::Str(b)) => {
            fuel.spend_bytes(a.len() + b.len())?;
            Ok(Value::Str(Text::from([&**a, &**b].concat())))
        }
        (Operator::Add, Value::List(a), Value::List(b)) => concat(a, b, fuel),
        (Operator::Add, Value::Duration(a), Value::Duration(b)) => a
            .checked_add(*b)
            .map(Value::Duration)
            .ok_or(Fault::Overflow),
        (Operator::Subtract, Value::Duration(a), Value::Duration(b)) => a
            .checked_sub(*b)
            .map(Value::Duration)
            .ok_or(Fault::Overflow),
        (Operator::Add, Value::Timestamp(moment), Value::Duration(length))
        | (Operator::Add, Value::Duration(length), Value::Timestamp(moment)) => {
            shift(*moment, Some(*length))
        }
        (Operator::Subtract, Value::Timestamp(moment), Value::Duration(length)) => {
            shift(*moment, length.checked_neg())
        }
        (Operator::Subtract, Value::Timestamp(a), Value::Timestamp(b)) => {
            let length = (*a - *b).num_nanoseconds();
            length.map(Value::Duration).ok_or(Fault::Overflow)
        }
        _ => match (real(&left), real(&right)) {
            (Some(a), Some(b))
                if matches!(left, Value::Double(_)) || matches!(right, Value::Double(_)) =>
            {
                match operator {
                    Operator::Add => Ok(Value::Double(a + b)),
                    Operator::Subtract => Ok(Value::Double(a - b)),
                    Operator::Multiply => Ok(Value::Double(a * b)),
                    Operator::Divide => Ok(Value::Double(a / b)),
                    _ => Err(no_overload(operator.sign(), &[&left, &right])),
                }
            }
            _ => Err(no_overload(operator.sign(), &[&left, &right])),
        },
    }
}

fn int(operator: Operator, a: i64, b: i64) -> Result<i64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        _ if b == 0 => return Err(Fault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(Fault::Overflow)
}

fn uint(operator: Operator, a: u64, b: u64) -> Result<u64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        _ if b == 0 => return Err(Fault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(Fault::Overflow)
}

fn real(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        _ => None,
    }
}

fn concat<'a>(a: &List<'a>, b: &List<'a>, fuel: &mut Fuel) -> Outcome<'a> {
    let mut built = Vec::new();
    for list in [a, b] {
        let mut items = list.items();
        while let Some(item) = items.next(fuel)? {
            fuel.spend(3)?;
            built.push(item);
        }
    }
    Ok(Value::List(List::Built(built.into())))
}

fn shift<'a>(moment: DateTime<Utc>, length: Option<i64>) -> Outcome<'a> {
    let shifted = length
        .and_then(|length| moment.checked_add_signed(TimeDelta::nanoseconds(length)))
        .filter(|moment| time::in_range(*moment));
    shifted.map(Value::Timestamp).ok_or(Fault::Overflow)
}

pub(super) fn negate(value: Value<'_>) -> Outcome<'_> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(Fault::Overflow),
        Value::Double(number) => Ok(Value::Double(-number)),
        Value::Unknown => Ok(Value::Unknown),
        other => Err(no_overload("-", &[&other])),
    }
}

/// A number as a place in a list: the outer `None` is no whole number, the inner one no place.
pub(super) fn position(value: &Value<'_>) -> Option<Option<usize>> {
    match value {
        Value::Int(number) => Some(usize::try_from(*number).ok()),
        Value::Uint(number) => Some(usize::try_from(*number).ok()),
        Value::Double(number) if number.trunc() == *number => Some(
            (0.0..MAX_PLACE)
                .contains(number)
                .then_some(*number as usize),
        ),
        _ => None,
    }
}

/// More items than a list can have.
const MAX_PLACE: f64 = 4_294_967_296.0;
