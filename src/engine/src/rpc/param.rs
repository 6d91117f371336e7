//! `mcp-param-*` headers: a tool's arguments, mirrored for those who route.

use std::borrow::Cow;

use crate::{
    contract::ParamHeader,
    http::Headers,
    json::{Kind, Node},
    rpc::{
        fault::{Fault, Mismatch},
        header::{decode_header, mismatch, one},
    },
};

/// Compares each declared header with the argument that it mirrors; for the modern era. Headers
/// that are not declared are forwarded as they are.
///
/// # Errors
/// [`Fault::HeaderMismatch`] where an argument has no header, a header no argument, or the two
/// differ.
pub fn check_params(
    headers: &Headers,
    arguments: Option<Node<'_>>,
    declared: &[ParamHeader],
) -> Result<(), Fault> {
    for ParamHeader {
        header: name,
        path,
        kind: _,
    } in declared
    {
        let argument = path
            .iter()
            .try_fold(arguments, |node, key| Some(node?.get(key)))
            .flatten()
            .filter(|node| node.kind() != Kind::Null);
        let problem = match (one(headers, name)?, argument) {
            (None, None) => continue,
            (None, Some(_)) => Mismatch::Missing,
            (Some(_), None) => Mismatch::Unfounded,
            (Some(header), Some(argument)) => match decode_header(header) {
                Ok(value) if agree(&value, argument) => continue,
                Ok(_) => Mismatch::Differs,
                Err(problem) => problem,
            },
        };
        return Err(mismatch(name, problem));
    }
    Ok(())
}

fn agree(header: &str, argument: Node<'_>) -> bool {
    match argument.kind() {
        Kind::String => argument.str().as_deref() == Some(header),
        Kind::Bool => argument.raw() == header,
        Kind::Number => Decimal::parse(header)
            .is_some_and(|value| Some(value) == Decimal::parse(argument.raw())),
        Kind::Null | Kind::Array | Kind::Object => false,
    }
}

/// A JSON number without loss: `digits` without zeros at either end, times ten to the `exponent`.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` where the text is not a JSON number, or its exponent is beyond reason.
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !all_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let digits: Cow<'_, str> = if fraction.is_empty() {
            whole.into()
        } else {
            [whole, fraction].concat().into()
        };
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let shift = dropped.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        Some(Self {
            negative,
            digits: significant.to_owned(),
            exponent: exponent.checked_add(shift)?,
        })
    }
}

fn power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !all_digits(digits) {
        return None;
    }
    let power = i64::from(digits.parse::<i32>().ok()?);
    Some(if negative { -power } else { power })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
