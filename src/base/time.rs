//! Time as a value: an instant in UTC milliseconds, and the calendar periods that programs reckon in.
//!
//! In scope: parsing and printing RFC 3339, calendar months, quarters and ISO weeks in UTC. Not in scope: reading a
//! clock. Every span is half-open, [start, end).

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month as CalendarMonth, OffsetDateTime, Weekday};

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A day is 24 hours; UTC knows no other.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can print.
const LAST_MS: i64 = 253_402_300_799_999;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMillis(pub i64);

impl UtcMillis {
    /// Parses RFC 3339 with any offset. Digits below a millisecond are dropped. `None` if it is not one, or if it lies
    /// outside the years 0 to 9999.
    pub fn parse(text: &str) -> Option<UtcMillis> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        (millis <= LAST_MS).then_some(UtcMillis(millis))
    }

    /// `2026-05-10T00:00:00Z`, with milliseconds only where there are any.
    pub fn to_rfc3339(self) -> String {
        let clamped = self.0.clamp(-62_167_219_200_000, LAST_MS);
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(clamped) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_default()
    }

    pub fn plus_ms(self, millis: i64) -> UtcMillis {
        UtcMillis(self.0.saturating_add(millis))
    }

    /// `days` times 24 hours later.
    pub fn plus_days(self, days: i64) -> UtcMillis {
        self.plus_ms(days.saturating_mul(DAY_MS))
    }

    /// The same day of the month and time of day, `months` calendar months later in UTC; a day the month lacks
    /// becomes its last (31 January + 1 month = 28 or 29 February).
    pub fn plus_months(self, months: i64) -> UtcMillis {
        let day_start = self.0.div_euclid(DAY_MS) * DAY_MS;
        let date = self.date();
        let month = Month::of(self).plus(months);
        let day = date.day().min(month.calendar().length(month.year()));
        match Date::from_calendar_date(month.year(), month.calendar(), day) {
            Ok(moved) => UtcMillis(moved.midnight().assume_utc().unix_timestamp() * SECOND_MS + (self.0 - day_start)),
            Err(_) => self,
        }
    }

    fn date(self) -> Date {
        OffsetDateTime::from_unix_timestamp(self.0.div_euclid(SECOND_MS)).map_or(Date::MIN, |at| at.date())
    }
}

/// A calendar month in UTC, counted in months since year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    pub fn of(at: UtcMillis) -> Month {
        let date = at.date();
        Month(date.year() * 12 + i32::from(u8::from(date.month())) - 1)
    }

    pub fn plus(self, months: i64) -> Month {
        Month(self.0.saturating_add(i32::try_from(months).unwrap_or(i32::MAX / 2)))
    }

    /// The month's first instant.
    pub fn start(self) -> UtcMillis {
        Date::from_calendar_date(self.year(), self.calendar(), 1)
            .map_or(UtcMillis(0), |d| UtcMillis(d.midnight().assume_utc().unix_timestamp() * SECOND_MS))
    }

    /// The first instant after the month.
    pub fn end(self) -> UtcMillis {
        self.plus(1).start()
    }

    /// `2026-06`.
    pub fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        let (year, month): (i32, i32) = (digits(year)?, digits(month)?);
        (1970..=9998).contains(&year).then_some(())?;
        (1..=12).contains(&month).then_some(Month(year * 12 + month - 1))
    }

    fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    fn calendar(self) -> CalendarMonth {
        CalendarMonth::January.nth_next(u8::try_from(self.0.rem_euclid(12)).unwrap_or(0))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.0.rem_euclid(12) + 1)
    }
}

/// A calendar quarter in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(Month);

impl Quarter {
    pub fn of(at: UtcMillis) -> Quarter {
        let month = Month::of(at);
        Quarter(Month(month.0 - month.0.rem_euclid(3)))
    }

    pub fn start(self) -> UtcMillis {
        self.0.start()
    }

    pub fn end(self) -> UtcMillis {
        self.0.plus(3).start()
    }
}

impl std::fmt::Display for Quarter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-Q{}", self.0.year(), self.0.0.rem_euclid(12) / 3 + 1)
    }
}

/// An ISO week: Monday 00:00 UTC to the next Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    monday_ms: i64,
}

