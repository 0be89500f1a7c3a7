//! Money as integer minor units of one currency, and rates as basis points.
//!
//! In scope: checked arithmetic and the product's one rounding rule (a share is floored to the cent, once). Not in
//! scope: currencies and their conversion. An amount never changes its currency here.

use serde::{Deserialize, Serialize};

/// Largest amount that an event or a document may carry, in cents: ten billion of the major unit. It keeps every
/// product and every sum of a run far below 2^53, the largest integer that D1 stores without loss.
pub const CENTS_MAX: i64 = 1_000_000_000_000;

/// Largest integer that reaches D1 (as a JavaScript number) without loss.
pub const EXACT_MAX: i64 = (1 << 53) - 1;

/// An amount in minor units (cents). Balances and differences may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl Cents {
    pub const ZERO: Cents = Cents(0);

    /// The sum, or `None` if it would leave the range that D1 stores exactly.
    pub fn plus(self, other: Cents) -> Option<Cents> {
        let sum = self.0.checked_add(other.0)?;
        (sum.abs() <= EXACT_MAX).then_some(Cents(sum))
    }

    /// `self * part / whole`, floored. Used for a refund's share of what an invoice earned.
    /// `None` when `whole` is not positive or an operand is negative.
    pub fn share(self, part: Cents, whole: Cents) -> Option<Cents> {
        if whole.0 <= 0 || part.0 < 0 || self.0 < 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(part.0);
        i64::try_from(product / i128::from(whole.0)).ok().map(Cents)
    }
}

/// A rate in basis points: 2,000 is 20%.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bps(pub i64);

impl Bps {
    /// 100%.
    pub const ONE: Bps = Bps(10_000);

    /// Rule 1: the share of a non-negative amount, floored to the cent. Add rates before calling it: 20% and 5% are one
    /// rate of 25%, rounded once. `None` for a negative amount or rate.
    pub fn of(self, amount: Cents) -> Option<Cents> {
        amount.share(Cents(self.0), Cents(Bps::ONE.0))
    }
}

/// Splits `total` in proportion to `weights`, to the cent: it floors each share, then gives the leftover cents one by
/// one, starting with the first share. The shares always sum to `total`. `None` if nothing can be split (no positive
/// weight, or a negative number among the inputs).
pub fn split(total: Cents, weights: &[i64]) -> Option<Vec<Cents>> {
    let whole = weights.iter().try_fold(0i64, |sum, w| if *w < 0 { None } else { sum.checked_add(*w) })?;
    let mut shares = weights.iter().map(|w| total.share(Cents(*w), Cents(whole))).collect::<Option<Vec<Cents>>>()?;
    let mut left = total.0 - shares.iter().map(|s| s.0).sum::<i64>();
    for (share, weight) in shares.iter_mut().zip(weights) {
        if left == 0 {
            break;
        }
        if *weight > 0 {
            share.0 += 1;
            left -= 1;
        }
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_are_floored_once() {
        for (rate, amount, want) in [(2_000, 50_000, 10_000), (1_000, 50_000, 5_000), (2_500, 999, 249), (1, 9_999, 0)]
        {
            assert_eq!(Bps(rate).of(Cents(amount)), Some(Cents(want)), "{rate} bps of {amount}");
        }
        assert_eq!(Bps(2_000).of(Cents(-1)), None);
        assert_eq!(Cents(5).share(Cents(1), Cents(0)), None);
    }

    #[test]
    fn sums_stay_exact_for_d1() {
        assert_eq!(Cents(EXACT_MAX).plus(Cents(1)), None);
        assert_eq!(Cents(EXACT_MAX).plus(Cents(0)), Some(Cents(EXACT_MAX)));
        assert_eq!(Cents(i64::MAX).plus(Cents(1)), None);
    }

    proptest! {
        #[test]
        fn a_split_sums_exactly(total in 0i64..CENTS_MAX, weights in prop::collection::vec(0i64..100_000, 1..9)) {
            match split(Cents(total), &weights) {
                Some(shares) => {
                    prop_assert_eq!(shares.iter().map(|s| s.0).sum::<i64>(), total);
                    prop_assert!(shares.iter().zip(&weights).all(|(s, w)| *w > 0 || s.0 == 0));
                }
                None => prop_assert!(weights.iter().all(|w| *w == 0)),
            }
        }

        #[test]
        fn a_share_never_exceeds_its_whole(amount in 0i64..CENTS_MAX, part in 0i64..CENTS_MAX, whole in 1i64..CENTS_MAX) {
            let share = Cents(amount).share(Cents(part.min(whole)), Cents(whole)).unwrap();
            prop_assert!(share.0 >= 0 && share.0 <= amount);
        }
    }
}
