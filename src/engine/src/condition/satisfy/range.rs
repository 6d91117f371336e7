//! Which numbers a value can be.

/// Numbers between two bounds, or some of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    low: Bound,
    high: Bound,
    whole: bool,
    /// The only ones.
    only: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    at: f64,
    /// Whether the bound itself is among them.
    closed: bool,
}

impl Range {
    pub(super) const ALL: Self = Self::new(f64::NEG_INFINITY, f64::INFINITY);
    /// What a length can be.
    pub(super) const COUNT: Self = Self::whole(0.0, f64::INFINITY);

    pub(super) const fn new(low: f64, high: f64) -> Self {
        Self {
            low: Bound {
                at: low,
                closed: true,
            },
            high: Bound {
                at: high,
                closed: true,
            },
            whole: false,
            only: None,
        }
    }

    pub(super) const fn whole(low: f64, high: f64) -> Self {
        let mut range = Self::new(low, high);
        range.whole = true;
        range
    }

    pub(super) fn one(number: f64) -> Self {
        Self::new(number, number).among(vec![number])
    }

    /// An integer, as exactly as bounds are kept: beyond 2^53 it is no bound at all.
    pub(super) fn integer(number: i128) -> Self {
        if number.unsigned_abs() > EXACT {
            return Self::ALL;
        }
        Self::one(number as f64)
    }

    pub(super) fn among(mut self, only: Vec<f64>) -> Self {
        self.only = Some(only);
        self
    }

    /// The numbers of both.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let mut met = Self {
            low: self.low.tighter(other.low, self.low.at > other.low.at),
            high: self.high.tighter(other.high, self.high.at < other.high.at),
            whole: self.whole || other.whole,
            only: self.only.clone().or_else(|| other.only.clone()),
        };
        if met.whole {
            met.low = met.low.round(f64::ceil, 1.0);
            met.high = met.high.round(f64::floor, -1.0);
        }
        if let Some(only) = &mut met.only {
            only.retain(|number| self.holds(*number) && other.holds(*number));
            let closed = |at| Bound { at, closed: true };
            met.low = closed(only.iter().copied().fold(f64::INFINITY, f64::min));
            met.high = closed(only.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        let closed = met.low.closed && met.high.closed;
        let some = met.low.at < met.high.at || (closed && met.low.at == met.high.at);
        some.then_some(met)
    }

    /// The least range with the numbers of both.
    pub(super) fn join(&self, other: &Self) -> Self {
        let only = match (&self.only, &other.only) {
            (Some(one), Some(two)) => {
                let mut all = one.clone();
                all.extend(two.iter().filter(|number| !one.contains(number)));
                (all.len() <= MAX_LISTED).then_some(all)
            }
            _ => None,
        };
        Self {
            low: self.low.looser(other.low, self.low.at < other.low.at),
            high: self.high.looser(other.high, self.high.at > other.high.at),
            whole: self.whole && other.whole,
            only,
        }
    }

    /// All numbers that are less than some number here.
    pub(super) fn below(&self, or_equal: bool) -> Self {
        let mut below = Self::ALL;
        below.high = self.high;
        below.high.closed &= or_equal;
        below
    }

    /// All numbers that are more than some number here.
    pub(super) fn above(&self, or_equal: bool) -> Self {
        let mut above = Self::ALL;
        above.low = self.low;
        above.low.closed &= or_equal;
        above
    }

    /// The one number that it is.
    pub(super) fn single(&self) -> Option<f64> {
        (self.low.at == self.high.at).then_some(self.low.at)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.single() == Some(0.0)
    }

    /// Without one number.
    pub(super) fn without(mut self, number: f64) -> Option<Self> {
        if let Some(only) = &mut self.only {
            only.retain(|one| *one != number);
        }
        if self.low.at == number {
            self.low.closed = false;
        }
        if self.high.at == number {
            self.high.closed = false;
        }
        self.meet(&Self::ALL)
    }

    fn holds(&self, number: f64) -> bool {
        let above = number > self.low.at || (number == self.low.at && self.low.closed);
        let below = number < self.high.at || (number == self.high.at && self.high.closed);
        let listed = self.only.as_ref().is_none_or(|only| only.contains(&number));
        listed && above && below && (!self.whole || number.fract() == 0.0)
    }
}

impl Bound {
    fn tighter(self, other: Self, mine: bool) -> Self {
        match self.at == other.at {
            true => Self {
                closed: self.closed && other.closed,
                ..self
            },
            false if mine => self,
            false => other,
        }
    }

    fn looser(self, other: Self, mine: bool) -> Self {
        match self.at == other.at {
            true => Self {
                closed: self.closed || other.closed,
                ..self
            },
            false if mine => self,
            false => other,
        }
    }

    /// The first whole number from here inwards.
    fn round(self, inwards: fn(f64) -> f64, step: f64) -> Self {
        let at = inwards(self.at);
        let at = if at == self.at && !self.closed {
            at + step
        } else {
            at
        };
        Self { at, closed: true }
    }
}

impl Default for Range {
    fn default() -> Self {
        Self::ALL
    }
}

/// Integers up to here are floats, too.
const EXACT: u128 = 1 << 53;

/// Numbers that are kept one by one, at most.
const MAX_LISTED: usize = 256;
