//! Which period a run settles, and when it is due.
//!
//! Weekly runs are scheduled for Monday 09:00 UTC and settle the ISO week before; monthly runs for the 1st, 06:00
//! UTC, and settle the calendar month before. A run's period names what it settles.

use crate::base::time::{HOUR_MS, Month, UtcMillis, Week};
use crate::program::document::Cadence;

const WEEKLY_HOUR: i64 = 9;
const MONTHLY_HOUR: i64 = 6;

/// The period that contains an instant, `2026-W24` or `2026-06`.
pub fn period_at(cadence: Cadence, at: UtcMillis) -> String {
    match cadence {
        Cadence::Weekly => Week::of(at).to_string(),
        Cadence::Monthly | Cadence::Instant | Cadence::None => Month::of(at).to_string(),
    }
}

/// The first scheduled run at or after an instant; the instant itself for cadences without runs.
pub fn next_run_at(cadence: Cadence, at: UtcMillis) -> UtcMillis {
    let (this, next) = match cadence {
        Cadence::Weekly => {
            let week = Week::of(at);
            (week.start().plus_ms(WEEKLY_HOUR * HOUR_MS), week.end().plus_ms(WEEKLY_HOUR * HOUR_MS))
        }
        Cadence::Monthly => {
            let month = Month::of(at);
            (month.start().plus_ms(MONTHLY_HOUR * HOUR_MS), month.end().plus_ms(MONTHLY_HOUR * HOUR_MS))
        }
        Cadence::Instant | Cadence::None => (at, at),
    };
    if this >= at { this } else { next }
}

/// The last scheduled run at or before an instant.
pub fn last_run_at(cadence: Cadence, at: UtcMillis) -> UtcMillis {
    let (this, before) = match cadence {
        Cadence::Weekly => (Week::of(at).start(), Week::of(at).plus(-1).start()),
        Cadence::Monthly => (Month::of(at).start(), Month::of(at).plus(-1).start()),
        Cadence::Instant | Cadence::None => return at,
    };
    let hour = if cadence == Cadence::Weekly { WEEKLY_HOUR } else { MONTHLY_HOUR };
    let (this, before) = (this.plus_ms(hour * HOUR_MS), before.plus_ms(hour * HOUR_MS));
    if this <= at { this } else { before }
}

/// The period that a run at `at` settles: the last completed one.
pub fn period_before(cadence: Cadence, at: UtcMillis) -> String {
    match cadence {
        Cadence::Weekly => Week::of(at).plus(-1).to_string(),
        Cadence::Monthly | Cadence::Instant | Cadence::None => Month::of(at).plus(-1).to_string(),
    }
}

/// The first instant of the period that a run at `at` settles.
pub fn settled_from(cadence: Cadence, at: UtcMillis) -> UtcMillis {
    match cadence {
        Cadence::Weekly => Week::of(at).plus(-1).start(),
        Cadence::Monthly | Cadence::Instant | Cadence::None => Month::of(at).plus(-1).start(),
    }
}

/// When the run of a period is scheduled. `None` if the text is not a period of that cadence.
pub fn scheduled_at(cadence: Cadence, period: &str) -> Option<UtcMillis> {
    match cadence {
        Cadence::Weekly => Week::parse(period).map(|w| w.end().plus_ms(WEEKLY_HOUR * HOUR_MS)),
        Cadence::Monthly => Month::parse(period).map(|m| m.end().plus_ms(MONTHLY_HOUR * HOUR_MS)),
        Cadence::Instant | Cadence::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_is_the_one_before_the_next() {
        let at = |text: &str| UtcMillis::parse(text).unwrap();
        for (cadence, when, last) in [
            (Cadence::Weekly, "2026-06-15T08:59:59.999Z", "2026-06-08T09:00:00Z"),
            (Cadence::Weekly, "2026-06-15T09:00:00Z", "2026-06-15T09:00:00Z"),
            (Cadence::Weekly, "2026-06-21T23:00:00Z", "2026-06-15T09:00:00Z"),
            (Cadence::Monthly, "2026-01-01T05:00:00Z", "2025-12-01T06:00:00Z"),
            (Cadence::Monthly, "2026-01-31T05:00:00Z", "2026-01-01T06:00:00Z"),
        ] {
            assert_eq!(last_run_at(cadence, at(when)), at(last), "{when}");
            assert!(next_run_at(cadence, at(last).plus_ms(1)) > at(when), "{when}");
        }
    }

    #[test]
    fn a_run_settles_the_period_before_it() {
        let at = |text: &str| UtcMillis::parse(text).unwrap();
        for (cadence, when, period) in [
            (Cadence::Weekly, "2026-06-15T09:00:00Z", "2026-W24"),
            (Cadence::Weekly, "2026-01-05T09:00:00Z", "2026-W01"),
            (Cadence::Monthly, "2026-07-01T06:00:00Z", "2026-06"),
            (Cadence::Monthly, "2026-01-01T06:00:00Z", "2025-12"),
        ] {
            assert_eq!(period_before(cadence, at(when)), period);
            assert_eq!(scheduled_at(cadence, period), Some(at(when)));
        }
        assert_eq!(scheduled_at(Cadence::Weekly, "2026-06"), None);
        assert_eq!(scheduled_at(Cadence::Monthly, "2026-W24"), None);
    }
}
