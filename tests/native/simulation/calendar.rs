//! The auditor's own UTC calendar, which counts days, so that it shares no error with the product's calendar.

pub const DAY: i64 = 86_400_000;
pub const HOUR: i64 = 3_600_000;
pub const MINUTE: i64 = 60_000;

/// Days since 1970-01-01 of a civil date; `month` counts from 1.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let years = (1970..year).map(|y| if is_leap(y) { 366 } else { 365 }).sum::<i64>();
    years + (1..month).map(|m| days_in(year, m)).sum::<i64>() + day - 1
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The instant of a civil date at 00:00.
pub fn instant(year: i64, month: i64, day: i64) -> i64 {
    days_of(year, month, day) * DAY
}

/// (year, month, day) of an instant.
fn civil(at: i64) -> (i64, i64, i64) {
    let mut left = at.div_euclid(DAY);
    let mut year = 1970;
    while left >= if is_leap(year) { 366 } else { 365 } {
        left -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while left >= days_in(year, month) {
        left -= days_in(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

/// The same day and time of day, `months` later. A day that the month lacks becomes its last day.
pub fn plus_months(at: i64, months: i64) -> i64 {
    let (year, month, day) = civil(at);
    let index = year * 12 + month - 1 + months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    instant(year, month, day.min(days_in(year, month))) + at.rem_euclid(DAY)
}

/// The Mondays at 09:00 in [from, to).
pub fn mondays(from: i64, to: i64) -> Vec<i64> {
    // 1970-01-05 was a Monday.
    let week = 7 * DAY;
    let first = 4 * DAY + 9 * HOUR;
    let skip = (from - first + week - 1).div_euclid(week);
    (0..).map(|i| first + (skip + i) * week).take_while(|at| *at < to).collect()
}

/// The firsts of a month at 06:00 in [from, to).
pub fn firsts(from: i64, to: i64) -> Vec<i64> {
    let (year, month, _) = civil(from);
    let start = instant(year, month, 1) + 6 * HOUR;
    (0..).map(|i| plus_months(start, i)).skip_while(|at| *at < from).take_while(|at| *at < to).collect()
}

/// A number for the calendar month of an instant.
pub fn month(at: i64) -> i64 {
    let (year, month, _) = civil(at);
    year * 12 + month - 1
}

/// A number for the calendar quarter of an instant.
pub fn quarter(at: i64) -> i64 {
    month(at).div_euclid(3)
}

/// A number for the week of an instant, from Monday 00:00.
pub fn week(at: i64) -> i64 {
    (at - 4 * DAY).div_euclid(7 * DAY)
}

/// RFC 3339 with milliseconds.
pub fn print(at: i64) -> String {
    let (year, month, day) = civil(at);
    let ms = at.rem_euclid(DAY);
    let (h, m, s) = (ms / HOUR, ms / MINUTE % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", ms % 1000)
}

#[test]
fn the_calendar_counts_leap_days_and_clamps() {
    assert_eq!(print(plus_months(instant(2024, 2, 29), 12)), "2025-02-28T00:00:00.000Z");
    assert_eq!(print(plus_months(instant(2024, 1, 31) + 5, 1)), "2024-02-29T00:00:00.005Z");
    assert_eq!(print(mondays(instant(2026, 6, 9), instant(2026, 6, 30))[0]), "2026-06-15T09:00:00.000Z");
    assert_eq!(print(firsts(instant(2026, 1, 2), instant(2026, 3, 2))[1]), "2026-03-01T06:00:00.000Z");
}
