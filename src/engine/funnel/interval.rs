//! A share of a sample and its confidence: the Wilson score interval in integers.
//!
//! Source: E. B. Wilson (1927), as recommended for small samples and shares near 0 or 1, where the textbook interval
//! leaves [0, 1] or has no width. No floats: a rate decides what a partner is told to do, and every machine must agree
//! on it.

use serde::Serialize;

/// The two-sided 95% quantile of the normal distribution in hundredths: 1.96.
const Z_HUNDREDTHS: u128 = 196;
/// Its square in ten-thousandths: 3.8416.
const Z2: u128 = Z_HUNDREDTHS * Z_HUNDREDTHS;

/// Largest sample that is supported: far above a week's visits, and small enough to keep every product below in 128
/// bits.
const SAMPLE_MAX: i64 = 10_000_000_000;

/// `reached` of `sample`, with the 95% interval of the share, all in basis points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Rounded to the nearest basis point.
    pub rate_bps: i64,
    /// Rounded down.
    pub low_bps: i64,
    /// Rounded up.
    pub high_bps: i64,
    pub sample: i64,
}

impl Rate {
    /// `None` if it is not a share: an empty sample, more reached than sampled, or a negative number.
    pub fn of(reached: i64, sample: i64) -> Option<Rate> {
        if !(1..=SAMPLE_MAX).contains(&sample) || !(0..=sample).contains(&reached) {
            return None;
        }
        let (k, n) = (reached.unsigned_abs().into(), sample.unsigned_abs().into());
        let (low, high) = wilson(k, n);
        let rate = (k * 10_000 + n / 2) / n;
        let bps = |x: u128| i64::try_from(x).unwrap_or(i64::MAX);
        Some(Rate { rate_bps: bps(rate), low_bps: bps(low), high_bps: bps(high), sample })
    }
}

/// (2k + z² ∓ z √(z² + 4k(n-k)/n)) / 2(n + z²), with everything times 10,000 and the root times another 10,000.
fn wilson(k: u128, n: u128) -> (u128, u128) {
    const SCALE: u128 = 10_000;
    let square = Z2 * (Z2 * n + 4 * SCALE * k * (n - k)) * SCALE * SCALE;
    // Rounds the root outward on both sides, so that the interval is never too narrow.
    let root = (square / n).isqrt() + 1;
    let middle = (2 * SCALE * k + Z2) * SCALE;
    let whole = 2 * (SCALE * n + Z2) * SCALE;
    let low = if k == 0 { 0 } else { middle.saturating_sub(root) * SCALE / whole };
    let high = if k == n { SCALE } else { ((middle + root) * SCALE).div_ceil(whole).min(SCALE) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        // From Newcombe (1998), table I, and R's prop.test(correct = FALSE), which uses z = 1.959964.
        for (k, n, low, high) in [
            (81, 263, 2_553, 3_662),
            (15, 148, 624, 1_605),
            (0, 20, 0, 1_612),
            (1, 29, 61, 1_718),
            (29, 29, 8_829, 10_000),
            (2, 300, 18, 240),
            (9, 40, 1_232, 3_751),
        ] {
            let rate = Rate::of(k, n).unwrap();
            assert!((rate.low_bps - low).abs() <= 1 && (rate.high_bps - high).abs() <= 1, "{k}/{n}: {rate:?}");
        }
    }

    #[test]
    fn what_is_no_share_has_no_rate() {
        for (k, n) in [(0, 0), (1, 0), (3, 2), (-1, 2), (1, -2), (1, SAMPLE_MAX + 1)] {
            assert_eq!(Rate::of(k, n), None, "{k}/{n}");
        }
        assert_eq!(Rate::of(2, 300).unwrap().rate_bps, 67);
        assert_eq!(Rate::of(1, 8).unwrap().rate_bps, 1_250);
    }

    proptest! {
        #[test]
        fn the_rate_lies_inside_its_interval(n in 1i64..SAMPLE_MAX, part in 0i64..=10_000) {
            let k = i64::try_from(i128::from(n) * i128::from(part) / 10_000).unwrap();
            let rate = Rate::of(k, n).unwrap();
            prop_assert!(0 <= rate.low_bps && rate.low_bps <= rate.rate_bps, "{rate:?}");
            prop_assert!(rate.rate_bps <= rate.high_bps && rate.high_bps <= 10_000, "{rate:?}");
        }

        #[test]
        fn a_larger_sample_is_surer(n in 1i64..100_000, part in 0i64..=100) {
            let k = n * part / 100;
            let width = |r: Rate| r.high_bps - r.low_bps;
            let (small, large) = (Rate::of(k, n).unwrap(), Rate::of(k * 10, n * 10).unwrap());
            prop_assert!(width(large) <= width(small) + 1, "{small:?} {large:?}");
        }
    }
}
