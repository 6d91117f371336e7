//! Numbers as the decimals that they are written as: no digit is lost, whatever their size.

use std::{cmp::Ordering, iter};

/// The value of a JSON number, over its own text.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    negative: bool,
    /// Digits before and after the point, without zeros around them; none at all for zero.
    whole: &'a [u8],
    part: &'a [u8],
    /// Power of ten of the last digit.
    scale: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a number as JSON writes them.
    #[must_use]
    pub fn new(token: &'a str) -> Self {
        let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
        let (negative, mantissa) = mantissa
            .strip_prefix('-')
            .map_or((false, mantissa), |rest| (true, rest));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let part = part.trim_end_matches('0');
        let mut whole = whole.trim_start_matches('0');
        // One that does not fit is below all others, since the number is finite; or the number is
        // zero.
        let exponent = exponent.parse().unwrap_or(i64::MIN);
        let mut scale = 0_i64.saturating_sub_unsigned(part.len() as u64);
        let mut fraction = part;
        if part.is_empty() {
            let digits = whole.trim_end_matches('0');
            scale = (whole.len() - digits.len()) as i64;
            whole = digits;
        }
        if whole.is_empty() {
            fraction = part.trim_start_matches('0');
        }
        let zero = whole.is_empty() && fraction.is_empty();
        Self {
            negative: negative && !zero,
            whole: whole.as_bytes(),
            part: fraction.as_bytes(),
            scale: if zero {
                0
            } else {
                scale.saturating_add(exponent)
            },
        }
    }

    /// Whether there is nothing behind the point.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.scale >= 0
    }

    /// All digits of an integer that has no more than `most`.
    #[must_use]
    pub fn integer(self, most: usize) -> Option<String> {
        let zeros = usize::try_from(self.scale).ok()?;
        let digits = self.whole.len() + self.part.len();
        let zeros = (zeros <= most.saturating_sub(digits)).then(|| iter::repeat_n(b'0', zeros))?;
        Some(self.digits().chain(zeros).map(char::from).collect())
    }

    /// Whether it is a whole number of times `divisor`, which is above zero and has at most 19
    /// digits; with more, it is not.
    #[must_use]
    pub fn is_multiple_of(self, divisor: Decimal<'_>) -> bool {
        let Some(modulus) = divisor.significand().filter(|modulus| *modulus > 0) else {
            return false;
        };
        if self.is_zero() {
            return true;
        }
        // The last digit of neither is a zero, so that a power of ten on the left cannot be made
        // up for.
        let zeros = self.scale.saturating_sub(divisor.scale);
        if zeros < 0 {
            return false;
        }
        let zeros = iter::repeat_n(
            0,
            usize::try_from(zeros).unwrap_or(usize::MAX).min(MAX_ZEROS),
        );
        let digits = self.digits().map(|digit| u64::from(digit - b'0'));
        let narrow = modulus < u64::MAX / 16;
        let rest = digits.chain(zeros).fold(0, |rest: u64, digit| {
            if narrow {
                (rest * 10 + digit) % modulus
            } else {
                ((u128::from(rest) * 10 + u128::from(digit)) % u128::from(modulus)) as u64
            }
        });
        rest == 0
    }

    /// Appends a text that numbers of the same value share, and no others.
    pub(super) fn write(self, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        if self.is_zero() {
            out.push('0');
        }
        out.extend(self.digits().map(char::from));
        if self.scale != 0 {
            out.push('e');
            out.push_str(&self.scale.to_string());
        }
    }

    fn is_zero(self) -> bool {
        self.whole.is_empty() && self.part.is_empty()
    }

    /// The digits as a number, where it fits.
    fn significand(self) -> Option<u64> {
        self.digits().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    }

    fn digits(self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.part).copied()
    }

    /// The power of ten above the first digit.
    fn magnitude(self) -> i64 {
        let digits = self.whole.len() + self.part.len();
        self.scale.saturating_add_unsigned(digits as u64)
    }

    /// Compares regardless of sign.
    fn compare_size(self, other: Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self
                .magnitude()
                .cmp(&other.magnitude())
                .then_with(|| self.digits().cmp(other.digits())),
        }
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_size(*other),
            (true, true) => other.compare_size(*self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

/// More zeros than any finite double has behind a digit, over a divisor that is as small.
const MAX_ZEROS: usize = 1_100;
