//! Time as a value: an instant in UTC milliseconds, and the calendar periods that programs use.
//!
//! In scope: parsing and printing RFC 3339, calendar months, quarters and ISO weeks in UTC. Not in scope: reading a
//! clock. Every span is half-open, [start, end).

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, SecondsFormat, Weekday};
use serde::{Deserialize, Serialize};

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// In UTC, a day always has 24 hours.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, the first and last instants that RFC 3339 can print.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

/// Nanoseconds per second; chrono represents a leap second as more than that.
const NANOS: u32 = 1_000_000_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMillis(pub i64);

impl UtcMillis {
    /// Parses RFC 3339 with any offset. Digits below a millisecond are dropped. `None` if the text is not RFC 3339 or
    /// lies outside the years 0 to 9999.
    pub fn parse(text: &str) -> Option<UtcMillis> {
        // RFC 3339 does not allow a typographic minus.
        let at = DateTime::parse_from_rfc3339(text).ok().filter(|_| text.is_ascii())?.to_utc();
        let millis = match at.timestamp_subsec_nanos() {
            0..NANOS => at.timestamp_millis(),
            // A leap second counts as the last millisecond of its minute. It can only occur at the end of a month.
            _ if Month::of(UtcMillis(at.timestamp_millis())).start().0 / SECOND_MS == at.timestamp() + 1 => {
                at.timestamp() * SECOND_MS + (SECOND_MS - 1)
            }
            _ => return None,
        };
        (FIRST_MS..=LAST_MS).contains(&millis).then_some(UtcMillis(millis))
    }

    /// `2026-05-10T00:00:00Z`; milliseconds are printed only if they are not zero.
    pub fn to_rfc3339(self) -> String {
        let at = DateTime::from_timestamp_millis(self.0.clamp(FIRST_MS, LAST_MS)).unwrap_or_default();
        at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    pub fn plus_ms(self, millis: i64) -> UtcMillis {
        UtcMillis(self.0.saturating_add(millis))
    }

    /// `days` times 24 hours later.
    pub fn plus_days(self, days: i64) -> UtcMillis {
        self.plus_ms(days.saturating_mul(DAY_MS))
    }

    /// Rule 3: the same day of the month and time of day, `months` calendar months later in UTC. A day that the month
    /// lacks becomes its last day (31 January + 1 month = 28 or 29 February). Beyond the calendar, the result is the
    /// instant itself.
    pub fn plus_months(self, months: i64) -> UtcMillis {
        let count = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
        let at = DateTime::from_timestamp_millis(self.0);
        let moved =
            at.and_then(|at| if months < 0 { at.checked_sub_months(count) } else { at.checked_add_months(count) });
        moved.map_or(self, |at| UtcMillis(at.timestamp_millis()))
    }

    fn date(self) -> NaiveDate {
        DateTime::from_timestamp_millis(self.0).map_or(NaiveDate::MIN, |at| at.date_naive())
    }
}

/// The first instant of a day.
fn midnight(date: NaiveDate) -> UtcMillis {
    UtcMillis(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

/// A calendar month in UTC, counted in months since year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    pub fn of(at: UtcMillis) -> Month {
        let date = at.date();
        Month(date.year() * 12 + date.month0() as i32)
    }

    pub fn plus(self, months: i64) -> Month {
        Month(self.0.saturating_add(i32::try_from(months).unwrap_or(i32::MAX / 2)))
    }

    /// The month's first instant.
    pub fn start(self) -> UtcMillis {
        NaiveDate::from_ymd_opt(self.year(), self.month0() + 1, 1).map_or(UtcMillis(0), midnight)
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

    /// From 0 to 11.
    fn month0(self) -> u32 {
        self.0.rem_euclid(12).unsigned_abs()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month0() + 1)
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
        let days_since_monday = i64::from(at.date().weekday().num_days_from_monday());
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
        let monday = NaiveDate::from_isoywd_opt(year, u32::try_from(digits(week)?).ok()?, Weekday::Mon)?;
        Some(Week { monday_ms: midnight(monday).0 })
    }
}

impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let week = self.start().date().iso_week();
        write!(f, "{:04}-W{:02}", week.year(), week.week())
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
    fn a_leap_second_is_the_last_of_its_month() {
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2016-12-31T23:59:59.999Z"));
        assert_eq!(at("2016-12-31T22:59:60.5-01:00"), at("2016-12-31T23:59:59.999Z"));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "+026-01", "2026-06-01"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
        for text in ["2026-W00", "2026-W54", "2026-W1", "2026W01", "2025-W53"] {
            assert_eq!(Week::parse(text), None, "{text}");
        }
        for text in [
            "2026-02-30T00:00:00Z",
            "2026-01-01",
            "2026-01-01 00:00",
            "10000-01-01T00:00:00Z",
            "yesterday",
            "2026-01-01T00:00:60Z",
            "2026-05-10T00:00:00\u{2212}01:00",
        ] {
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
