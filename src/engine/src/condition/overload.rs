//! Which types fit where.

use super::{ast::Operator, function::Kind, types::Type};

/// Whether a value of this type can be of this kind.
pub(super) fn can_be(of: &Type<'_>, kind: Kind) -> bool {
    let fits = |one: Kind| one == Kind::Any || one == kind || kind == Kind::Any;
    of.alternatives().iter().any(|one| fits(one.kind()))
}

pub(super) fn is_number(of: &Type<'_>) -> bool {
    [Kind::Int, Kind::Uint, Kind::Double]
        .iter()
        .any(|kind| can_be(of, *kind))
}

/// Whether values of these types can be equal.
pub(super) fn comparable(a: &Type<'_>, b: &Type<'_>) -> bool {
    (is_number(a) && is_number(b)) || a.alternatives().iter().any(|one| can_be(b, one.kind()))
}

/// What an operator makes of two kinds.
pub(super) fn result(operator: Operator, a: Kind, b: Kind) -> Option<Kind> {
    let number = |kind| matches!(kind, Kind::Int | Kind::Uint | Kind::Double);
    let ordered = |kind| {
        number(kind)
            || matches!(
                kind,
                Kind::Str | Kind::Bool | Kind::Timestamp | Kind::Duration
            )
    };
    if a == Kind::Any || b == Kind::Any {
        let known = if a == Kind::Any { b } else { a };
        return match operator {
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                (known == Kind::Any || ordered(known)).then_some(Kind::Bool)
            }
            _ => {
                let other = [Kind::Int, Kind::Uint, Kind::Double, Kind::Str, Kind::List]
                    .into_iter()
                    .chain([Kind::Timestamp, Kind::Duration])
                    .any(|other| {
                        known == Kind::Any
                            || result(operator, known, other).is_some()
                            || result(operator, other, known).is_some()
                    });
                other.then_some(Kind::Any)
            }
        };
    }
    match (operator, a, b) {
        (
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual,
            a,
            b,
        ) => ((number(a) && number(b)) || (a == b && ordered(a))).then_some(Kind::Bool),
        (Operator::Add, Kind::Str, Kind::Str) => Some(Kind::Str),
        (Operator::Add, Kind::List, Kind::List) => Some(Kind::List),
        (Operator::Add | Operator::Subtract, Kind::Duration, Kind::Duration) => {
            Some(Kind::Duration)
        }
        (Operator::Add | Operator::Subtract, Kind::Timestamp, Kind::Duration)
        | (Operator::Add, Kind::Duration, Kind::Timestamp) => Some(Kind::Timestamp),
        (Operator::Subtract, Kind::Timestamp, Kind::Timestamp) => Some(Kind::Duration),
        (Operator::Remainder, a, b) => (a == b && number(a) && a != Kind::Double).then_some(a),
        (_, Kind::Double, b) if number(b) => Some(Kind::Double),
        (_, a, Kind::Double) if number(a) => Some(Kind::Double),
        (_, a, b) => (a == b && number(a)).then_some(a),
    }
}