impl Week {
    pub fn of(at: UtcMillis) -> Week {
        let days_since_monday = i64::from(at.date().weekday().number_days_from_monday());
        Week { monday_ms: (at.0.div_euclid(DAY_MS) - days_since_monday) * DAY_MS }
    }

    pub fn plus(self, weeks: i64) -> Week {
        Week { monday_ms: self.monday_ms + weeks * 7 * DAY_MS }
    }

    pub fn start(self) -> UtcMillis {
        UtcMillis(self.monday_ms)
    }

    pub fn end(self) -> UtcMillis {
        self.plus(1).start()
    }

    /// `2026-W24`.
    pub fn parse(text: &str) -> Option<Week> {
        let (year, week) = text.split_once("-W")?;
        if year.len() != 4 || week.len() != 2 {
            return None;
        }
        let year: i32 = digits(year)?;
        (1970..=9998).contains(&year).then_some(())?;
        let monday = Date::from_iso_week_date(year, u8::try_from(digits(week)?).ok()?, Weekday::Monday).ok()?;
        Some(Week { monday_ms: monday.midnight().assume_utc().unix_timestamp() * SECOND_MS })
    }
}

impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, week, _) = self.start().date().to_iso_week_date();
        write!(f, "{year:04}-W{week:02}")
    }
}

fn digits(text: &str) -> Option<i32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> UtcMillis {
        UtcMillis::parse(text).unwrap()
    }

    #[test]
    fn months_are_calendar_months() {
        for (from, months, to) in [
            ("2026-01-31T10:00:00.5Z", 1, "2026-02-28T10:00:00.5Z"),
            ("2024-02-29T00:00:00Z", 12, "2025-02-28T00:00:00Z"),
            ("2023-02-28T00:00:00Z", 12, "2024-02-28T00:00:00Z"),
            ("2026-12-15T23:59:59.999Z", 1, "2027-01-15T23:59:59.999Z"),
            ("2026-03-31T00:00:00Z", 6, "2026-09-30T00:00:00Z"),
        ] {
            assert_eq!(at(from).plus_months(months), at(to), "{from} + {months}");
        }
    }

    #[test]
    fn periods_print_and_bound() {
        let june = Month::of(at("2026-06-30T23:59:59.999Z"));
        assert_eq!(june.to_string(), "2026-06");
        assert_eq!(june.end(), at("2026-07-01T00:00:00Z"));
        assert_eq!(Quarter::of(june.start()).to_string(), "2026-Q2");
        assert_eq!(Quarter::of(june.start()).end(), at("2026-07-01T00:00:00Z"));
        let week = Week::of(at("2026-11-22T23:59:59.999Z"));
        assert_eq!(week.start(), at("2026-11-16T00:00:00Z"));
        assert_eq!(week.to_string(), "2026-W47");
        assert_eq!(Week::parse("2026-W47"), Some(week));
        assert_eq!(Week::of(at("2027-01-01T00:00:00Z")).to_string(), "2026-W53");
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "+026-01", "2026-06-01"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
        for text in ["2026-W00", "2026-W54", "2026-W1", "2026W01", "2025-W53"] {
            assert_eq!(Week::parse(text), None, "{text}");
        }
        for text in ["2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01 00:00", "10000-01-01T00:00:00Z", "yesterday"] {
            assert_eq!(UtcMillis::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn instants_round_trip(ms in 0i64..LAST_MS) {
            prop_assert_eq!(UtcMillis::parse(&UtcMillis(ms).to_rfc3339()), Some(UtcMillis(ms)));
        }

        #[test]
        fn every_instant_lies_in_its_periods(ms in 0i64..4_102_444_800_000) {
            let t = UtcMillis(ms);
            let (m, q, w) = (Month::of(t), Quarter::of(t), Week::of(t));
            prop_assert!(m.start() <= t && t < m.end());
            prop_assert!(q.start() <= t && t < q.end());
            prop_assert!(w.start() <= t && t < w.end());
            prop_assert_eq!(Month::parse(&m.to_string()), Some(m));
            prop_assert_eq!(Week::parse(&w.to_string()), Some(w));
        }
    }
}
